"""Checks that artefact, card, code and golden set agree; each names the finding, the promise, and where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from app.drawing.normalise import RECIPE
from app.model.contract import (
    FOR_PEOPLE,
    GREY,
    SCALES,
    USUAL_FORMAT,
    Accuracy,
    Contract,
    Drawn,
    GoldenPromise,
    NotADigit,
    Scale,
    withheld_from,
)
from app.model.golden_set import Replay
from app.model.scorer import Scorer
from app.verify.card import Card, Stated
from app.verify.refusals import ContractBroken

View = Literal["artefact", "card", "prose", "code", "golden", "settings", "here", "signature"]
Outcome = Literal["agrees", "differs", "skipped"]

ROUNDING = 0.00005
"""Tolerance for shares, which cards round to four places."""
MOST_NAMED = 3
"""Most differences named in a refusal; `pixelwise verify` shows all."""


class Code(NamedTuple):
    """The terms of this code, independent of any file. A model that is only inspected may have integer classes."""

    classes: tuple[str | int, ...]
    shape: tuple[int, int] = (28, 28)
    dtype: str = "uint8"
    range: tuple[int, int] = (0, 255)
    recipe: int = RECIPE

    @property
    def withheld(self) -> frozenset[str]:
        """Digits that people draw but these classes leave out."""
        return frozenset(withheld_from(self.classes))


class Check(NamedTuple):
    """One value as given by two views. `why` is the reason for a skipped check."""

    name: str
    found_in: View
    found: str
    promised_by: View
    promised: str
    outcome: Outcome
    why: str = ""


def compare(name: str, found_in: View, found: object, promised_by: View, promised: object) -> Check:
    """A check that two values are equal."""
    return judge(name, found_in, found, promised_by, promised, agrees=found == promised)


def judge(name: str, found_in: View, found: object, promised_by: View, promised: object, *, agrees: bool) -> Check:
    """A check of two values that the caller has compared."""
    return Check(name, found_in, show(found), promised_by, show(promised), "agrees" if agrees else "differs")


def skip(name: str, found_in: View, found: object, promised_by: View, why: str, *, promised: object = "") -> Check:
    """A skipped check, with the reason."""
    return Check(name, found_in, show(found), promised_by, show(promised), "skipped", why)


def refuse_differences(artefact: str, checks: Sequence[Check]) -> None:
    """Raises if any checks differ.

    Raises:
        ContractBroken: names the first ones, and the number of others.
    """
    differing = [check for check in checks if check.outcome == "differs"]
    if differing:
        only_name = [check.promised for check in differing] if [check.name for check in differing] == ["file"] else []
        named, more = differing[:MOST_NAMED], len(differing) - MOST_NAMED
        raise ContractBroken(
            f"{artefact}, {', '.join(check.name for check in named)}{f' and {more} more' if more > 0 else ''}",
            found=" and ".join(f"{check.found!r} ({check.found_in})" for check in named),
            expected=" and ".join(f"{check.promised!r} ({check.promised_by})" for check in named),
            checks=tuple(checks),
            remedy=f"Name it {only_name[0]} again, in MODEL_PATH too, or leave MODEL_PATH empty."
            if only_name
            else None,
        )


def show(value: object) -> str:
    """A value for tables and messages: ("1", "2") as "1 2", {"a": "b"} as "a: b", the rest as text."""
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    if isinstance(value, tuple):
        return " ".join(map(show, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {part}" for key, part in value.items()) or "none"
    return str(value)


def show_labels(labels: Sequence[str | int]) -> str:
    """Labels for tables and messages, in which 1 and "1" must look different."""
    return " ".join(map(str, labels)) + (" (integers)" if int in map(type, labels) else "")


def check_artefact(scorer: Scorer, code: Code) -> list[Check]:
    """Checks the artefact against this code."""
    pixels, threshold = code.shape[0] * code.shape[1], scorer.threshold
    inside = "none" if threshold is None else f"1 above {threshold:g}, else 0"
    before = "the grey values" if scorer.ink == GREY else f"1 for ink ({scorer.ink}), else 0"
    leaves_as_is = threshold is None or 0 <= threshold < 1
    return [
        compare("classes", "artefact", show_labels(scorer.labels), "code", show_labels(code.classes)),
        compare("features", "artefact", scorer.features, "code", pixels),
        judge("preprocessing", "artefact", inside, "code", before, agrees=leaves_as_is),
    ]


def check_card(card: Card | None, scorer: Scorer, *, file: str, sha256: str, version: str, code: Code) -> list[Check]:
    """Checks the card against the artefact, the pinned version and this code; a prose-only card, by its statements."""
    if card is None:
        return [skip("card", "artefact", file, "card", "no card of this artefact lies beside it")]
    if card.contract is None:
        return _check_prose(card.stated, scorer, sha256)
    contract = card.contract
    accuracy = contract.accuracy
    promised_image = (contract.input.shape, contract.input.dtype, contract.input.range)
    return [
        compare("version", "settings", version, "card", contract.version),
        compare("file", "artefact", file, "card", contract.artefact),
        compare("sha256", "artefact", sha256, "card", contract.sha256),
        *_check_format(scorer, contract),
        *(_check_stated(key, value, getattr(contract, key)) for key, value in scorer.stated.items()),
        compare("classes", "artefact", scorer.classes, "card", contract.classes),
        _check_withheld(code, contract),
        compare("features", "artefact", scorer.features, "card", contract.features),
        compare("image", "code", (code.shape, code.dtype, code.range), "card", promised_image),
        _check_ink_rule(scorer, contract),
        judge(
            "accuracy",
            "card",
            accuracy.value,
            "card",
            f"{accuracy.correct} of {accuracy.n} is {accuracy.correct / accuracy.n:.4f}",
            agrees=_adds_up(accuracy),
        ),
        *_check_scale(contract.input.scale, scorer),
        *_check_drawn(contract.drawn, code),
        *_check_no_digit(contract.not_a_digit),
        *_check_own_prose(card.stated, contract),
    ]


def _check_ink_rule(scorer: Scorer, contract: Contract) -> Check:
    agrees = scorer.ink == contract.input.ink
    because = "" if agrees or scorer.threshold is None else ", which its own Binarizer is given"
    return judge("ink rule", "artefact", f"{scorer.ink}{because}", "card", contract.input.ink, agrees=agrees)


def _check_format(scorer: Scorer, contract: Contract) -> list[Check]:
    """Checks the format, which a contract need not state if it is the usual one."""
    if scorer.format == contract.format == USUAL_FORMAT:
        return []
    return [compare("format", "artefact", scorer.format, "card", contract.format)]


def _check_stated(key: str, found: object, promised: object) -> Check:
    agrees = _in_order(found) == _in_order(promised)
    return judge(
        FOR_PEOPLE.get(key, key), "artefact", found, "card", "nothing" if promised is None else promised, agrees=agrees
    )


def _in_order(value: object) -> object:
    """A dictionary as its items, since a comparison of dictionaries ignores their order."""
    return list(value.items()) if isinstance(value, dict) else value


def _adds_up(accuracy: Accuracy) -> bool:
    return accuracy.correct <= accuracy.n and abs(accuracy.value - accuracy.correct / accuracy.n) <= ROUNDING


def _check_drawn(drawn: Drawn | None, code: Code) -> list[Check]:
    """Checks the figures on drawn digits. A new recipe stops no release: figures measured with another recipe are no
    promise here, and their temperature is not used."""
    if drawn is None:
        return [skip("recipe", "code", code.recipe, "card", "measured with no drawn digits: answers have no certainty")]
    recipe = compare("recipe", "code", code.recipe, "card", drawn.recipe)
    if recipe.outcome == "differs":
        recipe = recipe._replace(outcome="skipped", why="measured with another: answers have no certainty")
    shares = {"strokes": drawn.strokes, "pictures": drawn.pictures}
    found = ", ".join(f"{name} {one.value:.2%} ({one.correct:,} of {one.n:,})" for name, one in shares.items())
    counted = {name: f"{one.correct / one.n:.2%}" for name, one in shares.items()}
    agrees = all(_adds_up(one) for one in shares.values())
    return [recipe, judge("drawn digits", "card", found, "card", found if agrees else counted, agrees=agrees)]


def _check_scale(stated: Scale | None, scorer: Scorer) -> list[Check]:
    """Checks nothing: the card is the only one to say it. Recorded answers show whether it is right."""
    if stated is None or scorer.threshold is not None:
        return []
    why = "the file does not say; recorded answers and accuracy show whether it is right"
    return [skip("scale", "artefact", "", "card", why, promised=f"{stated}: {SCALES[stated]}")]


def _check_no_digit(stated: NotADigit | None) -> list[Check]:
    if stated is None:
        return []
    kinds = {"digits": stated.digits, "shapes": stated.shapes}
    if stated.strokes is not None:
        kinds["strokes"] = stated.strokes
    found = ", ".join(f"{name} {one.value:.2%} ({one.count:,} of {one.n:,})" for name, one in kinds.items())
    counted = {name: f"{one.count / one.n:.2%}" for name, one in kinds.items()}
    agrees = all(one.count <= one.n and abs(one.value - one.count / one.n) <= ROUNDING for one in kinds.values())
    return [judge("taken for no digit", "card", found, "card", found if agrees else counted, agrees=agrees)]


def _check_withheld(code: Code, contract: Contract) -> Check:
    if code.withheld and not contract.withheld:
        return skip("withheld", "code", code.withheld, "card", "the card names none")
    return compare("withheld", "code", code.withheld, "card", frozenset(contract.withheld))


def check_golden(replay: Replay, promise: GoldenPromise, *, whole: bool) -> list[Check]:
    """Checks the recorded answers against those given here; `whole`: all were replayed, not only a slice."""
    here = f"{replay.other_labels} other labels, scores within {replay.worst:.1e}"
    recorded = "0 other labels, scores within 1e-05"
    checks = [judge("recorded answers", "here", here, "golden", recorded, agrees=replay.reproduces)]
    if whole:
        found = f"{replay.correct} of {replay.n} right"
        checks.append(compare("golden accuracy", "here", found, "card", f"{promise.correct} of {promise.n} right"))
    return checks


def _check_own_prose(stated: Stated, contract: Contract) -> list[Check]:
    """Checks a card's prose against its front matter: both come from the same values, so an edit of one shows."""
    return [
        _if_stated("classes in prose", "card", contract.classes, stated.classes),
        _if_stated("features in prose", "card", contract.features, stated.features),
        _check_stated_accuracy(stated, contract.accuracy),
        *(
            _check_form(name, stated, contract)
            for name, (in_contract, _, _) in _HELD.items()
            if stated.forms.get(name) or in_contract(contract)
        ),
    ]


