"""The environment and `.env`, read once into one frozen `Settings`.

The real environment beats the file; relative paths count from the repository root.
"""

from __future__ import annotations

import difflib
import io
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from app.errors import BadSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS = {
    "MODEL_REPO": "pixelwise-model/releases.git",
    "MODEL_VERSION": "v1.0",
    "MODEL_VERSIONS": "",
    "MODEL_PATH": "",
    "REQUIRE_LOCK": "false",
    "MNIST_DIR": "pixelwise-model/data",
    "HOST": "127.0.0.1",
    "PORT": "8000",
    "SECRET_API_KEY": "",
    "DATABASE_URL": "sqlite:///data/pixelwise.db",
    "FLAGS_FILE": "flags.json",
    "KEEP_DRAWINGS": "true",
    "DRAWING_DAYS": "0",
    "RESULTS_PUBLIC": "false",
    "ALLOWED_HOSTS": "",
    "TRUSTED_PROXIES": "",
    "LIMIT_PER_KEY": "2000/second",
    "LIMIT_PER_ADDRESS": "1000/second",
    "LIMIT_PER_VISIT": "30/second",
    "LOG_LEVEL": "info",
}
_NOT_EMPTY = (
    *("MODEL_REPO", "MODEL_VERSION", "MNIST_DIR", "HOST", "DATABASE_URL", "FLAGS_FILE"),
    *("LIMIT_PER_KEY", "LIMIT_PER_ADDRESS", "LIMIT_PER_VISIT"),
)
_LIMITS = ("LIMIT_PER_KEY", "LIMIT_PER_ADDRESS", "LIMIT_PER_VISIT")
_NUMBERS = {"PORT": range(65536), "DRAWING_DAYS": range(100_000)}
_LEVELS = ("debug", "info", "warning", "error")
_KEY_LENGTH, _KEY_VARIETY = 8, 4
_PLACEHOLDER = re.compile(r"change[-_ ]?me|replace|placeholder|example|default|secret|password|here|your|test|api|key")
_VERSION = re.compile(r"v[0-9]+\.[0-9]+")
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Settings:
    """What this installation was told. `.env.example` has one line for each field.

    Attributes:
        root: the repository root; every other path is absolute.
        model_repo: where releases are pulled from: https, ssh, `git@host:path`, file:// or a local path.
        model_version: the pinned release, as its tag says, such as "v1.0": the first of `model_versions`.
        model_versions: all releases that are served side by side, the default first; each once.
        model_path: the default's artefact; None means the pinned release's own.
        require_lock: serve and pull only what `model.lock` lists (production).
        mnist_dir: where MNIST's IDX files are cached, for releases without a golden set.
        host, port: where the service listens.
        secret_api_key: the key of the installation's own programs: printable ASCII, at least 8 characters and not only
            words such as "change-me"; empty when there is none (the service then does not start).
        database_url: `sqlite:///PATH` or `postgresql://…`.
        flags_file: which version answers whom, and what is shown and kept; may be missing.
        keep_drawings: store the 784 grey values with each answer.
        drawing_days: delete stored drawings after so many days; 0 keeps them.
        results_public: anyone may read `GET /results`.
        allowed_hosts: names by which the service may be called, beside IP addresses and localhost.
        trusted_proxies: networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        limit_per_key, limit_per_address, limit_per_visit: rates such as "1000/second".
        log_level: "debug", "info", "warning" or "error".
    """

    root: Path
    model_repo: str
    model_version: str
    model_versions: tuple[str, ...]
    model_path: Path | None
    require_lock: bool
    mnist_dir: Path
    host: str
    port: int
    secret_api_key: str = field(repr=False)
    database_url: str = field(repr=False)
    flags_file: Path
    keep_drawings: bool
    drawing_days: int
    results_public: bool
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    limit_per_key: str
    limit_per_address: str
    limit_per_visit: str
    log_level: str

    @property
    def models(self) -> Path:
        """The git-ignored folder of pulled releases."""
        return self.root / "models"

    @property
    def data(self) -> Path:
        """The git-ignored folder of what the service writes."""
        return self.root / "data"

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
    versions: tuple[str, ...] = (values["MODEL_VERSION"],)
    if values["MODEL_VERSIONS"]:
        versions = _split(values["MODEL_VERSIONS"])
        pinned = real.get("MODEL_VERSION", file.get("MODEL_VERSION", "")).strip()
        problems += _wrong_versions(versions, default=pinned)
        values["MODEL_VERSION"] = versions[0] or DEFAULTS["MODEL_VERSION"]  # an empty one is named already

    problems += [f"{key} is empty, expected something like {DEFAULTS[key]}" for key in _NOT_EMPTY if not values[key]]
    for key, allowed in _NUMBERS.items():
        if not (values[key].isdecimal() and values[key].isascii() and int(values[key]) in allowed):
            problems.append(f"{key}={values[key]}, expected a whole number from 0 to {allowed[-1]}")
    booleans = {key: _BOOLEANS.get(values[key].lower()) for key in ("REQUIRE_LOCK", "KEEP_DRAWINGS", "RESULTS_PUBLIC")}
    problems += [f"{key}={values[key]}, expected true or false" for key, value in booleans.items() if value is None]
    problems += [
        f"{key}={values[key]}, expected a rate like {DEFAULTS[key]}"
        for key in _LIMITS
        if values[key] and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", values[key])
    ]
    if values["LOG_LEVEL"].lower() not in _LEVELS:
        problems.append(f"LOG_LEVEL={values['LOG_LEVEL']}, expected one of {', '.join(_LEVELS)}")
    problems += _weaknesses(values["SECRET_API_KEY"])
    problems += [
        f"ALLOWED_HOSTS names {name}, expected names like digits.example.org, without https://, port or *"
        for name in _listed(values["ALLOWED_HOSTS"])
        if not _HOST_NAME.fullmatch(name.lower())
    ]
    proxies: list[Network] = []
    for text in _listed(values["TRUSTED_PROXIES"]):
        try:
            proxies.append(ipaddress.ip_network(text))
        except ValueError as error:
            problems.append(f"TRUSTED_PROXIES names {text}: {error}, expected addresses like 127.0.0.1 or 10.0.0.0/8")
    if problems:
        raise BadSettings(problems)

    return Settings(
        root=root,
        model_repo=values["MODEL_REPO"],
        model_version=versions[0],
        model_versions=versions,
        model_path=root / values["MODEL_PATH"] if values["MODEL_PATH"] else None,
        require_lock=bool(booleans["REQUIRE_LOCK"]),
        mnist_dir=root / values["MNIST_DIR"],
        host=values["HOST"],
        port=int(values["PORT"]),
        secret_api_key=values["SECRET_API_KEY"],
        database_url=values["DATABASE_URL"],
        flags_file=root / values["FLAGS_FILE"],
        keep_drawings=bool(booleans["KEEP_DRAWINGS"]),
        drawing_days=int(values["DRAWING_DAYS"]),
        results_public=bool(booleans["RESULTS_PUBLIC"]),
        allowed_hosts=tuple(name.lower() for name in _listed(values["ALLOWED_HOSTS"])),
        trusted_proxies=tuple(proxies),
        limit_per_key=values["LIMIT_PER_KEY"],
        limit_per_address=values["LIMIT_PER_ADDRESS"],
        limit_per_visit=values["LIMIT_PER_VISIT"],
        log_level=values["LOG_LEVEL"].lower(),
    )


