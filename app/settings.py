"""The environment and `.env`, read once into one frozen `Settings`.

The real environment beats the file; relative paths count from the repository root.
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream

from app.errors import BadSettings

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS = {
    "MODEL_REPO": "pixelwise-model/releases.git",
    "MODEL_VERSION": "v1.0",
    "MODEL_PATH": "",
    "REQUIRE_LOCK": "false",
    "MNIST_DIR": "pixelwise-model/data",
}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Settings:
    """What this installation was told. `.env.example` has one line for each field.

    Attributes:
        root: the repository root; every other path is absolute.
        model_repo: where releases are pulled from: https, ssh, `git@host:path`, file:// or a local path.
        model_version: the pinned release, as its tag says, such as "v1.0".
        model_path: the artefact to serve; None means the pinned release's own.
        require_lock: serve and pull only what `model.lock` lists (production).
        mnist_dir: where MNIST's IDX files are cached, for releases without a golden set.
    """

    root: Path
    model_repo: str
    model_version: str
    model_path: Path | None
    require_lock: bool
    mnist_dir: Path

    @property
    def models(self) -> Path:
        """The git-ignored folder of pulled releases."""
        return self.root / "models"

    @property
    def lock_file(self) -> Path:
        """The reviewed list of trusted releases."""
        return self.root / "model.lock"


def read_settings(environ: Mapping[str, str] | None = None, *, root: Path = ROOT) -> Settings:
    """The settings of this installation.

    Args:
        environ: the environment; None means the process's own.
        root: the folder that holds `.env` and from which relative paths count.

    Raises:
        BadSettings: one or more values cannot be; every one of them is named.
    """
    real = os.environ if environ is None else environ
    file, problems = _read_file(root / ".env")
    problems += [_misspelt(key) for key in file if key not in DEFAULTS and _resembles(key)]
    values = {key: real.get(key, file.get(key, default)).strip() for key, default in DEFAULTS.items()}

    for key in ("MODEL_REPO", "MODEL_VERSION", "MNIST_DIR"):
        if not values[key]:
            problems.append(f"{key} is empty, expected something like {DEFAULTS[key]}")
    require_lock = _BOOLEANS.get(values["REQUIRE_LOCK"].lower())
    if require_lock is None:
        problems.append(f"REQUIRE_LOCK={values['REQUIRE_LOCK']}, expected true or false")
    if problems:
        raise BadSettings(problems)

    return Settings(
        root=root,
        model_repo=values["MODEL_REPO"],
        model_version=values["MODEL_VERSION"],
        model_path=root / values["MODEL_PATH"] if values["MODEL_PATH"] else None,
        require_lock=bool(require_lock),
        mnist_dir=root / values["MNIST_DIR"],
    )


def _read_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """Key and value of each line, as text (nothing is expanded or executed), and the lines that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"{path.name} cannot be read ({error})"]
    lines = list(parse_stream(io.StringIO(text)))
    problems = [f"{path.name} line {line.original.line} is no KEY=value" for line in lines if line.error]
    return {line.key: line.value or "" for line in lines if line.key}, problems


def _resembles(key: str) -> list[str]:
    return difflib.get_close_matches(key.upper(), DEFAULTS, n=1, cutoff=0.8)


def _misspelt(key: str) -> str:
    return f"{key} is no setting (did you mean {_resembles(key)[0]}?)"


if __name__ == "__main__":  # for shell scripts, which must not source .env: `python -m app.settings MODEL_REPO`
    import sys

    try:
        _setting = getattr(read_settings(), sys.argv[1].lower())
    except BadSettings as _error:
        print(_error, file=sys.stderr)
        sys.exit(_error.exit_code)
    print("" if _setting is None else _setting)
