"""All routes of the service, as one ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from app.flags.evaluator import Flags
from app.web.front_end_hints import OneOrigin
from app.web.middleware import AccessLine, Gate
from app.web.request import Call, Endpoint
from app.web.routes.analytics import Analytics
from app.web.routes.classify import Classify
from app.web.routes.documentation import Documentation
from app.web.routes.drawing_page import Page
from app.web.routes.drawings import Drawings
from app.web.routes.health import Health
from app.web.routes.label import Labelling
from app.web.routes.model_card import ModelPage
from app.web.routes.protocol import Protocol
from app.web.routes.results import Results
from app.web.routes.visit import Visit
from app.web.service import Service

QUEUED = ("/classify", "/classify/batch", "/drawings", "/drawings/preview")
"""Their drawings go to a queue: the default version's, unless the caller asks for another one."""

FLAGS_SECONDS = 1.0
"""A changed flag counts after so long."""
_log = logging.getLogger("pixelwise.flags")


def build_application(service: Service, *, log: Callable[[AccessLine], None] | None = None) -> Gate:
    """The ASGI application; its start and its end are those of the queues."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(service.watch.run()), asyncio.create_task(_follow(service.flags))]
        yield
        await service.reports.close()
        for reader in service.readers.values():
            await reader.queue.close()
        await asyncio.to_thread(service.shadowing.close)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(service.watch.close)

    routes = routes_of(service)
    router = Router(routes, redirect_slashes=False, lifespan=lifespan)
    queued = {prefix + path for path in QUEUED for prefix in ("", "/api")}
    return Gate(
        OneOrigin(router, service.front_ends),
        service.access,
        service.metrics,
        overload=service.overload,
        queued={route.path: route.endpoint for route in routes if isinstance(route, Route) and route.path in queued},  # type: ignore[misc]  # all are Endpoints
        log=log,
    )


async def _follow(flags: Flags) -> None:
    """Until cancelled: takes the flag file up soon after it has changed."""
    while True:
        await asyncio.sleep(FLAGS_SECONDS)
        try:
            await asyncio.to_thread(flags.reload)
        except Exception:  # noqa: BLE001  # without this task, no change of a flag would ever count again
            _log.exception("the flag file was not taken up, and is looked at again")


def routes_of(service: Service) -> list[BaseRoute]:
    """All but the mounted files are documented in `openapi.py`."""
    return [*_api(service), *_pages(service)]


def _api(service: Service) -> list[BaseRoute]:
    """Each also under /api, to which reverse proxies of existing front ends forward."""
    classify, drawings, results, health = Classify(service), Drawings(service), Results(service), Health(service)
    protocol, documentation, model_page = Protocol(service, health), Documentation(), ModelPage(service)
    analytics = Analytics(service)
    table: list[tuple[str, str, Callable[[Call], Awaitable[Response]]]] = [
        ("POST", "/classify", classify.classify),
        ("POST", "/classify/batch", classify.classify_batch),
        ("POST", "/drawings", drawings.drawings),
        ("POST", "/drawings/preview", drawings.preview),
        ("GET", "/results", results.results),
        ("POST DELETE", "/results/{id}/label", Labelling(service).label),
        ("GET", "/analytics", analytics.analytics),
        ("GET", "/analytics/style.css", analytics.style),
        ("GET", "/visit", Visit(service).visit),
        ("GET", "/health", health.health),
        ("GET", "/ready", health.ready),
        ("GET", "/metrics", health.metrics),
        ("GET", "/openapi.json", documentation.openapi),
        ("GET", "/docs", documentation.docs),
        ("GET", "/docs/files/{name}", documentation.file),
        ("GET", "/model", model_page.model),
        ("GET", "/model/weights/{label}.png", model_page.weights),
        ("GET", "/v2", protocol.server),
        ("GET", "/v2/health/live", protocol.server_live),
        ("GET", "/v2/health/ready", protocol.server_ready),
    ]
    for model in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        table += [
            ("GET", model, protocol.model),
            ("GET", model + "/ready", protocol.model_ready),
            ("POST", model + "/infer", protocol.infer),
        ]
    return [
        Route(prefix + path, Endpoint(answer), methods=methods.split())
        for methods, path, answer in table
        for prefix in ("", "/api")
    ]


def _pages(service: Service) -> list[BaseRoute]:
    """Under /api too: the addresses in pages are relative."""
    page = Page(service)
    return [
        route
        for prefix in ("", "/api")
        for route in (
            Route(prefix + "/", Endpoint(page.page), methods=["GET"]),
            Mount(prefix + "/page", page.files),
        )
    ]
