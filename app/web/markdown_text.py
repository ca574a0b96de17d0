"""Markdown of strangers as HTML in which nothing acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup


def as_html(prose: str) -> Markup:
    """Untrusted Markdown as HTML: embedded HTML and pictures are dropped, and links go to http and https only.

    Headings move one level down, below the page's own. A table may be wider than the page, so each is in a region that
    the keyboard reaches and moves; a field of its head without words is no heading.
    """
    markdown = _Markdown("commonmark", {"html": False}).enable("table")
    for name, rule in (("image", _in_words), ("table_open", _table_open), ("table_close", _table_close)):
        markdown.add_render_rule(name, rule)
    tokens = markdown.parse(prose)
    numbers = count(1)
    for index, token in enumerate(tokens):
        _change(token, tokens[index - 1 : index + 2], numbers)
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return url.lower().startswith(("https://", "http://"))


def _change(token: Token, around: Sequence[Token], tables: Iterator[int]) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    elif token.type == "table_open":
        token.meta = {"number": next(tables)}
    elif token.tag in ("th", "td"):
        token.attrs.pop("style", None)  # how it is aligned: a page of the service has no inline style
        if not any(one.content for one in around):
            token.tag = "td"


def _in_words(self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    """Replaces a picture with its description."""
    return escapeHtml(tokens[index].content)


def _table_open(self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    name = f"Table {tokens[index].meta['number']} of the text"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{name}">\n<table>\n'


def _table_close(self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    return "</table>\n</div>\n"
