"""The child process of `sources.from_openml`: OpenML's rows, written as the four IDX files.

    python openml_child.py SERVER FOLDER TRAIN_ROWS SILENCE_SECONDS

A process of its own because it can then be ended, and because it changes how all of it opens addresses.
"""

from __future__ import annotations

import http.client
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from sources import OPENML


class OneAttempt:
    """Opens addresses for `urllib`: OpenML's at `server`, and the first silence is the last.

    `fetch_openml` would ask a silent server up to four times; the next source is the better second attempt.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._opener = urllib.request.build_opener()

    def open(self, request: urllib.request.Request, data: bytes | None = None, timeout: Any = None) -> Any:
        url = request.full_url
        if url.startswith(OPENML):
            url = self._server + url.removeprefix(OPENML)
        try:
            return self._opener.open(
                urllib.request.Request(url, headers=dict(request.headers)), data, timeout
            )
        except urllib.error.HTTPError:
            raise  # it did answer; what that means is for fetch_openml to say
        except OSError as error:
            sys.exit(f"{url} does not answer ({getattr(error, 'reason', error)})")


def main(server: str, folder: Path, train_rows: int, silence_seconds: float) -> None:
    """Write the four files into the folder, or end with a sentence on stderr."""
    try:
        from sklearn.datasets import fetch_openml
    except ModuleNotFoundError as missing:
        sys.exit(f"{'scikit-learn' if missing.name == 'sklearn' else missing.name} is not installed here")
    socket.setdefaulttimeout(silence_seconds)
    urllib.request.install_opener(OneAttempt(server))
    with tempfile.TemporaryDirectory(dir=folder) as downloads:
        try:
            table = fetch_openml(
                "mnist_784",
                version=1,
                as_frame=False,
                parser="liac-arff",
                data_home=downloads,
                n_retries=1,
            )
        except (OSError, ValueError, LookupError, TypeError, EOFError, http.client.HTTPException) as error:
            sys.exit(f"its answer cannot be used ({type(error).__name__}: {error})")
    write_idx_files(table.data, table.target, train_rows, folder)


def write_idx_files(pixels: Any, labels: Any, train_rows: int, folder: Path) -> None:
    """OpenML's rows are the training set, then the test set.

    Args:
        pixels: (N, 784) float64, whole numbers 0 to 255.
        labels: (N,) of text, "0" to "9".
    """
    import numpy as np

    from mnist import FILES, idx_header

    images, digits = pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.uint8)
    parts = (images[:train_rows], digits[:train_rows], images[train_rows:], digits[train_rows:])
    for file, part in zip(FILES, parts, strict=True):
        (folder / file.name).write_bytes(idx_header(part.shape) + part.tobytes())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
