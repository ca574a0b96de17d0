"""GET /model: what a release says of itself, as a page; the texts of a hostile one stay texts."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from app.model.contract import Contract, Counted, NotADigit
from app.model.golden_set import GoldenSet
from app.model.unsure import SURE_FROM
from app.verify.card import read_card
from app.web.card_page import confusions
from app.web.markdown_text import as_html
from app.web.routes.model_card import ModelRoutes
from tests.page.visit import chromium
from tests.service import Service
from tests.web.inside import Inside
from tests.web.test_certainty import DRAWN

HOSTILE = """\
# A card <script>alert(1)</script>

<script>alert(2)</script>
<img src=x onerror=alert(3)>
<iframe src="https://elsewhere.example"></iframe>

[run](javascript:alert(4)) [run](JaVaScRiPt:alert(5)) [run](data:text/html;base64,PHNjcmlwdD4=) [run](vbscript:x)
[file](file:///etc/passwd) [rules](//elsewhere.example/x)
![<b>a picture</b>](https://elsewhere.example/pixel.png "title") ![x](data:image/svg+xml,<svg/onload=alert(6)>)
<javascript:alert(7)> [reference][r]

[r]: javascript:alert(8)

| a <script>alert(9)</script> | b |
|---|---|
| <style>*{display:none}</style> | `<script>alert(10)</script>` |

    </code></pre><script>alert(11)</script>

```"><script>alert(12)</script>
x
```
&lt;script&gt;alert(13)&lt;/script&gt; [quote](https://x.example/"onmouseover="alert(14))
"""


class Tags(HTMLParser):
    """Every element of a page: its name and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(inside: Inside, **changed: object) -> str:
    """The page of the release in `inside`, with some of its card changed."""
    service = inside.service
    card = replace(service.cards["v1.0"], **changed)
    return ModelRoutes(replace(service, cards={"v1.0": card}))._shown["v1.0"].page


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_contract_and_the_accuracy_are_shown(inside: Inside):
    reply = inside.ask("GET", "/model", key=None)
    contract = inside.service.cards["v1.0"].contract
    assert isinstance(contract, Contract)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = text_of(reply.body.decode())
    for said in (
        *("Model v1.0", contract.artefact, contract.sha256, "784", "28 × 28 uint8, 0 to 255; ink is > 128"),
        *(contract.sklearn, "binarize (Binarizer)", "clf (LogisticRegression)", "Withheld 0", "1 2 3 4 5 6 7 8 9"),
        f"{100 * contract.accuracy.value:.2f}%",
        f"from {100 * contract.accuracy.interval[0]:.1f}% to {100 * contract.accuracy.interval[1]:.1f}%",
        f"{contract.accuracy.correct:,} of {contract.accuracy.n:,}",
        *(f"{100 * share:.1f}%" for share in contract.accuracy.per_class.values()),
        "How well it reads",
        "Withheld digits",
    ):
        assert said in text
    assert "library_name" not in text, "the front matter is not prose"


def test_how_often_it_sees_no_digit_is_shown_where_the_release_says_so(inside: Inside):
    contract = inside.service.cards["v1.0"].contract
    assert contract is not None and "When it sees no digit" not in text_of(page_of(inside))
    none = NotADigit(below=0.4567, digits=Counted(0.0012, 12, 10_000), shapes=Counted(0.7004, 1891, 2700))
    rule = msgspec.structs.replace(contract.input, ink="grey")
    text = text_of(page_of(inside, contract=msgspec.structs.replace(contract, not_a_digit=none, input=rule)))
    for said in (
        "MNIST’s test digits 0.12% of 10,000 called no digit",
        "Shapes of kinds it was never shown 70.04% of 2,700 called no digit",
        "An answer with a confidence below 45.7% is called no digit",
        "0 to 255; every value counts, edges stay grey",
    ):
        assert said in text
    assert "Strokes of a pen" not in text.partition("When it sees no digit")[2].partition("What it takes for what")[0]


def test_what_the_release_measured_on_drawn_digits_is_shown(inside: Inside):
    contract = inside.service.cards["v1.0"].contract
    assert contract is not None
    text = text_of(page_of(inside, contract=msgspec.structs.replace(contract, drawn=DRAWN)))
    for said in (
        "Strokes of a pen 97.0% (96.5% to 97.4%) of 5,000",
        "Pictures of paper 93.0% (91.2% to 94.4%) of 1,000",
        "Temperature 3.5 ",
        "Calibration error 5.0% of its confidence, 2.0% of its certainty; of 5,000 answers",
        f"“unsure” is a certainty below {100 * SURE_FROM:.0f}%",
    ):
        assert said in text
    assert "of another one" not in text
    older = msgspec.structs.replace(DRAWN, recipe=1)
    text = text_of(page_of(inside, contract=msgspec.structs.replace(contract, drawn=older)))
    assert (
        "This service brings drawings to 28x28 by recipe 2: these figures are of another one, so “unsure” follows its "
        "recorded confidences, and is a confidence below" in text
    )
    assert "is a certainty below" not in text


def test_beside_the_large_figure_the_page_says_which_digit_is_in_none_of_it_and_how_well_drawn_ones_are_read(
    several: Inside,
):
    text = text_of(several.ask("GET", "/model", key=None).body.decode())
    large = text.partition("How well it reads what people draw")[0]
    assert "No 0 is among them: it was never taught that digit, and reads each as another." in large
    assert "Of what people draw with a pen it reads " in large
    assert (
        "of ten answers that it calls 90% sure, about nine are right; where fewer than 85 in a hundred would be" in text
    )
    other = text_of(several.ask("GET", "/model?version=v2.0", key=None).body.decode())
    assert "is among them" not in other


def test_a_release_that_measured_no_certainty_says_so_and_that_pictures_are_outside_its_card(inside: Inside):
    contract, below = inside.service.cards["v1.0"].contract, inside.service.reader.version.unsure_below
    assert contract is not None and below is not None
    for card in (None, msgspec.structs.replace(contract, drawn=None)):
        text = text_of(page_of(inside, contract=card))
        assert "This release measured no certainty: “unsure” follows its recorded confidences" in text
        assert f"and is a confidence below {100 * below:.4g}%." in text
        assert "Pictures of paper are outside the card" in text
        assert "Temperature" not in text


@pytest.mark.parametrize(("classes", "said"), [("123456789", "only what may be a 0"), ("0123456789", "no answer")])
def test_where_no_confidence_tells_the_page_says_what_is_called_unsure(inside: Inside, classes: str, said: str):
    service = inside.service
    version = replace(service.reader.version, classes=tuple(classes), temperature=None, unsure_below=None)
    scores = np.eye(len(classes))
    digits = GoldenSet(np.zeros((len(classes), 28, 28), np.uint8), tuple(classes), scores)
    for card, words in (
        ({"recorded": digits}, f"its recorded confidences, and as none of them tells, {said} is called so."),
        ({"mnist": digits}, f"as none are recorded, and as none of them tells, {said} is called so."),
        ({}, f"{said} is called “unsure”, as no confidences are recorded and MNIST’s test file is not cached here."),
    ):
        bare = replace(service.cards["v1.0"], contract=None, weights=None, recorded=None, mnist=None)
        assert words in text_of(ModelRoutes(service)._show(version, replace(bare, **card)).page)


def test_where_nothing_is_recorded_the_page_says_that_mnist_s_test_file_stood_in(inside: Inside):
    text = text_of(page_of(inside, contract=None, recorded=None, mnist=inside.service.cards["v1.0"].recorded))
    assert (
        "“unsure” follows its confidences on MNIST’s test file, as none are recorded, and is a confidence below" in text
    )
    assert "its recorded confidences" not in text


def test_the_page_is_under_api_too(inside: Inside):
    assert inside.ask("GET", "/api/model", key=None).body == inside.ask("GET", "/model", key=None).body


def test_confusions_are_counted_from_the_recorded_answers():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])
    golden = GoldenSet(np.zeros((5, 28, 28), np.uint8), ("1", "1", "2", "2", "0"), scores)
    rows = confusions(golden, ("1", "2"))
    assert [(row.label, row.total) for row in rows] == [("0", 1), ("1", 2), ("2", 2)]
    assert [[cell.digits for cell in row.cells] for row in rows] == [[0, 1], [1, 1], [1, 1]]
    assert [[cell.is_right for cell in row.cells] for row in rows] == [[False, False], [True, False], [False, True]]
    assert [[cell.shade for cell in row.cells] for row in rows] == [[0, 9], [6, 6], [6, 6]]


def test_the_matrix_on_the_page_has_all_recorded_digits_and_as_many_right_ones_as_the_card_promises(inside: Inside):
    card = inside.service.cards["v1.0"]
    assert card.contract is not None and card.contract.golden is not None and card.recorded is not None
    page = inside.ask("GET", "/model", key=None).body.decode()
    cells = re.findall(r'<td class="(right|wrong) shade-(\d)">(\d*)</td>', page)
    assert len(cells) == 10 * 9
    assert sum(int(number or 0) for _, _, number in cells) == len(card.recorded.labels)
    assert sum(int(number or 0) for kind, _, number in cells if kind == "right") == card.contract.golden.correct
    assert all((number == "") == (shade == "0") for _, shade, number in cells)


def test_every_shade_of_the_matrix_has_a_rule(inside: Inside):
    style = inside.ask("GET", "/page/model.css").body.decode()
    for shade in range(1, 10):
        assert f".shade-{shade} {{ --strength" in style


# -- several versions --------------------------------------------------------------------------------------------------


def test_each_served_version_has_its_page_and_links_to_the_others(several: Inside):
    for path, version, links in (
        ("/model", "v1.0", {"model": "page", "model?version=v2.0": None}),
        ("/model?version=v1.0", "v1.0", {"model": "page", "model?version=v2.0": None}),
        ("/model?version=v2.0", "v2.0", {"model": None, "model?version=v2.0": "page"}),
    ):
        page = several.ask("GET", path, key=None).body.decode()
        assert f"Model {version}" in text_of(page)
        assert several.service.readers[version].version.sha256 in page
        versions = page.partition('aria-label="Versions"')[2].partition("</nav>")[0]
        found = [attributes for tag, attributes in Tags(versions).found if tag == "a"]
        assert {one["href"]: one.get("aria-current") for one in found} == links
        assert "v1.0 (default)" in text_of(page)


def test_the_page_says_which_version_is_not_available_and_keeps_the_reason_for_the_operator(several: Inside):
    page = several.ask("GET", "/model", key=None).body.decode()
    assert "v1.1 is not available here." in text_of(page)
    assert "broken" not in page
    assert "broken" in several.ask("GET", "/ready", key=None).body.decode()


def test_one_version_alone_has_no_list_of_versions(inside: Inside):
    assert 'aria-label="Versions"' not in inside.ask("GET", "/model", key=None).body.decode()


@pytest.mark.parametrize("path", ["/model", "/model/weights/1.png", "/model/averages/1.png", "/model/units/1.png"])
@pytest.mark.parametrize("version", ["v1.1", "v9.0", "", "<b>"])
def test_the_page_of_a_version_that_is_not_served_is_not_found(several: Inside, path: str, version: str):
    reply = several.ask("GET", f"{path}?version={version}", key=None)
    assert (reply.status, reply.json["error"]) == (404, "not-found")
    assert "v1.0, v2.0" in reply.json["message"]


# -- what is missing is said -------------------------------------------------------------------------------------------


def test_a_release_without_contract_shows_what_there_is_and_says_so(inside: Inside):
    text = text_of(page_of(inside, contract=None))
    assert "This release’s card has no contract" in text
    assert inside.service.reader.version.sha256 in text
    assert "1 2 3 4 5 6 7 8 9" in text
    assert "What it is for" in text, "its prose"


def test_a_release_without_golden_set_says_so(inside: Inside):
    page = page_of(inside, recorded=None)
    assert "No golden set came with this release" in page
    assert '<table class="matrix">' not in page


def test_a_release_without_card_says_so(inside: Inside):
    assert "No card came with this release." in page_of(inside, contract=None, prose=None, recorded=None)


def test_a_model_that_states_no_scikit_learn_says_who_wrote_it(inside: Inside):
    by, steps, sklearn = (f'<th scope="row">{name}</th>' for name in ("Written by", "Steps", "scikit-learn"))
    page = page_of(inside, stated={}, provenance="a toy")
    assert f"{by}<td>a toy</td>" in page
    assert [row in page for row in (steps, sklearn)] == [False, False]
    assert [row in page_of(inside) for row in (by, steps, sklearn)] == [False, True, True]


def test_a_contract_without_withheld_classes_steps_apart_or_figures_of_each_class_is_shown(inside: Inside, published):
    card = read_card(published("v2.0").files["MODELCARD.md"])
    assert card.contract is not None
    assert "Withheld none" in text_of(page_of(inside, contract=card.contract, prose=card.prose))
    bare = msgspec.structs.replace(
        card.contract, accuracy=msgspec.structs.replace(card.contract.accuracy, per_class={})
    )
    assert '<table class="classes">' not in page_of(inside, contract=bare)


# -- a hostile card ----------------------------------------------------------------------------------------------------


def test_no_text_of_a_card_becomes_markup_that_acts(inside: Inside):
    for tag, attributes in Tags(as_html(HOSTILE)).found:
        assert tag in {"h2", "p", "a", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "div"}
        assert set(attributes) <= ({"class", "tabindex", "role", "aria-label"} if tag == "div" else {"href", "class"})
        assert (attributes.get("href") or "https://x").startswith("https://")
    assert "a picture" in as_html(HOSTILE), "the words of a picture stay"


def test_a_hostile_card_adds_no_element_to_the_page_but_those_of_text(inside: Inside):
    def count(page: str, *names: str) -> dict[str, int]:
        return {name: sum(tag == name for tag, _ in Tags(page).found) for name in names}

    acting = ("script", "img", "iframe", "style", "link", "object", "form", "input", "svg", "base", "meta")
    assert count(page_of(inside, prose=HOSTILE), *acting) == count(page_of(inside, prose="x"), *acting)
    assert "alert(2)" in text_of(page_of(inside, prose=HOSTILE)), "it is shown as text"


def test_a_name_in_a_contract_that_is_markup_is_text(inside: Inside):
    """A card's own rules refuse such names; the page does not rely on them."""
    card = inside.service.cards["v1.0"]
    assert card.contract is not None
    evil = msgspec.structs.replace(card.contract, artefact="<script>x</script>", sklearn='"><img src=x>')
    found = Tags(page_of(inside, contract=evil, kind="<b onclick=x>")).found
    assert not [tag for tag, _ in found if tag == "script"]
    assert not [attributes for _, attributes in found if "onclick" in attributes or attributes.get("src") == "x"]


@pytest.mark.parametrize("deep", ["[" * 20_000, "> " * 8_000 + "x", "- " * 8_000, "*a_ " * 10_000, "|" * 30_000])
def test_a_card_of_nested_marks_is_rendered_soon(deep: str):
    assert as_html(deep)


def test_headings_of_the_card_are_below_the_page_s_own():
    assert as_html("# One\n## Two\n###### Six") == "<h2>One</h2>\n<h3>Two</h3>\n<h6>Six</h6>\n"


def test_each_table_of_the_card_is_a_region_that_the_keyboard_reaches_and_no_head_of_it_is_empty():
    text = as_html("| | a |\n|---|--:|\n| b | c |\n\n| d |\n|---|\n| |\n")
    regions = [attributes for tag, attributes in Tags(text).found if tag == "div"]
    assert [(one["tabindex"], one["role"], one["aria-label"]) for one in regions] == [
        ("0", "region", f"Table {number} of the text") for number in (1, 2)
    ]
    assert re.findall(r"<(t[hd])>(.*?)</(t[hd])>", text) == [
        *(("td", "", "td"), ("th", "a", "th"), ("td", "b", "td"), ("td", "c", "td")),
        *(("th", "d", "th"), ("td", "", "td")),
    ]


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/model", "/api/model"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.long
def test_the_page_fits_and_loads_all_of_its_parts(service: Service, path: str, width: int):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        complaints: list[str] = []
        hosts: set[str] = set()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(service.url + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth === 28)")
        assert page.evaluate("document.documentElement.scrollHeight") < 3_500, "the card's long text is folded"
        shades = page.evaluate(
            "[...document.querySelectorAll('.matrix .right')].map(cell => getComputedStyle(cell).backgroundColor)"
        )
        assert len(set(shades)) > 1, "the shades are seen"
        assert complaints == []
        assert hosts == {service.url.removeprefix("http://")}
