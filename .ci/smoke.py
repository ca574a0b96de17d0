"""`make run`, as a newcomer does it: to the address that it prints, to an answer, to its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 900
"""A clean clone trains its model first."""


def main() -> None:
    """Exit code 0 when the service answered and ended well."""
    # On a free port: 8000 may be taken on this machine.
    environ = {**os.environ, "PORT": "0"}
    command = ["make", "run"]
    run = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stderr is not None
    too_long = threading.Timer(SECONDS, lambda: os.killpg(run.pid, signal.SIGKILL))
    too_long.start()
    address = None
    for line in run.stderr:
        sys.stderr.write(line)
        if found := re.search(r"answers at (http://\S+)", line):
            address = found[1]
            break
    if address is None:
        sys.exit(f"smoke: make run ended without an address, exit code {run.wait()}")
    threading.Thread(target=lambda: sys.stderr.writelines(run.stderr or ()), daemon=True).start()
    try:
        ask(address)
    finally:
        # To `pixelwise serve` itself: make, when told to end, ends with a failure of its own.
        (service,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(service), signal.SIGTERM)
        code = run.wait()
        too_long.cancel()
    if code != 0:
        sys.exit(f"smoke: make run ended with exit code {code} after SIGTERM")
    sys.stderr.write("smoke: the service was ready, showed its page, read a drawing, and ended well\n")


def ask(address: str) -> None:
    """Whoever comes by looks at the page; a program sends a drawing with the key of .env."""
    (key,) = re.findall(r"^SECRET_API_KEY=(.+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    bar = [[255 if 12 < column < 16 and 4 < row < 24 else 0 for column in range(28)] for row in range(28)]
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        client.get("/ready").raise_for_status()
        page = client.get("/").raise_for_status()
        if "<title>" not in page.text:
            sys.exit(f"smoke: GET / is no page:\n{page.text[:500]}")
        answer = client.post("/classify", json={"pixels": bar}, headers={"X-API-Key": key}).raise_for_status().json()
        if answer["prediction"] != "1":
            sys.exit(f"smoke: a bar was read as {answer}")


if __name__ == "__main__":
    main()
