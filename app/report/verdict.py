"""One sentence on what can be concluded today, and what cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.report.number_format import about, e_value, p_value, times
from app.report.report_data import Paired, Verdict
from app.report.statistics import ENOUGH, MIN_LABELS, more_needed

USUAL = 0.05
"""A p-value below this is convincing for a single look; this report is looked at every day."""


def judge(base: str, challenger: str, asked: Paired) -> Verdict:
    """The verdict on which version reads better, by drawings whose makers were asked what they are.

    The e-value decides: looking every day until a p-value is below 0.05 finds one sooner or later.
    """
    if asked.n < MIN_LABELS:
        return Verdict(
            challenger,
            "too few",
            f"Too few labels to compare {challenger} with {base}: {asked.n} of {MIN_LABELS}",
            f"About {MIN_LABELS - asked.n} more asked labels of digits that both know and read are needed before "
            "anything is said.",
        )
    wins = f"{challenger} is right where {base} is wrong {times(asked.wins)}, the reverse {times(asked.losses)}"
    numbers = f"{p_value(asked.p)}, n = {asked.n:,}"
    evidence = e_value(asked.log10_e)
    if asked.log10_e >= math.log10(ENOUGH):
        is_better = asked.wins > asked.losses
        return Verdict(
            challenger,
            "better" if is_better else "worse",
            f"{wins}: a difference is shown, {challenger if is_better else base} reads better, {numbers}",
            f"The evidence is {evidence}; {ENOUGH:g} is enough, however often one looks.",
        )
    once = f" (p is below {USUAL:g}: enough for one look, not for many)" if asked.p < USUAL else ""
    return Verdict(
        challenger,
        "not shown",
        f"{wins}: no difference shown, {numbers}",
        f"The evidence is {evidence} of the {ENOUGH:g} that are needed{once}. {_outlook(asked)}",
    )


def nothing_to_compare(versions: Sequence[str]) -> Verdict:
    """The verdict if there are not two versions."""
    if not versions:
        return Verdict(
            None, "nothing", "Nothing was read yet", "Draw a digit on the page, or send one to POST /classify."
        )
    return Verdict(
        None,
        "nothing",
        f"Only {versions[0]} has read anything yet: there is nothing to compare",
        "Name a second version in MODEL_VERSIONS: it then reads every drawing too, as a shadow.",
    )


def _outlook(asked: Paired) -> str:
    more = more_needed(asked.wins, asked.losses, asked.n)
    if more is None:
        return "As asked labels fall so far, no number of them in sight would show one."
    return f"If asked labels go on falling like this, about {about(more)} more would show one."
