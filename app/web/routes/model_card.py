"""GET /model: a release's card as a page, and what its model looks for as pictures. `?version=` names one other
than the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from msgspec import Meta
from starlette.responses import HTMLResponse, Response

from app.answering.served_version import ServedVersion
from app.drawing.normalise import RECIPE
from app.model.contract import THE_INPUT
from app.model.unsure import SURE_FROM
from app.web.card_page import CardPage, confusions
from app.web.file_response import MAY_BE_KEPT
from app.web.markdown_text import as_html
from app.web.model_pictures import Picture, average_pictures, unit_pictures, weight_pictures
from app.web.operation import HTML, Operation, Parameter, binary
from app.web.page_templates import page_template
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.service import Routes, Service

VERSION = Parameter("version", "query", str, "A served version, such as v1.0; without it, the default.", refused=(404,))
LABEL = Parameter("label", "path", Annotated[str, Meta(pattern="^[0-9]$")], "A class of the model.")
RANK = Parameter("rank", "path", Annotated[str, Meta(pattern="^[1-9][0-9]?$")], "Its place, the strongest first.")
PICTURE = {"image/png": binary("A pixel for each weight, or for each pixel of the drawings.")}


class Shown(NamedTuple):
    """One version's page, and its pictures: of a linear model's weights by class; of others the digits that it calls a
    class, on average, by class, and units of the first layer by rank."""

    page: str
    weights: dict[str, Picture]
    averages: dict[str, Picture]
    units: dict[str, Picture]


class ModelRoutes(Routes):
    """All is made ready once: a release does not change while it is served."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._template = page_template("model.html")
        self._shown = {
            name: self._show(reader.version, service.cards[name]) for name, reader in service.readers.items()
        }

    async def model(self, call: Call) -> Response:
        """The card of a version."""
        return HTMLResponse(self._asked(call).page, headers=MAY_BE_KEPT)

    async def weights(self, call: Call) -> Response:
        """What a linear model looks for in one digit, as a picture."""
        return _picture("weights", call.path_params["label"], self._asked(call).weights, "the model is not linear")

    async def averages(self, call: Call) -> Response:
        """The average of the recorded digits that a network calls so, as a picture."""
        pictures = self._asked(call).averages
        return _picture("average", call.path_params["label"], pictures, "no network with recorded digits")

    async def units(self, call: Call) -> Response:
        """What a unit of a network's first layer looks for, as a picture."""
        return _picture("unit", call.path_params["rank"], self._asked(call).units, "no network whose units can be seen")

    def _asked(self, call: Call) -> Shown:
        version = call.query_params.get("version", self._service.default)
        return self._shown[self._service.reader_of(version).version.name]

    def _show(self, version: ServedVersion, card: CardPage) -> Shown:
        service = self._service
        digits = card.recorded or card.mnist
        is_linear = card.weights is not None
        weights = {} if card.weights is None else weight_pictures(card.weights, version.classes)
        averages = {} if is_linear or digits is None else average_pictures(digits, version.classes)
        units = {} if card.first_layer is None else unit_pictures(card.first_layer)
        page = self._template.render(
            up="",
            current="model",
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
            weights=weights,
            averages=averages,
            units=units,
            prose=as_html(card.prose) if card.prose else "",
        )
        return Shown(page, weights, averages, units)

    OPERATIONS = (
        Operation("GET", "/model", model, "pages", HTML, parameters=[VERSION]),
        Operation("GET", "/model/weights/{label}.png", weights, "pages", PICTURE, parameters=[LABEL, VERSION]),
        Operation("GET", "/model/averages/{label}.png", averages, "pages", PICTURE, parameters=[LABEL, VERSION]),
        Operation("GET", "/model/units/{rank}.png", units, "pages", PICTURE, parameters=[RANK, VERSION]),
    )


def _picture(what: str, name: str, pictures: Mapping[str, Picture], why_none: str) -> Response:
    if name not in pictures:
        expected = f"one of {', '.join(pictures)}" if pictures else f"none: {why_none}"
        raise NotFound(what, found=name[:40], expected=expected, remedy="GET /model shows what there is.")
    return Response(pictures[name].png, media_type="image/png", headers=MAY_BE_KEPT)
