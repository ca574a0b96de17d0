"""The words in which `routes/` say what they answer: `application.py` serves it, `openapi.py` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta
from starlette.responses import Response

from app.web.request import Call

Type: TypeAlias = Any
"""Whatever msgspec has a schema for."""
Natural = Annotated[int, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]
Tag: TypeAlias = Literal["drawings", "results", "state", "pages", "protocol"]
Caller: TypeAlias = Literal["key", "visit", "anyone"]

PROGRAMS: tuple[Caller, ...] = ("key",)
CALLERS: tuple[Caller, ...] = ("key", "visit")
READERS: tuple[Caller, ...] = (*CALLERS, "anyone")
"""Anyone where `Service.reader_of_results` lets everybody in."""
PLACE = "#/components/schemas/{name}"
HTML, CSS, TEXT = ({f"text/{kind}": str} for kind in ("html", "css", "plain"))


class Parameter(NamedTuple):
    """What the address or a header may say beside the body.

    Attributes:
        refused: the statuses of what it cannot be; none: 404 in a path, 422 elsewhere.
    """

    name: str
    place: Literal["path", "query", "header"]
    type: Type
    description: str
    refused: tuple[int, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One method of one path. Its refusals follow from what it takes, from whom, and from its parameters.

    Attributes:
        answer: a method of the class that has this operation among its OPERATIONS.
        gives: the type of the answer, as JSON; or media type -> type.
        takes: the same of the body.
        example: of a body in JSON.
        at_most: of what the body holds.
        unready: what a 503 may give instead of a refusal.
        callers: who must say who they are; none: nobody must.
        refuses: further statuses.
        is_queued: its drawings go to a queue: the default version's, unless the caller asks for another one.
        id: what generated clients call it; else they call it as `answer`.
        text: its summary, a blank line and what else is to say; else the docstring of `answer` is that.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    answer: Callable[[Any, Call], Awaitable[Response]]
    tag: Tag
    gives: Type | Mapping[str, Type]
    takes: Type | Mapping[str, Type] = None
    example: object = None
    at_most: str = ""
    parameters: Sequence[Parameter] = ()
    callers: tuple[Caller, ...] = ()
    unready: Type = None
    refuses: tuple[int, ...] = ()
    is_queued: bool = False
    id: str = ""
    text: str = ""


def either(*types: Type) -> dict[str, Any]:
    """The schema of what is one of these; msgspec itself takes no two Structs in a place."""
    schemas, _ = msgspec.json.schema_components(types, ref_template=PLACE)
    return {"anyOf": list(schemas)}


def one_of(*texts: str, **more: object) -> Type:
    return Annotated[str, Meta(extra_json_schema={"enum": list(texts), **more})]


def binary(description: str) -> Type:
    return Annotated[str, Meta(min_length=1, description=description, extra_json_schema={"format": "binary"})]
