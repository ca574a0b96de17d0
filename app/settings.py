"""The environment and `.env`, read once into one frozen `Settings`.

The real environment takes precedence over the file; relative paths count from the repository root.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.environment import env_file
from app.environment.database_password import DB_PASSWORD, asks_for_password, with_password, wrong_password
from app.environment.limits_url import wrong_limits_url
from app.environment.odd_lines import contradicted, misspelt, resembling
from app.environment.refusals import BadSettings
from app.environment.secret_key import KEY_LENGTH, weakness
from app.environment.versions import wrong_versions
from app.errors import PixelWiseError, system_refusals
from app.signing.trust import Trust

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS = {
    "MODEL_REPO": "pixelwise-model/releases.git",
    "MODEL_VERSION": "v1.0",
    "MODEL_VERSIONS": "",
    "MODEL_PATH": "",
    "REQUIRE_LOCK": "false",
    "REQUIRE_SIGNATURE": "false",
    "ALLOWED_SIGNERS": "allowed_signers",
    "MNIST_DIR": "pixelwise-model/data",
    "HOST": "127.0.0.1",
    "PORT": "8000",
    "SECRET_API_KEY": "",
    "DATA_DIR": "data",
    "DATABASE_URL": "",
    "FLAGS_FILE": "",
    "KEEP_DRAWINGS": "true",
    "DRAWING_DAYS": "0",
    "RESULTS_PUBLIC": "false",
    "ALLOWED_HOSTS": "",
    "TRUSTED_PROXIES": "",
    "LIMIT_PER_KEY": "2000/second",
    "LIMIT_PER_ADDRESS": "1000/second",
    "LIMIT_PER_VISIT": "30/second",
    "WORKERS": "1",
    "LIMITS_URL": "",
    "LOG_LEVEL": "info",
}
_NOT_EMPTY = (
    *("MODEL_REPO", "MODEL_VERSION", "ALLOWED_SIGNERS", "MNIST_DIR", "HOST", "DATA_DIR"),
    *("LIMIT_PER_KEY", "LIMIT_PER_ADDRESS", "LIMIT_PER_VISIT"),
)
_LIMITS = ("LIMIT_PER_KEY", "LIMIT_PER_ADDRESS", "LIMIT_PER_VISIT")
_YES_OR_NO = ("REQUIRE_LOCK", "REQUIRE_SIGNATURE", "KEEP_DRAWINGS", "RESULTS_PUBLIC")
_NUMBERS = {"PORT": range(65536), "DRAWING_DAYS": range(100_000), "WORKERS": range(1, 65)}
_LEVELS = ("debug", "info", "warning", "error")
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_SHOWN = 80
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Settings:
    """The settings of this installation. `.env.example` has one line for each field.

    Attributes:
        root: the repository root; every other path is absolute.
        model_repo: the repository that releases are pulled from: https, ssh, `git@host:path`, file:// or a local path.
        model_version: the pinned release, as its tag says, such as "v1.0": the first of `model_versions`.
        model_versions: all releases that are served side by side, the default first; each once.
        model_path: the default's artefact; None means the pinned release's own.
        require_lock: serve and pull only releases that `model.lock` lists (production).
        require_signature: serve and pull only releases that somebody of `allowed_signers` signed.
        allowed_signers: who may sign releases: a file in ssh-keygen's format, or a folder (`app/signing/trust.py`).
        mnist_dir: the cache of MNIST's IDX files, for releases without a golden set.
        host, port: the address on which the service listens.
        secret_api_key: the key of the installation's own programs: printable ASCII; empty if there is none (the
            service then does not start). One that others could guess (`weakness`) is allowed only while `is_local`.
        data_dir: the folder for all that the service writes: the note of the running service, and by default its
            database and its flags.
        database_url: `sqlite:///PATH` or `postgresql://…` with its password; by default pixelwise.db in `data_dir`.
        flags_file: the flags, which decide on the version for each caller, and on what is shown and kept; may be
            missing. By default flags.json in `data_dir`.
        keep_drawings: store the 784 grey values with each answer.
        drawing_days: the number of days after which stored drawings are deleted; 0 keeps them.
        results_public: anyone may read `GET /results`.
        allowed_hosts: names by which the service may be called, in addition to IP addresses and localhost.
        trusted_proxies: networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        limit_per_key, limit_per_address, limit_per_visit: rates such as "1000/second".
        workers: the number of processes that answer on the one socket.
        limits_url: the redis that processes share their counts by, with its password; empty: each takes its share.
        log_level: "debug", "info", "warning" or "error".
    """

    root: Path
    model_repo: str
    model_version: str
    model_versions: tuple[str, ...]
    model_path: Path | None
    require_lock: bool
    require_signature: bool
    allowed_signers: Path
    mnist_dir: Path
    host: str
    port: int
    secret_api_key: str = field(repr=False)
    data_dir: Path
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
    workers: int
    limits_url: str = field(repr=False)
    log_level: str

    @property
    def models(self) -> Path:
        """The git-ignored folder of pulled releases."""
        return self.root / "models"

    @property
    def lock_file(self) -> Path:
        """The reviewed list of trusted releases."""
        return self.root / "model.lock"

    @property
    def trust(self) -> Trust:
        """Whose signatures of releases count, and whether there must be one."""
        return Trust(self.require_signature, self.allowed_signers)

    @property
    def is_local(self) -> bool:
        """True if the service listens for this machine alone."""
        return _is_loopback(self.host)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Tolerated faults that the operator should know of."""
        return tuple(filter(None, (self.key_warning, self.exposure_warning)))

    @property
    def exposure_warning(self) -> str | None:
        """The warning about a service that others reach without a proxy in between."""
        if self.is_local or self.trusted_proxies:
            return None
        return (
            f"HOST={self.host} is more than this machine and TRUSTED_PROXIES is empty, so no proxy is known of: keys "
            "and drawings travel unencrypted, and one address may take all connections. Put a proxy before it "
            "(deploy/pixelwise.nginx, `sudo bash setup-server.sh --service --nginx NAME`) and name its address in "
            "TRUSTED_PROXIES."
        )

    @property
    def key_warning(self) -> str | None:
        """The warning about a key that others could guess."""
        why = weakness(self.secret_api_key)
        if why is None:
            return None
        return (
            f"SECRET_API_KEY can be guessed ({why}), which is tolerated while HOST is this machine alone; beyond it "
            "the service does not start. Where .env has it, empty it there and run `bash setup-server.sh`, which "
            "writes a random one; where the environment has it, unset it."
        )


