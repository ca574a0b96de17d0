"""Signed releases beside the tools of others: model-signing's command, and git's own `git verify-tag`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.release.record import SUMS
from app.signing.model_signature import SIGNATURE
from tests.installation import GIT, ROOT, Installation, Published
from tests.release.remote import Remote, sums
from tests.signing.signers import EVE, LENA, signed_tag, signer

COMMAND = "model_signing"


@pytest.fixture(scope="module")
def programs(client_environment: Callable[[str], Path]) -> Path:
    return client_environment("signing")


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **GIT, **environ}
    return subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)


def make_key(folder: Path, name: str) -> Path:
    """An EC key, and beside it its public one in `trusted/NAME.pem`."""
    private = folder / f"{name}.private.pem"
    (folder / "trusted").mkdir(exist_ok=True)
    public = folder / f"{name}.pem"
    for command in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private],
        ["ec", "-in", private, "-pubout", "-out", public],
    ):
        assert run("openssl", *command).returncode == 0
    return private


class Signed(Installation):
    """An installation with the extra, that needs a signature of `lena`."""

    def __init__(self, root: Path, python: Path) -> None:
        super().__init__(root)
        self.python = str(python)
        self.remote = Remote(root.parent / "remote.git")
        self.environ = {"MODEL_REPO": str(self.remote.folder), "REQUIRE_SIGNATURE": "true"}
        self.environ["ALLOWED_SIGNERS"] = "trusted"

    def release(self, files: dict[str, bytes]) -> None:
        self.remote.release("v1.0", files)

    def pull(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.pixelwise("pull", **{**self.environ, **environ})


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("lena", "eve"):
        make_key(tmp_path, name)
    return tmp_path


@pytest.fixture
def house(compiled: Path, tmp_path: Path, keys: Path, programs: Path) -> Iterator[Signed]:
    shutil.copytree(compiled, tmp_path / "house", symlinks=True)
    house = Signed(tmp_path / "house", programs / "python")
    (house.root / "trusted").mkdir()
    shutil.copy(keys / "lena.pem", house.root / "trusted")
    yield house


def sign_by_its_command(programs: Path, folder: Path, key: Path) -> None:
    done = run(programs / COMMAND, "sign", "key", folder, "--private_key", key, "--signature", folder / SIGNATURE)
    assert done.returncode == 0, done.stderr


def signed_files(published: Published, folder: Path, sign: Callable[[Path], None]) -> dict[str, bytes]:
    """The files of v1.0 with a `model.sig`, and with sums that list that too."""
    folder.mkdir()
    for name, data in published.files.items():
        if name != SUMS:
            (folder / name).write_bytes(data)
    sign(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**files, SUMS: sums(files)}


@pytest.fixture
def files(published: Callable[[str], Published], programs: Path, keys: Path) -> dict[str, bytes]:
    """v1.0, signed by their command with Lena's key."""
    return signed_files(
        published("v1.0"),
        keys / "v1.0",
        lambda folder: sign_by_its_command(programs, folder, keys / "lena.private.pem"),
    )


# -- model.sig ---------------------------------------------------------------------------------------------------------


def test_what_their_command_signed_is_pulled_recorded_and_starts(house: Signed, files: dict[str, bytes]):
    house.release(files)
    done = house.pull()
    assert done.returncode == 0, done.stderr
    assert "v1.0: signed by lena." in done.stderr
    assert house.start(**house.environ).returncode == 0
    shown = house.pixelwise("verify", **house.environ, COLUMNS="200").stdout
    assert "Who signed it?" in shown and "lena" in shown.partition("Who signed it?")[2]


