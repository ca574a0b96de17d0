"""Draws the three pictures of docs/architecture.md: `.venv/bin/python docs/draw.py`. A test compares them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent

HOUSE = [
    ["cli"],
    ["main"],
    ["classifier", "scoring"],
    ["web", "report"],
    ["answering", "verify", "server"],
    ["storage", "flags", "drawing", "release"],
    ["model"],
    ["settings"],
    ["environment", "signing"],
    ["errors"],
]
"""Floors, from the roof down: a room imports from lower floors only."""
SAYS = {
    "cli": "the command pixelwise",
    "main": "main.py: joins the service",
    "web": "HTTP and the page",
    "report": "which version reads better",
    "server": "processes, connections, log",
    "answering": "a drawing to a stored answer",
    "verify": "do a release's views agree?",
    "storage": "what is remembered",
    "flags": "which version answers whom",
    "drawing": "a picture to 28x28",
    "release": "where models come from",
    "model": "an artefact's bytes to scores",
    "classifier": "classifier.py: classify_batch, for everyone",
    "scoring": "files of digits to files of answers, once each",
    "signing": "who signed a release?",
    "settings": "settings.py: the environment and .env, frozen",
    "environment": "the file .env",
    "errors": "errors.py: the base of all refusals",
}

REQUEST = [
    ("server/connection.py", "time, size and number of what arrives, bounded"),
    ("web/middleware.py", "an id, the Host, refusal while full, headers, log line"),
    ("web/routes/drawings.py", "by way of web/application.py, the table of routes"),
    ("web/service.py", "who asks (access.py), how often (rate_limits.py), which version (flags/)"),
    ("web/body.py", "the bytes, never more of them than the route takes"),
    ("drawing/", "decode_image.py, recipe.py: 28x28, on a thread of answering/side_threads.py"),
    ("answering/batcher.py", "waits with what others sent; all that waits is one batch"),
    ("answering/reader.py", "model/ gives scores; drawing/skew.py and ring_of_zero.py what is odd"),
    ("storage/result_rows.py", "one transaction for the batch; then, and not before, the answers"),
    ("answering/shadow_versions.py", "afterwards: the other versions read along"),
]
MODEL = [
    ("pixelwise-model/", "train.py, release.py: a tag with artefact, card, golden set, SHA256SUMS"),
    ("release/sources/git.py", "the tag to a commit; its files as bytes, without a checkout"),
    ("release/model_lock.py", "commit and digests as model.lock has them, or a first pull that says so"),
    ("verify/, alone", "the release opens in a process of its own (cli/verify_in_child.py), or is not placed"),
    ("release/models_folder.py", "a folder in models/ named by its content, and a link to it"),
    ("verify/open_model.py", "at each start: digest, bytes read as data, classes, version, card, golden set"),
    ("model/", "a reader for the file's form; an engine that gives scores"),
    ("app/classifier.py", "CLASSES, classify_batch, classify"),
]

WIDTH, ROW, GAP = 860, 64, 14
STYLE = """\
text{font:14px system-ui,sans-serif;fill:#1b1f24}.name{font-weight:600}.says{font-size:12px;fill:#57606a}
rect{fill:#f6f8fa;stroke:#8c959f}line{stroke:#8c959f;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.says{fill:#9198a1}rect{fill:#151b23;stroke:#656c76}}"""


class Box(NamedTuple):
    """A box with a name and a line of words."""

    left: float
    top: float
    width: float
    name: str
    says: str

    def svg(self) -> str:
        middle = self.left + self.width / 2
        return (
            f'<rect x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" height="{ROW - GAP}" rx="6"/>'
            f'<text class="name" x="{middle:g}" y="{self.top + 21:g}" text-anchor="middle">{escape(self.name)}</text>'
            f'<text class="says" x="{middle:g}" y="{self.top + 39:g}" text-anchor="middle">{escape(self.says)}</text>'
        )


def house() -> str:
    """The rooms, each above those that it may import."""
    parts = []
    for floor, rooms in enumerate(HOUSE):
        width = (WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
        for place, name in enumerate(rooms):
            parts.append(Box(place * (width + GAP), floor * ROW, width, name, SAYS[name]).svg())
    return _picture("The rooms of app/: each imports from floors below its own", parts, len(HOUSE))


def way(title: str, stations: list[tuple[str, str]]) -> str:
    """A way through the house, from top to bottom."""
    parts = [Box(0, place * ROW, WIDTH, *station).svg() for place, station in enumerate(stations)]
    for place in range(1, len(stations)):
        parts.append(f'<line x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="{place * ROW - GAP}" y2="{place * ROW}"/>')
    return _picture(title, parts, len(stations))


def _picture(title: str, parts: list[str], rows: int) -> str:
    height = rows * ROW - GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {WIDTH + 4} {height + 4}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def pictures() -> dict[str, str]:
    """File name -> SVG."""
    return {
        "house.svg": house(),
        "request.svg": way("The way of a drawing that is sent to POST /drawings", REQUEST),
        "model.svg": way("The way of a model, from its training to an answer", MODEL),
    }


if __name__ == "__main__":
    for name, picture in pictures().items():
        (HERE / name).write_text(picture, encoding="utf-8")