def read_settings(environ: Mapping[str, str] | None = None, *, root: Path = ROOT) -> Settings:
    """The settings of this installation.

    Args:
        environ: the environment; None means the process's own.
        root: the folder that holds `.env` and from which relative paths count.

    Raises:
        BadSettings: one or more values are invalid; every one is named.
    """
    real = os.environ if environ is None else environ
    lines, problems = env_file.read_lines(root / ".env")
    file = {key: line.value for key, line in lines.items()}
    problems += [
        contradicted(key, line) for key, line in lines.items() if key in (*DEFAULTS, DB_PASSWORD) and line.unlike
    ]
    alike = {key: resembling(key, DEFAULTS) for key in file if key not in DEFAULTS}
    problems += [misspelt(key, meant[0]) for key, meant in alike.items() if meant]
    values = {key: real.get(key, file.get(key, default)).strip() for key, default in DEFAULTS.items()}
    versions: tuple[str, ...] = (values["MODEL_VERSION"],)
    if values["MODEL_VERSIONS"]:
        versions = _split(values["MODEL_VERSIONS"])
        pinned = real.get("MODEL_VERSION", file.get("MODEL_VERSION", "")).strip()
        problems += wrong_versions(versions, default=pinned)
        values["MODEL_VERSION"] = versions[0] or DEFAULTS["MODEL_VERSION"]  # an empty one was already reported

    problems += [f"{key} is empty, expected something like {DEFAULTS[key]}" for key in _NOT_EMPTY if not values[key]]
    problems += [f"{key} has a NUL, expected text" for key, value in values.items() if "\0" in value]
    problems += [
        f"{key}={_shown(values[key])}, expected a whole number from {allowed[0]} to {allowed[-1]}"
        for key, allowed in _NUMBERS.items()
        if not (re.fullmatch(r"[0-9]{1,9}", values[key]) and int(values[key]) in allowed)
    ]
    booleans = {key: _BOOLEANS.get(values[key].lower()) for key in _YES_OR_NO}
    problems += [
        f"{key}={_shown(values[key])}, expected true or false" for key, value in booleans.items() if value is None
    ]
    problems += [
        f"{key}={_shown(values[key])}, expected a rate like {DEFAULTS[key]}"
        for key in _LIMITS
        if values[key] and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", values[key])
    ]
    if values["LOG_LEVEL"].lower() not in _LEVELS:
        problems.append(f"LOG_LEVEL={_shown(values['LOG_LEVEL'])}, expected one of {', '.join(_LEVELS)}")
    problems += _wrong_key(values["SECRET_API_KEY"], host=values["HOST"])
    address, password = values["DATABASE_URL"], real.get(DB_PASSWORD, file.get(DB_PASSWORD, "")).strip()
    problems += wrong_password(address, password, line=lines[DB_PASSWORD].number if file.get(DB_PASSWORD) else None)
    problems += wrong_limits_url(values["LIMITS_URL"])
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
    if "?" in values["DATA_DIR"]:  # it would begin the options in the address of the database
        problems.append(f"DATA_DIR={_shown(values['DATA_DIR'])}, expected a folder without ? in its path")
    if (root / values["ALLOWED_SIGNERS"]).resolve().is_relative_to((root / "models").resolve()):
        shown = _shown(values["ALLOWED_SIGNERS"])
        problems.append(f"ALLOWED_SIGNERS={shown}, expected a place outside models/, which has what releases bring")
    data = root / values["DATA_DIR"]
    if not values["FLAGS_FILE"] and (root / "flags.json").exists() and not (data / "flags.json").exists():
        problems.append(
            f"FLAGS_FILE is empty, which is {data / 'flags.json'}, and {root / 'flags.json'} is not read: "
            "expected it there, or FLAGS_FILE=flags.json"
        )
    if problems:
        raise BadSettings(problems)

    return Settings(
        root=root,
        model_repo=values["MODEL_REPO"],
        model_version=versions[0],
        model_versions=versions,
        model_path=root / values["MODEL_PATH"] if values["MODEL_PATH"] else None,
        require_lock=bool(booleans["REQUIRE_LOCK"]),
        require_signature=bool(booleans["REQUIRE_SIGNATURE"]),
        allowed_signers=root / values["ALLOWED_SIGNERS"],
        mnist_dir=root / values["MNIST_DIR"],
        host=values["HOST"],
        port=int(values["PORT"]),
        secret_api_key=values["SECRET_API_KEY"],
        data_dir=data,
        database_url=with_password(address, password) or _database_in(data, root),
        flags_file=root / values["FLAGS_FILE"] if values["FLAGS_FILE"] else data / "flags.json",
        keep_drawings=bool(booleans["KEEP_DRAWINGS"]),
        drawing_days=int(values["DRAWING_DAYS"]),
        results_public=bool(booleans["RESULTS_PUBLIC"]),
        allowed_hosts=tuple(name.lower() for name in _listed(values["ALLOWED_HOSTS"])),
        trusted_proxies=tuple(proxies),
        limit_per_key=values["LIMIT_PER_KEY"],
        limit_per_address=values["LIMIT_PER_ADDRESS"],
        limit_per_visit=values["LIMIT_PER_VISIT"],
        workers=int(values["WORKERS"]),
        limits_url=values["LIMITS_URL"],
        log_level=values["LOG_LEVEL"].lower(),
    )