def _check_form(name: str, stated: Stated, contract: Contract) -> Check:
    in_contract, agrees, say = _HELD[name]
    found, statements = in_contract(contract), stated.forms.get(name)
    true = say(*found) if found and isinstance(found, tuple) else found
    if not statements:
        return _if_stated(f"{name} in prose", "card", true, None)
    if not found:
        return skip(f"{name} in prose", "card", "", "prose", "the contract does not state it")
    differing = sorted(one for one in statements if not agrees(found, *one))
    said = "; ".join(say(*one) for one in differing)
    return judge(f"{name} in prose", "card", true, "prose", said or true, agrees=not differing)


def _share_agrees(per_class: dict[str, float], label: str, right: str, of: str, percent: str) -> bool:
    if label not in per_class or int(of) == 0:
        return False
    share = int(right) / int(of)
    return abs(float(percent) / 100 - share) <= ROUNDING and abs(per_class[label] - share) <= 2 * ROUNDING


def _statements_agree(stated: tuple[str, ...], *said: str) -> bool:
    """True if a statement agrees: it fills its own places of the form and leaves the others empty."""
    return all(text in ("", true) for text, true in zip(said, stated, strict=True))


def _drawn(contract: Contract) -> tuple[str, ...]:
    drawn = contract.drawn
    if drawn is None:
        return ()
    shares = [(f"{100 * one.value:.2f}", str(one.correct), str(one.n)) for one in (drawn.pictures, drawn.strokes)]
    error = drawn.error
    sure = (f"{drawn.temperature:.3f}", f"{error.before:.4f}", f"{error.after:.4f}", str(error.n))
    return (str(drawn.recipe), *shares[0], *shares[1], *sure)


