"""PixelWise with everything on: key, limits (set high), batcher, SQLite with full durability, metrics.

python serve_pixelwise.py PORT; POST /classify with X-API-Key
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    command = str(Path(sys.executable).with_name("pixelwise"))
    os.environ |= {
        "HOST": "127.0.0.1",
        "PORT": sys.argv[1],
        "DATABASE_URL": f"sqlite:///{os.environ['FOLDER']}/pixelwise.db",
        "LIMIT_PER_KEY": "1000000/second",
        "LIMIT_PER_ADDRESS": "1000000/second",
        "MODEL_VERSION": "v1.0",
    }
    subprocess.run([command, "db", "upgrade"], check=True)
    os.execv(command, [command, "serve"])
