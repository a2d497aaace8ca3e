"""The client: envelopes, keyset paging, and that a partial read is never handed on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.catalogs.atlan.models import Entity
from qsync_pipeline.transport.errors import Malformed
from qsync_pipeline_tests.catalogs.atlan.fake import BULK, SEARCH, TYPEDEFS, FakeSession, pages, row


def guids(found: list[Entity]) -> list[str]:
    return [entity.guid for entity in found]


def search(session: FakeSession, page_size: int = 3) -> list[Entity]:
    return session.client(page_size).search({"bool": {}}, ["name"], list)


@given(st.integers(0, 12), st.integers(1, 5))
def test_every_row_is_read_once_whatever_the_page_size(rows: int, size: int) -> None:
    session = FakeSession().on("POST", SEARCH, pages([row(n) for n in range(rows)]))
    assert guids(search(session, size)) == [f"guid-{n:04}" for n in range(rows)]


def test_no_page_is_asked_for_beyond_the_count() -> None:
    session = FakeSession().on("POST", SEARCH, pages([row(n) for n in range(6)]))
    search(session, 3)
    assert session.count("POST") == 2


def test_the_body_keeps_the_rules_of_the_house() -> None:
    session = FakeSession().on("POST", SEARCH, pages([row(n) for n in range(4)]))
    search(session, 3)
    first, second = (call["json"] for call in session.calls)
    assert first["dsl"]["track_total_hits"] is True
    assert first["dsl"]["sort"] == [{"__timestamp": {"order": "asc"}}, {"__guid": {"order": "asc"}}]
    assert "search_after" not in first["dsl"]
    assert second["dsl"]["search_after"] == [1002, "guid-0002"]
    assert first["excludeMeanings"] is True
    assert first["suppressLogs"] is True
    assert first["requestMetadata"]["saveSearchLog"] is False
    assert first["relationAttributes"] == []


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"entities": []},
        {"approximateCount": 0},
        {"searchParameters": {}, "entities": [row(1)]},
        {"searchParameters": {}, "approximateCount": None},
    ],
)
def test_a_page_without_its_envelope_is_malformed_never_empty(page: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="without its envelope"):
        search(FakeSession().on("POST", SEARCH, page))


@pytest.mark.parametrize("entities", [{}, {"entities": None}, {"entities": []}])
def test_absent_null_and_empty_entities_are_all_no_rows(entities: dict[str, Any]) -> None:
    page = {"searchParameters": {}, "approximateCount": 0, **entities}
    assert search(FakeSession().on("POST", SEARCH, page)) == []


def test_a_lost_page_is_read_again_and_then_refused() -> None:
    session = FakeSession().on("POST", SEARCH, pages([row(n) for n in range(4)], count=9))
    with pytest.raises(Malformed, match="4 rows where Atlan counts 9, twice"):
        search(session)


def test_a_page_that_comes_back_at_the_second_reading_is_taken() -> None:
    attempts = iter([pages([row(1)], count=2), pages([row(1)], count=2), pages([row(1), row(2)])])
    session = FakeSession().on("POST", SEARCH, lambda call: next(attempts)(call))
    assert guids(search(session)) == ["guid-0001", "guid-0002"]


@given(st.integers(1, 9), st.integers(2, 4))
def test_a_row_that_a_page_holds_twice_stands_for_no_other(rows: int, size: int) -> None:
    def doubled(call: dict[str, Any]) -> Any:
        answer = pages([row(n) for n in range(rows)])(call)
        answer["entities"] = [*answer["entities"], *answer["entities"][:1]]
        return answer

    session = FakeSession().on("POST", SEARCH, doubled)
    assert sorted(guids(search(session, size))) == [f"guid-{n:04}" for n in range(rows)]


def test_a_page_that_comes_again_and_again_is_not_asked_for_without_end() -> None:
    first = {"searchParameters": {}, "approximateCount": 9, "entities": [row(n) for n in range(3)]}
    session = FakeSession().on("POST", SEARCH, first)
    with pytest.raises(Malformed, match="3 rows where Atlan counts 9, twice"):
        search(session, 3)
    assert session.count("POST") == 4


def test_rows_made_while_reading_come_last_and_are_no_loss() -> None:
    rows = [row(n) for n in range(4)]

    def grow(call: dict[str, Any]) -> Any:
        if "search_after" in call["json"]["dsl"] and len(rows) < 6:
            rows.append(row(len(rows)))
        return pages(rows)(call)

    assert guids(search(FakeSession().on("POST", SEARCH, grow))) == [f"guid-{n:04}" for n in range(5)]


def test_rows_deleted_while_reading_are_no_loss_and_hide_none() -> None:
    rows = [row(n) for n in range(9)]

    def shrink(call: dict[str, Any]) -> Any:
        answer = pages(rows)(call)
        if "search_after" not in call["json"]["dsl"]:
            del rows[:2]  # already read; the anchor stays
        return answer

    assert guids(search(FakeSession().on("POST", SEARCH, shrink))) == [f"guid-{n:04}" for n in range(9)]


@given(st.lists(st.sampled_from(["", "-1", "scrubbed"]), max_size=14), st.integers(1, 4), st.booleans())
def test_hidden_rows_without_a_key_lose_nobody_else(hidden: list[str], size: int, keys: bool) -> None:
    rows = [row(n) for n in range(len(hidden))]
    for one, how in zip(rows, hidden, strict=True):
        if how:
            del one["createTime"]
            one["scrubbed"] = True
        if how == "-1":
            one["guid"] = "-1"
    found = search(FakeSession().on("POST", SEARCH, pages(rows, keys=keys)), size)
    assert [e.guid for e in found] == [r["guid"] for r in rows]


def test_many_hidden_rows_in_a_row_are_paged_over_by_their_sort_values() -> None:
    rows = [row(n) | {"createTime": None, "scrubbed": True} for n in range(50)]
    session = FakeSession().on("POST", SEARCH, pages(rows, keys=True))
    assert len(search(session, 5)) == 50
    assert max(call["json"]["dsl"]["size"] for call in session.calls) == 10
    assert len(session.calls) == 10


def test_booleans_may_be_strings_and_unknown_keys_are_ignored() -> None:
    page = {
        "searchParameters": {},
        "approximateCount": 3,
        "entities": [
            row(1, scrubbed="true", tomorrow={"x": 1}),
            row(2, isScrubbed=True),
            row(3, scrubbed="false", classifications=None),
        ],
    }
    assert [e.hidden for e in search(FakeSession().on("POST", SEARCH, page))] == [True, True, False]


def test_typedefs_without_their_envelope_are_malformed() -> None:
    with pytest.raises(Malformed, match="type definitions"):
        FakeSession().on("GET", TYPEDEFS, {"enumDefs": []}).client().typedefs()


def test_flags_go_with_custom_metadata_only_and_tags_are_never_touched() -> None:
    session = FakeSession().on("POST", BULK, {})
    session.client().upsert([{"guid": "g"}], custom_metadata=True)
    session.client().upsert([{"guid": "g"}], custom_metadata=False)
    flags, none = (call["params"] for call in session.calls)
    assert flags == {"replaceBusinessAttributes": True, "overwriteBusinessAttributes": False}
    assert none is None
