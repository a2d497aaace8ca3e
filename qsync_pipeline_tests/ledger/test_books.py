"""The smaller books: datastores, links, reports, requests, notes, parked scopes, runs, definitions."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from qsync_pipeline.core.rows import Link
from qsync_pipeline.ledger import DatastoreSeen, Ledger, Report, TagDefinition
from qsync_pipeline.ledger.datastores import slug
from qsync_pipeline_tests.ledger.conftest import Clock


@given(st.text())
@pytest.mark.rule("3", "Partitioned by datastore")
def test_a_slug_is_fit_for_a_partition_key(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{1,60}", slug(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sales Mart", "sales-mart"),
        ("  DÉJÀ/vu..2 ", "deja-vu-2"),
        ("a_b-c", "a_b-c"),
        ("日本", "datastore"),
        ("", "datastore"),
    ],
)
def test_slugs_are_readable(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.rule("3", "Partitioned by datastore")
def test_a_datastore_keeps_its_key_through_renames(ledger: Ledger) -> None:
    assert ledger.datastores.register([DatastoreSeen(7, "Sales")]) == {7: "7-sales"}
    assert ledger.datastores.register([DatastoreSeen(7, "Revenue"), DatastoreSeen(8, "Sales")]) == {
        7: "7-sales",
        8: "8-sales",
    }
    assert [record.name for record in ledger.datastores.all()] == ["Revenue", "Sales"]


@pytest.mark.rule("3", "A vanished datastore keeps its key")
def test_a_datastore_that_vanished_is_marked_keeps_its_key_and_may_return(
    ledger: Ledger, clock: Clock
) -> None:
    first, both = [DatastoreSeen(1, "A")], [DatastoreSeen(1, "A"), DatastoreSeen(2, "B", "snowflake", "h")]
    ledger.datastores.register(both)
    seen_at = clock.now
    clock.now += 10
    assert ledger.datastores.register(first) == {1: "1-a"}
    clock.now += 10
    ledger.datastores.register(first)
    gone = ledger.datastores.all()[1]
    assert (gone.vanished_at, gone.last_seen, gone.type, gone.host) == (
        seen_at + 10,
        seen_at,
        "snowflake",
        "h",
    )
    assert ledger.datastores.keys() == {1: "1-a", 2: "2-b"}
    ledger.datastores.register(both)
    assert ledger.datastores.all()[1].vanished_at is None


def matched(unit: str, *assets: str, name: str = "DB.S.T") -> Link:
    return Link(unit, "container", name, "matched", "exact", assets, name.lower())


def test_links_are_replaced_as_a_whole_and_remember_since_when(ledger: Ledger, clock: Clock) -> None:
    start = clock.now
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g1"), matched("container:2", "g2", "g3")])
    ledger.links.replace("atlan", "2-y", [matched("container:9", "g9")])
    clock.now += 60
    again = [matched("container:1", "g1", name="DB.S.NEW"), matched("container:3", "g4")]
    ledger.links.replace("atlan", "1-x", [*again, Link("container:4", "container", "X", "absent")])
    kept, new = ledger.links.of("atlan", "1-x").values()
    assert (kept.assets, kept.unit_name, kept.asset_name) == (("g1",), "DB.S.NEW", "db.s.new")
    assert (kept.first_seen, kept.last_seen) == (start, clock.now)
    assert (new.unit, new.first_seen) == ("container:3", clock.now)
    assert list(ledger.links.of("atlan", "2-y")) == ["container:9"]


def test_links_are_found_by_their_assets_one_of_several_too(ledger: Ledger) -> None:
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g1"), matched("container:2", "g2", "g3")])
    ledger.links.replace("atlan", "2-y", [matched("container:9", "g3"), matched("container:8", "g1,")])
    ledger.links.replace("second", "1-x", [matched("container:1", "g1")])
    found = ledger.links.by_assets("atlan", ["g1", "g3", "g", "nobody", *(f"n{n}" for n in range(600))])
    assert {asset: sorted(one.unit for one in pairings) for asset, pairings in found.items()} == {
        "g1": ["container:1"],
        "g3": ["container:2", "container:9"],
    }
    unit = ledger.links.of_unit("container:9")
    assert unit is not None
    assert (unit.datastore, unit.assets) == ("2-y", ("g3",))
    assert ledger.links.of_unit("container:7") is None


def test_datastores_are_found_by_what_stands_above_their_assets(ledger: Ledger) -> None:
    for key, name in (("1-x", "default/db_1/A"), ("2-y", "default/db_1/B"), ("3-z", "default/dbx1/A")):
        ledger.links.replace("atlan", key, [matched(f"datastore:{key[0]}", "g", name=name)])
    ledger.links.replace("atlan", "4-t", [matched("container:4", "g", name="default/db_1/A")])
    assert ledger.links.datastores_below("atlan", "default/db_1/") == {"1-x", "2-y"}


def test_the_same_name_with_a_new_id_is_a_new_link(ledger: Ledger, clock: Clock) -> None:
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g1")])
    clock.now += 60
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g2")])
    pairing = ledger.links.of("atlan", "1-x")["container:1"]
    assert (pairing.assets, pairing.first_seen) == (("g2",), clock.now)


def test_unchanged_links_only_move_the_time_they_were_last_seen(ledger: Ledger, clock: Clock) -> None:
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g1")])
    clock.now += 60
    ledger.links.replace("atlan", "1-x", [matched("container:1", "g1")])
    pairing = ledger.links.of("atlan", "1-x")["container:1"]
    assert (pairing.first_seen, pairing.last_seen) == (clock.now - 60, clock.now)


def report(run: str, datastore: str = "1-x", stage: str = "plan", **more: Any) -> Report:
    return Report(run, "atlan", datastore, stage, **{"ok": True, **more})


def test_the_latest_report_of_each_datastore_is_found_and_dry_runs_do_not_count(
    ledger: Ledger, clock: Clock
) -> None:
    for given_report in (
        report("a", counts={"matched": 1}),
        report("a", "2-y", ok=False, error="no way", error_class="permission"),
        report("b", counts={"matched": 2}),
        report("b", stage="match"),
        report("c", dry_run=True),
    ):
        clock.now += 1
        ledger.reports.put(given_report)
    latest = ledger.reports.latest("atlan", "plan")
    assert {key: (found.run_id, found.ok, found.counts) for key, found in latest.items()} == {
        "1-x": ("b", True, {"matched": 2}),
        "2-y": ("a", False, {}),
    }
    assert latest["2-y"].error == "no way"
    assert ledger.reports.latest("alation", "plan") == {}


def test_the_latest_reports_are_found_without_reading_the_others(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite") as ledger:
        for number in range(30):
            ledger.reports.put(report(f"run-{number}", f"{number % 3}-x"))
        seen: list[tuple[str, Any]] = []
        take = partial(_take, seen)
        event.listen(Engine, "before_cursor_execute", take)
        try:
            assert len(ledger.reports.latest("atlan", "plan")) == 3
        finally:
            event.remove(Engine, "before_cursor_execute", take)
    ((statement, given),) = seen
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as raw:
        steps = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
    assert any("SEARCH" in step for step in steps)
    assert not any("SCAN qsync_reports" in step or "SCAN one" in step for step in steps), steps


def _take(seen: list[tuple[str, Any]], *call: Any) -> None:
    seen.append((call[2], call[3]))


def test_a_stage_that_reports_again_in_the_same_run_replaces_its_report(ledger: Ledger) -> None:
    ledger.reports.put(report("a", ok=False))
    ledger.reports.put(report("a"))
    ledger.reports.put(report("b"))
    assert [found.ok for found in ledger.reports.of_runs(["a"])] == [True]
    assert len(ledger.reports.of_runs(["a", "b", "z"])) == 2


def test_the_last_full_compare_is_that_of_a_run_that_was_whole_real_and_without_failure(
    ledger: Ledger, clock: Clock
) -> None:
    assert ledger.reports.last_full("atlan", "1-x") is None
    ledger.reports.put(report("whole", stage="match"))
    clock.now += 5
    ledger.reports.put(report("whole", stage="plan"))
    full = clock.now
    flaws: list[tuple[str, dict[str, Any]]] = [
        ("p", {"partial": True}),
        ("d", {"dry_run": True}),
        ("f", {"ok": False}),
    ]
    for run, flaw in flaws:
        clock.now += 5
        ledger.reports.put(report(run, stage="match", **flaw))
        ledger.reports.put(report(run, stage="plan", **(flaw if run != "f" else {})))
    assert ledger.reports.last_full("atlan", "1-x") == full
    assert ledger.reports.last_full("atlan", "1-x", stage="plan") == clock.now
    assert ledger.reports.last_full("atlan", "2-y") is None


def test_requests_add_up_within_and_over_runs(ledger: Ledger) -> None:
    for run, kind, n in (("a", "read", 3), ("a", "read", 4), ("a", "write", 1), ("b", "read", 10)):
        ledger.reports.add_requests(run, "atlan", "catalog", kind, n)
    ledger.reports.add_requests("a", "atlan", "qualytics", "read", 2)
    assert ledger.reports.requests(["a", "b"]) == {
        "atlan": {"catalog": {"read": 17, "write": 1}, "qualytics": {"read": 2}}
    }
    assert ledger.reports.requests(["z"]) == {}


def test_notes_are_kept_per_integration(ledger: Ledger) -> None:
    assert ledger.notes.get("atlan", "handle", {}) == {}
    ledger.notes.put("atlan", "handle", {"ids": [1, 2]})
    ledger.notes.put("atlan", "handle", {"ids": [3]})
    ledger.notes.put("alation", "handle", None)
    assert ledger.notes.get("atlan", "handle") == {"ids": [3]}
    assert ledger.notes.get("alation", "handle", "default") is None
    assert ledger.notes.of("atlan") == {"handle": {"ids": [3]}}
    ledger.notes.drop("atlan", "handle")
    assert ledger.notes.get("atlan", "handle") is None


def test_a_parked_scope_stands_since_it_was_first_parked_until_it_is_cleared(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.parked.put("atlan", "1-x", "external_tags", ["a", "b"], "67 % of 3", "run-1")
    since = clock.now
    clock.now += 60
    ledger.parked.put("atlan", "1-x", "external_tags", ["a"], "33 % of 3", "run-2")
    ledger.parked.put("atlan", "1-x", "announcements", [], "vanished", "run-2")
    tags = ledger.parked.of("atlan")[1]
    assert (tags.items, tags.reason, tags.run_id, tags.at) == (("a",), "33 % of 3", "run-2", since)
    assert ledger.parked.clear("atlan", "1-x", "external_tags") == 1
    assert ledger.parked.clear("atlan", "1-x") == 1
    assert ledger.parked.of("atlan") == []


def test_an_approval_is_kept_by_its_lines_until_the_scope_is_cleared(ledger: Ledger, clock: Clock) -> None:
    ledger.parked.put(
        "atlan", "1-x", "external_tags", ["a", "b"], "many", "run-1", code="c0de", lines=["1", "2"]
    )
    assert ledger.parked.approve("unknown") == []
    assert ledger.parked.approve("") == []
    clock.now += 60
    [scope] = ledger.parked.approve("c0de")
    assert scope.surface == "external_tags"
    [scope] = ledger.parked.of("atlan")
    assert (scope.is_approved, scope.approved, scope.approved_at) == (True, ("1", "2"), clock.now)
    clock.now += 60
    assert len(ledger.parked.approve("c0de")) == 1
    assert ledger.parked.of("atlan") == [scope], "to approve twice changes nothing"
    ledger.parked.put("atlan", "1-x", "external_tags", [], "", "run-2", approved=scope.approved)
    assert ledger.parked.of("atlan") == [], "nothing waits any more"
    left = ledger.parked.get("atlan", "1-x", "external_tags")
    assert left is not None
    assert left.approved == ("1", "2")
    ledger.parked.clear("atlan", "1-x")
    assert ledger.parked.get("atlan", "1-x", "external_tags") is None


def test_runs_that_never_ended_are_found_by_host(ledger: Ledger, clock: Clock) -> None:
    for number, run in enumerate(("a", "b", "c")):
        clock.now += 1
        ledger.runs.start(run, host="here", pid=number)
    ledger.runs.start("d", host="there", pid=9)
    ledger.runs.end("b")
    ended = clock.now
    clock.now += 1
    ledger.runs.end("b")
    assert [(run.run_id, run.pid) for run in ledger.runs.open_on("here")] == [("a", 0), ("c", 2)]
    over = ledger.runs.get("b")
    assert over is not None
    assert over.ended_at == ended
    ledger.runs.start("a", host="here", pid=77)
    again = ledger.runs.get("a")
    assert again is not None
    assert (again.pid, again.started_at) == (77, ended - 2)
    assert ledger.runs.get("z") is None


def test_a_tag_definition_is_known_by_its_folded_name(ledger: Ledger) -> None:
    ledger.tag_definitions.put(TagDefinition("PII", "pii", "atlan", made=True))
    native = {"color": "#fff", "category": None}
    ledger.tag_definitions.put(TagDefinition("GDPR", "gdpr", "atlan", taken_over=True, before=native))
    ledger.tag_definitions.put(TagDefinition("Pii", "pii", "alation", made=True))
    known = ledger.tag_definitions.all()
    assert {key: (one.name, one.made_by, one.made, one.taken_over) for key, one in known.items()} == {
        "gdpr": ("GDPR", "atlan", False, True),
        "pii": ("Pii", "alation", True, False),
    }
    assert known["gdpr"].before == native
    ledger.tag_definitions.drop("pii")
    assert list(ledger.tag_definitions.all()) == ["gdpr"]
