"""GET /model: the release's card as a page, and the weights of a linear model as pictures."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from app.errors import NotFound
from app.web.call import Call
from app.web.model_page import as_html, confusions, weight_pictures
from app.web.routes.page import MAY_BE_KEPT
from app.web.service import Service

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


class ModelPage:
    """Both routes. All is made ready once: a release does not change while it is served."""

    def __init__(self, service: Service) -> None:
        version, card = service.reader.version, service.card
        self._pictures = {} if card.weights is None else weight_pictures(card.weights, version.classes)
        templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        self._page = templates.get_template("model.html").render(
            version=version,
            card=card,
            contract=card.contract,
            rows=confusions(card.recorded, version.classes) if card.recorded else [],
            pictures=list(self._pictures),
            prose=as_html(card.prose) if card.prose else "",
        )

    async def model(self, call: Call) -> Response:
        """The page."""
        return HTMLResponse(self._page, headers=MAY_BE_KEPT)

    async def weights(self, call: Call) -> Response:
        """The picture of one class."""
        label = call.path_params["label"]
        if label not in self._pictures:
            promised = f"one of {', '.join(self._pictures)}" if self._pictures else "none: the model is not linear"
            raise NotFound("weights", found=label[:40], promised=promised, remedy="GET /model shows what there is.")
        return Response(self._pictures[label], media_type="image/png", headers=MAY_BE_KEPT)