def test_what_our_release_signed_their_command_verifies_and_both_refuse_a_changed_byte(
    house: Signed, keys: Path, programs: Path, tmp_path: Path
):
    """A release from training to answer, by the commands of docs/signing.md."""
    repository = tmp_path / "signed.git"
    command = [programs / "python", ROOT / "pixelwise-model/release.py", "v1.0", "--repository", repository]
    done = run(*command, "--sign", keys / "lena.private.pem")
    assert done.returncode == 0, done.stderr
    done = house.pull(MODEL_REPO=str(repository))
    assert done.returncode == 0 and "v1.0: signed by lena." in done.stderr, done.stderr

    folder = tmp_path / "plain"
    folder.mkdir()
    assert run("git", f"--git-dir={repository}", f"--work-tree={folder}", "checkout", "v1.0", "--", ".").returncode == 0
    verify = [programs / COMMAND, "verify", "key", folder, "--signature", folder / SIGNATURE, "--public_key"]
    ignored = ("--ignore-paths", folder / SIGNATURE, "--ignore-paths", folder / SUMS)
    assert run(*verify, keys / "lena.pem", *ignored).returncode == 0
    assert run(*verify, keys / "eve.pem", *ignored).returncode != 0
    changed = (folder / "train.py").read_bytes() + b"\n"
    (folder / "train.py").write_bytes(changed)
    assert run(*verify, keys / "lena.pem", *ignored).returncode != 0

    tampered = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != SUMS}
    house.release({**tampered, SUMS: sums(tampered)})
    done = house.pull()
    assert done.returncode == 4 and "model.sig of other files, 'train.py' first" in done.stderr, done.stderr


def refused(house: Signed, files: dict[str, bytes], code: int, *said: str) -> None:
    """A pull that is refused, and changes nothing."""
    before = (house.models / "v1.0").readlink()
    house.release(files)
    done = house.pull()
    assert done.returncode == code and all(word in done.stderr for word in said), done.stderr
    assert "Traceback" not in done.stderr
    assert (house.models / "v1.0").readlink() == before


def with_sums(files: dict[str, bytes]) -> dict[str, bytes]:
    others = {name: data for name, data in files.items() if name != SUMS}
    return {**others, SUMS: sums(others)}


def test_another_key_is_refused(house: Signed, files: dict[str, bytes], keys: Path):
    (house.root / "trusted/lena.pem").unlink()
    shutil.copy(keys / "eve.pem", house.root / "trusted")
    refused(house, files, 4, "model.sig of the key with sha256", "expected a signer of")


def test_a_signature_that_claims_another_key_is_refused_by_the_package(
    house: Signed, files: dict[str, bytes], keys: Path, programs: Path, published: Callable[[str], Published]
):
    """Eve signs, and writes Lena's key down as hers."""
    by_eve = signed_files(
        published("v1.0"), keys / "eve", lambda folder: sign_by_its_command(programs, folder, keys / "eve.private.pem")
    )
    hint = b'"hint":"'
    lenas = files[SIGNATURE].partition(hint)[2][:64]
    eves = by_eve[SIGNATURE].partition(hint)[2][:64]
    forged = {**by_eve, SIGNATURE: by_eve[SIGNATURE].replace(eves, lenas)}
    refused(house, with_sums(forged), 4, "signature of release v1.0: model.sig: InvalidSignature", "what lena signed")


def test_files_that_nobody_signed_are_refused(house: Signed, files: dict[str, bytes]):
    refused(house, with_sums({**files, "more.py": b""}), 4, "model.sig of other files, 'more.py' first")
    fewer = {name: data for name, data in files.items() if name != "train.py"}
    refused(house, with_sums(fewer), 4, "model.sig of other files, 'train.py' first")


def test_a_file_that_sums_do_not_list_is_left_out(house: Signed, files: dict[str, bytes]):
    house.release({**files, "README.md": b"# The card again\n"})
    done = house.pull()
    assert done.returncode == 0, done.stderr
    assert "README.md" in done.stderr and not (house.models / "v1.0/README.md").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"junk", "model.sig: DecodeError"), (b" " * 65_537, "65,537 bytes"), (b"", "model.sig: DecodeError")],
)
def test_what_is_no_signature_is_refused(house: Signed, files: dict[str, bytes], data: bytes, said: str):
    refused(house, with_sums({**files, SIGNATURE: data}), 4, said)