def _database_in(data: Path, root: Path) -> str:
    """The default database's address; relative if possible, so that no character of the path to this tree has a
    meaning."""
    return f"sqlite:///{(data.relative_to(root) if data.is_relative_to(root) else data) / 'pixelwise.db'}"


def _split(text: str) -> tuple[str, ...]:
    """The parts of a list; one between two commas is empty."""
    return tuple(re.split(r"\s*,\s*|\s+", text))


def _wrong_key(key: str, *, host: str) -> list[str]:
    """The faults of a key; never the key itself."""
    if not (key.isascii() and key.isprintable()):
        return ["SECRET_API_KEY has characters that no header can carry, expected ASCII"]
    if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"":
        return [f"SECRET_API_KEY begins and ends with {key[0]}, which would be part of it, expected it without quotes"]
    why = weakness(key)
    if why is not None and not _is_loopback(host):
        return [
            f"SECRET_API_KEY can be guessed ({why}) and HOST={_shown(host)} is more than this machine, expected "
            f"at least {KEY_LENGTH} random characters (where it is empty, `bash setup-server.sh` writes them)"
        ]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(value: str) -> str:
    """As much of a value as a message needs."""
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def _listed(text: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]


# -- for shell scripts, which must not source .env ---------------------------------------------------------------------


