"""What the token may do, end to end: refusals, when they are tried again, and what doctor says of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline.cli import run as qsync
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sync.canary import try_writes
from qsync_pipeline.sync.permissions import ConnectionRights, inspect
from qsync_pipeline.sync.refusals import PREFIX, granted_again, mark_granted, refusals
from qsync_pipeline.sync.run import Run
from qsync_pipeline_tests.e2e.harness import Synced, World, world

EVALUATOR = "/api/meta/entity/evaluator"
BULK = "/api/meta/entity/bulk"
UPDATES = "Update (persona-asset-update)", "Update custom metadata (persona-business-update-metadata)"
RETRY = "A rejected item is tried again when its payload or our permissions changed"
STORM = "Per connection and surface one write goes first; after three single-item 403s"
READ_ONLY, HIDDEN, OPEN = "Legacy ERP", "Snowflake HR", "Rentals PostgreSQL"
STAGING = "Rentals PostgreSQL (staging)"
DATASTORES = ("HR People", "Northwind ERP", "Rentals", "Rentals Staging")
TABLES = {"DEPARTMENT", "SHIFT", "Categories", "Orders", "Products", "Region", "film", "store"}


class Clock:
    """Moves the clock of every ledger that is opened, as if time had passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        plain = Ledger.open.__func__  # type: ignore[attr-defined]  # the classmethod's own function

        def shifted(cls: type[Ledger], url: str, *, read_only: bool = False) -> Ledger:
            opened: Ledger = plain(cls, url, read_only=read_only, clock=lambda: time.time() + self.ahead)
            return opened

        monkeypatch.setattr(Ledger, "open", classmethod(shifted))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Demo:
    """A part of the demo estate: a hidden connection, a read-only one, and two as they should be."""

    def __init__(self, one: World) -> None:
        self.world = one

    def sync(self) -> Synced:
        done = self.world.sync()
        assert done.ok, done.failures or done.crashes
        return done

    def run(self, ledger: Ledger) -> Run:
        config = self.world.config()
        return Run("test", config, config.integrations[0], ledger, ledger)

    def rights(self) -> dict[str, ConnectionRights]:
        with self.world.ledger() as ledger:
            run = self.run(ledger)
            try:
                return {one.name: one for one in inspect(run)}
            finally:
                run.close()


def demo(**switches: Any) -> Iterator[Demo]:
    estate = make_estate("demo", 1)
    estate.connections = [one for one in estate.connections if one.name in (READ_ONLY, HIDDEN, OPEN, STAGING)]
    estate.datastores = [one for one in estate.datastores if one.name in DATASTORES]
    for datastore in estate.datastores:
        place = estate.schema_of(datastore)
        assert place is not None
        place[2].tables[:] = [table for table in place[2].tables if table.name in TABLES]
    with world(estate, seed=1, switches={"atlan": switches}) as one:
        yield Demo(one)


@pytest.fixture
def estate() -> Iterator[Demo]:
    yield from demo()


@pytest.fixture
def older() -> Iterator[Demo]:
    """A build without the evaluator."""
    yield from demo(evaluator=False)


@pytest.fixture(scope="module")
def synced() -> Iterator[Demo]:
    """After a first sync; for tests that leave everything as it was."""
    for one in demo():
        one.sync()
        one.world.control.advance(5)
        before = one.world.whole_state()
        yield one
        assert one.world.changed(before) == set()


def posts(done: Synced) -> dict[str, int]:
    """Requests to Atlan that are neither GET nor a search, by route."""
    found: Counter[str] = Counter()
    for row in done.requests:
        if row["system"] == "atlan" and row["method"] != "GET" and not row["route"].endswith("indexsearch"):
            found[row["route"]] += row["count"]
    return found


def rejected(done: Synced) -> int:
    return sum(row["rejected"] for row in done.outcome.values())


# Refusals


@pytest.mark.rule("5.5", STORM)
def test_a_refusal_names_exactly_what_is_missing_and_asks_once_per_connection(estate: Demo) -> None:
    first = estate.sync()
    reasons = [reason for reason in first.reasons if reason.startswith("rejected")]
    assert reasons
    assert all(reason.endswith(f": {', '.join(UPDATES)}") for reason in reasons)
    assert {"missing in the token's policies there" in reason for reason in reasons} == {True, False}
    assert posts(first)[EVALUATOR] == 1


def test_where_the_catalog_cannot_tell_the_refusal_names_the_policy_to_make(older: Demo) -> None:
    first = older.sync()
    storm = next(reason for reason in first.reasons if "not tried" in reason)
    assert storm.endswith("a metadata policy there with the actions Update and Custom metadata")


