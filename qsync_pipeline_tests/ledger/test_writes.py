"""Intend and settle on a real database: batches, several integrations, the journal beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from qsync_pipeline.core.rows import Change, Outcome, TagRef, release
from qsync_pipeline.ledger import Ledger, payload_hash
from qsync_pipeline_tests.ledger.conftest import Clock


def tag(target: str, action: Any = "create", key: str = "pii", **extra: Any) -> Change:
    before, after = (None, key.upper()) if action == "create" else (key.upper(), None)
    return Change("external_tags", action, target, f"T {target}", key, before, after, extra=extra)


def done(*changes: Change, outcome: Any = "applied", **more: Any) -> list[Outcome]:
    return [Outcome(change, outcome, **more) for change in changes]


def test_a_tag_that_was_written_is_held_with_its_history(ledger: Ledger, clock: Clock) -> None:
    change = tag("field:1", tag_id="t-1")
    ledger.intend("run", "atlan", "1-x", [change])
    clock.now += 5
    ledger.settle("run", "atlan", "1-x", done(change), actor="svc-qsync")
    row = ledger.holdings.get("atlan", "external_tags", "field:1", "pii")
    assert row is not None
    assert msgspec.structs.asdict(row) == {
        "integration": "atlan",
        "surface": "external_tags",
        "target": "field:1",
        "key": "pii",
        "datastore": "1-x",
        "value": "PII",
        "pending": None,
        "has_pending": False,
        "pending_run": None,
        "base": None,
        "actor": "svc-qsync",
        "extra": {"tag_id": "t-1"},
        "run_id": "run",
        "set_at": clock.now,
        "confirmed_at": clock.now,
    }


def test_a_process_that_died_in_between_left_its_intention(open_ledger: Callable[..., Ledger]) -> None:
    open_ledger().intend("run", "atlan", "1-x", [tag("field:1"), tag("field:2", "remove")])
    first, second = open_ledger().holdings.of("1-x")
    assert (first.value, first.pending, first.has_pending) == (None, "PII", True)
    assert (second.value, second.pending, second.has_pending) == (None, None, True)


def test_a_refused_batch_leaves_the_holdings_as_they_were(ledger: Ledger) -> None:
    ledger.settle("run-1", "atlan", "1-x", done(tag("field:1"), tag("field:2")))
    before = ledger.holdings.of("1-x")
    batch = [tag("field:1", "remove"), tag("field:3")]
    ledger.intend("run-2", "atlan", "1-x", batch)
    assert ledger.holdings.of("1-x") != before
    ledger.settle("run-2", "atlan", "1-x", done(*batch, outcome="rejected"))
    assert ledger.holdings.of("1-x") == before


def test_an_answer_that_leaves_it_open_takes_no_intention_back(ledger: Ledger) -> None:
    batch = [tag("field:1"), tag("field:2")]
    ledger.intend("run-1", "atlan", "1-x", batch)
    intended = ledger.holdings.of("1-x")
    ledger.settle(
        "run-1", "atlan", "1-x", [Outcome(change, "rejected", "no answer", "server") for change in batch]
    )
    assert ledger.holdings.of("1-x") == intended, "nobody knows whether it landed"
    ledger.settle("run-1", "atlan", "1-x", [Outcome(batch[0], "rejected", "no", "permission")])
    assert [row.target for row in ledger.holdings.of("1-x")] == ["field:2"]


def test_what_is_only_journalled_touches_no_holding(ledger: Ledger) -> None:
    change = tag("field:1", hold=False)
    ledger.intend("run", "atlan", "1-x", [change])
    ledger.settle("run", "atlan", "1-x", done(change))
    assert ledger.holdings.of("1-x") == []
    assert len(ledger.outcomes.of_run("run")) == 1


def test_two_integrations_hold_the_same_tag_each_for_itself(ledger: Ledger) -> None:
    for integration in ("atlan", "alation"):
        ledger.settle("run", integration, "1-x", done(tag("field:1")))
    ledger.settle("run", "atlan", "1-x", done(tag("field:1", "remove")))
    assert [row.integration for row in ledger.holdings.of("1-x")] == ["alation"]


def test_who_holds_what_is_told_by_key_over_all_datastores(ledger: Ledger) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:1"), tag("field:2", definition=5)))
    ledger.settle("run", "alation", "2-y", done(tag("field:3"), tag("field:3", key="gdpr")))
    ledger.settle("run", "gone", "2-y", done(tag("field:3")))
    found = ledger.holdings.holders("external_tags", ["atlan", "alation"], "definition")
    assert found == {"pii": {("atlan", 5), ("atlan", None), ("alation", None)}, "gdpr": {("alation", None)}}
    assert ledger.holdings.holders("tags", ["atlan", "alation"], "definition") == {}
    besides = {("atlan", "field:2", "pii"), ("alation", "field:3", "gdpr"), ("gone", "field:1", "pii")}
    found = ledger.holdings.holders("external_tags", ["atlan", "alation"], "definition", besides)
    assert found == {"pii": {("atlan", None), ("alation", None)}}


def test_what_is_left_off_is_remembered_and_holds_nothing(ledger: Ledger) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:1")))
    note = Change("external_tags", "note", "field:1", "ID", "pii", before="PII", extra={"left_off": True})
    ledger.settle("run 2", "atlan", "1-x", done(note, outcome="unchanged"))
    (row,) = ledger.holdings.of("1-x")
    assert (row.value, row.has_pending, row.extra["left_off"]) == (None, False, True)
    assert ledger.holdings.holders("external_tags", ["atlan"], "definition") == {}
    no_more = release("external_tags", row, "ID", "wanted no more")
    ledger.settle("run 3", "atlan", "1-x", done(no_more, outcome="unchanged"))
    assert ledger.holdings.of("1-x") == []


def test_holdings_are_found_by_datastore_by_surface_and_by_object(ledger: Ledger) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:1"), tag("field:1", key="gdpr"), tag("field:2")))
    ledger.settle("run", "atlan", "2-y", done(tag("field:3")))
    banner = Change("announcements", "create", "guid", "T", after={"title": "3 anomalies"})
    ledger.settle("run", "atlan", "1-x", done(banner))
    keys = [(row.target, row.key) for row in ledger.holdings.of("1-x", surface="external_tags")]
    assert keys == [("field:1", "gdpr"), ("field:1", "pii"), ("field:2", "pii")]
    assert ledger.holdings.of("1-x", integration="alation") == []
    found = ledger.holdings.by_target("atlan", "external_tags", ["field:3", "field:1", "field:9"])
    assert {target: len(rows) for target, rows in found.items()} == {"field:1": 2, "field:3": 1}
    assert ledger.holdings.counts() == {"atlan": {"external_tags": 4, "announcements": 1}}
    assert ledger.holdings.counts(datastore="2-y") == {"atlan": {"external_tags": 1}}


def test_an_object_reached_through_another_datastore_moves_there(ledger: Ledger) -> None:
    ledger.settle("run-1", "atlan", "1-x", done(tag("field:1")))
    ledger.settle("run-2", "atlan", "2-y", done(tag("field:1"), outcome="unchanged"))
    assert ledger.holdings.of("1-x") == []
    assert len(ledger.holdings.of("2-y")) == 1


def test_forgetting_takes_exactly_what_was_named(ledger: Ledger) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:1"), tag("field:1", key="gdpr"), tag("field:2")))
    ledger.settle("run", "alation", "1-x", done(tag("field:1")))
    assert ledger.holdings.forget("atlan", surface="external_tags", targets=["field:1"], key="pii") == 1
    assert ledger.holdings.forget("atlan", datastore="9-z") == 0
    assert len(ledger.holdings.of("1-x")) == 3
    assert ledger.holdings.forget("atlan") == 2
    assert [row.integration for row in ledger.holdings.of("1-x")] == ["alation"]


def test_a_large_batch_is_one_matter(ledger: Ledger) -> None:
    batch = [tag(f"field:{n}") for n in range(1203)]
    ledger.intend("run", "atlan", "1-x", batch)
    ledger.settle("run", "atlan", "1-x", done(*batch))
    assert len(ledger.holdings.of("1-x")) == 1203
    ledger.settle("run", "atlan", "1-x", done(*(tag(f"field:{n}", "remove") for n in range(1200))))
    assert [row.target for row in ledger.holdings.of("1-x")] == ["field:1200", "field:1201", "field:1202"]


def test_structs_and_tuples_are_kept_as_json(ledger: Ledger) -> None:
    change = Change("s", "create", "t", "n", after={"tags": (TagRef("Ünï 'x' \x00"),)})
    ledger.settle("run", "atlan", "1-x", done(change))
    row = ledger.holdings.get("atlan", "s", "t")
    assert row is not None
    assert row.value["tags"][0]["name"] == "Ünï 'x' \x00"


def test_the_journal_tells_what_a_run_did_in_order(ledger: Ledger, clock: Clock) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:2"), tag("field:1")))
    refused = done(tag("field:3"), outcome="rejected", reason="no \x00 way", error_class="permission")
    ledger.settle("run", "atlan", "1-x", refused)
    ledger.settle("other", "atlan", "1-x", done(tag("field:4")))
    entries = ledger.outcomes.of_run("run")
    assert [(e.target, e.outcome, e.after) for e in entries] == [
        ("field:2", "applied", "PII"),
        ("field:1", "applied", "PII"),
        ("field:3", "rejected", "PII"),
    ]
    assert (entries[2].reason, entries[2].error_class, entries[2].at) == ("no  way", "permission", clock.now)
    assert ledger.outcomes.of_run("run", integration="alation") == []


def test_unchanged_objects_are_not_journalled_one_by_one(ledger: Ledger) -> None:
    ledger.settle("run", "atlan", "1-x", done(tag("field:1"), outcome="unchanged"))
    assert ledger.outcomes.of_run("run") == []
    assert len(ledger.holdings.of("1-x")) == 1


def test_counts_add_up_over_runs(ledger: Ledger) -> None:
    for run in ("a", "b", "c"):
        ledger.settle(run, "atlan", "1-x", done(tag(f"field:{run}"), tag(f"container:{run}")))
        ledger.settle(run, "atlan", "1-x", done(tag("datastore:1"), outcome="parked"))
    assert ledger.outcomes.counts(["a", "b"]) == {"atlan": {"external_tags": {"applied": 4, "parked": 2}}}
    assert ledger.outcomes.counts([]) == {}


@pytest.mark.parametrize("end", ["applied", "unchanged"])
def test_a_rejection_stands_until_the_item_is_there_and_skipping_it_does_not_end_it(
    ledger: Ledger, clock: Clock, end: str
) -> None:
    place = ("external_tags", "field:1", "pii")
    ledger.settle("run-1", "atlan", "1-x", done(tag("field:1"), outcome="rejected", error_class="validation"))
    ledger.settle("run-2", "atlan", "1-x", done(tag("field:1"), outcome="skipped"))
    standing = ledger.outcomes.latest_rejections("atlan", "1-x")
    assert standing[place].payload_hash == payload_hash("PII")
    assert (standing[place].error_class, standing[place].at) == ("validation", clock.now)
    assert ledger.outcomes.latest_rejections("atlan", "2-y") == {}
    ledger.settle("run-3", "atlan", "1-x", done(tag("field:1"), outcome=end))
    assert ledger.outcomes.latest_rejections("atlan", "1-x") == {}


def test_a_payload_hashes_the_same_whatever_the_order_of_its_keys() -> None:
    assert payload_hash({"a": 1, "b": [None]}) == payload_hash({"b": [None], "a": 1})
    assert payload_hash({"a": 1}) != payload_hash({"a": 2})


def test_pruning_the_journal_keeps_what_is_ours_and_what_stands_rejected(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.settle("old", "atlan", "1-x", done(tag("field:1")))
    ledger.settle("old", "atlan", "1-x", done(tag("field:2"), outcome="rejected"))
    clock.now += 100
    ledger.settle("new", "atlan", "1-x", done(tag("field:3")))
    assert ledger.pruning.prune(clock.now) == {"outcomes": 2}
    assert (len(ledger.outcomes.of_run("old")), len(ledger.outcomes.of_run("new"))) == (0, 1)
    assert len(ledger.holdings.of("1-x")) == 2
    assert len(ledger.outcomes.latest_rejections("atlan", "1-x")) == 1