def test_a_signed_release_without_sums_is_refused(house: Signed, files: dict[str, bytes]):
    without = {name: data for name, data in files.items() if name != SUMS}
    refused(house, without, 4, "model.sig without SHA256SUMS")


@pytest.mark.parametrize("name", ["train.py", SIGNATURE, SUMS, "digit_classifier_v1.pkl"])
def test_a_file_changed_after_the_pull_stops_the_start(house: Signed, files: dict[str, bytes], name: str):
    house.release(files)
    assert house.pull().returncode == 0
    path = house.models / "v1.0" / name
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data + b"\n")
    done = house.predict(**house.environ)
    assert done.returncode == 4 and name in done.stderr, done.stderr


def test_a_trusted_key_that_is_none_is_named(house: Signed, files: dict[str, bytes]):
    (house.root / "trusted/lena.pem").write_text("junk")
    refused(house, files, 4, "model.sig of the key with sha256")


# -- tags, beside git --------------------------------------------------------------------------------------------------


def test_git_and_we_accept_and_refuse_the_same_tags_but_for_a_renamed_one(house: Signed, files: dict[str, bytes]):
    """`git verify-tag` with its own allowed signers; a v1.0 that is served as v2.0 is good for git, and not for us."""
    signers = house.root / "allowed_signers"
    signers.write_text(signer(LENA).line())
    config = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}")
    house.environ["ALLOWED_SIGNERS"] = "allowed_signers"

    def git_says(tag: str) -> bool:
        return run("git", *config, f"--git-dir={house.remote.folder}", "verify-tag", tag).returncode == 0

    commit = house.remote.commit({name: data for name, data in files.items() if name not in (SIGNATURE, SUMS)})
    for by, is_good in ((EVE, False), (LENA, True)):
        signed_tag(house.remote, "v1.0", commit, signer(by))
        assert git_says("v1.0") is is_good
        assert (house.pull().returncode == 0) is is_good
    (house.models / "v1.0").unlink()  # what is in place goes on by the signature that it came with
    signed_tag(house.remote, "v1.0", commit, signer(LENA), second=1_500_000_000)
    signers.write_text(signer(LENA).line('valid-after="20200101Z"'))
    assert not git_says("v1.0")
    done = house.pull()
    assert done.returncode == 4 and "not yet valid" in done.stderr
    signers.write_text(signer(LENA).line())
    signed_tag(house.remote, "v2.0", commit, signer(LENA), named="v1.0")
    assert git_says("v2.0")
    done = house.pixelwise("pull", "v2.0", **house.environ)
    assert done.returncode == 4 and "a tag object named 'v1.0'" in done.stderr


def test_what_git_signs_is_accepted_and_git_accepts_what_we_sign(house: Signed, files: dict[str, bytes], keys: Path):
    """`git tag -s` with an SSH key, as docs/signing.md shows it; and `release.py --sign` on a published release."""
    signers = house.root / "allowed_signers"
    signers.write_text(signer(LENA).line())
    house.environ["ALLOWED_SIGNERS"] = "allowed_signers"
    key = signer(LENA).key
    git = ["git", "-c", "gpg.format=ssh", "-c", f"user.signingkey={key}", f"--git-dir={house.remote.folder}"]
    commit = house.remote.commit({name: data for name, data in files.items() if name not in (SIGNATURE, SUMS)})
    done = run(*git, "tag", "-s", "v1.0", "-m", "Release v1.0", commit)
    assert done.returncode == 0, done.stderr
    done = house.pull()
    assert done.returncode == 0 and f"signed by {LENA}" in done.stderr, done.stderr

    copy = keys / "releases.git"
    shutil.copytree(ROOT / "pixelwise-model/releases.git", copy)
    release = [ROOT / "pixelwise-model/.venv/bin/python", ROOT / "pixelwise-model/release.py", "v1.0"]
    done = run(*release, "--repository", copy, "--sign", key)
    assert done.returncode == 0, done.stderr
    config = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}")
    assert run("git", *config, f"--git-dir={copy}", "verify-tag", "v1.0").returncode == 0
    assert house.pull(MODEL_REPO=str(copy)).returncode == 0
