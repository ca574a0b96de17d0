"""PixelWise with everything on: key, limits (set high), batcher, SQLite with full durability, metrics.

python serve_pixelwise.py [VERSION,...] PORT; POST /classify with X-API-Key. The first version answers, v1.0 where none
is named; the others read along.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    command = str(Path(sys.executable).with_name("pixelwise"))
    *named, port = sys.argv[1:]
    versions = named[0] if named else "v1.0"
    os.environ |= {
        "HOST": "127.0.0.1",
        "PORT": port,
        "DATABASE_URL": f"sqlite:///{os.environ['FOLDER']}/pixelwise.db",
        "LIMIT_PER_KEY": "1000000/second",
        "LIMIT_PER_ADDRESS": "1000000/second",
        "MODEL_VERSION": versions.partition(",")[0],
        "MODEL_VERSIONS": versions,
    }
    for version in versions.split(",")[1:]:
        subprocess.run([command, "pull", version, "--keep-offline"], check=True)
    subprocess.run([command, "db", "upgrade"], check=True)
    os.execv(command, [command, "serve"])
