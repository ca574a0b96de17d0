"""Decodes each hostile picture in a process of its own, and says what became of it. A script: `python -m` this module.

Out: a line of JSON for each, {"name", "wanted", "bytes", "outcome", "found", "memory", "seconds"}: the memory that was
taken beyond what was there, and the processor time. Both have a hard limit too, and who meets it dies.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from app.drawing.decode_image import MAX_DECODED, decode, open_picture
from app.drawing.refusals import UnreadableImage
from tests.attacks.hostile_pictures import catalogue

LIMIT_BYTES = 1_500_000_000
LIMIT_SECONDS = 60


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def measure(name: str, data: bytes, wanted: str) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS))
    before, began = peak(), time.process_time()
    outcome, found = "read", ""
    try:
        values = decode(open_picture(data)).values
        if not (values.dtype == "uint8" and values.ndim in (2, 3) and 0 < max(values.shape) <= MAX_DECODED):
            outcome, found = "odd", f"{values.dtype} {values.shape}"
    except UnreadableImage as error:
        outcome, found = "refused", error.found
    seconds, memory = time.process_time() - began, peak() - before
    said = {"name": name, "wanted": wanted, "bytes": len(data), "outcome": outcome, "found": found}
    say({**said, "memory": memory, "seconds": seconds})


def say(what: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    for name, data, wanted in catalogue():
        child = os.fork()
        if child == 0:
            measure(name, data, wanted)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            say({"name": name, "outcome": f"died of {status}"})


if __name__ == "__main__":
    main()
