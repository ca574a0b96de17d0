"""What tests of the service share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.installation import Published
from tests.web.inside import Inside
from tests.web.visits import MakeInside


@pytest.fixture(scope="module")
def inside(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Release v1.0 as an application in this process, for all tests of a module."""
    with Inside(published("v1.0"), tmp_path_factory.mktemp("inside")) as made:
        yield made


@pytest.fixture(scope="module")
def several(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """The same with v2.0 beside it, and v1.1 left out."""
    folder = tmp_path_factory.mktemp("several")
    with Inside(published("v1.0"), folder, published("v2.0"), left_out={"v1.1": "it is <b>broken</b>"}) as made:
        yield made


@pytest.fixture
def make(published: Callable[[str], Published], tmp_path: Path) -> Iterator[MakeInside]:
    """Applications with the limits, proxies and hosts that are given."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Inside(published("v1.0"), tmp_path, **options))
