from __future__ import annotations

import sys

import pytest

from errors import ClientMissing, CredentialsRefused, ReleaseRefused
from publishing import PUBLISHERS, GitPublisher, publisher
from repository import ReleaseRepository


@pytest.fixture
def repository(tmp_path):
    return ReleaseRepository(tmp_path / "releases.git")


@pytest.mark.parametrize(
    "address",
    ["fork.git", "/a/fork.git", "git@host:a/b.git", "ssh://git@host/a", "https://host/a", "file:///a/b"],
)
def test_git_takes_every_address_that_no_other_has(address, repository):
    assert isinstance(publisher(repository, address), GitPublisher)


def test_a_scheme_of_the_table_has_its_own(repository, monkeypatch):
    monkeypatch.setitem(PUBLISHERS, "shelf", lambda *given: given)
    assert publisher(repository, "Shelf://a/b") == (repository, "Shelf://a/b")


def test_without_its_client_the_hub_is_refused_with_the_command_that_installs_it(repository, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ClientMissing, match="-m pip install huggingface_hub") as refusal:
        publisher(repository, "hf://owner/name")
    assert refusal.value.exit_code == 3 and "secret" not in str(refusal.value)


def test_without_a_token_the_hub_is_refused_before_anything_is_trained(repository, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(CredentialsRefused, match="Set HF_TOKEN"):
        publisher(repository, "hf://owner/name")


@pytest.mark.parametrize("address", ["hf://name", "hf://a/b/c", "hf://a@b/c", "hf://"])
def test_an_address_of_the_hub_has_one_form(address, repository, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(ReleaseRefused, match="expected hf://owner/name"):
        publisher(repository, address)


@pytest.mark.parametrize("endpoint", ["http://hub.example", "ftp://127.0.0.1", "hub.example"])
def test_no_token_is_sent_without_protection(endpoint, repository, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ReleaseRefused, match="HF_ENDPOINT"):
        publisher(repository, "hf://owner/name")
