"""Templates of the pages that are made here. Whatever is put into one is text, unless it says that it is markup."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).resolve().parent / "templates"


_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)


def page_template(name: str) -> Template:
    """The template of this name, which is compiled once; a value that it misses is an error."""
    return _templates.get_template(name)