def _golden(contract: Contract) -> tuple[str, ...]:
    golden = contract.golden
    return () if golden is None else (str(golden.n), str(golden.correct), str(golden.withheld))


def _say_golden(n: str, correct: str, withheld: str) -> str:
    return _sentence(
        (f"{correct} of {n} digits are read rightly", n), (f"{withheld} more are of withheld classes", withheld)
    )


def _say_drawn(recipe: str, *rest: str) -> str:
    pictures, strokes, sure = rest[:3], rest[3:6], rest[6:]
    temperature, before, after, n = sure
    return _sentence(
        (f"read by recipe {recipe}, {pictures[0]}% of pictures are right ({pictures[1]} of {pictures[2]})", recipe),
        (f"{strokes[0]}% of strokes are right ({strokes[1]} of {strokes[2]})", strokes[0]),
        (
            f"temperature {temperature} brings the calibration error from {before} to {after}, on {n} digits",
            temperature,
        ),
    )


def _sentence(*clauses: tuple[str, str]) -> str:
    """A sentence of those clauses whose value (the second of each pair) is stated."""
    return ", ".join(clause for clause, value in clauses if value)


def _as_stated(*said: str) -> str:
    return " ".join(said)


_HELD: dict[str, tuple[Callable[[Contract], Any], Callable[..., bool], Callable[..., str]]] = {
    "digits": (lambda contract: contract.accuracy.per_class, _share_agrees, _as_stated),
    "golden set": (_golden, _statements_agree, _say_golden),
    "drawn digits": (_drawn, _statements_agree, _say_drawn),
    "sha256": (lambda contract: contract.sha256, lambda digest, said: said.lower() == digest, _as_stated),
    "ink rule": (lambda contract: contract.input.ink.removeprefix("> "), lambda above, said: said == above, _as_stated),
    "steps": (lambda contract: contract.steps or {}, lambda steps, name, kind: steps.get(name) == kind, _as_stated),
}
"""For each of a card's forms: the contract's value, a function that tells if a statement agrees with it, and such a
statement in words."""


