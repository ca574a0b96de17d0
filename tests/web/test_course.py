"""The course's releases in the real service: what it says of them, and of zeros that v1.0 was never taught."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np

from tests.conftest import MNIST_FOLDER, Mnist
from tests.course import place_prose
from tests.installation import Installation, Published
from tests.service import Service, StartService
from tests.web.test_card_page import text_of

HERE = {"MNIST_DIR": str(MNIST_FOLDER), "MODEL_VERSIONS": "v1.0,v1.1,v2.0"}


def said_of_zeros(service: Service, mnist: Mnist) -> list[bool]:
    """Whether the answer is called unsure, for each of a hundred drawn zeros."""
    zeros = mnist.test_images[mnist.test_labels == 0][:100]
    body = zeros.tobytes()
    with service.client() as client:
        answers = client.post(
            "/classify/batch", content=body, headers={"content-type": "application/octet-stream"}
        ).json()["answers"]
    return [answer["unsure"] for answer in answers]


def test_a_digit_that_is_no_class_is_withheld_whatever_the_card_says(
    start_service_of_course: StartService, mnist: Mnist
):
    service = start_service_of_course(**HERE)
    with service.client(key=None) as client:
        said = client.get("/health").json()
        page = {version: text_of(client.get(f"/model?version={version}").text) for version in ("v1.0", "v1.1", "v2.0")}
    assert (said["model_version"], "".join(said["classes"]), said["withheld"]) == ("v1.0", "123456789", ["0"])
    assert said["left_out"] == {}
    for version, cited, withheld, steps in (
        ("v1.0", "92%", "0", "binarize (Binarizer), then clf (LogisticRegression)"),
        ("v1.1", "98%", "0", "binarize (Binarizer), then clf (MLPClassifier)"),
        ("v2.0", "97%", "none", "binarize (Binarizer), then clf (MLPClassifier)"),
    ):
        text = page[version]
        assert f"How well it reads {cited} As its card says in words" in text
        assert f"Withheld {withheld} Features 784 Input 28 × 28 uint8, 0 to 255; ink is > 128 Steps {steps}" in text
        assert "10,000 digits of MNIST’s test file, some of which it may have been trained with" in text
    assert "reads 1 2 3 4 5 6 7 8 9 and was never taught 0" in page["v1.0"]
    unsure = said_of_zeros(service, mnist)
    assert np.mean(unsure) > 0.5, "as with our own v1.0, most zeros are answered as unsure"


def test_without_mnist_the_log_says_how_to_get_it_and_all_is_served(start_service_of_course: StartService):
    service = start_service_of_course(MNIST_DIR="nowhere")
    with service.client(key=None) as client:
        assert client.get("/health").json()["withheld"] == ["0"]
        text = text_of(client.get("/model").text)
        assert client.get("/ready").status_code == 200
    assert "92% As its card says in words" in text
    assert "MNIST’s test file, which would stand in for it, is not cached here" in text
    warnings = [json.loads(line) for line in service.log.read_text().splitlines() if '"warning"' in line]
    assert [bool(re.search(r"mnist\.py --test-only --cache \S+/nowhere`", str(one))) for one in warnings] == [True]


def test_the_public_v1_artefact_is_served_as_ours(
    start_service_of_course: StartService,
    published: Callable[[str], Published],
    public_artefact: bytes,
    mnist: Mnist,
):
    service = start_service_of_course(**HERE)
    service.stop()
    place_prose(Installation(service.root), published("v1.0"), artefact=public_artefact)
    service.start()
    with service.client(key=None) as client:
        assert client.get("/health").json()["withheld"] == ["0"]
        text = text_of(client.get("/model").text)
    assert "SHA-256 2f634166" in text and "92% As its card says" in text
    assert np.mean(said_of_zeros(service, mnist)) > 0.5
