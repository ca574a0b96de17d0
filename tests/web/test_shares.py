"""Shares of a rollout go by person: by visit of the page, or by whom a program names; and they are kept."""

from __future__ import annotations

import pytest

from app.storage.key_rows import digest
from tests.web.inside import KEY, Inside
from tests.web.test_flags import body_of, classify, drawing, inside, shared, three
from tests.web.visits import STROKES, visit

__all__ = ["drawing", "inside", "three"]
VISITORS = 10_000
LAB = "another-key-that-is-long-enough"


@pytest.mark.long
def test_of_10_000_visitors_a_fifth_gets_the_new_version_and_keeps_it_when_the_share_is_widened(inside: Inside):
    """Each is a person whom a program names; what GET /visit says of them is what answers them."""

    def versions() -> list[str]:
        return [
            inside.ask("GET", "/visit", headers={"x-visitor": f"person-{number}"}).json["model_version"]
            for number in range(VISITORS)
        ]

    def new(said: list[str]) -> set[int]:
        assert set(said) == {"v1.0", "v2.0"}
        return {number for number, version in enumerate(said) if version == "v2.0"}

    inside.flag(shared(20))
    fifth = new(versions())
    assert 0.185 * VISITORS <= len(fifth) <= 0.215 * VISITORS
    inside.flag(shared(50))
    half = new(versions())
    assert 0.485 * VISITORS <= len(half) <= 0.515 * VISITORS
    assert fifth <= half


def test_a_program_without_the_header_is_one_visitor_and_what_a_person_is_told_answers_them(
    inside: Inside, drawing: bytes
):
    inside.flag(shared(50))
    assert len({classify(inside, drawing)["model_version"] for _ in range(10)}) == 1
    answering = set()
    for number in range(20):
        person = {"x-visitor": f"person {number} é"}
        told = inside.ask("GET", "/visit", headers=person).json["model_version"]
        assert {classify(inside, drawing, **person)["model_version"] for _ in range(2)} == {told}
        answering.add(told)
    assert answering == {"v1.0", "v2.0"}


def test_a_visit_changes_no_sides_by_naming_a_person(inside: Inside):
    inside.flag(shared(50))
    headers = visit(inside)

    def told(person: str) -> str:
        named = {**headers, "x-visitor": person}
        return str(inside.ask("GET", "/visit", headers=named, key=None).json["model_version"])

    assert len({told(f"person-{number}") for number in range(20)}) == 1


def test_two_programs_name_different_people_by_the_same_words(inside: Inside):
    inside.flag(shared(50))
    inside.access.replace_named_keys({"lab": digest(LAB)})

    def told(key: str) -> list[str]:
        names = [{"x-visitor": f"person-{number}"} for number in range(50)]
        return [inside.ask("GET", "/visit", headers=name, key=key).json["model_version"] for name in names]

    assert told(KEY) == told(KEY) != told(LAB)


def test_a_visitor_s_name_that_is_too_long_is_refused(inside: Inside, drawing: bytes):
    reply = inside.ask("POST", "/classify", body_of(drawing), {"x-visitor": "x" * 101})
    assert (reply.status, reply.json["error"]) == (422, "bad-parameter")
    assert classify(inside, drawing, **{"x-visitor": "x" * 100})["id"]


def test_a_visit_of_the_page_keeps_its_version_while_a_share_is_widened(inside: Inside):
    visits = [visit(inside) for _ in range(40)]

    def versions() -> list[str]:
        found = []
        for headers in visits:
            told = inside.ask("GET", "/visit", headers=headers, key=None).json["model_version"]
            drawn = inside.ask("POST", "/drawings", STROKES, headers, key=None).json
            previewed = inside.ask("POST", "/drawings/preview", STROKES, headers, key=None).json
            assert told == drawn["model_version"] == previewed["model_version"]
            found.append(told)
        return found

    inside.flag(shared(30))
    before = versions()
    assert set(before) == {"v1.0", "v2.0"}
    assert versions() == before
    inside.flag(shared(60))
    after = versions()
    assert all(new == "v2.0" for old, new in zip(before, after, strict=True) if old == "v2.0")
    assert after != before