def _check_stated_accuracy(stated: Stated, accuracy: Accuracy) -> Check:
    if not stated.counted:
        alike = stated.accuracy is not None and abs(stated.accuracy - accuracy.value) <= 2 * ROUNDING
        return _if_stated("accuracy in prose", "card", accuracy.value, accuracy.value if alike else stated.accuracy)
    agrees = all(
        abs(share - accuracy.value) <= ROUNDING and (correct, n) == (accuracy.correct, accuracy.n)
        for share, correct, n in stated.counted
    )
    promised = tuple(f"{share:.4f} ({correct} of {n})" for share, correct, n in sorted(stated.counted))
    found = f"{accuracy.value:.4f} ({accuracy.correct} of {accuracy.n})"
    return judge("accuracy in prose", "card", found, "prose", promised, agrees=agrees)


def _check_prose(stated: Stated, scorer: Scorer, sha256: str) -> list[Check]:
    no_contract = "the card has no contract block"
    return [
        _if_stated("classes", "artefact", scorer.classes, stated.classes),
        _if_stated("features", "artefact", scorer.features, stated.features),
        *_check_step_names(stated, scorer),
        _if_stated(  # a card may also mention other releases' classifiers
            "classifier",
            "artefact",
            scorer.kind,
            scorer.kind if scorer.kind in stated.classifiers else stated.classifiers or None,
        ),
        _cited_accuracy(stated),
        skip("sha256", "artefact", sha256, "card", no_contract),
        *(
            skip(FOR_PEOPLE.get(key, key), "artefact", value, "card", no_contract)
            for key, value in scorer.stated.items()
            if key != "steps"
        ),
    ]


def _check_step_names(stated: Stated, scorer: Scorer) -> list[Check]:
    """Checks the step names of a card, which may be only some, against all steps of the artefact, if it has any."""
    steps = scorer.stated.get("steps")
    if not isinstance(steps, dict):
        return []
    if not stated.step_names:
        return [_if_stated("step names", "artefact", steps, None)]
    agrees = stated.step_names <= steps.keys()
    return [judge("step names", "artefact", steps, "prose", stated.step_names, agrees=agrees)]


def _cited_accuracy(stated: Stated) -> Check:
    if stated.accuracy is None:
        return skip("accuracy", "here", "", "prose", "the prose does not state it, or states several")
    measured_by = "measured by `predict.py` and `pixelwise verify --mnist`"
    return skip("accuracy", "here", "", "prose", measured_by, promised=f"{stated.accuracy:.1%}")


def _if_stated(name: str, found_in: View, found: object, promised: object | None) -> Check:
    if promised is None:
        return skip(name, found_in, found, "prose", "the prose does not state it, or states several")
    return compare(name, found_in, found, "prose", promised)
