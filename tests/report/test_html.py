"""The page: every picture has its table, nothing in it acts, and what comes from the database stays text."""

from __future__ import annotations

import base64
import html
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from app.report.evaluation import evaluate
from app.report.html import render, style
from app.report.number_format import sureness
from app.report.verdict import words_of
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.report_queries import read_facts
from app.storage.tables import labels, results, shadows
from tests.report.conftest import NOW, Filled, report_of
from tests.report.filled import NINE, TEN, Version, pictures

ROOT = Path(__file__).resolve().parent.parent.parent
VOID = {"meta", "link", "img", "br"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}"


class Tree(HTMLParser):
    """Every element: its name, its attributes, the names of those around it, and the place of its figure."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.figures = 0
        self.found: list[tuple[str, dict[str, str], tuple[str, ...], int]] = []
        self.feed(page)
        assert self.open == [], "an element that is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.figures += tag == "figure"
        self.found.append((tag, {name: value or "" for name, value in attrs}, tuple(self.open), self.figures))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes, _, _ in self.found if tag == name]


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)).split())


@pytest.fixture
def many(filled: Filled) -> Database:
    return filled(3000, seed=1)


@pytest.fixture(params=[0, 1, 30, 3000])
def page(request: pytest.FixtureRequest, filled: Filled) -> str:
    return render(report_of(filled(request.param, seed=1)))


# -- what it is --------------------------------------------------------------------------------------------------------


def test_nothing_in_it_acts_and_no_style_is_in_an_attribute(page: str):
    tree = Tree(page)
    assert not tree.all("script") + tree.all("iframe") + tree.all("form") + tree.all("base")
    for tag, attributes, _, _ in tree.found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag


def test_it_is_complete_in_one_file(page: str):
    tree = Tree(page)
    assert len(tree.all("style")) == 1
    for tag, attributes, _, _ in tree.found:
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            assert attributes.get(name, "data:").startswith("data:"), tag
    assert not re.search(r"@import|url\(|@font-face", style())


def test_a_service_that_allows_no_style_in_a_page_links_it(many: Database):
    tree = Tree(render(report_of(many), stylesheet="page/report.css"))
    assert tree.all("style") == []
    assert [link["href"] for link in tree.all("link") if link["rel"] == "stylesheet"] == [
        *("page/colours.css", "page/reading.css", "page/report.css")
    ]
    assert {link["href"] for link in tree.all("a")} == {"./", "model", "analytics", "docs"}


def test_every_picture_is_described_and_has_its_table(page: str):
    tree = Tree(page)
    charts = [(attributes, figure) for tag, attributes, _, figure in tree.found
              if tag == "svg" and attributes["class"] != "inside"]  # fmt: skip
    for attributes, figure in charts:
        assert attributes["role"] == "img"
        within = [(tag, one) for tag, one, path, place in tree.found if place == figure and "figure" in path]
        described = [one.get("id") for tag, one in within if tag in ("title", "desc")]
        assert attributes["aria-labelledby"].split() == described
        assert [tag for tag, _ in within].count("table") == 1
        assert [tag for tag, _ in within].count("tr") >= 2
    assert len(charts) == len(tree.all("figure"))
    for picture in tree.all("img"):
        assert picture["alt"].startswith("A drawing that was read as ")


def test_it_says_how_many_labels_count_and_that_one_answer_in_ten_is_asked(many: Database):
    report = report_of(many)
    asked, others = (sample.labels.part for sample in (report.asked, report.volunteered))
    assert asked > 1
    assert others > 1
    said = (
        f"A random tenth of the page’s answers asks what was drawn: .* of {asked + others:,} labels, {asked:,} count\\."
    )
    assert re.search(said, text_of(render(report)))


def test_no_name_is_given_twice(page: str):
    names = [attributes["id"] for _, attributes, _, _ in Tree(page).found if "id" in attributes]
    assert len(names) == len(set(names))


def test_headings_go_down_one_by_one(page: str):
    levels = [int(tag[1]) for tag, _, _, _ in Tree(page).found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_its_style_is_that_of_the_other_pages_and_its_own(filled: Filled):
    page = ROOT / "app/web/page"
    for name in ("colours.css", "reading.css"):
        assert (page / name).read_text(encoding="utf-8") in style()
    assert (ROOT / "app/report/report.css").read_text(encoding="utf-8") in style()
    assert style() in render(report_of(filled(0)))


# -- what it says ------------------------------------------------------------------------------------------------------


def test_an_empty_database_gives_a_page_that_says_what_is_missing_and_how_it_comes(filled: Filled):
    text = text_of(render(report_of(filled(0))))
    for said in ("Nothing was read yet.", "POST /classify", "MODEL_VERSIONS", "POST /results/{id}/label", "20 labels"):
        assert said in text
    assert "<svg" not in render(report_of(filled(0)))


def test_the_verdict_stands_first(many: Database):
    report = report_of(many)
    text = text_of(render(report)).replace("\u00a0", " ")
    places = [text.index(words) for verdict in report.verdicts for words in words_of(verdict)]
    assert len(places) == 6, "two verdicts: which, how sure, and the figures"
    assert places == sorted(places)
    assert places[-1] < text.index("Who answered")


def test_below_20_labels_no_accuracy_is_on_the_page(filled: Filled):
    report = report_of(filled(150, seed=5, versions={"v1.0": Version(NINE, 0.9, 1), "v2.0": Version(TEN, 0.9, 1)}))
    of = report.versions[0].asked.accuracy.of
    assert 0 < of < 20
    text = text_of(render(report))
    assert f"too few labels: {of} of 20" in text
    assert "Not enough was said to tell whether v2.0 or v1.0 reads better" in text
    accuracy = text[text.index("How often each version is right") : text.index("Digit by digit")]
    assert not re.search(r"\d%(?! 95%)", re.sub(r"\b(0%|50%|100%|95%)", "", accuracy))
    assert "Expected calibration error" not in text


def test_asked_and_volunteered_accuracies_both_stand_there_and_are_named(many: Database):
    report = report_of(many)
    text = text_of(render(report))
    for version in report.versions:
        for share in (version.asked.accuracy, version.volunteered.accuracy):
            assert share.value is not None
            assert (
                f"{100 * share.value:.1f}% ({100 * share.low:.1f}% to {100 * share.high:.1f}%) of {share.of:,}" in text
            )
        assert f"{version.name}, volunteered" in text
    assert "complaints" in text


def test_confidence_and_certainty_stand_beside_each_other_each_with_its_error_and_n(many: Database):
    report = report_of(many)
    text = text_of(render(report)).replace("\u00a0", " ")
    for version in report.versions:
        for measure, calibration in (("confidence", version.asked.calibration), ("certainty", version.asked.certainty)):
            name = f"{version.name} , its {measure}"
            assert (name in text) == (calibration is not None)
            if calibration is not None:
                error = f"Expected calibration error {100 * calibration.error:.1f}% , n = {calibration.n:,}."
                assert f"{name} {error}" in text
    assert [version.asked.certainty is not None for version in report.versions] == [False, False, True]


def test_what_is_left_out_stands_below_the_verdict_with_the_reason(filled: Filled):
    text = text_of(render(report_of(filled(3000, seed=1, before=1500))))
    assert re.search(
        r"Left out of all comparisons: \d+ labelled drawings \(\d+ asked\) that came to 28x28 by recipe 1", text
    )
    assert "Recipe 2 makes other pixels of the same drawing" in text
    assert text.index("Left out") < text.index("Who answered")
    assert "Left out" not in text_of(render(report_of(filled(3000, seed=1))))


def test_a_single_version_is_compared_with_nothing(filled: Filled):
    text = text_of(render(report_of(filled(300, versions={"v1.0": Version(NINE, 0.9, 1)}))))
    assert "Only v1.0 has read anything yet" in text
    assert "How often versions agree" not in text
    assert "How often each version is right" in text


def test_drawings_in_the_gallery_are_the_stored_ones_as_ink_on_paper(many: Database):
    report = report_of(many)
    sources = [picture["src"] for picture in Tree(render(report)).all("img")]
    assert len(sources) == len(report.disputes) == 24
    for source, dispute in zip(sources, report.disputes, strict=True):
        data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
        pixels = 255 - np.asarray(Image.open(io.BytesIO(data)))
        assert pixels.tobytes() == dispute.pixels
    known = {unpack(packed) for digit in pictures().values() for packed in digit}
    assert {dispute.pixels for dispute in report.disputes} <= known


def test_the_gallery_says_how_sure_each_version_was_and_what_one_that_measured_nothing_says_of_itself(many: Database):
    report = report_of(many)
    text = text_of(render(report))
    assert text.index("How often versions agree") < text.index("Where they disagree") < text.index("Day by day")
    answers = [answer for dispute in report.disputes for answer in dispute.answers]
    assert {answer.certainty is None for answer in answers} == {True, False}
    for answer in answers:
        said = f"{sureness(answer.certainty)} sure" if answer.certainty is not None else None
        said = said or f"{100 * answer.confidence:.0f}% confident"
        assert f"{answer.version} {answer.prediction} {said}" in text


def test_who_is_not_shown_what_others_drew_reads_why(many: Database):
    facts = read_facts(many, disagreements=None)
    page = render(evaluate(facts, default="v1.0", made_at=NOW))
    assert Tree(page).all("img") == []
    assert "shown to whoever holds a key" in text_of(page)
    assert "shown to whoever holds a key" not in text_of(render(report_of(many)))


# -- texts of strangers ------------------------------------------------------------------------------------------------


def test_texts_of_the_database_are_never_markup(many: Database):
    honest = Tree(render(report_of(many)))
    name = f"v2.0{HOSTILE}"
    with many.writing() as connection:
        for table in (results, shadows):
            is_it = table.c.model_version == "v2.0"
            connection.execute(update(table).where(is_it).values(model_version=name))
            connection.execute(update(table).where(table.c.prediction == "9").values(prediction=HOSTILE))
        connection.execute(update(results).values(findings=[HOSTILE], flag=HOSTILE, variant=HOSTILE, reason=HOSTILE))
        connection.execute(update(results).values(source=HOSTILE))
        connection.execute(update(labels).where(labels.c.label == "3").values(label="<b>\"'&"))
    page = render(report_of(many, name))
    hostile = Tree(page)
    kinds = [{(tag, *attributes) for tag, attributes, _, _ in tree.found} for tree in (hostile, honest)]
    assert kinds[0] <= kinds[1], "an element or an attribute of theirs"
    assert all(re.fullmatch("[a-z0-9 -]*", one.get("class", "")) for _, one, _, _ in hostile.found)
    text = text_of(page)
    assert text.count(name) > 10
    assert text.count(HOSTILE) > 100
    assert "<b>\"'&" in text


def test_the_style_cannot_end_early():
    assert "<" not in style()
