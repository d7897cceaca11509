#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Large inputs for a fuzz target, from which slow ones are hunted: what its corpus and dictionary hold, repeated.

    seeds.py TARGET FOLDER

libFuzzer grows its inputs slowly and does not look at the time, so quadratic readers of long runs stay unseen
without them: each file of FOLDER is a corpus file in whose middle one token is repeated to SIZE bytes.
"""
import pathlib
import re
import sys

SIZE = 48 * 1024
TOKENS = [b"\\", b'"', b'\\"', b"[", b"{", b"]", b"(", b"<a>", b"%", b"%25", b"&", b"a=", b"&a=1", b",", b'"a",', b'"a":1,', b"\x01", b"\x80", b"\xe2\x80\xa8",
          b"\n", b"\r\n", b" ", b"0", b"9", b"-a", b"://", b"/", b"@", b"signature", b"signature=", b"{0}", b"{tags}", b"$1\r\n", b"*1\r\n", b"+", b"a"]


def tokens(target):
    path = pathlib.Path("tests/fuzz/dict", target + ".dict")
    text = path.read_text() if path.exists() else ""
    words = re.findall(r'^[^#\n]*?"(.*)"\s*$', text, re.M)
    return TOKENS + [w.encode().decode("unicode_escape").encode("latin-1") for w in words]


def main(target, folder):
    corpus = sorted(pathlib.Path("tests/fuzz/corpus", target).iterdir())
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for i, token in enumerate(tokens(target)):
        base = corpus[i % len(corpus)].read_bytes()
        middle = len(base) // 2
        long = token * (SIZE // len(token))
        (out / f"middle-{i}").write_bytes(base[:middle] + long + base[middle:])
        (out / f"end-{i}").write_bytes(base + long)


main(*sys.argv[1:])
