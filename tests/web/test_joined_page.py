"""The page to draw on, joined from its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.web.joined_page import SCRIPT, STYLES, join_modules, join_page
from app.web.routes.drawing_page import FILES
from tests.web.inside import Inside


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_each_module_comes_once_and_after_those_that_it_imports(tmp_path: Path):
    folder = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\nb(c);\n',
        b='import { c as d } from "./c.js";\nexport async function b() { return d; }\n',
        c="export const c = 1;\nconst own = 2;\n",
    )
    joined = join_modules(folder, "main")
    assert re.findall(r"^const \$(\w+) = ", joined, re.MULTILINE) == ["c", "b", "main"]
    assert "const { c: d } = $c;" in joined
    assert "return { c };" in joined
    assert not re.search(r"^(import|export)", joined, re.MULTILINE)


@pytest.mark.parametrize(
    "line",
    [
        'import b from "./b.js";',
        'import * as b from "./b.js";',
        'const b = await import("./b.js");',
        "export default 1;",
        "export let changes = 1;",
        'export { c } from "./b.js";',
        "await 1;",
        "const here = import.meta.url;",
    ],
)
def test_a_line_that_would_mean_something_else_is_refused(tmp_path: Path, line: str):
    write(tmp_path, main=f"const a = 1;\n{line}\n", b="export const c = 1;\n")
    with pytest.raises(ValueError, match=r"main\.js: .*; expected import"):
        join_modules(tmp_path, "main")


def test_modules_that_import_each_other_are_refused(tmp_path: Path):
    write(tmp_path, main='import { b } from "./b.js";\n', b='import { a } from "./main.js";\n')
    with pytest.raises(ValueError, match=r"main\.js: imports itself by way of b\.js"):
        join_modules(tmp_path, "main")


def test_the_page_holds_all_styles_and_modules_that_it_names_in_their_order():
    named = (FILES / "index.html").read_text(encoding="utf-8")
    page = join_page(FILES)
    styles = re.findall(r'href="page/(\w+\.css)"', named)
    assert len(styles) > 3
    places = [page.files[STYLES].index((FILES / name).read_text(encoding="utf-8")) for name in styles]
    assert places == sorted(places)
    modules = {path.stem for path in FILES.glob("*.js")}
    joined = re.findall(r"^const \$(\w+) = ", page.files[SCRIPT], re.MULTILINE)
    assert joined[-1] == "main"
    assert set(joined) == modules
    assert re.findall(r'(?:href|src)="page/(\S+?\.(?:js|css))', page.html) == [STYLES, SCRIPT]


def test_what_the_page_links_to_may_be_kept_for_good_and_changes_its_address(inside: Inside, tmp_path: Path):
    html = inside.ask("GET", "/").body.decode()
    for name, kind in ((STYLES, "text/css"), (SCRIPT, "text/javascript")):
        (address,) = re.findall(rf'"(page/{re.escape(name)}\?\w+)"', html)
        answer = inside.ask("GET", f"/{address}", key=None)
        assert (answer.status, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert "immutable" in answer.headers["cache-control"]
        for other in (name, f"{name}?", f"{name}?0123456789abcdef", f"{name}?x={address.rpartition('?')[2]}"):
            assert inside.ask("GET", f"/page/{other}", key=None).headers["cache-control"] == "no-cache", other
    for path in FILES.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "maths.js").write_text((FILES / "maths.js").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert join_page(tmp_path).html != join_page(FILES).html
