"""The rules by which a write changes what is ours, as laws."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import Holding
from qsync_pipeline.ledger.holding import intended, settled

NAMES = ("URL", "Quality Score Total", "Check Count")
scalars = st.one_of(st.integers(0, 9), st.text("ab", min_size=1, max_size=3))
attributes = st.dictionaries(st.sampled_from(NAMES), scalars, min_size=1)
changed = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), scalars), min_size=1)
refusals = st.sampled_from(["rejected", "skipped", "parked"])


def intend(old: Holding | None, change: Change, run: str = "run-2", now: float = 200.0) -> Holding:
    return intended(old, change, integration="atlan", datastore="1-x", run_id=run, now=now)


def settle(
    old: Holding | None, change: Change, outcome: Any, run: str = "run-2", now: float = 201.0
) -> Holding | None:
    return settled(
        old,
        Outcome(change, outcome),
        integration="atlan",
        datastore="1-x",
        run_id=run,
        actor=None,
        now=now,
    )


def write(action: Any, before: Any, after: Any, **extra: Any) -> Change:
    return Change("surface", action, "guid-1", "name", before=before, after=after, extra=extra)


def held(value: Any, *, merge: bool = False) -> Holding | None:
    """A holding as an earlier run left it."""
    change = write("create", None, value, merge=merge)
    return settle(intend(None, change, "run-1", 100.0), change, "applied", "run-1", 101.0)


@given(value=st.none() | scalars, before=st.none() | scalars, after=st.none() | scalars, refused=refusals)
def test_a_refused_write_leaves_everything_as_it_was(
    value: Any, before: Any, after: Any, refused: Any
) -> None:
    old = held(value)
    change = write("remove" if after is None else "update", before, after)
    assert settle(intend(old, change), change, refused) == old


@given(value=st.none() | attributes, before=changed, after=changed, refused=refusals)
def test_a_refused_write_of_some_attributes_leaves_everything_as_it_was(
    value: Any, before: Any, after: Any, refused: Any
) -> None:
    old = held(value, merge=True)
    change = write("update", before, after, merge=True)
    assert settle(intend(old, change), change, refused) == old


@given(value=st.none() | attributes, after=changed)
def test_attributes_are_laid_over_the_old_ones_and_nulls_go(value: Any, after: dict[str, Any]) -> None:
    change = write("update", value or {}, after, merge=True)
    new = settle(intend(held(value, merge=True), change), change, "applied")
    expected = {k: v for k, v in {**(value or {}), **after}.items() if v is not None}
    assert (new.value if new else {}) == expected
    assert new is None or new.value


@given(st.lists(st.tuples(changed, st.sampled_from(["applied", "rejected", "unchanged"])), max_size=5))
def test_the_base_of_an_attribute_is_what_stood_there_when_it_became_ours(
    steps: list[tuple[dict[str, Any], str]],
) -> None:
    there: dict[str, Any] = {"URL": "a person's"}
    base: dict[str, Any] = {}
    row: Holding | None = None
    for after, outcome in steps:
        change = write("update", {k: there.get(k) for k in after}, after, merge=True)
        row = settle(intend(row, change), change, outcome)
        if outcome != "rejected":
            for name, value in after.items():
                if value is None:
                    base.pop(name, None)
                else:
                    base.setdefault(name, there.get(name))
            there.update(after)
    assert (row.base if row else {}) == base


@given(value=st.none() | scalars, after=scalars)
def test_what_was_found_to_be_so_already_becomes_ours(value: Any, after: Any) -> None:
    for action in ("create", "update", "note"):
        new = settle(held(value), write(action, after, after), "unchanged")
        assert new is not None
        assert (new.value, new.has_pending, new.confirmed_at) == (after, False, 201.0)


def test_the_time_it_was_set_stays_when_a_value_is_only_confirmed() -> None:
    old = held("PII")
    new = settle(old, write("note", "PII", "PII"), "unchanged")
    assert old is not None
    assert new is not None
    assert (new.set_at, new.run_id, new.confirmed_at) == (old.set_at, "run-1", 201.0)


def test_a_removal_that_was_applied_or_found_done_ends_the_holding() -> None:
    change = write("remove", "PII", None)
    assert settle(intend(held("PII"), change), change, "applied") is None
    assert settle(held("PII"), change, "unchanged") is None


def test_a_note_that_releases_ends_the_holding_and_writes_nothing() -> None:
    assert settle(held("PII"), write("note", "PII", None, release=True), "unchanged") is None


def test_a_note_without_a_value_only_confirms() -> None:
    new = settle(held("PII"), write("note", None, None), "unchanged")
    assert new is not None
    assert (new.value, new.confirmed_at) == ("PII", 201.0)


def test_a_pending_removal_is_told_from_none() -> None:
    row = intend(held("PII"), write("remove", "PII", None))
    assert (row.value, row.pending, row.has_pending) == ("PII", None, True)


def test_between_intention_and_outcome_both_values_are_known() -> None:
    row = intend(held("old"), write("update", "old", "new"))
    assert (row.value, row.pending, row.has_pending, row.pending_run) == ("old", "new", True, "run-2")


def test_what_a_dead_run_had_written_stays_ours_when_the_next_write_is_refused() -> None:
    dead = intend(None, write("create", None, "PII"), "run-1")
    removal = write("remove", "PII", None)  # planned because the tag is there, and pending
    row = settle(intend(dead, removal), removal, "rejected")
    assert row is not None
    assert (row.value, row.has_pending) == ("PII", False)


def test_an_alert_that_a_dead_run_had_set_stays_ours_as_the_catalog_shows_it() -> None:
    ours = {"type": "warning", "title": "2 open", "text": "See https://q.example.com"}
    dead = intend(None, write("create", None, ours), "run-1")
    there = {**ours, "text": "<p>See https://q.example.com</p>", "by": "Qsync"}
    update = write("update", there, {**ours, "title": "3 open"})
    row = settle(intend(dead, update), update, "rejected")
    assert row is not None
    assert (row.value, row.has_pending) == (ours, False)


def test_what_a_dead_run_did_not_get_to_write_is_not_claimed() -> None:
    dead = intend(None, write("create", None, "PII"), "run-1")
    again = write("create", None, "PII")
    assert settle(intend(dead, again), again, "rejected") is None


def test_an_intention_of_a_dead_run_outlives_an_item_that_this_run_only_parked() -> None:
    dead = intend(None, write("create", None, "PII"), "run-1")
    assert settle(dead, write("remove", "PII", None), "parked") == dead


def test_attributes_that_a_dead_run_had_written_or_cleared_count_when_the_rest_is_written() -> None:
    before_death = {"URL": "u", "Check Count": 3}
    dead = intend(
        held(before_death, merge=True),
        write("update", before_death, {"Check Count": None, "Quality Score Total": 7}, merge=True),
        "run-1",
    )
    # The plan found URL to differ, and the other two as they should be.
    change = write("update", {"URL": "u"}, {"URL": "v"}, merge=True)
    note = write("note", {}, {"Quality Score Total": 7, "Check Count": None}, merge=True)
    row = settle(intend(dead, change), change, "applied")
    row = settle(row, note, "unchanged")
    assert row is not None
    assert row.value == {"URL": "v", "Quality Score Total": 7}


def test_a_note_beside_a_write_on_the_same_object_leaves_that_write_pending() -> None:
    row = intend(held({"URL": "u"}, merge=True), write("update", {"URL": "u"}, {"URL": None}, merge=True))
    noted = settle(row, write("note", {}, {"Check Count": 1}, merge=True), "unchanged")
    assert noted is not None
    assert noted.value == {"URL": "u", "Check Count": 1}
    assert (noted.pending, noted.has_pending, noted.pending_run) == ({"URL": None}, True, "run-2")


def test_words_that_steer_the_ledger_are_not_kept_the_rest_of_the_extra_is() -> None:
    change = write("create", None, {"URL": "u"}, merge=True, hold=True, unit="container:1", stood={"a": 1})
    row = settle(intend(None, change), change, "applied")
    assert row is not None
    assert row.extra == {"unit": "container:1", "stood": {"a": 1}}
