# SPDX-License-Identifier: MIT
"""Scenarios of notices and of jobs for a group of apps."""
import json
import os
import subprocess

import wire
from harness import BIN, PATIENCE_S, Stage, wait_until
from scene import PATIENT, expect, scenario

FAST = {"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "400", "PUSHBRIDGE_CIRCUIT_PROBE_MS": "200",
        "PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1700", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "500",
        "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1700", "PUSHBRIDGE_QUEUE_LEASE_MS": "3000",
        "PUSHBRIDGE_QUEUE_EXTEND_MS": "400", "PUSHBRIDGE_QUEUE_REAP_MS": "100", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}
ANDROID, IOS, HARMONY = "23456789", "34567890", "45678901"

CONF = """
apps = (
    { name = "default"; push_type = "NOTICE"; store_offline = true; push = { AndroidNotifyType = "BOTH"; }; },
    { name = "ios"; app_key = "34567890"; device_type = "iOS"; push_type = "NOTICE";
      push = { iOSApnsEnv = "PRODUCT"; iOSBadgeAutoIncrement = true; }; },
    { name = "harmony"; app_key = "45678901"; device_type = "HARMONY"; push_type = "NOTICE"; },
    { name = "sms"; app_key = "23456789"; push = { SmsTemplateName = "t"; SmsSignName = "s"; SmsDelaySecs = 30; }; }
);
groups = ( { name = "school"; apps = [ "default", "ios" ]; } );
templates = (
    { code = "N1"; title = "Timetable"; message = "Changed (School: {0})"; subtitle = "of {school}"; sound = "bell";
      channel = "timetable"; image = "https://img.example/{0}.png"; open = { url = "https://app.example/{0}"; };
      ext = { school = "{school}"; v = 2; };
      push = { AndroidPopupActivity = "org.example.Popup"; AndroidPopupTitle = "Timetable"; AndroidPopupBody = "{0}"; };
      locales = ( { locale = "zh-CN"; title = "课表"; message = "已调整（{0}）"; } );
      platforms = ( { platform = "iOS"; sound = "bell.caf"; category = "TIMETABLE"; },
                    { platform = "HARMONY"; category = "WORK"; badge = 1; } ); }
);
"""


def stage():
    s = Stage(env=FAST)
    s.conf = os.path.join(s.dir, "notices.conf")
    with open(s.conf, "w") as f:
        f.write(CONF)
    return s


def dead(s, *args):
    done = subprocess.run([os.path.join(BIN, "pushbridge"), "dead"] + list(args), env=s.worker_env({}), capture_output=True,
                          text=True, timeout=PATIENCE_S)
    expect(done.returncode == 0, "dead %s: %s" % (args, done.stderr))
    return done.stdout


def calls(s, action="Push"):
    """Parameters of every call on the record, in the order of arrival."""
    found = s.control("GET", "/_mock/record?list=1&full=1")["list"]
    return [dict(c["parameters"], outcome=c["outcome"]) for c in sorted(found, key=lambda c: c["seq"])
            if c["action"] == action]


def pushed(s):
    return [c for c in calls(s) if c["outcome"] == "pushed"]


def has(call, **wanted):
    wrong = {k: call.get(k) for k, v in wanted.items() if call.get(k) != v}
    expect(not wrong, "%s instead of %s" % (wrong, {k: wanted[k] for k in wrong}))


PHONE, TABLET = "%032d" % 1, "%032d" % 2


def seed_both(s):
    """A device of each app in one school."""
    s.seed([{"id": PHONE, "app_key": int(ANDROID)}, {"id": TABLET, "app_key": int(IOS), "type": "iOS"}],
           {"s1": {"DEVICE": [PHONE, TABLET]}})


def lacks(call, *prefixes):
    expect(not [k for k in call if k.startswith(prefixes)], "another platform's parameter in %s" % call)


