"""Marks lie where their numbers are."""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pytest
from markupsafe import Markup

from app.report.charts import Bar, Split, latencies, shares, splits
from app.report.diagrams import FEWEST_WRONG, Lane, day_by_day, matrix, nines, reliability
from app.report.report_data import Confusions
from app.report.statistics import Percentiles, calibration, share
from app.report.svg import Scale, tag


def marks(picture: Markup, name: str, kind: str) -> list[dict[str, str]]:
    """The attributes of all elements of this name and class."""
    found = [dict(re.findall(r'([\w-]+)="([^"]*)"', one)) for one in re.findall(rf"<{name} [^>]*>", picture)]
    return [one for one in found if one.get("class", "").startswith(kind)]


def test_texts_and_attributes_are_escaped_and_markup_is_not():
    assert tag("a", "<b>&", kind='"x"', stroke_width='"/><script>') == (
        '<a class="&#34;x&#34;" stroke-width="&#34;/&gt;&lt;script&gt;">&lt;b&gt;&amp;</a>'
    )
    assert tag("g", tag("i", "<")) == "<g><i>&lt;</i></g>"


@pytest.mark.parametrize(
    ("scale", "value", "place"),
    [(Scale(0.5, 1), 0.75, 50), (Scale(0.5, 1), 0.1, 0), (Scale(0, 1), 2, 100), (Scale(0.1, 1000, True), 10, 50)],
)
def test_a_scale_gives_the_place_in_percent(scale: Scale, value: float, place: float):
    assert scale.at(value) == pytest.approx(place)


def test_a_share_is_a_dot_between_the_ends_of_its_interval_on_an_axis_that_has_room_for_all():
    rows = [Bar("a", 0, share(92, 100)), Bar("b", 1, share(70, 100), aside="b"), Bar("c", 2, share(3, 9, least=20))]
    picture = shares("k", "t", rows).picture
    scale = Scale(0.6, 1)  # the lowest interval begins at 60.4%
    dots, ranges = marks(picture, "circle", "dot"), marks(picture, "line", "range")
    assert [float(dot["cx"].rstrip("%")) for dot in dots] == pytest.approx([scale.at(0.92), scale.at(0.7)], abs=0.01)
    for row, one in zip(rows, ranges, strict=False):
        ends = [float(one[name].rstrip("%")) for name in ("x1", "x2")]
        assert ends == pytest.approx([scale.at(row.share.low), scale.at(row.share.high)], abs=0.01)
    assert [dot["class"] for dot in dots] == ["dot s0", "dot s1 hollow"]
    assert "too few labels: 9 of 20" in picture


def test_a_split_bar_is_shared_as_the_drawings_are():
    picture = splits("k", "t", [Split("v2", "v1", 1, 30, 10, 0.55, 0.9)]).picture
    assert [bar["width"] for bar in marks(picture, "rect", "bar")] == ["100%", "75%"]
    assert [(one["x1"], one["x2"]) for one in marks(picture, "line", "range")] == [("55%", "90%")]
    nobody = splits("k", "t", [Split("v2", "v1", 1, 0, 0, 0, 1)]).picture
    assert marks(nobody, "rect", "bar")[1]["width"] == "50%"


def test_a_latency_lies_on_a_logarithmic_axis_of_whole_decades():
    picture = latencies(
        "k", "t", [("v1", 0, Percentiles(500, 1.0, 10.0, 50.0)), ("v2", 1, Percentiles(5, 0.5, None, None))]
    )
    places = [float(dot["cx"].rstrip("%")) for dot in marks(picture.picture, "circle", "dot")]
    assert places == pytest.approx([100 / 3, 200 / 3, 89.97, 23.30], abs=0.01)  # from 0.1 to 100 ms
    assert picture.rows[1] == ("v2", "5", "0.50 ms", "– ms", "– ms")


def test_a_matrix_has_a_field_for_each_pair_and_only_the_diagonal_is_right():
    rows = [Confusions("1", "common", {"1": 99, "2": 1}), Confusions("0", "withheld", {"2": 4})]
    chart = matrix("k", "t", rows, ["1", "2"], room=3)
    kinds = [cell["class"] for cell in marks(chart.picture, "rect", "cell")]
    assert kinds == ["cell right shade-9", "cell wrong shade-1", "cell wrong shade-0", "cell wrong shade-9"]
    assert chart.rows == (("1", "99", "1", "100"), ("0 (withheld)", "0", "4", "4"))


def test_a_reliable_version_lies_on_the_diagonal():
    counts = [(0, 0, 0.0), (100, 55, 55.0), (100, 85, 85.0), (19, 17, 17.0), (0, 0, 0.0), (1000, 985, 985.0)]
    edges = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
    chart = reliability("k", "t", calibration(counts, edges), 0, "certainty")
    assert chart.head[0] == "certainty" and chart.rows[2][:4] == ("80% to 90%", "100", "85.00%", "85.0%")
    dots = marks(chart.picture, "circle", "dot")
    assert len(dots) == 3, "none of 19 labels"
    for dot in dots:
        assert float(dot["cx"]) - 40 == pytest.approx(268 - float(dot["cy"]))


def test_each_nine_of_a_share_has_the_same_room_and_all_near_1_lies_on_the_edge():
    assert [nines(share) for share in (0, 0.9, 0.99, 0.999)] == pytest.approx(np.arange(4) * nines(0.9))
    assert (nines(1 - FEWEST_WRONG), nines(0.99999), nines(1)) == (pytest.approx(1), 1, 1)


def test_bars_of_a_day_are_stacked_and_the_highest_day_fills_its_lane():
    days = [date(2026, 2, 1) + timedelta(days=age) for age in range(3)]
    lane = Lane("Answers", (("s0", (30, 0, 10)), ("s1", (8, 0, 0))))
    chart = day_by_day("k", "t", days, [lane])
    bars = [(one["class"], float(one["y"]), float(one["height"])) for one in marks(chart.picture, "rect", "bar")]
    assert bars == [("bar s0", 30, 30), ("bar s1", 22, 8), ("bar s0", 50, 10)]
    assert chart.rows == (("2026-02-03", "10"), ("2026-02-02", "0"), ("2026-02-01", "38"))
