"""All routes of the service, as one ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from operator import attrgetter
from types import MethodType

from starlette.routing import BaseRoute, Mount, Route, Router

from app.flags.evaluator import Flags
from app.web.front_end_hints import OneOrigin
from app.web.middleware import AccessLine, Gate
from app.web.openapi import openapi
from app.web.openapi_schemas import Json
from app.web.request import Endpoint
from app.web.routes.analytics import AnalyticsRoutes
from app.web.routes.classify import ClassifyRoutes
from app.web.routes.documentation import DocumentationRoutes
from app.web.routes.drawing_page import PageFiles, PageRoutes
from app.web.routes.drawings import DrawingRoutes
from app.web.routes.health import HealthRoutes
from app.web.routes.label import LabelRoutes
from app.web.routes.model_card import ModelRoutes
from app.web.routes.open_inference import ProtocolRoutes
from app.web.routes.results import ResultRoutes
from app.web.routes.visit import VisitRoutes
from app.web.service import Routes, Service

ROUTES: tuple[type[Routes], ...] = (
    ClassifyRoutes,
    DrawingRoutes,
    ResultRoutes,
    LabelRoutes,
    AnalyticsRoutes,
    VisitRoutes,
    HealthRoutes,
    PageRoutes,
    ModelRoutes,
    ProtocolRoutes,
)
"""All routes except those of the documentation, which is generated from these."""
OPERATIONS = [*(operation for routes in ROUTES for operation in routes.OPERATIONS), *DocumentationRoutes.OPERATIONS]
PREFIXES = ("", "/api")
"""Each route is served under both: reverse proxies of existing front ends forward to the second."""

FLAGS_SECONDS = 1.0
"""Interval at which the flag file is checked: a changed flag takes effect within it."""
_log = logging.getLogger("pixelwise.flags")


def build_application(service: Service, *, log: Callable[[AccessLine], None] | None = None) -> Gate:
    """The ASGI application, which starts and stops the queues with itself."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(service.watch.run()), asyncio.create_task(_follow(service.flags))]
        service.limits.start()
        if service.fellows is not None:
            await service.fellows.start()
        yield
        if service.fellows is not None:
            await service.fellows.close()
        await asyncio.to_thread(service.limits.close)
        await service.reports.close()
        for reader in service.readers.values():
            await reader.queue.close()
        await asyncio.to_thread(service.shadowing.close)
        service.explainer.close()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(service.watch.close)

    routes = routes_of(service)
    queued = {prefix + operation.path for operation in OPERATIONS if operation.is_queued for prefix in PREFIXES}
    return Gate(
        OneOrigin(Router(routes, redirect_slashes=False, lifespan=lifespan), service.front_ends),
        service.access,
        service.metrics,
        overload=service.overload,
        queued={route.path: route.endpoint for route in routes if isinstance(route, Route) and route.path in queued},  # type: ignore[misc]  # all are Endpoints
        log=log,
        started_at=service.started_at,
    )


async def _follow(flags: Flags) -> None:
    """Reloads the flag file soon after it has changed, until cancelled."""
    while True:
        await asyncio.sleep(FLAGS_SECONDS)
        try:
            await asyncio.to_thread(flags.reload)
        except Exception:  # noqa: BLE001  # if this task ended, no flag change would ever take effect again
            _log.exception("the flag file was not taken up, and is looked at again")


def routes_of(service: Service) -> list[BaseRoute]:
    """All routes, and the mounted files of the page, whose addresses are relative."""
    routes: list[BaseRoute] = []
    places = _places()
    for part in [*(kind(service) for kind in ROUTES), DocumentationRoutes(document(), service.access)]:
        for (path, answer), operations in groupby(part.OPERATIONS, key=attrgetter("path", "answer")):
            served = list(operations)
            named = {one.name for operation in served for one in operation.parameters if one.place == "query"}
            elsewhere = {} if served[0].tag != "drawings" else {name: places[name] for name in places.keys() - named}
            endpoint = Endpoint(MethodType(answer, part), named, elsewhere)
            methods = [operation.method for operation in served]
            routes += [Route(prefix + path, endpoint, methods=methods) for prefix in PREFIXES]
    return [*routes, *(Mount(prefix + "/page", PageFiles()) for prefix in PREFIXES)]


def _places() -> dict[str, str]:
    """Query parameter -> the operations that take it: "POST /classify, POST /drawings"."""
    places: dict[str, list[str]] = {}
    for operation in OPERATIONS:
        for parameter in operation.parameters:
            if parameter.place == "query":
                places.setdefault(parameter.name, []).append(f"{operation.method} {operation.path}")
    return {name: ", ".join(taken) for name, taken in places.items()}


def document() -> Json:
    """The answer of GET /openapi.json."""
    return openapi(OPERATIONS)
