"""Tracking of a training by other people's systems: `--track ADDRESS`.

    mlflow+https://host[/prefix]    an MLflow server, by the package mlflow or mlflow-skinny
    aim:FOLDER                      a repository of Aim in a folder, by the package aim
    clearml                         ClearML, as its own configuration says, by the package clearml

The packages are no requirement: who tracks installs one. What they raise never fails a training.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from errors import TrackerMissing, TrackingRefused
from outcome import Outcome

PROJECT = "PixelWise"
PICTURE = "confusion.png"
_MLFLOW = re.compile(
    r"mlflow\+(https?)://((\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d+)?(?:/[\w.%+~-]+)*)/?", re.ASCII
)
_HERE = ("localhost", "127.0.0.1", "[::1]")
_MOST = 500
"""Most characters of a parameter or a tag, as MLflow has it."""

Record = Callable[[Outcome], str]
"""Records an outcome, and returns where it can be seen."""


class Tracker:
    """One place to track at; nothing is imported or asked before there is an outcome."""

    def __init__(self, address: str, record: Record) -> None:
        self.address, self._record = address, record

    def track(self, outcome: Outcome) -> None:
        """Records the outcome and says where; says what failed, and lets the training be, if that fails."""
        try:
            where = self._record(outcome)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code, whatever it raises
            said = ascii(" ".join(str(error).split())[:300])[1:-1]
            print(
                f"tracking at {self.address} failed, the training did not: {type(error).__name__}: {said}",
                file=sys.stderr,
            )
        else:
            print(f"tracked {outcome.version} at {self.address}: {where}")


def tracker(address: str) -> Tracker:
    """The tracker for an address.

    Raises:
        TrackingRefused: it is not one of those above, or plain http to another machine.
        TrackerMissing: its package is not installed.
    """
    if match := _MLFLOW.fullmatch(address):
        scheme, place, host = match.groups()
        if scheme == "http" and host not in _HERE:
            raise TrackingRefused(address, found="http to another machine, which anyone on the way can read")
        _check_installed("mlflow", "mlflow-skinny")
        return Tracker(address, lambda outcome: _to_mlflow(outcome, f"{scheme}://{place}"))
    kind, _, place = address.partition(":")
    if kind == "aim" and place and not place.startswith("//"):
        _check_installed("aim", "aim")
        return Tracker(address, lambda outcome: _to_aim(outcome, Path(place)))
    if address == "clearml":
        _check_installed("clearml", "clearml")
        return Tracker(address, _to_clearml)
    shown = re.sub(r"//[^/]*@", "//", address)
    raise TrackingRefused(shown, found="another form" if shown == address else "a user or a token in it")


def _check_installed(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise TrackerMissing(module, package=package)


def _to_mlflow(outcome: Outcome, uri: str) -> str:
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own default goes on for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(PROJECT)
    number = client.create_experiment(PROJECT) if experiment is None else experiment.experiment_id
    run = client.create_run(number, run_name=outcome.version).info
    client.log_batch(
        run.run_id,
        metrics=[Metric(name, value, run.start_time, 0) for name, value in outcome.metrics.items()],
        params=[Param(name, value[:_MOST]) for name, value in outcome.parameters.items()],
        tags=[RunTag(name, value[:_MOST]) for name, value in outcome.tags.items()],
    )
    for name, text in outcome.words.items():
        client.log_text(run.run_id, text, name)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, PICTURE)
        picture.write_bytes(outcome.confusion)
        client.log_artifact(run.run_id, str(picture))
    client.set_terminated(run.run_id)
    return f"run {run.run_id}"


def _to_aim(outcome: Outcome, folder: Path) -> str:
    from aim import Image, Run, Text

    run = Run(
        repo=str(folder), experiment=PROJECT, system_tracking_interval=None, capture_terminal_logs=False
    )
    run.name = outcome.version
    run["recipe"] = dict(outcome.parameters)
    run["tags"] = dict(outcome.tags)
    for name, value in outcome.metrics.items():
        run.track(value, name=name)
    with tempfile.TemporaryDirectory() as temporary:
        picture = Path(temporary, PICTURE)
        picture.write_bytes(outcome.confusion)
        run.track(Image(str(picture)), name=PICTURE)
    for name, text in outcome.words.items():
        run.track(Text(text), name=name)
    run.close()
    return f"run {run.hash}"


def _to_clearml(outcome: Outcome) -> str:
    from clearml import Task

    task = Task.init(
        project_name=PROJECT,
        task_name=outcome.version,
        reuse_last_task_id=False,
        auto_connect_arg_parser=False,
        auto_connect_frameworks=False,
        auto_connect_streams=False,
        auto_resource_monitoring=False,
    )
    task.connect(dict(outcome.parameters), name="recipe")
    task.connect(dict(outcome.tags), name="tags")
    logger = task.get_logger()
    for name, value in outcome.metrics.items():
        logger.report_single_value(name, value)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, PICTURE)
        picture.write_bytes(outcome.confusion)
        logger.report_image("confusion", outcome.version, iteration=0, local_path=str(picture))
        for name, text in outcome.words.items():
            Path(folder, name).write_text(text, encoding="utf-8")
            task.upload_artifact(name, artifact_object=Path(folder, name), wait_on_upload=True)
        task.close()
    return f"task {task.id}"
