"""Requests made from the OpenAPI document, good and bad ones, against the service: each does what the other says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import ROOT
from tests.service import KEY, Service
from tests.web import fitting

pytestmark = pytest.mark.long

STATUSES = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
BAD_STATUSES = [*STATUSES[2:], "400", "405", "406", "415", "422", "428"]
CONFIGURATION = f"""
hooks = "{fitting.__file__}"
[checks]
positive_data_acceptance = {{ expected-statuses = {[*STATUSES, "413"]} }}
negative_data_rejection = {{ expected-statuses = {[*BAD_STATUSES, "413"]} }}
"""
"""What schemathesis expects by itself, and 413: how many bytes a body may have stands in no schema."""


def test_schemathesis_finds_nothing(service: Service, tmp_path: Path):
    """With all of its checks. PIXELWISE_SCHEMATHESIS sets how many requests it makes for each operation."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [Path(sys.executable).with_name("st"), "run", f"{service.url}/openapi.json", "--checks", "all"]
    command += ["--header", f"X-API-Key: {KEY}", "--no-color"]
    command += ["--max-examples", os.environ.get("PIXELWISE_SCHEMATHESIS", "60")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=1800)
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
    with service.client() as client:
        assert client.get("/health").status_code == 200
