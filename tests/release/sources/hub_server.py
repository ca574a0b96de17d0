"""A stand-in for the Hugging Face Hub on loopback: its client's HTTP, over bare git repositories with git-LFS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.release.remote import Remote
from tests.release.sources.forge import Handler, pointer

_LARGE = (".pkl", ".npz", ".onnx")
_OID = re.compile(rb"oid sha256:([0-9a-f]{64})\nsize (\d+)")

Entry = tuple[str, str]
"""Mode and object."""


class HubHandler(Handler):
    """The answers to the Hub's client; git and git-LFS are the forge's. `forge.login` is a token."""

    def do_PUT(self) -> None:
        self.do_GET()

    def is_let_in(self, path: str, headers: dict[str, str]) -> bool:
        if path.startswith("/lfs/") or self.forge.login is None:
            return True
        basic = base64.b64encode(f"hf_user:{self.forge.login}".encode()).decode()
        return headers.get("authorization") in (f"Bearer {self.forge.login}", f"Basic {basic}")

    def answer(self, path: str) -> bool:
        if self.command == "PUT" and path.startswith("/lfs/"):
            assert hashlib.sha256(self.body).hexdigest() == path.removeprefix("/lfs/")
            self.forge.keep(self.body)
            self.send({}, b"")
        elif path == "/api/validate-yaml":
            self.send_json({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([a-z-]+)(?:/([^/]+))?)?", path):
            self._api(self._repository(match[1]), match[1], match[2] or "revision", unquote(match[3] or "main"))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(self._repository(match[1]), unquote(match[2]), unquote(match[3]))
        else:
            return super().answer(path)
        return True

    def batch(self, wanted: dict[str, Any]) -> None:
        if wanted["operation"] == "download":
            super().batch(wanted)
            return
        objects = [
            one
            if one["oid"] in self.forge.objects
            else {**one, "actions": {"upload": {"href": f"{self.forge.url}/lfs/{one['oid']}"}}}
            for one in wanted["objects"]
        ]
        self.send_json({"transfer": "basic", "objects": objects}, kind="application/vnd.git-lfs+json")

    def _repository(self, name: str) -> Remote | None:
        folder = self.forge.folder / name
        if not folder.is_dir():
            return None
        return Remote(folder)

    def _api(self, repository: Remote | None, name: str, verb: str, revision: str) -> None:
        commit = repository and self._commit_of(repository, revision)
        if repository is None or (commit is None and verb in ("revision", "tag", "paths-info")):
            what = "Repo" if repository is None else "Revision"
            self.send({"X-Error-Code": f"{what}NotFound"}, b"{}", status=404)
        elif verb == "revision":
            self.send_json({"id": name, "sha": commit, "tags": [], "siblings": []})
        elif verb == "refs":
            self.send_json(self._refs(repository))
        elif verb == "tree":
            self.send_json(self._listing(repository, revision))
        elif verb == "paths-info":
            paths = parse_qs(self.body.decode())["paths"]
            self.send_json([entry for entry in self._listing(repository, revision) if entry["path"] in paths])
        elif verb == "preupload":
            self.send_json(self._preupload(json.loads(self.body)["files"]))
        elif verb == "commit":
            oid = self._commit(repository, revision, [json.loads(line) for line in self.body.splitlines()])
            self.send_json({"commitUrl": f"{self.forge.url}/{name}/commit/{oid}", "commitOid": oid})
        elif verb == "tag" and self.command == "POST":
            self._tag(repository, json.loads(self.body), str(commit))
        else:
            self.send({}, b"", status=404)

    def _resolve(self, repository: Remote | None, revision: str, name: str) -> None:
        commit = repository and self._commit_of(repository, revision)
        entry = self._entries(repository, commit).get(name) if repository and commit else None
        if repository is None or commit is None or entry is None:
            what = "Repo" if repository is None else "Revision" if commit is None else "Entry"
            self.send({"X-Error-Code": f"{what}NotFound"}, b"", status=404)
            return
        data = self._blob(repository, entry[1])
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entry[1]}"'}
        if large := _OID.search(data):
            headers |= {"X-Linked-Etag": f'"{large[1].decode()}"', "X-Linked-Size": large[2].decode()}
            headers["ETag"] = headers["X-Linked-Etag"]
            data = self.forge.objects[large[1].decode()]
        self.send(headers, data)

    def _refs(self, repository: Remote) -> dict[str, list[dict[str, str]]]:
        lines = repository.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").splitlines()
        found: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": []}
        for ref, *objects in (line.split() for line in lines):
            kind = "tags" if ref.startswith("refs/tags/") else "branches"
            found[kind].append({"name": ref.split("/", 2)[2], "ref": ref, "targetCommit": objects[-1]})
        return found

    def _listing(self, repository: Remote, revision: str) -> list[dict[str, Any]]:
        commit = self._commit_of(repository, revision)
        listed: list[dict[str, Any]] = []
        for name, (_, sha) in self._entries(repository, commit).items():
            data = self._blob(repository, sha)
            entry: dict[str, Any] = {"type": "file", "path": name, "oid": sha, "size": len(data)}
            if large := _OID.search(data):
                entry["size"] = int(large[2])
                entry["lfs"] = {"oid": large[1].decode(), "size": int(large[2]), "pointerSize": len(data)}
            listed.append(entry)
        return listed

    def _preupload(self, files: list[dict[str, Any]]) -> dict[str, Any]:
        modes = [(one["path"], "lfs" if one["path"].endswith(_LARGE) else "regular") for one in files]
        return {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes]}

    def _commit(self, repository: Remote, branch: str, lines: list[dict[str, Any]]) -> str:
        parent = self._commit_of(repository, branch)
        entries = self._entries(repository, parent)
        summary = "change"
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                summary = value["summary"]
            elif line["key"] == "file":
                entries[value["path"]] = ("100644", repository.blob(base64.b64decode(value["content"])))
            elif line["key"] == "lfsFile":
                data = self.forge.objects[value["oid"]]
                entries[value["path"]] = ("100644", repository.blob(pointer(data)))
            elif line["key"] == "deletedFile":
                del entries[value["path"]]
        listed = "".join(f"{mode} blob {sha}\t{name}\n" for name, (mode, sha) in entries.items())
        tree = repository.git("mktree", data=listed.encode())
        commit = repository.git("commit-tree", tree, *(["-p", parent] if parent else []), "-m", summary)
        repository.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def _tag(self, repository: Remote, asked: dict[str, str], commit: str) -> None:
        if self._commit_of(repository, asked["tag"]):
            self.send_json({"error": "Tag already exists"}, status=409)
            return
        repository.git("tag", "-a", asked["tag"], commit, "-m", asked.get("message") or "tag")
        self.send_json({})

    def _commit_of(self, repository: Remote, revision: str) -> str | None:
        names = (f"refs/heads/{revision}", f"refs/tags/{revision}", revision)
        found = repository.git("for-each-ref", "--format=%(objectname) %(*objectname)", *names[:2]).split()
        if found:
            return found[-1]
        return revision if re.fullmatch(r"[0-9a-f]{40}", revision) else None

    def _entries(self, repository: Remote, commit: str | None) -> dict[str, Entry]:
        if commit is None:
            return {}
        lines = repository.git("ls-tree", commit).splitlines()
        return {line.partition("\t")[2]: (line.split()[0], line.split()[2]) for line in lines}

    def _blob(self, repository: Remote, sha: str) -> bytes:
        return repository.run("cat-file", "blob", sha)
