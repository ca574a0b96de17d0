"""No message shows a token of an address, and what nothing publishes at is refused by name."""

import http.server
import subprocess
import threading

import pytest

import release
from addresses import check_git, shown, without_credentials
from errors import ReleaseRefused
from publishing import push
from repository import ReleaseRepository

TOKEN = "s3cr3t-t0k3n"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "v1.0").mkdir()
    (tmp_path / "v1.0" / "MODELCARD.md").write_text("a card")
    repository = ReleaseRepository(tmp_path / "releases.git")
    repository.publish("v1.0", tmp_path / "v1.0", "Release v1.0")
    return repository


@pytest.fixture
def forge():
    """A server that refuses everybody; its address is without http://."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status = 401

        def do_GET(self):
            self.send_response(self.status)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

        def log_message(self, *arguments): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield Handler, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        (f"https://me:{TOKEN}@host/a.git", "https://host/a.git"),
        (f"https://{TOKEN}@host:8443/a", "https://host:8443/a"),
        (f"https://me:a/b@{TOKEN}@host/a", "https://host/a"),
        (f"https://host/a?private_token={TOKEN}", "https://host/a"),
        (f"ssh://git:{TOKEN}@host/a", "ssh://host/a"),
        ("ssh://git@host/a", "ssh://git@host/a"),
        ("git@host:a/b.git", "git@host:a/b.git"),
        ("/a/fork@2.git", "/a/fork@2.git"),
        ("file:///a/b", "file:///a/b"),
        (f"hf://{TOKEN}@owner/name", "hf://owner/name"),
        (f"mlflow+https://me:{TOKEN}@host/name", "mlflow+https://host/name"),
    ],
)
def test_an_address_is_shown_without_credentials(address, seen):
    assert shown(address) == seen
    said = without_credentials(f"fatal: no '{address}' for {TOKEN}.", address)
    assert TOKEN not in said or TOKEN not in address
    assert seen in said


def test_what_git_says_of_a_token_is_hidden_in_every_form():
    address = "https://abcdefghijklmnop:x%2Foauth@host/a"
    said = without_credentials(
        "'https://abcdefghijklmnop@host': x%2Foauth, x/oauth, abcdefghijklmnop", address
    )
    assert said == "'https://host': (hidden), (hidden), (hidden)"


def config_for(tmp_path, monkeypatch, text):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    monkeypatch.setenv("GIT_ASKPASS", "true")


def test_a_push_that_works_shows_no_token(repository, tmp_path, monkeypatch, capsys):
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "fork.git"], check=True)
    fork = f"https://me:{TOKEN}@host/fork.git"
    config_for(tmp_path, monkeypatch, f'[url "{tmp_path}/"]\n\tinsteadOf = https://me:{TOKEN}@host/\n')
    assert release.main(["v1.0", "--repository", str(repository.path), "--if-missing", "--push", fork]) == 0
    assert release.main(["v1.0", "--repository", str(repository.path), "--if-missing", "--push", fork]) == 0
    said = capsys.readouterr()
    assert said.out == (
        "v1.0 is there: nothing to train\npushed v1.0 to https://host/fork.git\n"
        "v1.0 is there: nothing to train\nv1.0 is at https://host/fork.git: nothing to push\n"
    )
    assert said.err == ""


@pytest.mark.parametrize("status", [401, 403, 404, 500])
@pytest.mark.parametrize("user", [f"me:{TOKEN}@", f"{TOKEN}@", ""])
def test_a_push_that_is_refused_shows_no_token_and_says_what_was_given(
    repository, tmp_path, monkeypatch, capsys, forge, status, user
):
    handler, place = forge
    handler.status = status
    config_for(tmp_path, monkeypatch, "")
    command = ["v1.0", "--repository", str(repository.path), "--if-missing", "--push"]
    code = release.main([*command, f"http://{user}{place}/fork.git"])
    said = capsys.readouterr()
    assert TOKEN not in said.err + said.out and f"repository http://{place}/fork.git: " in said.err
    assert code == (3 if status in (401, 403) else 6)
    if code == 3:
        assert (
            "credentials given and refused" if user else "credentials not given, or a helper's"
        ) in said.err
    assert "; ;" not in said.err


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("hf:owner/name", "Did you mean hf://owner/name?"),
        ("HF:owner/name", "Did you mean hf://owner/name?"),
        ("https:host/a", "Did you mean https://host/a?"),
        ("mlflow+https:/host/name", "Did you mean mlflow+https://host/name?"),
        ("mlflow://host/name", "Did you mean mlflow+https://host/name?"),
        ("aim:FOLDER", "pass --track aim:FOLDER"),
        ("aim://FOLDER", "pass --track aim:FOLDER"),
        ("clearml:x", "pass --track clearml"),
        ("s3://bucket/x", "docs/sources.md"),
        (f"s3://me:{TOKEN}@bucket/x", "docs/sources.md"),
    ],
)
def test_an_address_of_nothing_that_publishes_is_refused_by_name(repository, address, remedy):
    with pytest.raises(ReleaseRefused, match=r"--push .*; expected a git repository") as refusal:
        push("v1.0", repository, address)
    assert remedy in str(refusal.value) and TOKEN not in str(refusal.value)


def test_a_folder_whose_name_has_a_colon_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf:fork.git").mkdir()
    check_git("hf:fork.git")
    check_git("./aim:other.git")
