"""Pictures on GET /model of what a model looks for: a linear one's weights, of networks average digits and units."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.model.first_layer import MOST, FirstLayer
from app.model.golden_set import GoldenSet
from app.web.model_pictures import AGAINST, FOR, average_pictures, unit_pictures, weight_pictures
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.test_card_page import page_of, text_of


@pytest.fixture(scope="module")
def networks(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """v2.0, a perceptron of scikit-learn's, and v3.0, convolutions in an ONNX file."""
    with Inside(published("v2.0"), tmp_path_factory.mktemp("networks"), published("v3.0")) as made:
        yield made


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)))


def fetched(inside: Inside, source: str) -> NDArray[np.uint8]:
    reply = inside.ask("GET", "/" + source, key=None)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    return pixels_of(reply.body)


def images_of(inside: Inside, path: str) -> dict[str, str]:
    """Address -> alt text of all pictures on a page, in order."""
    page = inside.ask("GET", path, key=None).body.decode()
    return dict(re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]*)"', page))


# -- a linear model ----------------------------------------------------------------------------------------------------


def test_weights_are_pictures_of_28_by_28(inside: Inside):
    sources = images_of(inside, "/model")
    assert sources == {f"model/weights/{digit}.png": f"Weights of {digit}" for digit in range(1, 10)}
    weights = inside.service.cards["v1.0"].weights
    assert weights is not None
    for column, source in enumerate(sources):
        picture = fetched(inside, source)
        assert picture.shape == (28, 28, 4)
        seen = picture[..., 3] > 0
        is_for = (picture[..., :3] == FOR).all(axis=2)
        assert (is_for == (weights[:, column].reshape(28, 28) >= 0))[seen].all()


def test_the_strongest_weight_is_opaque_and_none_is_transparent_on_one_scale_for_all():
    weights = np.zeros((784, 2))
    weights[:400, 0], weights[:400, 1], weights[400, 1] = 2.0, -1.0, 2.0
    first, second = (pixels_of(one.png) for one in weight_pictures(weights, ("1", "2")).values())
    assert first.reshape(784, 4)[[0, 783]].tolist() == [[*FOR, 255], [*FOR, 0]]
    assert second.reshape(784, 4)[[0, 400]][:, 3].tolist() == [128, 255]


@pytest.mark.parametrize("weights", [np.zeros((784, 2)), np.full((784, 2), 1e-300)])
def test_weights_without_strength_make_pictures_too(weights):
    assert len(weight_pictures(weights, ("1", "2"))) == 2


@pytest.mark.parametrize("label", ["0", "10", "x", "%00", "<script>"])
def test_a_picture_of_another_label_is_not_found(inside: Inside, label: str):
    reply = inside.ask("GET", f"/model/weights/{label}.png", key=None)
    assert (reply.status, set(reply.json)) == (404, {"error", "message", "remedy"})
    assert "1, 2, 3" in reply.json["message"]


def test_pictures_are_those_of_the_version_that_is_asked_for(several: Inside):
    assert several.ask("GET", "/model/weights/1.png?version=v1.0", key=None).status == 200
    assert several.ask("GET", "/model/averages/1.png?version=v2.0", key=None).status == 200
    assert several.ask("GET", "/model/units/1.png?version=v2.0", key=None).status == 200
    for path, why in (
        ("/model/weights/1.png?version=v2.0", "the model is not linear"),
        ("/model/averages/1.png", "no network with recorded digits"),
        ("/model/units/1.png", "no network whose units can be seen"),
    ):
        reply = several.ask("GET", path, key=None)
        assert (reply.status, why in reply.json["message"]) == (404, True)