@scenario
def notices_to_each_platform():
    with stage() as s:
        s.worker()
        n = s.push({"id": "a", "code": "N1", "school": "s1", "tags": ["x"]},
                   {"id": "i", "code": "N1", "school": "s1", "app": "ios", "locale": "zh-CN"},
                   {"id": "h", "code": "N1", "school": "s1", "app": "harmony", "push": {"HarmonyBadgeSetNum": 5}},
                   {"id": "m", "code": "N1", "school": "s1", "push": {"PushType": "MESSAGE", "AndroidRemind": True}},
                   {"id": "s", "message": "m", "school": "s1", "app": "sms", "push": {"SmsParams": "a=b"}},
                   {"id": "x", "code": "N1", "school": "s1", "app": "ios", "push": {"iOSBadge": 3}})
        s.wait_ended(n)
        letters = s.dead()
        expect([d["id"] for d in letters] == ["x"] and letters[0]["reason"] == "invalid_job"
               and "iOSBadgeAutoIncrement" in letters[0]["error"]["message"], "only the conflict is refused: %s" % letters)
        by = {c["JobKey"]: c for c in calls(s)}
        has(by["a"], AppKey=ANDROID, DeviceType="ANDROID", PushType="NOTICE", Title="Timetable",
            Body="Changed (School: s1)", AndroidMusic="bell", AndroidNotificationChannel="timetable",
            AndroidImageUrl="https://img.example/s1.png", AndroidOpenType="URL", AndroidOpenUrl="https://app.example/s1",
            AndroidExtParameters='{"school":"s1","v":2}', AndroidPopupBody="s1", AndroidNotifyType="BOTH",
            StoreOffline="true")
        lacks(by["a"], "iOS", "Harmony")
        has(by["i"], AppKey=IOS, DeviceType="iOS", Title="课表", Body="已调整（s1）", iOSSubtitle="of s1", iOSMusic="bell.caf",
            iOSNotificationCategory="TIMETABLE", iOSApnsEnv="PRODUCT", iOSBadgeAutoIncrement="true",
            iOSExtParameters='{"school":"s1","v":2,"attachment":"https://img.example/s1.png"}')
        lacks(by["i"], "Android", "Harmony")
        has(by["h"], AppKey=HARMONY, DeviceType="HARMONY", HarmonyCategory="WORK", HarmonyBadgeSetNum="5",
            HarmonyActionType="APP_CUSTOM_PAGE", HarmonyUri="https://app.example/s1",
            HarmonyImageUrl="https://img.example/s1.png")
        lacks(by["h"], "Android", "iOS")
        has(by["m"], PushType="MESSAGE", AndroidRemind="true", AndroidPopupTitle="Timetable", AndroidMusic=None,
            Body='{"type":0,"message":"Changed (School: s1)"}')
        has(by["s"], SmsTemplateName="t", SmsDelaySecs="30", SmsParams="a=b", ExpireTime=None)
        s.settle(n)
        expect(s.check_calls() == n - 1, "every call was checked against the vendor's list")