def _split(text: str) -> tuple[str, ...]:
    """The parts of a list; one between two commas is empty."""
    return tuple(re.split(r"\s*,\s*|\s+", text))


def _wrong_versions(versions: tuple[str, ...], *, default: str) -> list[str]:
    """What is wrong with MODEL_VERSIONS; `default` is MODEL_VERSION where that is set too, else empty."""
    shown = f"MODEL_VERSIONS={','.join(versions)}"
    problems = [
        f"{shown} names {version or 'an empty one'}, expected versions like v1.0,v2.0"
        for version in versions
        if not _VERSION.fullmatch(version)
    ]
    twice = [version for version in dict.fromkeys(versions) if versions.count(version) > 1]
    problems += [f"{shown} names {version} twice, expected each version once" for version in twice if version]
    if default and default != versions[0]:
        problems.append(f"MODEL_VERSION={default} and {shown}, expected the same default: the first of the list")
    return problems


def _weaknesses(key: str) -> list[str]:
    """What is wrong with a key; never the key itself."""
    if not (key.isascii() and key.isprintable()):
        return ["SECRET_API_KEY has characters that no header can carry, expected ASCII"]
    own = re.sub(r"[\W_]", "", _PLACEHOLDER.sub("", key.lower()))
    if key and (len(key) < _KEY_LENGTH or len(set(key)) < _KEY_VARIETY or not own):
        return [
            f"SECRET_API_KEY can be guessed, expected at least {_KEY_LENGTH} characters and no placeholder, better 32 "
            "random ones (where it is empty, `bash setup-server.sh` writes them)"
        ]
    return []


def _listed(text: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]


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
        _settings = read_settings()
    except BadSettings as _error:
        print(_error, file=sys.stderr)
        sys.exit(_error.exit_code)
    for _name in sys.argv[1:]:  # none: only whether they can be read
        _setting = getattr(_settings, _name.lower())
        if isinstance(_setting, tuple):
            _setting = " ".join(map(str, _setting))
        print("" if _setting is None else _setting)
