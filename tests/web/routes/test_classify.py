"""POST /classify and POST /classify/batch against the real service."""

from __future__ import annotations

import pytest

from tests.installation import Published
from tests.service import Service, as_json


@pytest.mark.parametrize("path", ["/classify", "/api/classify"])
def test_a_drawing_is_answered_and_stored(service: Service, published, path: str):
    golden = published("v1.0").golden
    with service.client() as client:
        answer = client.post(path, json=as_json(golden.images[0])).json()
        assert answer["prediction"] == str(golden.scores[0].argmax() + 1)
        assert answer["confidence"] == pytest.approx(golden.scores[0].max(), abs=1e-5)
        assert sum(answer["scores"].values()) == pytest.approx(1)
        newest = client.get("/results", params={"limit": 1}).json()["results"][0]
    assert {key: newest[key] for key in ("id", "prediction", "model_version")} == {
        "id": answer["id"],
        "prediction": answer["prediction"],
        "model_version": "v1.0",
    }


def test_a_batch_of_bytes_is_answered_in_order(service: Service, published):
    release: Published = published("v1.0")
    images = release.golden.images[:40]
    with service.client() as client:
        content = client.post(
            "/classify/batch", content=images.tobytes(), headers={"content-type": "application/octet-stream"}
        ).json()
    assert [answer["prediction"] for answer in content["answers"]] == [
        str(row.argmax() + 1) for row in release.golden.scores[:40]
    ]


def test_one_bad_drawing_does_not_fail_its_neighbours(service: Service, published):
    good = as_json(published("v1.0").golden.images[3])
    bad = {"pixels": [[300] * 28] * 28}
    with service.client() as client:
        reply = client.post("/classify/batch", json={"drawings": [good, bad, good, {}, good]})
    answers = reply.json()["answers"]
    assert reply.status_code == 200
    assert [("prediction" in answer, answer.get("error")) for answer in answers] == [
        (True, None),
        (False, "bad-drawing"),
        (True, None),
        (False, "bad-drawing"),
        (True, None),
    ]
    assert "300" in answers[1]["message"]
