from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigurationError, Unreachable
from app.release.refusals import BadRelease
from app.release.sources.address import parse_address
from app.release.sources.git import Git, GitFailed
from tests.release.conftest import House
from tests.release.remote import FILES, Remote

Environment = Callable[..., dict[str, str]]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    """An ssh that writes down how it was called and runs the command here: the same protocol without a network."""
    return script(
        tmp_path / "bin/ssh",
        f'echo "$@" >> {tmp_path}/calls\n[ "$1" = -G ] && exit 0\nfor last; do :; done\nexec sh -c "$last"',
    )


@pytest.mark.parametrize(
    "address", ["git@fork.example:{path}", "ssh://git@fork.example:2222{path}", "fork.example:{path}"]
)
def test_a_private_fork_is_pulled_over_ssh_by_the_callers_own_command(
    address: str, house: House, remote: Remote, ssh: Path, environment: Environment, tmp_path: Path
) -> None:
    remote.release()
    written = address.format(path=remote.folder)
    pulled = house.pull(written, environ=environment(GIT_SSH_COMMAND=f"{ssh} -i key"))
    assert pulled.release.repository == written
    assert "-i key" in (tmp_path / "calls").read_text() and "BatchMode" not in (tmp_path / "calls").read_text()


def test_ssh_never_asks_and_never_hangs_when_the_caller_has_no_command_of_his_own(
    house: House, remote: Remote, ssh: Path, environment: Environment, tmp_path: Path
) -> None:
    remote.release()
    house.pull(f"git@host:{remote.folder}", environ=environment(PATH=f"{ssh.parent}:{os.environ['PATH']}"))
    assert "-o BatchMode=yes -o ConnectTimeout=15" in (tmp_path / "calls").read_text()


def test_a_refused_key_is_unreachable_in_words_that_a_terminal_can_show(
    house: House, environment: Environment, tmp_path: Path
) -> None:
    denied = script(
        tmp_path / "denied", "printf 'Permission denied (publickey).\\n\\033[2J\\007 https://token@x/' >&2; exit 255"
    )
    with pytest.raises(Unreachable, match=r"Permission denied \(publickey\).*key added") as refusal:
        house.pull("git@host:x.git", environ=environment(GIT_SSH_COMMAND=str(denied)))
    assert refusal.value.exit_code == 6 and str(refusal.value).isprintable() and "token" not in str(refusal.value)


def test_a_host_that_does_not_answer_is_left_in_time_with_all_its_processes(
    environment: Environment, tmp_path: Path
) -> None:
    deaf = script(tmp_path / "deaf", f"echo $$ > {tmp_path}/process; sleep 600")
    address = parse_address("git@host:x.git", root=tmp_path)
    git = Git(tmp_path, address, environ=environment(GIT_SSH_COMMAND=str(deaf), GIT_SSH_VARIANT="simple"))
    with pytest.raises(GitFailed, match="no end within 1 seconds"):
        git.run("ls-remote", address.url, seconds=1)
    assert has_ended(int((tmp_path / "process").read_text()))


@pytest.mark.parametrize("redirection", ["", ">&2"])
def test_an_endless_answer_is_left_with_all_its_processes(
    redirection: str, environment: Environment, tmp_path: Path
) -> None:
    git = Git(tmp_path, parse_address("git@host:x.git", root=tmp_path), environ=environment())
    endless = f"alias.endless=!echo $$ > {tmp_path}/process; yes {redirection}"
    with pytest.raises(BadRelease, match=r"more than 1,048,576 bytes in one answer of git"):
        git.run("-c", endless, "endless")
    assert has_ended(int((tmp_path / "process").read_text()))


def test_an_answer_may_be_as_long_as_promised_and_no_byte_longer(environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("git@host:x.git", root=tmp_path), environ=environment())
    command = ("-c", "alias.five=!printf 12345", "five")
    assert git.run(*command, most_bytes=5) == b"12345"
    with pytest.raises(BadRelease, match="more than 4 bytes"):
        git.run(*command, most_bytes=4)


def test_a_program_that_closes_its_pipes_and_stays_is_left_in_time(environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("git@host:x.git", root=tmp_path), environ=environment())
    with pytest.raises(GitFailed, match="no end within 1 seconds"):
        git.run("-c", "alias.stay=!exec sleep 600 >&- 2>&-", "stay", seconds=1)


def test_memory_and_files_of_git_are_bounded(environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("git@host:x.git", root=tmp_path), environ=environment(), size_limit=1 << 20)
    limits = git.run("-c", "alias.limits=!sleep 1; cat /proc/$PPID/limits", "limits").decode().splitlines()
    bounds = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert bounds["Max address space"] == str(2 << 30) and bounds["Max file size"] == str(1 << 20)


def has_ended(process: int) -> bool:
    gone = time.monotonic() + 60
    while Path(f"/proc/{process}").exists() and time.monotonic() < gone:
        if "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]:
            return True  # ended; whoever inherited it has not looked yet
        time.sleep(0.02)
    return time.monotonic() < gone


