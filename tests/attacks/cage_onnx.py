"""The cage (tests/attacks/cage.py) with onnxruntime in it: hostile ONNX files are opened here, and nowhere else.

Runs under the Python of the product's tests. onnxruntime is handed bytes, never a path, beside which it would look for
external data; it computes on one thread, so that a fork can.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # -I leaves it out

from cage import Library, main  # found by the line above
from onnx_files import encode, linear, perceptron, small  # as above

FATAL = 4


def warm_up() -> dict[str, tuple[bytes, Any]]:
    """Imports onnxruntime and uses it; gives honest files back."""
    import numpy as np

    rows = np.random.default_rng(0).integers(0, 256, (3, 784)).astype(float)
    files = {"small": small(), "perceptron": perceptron(), "linear": linear()}
    honest = {name: (encode(file), rows) for name, file in files.items()}
    for data, inputs in honest.values():
        scores(data, inputs)
    return honest


def opened(data: bytes, inputs: bytes, shape: tuple[int, int], witness: Callable[[str], None]) -> dict[str, Any]:
    """{"classes", "labels", "scores"} that onnxruntime gives for these pixels, the first two empty; or {"raised"}.

    Every audit event goes to the witness before it happens.
    """
    import numpy as np

    rows = np.frombuffer(inputs, float).reshape(shape)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        witness(f"event {event} {arguments!r}"[:300].replace("\n", " "))

    sys.addaudithook(hook)
    try:
        return {"classes": [], "labels": [], "scores": scores(data, rows).astype(float).tolist()}
    except Exception as error:
        return {"raised": " ".join(f"{type(error).__name__}: {error}"[:300].split())}


def scores(data: bytes, rows: Any) -> Any:
    """(N, classes) float32 for (N, 784) pixels; as many at once as the file wants, float32 ones divided by 255."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    pixels = rows.astype(np.uint8) if wanted.type == "tensor(uint8)" else (rows / 255).astype(np.float32)
    batch, *image = wanted.shape
    count = batch if isinstance(batch, int) else len(rows)
    found = []
    for start in range(0, len(rows), count):
        some = np.resize(pixels[start : start + count], (count, 784)).reshape(count, *image)
        found.append(session.run(None, {wanted.name: some})[0])
    return np.concatenate(found)[: len(rows)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Library(warm_up, opened))
