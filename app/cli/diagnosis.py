"""Checks of this installation, each fault with the command line that mends it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

from rich.table import Table
from rich.text import Text

from app.cli.diagnosis_signers import signers
from app.cli.symptom import Symptom
from app.cli.verify_in_child import Trial, try_alone
from app.cli.virtual_environment import leads_elsewhere
from app.errors import PixelWiseError, Refused, SystemRefused, cause_of, system_refusals
from app.flags.flag_file import parse_flags, read_flag_file
from app.flags.refusals import BadFlags
from app.model.formats import MAX_BYTES
from app.model.plain_file import NotPlain, read_needed_file, read_plain_file
from app.release.default_copies import check_room
from app.release.model_lock import find_vouching, hold_to_entry, read_lock
from app.release.models_folder import artefact_of, check_lock, pulled, read_through
from app.release.origin import find_origin, find_swapped, known_releases
from app.release.pin import show_short_id
from app.release.record import Release, changed_file, describe, is_intact, read_record
from app.release.refusals import BadLock
from app.release.seen_commits import read_seen
from app.release.sources.address import parse_address, recorded_key
from app.server.listen import listen
from app.server.refusals import CannotListen
from app.server.running_service import running_service, served_by
from app.settings import ROOT, Settings, read_settings
from app.storage.refusals import DatabaseUnavailable, WrongSchema

OLDEST_PYTHON = (3, 11)
REPOSITORY = "pixelwise-model/releases.git"
LEAST_FREE_BYTES = 256 << 20
"""Least free space beside the database: room for some hundred thousand answers."""
ASK_SECONDS = 2
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""A service that listens on every address of this machine is queried at this one."""


def diagnose() -> list[Symptom]:
    """All checks, in the order in which faults should be mended."""
    found = [_python(), *_environments(), _pins(), _git(), _env_file()]
    try:
        settings = read_settings()
    except PixelWiseError as error:
        return [*found, Symptom("settings", False, str(error), "edit .env", error.exit_code)]
    folder = list(_models_folder(settings))
    versions = () if _is_in_the_way(settings.models) else settings.model_versions  # no pull could mend them
    models = [symptom for version in versions for symptom in _model(settings, version)]
    trusted = signers(settings)
    return [*found, *_settings(settings), trusted, *_service(settings), *_flags(settings), *folder, *models]


def symptoms_table(symptoms: list[Symptom]) -> Table:
    """The checks as a table."""
    table = Table()
    for column in ("check", "state", "found", "what mends it"):
        table.add_column(column, overflow="fold")
    for symptom in symptoms:
        state = Text("well", "green") if symptom.healthy else Text("fault", "bold red")
        table.add_row(symptom.name, state, Text(symptom.found), Text(symptom.mend))
    return table


def _python() -> Symptom:
    version = ".".join(map(str, sys.version_info[:3]))
    healthy = sys.version_info >= OLDEST_PYTHON
    return Symptom("python", healthy, version, "" if healthy else "bash setup-server.sh", 0 if healthy else 3)


def _environments() -> Iterator[Symptom]:
    """Virtual environments that lead to another folder, as after a move or copy."""
    for name in (".venv", "pixelwise-model/.venv"):
        if elsewhere := leads_elsewhere(ROOT / name):
            yield Symptom(name, False, elsewhere, "bash setup-server.sh", 3)