def test_the_callers_configuration_of_git_is_not_heard(
    house: House, remote: Remote, environment: Environment, tmp_path: Path
) -> None:
    remote.release()
    canary = tmp_path / "canary"
    hook = script(tmp_path / "hooks/reference-transaction", f"touch {canary}")
    hostile = tmp_path / "home/.gitconfig"
    hostile.write_text(
        f"[core]\nhooksPath = {hook.parent}\n[protocol]\nallow = always\n"
        f'[uploadpack]\npackObjectsHook = "touch {canary};"\n'
        f'[url "ext::sh -c touch% {canary}% "]\ninsteadOf = {remote.folder}\n'
    )
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    script(template / "hooks/reference-transaction", f"touch {canary}")
    changed = environment(
        GIT_CONFIG_GLOBAL=str(hostile),
        GIT_CONFIG_SYSTEM=str(hostile),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="core.hooksPath",
        GIT_CONFIG_VALUE_0=str(hook.parent),
        GIT_TEMPLATE_DIR=str(template),
        GIT_ALLOW_PROTOCOL="ext:file",
        GIT_DIR=str(tmp_path / "elsewhere"),
        GIT_EXEC_PATH=str(tmp_path / "nowhere"),
    )
    assert house.pull(str(remote.folder), environ=changed).outcome == "pulled"
    assert not canary.exists()


def test_only_our_own_configuration_is_read(environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("https://host/x", root=tmp_path), environ=environment())
    origins = {line.split("\t")[0] for line in git.run("config", "--list", "--show-origin").decode().splitlines()}
    assert origins == {f"file:{tmp_path}/gitconfig", f"file:{tmp_path}/git/config"}
    values = git.run("config", "--list").decode().splitlines()
    assert {"protocol.allow=never", "protocol.https.allow=always", "transfer.fsckobjects=true"} <= set(values)
    assert not [line for line in values if line.startswith(("protocol.file", "protocol.ssh", "safe."))]


def test_only_the_transport_of_the_address_is_allowed(remote: Remote, environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("https://host/x", root=tmp_path), environ=environment())
    with pytest.raises(GitFailed, match="'file' not allowed"):
        git.run("ls-remote", str(remote.folder))


def test_no_other_configuration_allows_a_transport(remote: Remote, environment: Environment, tmp_path: Path) -> None:
    git = Git(tmp_path, parse_address("https://host/x", root=tmp_path), environ=environment())
    with (tmp_path / "git/config").open("a") as configuration:
        configuration.write('[protocol]\nallow = always\n[protocol "file"]\nallow = always\n')
    with pytest.raises(GitFailed, match="'file' not allowed"):
        git.run("ls-remote", str(remote.folder))


@pytest.mark.parametrize(
    ("address", "transport"), [("https://host/x", "https"), ("git@host:x", "ssh"), ("/folder", "file")]
)
def test_git_and_its_children_hear_of_one_transport_and_fetch_nothing_later(
    address: str, transport: str, environment: Environment, tmp_path: Path
) -> None:
    callers = environment(GIT_ALLOW_PROTOCOL="ext", GIT_NO_LAZY_FETCH="0")
    git = Git(tmp_path, parse_address(address, root=tmp_path), environ=callers)
    heard = git.run("-c", "alias.heard=!env", "heard").decode().splitlines()
    assert {f"GIT_ALLOW_PROTOCOL={transport}", "GIT_NO_LAZY_FETCH=1"} <= set(heard)


def test_what_a_repository_brings_along_does_not_act(house: House, remote: Remote, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    act = f"touch {canary}; false"
    for hook in ("post-checkout", "post-update", "pre-receive", "reference-transaction", "post-upload-pack"):
        script(remote.folder / "hooks" / hook, act)
    for key in ("uploadpack.packObjectsHook", "filter.evil.smudge", "core.fsmonitor", "core.sshCommand", "core.pager"):
        remote.git("config", key, act)
    (remote.folder / "hooks/reference-transaction").chmod(0o644)  # the fixture's own git would run it
    remote.release("v1.0", {**FILES, ".gitattributes": b"* filter=evil\n", ".gitmodules": b"", ".lfsconfig": b""})
    (remote.folder / "hooks/reference-transaction").chmod(0o755)
    canary.unlink(missing_ok=True)
    house.pull(str(remote.folder))
    assert not canary.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
@pytest.mark.parametrize("bare", [True, False])
def test_a_repository_of_another_user_is_read(bare: bool, house: House, remote: Remote) -> None:
    """`sudo` runs the same commands on the user's own clone."""
    remote.release()
    folder = remote.folder
    if not bare:
        folder = folder.with_name('a "b" clone')
        remote.git("clone", "--quiet", ".", str(folder))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 12345, 12345)
    assert house.pull(str(folder)).outcome == "pulled"


def test_a_machine_without_git_is_told_what_to_install(house: House, remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="apt-get install git"):
        house.pull(str(remote.folder), environ={"PATH": str(tmp_path)})
