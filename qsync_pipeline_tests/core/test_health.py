"""Data-health rows: one per active check on a table or view (DESIGN.md §5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.health import plan_health
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.quality import SurfacePlan
from qsync_pipeline.core.rows import CatalogAsset, Change, CheckRow, HealthRow, Outcome, Unit
from qsync_pipeline.core.rules import HealthRules
from qsync_pipeline.ledger import Holding
from qsync_pipeline.ledger.holding import intended, settled
from qsync_pipeline_tests.core.build import container, datastore, match, schema, table

WRITTEN = "Last Updated of a health row is the time of the sync that last wrote it"
GONE = "Proved gone in Qualytics: our values, alert and rows go, guarded"
DRIFT = "A value that a person changed after us is drift"
AGAIN = "A second run with nothing changed writes nothing"
LOST = "A lost ledger removes nothing"

T = table("ORDERS")
CHECK = CheckRow(7, "notNull", "ID is filled", ("ID",), anomalies=0, last_asserted="2025-01-01")


class Rows:
    """A table's health tab and the ledger behind it."""

    def __init__(self, *checks: CheckRow) -> None:
        self.units: list[Unit] = [datastore(), container(1, "ORDERS", datastore(), checks=checks)]
        self.asset: CatalogAsset | None = T
        self.held: dict[str, Holding] = {}
        self.gone: set[str] = set()
        self.presence: dict[str, str] = {}
        self.writes: list[Change] = []
        self.rules = HealthRules()

    def checks(self, *checks: CheckRow) -> None:
        self.units[1] = replace(self.units[1], checks=checks)

    def shown(self) -> dict[str, tuple[str, Any]]:
        assert self.asset is not None
        return {row.key: (row.status, row.value) for row in self.asset.health}

    def plan(self) -> SurfacePlan:
        assets = [schema(), *([self.asset] if self.asset else [])]
        links = [*match(self.units, assets).values()]
        args = (self.units, links, Snapshot(assets), [*self.held.values()], self.rules)
        return plan_health("health", *args, self.gone, self.presence)

    def sync(self) -> SurfacePlan:
        plan = self.plan()
        planned = [one for one in plan.changes if one.status == "planned"]
        self.writes = [one for one in planned if one.action != "note"]
        common = {"integration": "alation", "datastore": "1-sales", "run_id": "run"}
        for change in planned:
            old = self.held.get(change.key)
            if change.action != "note":
                assert self.asset is not None
                old = intended(old, change, now=1.0, **common)
                rows = {row.key: row for row in self.asset.health}
                rows.pop(change.key, None)
                if change.after:
                    rows[change.key] = HealthRow(change.key, **change.after)
                self.asset = replace(self.asset, health=tuple(rows.values()))
            word: Any = "unchanged" if change.action == "note" else "applied"
            row = settled(old, Outcome(change, word), actor=None, now=1.0, **common)
            self.held.pop(change.key, None)
            if row is not None:
                self.held[change.key] = row
        return plan


@pytest.mark.rule("5.3", WRITTEN)
@pytest.mark.rule("5.5", AGAIN)
def test_a_row_per_check_is_written_once() -> None:
    w = Rows(CHECK, CheckRow(8, "unique", "", anomalies=3))
    w.sync()
    assert w.shown() == {"check:7": ("No Issues", 0), "check:8": ("Alert", 3)}
    assert w.plan().changes == []
    assert w.plan().counts["unchanged"] == 2


@pytest.mark.rule("5.3", WRITTEN)
@pytest.mark.parametrize(
    "changed",
    [
        {"anomalies": 2},
        {"description": "ID is always filled"},
        {"rule_type": "unique"},
        {"last_asserted": "2025-02-02"},
    ],
)
def test_a_row_is_written_when_it_changed_or_its_check_was_asserted_anew(changed: dict[str, Any]) -> None:
    w = Rows(CHECK)
    w.sync()
    w.checks(replace(CHECK, **changed))
    w.sync()
    assert [one.action for one in w.writes] == ["update"]
    assert w.plan().changes == []


