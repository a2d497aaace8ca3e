"""Plans that are saved and applied, runs that are reverted, and parked lines that are approved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from qsync_pipeline_tests.e2e.commands import qsync
from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.e2e.test_leaving import WORLDS

TOTAL = "Quality Score Total"


@pytest.fixture(params=sorted(WORLDS))
def one(request: pytest.FixtureRequest) -> Iterator[World]:
    made: AbstractContextManager[World] = WORLDS[request.param]()
    with made as opened:
        yield opened


@pytest.fixture
def synced() -> Iterator[World]:
    with world("small", seed=1) as opened:
        assert opened.sync().ok
        opened.control.advance(5)
        yield opened


def test_a_saved_plan_that_is_applied_does_what_a_sync_does(one: World, tmp_path: Path) -> None:
    name, file = one.catalogs[0], tmp_path / "plan.jsonl"
    plan = qsync(one, "plan", "--out", file)
    assert plan.status == 0
    assert plan.object["saved"]["lines"] == len(file.read_text(encoding="utf-8").splitlines()) - 1
    done = qsync(one, "apply", file)
    assert done.status == 0, done.said
    one.check()
    one.quiet()
    writes = done.object["integrations"][name]["requests"]
    load = plan.object["forecast"]["integrations"][name]
    assert all(load[system]["calls"] > 0 for system in ("catalog", "qualytics"))
    assert load["catalog"]["writes"] <= 2 * writes["catalog"]["write"] + 2
    again = qsync(one, "apply", file)
    assert again.status == 0, again.said
    assert not any(row.get("applied") for row in again.object["integrations"][name]["outcome"].values())


def test_a_stale_line_is_refused_and_the_rest_is_done(one: World, tmp_path: Path) -> None:
    name, file = one.catalogs[0], tmp_path / "plan.jsonl"
    assert one.sync().ok
    one.control.advance(5)
    first, second = one.tables(catalog=name)[:2]
    for table in (first, second):
        one.qualytics("set_score", table, dimension="total", value=12.3)
    assert qsync(one, "plan", "--direction", "push", "--out", file).status == 0
    one.mutate({"system": name, "do": "set_attribute", "asset": first, "name": TOTAL, "value": 99.0})
    before = one.whole_state()
    checked = qsync(one, "apply", file, "--dry-run")
    assert one.changed(before) == set()
    assert checked.status == 1
    [(why, count)] = checked.object["integrations"][name]["not_written"].items()
    assert (count, "changed since the plan was made" in why, first.rpartition(".")[2] in why) == (
        1,
        True,
        True,
    )
    done = qsync(one, "apply", file)
    assert done.status == 1
    surface = "custom_fields" if name == "alation" else "custom_metadata"
    assert (done.outcome(name, surface)["rejected"], done.outcome(name, surface)["applied"]) == (1, 1)
    assert "changed since the plan was made" in done.said
    assert first.rpartition(".")[2] in done.said
    assert one.attributes(first, name)[TOTAL] == 99.0
    assert one.attributes(second, name)[TOTAL] == 12.3
    assert checked.object["integrations"][name]["runs"]


def test_lines_that_were_taken_out_of_the_file_are_not_done(synced: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.jsonl"
    first, second = synced.tables()[:2]
    for table in (first, second):
        synced.qualytics("set_score", table, dimension="total", value=12.3)
    assert qsync(synced, "plan", "--out", file).status == 0
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if first.rpartition(".")[2] in json.loads(line)["change"]["name"]]
    file.write_text("\n".join([header, *kept]), encoding="utf-8")
    was = synced.attributes(second)[TOTAL]
    done = qsync(synced, "apply", file)
    assert done.status == 0, done.said
    assert (synced.attributes(first)[TOTAL], synced.attributes(second)[TOTAL]) == (12.3, was)
    synced.settled()


def test_reverting_a_run_restores_what_stood_there_before_it(one: World) -> None:
    name = one.catalogs[0]
    table = one.tables(catalog=name)[0]
    one.mutate({"system": name, "do": "tag", "asset": table, "tag": "Goes"})
    assert one.sync().ok
    one.control.advance(5)
    before = one.whole_state()
    one.qualytics("set_score", table, dimension="total", value=12.3)
    one.qualytics(
        "set_anomaly_status", one.tables(alert="integration", catalog=name)[0], id="all", status="Resolved"
    )
    one.mutate(
        {"system": name, "do": "untag", "asset": table, "tag": "Goes"},
        {"system": name, "do": "tag", "asset": table, "tag": "Comes"},
    )
    people = one.changed(before)
    ran = qsync(one, "sync")
    assert ran.status == 0, ran.said
    assert one.changed(before) - people
    shown = qsync(one, "revert", ran.run_id, "--dry-run")
    assert shown.object["revert"]["lines"] >= 3
    done = qsync(one, "revert", ran.run_id[:13], "--yes")
    assert done.status == 0, done.said
    rows = {key for key in before if key[2] == "health"}
    assert one.changed(before) - rows == people - rows, "all but what people did"
    now = one.whole_state()
    assert all(_timeless(now[key]) == _timeless(before[key]) for key in rows)
    assert "next sync will want its own state again" in done.said
    again = qsync(one, "revert", ran.run_id, "--yes")
    assert (again.status, again.object["revert"]["lines"]) == (0, 0)
    assert one.sync().ok
    one.check()


def _timeless(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Health rows without the time of the sync that wrote them."""
    return [{name: one for name, one in row.items() if name != "last_updated"} for row in rows]


