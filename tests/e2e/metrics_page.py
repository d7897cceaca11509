# SPDX-License-Identifier: MIT
"""A strict reader of the Prometheus text format: what promtool's check refuses, and more. As a
program it prints the table of docs/admin.md for a page on standard input."""
import re
import sys

NAME = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9]+(?:\.[0-9]+)?)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
BAD_UNITS = re.compile(r"_(ms|millis|milliseconds|minutes|percent|kb|kilobytes|megabytes)(_|$)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}

# What an operator was promised, after the prefix, with the labels that it must have at least. All have kept their names.
PROMISED = {
    "jobs_claimed_total": "", "jobs_succeeded_total": "", "jobs_retried_total": "reason", "jobs_dead_total": "reason",
    "jobs_expired_total": "", "jobs_recovered_total": "how", "jobs_duplicate_suppressed_total": "", "leases_lost_total": "",
    "batches_bisected_total": "", "provider_requests_total": "api code_class", "provider_throttled_total": "",
    "push_targets_total": "type", "redis_errors_total": "kind", "redis_reconnects_total": "", "config_reloads_total": "result",
    "log_messages_total": "level",
    "job_queue_wait_seconds": "", "job_end_to_end_seconds": "", "provider_request_duration_seconds": "",
    "redis_command_duration_seconds": "", "limiter_wait_seconds": "", "template_render_seconds": "", "batch_jobs": "",
    "queue_ready_jobs": "", "queue_delayed_jobs": "", "queue_inflight_jobs": "", "queue_dead_jobs": "",
    "queue_oldest_job_age_seconds": "", "limiter_tokens": "", "circuit_state": "app", "workers_alive": "", "draining": "",
    "last_claim_timestamp_seconds": "", "redis_rtt_seconds": "", "redis_memory_used_ratio": "", "build_info": "version commit",
    "config_hash_info": "",
}
PROMISED_VALUES = [("jobs_recovered_total", "how", ("lease", "inbox", "orphan"))]
PROMISED_PROCESS = ("resident_memory_bytes", "virtual_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds", "start_time_seconds")


class Bad(AssertionError):
    pass


def need(condition, *what):
    if not condition:
        raise Bad(" ".join(str(w) for w in what))


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = []  # (suffix, {label: value}, number)

    def labels(self):
        seen = []
        for _, labels, _ in self.samples:
            seen += [k for k in labels if k not in seen and k != "le"]
        return seen

    def value(self, suffix="", **labels):
        """Sum over the samples that carry these labels."""
        found = [n for s, have, n in self.samples
                 if s == suffix and all(have.get(k) == v for k, v in labels.items())]
        return sum(found) if found else None


def read_labels(text):
    labels, at = {}, 0
    while text and at < len(text):
        m = LABEL.match(text, at)
        need(m, "label syntax:", text)
        need(m.group(1) not in labels, "label twice:", text)
        labels[m.group(1)] = m.group(2)
        at = m.end()
        need((m.group(3) == ",") == (at < len(text)), "comma:", text)
    return labels


def parse(text):
    need(text.endswith("\n"), "the page ends in a line end")
    families, now = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            need(NAME.match(name) and name not in families, "HELP once per family:", name)
            need(help_text.strip() and help_text.endswith("."), "help is a sentence:", name)
            now = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            need(now and now.name == name and now.type is None and not now.samples, "TYPE after HELP:", name)
            need(kind in ("counter", "gauge", "histogram"), "type:", line)
            now.type = kind
        else:
            m = SAMPLE.match(line)
            need(m and now and now.type, "sample:", line)
            suffix = m.group(1)[len(now.name):]
            need(m.group(1).startswith(now.name) and suffix in SUFFIXES.get(now.type, ("",)), "sample of another family:", line)
            now.samples.append((suffix, read_labels(m.group(2)), float(m.group(3))))
    for family in families.values():
        check(family)
    return families


def check(f):
    need(f.samples, "a family without samples:", f.name)
    need((f.type == "counter") == f.name.endswith("_total"), "_total is for counters:", f.name)
    need(not re.search(r"_(sum|count|bucket)$", f.name), "reserved suffix:", f.name)
    need(not BAD_UNITS.search(f.name), "base units:", f.name)
    keys = [(s, tuple(sorted(labels.items()))) for s, labels, _ in f.samples]
    need(len(keys) == len(set(keys)), "a series twice:", f.name)
    shapes = {tuple(sorted(k for k in labels if k != "le")) for _, labels, _ in f.samples}
    need(len(shapes) == 1, "the same labels in all series:", f.name, shapes)
    if f.type == "counter":
        need(all(n >= 0 for _, _, n in f.samples), "negative counter:", f.name)
    if f.type == "histogram":
        check_histogram(f)


def check_histogram(f):
    groups = {}
    for suffix, labels, n in f.samples:
        le = labels.pop("le", None)
        need((le is not None) == (suffix == "_bucket"), "le is for buckets:", f.name)
        group = groups.setdefault(tuple(sorted(labels.items())), {"": []})
        if le is None:
            group[suffix] = n
        else:
            group[""].append((float(le.replace("+Inf", "inf")), n))
    for group in groups.values():
        buckets = group[""]
        need(buckets == sorted(buckets) and len({b for b, _ in buckets}) == len(buckets), "buckets ascend:", f.name)
        need([n for _, n in buckets] == sorted(n for _, n in buckets), "buckets are cumulative:", f.name)
        need(buckets and buckets[-1] == (float("inf"), group.get("_count")), "+Inf is the count:", f.name)
        need("_sum" in group, "sum:", f.name)


def lacking(families):
    """What of the promised the page does not have."""
    have = lambda name: families.get("pushbridge_" + name) or Family(name, "")  # noqa: E731
    out = ["%s{%s}" % (name, labels) for name, labels in PROMISED.items()
           if not have(name).samples or not set(labels.split()) <= set(have(name).labels())]
    out += ["%s{%s=%s}" % (name, label, value) for name, label, values in PROMISED_VALUES for value in values
            if have(name).value(**{label: value}) is None]
    return out + ["process_" + name for name in PROMISED_PROCESS if "process_" + name not in families]


def table(families):
    """The lines of the table in docs/admin.md."""
    return ["| `%s` | %s | %s | %s |" % (f.name, f.type, " ".join("`%s`" % k for k in f.labels()) or "–", f.help)
            for f in families.values()]


if __name__ == "__main__":
    print("\n".join(table(parse(sys.stdin.read()))))
