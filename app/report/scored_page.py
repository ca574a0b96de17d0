"""Two releases on the same archive, as one page that works without scripts and offline."""

from __future__ import annotations

from markupsafe import Markup

from app.report.charts import Bar, Split, shares, splits
from app.report.html import style, templates
from app.report.scored_diff import ScoredDiff
from app.report.statistics import MIN_LABELS

MOST = 20
"""Most rows of the table of disagreements."""


def render_diff(diff: ScoredDiff) -> str:
    """The page as HTML, complete in one file."""
    first, second = (side.version for side in diff.sides)
    charts = {
        "agreement": shares(
            "agreement",
            "How often both say the same",
            [Bar(f"{second} and {first}", 1, diff.agreement)],
            of="digits",
            are="the same",
            least=1,
        )
    }
    if diff.labelled >= MIN_LABELS:
        bars = [Bar(side.version, place, side.accuracy) for place, side in enumerate(diff.sides)]
        charts["accuracy"] = shares("accuracy", "How often each is right", bars)
        row = Split(second, first, 1, diff.only_second, diff.only_first, diff.low, diff.high)
        charts["pairs"] = splits("pairs", "Who is right where the other is wrong", [row])
    template = templates().get_template("scored.html")
    return template.render(diff=diff, style=Markup(style()), charts=charts, most=MOST)  # our own files
