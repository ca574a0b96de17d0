"""The report as one page: it works without scripts, offline and on phones. Texts from the database are never markup."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.report.charts import Bar, Chart, Split, by_class, latencies, shares, splits
from app.report.diagrams import Lane, day_by_day, matrix, reliability
from app.report.number_format import about, between, e_value, milliseconds, p_value, per_cent, sureness, times
from app.report.report_data import Comparison, Report, Sample, VersionFigures
from app.report.statistics import ENOUGH, MIN_LABELS, Share
from app.report.verdict import words_of

_HERE = Path(__file__).resolve().parent
STYLES = (*(_HERE.parent / "web/page" / name for name in ("colours.css", "reading.css")), _HERE / "report.css")
"""The style of the page: that of all pages for reading, and its own."""
SIDE = 28
COLOURS = 6
"""Number of version colours, after which they repeat."""


def render(report: Report, *, stylesheet: str | None = None) -> str:
    """The page as HTML.

    Args:
        stylesheet: the address of `report.css`, for a service that allows no style within a page; its other pages
            and their stylesheets are then linked. None puts the style into the page, which is then
            complete in one file.
    """
    template = templates().get_template("report.html")
    return template.render(
        report=report,
        stylesheet=stylesheet,
        style=Markup(style()),  # our own files
        charts=_charts(report),
        samples={"asked": "asked labels", "volunteered": "volunteered labels: complaints, biased"},
        least=MIN_LABELS,
        enough=ENOUGH,
        words_of=words_of,
    )


def templates() -> Environment:
    """The templates of pages, with the filters for their numbers and pictures."""
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        about=about, between=between, e_value=e_value, milliseconds=milliseconds, p_value=p_value, per_cent=per_cent,
        sureness=sureness, times=times, picture=_picture,
    )  # fmt: skip
    return found


def style() -> str:
    """All of its style as one text."""
    return "\n".join(file.read_text(encoding="utf-8") for file in STYLES)


def _charts(report: Report) -> dict[str, Chart]:
    """Charts by their place in the template; those with nothing to show are missing."""
    series = {version.name: place % COLOURS for place, version in enumerate(report.versions)}
    found: dict[str, Chart | None] = {
        "coverage": _coverage(report),
        "accuracy": _accuracy(report, series),
        "pairs": _pairs(report, series),
        "agreement": _agreement(report, series),
        "latency": _latency(report, series),
        "days": _days(report, series),
    }
    for kind in ("asked", "volunteered"):
        found |= _of_sample(report, series, kind)
    return {key: chart for key, chart in found.items() if chart is not None}


def _of_sample(report: Report, series: dict[str, int], kind: str) -> dict[str, Chart | None]:
    """The charts of asked or of volunteered labels."""
    samples = [(place, version, _sample(version, kind)) for place, version in enumerate(report.versions)]
    if not any(sample.confusions for _, _, sample in samples):
        return {}
    found: dict[str, Chart | None] = {}
    classes = [one for _, _, sample in samples for one in sample.classes]
    recalls, precisions = [one.recall for one in classes], [one.precision for one in classes]
    if any(share.value is not None for share in recalls + precisions):
        found[f"recall-{kind}"] = _by_class(report, series, kind, "recall", precisions)
        found[f"precision-{kind}"] = _by_class(report, series, kind, "precision", recalls)
    columns = {
        version.name: sorted({*version.classes, *(name for row in sample.confusions for name in row.read_as)})
        for _, version, sample in samples
    }
    room = max(map(len, columns.values()))
    for place, version, sample in samples:
        name = version.name
        if sample.confusions:
            key, title = f"matrix-{kind}-{place}", f"What {name} takes for what"
            found[f"matrix-{kind}-{name}"] = matrix(key, title, sample.confusions, columns[name], room=room)
        for measure, one in (("confidence", sample.calibration), ("certainty", sample.certainty)):
            if one is not None and one.error is not None:
                key, title = f"{measure}-{kind}-{place}", f"How far the {measure} of {name} can be trusted"
                found[f"{measure}-{kind}-{name}"] = reliability(key, title, one, series[name], measure)
    return found


def _sample(version: VersionFigures, kind: str) -> Sample:
    return version.asked if kind == "asked" else version.volunteered


def _coverage(report: Report) -> Chart | None:
    rows = [
        Bar("Asked", 0, report.asked.labels),
        Bar("Not asked", 0, report.volunteered.labels, aside="Not asked"),
    ]
    if not report.answers:
        return None
    return shares("coverage", "How many answers have a label", rows, of="answers", are="labelled", least=1)


def _accuracy(report: Report, series: dict[str, int]) -> Chart | None:
    rows = []
    for version in report.versions:
        rows.append(Bar(version.name, series[version.name], version.asked.accuracy))
        if version.volunteered.accuracy.of:
            name = f"{version.name}, volunteered"
            rows.append(Bar(name, series[version.name], version.volunteered.accuracy, aside="volunteered"))
    has_labels = any(row.share.of for row in rows)
    return shares("accuracy", "How often each version is right", rows) if has_labels else None


def _pairs(report: Report, series: dict[str, int]) -> Chart | None:
    rows = [
        Split(one.challenger, str(report.base), series[one.challenger], one.asked.wins, one.asked.losses,
              one.asked.low, one.asked.high)
        for one in report.comparisons
        if one.asked.n >= MIN_LABELS
    ]  # fmt: skip
    return splits("pairs", "Who is right where the other is wrong", rows) if rows else None


def _by_class(report: Report, series: dict[str, int], kind: str, which: str, beside: Sequence[Share]) -> Chart:
    labels = sorted({one.label for version in report.versions for one in _sample(version, kind).classes})
    rows = []
    for label in labels:
        versions = [
            Bar(version.name, series[version.name], one.recall if which == "recall" else one.precision)
            for version in report.versions
            for one in _sample(version, kind).classes
            if one.label == label
        ]
        rows.append((label, versions))
    titles = {"recall": "Of the drawings of a digit, read as it", "precision": "Of the answers of a digit, right"}
    return by_class(f"{which}-{kind}", titles[which], rows, beside=beside)


def _agreement(report: Report, series: dict[str, int]) -> Chart | None:
    def row(one: Comparison) -> Bar:
        return Bar(f"{one.challenger} and {report.base}", series[one.challenger], one.agreement)

    rows = [row(one) for one in report.comparisons if one.agreement.of]
    return (
        shares("agreement", "How often two versions say the same", rows, of="drawings", are="the same")
        if rows
        else None
    )


def _latency(report: Report, series: dict[str, int]) -> Chart | None:
    rows = []
    for version in report.versions:
        stages = (("in all", version.latency.total), ("waiting", version.latency.waited),
                  ("computing", version.latency.computed))  # fmt: skip
        rows += [(f"{version.name} {name}", series[version.name], one) for name, one in stages if one.n]
    return latencies("latency", "How long an answer takes", rows) if rows else None


def _days(report: Report, series: dict[str, int]) -> Chart | None:
    if not report.days:
        return None
    answers = [
        (f"s{series[version.name]}", tuple(day.answers.get(version.name, 0) for day in report.days))
        for version in report.versions
    ]
    findings = sorted({name for day in report.days for name in day.findings})
    lanes = [
        Lane("Answers", tuple(answers)),
        Lane("Flag errors", (("bad", tuple(day.flag_errors for day in report.days)),)),
        *(Lane(name, (("plain", tuple(day.findings.get(name, 0) for day in report.days)),)) for name in findings),
    ]
    return day_by_day("days", "Day by day", [day.day for day in report.days], lanes)


def _picture(pixels: bytes) -> str:
    """784 grey values, ink high, as a data address of a picture: dark ink on white paper."""
    from PIL import Image  # slow to import, and needed only for drawings

    file = io.BytesIO()
    Image.fromarray(255 - np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