def test_what_was_changed_since_is_left_by_a_revert_and_named(synced: World) -> None:
    first, second = synced.tables()[:2]
    was = synced.attributes(second)[TOTAL]
    for table in (first, second):
        synced.qualytics("set_score", table, dimension="total", value=12.3)
    ran = qsync(synced, "sync")
    synced.atlan("set_attribute", first, name=TOTAL, value=77.0)
    done = qsync(synced, "revert", ran.run_id, "--yes")
    assert done.status == 0, done.said
    assert (synced.attributes(first)[TOTAL], synced.attributes(second)[TOTAL]) == (77.0, was)
    assert f"{TOTAL}: changed since" in done.said


def _bulk(one: World, do: str, number: int) -> list[str]:
    ours = {entry["name"] for entry in one.all("qualytics") if entry["kind"] == "field"}
    names = [e["name"] for e in one.all("atlan") if e["kind"] == "Column" and e["name"] in ours]
    columns = [name for name in names if name.startswith("SALES_DB.")][:number]
    one.mutate(*({"system": "atlan", "do": do, "asset": name, "tag": "Bulk"} for name in columns))
    return columns


def test_exactly_what_was_approved_goes_through_and_only_once(synced: World) -> None:
    columns = _bulk(synced, "tag", 31)
    assert synced.sync().ok
    _bulk(synced, "untag", 30)
    parked = qsync(synced, "sync")
    assert parked.status == 1
    [scope] = qsync(synced, "approve").object["parked"]
    assert (scope["surface"], scope["lines"], scope["approved"]) == ("external_tags", 30, "no")
    assert f"qsync approve {scope['code']}" in parked.object["integrations"]["atlan"]["parked"][0]
    assert qsync(synced, "approve", "00000000").status == 2
    synced.atlan("untag", columns[30], tag="Bulk")
    assert qsync(synced, "approve", scope["code"]).status == 0
    done = qsync(synced, "sync")
    assert done.outcome("atlan", "external_tags") | {"unchanged": 0, "skipped": 0} == {
        "applied": 30, "parked": 1, "unchanged": 0, "skipped": 0,
    }  # fmt: skip
    assert "Bulk" in synced.tags("qualytics", columns[30])
    assert qsync(synced, "sync").status == 0, "one alone is below the guard"
    assert qsync(synced, "approve").object["parked"] == []

    _bulk(synced, "tag", 30)
    assert synced.sync().ok
    _bulk(synced, "untag", 30)
    assert qsync(synced, "sync").status == 1, "the same lines wait again: the approval is used up"
    [scope] = qsync(synced, "approve").object["parked"]
    assert qsync(synced, "sync", "--approve", scope["code"]).status == 0
    assert not any("Bulk" in synced.tags("qualytics", name) for name in columns)


def test_many_values_that_people_changed_wait_before_they_are_set_again(synced: World) -> None:
    columns = _bulk(synced, "tag", 30)
    assert synced.sync().ok
    kinds = {"system": "atlan", "do": "set_attribute", "name": "Check Count", "value": 4711}
    synced.mutate(*({**kinds, "asset": name} for name in columns))
    done = synced.sync()
    assert done.outcomes["custom_metadata"]["parked"] == 30
    assert "were changed by people" in done.parked[0]
    assert all(synced.attributes(name)["Check Count"] == 4711 for name in columns)
    with synced.ledger() as ledger:
        [scope] = ledger.parked.of("atlan")
        ledger.parked.approve(scope.code)
    assert synced.sync().ok
    synced.check()


def test_a_run_of_one_table_lets_nothing_go_that_waits(synced: World) -> None:
    columns = _bulk(synced, "tag", 30)
    assert synced.sync().ok
    _bulk(synced, "untag", 30)
    assert synced.sync().outcomes["external_tags"]["parked"] == 30
    table = columns[0].split(".")[2]
    key = synced.keys()["Sales Warehouse"]
    done = synced.sync(datastores=[key], scope={key: [table]})
    assert done.outcomes["external_tags"]["parked"] > 0
    assert all("Bulk" in synced.tags("qualytics", name) for name in columns)
    with synced.ledger() as ledger:
        [scope] = ledger.parked.of("atlan")
        assert len(scope.items) == 30


def test_what_is_ours_on_a_vanished_datastore_goes_when_it_was_approved() -> None:
    with world("small", seed=1) as one:
        before = one.whole_state()
        assert one.sync().ok
        key = one.keys()["CRM"]
        one.qualytics("drop", "crm.public")
        parked = one.sync()
        assert parked.outcomes["custom_metadata"]["parked"] > 0
        with one.ledger() as ledger:
            codes = [scope.code for scope in ledger.parked.of("atlan")]
        assert all(codes)
        assert qsync(one, "approve", *codes).status == 0
        done = qsync(one, "sync", "--datastore", key)
        assert done.status == 0, done.said
        with one.ledger() as ledger:
            assert ledger.holdings.of(key) == []
        values = {
            key: value for key, value in before.items() if key[0] == "atlan" and key[1].startswith("crm")
        }
        now = one.whole_state()
        assert values
        assert {key: now[key] for key in values} == values
