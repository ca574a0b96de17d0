"""The bare framework: Starlette under uvicorn with httptools and uvloop reads a body, and answers so many bytes.

    python benchmarks/peers/bare.py BYTES PORT

An upper bound for any service on this framework: no key, no check, no model, no database, no log.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = b"x" * int(sys.argv[1])


async def answer(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
