"""POST /results/{id}/label: what was drawn, by who drew it; DELETE takes it back."""

from __future__ import annotations

from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from starlette.responses import Response

from app.errors import PixelWiseError
from app.storage.label_rows import Label, Labels, Subject
from app.web.access import Caller
from app.web.body import JSON, read_body, require_media_type
from app.web.http_statuses import respond
from app.web.operation import CALLERS, Operation, Parameter
from app.web.payloads import NOT_JSON, no_json, shown
from app.web.refusals import BadLabel, Forbidden, NotFound
from app.web.request import Call
from app.web.service import Routes, Service

LABEL_BYTES = 1 << 10
NOT_A_DIGIT = "not-a-digit"


class Said(Struct):
    """What somebody says was drawn.

    Attributes:
        label: a digit, or that it is none.
    """

    label: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "not-a-digit"]


class Labelled(Struct, frozen=True):
    """An answer, and what was said of it.

    Attributes:
        label: a digit, or "not-a-digit"; null where nothing is said any more.
        right: whether the prediction is what was drawn; null where that was no digit, or nothing is said.
    """

    id: UUID
    label: str | None
    prediction: str
    right: bool | None


PLACE = "/results/{id}/label"
OF_ONE = [Parameter("id", "path", UUID, "Of a stored answer.")]
_said = msgspec.json.Decoder(Said)


class LabelRoutes(Routes):
    """A key or a visit labels the answers given to it; SECRET_API_KEY any. The last word counts."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._labels = Labels(service.store.database)

    async def label(self, call: Call) -> Response:
        """Say what was drawn.

        The last word counts. Who says that an answer is right sends the digit that it gave. A key or a visit may label
        the answers that were given to it, SECRET_API_KEY any.
        """
        caller = self._service.access.caller(call)
        identifier = _identifier(call)
        ask = self._service.watch.ask
        self._service.watch.require()
        if call.method == "DELETE":
            return respond(await ask(partial(self._withdraw, caller, identifier), of=caller))
        require_media_type(call, JSON)
        label = read_label(await read_body(call, limit=LABEL_BYTES, of=caller))
        return respond(await ask(partial(self._say, caller, identifier, label), of=caller))

    def _say(self, caller: Caller, identifier: UUID, label: Label) -> Labelled:
        prediction = self._subject(caller, identifier).prediction
        self._labels.say(identifier, label, self._service.access.owner(caller))
        return Labelled(identifier, label_word(label), prediction, None if label is None else label == prediction)

    def _withdraw(self, caller: Caller, identifier: UUID) -> Labelled:
        prediction = self._subject(caller, identifier).prediction
        self._labels.withdraw(identifier)
        return Labelled(identifier, None, prediction, None)

    def _subject(self, caller: Caller, identifier: UUID) -> Subject:
        """The answer, if it is there and this caller may label it."""
        subject = self._labels.subject(identifier)
        if subject is None:
            raise _not_found(str(identifier))
        if not self._service.access.may_label(caller, subject.owner):
            raise Forbidden(
                f"label of result {identifier}",
                found="an answer that was given to somebody else, or to a visit that has ended",
                expected="one of this caller's own",
                remedy="Label it with the key or in the visit that got the answer; SECRET_API_KEY may label any.",
            )
        return subject

    OPERATIONS = (
        Operation(
            "POST", PLACE, label, "results", Labelled, parameters=OF_ONE, callers=CALLERS,
            takes=Said, example={"label": "7"}, at_most=f"{LABEL_BYTES:,} bytes",
        ),
        Operation(
            "DELETE", PLACE, label, "results", Labelled, parameters=OF_ONE, callers=CALLERS,
            id="withdrawLabel", text="Take back what was said.",
        ),
    )  # fmt: skip


def _identifier(call: Call) -> UUID:
    text = call.path_params["id"]
    try:
        return UUID(text)
    except ValueError:
        raise _not_found(text[:40]) from None


def _not_found(identifier: str) -> NotFound:
    remedy = "Take the id from an answer that was stored, or from GET /results."
    return NotFound(f"result {identifier}", found="none of this id", expected="a stored answer", remedy=remedy)


def read_label(body: bytes) -> Label:
    """Reads `{"label": "7"}` or `{"label": "not-a-digit"}`.

    Raises:
        NotUnderstood: no JSON. BadLabel: JSON of another form, or another label.
    """
    try:
        said = _said.decode(body).label
    except msgspec.ValidationError as error:
        raise _explain(error, body) from None
    except NOT_JSON as error:
        raise no_json(error, body) from None
    return None if said == NOT_A_DIGIT else said


def label_word(label: Label) -> str:
    """A label as requests and answers have it."""
    return NOT_A_DIGIT if label is None else label


def _explain(error: msgspec.ValidationError, body: bytes) -> PixelWiseError:
    """The refusal that names the fault and the value."""
    found = str(error)
    try:
        whole = msgspec.json.decode(body)
    except msgspec.ValidationError:  # a number too large for a float; `error` is just as true
        whole = {}
    except NOT_JSON as broken:
        return no_json(broken, body)
    if not isinstance(whole, dict):
        found = shown(whole)
    elif "label" in whole:
        found = shown(whole["label"])
    expected, remedy = f'a digit as text, "0" to "9", or "{NOT_A_DIGIT}"', 'Send {"label": "7"}, naming what was drawn.'
    return BadLabel("label", found=found, expected=expected, remedy=remedy)
