"""Out of a guarded block come refusals: of whatever a library raises, and of what a system refuses."""

from __future__ import annotations

import errno
import functools
import os
import struct
from pathlib import Path

import pytest

from app.errors import CAUSES, SystemRefused, only_refusals, system_refusals
from app.release.refusals import BadLock
from app.verify.refusals import BadCard


@pytest.mark.parametrize("number", CAUSES, ids=errno.errorcode.get)
def test_each_cause_for_which_a_system_refuses_is_told_from_its_number_and_from_the_words_of_git(number: int):
    found, remedy = CAUSES[number]
    with pytest.raises(SystemRefused) as refusal, system_refusals("models"):
        raise OSError(number, "said")
    assert (refusal.value.subject, refusal.value.found, refusal.value.remedy) == ("models", found, remedy)
    cause = SystemRefused.cause_in(f"fatal: unable to write: {os.strerror(number)} (x)")
    assert cause is not None and cause.errno == number


def test_a_refusal_of_the_system_names_the_file_that_the_error_names(tmp_path: Path):
    with pytest.raises(SystemRefused) as refusal, system_refusals("models"):
        (tmp_path / "file").mkdir()
        (tmp_path / "file").write_bytes(b"")
    assert refusal.value.subject == str(tmp_path / "file")
    assert refusal.value.found == "a folder where a file belongs"


def test_an_error_of_no_known_cause_is_no_refusal():
    """It is a fault of this program until somebody says what helps: it must stay loud."""
    with pytest.raises(BrokenPipeError), system_refusals("models"):
        raise BrokenPipeError(errno.EPIPE, "closed")
    assert SystemRefused.cause_in("fatal: the remote end hung up") is None


def test_whatever_a_library_raises_is_the_refusal_of_what_it_read():
    refuse = functools.partial(BadCard, "card", expected="that", remedy="Do so.")
    for raised in (OverflowError("x"), RecursionError(), MemoryError(), struct.error("y"), KeyError("z\n" * 400)):
        with pytest.raises(BadCard) as caught, only_refusals(lambda said: refuse(found=said)):
            raise raised
        assert caught.value.found.startswith(type(raised).__name__) and len(caught.value.found) < 400
    with pytest.raises(BadLock), only_refusals(lambda said: refuse(found=said)):
        raise BadLock("lock", found="this", expected="that", remedy="Do so.")
    with pytest.raises(KeyboardInterrupt), only_refusals(lambda said: refuse(found=said)):
        raise KeyboardInterrupt
