"""What was written is confirmed when it was seen again, and how long that took is kept."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import JournalEntry, Ledger, Query
from qsync_pipeline_tests.ledger.conftest import Clock

PLACE = ("custom_metadata", "a-1", "")


def score(value: float, target: str = "a-1") -> Change:
    after = {"Quality Score Total": value}
    return Change("custom_metadata", "update", target, f"T {target}", after=after, extra={"merge": True})


def write(
    ledger: Ledger, *changes: Change, run: str = "run", outcome: Any = "applied", **scored: Any
) -> None:
    """Settle writes of which those named in ``scored`` (by target) are to be read again."""
    times = {target.replace("_", "-"): at for target, at in scored.items()}
    outcomes = [Outcome(change, outcome) for change in changes]
    ledger.settle(run, "atlan", "1-x", outcomes, actor="svc-qsync", scored=times)


def line(ledger: Ledger, run: str = "run") -> JournalEntry:
    (entry,) = ledger.outcomes.of_run(run)
    return entry


def test_a_write_that_is_to_be_read_again_waits_and_is_no_confirmed_holding(ledger: Ledger) -> None:
    write(ledger, score(91.0), a_1=None)
    held = ledger.holdings.get("atlan", *PLACE)
    assert held is not None
    assert held.confirmed_at is None
    assert (line(ledger).confirmed, line(ledger).confirmed_at) == ("waiting", None)
    (one,) = ledger.awaited.of("atlan", "1-x")
    assert (one.target, one.after, one.scored_at) == ("a-1", {"Quality Score Total": 91.0}, None)


def test_what_was_seen_is_confirmed_in_journal_and_holding(ledger: Ledger, clock: Clock) -> None:
    write(ledger, score(91.0), a_1=clock.now - 60)
    clock.now += 30
    (one,) = ledger.awaited.of("atlan", "1-x")
    ledger.awaited.settle("atlan", {"seen": [one]}, [], {one.outcome_id: clock.now})
    held = ledger.holdings.get("atlan", *PLACE)
    assert held is not None
    assert held.confirmed_at == clock.now
    assert (line(ledger).confirmed, line(ledger).confirmed_at) == ("seen", clock.now)
    assert ledger.awaited.of("atlan", "1-x") == []
    lag = ledger.awaited.lags("atlan")["1-x"]
    assert (lag.measured, lag.mean, lag.worst, lag.run_id) == (1, 90.0, 90.0, "run")


def test_what_shows_something_else_is_not_confirmed(ledger: Ledger, clock: Clock) -> None:
    write(ledger, score(91.0), a_1=clock.now)
    (one,) = ledger.awaited.of("atlan", "1-x")
    ledger.awaited.settle("atlan", {"changed": [one]}, [], {})
    held = ledger.holdings.get("atlan", *PLACE)
    assert held is not None
    assert held.confirmed_at is None
    assert line(ledger).confirmed == "changed"
    assert ledger.awaited.lags("atlan") == {}


def test_what_is_not_there_yet_goes_on_waiting_and_is_overdue_in_the_end(
    ledger: Ledger, clock: Clock
) -> None:
    write(ledger, score(91.0), a_1=clock.now)
    scored = clock.now
    clock.now += 600
    assert ledger.awaited.overdue("atlan", clock.now) == {}, "nobody has looked yet"
    (one,) = ledger.awaited.of("atlan", "1-x")
    ledger.awaited.settle("atlan", {}, [one], {})
    assert ledger.awaited.overdue("atlan", clock.now) == {"1-x": 1}
    assert ledger.awaited.overdue("atlan", scored - 1) == {}
    assert line(ledger).confirmed == "waiting"


def test_a_newer_write_takes_the_place_of_one_that_nobody_saw(ledger: Ledger, clock: Clock) -> None:
    write(ledger, score(91.0), run="first", a_1=None)
    (old,) = ledger.awaited.of("atlan", "1-x")
    write(ledger, score(92.0), run="second", a_1=None)
    (new,) = ledger.awaited.of("atlan", "1-x")
    assert (new.run_id, line(ledger, "first").confirmed) == ("second", "overtaken")
    ledger.awaited.settle("atlan", {"seen": [old]}, [], {old.outcome_id: clock.now})
    assert line(ledger, "first").confirmed == "overtaken", "too late"
    assert line(ledger, "second").confirmed == "waiting"


def test_a_newer_write_outside_the_sample_ends_the_waiting_too(ledger: Ledger) -> None:
    write(ledger, score(91.0), run="first", a_1=None)
    write(ledger, score(92.0), run="second")
    assert ledger.awaited.of("atlan", "1-x") == []
    assert [line(ledger, run).confirmed for run in ("first", "second")] == ["overtaken", ""]


def test_only_what_was_written_waits(ledger: Ledger) -> None:
    write(ledger, score(91.0), outcome="rejected", a_1=None)
    write(ledger, score(91.0, "a-2"), outcome="skipped", a_2=None)
    assert ledger.awaited.counts("atlan") == {}


def test_the_lags_of_a_run_add_up_and_the_newest_run_counts(ledger: Ledger, clock: Clock) -> None:
    for run, targets in (("first", ("a-1", "a-2")), ("second", ("a-3",))):
        changes = [score(1.0, target) for target in targets]
        write(ledger, *changes, run=run, **{target.replace("-", "_"): clock.now for target in targets})
        for one in ledger.awaited.of("atlan", "1-x"):
            clock.now += 10
            ledger.awaited.settle("atlan", {"seen": [one]}, [], {one.outcome_id: clock.now})
        if run == "first":
            lag = ledger.awaited.lags("atlan")["1-x"]
            assert (lag.measured, lag.mean, lag.worst) == (2, 15.0, 20.0)
    assert ledger.awaited.lags("atlan")["1-x"].worst == 10.0


def test_an_answer_that_shows_the_object_confirms_at_once(ledger: Ledger, clock: Clock) -> None:
    change = Change("external_tags", "create", "field:1", "T", "pii", after="PII")
    ledger.settle("run", "atlan", "1-x", [Outcome(change, "applied")], actor="svc")
    assert (line(ledger).confirmed, line(ledger).confirmed_at, line(ledger).actor) == (
        "seen", clock.now, "svc",
    )  # fmt: skip


def test_the_journal_is_searched_newest_first_by_anything_that_it_holds(ledger: Ledger, clock: Clock) -> None:
    write(ledger, score(1.0), score(2.0, "a-2"), run="old")
    clock.now += 100
    write(ledger, score(3.0), run="new", outcome="rejected")
    found = ledger.outcomes.find

    def runs(wanted: Query, limit: int | None = None) -> list[str]:
        return [entry.run_id for entry in found(wanted, limit=limit)]

    assert runs(Query()) == ["new", "old", "old"]
    assert runs(Query(), limit=1) == ["new"]
    assert runs(Query(targets=("a-2",))) == ["old"]
    assert runs(Query(names=("T a-1",))) == ["new", "old"]
    assert runs(Query(names=("T a-1",), targets=("a-2",))) == ["new", "old", "old"], "either will do"
    assert runs(Query(since=clock.now)) == runs(Query(outcome="rejected")) == runs(Query(run_id="new"))
    assert runs(Query(integration="alation")) == runs(Query(surface="announcements")) == []
    assert ledger.outcomes.run_ids("n") == ["new"]