def create(environ: Mapping[str, str] | None = None, *, root: Path = ROOT) -> None:
    """Makes `.env` from `.env.example`, with the settings given in the environment written into their lines.

    Raises:
        BadSettings: they are invalid; nothing is written then.
    """
    given = _given(os.environ if environ is None else environ)
    if "MODEL_VERSIONS" in given or "MODEL_VERSION" in given:  # both name one default
        given["MODEL_VERSION"] = read_settings(given, root=root).model_version
    pattern = (root / ".env.example").read_text(encoding="utf-8")
    env_file.write(root / ".env", env_file.with_values(pattern, given))


def overruled(environ: Mapping[str, str] | None = None, *, root: Path = ROOT) -> list[str]:
    """A line for each setting of the environment that differs from `.env`, without values, as some are secret."""
    real = os.environ if environ is None else environ
    lines, _ = env_file.read_lines(root / ".env")
    address = lines["DATABASE_URL"].value if "DATABASE_URL" in lines else ""
    return [
        (f".env line {lines[key].number} says another {key}" if key in lines else f".env does not name {key}")
        + ": that of the environment counts, for this run only"
        for key, value in _given(real, address=address).items()
        if value != (lines[key].value.strip() if key in lines else DEFAULTS.get(key, ""))
    ]


def _given(environ: Mapping[str, str], *, address: str = "") -> dict[str, str]:
    """The settings of the environment, and the password if DATABASE_URL there, or else `address`, asks for it."""
    keys = tuple(DEFAULTS)
    if asks_for_password(environ.get("DATABASE_URL", address)):
        keys += (DB_PASSWORD,)
    return {key: environ[key].strip() for key in keys if key in environ}


def main(arguments: Sequence[str]) -> None:
    """Does the one thing that the arguments ask for.

    `NAME...` prints settings, `--of-file NAME...` those of `.env` alone; `--create` and `--put NAME` (value on stdin)
    write `.env`; `--notes` names the lines of it that do not count in this run, and keys that others could guess.
    Without arguments it checks that the settings can be read.
    """
    match arguments:
        case ["--create"]:
            create()
        case ["--put", name]:
            env_file.put(ROOT / ".env", {name: sys.stdin.read().removesuffix("\n")})
        case ["--notes"]:
            for note in (*overruled(), *read_settings().warnings):
                print(note)
        case ["--of-file", *names]:
            _print(read_settings({}), names)
        case names:
            _print(read_settings(), names)


def _print(settings: Settings, names: Sequence[str]) -> None:
    for name in names:
        value = getattr(settings, name.lower())
        print(" ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else value)


if __name__ == "__main__":
    try:
        with system_refusals():
            main(sys.argv[1:])
    except PixelWiseError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
