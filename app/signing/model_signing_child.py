"""Verifies a `model.sig` with the package `model-signing`: run as a program, since its import takes seconds and memory.

It reads a question as JSON on stdin (`folder`, `signature`, `keys`) and answers in its last line: `missing` (why there
is no package), or `signer` (which key) and `refused` (what was said of the other keys).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> dict[str, object]:
    """The answer to the question on stdin."""
    asked = json.load(sys.stdin)
    try:
        from model_signing import verifying
    except ImportError as error:
        return {"missing": str(error)}
    refused = []
    for number, key in enumerate(asked["keys"]):
        try:
            config = verifying.Config().use_elliptic_key_verifier(public_key=key).set_ignore_unsigned_files(True)
            config.verify(Path(asked["folder"]), asked["signature"])
        except Exception as error:  # noqa: BLE001  # whatever the package says of a stranger's bytes, it is a no
            refused.append(f"{type(error).__name__} {error}".strip())
        else:
            return {"signer": number, "refused": refused}
    return {"signer": None, "refused": refused}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main()))
