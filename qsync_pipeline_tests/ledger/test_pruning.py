"""Old accounts go by themselves; what ownership and checks rest on has no age."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection

from qsync_pipeline.core.rows import Change, Link, Outcome
from qsync_pipeline.ledger import DatastoreSeen, Event, Ledger, Query, Report, TagDefinition, pruning
from qsync_pipeline.ledger.database import Database
from qsync_pipeline_tests.ledger.conftest import Clock

DAY = 86_400.0


def report(run: str, *, partial: bool = False, dry_run: bool = False, stage: str = "push") -> Report:
    return Report(run, "atlan", "1-x", stage, ok=True, partial=partial, dry_run=dry_run)


def fill(ledger: Ledger, run: str) -> None:
    """Something in every table that grows."""
    change = Change("external_tags", "create", f"field:{run}", "T", "pii", after="PII")
    ledger.settle(run, "atlan", "1-x", [Outcome(change, "applied")])
    score = Change("custom_metadata", "update", f"a-{run}", "T", after={"URL": "u"})
    ledger.settle(run, "atlan", "1-x", [Outcome(score, "applied")], scored={f"a-{run}": None})
    ledger.reports.put(report(run))
    ledger.reports.put(report(run, stage="only"))
    ledger.reports.add_requests(run, "atlan", "catalog", "read", 3)
    ledger.events.note([Event(key=run, source="poll", kind="k", direction="push", datastore_id=1)])
    ledger.runs.start(run, host="h", pid=1)
    ledger.runs.end(run)


def test_what_is_old_goes_and_what_is_younger_stays(ledger: Ledger, clock: Clock) -> None:
    fill(ledger, "old")
    clock.now += 10 * DAY
    fill(ledger, "new")
    ledger.pruning.prune(clock.now - DAY)
    assert [entry.run_id for entry in ledger.outcomes.find(Query())] == ["new", "new"]
    assert [one.run_id for one in ledger.awaited.of("atlan", "1-x")] == ["new"]
    assert [one.key for one in ledger.events.after(0)] == ["new"]
    assert ledger.reports.of_runs(["old"]) == []
    assert ledger.reports.requests(["old"]) == {}
    assert (ledger.runs.get("old"), ledger.runs.get("new") is None) == (None, False)
    assert ledger.reports.requests(["new"]) != {}


def test_a_run_is_forgotten_as_a_whole_with_its_newest_entry(ledger: Ledger, clock: Clock) -> None:
    fill(ledger, "long")
    clock.now += 10 * DAY
    fill(ledger, "long")
    ledger.pruning.prune(clock.now - DAY)
    assert len(ledger.outcomes.of_run("long")) == 4
    assert ledger.outcomes.is_whole("long")
    ledger.pruning.prune(clock.now + 1)
    assert ledger.outcomes.of_run("long") == []


def test_pruning_that_was_killed_leaves_no_run_that_passes_for_whole(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 1)
    fill(ledger, "old")
    clock.now += 10 * DAY
    fill(ledger, "new")
    write, done = Database.write, list[Database]()

    def killed_later(database: Database) -> AbstractContextManager[Connection]:
        done.append(database)
        if len(done) > 2:  # the note, one entry
            raise KeyboardInterrupt
        return write(database)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", killed_later)
        with pytest.raises(KeyboardInterrupt):
            ledger.pruning.prune(clock.now - DAY)
    assert len(ledger.outcomes.of_run("old")) == 1
    assert not ledger.outcomes.is_whole("old")
    assert ledger.outcomes.is_whole("new")


def test_what_ownership_rests_on_is_never_pruned(ledger: Ledger, clock: Clock) -> None:
    fill(ledger, "old")
    bad = Change("external_tags", "create", "field:9", "T", "pii", after="PII")
    ledger.settle("old", "atlan", "1-x", [Outcome(bad, "rejected")])
    ledger.datastores.register([DatastoreSeen(1, "x")])
    ledger.links.replace("atlan", "1-x", [Link("container:1", "container", "T", "matched", assets=("g",))])
    ledger.tag_definitions.put(TagDefinition("PII", "pii", "atlan", made=True))
    ledger.notes.put("atlan", "actors", ["svc"])
    ledger.parked.put("atlan", "1-x", "external_tags", ["T"], "many", "old")

    def kept() -> tuple[object, ...]:
        return (
            ledger.holdings.of("1-x"), ledger.links.of("atlan", "1-x"), ledger.tag_definitions.all(),
            ledger.notes.of("atlan"), ledger.parked.of("atlan"), ledger.rejections.find(),
            ledger.datastores.all(),
        )  # fmt: skip

    before = kept()
    assert all(before)
    clock.now += 1000 * DAY
    assert ledger.pruning.prune(clock.now)["outcomes"] == 3
    assert kept() == before


def test_the_newest_report_of_each_datastore_stays_however_old(ledger: Ledger, clock: Clock) -> None:
    for run, partial in (("whole-1", False), ("whole-2", False), ("part-1", True), ("part-2", True)):
        clock.now += 1
        ledger.reports.put(report(run, partial=partial))
    clock.now += 1
    ledger.reports.put(report("plan", dry_run=True))
    newest = ledger.reports.latest("atlan", "push"), ledger.reports.latest("atlan", "push", whole=True)
    clock.now += 1000 * DAY
    assert ledger.pruning.prune(clock.now) == {"reports": 3}
    assert (ledger.reports.latest("atlan", "push"), ledger.reports.latest("atlan", "push", whole=True)) == (
        newest
    )
    assert [one["1-x"].run_id for one in newest] == ["part-2", "whole-2"]


def test_a_run_under_way_keeps_its_count_of_requests(ledger: Ledger, clock: Clock) -> None:
    ledger.runs.start("going", host="h", pid=1)
    ledger.reports.add_requests("going", "atlan", "catalog", "read", 3)
    ledger.pruning.prune(clock.now + DAY)
    assert ledger.reports.requests(["going"]) != {}
    assert ledger.runs.get("going") is not None


def test_it_is_done_once_a_day_whoever_comes_first(ledger: Ledger, clock: Clock) -> None:
    fill(ledger, "old")
    clock.now += 400 * DAY
    assert ledger.pruning.daily(401) == {}
    assert ledger.pruning.daily(400) is None, "today it has been done"
    clock.now += DAY
    done = ledger.pruning.daily(400)
    assert done is not None
    assert done["outcomes"] == 2


def test_a_long_list_is_deleted_in_pieces(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    for number in range(5):
        fill(ledger, f"old-{number}")
    assert ledger.pruning.prune(clock.now + 1)["outcomes"] == 10
