"""A 0 that is sent to a version which was never taught one: found by its ring, and called unsure."""

from __future__ import annotations

import numpy as np
import pytest

from app.drawing.strokes import draw_strokes
from tests.service import Service, StartService

ANGLES = np.radians(np.linspace(0, 360, 60))
RING = draw_strokes([np.stack([7 * np.cos(ANGLES), 10 * np.sin(ANGLES)], axis=1)])


def answers_of(service: Service, images: np.ndarray, version: str) -> list[dict]:
    with service.client() as client:
        reply = client.post(
            f"/classify/batch?model={version}",
            content=images.tobytes(),
            headers={"content-type": "application/octet-stream"},
        )
    answers: list[dict] = reply.json()["answers"]
    return answers


@pytest.fixture
def service(start_service_of_three: StartService) -> Service:
    return start_service_of_three(MODEL_VERSIONS="v1.0,v1.1,v2.0")


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_a_ring_is_named_by_a_version_that_was_never_taught_0_and_its_answer_is_unsure(service: Service, version: str):
    (answer,) = answers_of(service, RING[np.newaxis], version)
    assert [finding["name"] for finding in answer["findings"]] == ["may-be-withheld"]
    assert answer["findings"][0]["remedy"] == "It has the ring of a 0, which this version was never taught."
    assert answer["unsure"]


def test_a_version_that_knows_0_names_none(service: Service):
    (answer,) = answers_of(service, RING[np.newaxis], "v2.0")
    assert (answer["prediction"], answer["findings"], answer["unsure"]) == ("0", [], False)


def test_of_zeros_that_v1_0_calls_sure_few_are_left(service: Service, mnist):
    zeros = mnist.test_images[mnist.test_labels == 0]
    answers = answers_of(service, zeros, "v1.0")
    assert np.mean([not answer["unsure"] for answer in answers]) < 0.05