@scenario
def group_of_two_apps():
    with stage() as s:
        seed_both(s)
        s.worker()
        job = {"code": "N1", "school": "s1", "app": "school"}
        n = s.push(dict(job, id="g1"))
        s.wait_ended(n)
        o = s.outcomes()[0]
        expect(o["app"] == "school" and [(p["part"], p["app"]) for p in o["pushes"]] == [(0, "default"), (1, "ios")], o)
        found = pushed(s)
        expect([(c["AppKey"], c["DeviceType"]) for c in found] == [(ANDROID, "ANDROID"), (IOS, "iOS")], found)
        has(found[1], iOSMusic="bell.caf")
        expect(len({c["IdempotentToken"] for c in found}) == 2, "a token per part")

        # One of its apps is paused: its part waits, the other one and other jobs flow.
        s.cli("pause", "--app", "ios")
        wait_until(lambda: "event=paused app=ios" in s.log(), "paused")
        n += s.push(dict(job, id="g2"), {"id": "a2", "code": "N1", "school": "s1"})
        wait_until(lambda: s.redis("LLEN", wire.PARKED + "ios") == 1 and s.ended() == 2, "parked after its first part")
        expect(len([c for c in pushed(s) if c["AppKey"] == ANDROID]) == 3, "its other part went out")
        s.cli("resume", "--app", "ios")
        s.wait_ended(n)

        # An answer is lost: the same call is repeated, and only that one.
        s.fault(kind="drop_after_accept", count=1, match={"app_key": IOS})
        n += s.push(dict(job, id="g3"))
        s.wait_ended(n)
        expect(not s.dead(), s.dead())
        s.clear_faults()

        # A part is refused: the letter says which one went out, and its replay sends the other only.
        s.fault(kind="error", count=1, code="InvalidTargetValue.Format", status=400, match={"app_key": IOS})
        n += s.push(dict(job, id="g4"))
        s.wait_ended(n)
        letter = s.dead()[0]
        expect([p["app"] for p in letter["pushes"]] == ["default"] and letter["app"] == "school", letter)
        expect(json.loads(dead(s, "ls", "--app", "school", "--json").splitlines()[0])["id"] == "g4", "found by its app")
        dead(s, "replay", "g4", "--yes")
        wait_until(lambda: [o for o in s.outcomes() if o["id"] == "g4"], "replayed")
        o = [o for o in s.outcomes() if o["id"] == "g4"][0]
        expect([p["app"] for p in o["pushes"]] == ["default", "ios"], o)
        by_key = {k: len([c for c in calls(s) if c["JobKey"] == "g4" and c["AppKey"] == k and c["outcome"] == "pushed"])
                  for k in (ANDROID, IOS)}
        expect(by_key == {ANDROID: 1, IOS: 1}, by_key)

        # One of its apps is in trouble: the others' jobs are not, and it ends by itself.
        s.fault(kind="error", code="Forbidden.RAM", status=403, match={"app_key": IOS})
        n += s.push(dict(job, id="g5"), {"id": "a5", "code": "N1", "school": "s1"})
        wait_until(lambda: "event=circuit_open app=ios" in s.log() and [o for o in s.outcomes() if o["id"] == "a5"], "open for one app")
        expect("event=circuit_open app=default" not in s.log(), "closed for the other")
        s.clear_faults()
        s.wait_ended(n)

        # A scheduled one is taken back in both apps.
        n += s.push(dict(job, id="g6", delay_s=600))
        s.wait_ended(n)
        said = s.cli("cancel", "g6")
        expect(said.count("cancelled at the provider") == 2, said)
        expect([c["AppKey"] for c in calls(s, "CancelPush")] == [ANDROID, IOS], "each by its own app")
        # Each job once through each app, whatever became of its calls; what was taken back, through none.
        group = ["g%d" % i for i in range(1, 6)]
        s.received({PHONE: group + ["a2", "a5"], TABLET: group})
        s.settle(n)


def killed_between_parts(accepted):
    """accepted: the call that is out has pushed."""
    with stage() as s:
        seed_both(s)
        s.hold(match={"app_key": IOS}, late=not accepted)
        w = s.worker(**PATIENT)
        n = s.push({"id": "g", "code": "N1", "school": "s1", "app": "school"})
        s.wait_held()
        s.kill(w)
        s.clear_faults()
        s.forget_worker(w)
        s.worker()
        s.wait_ended(n)
        o = s.outcomes()[0]
        expect([p["app"] for p in o["pushes"]] == ["default", "ios"] and o["crashes"] == 1, o)
        s.received({PHONE: ["g"], TABLET: ["g"]})
        s.settle(n)


@scenario
def group_killed_between_its_parts():
    """The worker dies while the second app's call hangs; another one repeats that call alone."""
    for accepted in (False, True):
        killed_between_parts(accepted)
