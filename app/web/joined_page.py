"""The page to draw on in three answers: itself, its styles and its modules, joined when the service starts.

A browser asks for six files at a time over HTTP/1.1, and learns of a module's imports only from the module, so thirty
files take five round trips or more. The files stay plain ES modules and CSS, and are served one by one as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

STYLES, SCRIPT = "joined.css", "joined.js"
STYLE_LINK = re.compile(r'^ *<link rel="stylesheet" href="page/(\w+\.css)">\n', re.MULTILINE)
SCRIPT_LINK = re.compile(r'<script type="module" src="page/(\w+\.js)">')
IMPORT = re.compile(r'^import \{([^}]+)\} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:(?:async )?function|class|const) (\w+))", re.MULTILINE)
OTHER = re.compile(r"^(?:import\b.*|export\b.*|await\b.*|.*\bimport[(.].*)$", re.MULTILINE)
"""Lines of a module that would mean something else within a function."""


class JoinedPage(NamedTuple):
    """The page, and what it links to by name."""

    html: str
    files: Mapping[str, str]


def join_page(folder: Path, page: str = "index.html") -> JoinedPage:
    """The page of this folder with one style sheet and one script, in the order in which it links to them.

    Raises:
        ValueError: a module imports or exports in another way than the page's modules do, or imports itself.
    """
    html = (folder / page).read_text(encoding="utf-8")
    styles = "\n".join((folder / name).read_text(encoding="utf-8") for name in STYLE_LINK.findall(html))
    (entry,) = SCRIPT_LINK.findall(html)
    script = join_modules(folder, entry.removesuffix(".js"))
    first, *_ = STYLE_LINK.finditer(html)
    link = f'  <link rel="stylesheet" href="page/{STYLES}?{_digest(styles)}">\n'
    html = html[: first.start()] + link + STYLE_LINK.sub("", html[first.start() :])
    html = SCRIPT_LINK.sub(f'<script type="module" src="page/{SCRIPT}?{_digest(script)}">', html)
    return JoinedPage(html, {STYLES: styles, SCRIPT: script})


def join_modules(folder: Path, entry: str) -> str:
    """One module that does what `entry` and all that it imports do, each in a function of its own."""
    texts: dict[str, str] = {}
    return "\n".join(_as_function(name, texts[name]) for name in _in_order(folder, entry, texts, ()))


def _in_order(folder: Path, name: str, texts: dict[str, str], importers: tuple[str, ...]) -> Iterator[str]:
    """The modules that are not yet among `texts`, each after those that it imports."""
    if name in importers:
        raise ValueError(f"{name}.js: imports itself by way of {importers[-1]}.js; expected no circle of imports")
    if name in texts:
        return
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for _, other in IMPORT.findall(text):
        yield from _in_order(folder, other, texts, (*importers, name))
    texts[name] = text
    yield name


def _as_function(name: str, text: str) -> str:
    exported = [found[1] for found in EXPORT.findall(text)]
    body = EXPORT.sub(r"\1", IMPORT.sub(_taken, text))
    if other := OTHER.search(body):
        expected = 'import { a } from "./b.js"; and export function, class or const'
        raise ValueError(f"{name}.js: {other[0].strip()}; expected {expected}")
    return f"const ${name} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _taken(found: re.Match[str]) -> str:
    """An import as the same names of what the other function returned."""
    return f"const {{{re.sub(r' as ', ': ', found[1])}}} = ${found[2]};"


def _digest(text: str) -> str:
    """A part of the address that changes with the text, so that a browser may keep it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