@pytest.mark.rule("5.5", AGAIN)
def test_a_write_that_was_thought_to_have_failed_and_did_not_is_taken_up() -> None:
    w = Rows(CHECK)
    w.sync()
    before = dict(w.held)
    w.checks(replace(CHECK, anomalies=2))
    w.sync()
    w.held = before
    assert [(one.action, one.reason) for one in w.sync().changes] == [
        ("note", "stands as it should: taken up")
    ]
    assert w.held["check:7"].value["value"] == 2
    assert w.plan().changes == []


@pytest.mark.rule("5.3", WRITTEN)
def test_a_row_is_not_written_for_what_no_reader_sees() -> None:
    w = Rows(CHECK)
    w.sync()
    w.checks(replace(CHECK, description="<p>ID  is filled</p>", fields=("ID", "X")))
    assert w.plan().changes == []


def test_the_row_of_an_archived_check_goes_and_a_persons_row_stays() -> None:
    w = Rows(CHECK)
    theirs = HealthRow("dbt:1", "rule", "ORDERS", "No Issues", 0, "of another tool")
    assert w.asset is not None
    w.asset = replace(w.asset, health=(theirs,))
    w.sync()
    w.checks()
    w.sync()
    assert w.shown() == {"dbt:1": ("No Issues", 0)}
    assert w.held == {}


@pytest.mark.rule("5.5", DRIFT)
def test_a_row_that_somebody_removed_is_drift_and_written_again() -> None:
    w = Rows(CHECK)
    w.sync()
    assert w.asset is not None
    w.asset = replace(w.asset, health=())
    assert w.sync().counts["drift"] == 1
    assert w.shown() == {"check:7": ("No Issues", 0)}


@pytest.mark.rule("5.5", DRIFT)
@pytest.mark.parametrize("edited", [True, False], ids=["changed", "removed"])
def test_drift_of_a_row_is_left_alone_where_it_is_kept(edited: bool) -> None:
    w = Rows(CHECK)
    w.sync()
    assert w.asset is not None
    (row,) = w.asset.health
    w.asset = replace(w.asset, health=(replace(row, value=99),) if edited else ())
    stands = w.asset.health
    w.rules = HealthRules(on_drift="keep")
    for _ in range(2):
        plan = w.sync()
        assert (plan.counts["drift"], [one.status for one in plan.changes]) == (1, ["skipped"])
        assert "on_drift is keep" in plan.changes[0].reason
    assert w.asset.health == stands


@pytest.mark.rule("5.5", LOST)
def test_after_a_lost_ledger_the_row_of_an_archived_check_is_counted_and_goes_by_command() -> None:
    w = Rows(CHECK)
    w.sync()
    w.held.clear()
    w.checks()
    plan = w.sync()
    assert (plan.changes, plan.counts["unowned"], w.shown()) == ([], 1, {"check:7": ("No Issues", 0)})
    w.rules = HealthRules(adopt=True)
    w.sync()
    assert w.shown() == {}


@pytest.mark.rule("5.1", GONE)
@pytest.mark.parametrize(("gone", "rows", "frozen"), [(set(), 1, 1), ({"container:1"}, 0, 0)])
def test_rows_go_when_their_table_is_proved_gone_in_qualytics(gone: set[str], rows: int, frozen: int) -> None:
    w = Rows(CHECK)
    w.sync()
    w.units, w.gone = w.units[:1], gone
    assert w.sync().counts["frozen"] == frozen
    assert len(w.shown()) == len(w.held) == rows


@pytest.mark.rule("5.1", "Before anything is removed because its counterpart is missing")
@pytest.mark.parametrize(("said", "held"), [("gone", 0), ("forbidden", 1)])
def test_rows_on_an_asset_out_of_sight_are_let_go_of_by_proof_only(said: str, held: int) -> None:
    w = Rows(CHECK)
    w.sync()
    w.asset, w.presence = None, {T.id: said}
    w.sync()
    assert w.writes == []
    assert len(w.held) == held
