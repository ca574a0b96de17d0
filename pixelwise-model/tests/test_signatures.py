"""Signed releases, with the real ssh-keygen. For those of model-signing see PixelWise's tests/clients/."""

import json
import subprocess

import pytest
from conftest import NINE

import release
import signatures
from build import build_release
from repository import ReleaseRepository


@pytest.fixture
def key(tmp_path):
    return make_key(tmp_path / "key")


def make_key(path, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


@pytest.fixture
def repository(tmp_path):
    return ReleaseRepository(tmp_path / "releases.git")


def git(repository, *arguments):
    command = ["git", f"--git-dir={repository.path}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_good(repository, version, key):
    """git's own word on the signature."""
    signers = key.with_name("signers")
    signers.write_text(f"me {key.with_suffix('.pub').read_text()}")
    config = ["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}"]
    command = ["git", *config, f"--git-dir={repository.path}", "verify-tag", version]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def cut(repository, *more):
    return release.main(["v1.0", "--repository", str(repository.path), *map(str, more)])


def test_a_release_is_signed_as_it_is_cut(small_world, repository, key, capsys):
    assert cut(repository, "--sign", key) == 0
    assert is_good(repository, "v1.0", key)
    assert cut(repository, "--sign", key) == 4
    assert "Published tags are not moved" in capsys.readouterr().err
    assert cut(repository, "--sign", key, "--if-missing") == 0
    assert capsys.readouterr().out == "v1.0 is there: nothing to do\n"


def test_a_published_release_without_a_signature_gets_one_and_keeps_its_commit(
    small_world, repository, key, capsys, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert cut(repository) == 0
    commit = git(repository, "rev-parse", "v1.0^{commit}")
    assert not is_good(repository, "v1.0", key)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert cut(repository, "--sign", key) == 0
    assert "signed v1.0 in" in capsys.readouterr().out
    assert is_good(repository, "v1.0", key) and git(repository, "rev-parse", "v1.0^{commit}") == commit
    assert "> 1700000000 +0000" in git(repository, "cat-file", "tag", "v1.0"), "the date of the signature"


def test_a_fork_that_has_the_unsigned_tag_keeps_it(small_world, repository, key, tmp_path, capsys):
    fork = tmp_path / "fork.git"
    subprocess.run(["git", "init", "--quiet", "--bare", fork], check=True)
    assert cut(repository, "--push", fork) == 0
    assert cut(repository, "--sign", key, "--push", fork) == 4
    said = capsys.readouterr().err
    assert "the same commit, without your signature" in said and "Sign the next version, or push to a" in said
    assert not is_good(ReleaseRepository(fork), "v1.0", key)


def test_nothing_of_the_caller_s_git_configuration_signs(small_world, repository, key, tmp_path, monkeypatch):
    marker, program = tmp_path / "it-ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    (tmp_path / "config").write_text(
        f'[gpg]\nformat = ssh\nprogram = {program}\n[gpg "ssh"]\nprogram = {program}\n[tag]\ngpgSign = true\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert cut(repository, "--sign", key) == 0
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    assert is_good(repository, "v1.0", key) and not marker.exists()


def test_a_key_with_a_passphrase_signs_by_the_agent_and_is_refused_without(
    small_world, repository, tmp_path, capsys, monkeypatch
):
    key = make_key(tmp_path / "locked", "secret")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert cut(repository, "--sign", key) == 3
    said = capsys.readouterr().err
    assert "give it to the agent (`ssh-add KEY`); KEY.pub goes here" in said and not repository.path.exists()
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE) as agent:
        agent.stdout.readline()  # it answers from now on
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        askpass = tmp_path / "askpass"
        askpass.write_text("#!/bin/sh\necho secret\n")
        askpass.chmod(0o755)
        monkeypatch.setenv("SSH_ASKPASS", str(askpass))
        monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
        subprocess.run(["ssh-add", "-q", key], check=True, stdin=subprocess.DEVNULL)
        monkeypatch.delenv("SSH_ASKPASS")
        monkeypatch.delenv("SSH_ASKPASS_REQUIRE")
        assert cut(repository, "--sign", key.with_suffix(".pub")) == 0
        agent.terminate()
    assert is_good(repository, "v1.0", key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file; expected a private key for SSH, or an EC key in PEM"),
        ("junk", "ssh-keygen cannot sign with it"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "protected by a passphrase"),
        ("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "protected by a passphrase"),
        ("-----BEGIN EC PRIVATE KEY-----\n", "python -m pip install model-signing pyopenssl"),
    ],
)
def test_what_cannot_sign_is_refused_before_anything_is_trained(
    repository, tmp_path, monkeypatch, capsys, text, said
):
    monkeypatch.setattr(release, "release_from_table", None)
    if text is not None:
        (tmp_path / "key").write_text(text)
        (tmp_path / "key").chmod(0o600)
    assert cut(repository, "--sign", tmp_path / "key") == 3
    assert said in capsys.readouterr().err


def test_without_ssh_keygen_its_package_is_named(repository, key, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release, "release_from_table", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cut(repository, "--sign", key) == 3
    assert "apt-get install openssh-client" in capsys.readouterr().err


def test_a_signature_of_files_is_listed_in_the_sums(small, small_files, tmp_path):
    def sign(folder):
        assert {"MODELCARD.md", "train.py"} < {path.name for path in folder.iterdir()}
        assert not (folder / "SHA256SUMS").exists()
        (folder / "model.sig").write_text("{}")

    build_release("v1.0", NINE, small, tmp_path, previous=None, files=small_files, sign_files=sign)
    assert "  model.sig\n" in (tmp_path / "SHA256SUMS").read_text()


class FilesSigner:
    signs_tags = False

    def __init__(self, fingerprint):
        self.fingerprint = fingerprint

    def sign_tag(self, payload):
        return ""

    def sign_files(self, folder):
        hint = {"verificationMaterial": {"publicKey": {"hint": self.fingerprint}}}
        (folder / "model.sig").write_text(json.dumps(hint))


def test_a_release_that_is_published_gets_no_signature_of_its_files(
    small_world, repository, monkeypatch, capsys
):
    """That would be another commit."""
    assert cut(repository) == 0
    monkeypatch.setattr(release, "signer_of", lambda key: FilesSigner("ab" * 32))
    assert cut(repository, "--sign", "key", "--if-missing") == 4
    said = capsys.readouterr().err
    assert "no model.sig, and files that are published" in said and "--if-missing" not in said
    assert "choose the next version, or cut this one in another repository (--repository NEW.git)" in said


def test_files_that_another_key_signed_are_not_said_to_be_signed(
    small_world, repository, monkeypatch, capsys
):
    monkeypatch.setattr(release, "signer_of", lambda key: FilesSigner(str(key)))
    assert cut(repository, "--sign", "ab") == 0
    assert cut(repository, "--sign", "ab", "--if-missing") == 0
    assert cut(repository, "--sign", "cd", "--if-missing") == 4
    said = capsys.readouterr().err
    assert "model.sig of the key with sha256 ab; expected model.sig of the key with sha256 cd" in said


def fingerprint(key):
    shown = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
    return shown.split()[1]


def test_a_tag_that_another_key_signed_is_not_said_to_be_signed(
    small_world, repository, key, tmp_path, capsys, monkeypatch
):
    other = make_key(tmp_path / "other")
    assert cut(repository, "--sign", other) == 0
    commit = git(repository, "rev-parse", "v1.0^{commit}")
    assert cut(repository, "--sign", key, "--if-missing") == 4
    said = capsys.readouterr().err
    assert f"a signature of the key {fingerprint(other)}; expected none yet" in said
    assert f"that of the key {fingerprint(key)}" in said
    undo = said.rpartition("then sign again: ")[2]
    monkeypatch.setenv("GIT_COMMITTER_NAME", "x")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "x")
    subprocess.run(["bash", "-c", undo], check=True, capture_output=True)
    assert cut(repository, "--sign", key) == 0
    assert is_good(repository, "v1.0", key) and git(repository, "rev-parse", "v1.0^{commit}") == commit


@pytest.mark.parametrize(
    ("change", "found", "remedy"),
    [
        (lambda key: key.parent, "a folder", "Name the file"),
        (lambda key: "", "an empty name", "Name the file"),
        (lambda key: changed(key, lambda text: text.replace("\n", "\r\n")), "Windows line ends", "sed"),
        (lambda key: changed(key, mode=0o644), "others may read (mode 0644)", "chmod 600"),
        (
            lambda key: key.with_suffix(".pub").rename(key.parent / "lone.pub"),
            "a public key, and no agent",
            "without .pub",
        ),
        (lambda key: changed(key, lambda text: "-----BEGIN PUBLIC KEY-----"), "in PEM", "Name the private"),
        (lambda key: changed(key, lambda text: RSA), "an RSA key, which signs no files", "ed25519"),
    ],
)
def test_each_key_that_cannot_sign_has_its_own_remedy(
    repository, key, monkeypatch, capsys, change, found, remedy
):
    monkeypatch.setattr(release, "release_from_table", None)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert cut(repository, "--sign", change(key)) == 3
    said = capsys.readouterr().err
    assert found in said and remedy in said
    if remedy in ("sed", "chmod 600"):  # the command that is named makes it a key that signs
        subprocess.run(["bash", "-c", said.rpartition(": ")[2]], check=True)
        assert signatures.signer_of(key).fingerprint == fingerprint(key)


RSA = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


def changed(key, change=str, mode=0o600):
    key.write_bytes(change(key.read_text()).encode())
    key.chmod(mode)
    return key


def test_a_mistyped_version_and_an_unknown_one_have_one_exit_code(repository, capsys):
    for version in ("1.0", "v9.7"):
        assert release.main([version, "--repository", str(repository.path)]) == 2