def _pins() -> Symptom:
    """The installed libraries against the pins of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split(" ")[0].split("==") for line in lines if "==" in line and ";" not in line)
    wrong = [
        f"{name} {_installed(name) or 'missing'}, pinned {pin}" for name, pin in pins.items() if _installed(name) != pin
    ]
    if wrong:
        return Symptom("libraries", False, "; ".join(wrong), "bash setup-server.sh", 3)
    return Symptom("libraries", True, f"{len(pins)} as pinned")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git() -> Symptom:
    path = shutil.which("git")
    if path is None:
        return Symptom("git", False, "not installed", "apt-get install git", 3)
    return Symptom("git", True, path)


def _env_file() -> Symptom:
    path = ROOT / ".env"
    if not path.exists():
        return Symptom(".env", False, "missing (defaults apply)", "bash setup-server.sh", 3)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Symptom(".env", False, f"mode {mode:o}: others may read it", "chmod 600 .env", 3)
    return Symptom(".env", True, f"mode {mode:o}")


def _settings(settings: Settings) -> Iterator[Symptom]:
    try:
        address = parse_address(settings.model_repo, root=settings.root)
        # The address in its printable form: MODEL_REPO itself may hold a token.
        yield Symptom("settings", True, f"{address.repository} {' '.join(settings.model_versions)}")
        for version in settings.model_versions:
            try:
                record = read_record(settings.models / version)
                seen = read_seen(settings.models).get(address.key, {})
            except PixelWiseError:
                continue  # reported below, with the release or models/
            # A pull from MODEL_REPO that finds the same commit in place leaves its record unchanged.
            is_of = record is None or recorded_key(record.repository, root=settings.root) == address.key
            if record is not None and not (is_of or seen.get(version) in record.pins):
                found = f"{version} in models/ comes from {record.repository}, MODEL_REPO is {address.repository}"
                suffix = "" if version == settings.model_version else f" {version}"
                yield Symptom(f"origin{suffix}", False, found, f"pixelwise pull{suffix}", 3)
    except PixelWiseError as error:
        yield Symptom("settings", False, str(error), "edit .env", error.exit_code)


def _service(settings: Settings) -> Iterator[Symptom]:
    if settings.secret_api_key:
        yield Symptom("SECRET_API_KEY", True, settings.key_warning or "set")
    else:
        yield Symptom("SECRET_API_KEY", False, "empty: the service does not start", "bash setup-server.sh", 3)
    yield from _data_folder(settings)
    yield from _database(settings)
    yield _address(settings.host, settings.port)
    yield from _served(settings)


def _data_folder(settings: Settings) -> Iterator[Symptom]:
    """Checks that the service could write there; yields nothing if it can."""
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        found = f"{settings.data_dir} cannot be written: {cause_of(error)[0]}"
        yield Symptom("data", False, found, "set DATA_DIR in .env to a folder that can be written", 3)


def _database(settings: Settings) -> Iterator[Symptom]:
    # Takes a quarter of a second: done only after the cheap checks have passed.
    from app.storage.database import Database, elsewhere, why_unwritable
    from app.storage.migrate import REVISION, check_schema

    try:
        database = Database(settings.database_url, root=settings.root)
    except PixelWiseError as error:
        yield Symptom("database", False, str(error), "edit .env", error.exit_code)
        return
    try:
        check_schema(database)
        yield Symptom("database", True, f"{database.name}, revision {REVISION}")
    except WrongSchema as error:
        yield Symptom("database", False, str(error), "pixelwise db upgrade", error.exit_code)
    except DatabaseUnavailable as error:
        mend = error.remedy
        if database.file is not None and not database.file.exists():
            why = why_unwritable(database.file)
            mend = "pixelwise db upgrade" if why is None else elsewhere(why)[1]
        yield Symptom("database", False, str(error), mend, error.exit_code)
    finally:
        database.close()
    if database.file is not None:
        folder = next(parent for parent in database.file.parents if parent.is_dir())
        free = shutil.disk_usage(folder).free
        found = f"{free >> 20:,} MiB free in {folder}"
        healthy = free >= LEAST_FREE_BYTES
        yield Symptom("disk", healthy, found, "" if healthy else f"free space in {folder}", 0 if healthy else 3)


def _address(host: str, port: int) -> Symptom:
    """Checks that `pixelwise serve` could listen there, or already does."""
    try:
        listen(host, port).close()
    except CannotListen as refusal:
        if _is_pixelwise(EVERY_ADDRESS.get(host, host), port):
            return Symptom("address", True, f"PixelWise answers at {host} port {port}")
        return Symptom("address", False, f"{refusal.subject}: {refusal.found}", refusal.remedy, refusal.exit_code)
    return Symptom("address", True, f"{host} port {port} is free" if port else f"{host}, a free port at each start")


def _served(settings: Settings) -> Iterator[Symptom]:
    """Versions that the running service left out, and that may be in order by now."""
    service = running_service(settings.data_dir)
    served = served_by(service) if service else None
    if served is None:
        return
    if not served.left_out:
        yield Symptom("served", True, " ".join(served.versions))
    for version, why in served.left_out.items():
        found = f"the running service leaves {version} out: {why}"
        yield Symptom(f"served {version}", False, found, f"pixelwise models add {version}", 4)


def _is_pixelwise(host: str, port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=ASK_SECONDS)) as connection:
            connection.request("GET", "/health")
            said = json.loads(connection.getresponse().read(64 << 10))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    return isinstance(said, dict) and {"status", "model_version", "withheld"} <= said.keys()


def _model(settings: Settings, version: str) -> Iterator[Symptom]:
    """Checks that a version is there and starts; unless it is the default, its name follows those of its checks."""
    is_default = version == settings.model_version
    suffix = "" if is_default else f" {version}"
    named = settings.model_path if is_default else None
    try:
        with system_refusals(settings.models):
            release = [_named(settings, named)] if named else list(_release(settings, version, suffix))
            if is_default and named is None and release[0].healthy:
                release.append(_course_path(settings))
    except PixelWiseError as error:
        mend = error.remedy if isinstance(error, SystemRefused | BadLock) else f"pixelwise pull{suffix}"
        release = [Symptom(f"release{suffix}", False, str(error), mend, error.exit_code)]
    yield from release
    if not release[0].healthy:
        return
    trial = try_alone(version, root=ROOT, path=named if is_default else artefact_of(settings.models, version))
    if trial.refusal is None:
        yield Symptom(f"start{suffix}", True, f"the model opens and {_recorded(trial, suffix)}")
        if not trial.has_certainty:
            yield _without_certainty(settings, version, suffix)
    else:
        refusal = trial.refusal
        yield Symptom(f"start{suffix}", False, str(refusal), refusal.remedy, refusal.exit_code)


def _without_certainty(settings: Settings, version: str, suffix: str) -> Symptom:
    """A note, not a fault: a release made before drawn digits were measured works as before, or can be built anew
    here."""
    found = (
        "its card states no temperature for the recipe here: an answer is called unsure by the model's own confidence"
    )
    is_local = parse_address(settings.model_repo, root=settings.root).folder == (settings.root / REPOSITORY).resolve()
    anew = f"git --git-dir={REPOSITORY} tag -d {version}; rm -r models/{version}; bash setup-server.sh"
    return Symptom(f"certainty{suffix}", True, found, f"to build it anew: {anew}" if is_local else "")


def _recorded(trial: Trial, suffix: str) -> str:
    if trial.has_recorded:
        return "reproduces its recorded answers"
    return f"has no recorded answers to reproduce (`pixelwise verify{suffix} --mnist` reads MNIST's test file instead)"


def _named(settings: Settings, path: Path) -> Symptom:
    """The origin of the bytes that MODEL_PATH names; a fault if a record there promises other bytes."""
    served = f"MODEL_PATH is served: {path.name}"
    try:
        data = read_plain_file(path, limit=MAX_BYTES)
    except NotPlain:
        return Symptom("release", True, served)  # the start reports its fault
    file = describe(path.name, data)
    record = read_record(path.parent)
    promised = {one.name: one for one in record.files} if record else {}
    origin = find_origin(file.sha256, known_releases(settings.models, settings.lock_file))
    whose = f"the artefact of {' and '.join(origin.versions)}" if origin.is_known else "bytes that no record knows"
    if promised.get(path.name, file) != file:
        found = f"MODEL_PATH names {path.name}: {whose}, not what the record beside it promises"
        return Symptom("release", False, found, "pixelwise pull", 4)
    if origin.serving and settings.model_version not in origin.versions:
        mend = f"MODEL_VERSION={origin.versions[0]} in .env, or leave MODEL_PATH empty there"
        return Symptom("release", False, f"MODEL_PATH names {path.name}: {whose}", mend, 3)
    return Symptom("release", True, served if origin.is_known else f"{served}, {whose}")


def _course_path(settings: Settings) -> Symptom:
    """The file at `models/<the default's artefact>`: not served, but people look at it and swap it."""
    pinned = pulled(settings.models, settings.model_version)
    path = settings.models / pinned.artefact
    name, shown, pull = "course's path", f"{path.parent.name}/{path.name}", "pixelwise pull"
    if not os.path.lexists(path):
        return Symptom(name, True, f"{shown} is not there, and nothing needs it", pull)
    swapped = find_swapped(settings.models, pinned, settings.lock_file)
    if swapped is None:
        artefact = next(file for file in pinned.files if file.name == pinned.artefact)
        if is_intact(path, artefact):
            return Symptom(name, True, f"{shown} is that of {pinned.version}")
        return Symptom(name, True, f"{shown} is what models/record.json says, not that of {pinned.version}", pull)
    if swapped.data is None:
        return Symptom(name, False, f"{shown} {swapped.found}", f"move {path} away, then {pull}", 4)
    whose = " and ".join(swapped.origin.versions)
    found = f"{shown} has the bytes of {whose}" if whose else f"{shown} has bytes that no record knows"
    return Symptom(name, False, f"{found}, not those of {pinned.version}", pull, 4)


def _models_folder(settings: Settings) -> Iterator[Symptom]:
    """Obstacles to placing a release at the next pull; yields nothing if there are none."""
    models = settings.models
    if _is_in_the_way(models):
        yield Symptom("models", False, f"{models} is a file, and a folder belongs there", f"move {models} away", 3)
    if not models.is_dir():
        return
    try:
        record = read_record(models / settings.model_version)
    except PixelWiseError:
        record = None  # reported below, with the release
    try:
        check_lock(models)
        read_seen(models)
        if record is not None:
            check_room(models, record)
    except PixelWiseError as error:
        yield Symptom("models", False, str(error), error.remedy, error.exit_code)


def _is_in_the_way(folder: Path) -> bool:
    return os.path.lexists(folder) and not folder.is_dir()


def _flags(settings: Settings) -> Iterator[Symptom]:
    """Checks that the flags can be evaluated; yields nothing where there are none."""
    path = settings.flags_file
    try:
        data = read_flag_file(path)
        if data is not None:
            parse_flags(data, name=path.name)
            yield Symptom("flags", True, f"{path} can be read")
    except BadFlags as error:
        yield Symptom("flags", False, str(error), f"mend {path}, or move it away", error.exit_code)


def _release(settings: Settings, version: str, suffix: str) -> Iterator[Symptom]:
    name = f"release{suffix}"
    state = read_through(settings.models / version, _state)
    if state is None:
        yield Symptom(name, False, f"{version} is not pulled", f"pixelwise pull{suffix}", 3)
        return
    record, changed = state
    if changed is not None:
        yield Symptom(name, False, f"{changed} is missing or changed", f"pixelwise pull{suffix}", 4)
        return
    yield Symptom(name, True, f"{record.version}, {show_short_id(record.pin)}, {len(record.files)} files intact")
    yield _locked(settings, record, suffix)


def _locked(settings: Settings, record: Release, suffix: str) -> Symptom:
    """The entry of `model.lock` for this release."""
    name = f"model.lock{suffix}"
    digest = next(file.sha256 for file in record.files if file.name == record.artefact)
    try:
        entry = find_vouching(read_lock(settings.lock_file), version=record.version, digest=digest, record=record)
        if entry is not None:
            folder = settings.models / record.version
            read_through(folder, lambda folder: hold_to_entry(folder, record.files, entry))
            return Symptom(name, True, "lists this release")
    except Refused as error:
        return Symptom(name, False, str(error), error.remedy, error.exit_code)
    needed = settings.require_lock
    mend = f"pixelwise lock{suffix}" if needed else ""
    return Symptom(name, not needed, "does not list this release (a first pull)", mend, 4 if needed else 0)


def _state(folder: Path) -> tuple[Release, str | None] | None:
    """The record there, and the name of a file that differs from it."""
    record = read_record(folder)
    return None if record is None else (record, changed_file(folder, record, read=read_needed_file))