@pytest.mark.rule("5.5", RETRY)
def test_while_it_stays_refused_one_question_is_all_that_is_sent(estate: Demo) -> None:
    first = estate.sync()
    estate.world.control.advance(5)
    again = estate.sync()
    assert (posts(again), again.writes, rejected(again)) == ({EVALUATOR: 1}, {}, 0)
    assert sum(row["skipped"] for row in again.outcome.values()) >= rejected(first) > 20


@pytest.mark.rule("5.5", RETRY)
def test_after_a_day_it_is_tried_again_whatever_anybody_says(older: Demo, clock: Clock) -> None:
    refused = rejected(older.sync())
    older.world.atlan("allow", READ_ONLY)
    clock.ahead = 23 * 3600.0
    assert not any(row["applied"] for row in older.sync().outcome.values())
    clock.ahead = 25 * 3600.0
    after = older.sync()
    assert (rejected(after), sum(row["applied"] for row in after.outcome.values())) == (0, refused)


def test_without_standing_rejections_nothing_is_asked() -> None:
    with world("small", seed=1) as one:
        one.sync()
        one.quiet()
        assert one.control.count("atlan", "POST", route=EVALUATOR) == 0


@pytest.mark.rule("5.5", RETRY)
def test_withdrawn_and_given_back_both_sides_agree_again_after_one_sync() -> None:
    with world("small", seed=1) as one:
        one.sync()
        one.control.advance(5)
        table = one.tables()[0]
        one.atlan("forbid", table, mode="read")
        one.qualytics("set_score", table, dimension="accuracy", value=12.3)
        assert rejected(one.sync()) > 0
        one.quiet()

        one.atlan("allow", table)
        after = one.sync()
        assert after.ok
        assert one.attributes(table)["Quality Score Accuracy"] == 12.3
        one.check()
        one.quiet()
        with one.ledger() as ledger:
            assert refusals(ledger, "atlan") == {}, "what was written is no longer noted as refused"


def test_a_catalog_that_sees_nothing_missing_and_refuses_is_not_believed_again(estate: Demo) -> None:
    estate.sync()
    with estate.world.ledger() as ledger:
        noted = ledger.notes.of("atlan")
        (name,) = [one for one in noted if one.startswith(PREFIX)]
        ledger.notes.put("atlan", name, {**noted[name], "missing": []})
    estate.world.atlan("allow", READ_ONLY)
    assert posts(estate.sync()) == {}


def test_a_connection_that_a_check_found_open_is_tried_without_asking(older: Demo) -> None:
    refused = rejected(older.sync())
    older.world.atlan("allow", READ_ONLY)
    with older.world.ledger() as ledger:
        (connection,) = refusals(ledger, "atlan")
        assert mark_granted(ledger, "atlan", [connection, "another"]) == [connection]
        assert mark_granted(ledger, "atlan", [connection]) == []
        run = older.run(ledger)
        assert granted_again(run, older.world.keys().values()) == {connection}
        assert granted_again(run, ["a datastore without rejections"]) == frozenset()
        run.close()
    after = older.sync()
    assert (rejected(after), sum(row["applied"] for row in after.outcome.values())) == (0, refused)


# What doctor says


@pytest.mark.parametrize(
    ("connection", "state", "missing"),
    [
        (OPEN, "ok", ()),
        (READ_ONLY, "read only", UPDATES),
        (HIDDEN, "hidden", ("Read (persona-asset-read)", *UPDATES)),
    ],
)
def test_each_connection_in_use_shows_what_is_missing(
    synced: Demo, connection: str, state: str, missing: tuple[str, ...]
) -> None:
    row = synced.rights()[connection]
    assert (row.state, row.missing, len(row.datastores)) == (state, missing, 1)
    assert all(action in row.todo for action in missing)
    assert bool(row.todo) == bool(missing)
    assert row.sampled


def test_an_older_build_leaves_unknown_what_neither_it_nor_a_refusal_tells(older: Demo) -> None:
    states = {name: row.state for name, row in older.rights().items()}
    assert (states[OPEN], states[READ_ONLY], states[HIDDEN]) == ("unknown", "unknown", "hidden")
    older.sync()
    assert older.rights()[READ_ONLY].state == "read only"


def doctor(
    estate: Demo, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, list[dict[str, str]]]:
    capsys.readouterr()
    status = qsync(["doctor", "--config", str(estate.world.sandbox.config), "--json", *options])
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]
    return status, found


