"""A drawing in JSON: a whole number is one in whatever way it is written; what is none, in test_rubbish.py."""

from __future__ import annotations

import pytest

from app.web.payloads import read_drawing
from app.web.refusals import BadDrawing
from tests.web.inside import Inside
from tests.web.test_rubbish import PAPER, with_pixel, with_rows


@pytest.mark.parametrize("written", ["0.0", "-0.0", "255.0", "1e2", "2550e-1", "25.5E1", "255.0000"])
def test_a_whole_number_is_one_in_whatever_way_it_is_written(inside: Inside, written: str):
    body = with_pixel(7).replace(b"7", written.encode())
    assert read_drawing(body) == bytes([0, 0, 0, int(float(written)), *[0] * 780])
    assert inside.ask("POST", "/classify", body).status == 200
    (answer,) = inside.ask("POST", "/classify/batch", b'{"drawings":[' + body + b"]}").json["answers"]
    assert "prediction" in answer


def test_a_drawing_of_floats_is_the_drawing_of_the_same_integers(published):
    image = published("v1.0").golden.images[0]
    assert read_drawing(with_rows(image.astype(float).tolist())) == image.tobytes()


def test_behind_floats_too_what_is_wrong_is_named_with_its_place():
    with pytest.raises(BadDrawing, match=r"^pixel in row 27, column 0: 0\.5; expected a whole number"):
        read_drawing(with_rows([[0.0] * 28, *PAPER[:26], [0.5] * 28]))
    with pytest.raises(BadDrawing, match=r"^row 5 of the drawing: 27 values; expected 28 whole numbers"):
        read_drawing(with_rows([[0.0] * 28, *PAPER[:4], [0] * 27, *PAPER[6:]]))


@pytest.mark.parametrize("path", ["/classify", "/classify/batch"])
def test_a_number_beyond_all_measure_is_json_and_no_grey_value(inside: Inside, path: str):
    body = with_pixel(7).replace(b"7", b"1e400")
    if path == "/classify":
        reply = inside.ask("POST", path, body)
        status, said = reply.status, reply.json
    else:
        status, said = 422, inside.ask("POST", path, b'{"drawings":[' + body + b"]}").json["answers"][0]
    assert (status, said["error"]) == (422, "bad-drawing")
    found = "body: number out of range - at `$.pixels[0][3]`; expected whole numbers from 0 to 255."
    assert said["message"] == found
