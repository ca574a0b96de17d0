"""Vocabulary in which `routes/` declare operations: `application.py` serves them, `openapi.py` describes them."""

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
"""Any type that msgspec has a schema for."""
Natural = Annotated[int, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]
Tag: TypeAlias = Literal["drawings", "results", "state", "pages", "protocol"]
Caller: TypeAlias = Literal["key", "visit", "anyone"]

PROGRAMS: tuple[Caller, ...] = ("key",)
CALLERS: tuple[Caller, ...] = ("key", "visit")
READERS: tuple[Caller, ...] = (*CALLERS, "anyone")
""""anyone" applies where `Service.reader_of_results` admits everybody."""
PLACE = "#/components/schemas/{name}"
HTML, CSS, TEXT = ({f"text/{kind}": str} for kind in ("html", "css", "plain"))


class Parameter(NamedTuple):
    """A parameter that the address or a header may carry in addition to the body.

    Attributes:
        refused: the statuses for an invalid value; if empty: 404 in a path, 422 elsewhere.
    """

    name: str
    place: Literal["path", "query", "header"]
    type: Type
    description: str
    refused: tuple[int, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One method of one path. Its refusals follow from its body, its callers and its parameters.

    Attributes:
        answer: a method of the class that has this operation among its OPERATIONS.
        gives: the type of the answer, as JSON; or media type -> type.
        takes: the same for the body.
        example: an example of a JSON body.
        at_most: the limit on what the body holds.
        unready: the type that a 503 may carry instead of a refusal.
        callers: the kinds of caller that are admitted; if empty: nobody needs to be identified.
        refuses: further statuses.
        is_queued: its drawings go to a queue: the default version's, unless the caller asks for another one.
        id: its name in generated clients; by default the name of `answer`.
        text: its summary, a blank line and further details; by default the docstring of `answer`.
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
    """The schema of a value that has one of these types; msgspec itself allows no union of Structs."""
    schemas, _ = msgspec.json.schema_components(types, ref_template=PLACE)
    return {"anyOf": list(schemas)}


def one_of(*texts: str, **more: object) -> Type:
    return Annotated[str, Meta(extra_json_schema={"enum": list(texts), **more})]


def binary(description: str) -> Type:
    return Annotated[str, Meta(min_length=1, description=description, extra_json_schema={"format": "binary"})]
