"""GET /model: a release's card as a page, and the weights of a linear model as pictures. `?version=` names one
other than the default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Meta
from starlette.responses import HTMLResponse, Response

from app.answering.served_version import ServedVersion
from app.drawing.ink_measures import SIDE
from app.drawing.normalise import RECIPE
from app.model.contract import THE_INPUT
from app.model.unsure import SURE_FROM
from app.web.card_page import CardPage, as_html, confusions, weight_pictures
from app.web.file_response import MAY_BE_KEPT
from app.web.operation import HTML, Operation, Parameter, binary
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.service import Routes, Service

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
VERSION = Parameter("version", "query", str, "A served version, such as v1.0; without it, the default.", refused=(404,))
LABEL = Parameter("label", "path", Annotated[str, Meta(pattern="^[0-9]$")], "A class of the model.")
PICTURE = {"image/png": binary(f"{SIDE} x {SIDE} pixels.")}


class Shown(NamedTuple):
    """One version's page, and its pictures by class."""

    page: str
    pictures: dict[str, bytes]


class ModelRoutes(Routes):
    """Both routes. All is made ready once: a release does not change while it is served."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._shown = {
            name: self._show(reader.version, service.cards[name]) for name, reader in service.readers.items()
        }

    async def model(self, call: Call) -> Response:
        """The card of a version."""
        return HTMLResponse(self._asked(call).page, headers=MAY_BE_KEPT)

    async def weights(self, call: Call) -> Response:
        """What a linear model looks for in one digit, as a picture."""
        label, pictures = call.path_params["label"], self._asked(call).pictures
        if label not in pictures:
            expected = f"one of {', '.join(pictures)}" if pictures else "none: the model is not linear"
            raise NotFound("weights", found=label[:40], expected=expected, remedy="GET /model shows what there is.")
        return Response(pictures[label], media_type="image/png", headers=MAY_BE_KEPT)

    def _asked(self, call: Call) -> Shown:
        version = call.query_params.get("version", self._service.default)
        return self._shown[self._service.reader_of(version).version.name]

    def _show(self, version: ServedVersion, card: CardPage) -> Shown:
        service = self._service
        digits = card.recorded or card.mnist
        pictures = {} if card.weights is None else weight_pictures(card.weights, version.classes)
        page = _templates.get_template("model.html").render(
            version=version,
            versions=list(service.readers),
            default=service.default,
            left_out=service.left_out,
            card=card,
            contract=card.contract,
            drawn=card.contract.drawn if card.contract else None,
            sure_from=SURE_FROM,
            recipe=RECIPE,
            input=card.contract.input if card.contract else THE_INPUT,
            rows=confusions(digits, version.classes) if digits else [],
            pictures=list(pictures),
            prose=as_html(card.prose) if card.prose else "",
        )
        return Shown(page, pictures)

    OPERATIONS = (
        Operation("GET", "/model", model, "pages", HTML, parameters=[VERSION]),
        Operation("GET", "/model/weights/{label}.png", weights, "pages", PICTURE, parameters=[LABEL, VERSION]),
    )
