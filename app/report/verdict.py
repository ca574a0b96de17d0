"""What can be concluded today, and what cannot, in words that need no statistics; then the figures behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.report.number_format import about, drawings, e_value, p_value, rarely, times
from app.report.report_data import Paired, Verdict
from app.report.statistics import ENOUGH, MIN_LABELS, more_needed

USUAL = 0.05
"""A p-value below this is convincing for a single look; this report is looked at every day."""
VERY_SURE = 1000.0
"""An e-value from which a difference is called very sure."""


def words_of(verdict: Verdict) -> tuple[str, ...]:
    """The verdict for people, in the page as in the terminal: which reads better, how sure that is, the figures."""
    return tuple(words for words in (f"{verdict.sentence}.", verdict.how_sure, verdict.remark) if words)


def judge(base: str, challenger: str, asked: Paired) -> Verdict:
    """The verdict on which version reads better, by drawings whose makers were asked what they are.

    The e-value decides: looking every day until a p-value is below 0.05 finds one sooner or later.
    """
    untold = f"Not enough was said to tell whether {challenger} or {base} reads better"
    if asked.n < MIN_LABELS:
        return Verdict(
            challenger,
            "too few",
            f"{untold}: {_told(asked.n)}, and it takes {MIN_LABELS}",
            _missing(MIN_LABELS - asked.n),
            "Labels of people who were asked count, on drawings of digits that both versions know and read.",
        )
    is_shown, is_better = asked.log10_e >= math.log10(ENOUGH), asked.wins > asked.losses
    better, worse = (challenger, base) if is_better or not is_shown else (base, challenger)
    most, least = (asked.wins, asked.losses) if better == challenger else (asked.losses, asked.wins)
    only = f"{times(most)} only {better} was right, {times(least)} only {worse}"
    counted = f"on {drawings(asked.n)} whose makers said what they drew, {only}"
    if is_shown:
        sure = "Very sure" if asked.log10_e >= math.log10(VERY_SURE) else "Sure"
        return Verdict(
            challenger,
            "better" if is_better else "worse",
            f"{better} reads better than {worse}: {counted}",
            f"{sure}: if both read equally well, chance alone would show as much {rarely(asked.log10_e)}, however "
            "often one looks.",
            _figures(asked),
        )
    return Verdict(
        challenger,
        "not shown",
        f"{untold}: {counted}",
        f"Chance alone may do as much. {_outlook(asked)}",
        _figures(asked),
    )


def nothing_to_compare(versions: Sequence[str]) -> Verdict:
    """The verdict if there are not two versions."""
    if not versions:
        return Verdict(
            None, "nothing", "Nothing was read yet", "", "Draw a digit on the page, or send one to POST /classify."
        )
    return Verdict(
        None,
        "nothing",
        f"Only {versions[0]} has read anything yet: there is nothing to compare",
        "",
        "Name a second version in MODEL_VERSIONS: it then reads every drawing too, as a shadow.",
    )


def _told(n: int) -> str:
    return (
        f"people have said what {drawings(n)} that both read {'is' if n == 1 else 'are'}"
        if n
        else ("nobody has said yet what a drawing is that both read")
    )


def _missing(more: int) -> str:
    return f"{more} more {'is' if more == 1 else 'are'} needed before anything can be told."


def _figures(asked: Paired) -> str:
    evidence = f"{e_value(asked.log10_e)}, where {ENOUGH:g} is enough, however often one looks"
    is_tempting = asked.p < USUAL and asked.log10_e < math.log10(ENOUGH)
    look = f"enough for one look, not for many, as it is below {USUAL:g}" if is_tempting else "for a single look"
    return f"The evidence is {evidence}; {p_value(asked.p)}, {look}; n = {asked.n:,}."


def _outlook(asked: Paired) -> str:
    more = more_needed(asked.wins, asked.losses, asked.n)
    if more is None:
        return "As labels fall so far, no number of them in sight would show a difference."
    return f"If labels go on falling like this, about {about(more)} more would show a difference."