def lines(found: list[dict[str, str]], what: str) -> dict[str, str]:
    """``verdict`` by the connection that a line is about."""
    names = (OPEN, READ_ONLY, HIDDEN)
    return {
        name: one["verdict"]
        for one in found
        for name in names
        if one["what"] == what and one["detail"].startswith(f"{name} (")
    }


def test_doctor_reads_only_and_says_when_a_connection_is_open_again(
    estate: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = rejected(estate.sync())
    before = estate.world.whole_state()
    status, found = doctor(estate, capsys)
    assert (status, lines(found, "permissions")) == (0, {OPEN: "ok", READ_ONLY: "warning", HIDDEN: "warning"})
    assert not lines(found, "canary")
    assert estate.world.changed(before) == set()

    estate.world.atlan("allow", READ_ONLY)
    _, found = doctor(estate, capsys)
    assert lines(found, "permissions")[READ_ONLY] == "ok"
    assert sum("the next sync tries again" in one["detail"] for one in found) == 1
    after = estate.sync()
    assert (rejected(after), sum(row["applied"] for row in after.outcome.values())) == (0, refused)


def test_before_the_first_sync_the_canary_asks_for_one(
    estate: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = doctor(estate, capsys, "--canary")
    (line,) = [one for one in found if one["what"] == "canary"]
    assert (line["verdict"], line["todo"]) == ("warning", "Run a first sync: it makes them.")


def test_the_canary_writes_on_one_table_of_each_connection_and_leaves_nothing(
    synced: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    before = synced.world.whole_state()
    with synced.world.ledger() as ledger:
        held = ledger.holdings.of(synced.world.keys()["Rentals"])
    status, found = doctor(synced, capsys, "--canary")
    canaries = [one for one in found if one["what"] == "canary"]
    verdicts = [one["verdict"] for one in canaries]
    assert (status, len(verdicts), verdicts.count("failed"), verdicts.count("warning")) == (1, 4, 1, 1)
    assert lines(found, "canary") == {OPEN: "ok", READ_ONLY: "failed"}, "the hidden one has no asset to show"
    refused = next(one["detail"] for one in canaries if one["verdict"] == "failed")
    assert refused.endswith(f"refused: missing: {', '.join(UPDATES)}")
    assert synced.world.changed(before) == set()
    with synced.world.ledger() as ledger:
        assert ledger.holdings.of(synced.world.keys()["Rentals"]) == held
    synced.world.control.advance(5)
    assert synced.sync().writes == {}


@pytest.mark.parametrize(
    ("name", "results"),
    [
        (f"{OPEN}:pagila.public.film", ["written and restored"]),
        (f"{OPEN}:pagila.public", ["written and restored"]),
        ("pagila.public.film", ["not tried"]),
        ("Northwind.dbo.Orders", ["refused"]),
        ("Northwind.dbo.Nothing", ["not tried"]),
    ],
)
def test_the_canary_takes_names_as_mappings_do(synced: Demo, name: str, results: list[str]) -> None:
    before = synced.world.whole_state()
    synced.world.control.reset_requests()
    with synced.world.ledger() as ledger:
        run = synced.run(ledger)
        assert [one.result for one in try_writes(run, [name])] == results
        run.close()
    written = {"written and restored": 2, "refused": 1, "not tried": 0}[results[0]]
    assert synced.world.control.count("atlan", "POST", route=BULK) == written
    assert synced.world.changed(before) == set()


def test_on_an_older_build_a_canary_that_goes_through_opens_the_connection_again(
    older: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = rejected(older.sync())
    older.world.atlan("allow", READ_ONLY)
    status, found = doctor(older, capsys, "--canary", "Northwind.dbo.Orders")
    assert (status, lines(found, "canary")) == (0, {READ_ONLY: "ok"})
    after = older.sync()
    assert (rejected(after), sum(row["applied"] for row in after.outcome.values())) == (0, refused)


def test_a_value_that_cannot_be_put_back_is_reported_and_stays_known_as_ours(estate: Demo) -> None:
    estate.sync()
    table = "pagila.public.film"
    with estate.world.ledger() as ledger:
        run = estate.run(ledger)
        write, calls = run.catalog.write, []

        def once(changes: Any) -> Any:
            calls.append(changes)
            return write(changes) if len(calls) == 1 else []

        run.catalog.write = once  # type: ignore[method-assign]  # a catalog that swallows the second write
        (result,) = try_writes(run, [f"{OPEN}:{table}"])
        assert (result.result, "does not show" in result.detail) == ("failed", True)
        run.close()
    estate.world.control.advance(5)
    estate.sync()
    estate.world.control.advance(5)
    assert estate.sync().writes == {}
