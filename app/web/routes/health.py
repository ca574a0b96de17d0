"""GET /health (alive), GET /ready (would answer now), GET /metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from starlette.responses import Response

from app.answering.metrics import CONTENT_TYPE
from app.answering.ready_check import Readiness
from app.web.http_statuses import respond
from app.web.operation import TEXT, Moment, Operation
from app.web.request import Call
from app.web.service import Routes, Service


class Health(Struct, frozen=True):
    """The process is alive, and what it serves.

    Attributes:
        model_version: the default; classes and withheld are its own.
        versions: all that are served.
        left_out: those that should be served too -> why they are not.
    """

    status: Literal["ok"]
    model_version: str
    classes: tuple[str, ...]
    withheld: tuple[str, ...]
    versions: list[str]
    left_out: Mapping[str, str]
    started_at: Moment


class HealthRoutes(Routes):
    """The three routes."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)

    async def health(self, call: Call) -> Response:
        """Alive, and with which model."""
        service, version = self._service, self._service.reader.version
        return respond(
            Health(
                "ok",
                version.name,
                version.classes,
                version.withheld,
                list(service.readers),
                service.left_out,
                service.started_at,
            )
        )

    async def ready(self, call: Call) -> Response:
        """Would a drawing be answered now?"""
        readiness = await self._service.ready_check.readiness()
        return respond_ready(readiness, is_ready=readiness.is_ready)

    async def metrics(self, call: Call) -> Response:
        """Figures for Prometheus; of several workers, all have a label `worker`."""
        fellows, metrics = self._service.fellows, self._service.metrics
        figures = metrics.exposition() if fellows is None else await fellows.exposition()
        return Response(figures, media_type=None, headers={"content-type": CONTENT_TYPE})

    OPERATIONS = (
        Operation("GET", "/health", health, "state", Health),
        Operation("GET", "/ready", ready, "state", Readiness, unready=Readiness),
        Operation("GET", "/metrics", metrics, "state", TEXT),
    )


def respond_ready(body: object, *, is_ready: bool) -> Response:
    """The body with status 200 if ready, else with 503, which load balancers understand."""
    return respond(body) if is_ready else respond(body, status=503, headers={"retry-after": "1"})
