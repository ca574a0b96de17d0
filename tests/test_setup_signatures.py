"""Set-up where a signature is required: what checks one is installed, or named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.test_setup import Server
from tests.test_setup import server as server


@pytest.mark.long
def test_where_a_signature_is_required_it_names_the_package_that_checks_it(server: Server, tmp_path: Path):
    """A machine without ssh-keygen and apt-get; git is there, and the rest that set-up needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in ("ssh-keygen", "apt-get"):
            (folder / program.name).symlink_to(program)
    only = {"PATH": f"{Path(sys.executable).parent}:{folder}"}
    done = server.setup(REQUIRE_SIGNATURE="true", **only)
    assert done.returncode == 3 and "apt-get install openssh-client" in done.stderr, done.stderr
    assert not (server.root / "models").exists()
    assert "openssh-client" not in server.setup(REQUIRE_SIGNATURE="false", **only).stderr