# -- a network ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v2.0", "v3.0"])
def test_a_network_shows_the_average_of_what_it_calls_each_digit_and_its_first_layer(networks: Inside, version: str):
    query = "" if version == "v2.0" else "?version=v3.0"
    card = networks.service.cards[version]
    assert card.recorded is not None and card.first_layer is not None
    found = images_of(networks, f"/model{query}")
    called = card.recorded.scores.argmax(axis=1)
    units = len(card.first_layer.fields)
    assert list(found) == [
        *(f"model/averages/{digit}.png{query}" for digit in range(10)),
        *(f"model/units/{rank}.png{query}" for rank in range(1, units + 1)),
    ]
    for digit in range(10):
        source = f"model/averages/{digit}.png{query}"
        mean = card.recorded.images[called == digit].mean(axis=0)
        assert np.abs(fetched(networks, source)[..., 3] - mean).max() <= 0.5
        assert found[source] == f"The average of {(called == digit).sum()} digits that it calls {digit}"
    for rank in range(1, units + 1):
        assert fetched(networks, f"model/units/{rank}.png{query}").shape[:2] == card.first_layer.fields.shape[1:]
        assert re.fullmatch(
            rf"Unit {rank}: excited by ink .+, silenced by ink .+", found[f"model/units/{rank}.png{query}"]
        )


def test_the_page_says_what_the_pictures_of_a_network_are(networks: Inside):
    perceptron, convolution = (networks.service.cards[name].first_layer for name in ("v2.0", "v3.0"))
    assert perceptron is not None and convolution is not None
    assert not perceptron.is_moved and convolution.is_moved
    text = text_of(networks.ask("GET", "/model", key=None).body.decode())
    assert "the average of all digits of the golden set that it calls by this name, rightly or wrongly" in text
    assert f"The {MOST} of its {perceptron.units} units with the largest weights, the strongest first." in text
    assert "Each looks at the whole drawing." in text
    text = text_of(networks.ask("GET", "/model?version=v3.0", key=None).body.decode())
    rows, columns = convolution.fields.shape[1:]
    assert f"Each looks through a window of {rows} × {columns} pixels that moves over the drawing." in text


def test_where_a_network_has_nothing_to_show_the_page_says_so(inside: Inside):
    card = inside.service.cards["v1.0"]
    for changed, words in (
        ({"recorded": None}, "No golden set came with this release, and MNIST’s test file is not cached here."),
        ({}, "The first layer of this one, of the kind Else, has no weights that can be seen as pictures."),
        ({"recorded": None, "mnist": card.recorded}, "the average of all digits of MNIST’s test file"),
    ):
        page = page_of(inside, kind="Else", weights=None, **changed)
        assert words in text_of(page)


def test_a_class_that_nothing_is_called_has_no_average():
    digits = GoldenSet(np.full((2, 28, 28), 255, np.uint8), ("1", "2"), np.array([[0.9, 0.1, 0], [0.8, 0.1, 0.1]]))
    assert list(average_pictures(digits, ("1", "2", "3"))) == ["1"]


def test_a_picture_of_a_unit_is_described_by_where_ink_counts():
    field = np.zeros((1, 28, 28), np.float32)
    field[0, :6, :6], field[0, 12:16, 12:16] = 1, -1
    (one,) = unit_pictures(FirstLayer(field, 1)).values()
    assert one.words == "Unit 1: excited by ink at the top left, silenced by ink in the middle"
    assert pixels_of(one.png)[[0, 14], [0, 14]].tolist() == [[*FOR, 255], [*AGAINST, 255]]
    (one,) = unit_pictures(FirstLayer(np.abs(field[:, 4:5, :2]), 1)).values()
    assert one.words == "Unit 1: excited by ink at the top left, silenced by ink nowhere"


@pytest.mark.parametrize("rank", ["0", "25", "x", "100", "<script>"])
def test_a_picture_of_no_unit_is_not_found(networks: Inside, rank: str):
    reply = networks.ask("GET", f"/model/units/{rank}.png", key=None)
    assert (reply.status, reply.json["error"]) == (404, "not-found")


def test_the_pictures_follow_the_colours_of_the_page_s_words(inside: Inside):
    style = inside.ask("GET", "/page/model.css").body.decode()
    red, green, blue = FOR
    assert f".for {{ color: #{red:02x}{green:02x}{blue:02x};" in style
