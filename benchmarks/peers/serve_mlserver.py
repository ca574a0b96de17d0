"""MLServer with adaptive batching, as its documentation has it: its own scikit-learn runtime, configured, no code.

ARTEFACT=digit_classifier_v1.pkl FOLDER=... python serve_mlserver.py PORT; POST /v2/models/digits/infer, a tensor
[1, 784] of ink (the runtime hands it to the pipeline as it is: the caller says what is ink) -> predict_proba [1, 9]
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    folder = Path(os.environ["FOLDER"])
    settings = {
        "host": "127.0.0.1",
        "http_port": int(sys.argv[1]),
        "grpc_port": free_port(),
        "metrics_endpoint": None,
        "debug": False,
        "parallel_workers": 0,  # in the server's own process: with one beside it, it answered fewer requests
        "metrics_dir": str(folder),
    }
    model = {
        "name": "digits",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "max_batch_size": 50,
        "max_batch_time": 0.005,
        "parameters": {"uri": os.environ["ARTEFACT"], "version": "v1.0"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    mlserver = str(Path(sys.executable).with_name("mlserver"))
    os.execv(mlserver, [mlserver, "start", str(folder)])
