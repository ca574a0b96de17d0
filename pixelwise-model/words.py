"""A card's sentences on one kind of file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from train import INK_ABOVE

STEP_IN_WORDS = {
    "Binarizer": "makes 1 of every value above 0.5, 0 of every other",
    "LogisticRegression": "gives each class a linear score and turns the scores into shares of 1 (softmax)",
    "MLPClassifier": "a neural network whose last layer turns its scores into shares of 1 (softmax)",
}


@dataclass(frozen=True)
class Words:
    """Parts of the card, Markdown.

    Attributes:
        library: the name of what trained it.
        library_name: the same, as the Hugging Face Hub knows it.
        row: the name and content of the row on what is inside.
        input: its content, of the row on the input.
        ink: a sentence on the values of a pixel.
        callers_part: the item on what the caller makes of the values.
        inside: what happens inside of the artefact, and what does not.
        limits: a sentence on pictures of no digit.
        safety: on opening the file.
        choices: a sentence on what settings were chosen by.
        making: the commands that make it again.
    """

    library: str
    library_name: str
    row: tuple[str, str]
    input: str
    ink: str
    callers_part: str
    inside: str
    limits: str
    safety: str
    choices: str
    making: str


def pickle_words(version: str, steps: Mapping[str, str], features: int) -> Words:
    """Those of a pipeline of scikit-learn, as joblib writes it."""
    named = [f"`{step}` (`{kind}`)" for step, kind in steps.items()]
    meanings = [STEP_IN_WORDS.get(kind, "as scikit-learn documents it") for kind in steps.values()]
    within = "\n".join(f"- {name}: {meaning}" for name, meaning in zip(named, meanings, strict=True))
    return Words(
        library="scikit-learn",
        library_name="sklearn",
        row=("Steps", ", then ".join(named)),
        input=f"`n_features_in_` is `{features}`: one picture of 28x28, row by row",
        ink=f"A pixel is ink when its value is above {INK_ABOVE}; {INK_ABOVE} itself is paper.",
        callers_part="make 1 of ink and 0 of paper by the rule above.",
        inside=f"{within}\n\n{NOT_INSIDE_A_PICKLE}",
        limits="The\n  model always answers with one of its classes, also for a picture that holds no digit.",
        safety=SAFETY_OF_A_PICKLE,
        choices=CHOSEN_ON_TEST_DIGITS,
        making=f"    python -m pip install -r requirements.txt\n    python train.py --version {version}",
    )


NOT_INSIDE_A_PICKLE = """\
Nowhere: it is not resized, centred or inverted for you. Dividing by 255 and leaving the rest to the artefact
would make ink of the value 128, which was paper in training."""

SAFETY_OF_A_PICKLE = """\
The artefact is a Python pickle, and a pickle is a program: `joblib.load` or `pickle.load` would run whatever
it says, with your rights. Do not unpickle it unless you trust whoever made it and its SHA-256 is the one
above. Read it with PixelWise, which takes it as data: nothing in it is executed."""


def onnx_words(opset: int, parameters: int) -> Words:
    """Those of a network of PyTorch, as an ONNX file."""
    return Words(
        library="PyTorch",
        library_name="onnx",
        row=(
            "Inside",
            f"a convolutional network of {parameters:,} numbers, operators of ONNX's opset {opset}",
        ),
        input="`images`: (N, 28, 28) uint8; output `scores`: (N, 10) float32, each row's sum 1",
        ink="Every value between paper and ink counts: edges stay grey.",
        callers_part="nothing else: the artefact takes the values as they are.",
        inside=INSIDE_A_NETWORK,
        limits="The\n  model was shown drawings that are no digits, too: see below.",
        safety=SAFETY_OF_ONNX,
        choices=CHOSEN_ON_KEPT_DIGITS,
        making="    python -m pip install -r requirements-v3.txt\n    python train_v3.py",
    )


CHOSEN_ON_TEST_DIGITS = """\
a handful of settings were compared on them before the ones in `train.py` were chosen, which flatters
the figure a little."""

CHOSEN_ON_KEPT_DIGITS = """\
temperature and limits were chosen on 500 training digits of each class that it did not learn from."""

INSIDE_A_NETWORK = """\
- the values are divided by 255;
- four convolutions, each followed by ReLU, two of them by a maximum over 2x2 pixels;
- a linear layer, whose scores become shares of 1 (softmax).

Nowhere: it is not resized, centred or inverted for you."""

SAFETY_OF_ONNX = """\
The artefact is data: weights, and the names of the operators that they belong to. Some runtimes for ONNX read
other files that such a file names, so check its SHA-256 first. PixelWise's own reader takes no other file."""
