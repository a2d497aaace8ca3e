"""Days on which something is wrong: a lost ledger, mass removals, a failing datastore, a set in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline_tests.e2e.commands import qsync
from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.e2e.reference import rounded

ALONE = "So inside a run each datastore fails on its own"
CHECKS = "Checks give one result per run"
GUARDED = "Parked for approval: removals above 30 %"
GOES_ON = "Everything else goes on"
LOST = "A lost ledger removes nothing"
ADOPTED = "What is there already with the exact name and a fitting type is adopted"
MISSING = "Missing attributes are added to the found set, with all ids resent"
UNREAD = "A scrubbed row, a page that failed"
PARTIAL = "Never act on a partial read"
FIRST = "First contact: an integration with an empty ledger only plans"


@pytest.fixture
def fresh() -> Iterator[World]:
    with world("small", seed=1) as one:
        yield one


def _columns(one: World, number: int, prefix: str = "SALES_DB.") -> list[str]:
    ours = {entry["name"] for entry in one.all("qualytics") if entry["kind"] == "field"}
    names = [e["name"] for e in one.all("atlan") if e["kind"] == "Column" and e["name"] in ours]
    chosen = [name for name in names if name.startswith(prefix)][:number]
    assert len(chosen) == number
    return chosen


def _tagged(columns: Sequence[str], do: str) -> list[dict[str, Any]]:
    return [{"system": "atlan", "do": do, "asset": name, "tag": "Bulk"} for name in columns]


@pytest.mark.rule("5.5", LOST)
def test_a_lost_ledger_removes_nothing(fresh: World) -> None:
    assert fresh.sync().ok
    table = fresh.tables(alert="integration")[0]
    fresh.atlan("tag", table, tag="Known")
    assert fresh.sync().ok
    fresh.lose_ledger()
    fresh.atlan("untag", table, tag="Known")
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.ok
    assert not any(row.get("remove") for row in done.plan.values())
    assert fresh.changed(before) == set()
    assert "Known" in fresh.tags("qualytics", table)
    fresh.quiet()


@pytest.mark.rule("5.5", LOST)
def test_after_a_lost_ledger_ours_is_taken_up_by_command_and_then_kept_in_step(fresh: World) -> None:
    assert fresh.sync().ok
    table = fresh.tables(alert="integration")[0]
    fresh.atlan("tag", table, tag="Known")
    assert fresh.sync().ok
    fresh.lose_ledger()
    fresh.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    for _ in range(3):
        # From its second run on the new ledger knows who we are, and still that proves nothing.
        done = fresh.sync()
        assert done.ok
        assert fresh.alert(table) is not None, "nothing is removed without being asked"
        fresh.control.advance(5)
    assert any("--adopt" in reason for reason in done.reasons), "it is listed"
    assert done.counts["unowned"] > 0
    shown = qsync(fresh, "retire", "atlan", "--dry-run").said
    assert "carried our marks that the ledger did not know: they stay; qsync sync --adopt" in " ".join(
        shown.split()
    )

    assert fresh.sync(adopt=True).ok
    fresh.atlan("untag", table, tag="Known")
    fresh.qualytics("set_score", table, dimension="total", value=None)
    assert fresh.sync().ok
    assert fresh.alert(table) is None
    assert "Known" not in fresh.tags("qualytics", table)
    fresh.check()
    fresh.quiet()


@pytest.mark.rule("5.5", GUARDED)
@pytest.mark.rule("5.5", GOES_ON)
@pytest.mark.rule("3", "Guards act in the core")
def test_more_than_thirty_percent_and_25_removals_wait_and_fewer_do_not(fresh: World) -> None:
    columns = _columns(fresh, 30)
    fresh.mutate(*_tagged(columns, "tag"))
    assert fresh.sync().ok
    fresh.mutate(*_tagged(columns, "untag"))
    quiet_table = fresh.tables()[0]
    fresh.atlan("tag", quiet_table, tag="Goes On")
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.ok
    assert done.outcomes["external_tags"]["parked"] == 30
    assert done.parked
    assert not done.checks["external_tags:rejected"][0]
    assert not done.checks["external_tags:in_step"][0]
    changed = {name for _, name, what in fresh.changed(before) if what == "tags"}
    assert all("Bulk" in fresh.tags("qualytics", name) for name in columns)
    assert any(name.startswith(quiet_table) for name in changed), "everything else goes on"
    fresh.quiet()

    fresh.mutate(*_tagged(columns[:10], "tag"))
    done = fresh.sync()
    assert done.ok
    assert done.planned["external_tags"]["remove"] == 20
    assert not any("Bulk" in fresh.tags("qualytics", name) for name in columns[10:])
    fresh.check()
    fresh.quiet()


@pytest.mark.rule("5.5", GUARDED)
@pytest.mark.rule("3", "A vanished datastore keeps its key until its parked removals are settled")
def test_a_datastore_that_vanished_is_shown_and_parked_and_keeps_its_key(fresh: World) -> None:
    assert fresh.sync().ok
    key = fresh.keys()["CRM"]
    fresh.qualytics("drop", "crm.public")
    before = fresh.whole_state()
    for _ in range(2):
        done = fresh.sync()
        assert (done.ok, done.excess()) == (True, [])
        # What nothing carries any more goes, as ever; in the catalog everything stands.
        assert {(system, what) for system, _, what in fresh.changed(before)} <= {("qualytics", "definition")}
        assert done.outcomes["custom_metadata"]["parked"] > 0
        assert any("no longer lists the datastore" in reason for reason in done.parked)
        assert key in done.checks["quality_metadata:rejected"][1]["datastores at fault"]
        fresh.control.advance(5)
    assert key in fresh.instance.get_dynamic_partitions("datastores")


@pytest.mark.rule("3", ALONE)
@pytest.mark.rule("3", CHECKS)
def test_a_datastore_that_fails_fails_alone_and_settles_alone(fresh: World) -> None:
    keys = fresh.keys()
    table = next(name for name in fresh.tables() if name.startswith("crm."))
    number = fresh.state("qualytics", table)["id"].split(":")[1]
    fresh.control.faults(
        {"system": "qualytics", "route": f"/api/containers/{number}/fields", "method": "GET", "status": 422}
    )
    done = fresh.sync()
    assert not done.ok
    assert {datastore for _, datastore, _ in done.failures} == {keys["CRM"]}
    others = {keys["Sales Warehouse"], keys["Web Shop"]}
    assert {datastore for _, datastore in done.materialized} == others
    assert keys["CRM"] in done.checks["quality_metadata:rejected"][1]["datastores at fault"]
    assert fresh.attributes(table) == {}
    assert fresh.attributes("SALES_DB.SALES")["URL"]

    fresh.control.clear_faults()
    again = fresh.sync(datastores=[keys["CRM"]])
    assert (again.ok, again.excess()) == (True, [])
    assert {datastore for _, datastore in again.materialized} == {keys["CRM"]}
    assert again.checks["quality_metadata:rejected"][0]
    fresh.check()
    fresh.quiet()


def test_a_datastore_that_fails_while_it_is_written_loses_nothing(fresh: World) -> None:
    fresh.control.faults(
        {"system": "atlan", "route": "/api/meta/entity/bulk", "method": "POST", "skip": 3, "count": 1,
         "status": 400, "body": {"errorCode": "ATLAS-400-00-999", "errorMessage": "no"}}
    )  # fmt: skip
    done = fresh.sync()
    assert done.ok
    fresh.control.clear_faults()
    fresh.control.advance(5)
    fresh.settled()
    fresh.check()


def _standing_set(one: World, types: dict[str, str]) -> None:
    system: Any = one.sandbox.systems["atlan"]
    system.types.make_set(
        "Qualytics", list(types.items()), "service-account-apikey-vendor", "Made by somebody else"
    )


RIGHT = {name: "string" if name == "URL" else "int" if "Count" in name else "float" for name in ATTRIBUTES}


@pytest.mark.rule("5.3", ADOPTED)
@pytest.mark.rule("5.3", MISSING)
def test_a_set_of_the_name_with_fitting_types_is_adopted(fresh: World) -> None:
    _standing_set(fresh, {name: kind for name, kind in RIGHT.items() if "Accuracy" not in name})
    table = fresh.tables()[0]
    fresh.atlan("set_attribute", table, name="Quality Score Total", value=3.0)
    done = fresh.settled()
    assert done.planned["definitions"]["update"] == 1
    fresh.check()
    system: Any = fresh.sandbox.systems["atlan"]
    sets = system.types.by_category["BUSINESS_METADATA"].values()
    ours = [one for one in sets if one["displayName"] == "Qualytics"]
    assert len(ours) == 1
    assert {attribute["displayName"] for attribute in ours[0]["attributeDefs"]} == set(ATTRIBUTES)


@pytest.mark.rule("5.3", ADOPTED)
def test_values_that_stood_there_before_us_are_not_cleared(fresh: World) -> None:
    _standing_set(fresh, RIGHT)
    entry = next(
        e for e in fresh.all("qualytics")
        if e["name"] in fresh.tables() and e["attributes"]["Quality Score Timeliness"] is None
    )  # fmt: skip
    fresh.atlan("set_attribute", entry["name"], name="Quality Score Timeliness", value=88.0)
    assert fresh.sync().ok
    assert fresh.attributes(entry["name"])["Quality Score Timeliness"] == 88.0
    fresh.quiet()


@pytest.mark.rule("5.3", ADOPTED)
def test_a_set_of_the_name_with_wrong_types_is_left_alone_and_the_message_says_what_to_do(
    fresh: World,
) -> None:
    _standing_set(fresh, {**RIGHT, "Quality Score Total": "string"})
    before = fresh.whole_state()
    done = fresh.sync()
    said = " ".join(error for _, _, error in done.failures)
    assert "Quality Score Total" in said
    assert "attributes:" in said
    assert not any(name == "custom_metadata" for name in done.outcomes if done.outcomes[name].get("applied"))
    assert not any(what == "attributes" for _, _, what in fresh.changed(before))
    assert not any(route.endswith("typedefs") for _, _, route in done.writes)
    again = fresh.sync()
    assert again.writes == {}


def test_attributes_that_the_vendors_own_integration_left_are_adopted_where_the_config_maps_them(
    fresh: World,
) -> None:
    system: Any = fresh.sandbox.systems["atlan"]
    system.types.make_set(
        "Qualytics Quality",
        [("Qualytics Quality Score", "float"), ("Qualytics Anomaly Count", "int"), ("Old Notes", "string")],
        "service-account-apikey-vendor",
        "Left behind by the vendor's own integration",
    )
    names = {
        "Quality Score Total": "Qualytics Quality Score",
        "Anomaly Count": "Qualytics Anomaly Count",
    }
    drop = [name for name in ATTRIBUTES if name not in names]
    fresh.configure(attributes={"set": "Qualytics Quality", "names": names, "drop": drop})
    fresh.settled()
    found = system.types.set_named("Qualytics Quality")
    ids = system.types.attribute_ids(found)
    assert list(ids) == ["Qualytics Quality Score", "Qualytics Anomaly Count", "Old Notes"]
    table = fresh.tables()[0]
    doc = next(doc for doc in system.store.docs() if doc.full_name == table and doc.status == "ACTIVE")
    ours = fresh.attributes(table, "qualytics")
    assert doc.cm[found["name"]] == {
        ids[shown]: rounded(ours[name]) for name, shown in names.items() if ours[name] is not None
    }


@pytest.mark.rule("5.5", FIRST)
def test_a_first_contact_without_leave_only_plans(fresh: World) -> None:
    fresh.configure(first_write=False)
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.writes, fresh.changed(before)) == ({}, set())
    assert done.planned["custom_metadata"]["create"] > 0
    assert done.outcomes["custom_metadata"]["parked"] > 0


@pytest.mark.rule("5.1", UNREAD)
@pytest.mark.rule("5.5", PARTIAL)
@pytest.mark.parametrize("kind", ["html", "drop_key", "truncate"])
@pytest.mark.parametrize("route", ["/api/meta/search/indexsearch", "/api/meta/types/typedefs"])
def test_a_broken_answer_of_the_catalog_removes_nothing(kind: str, route: str) -> None:
    with world("small", seed=1) as one:
        assert one.sync().ok
        one.control.advance(5)
        before = one.whole_state()
        one.control.faults({"system": "atlan", "route": route, "kind": kind})
        done = one.sync()
        assert not done.ok
        assert one.changed(before) == set()
        one.control.clear_faults()
        one.quiet()


@pytest.mark.rule("5.1", UNREAD)
def test_a_pull_that_may_not_read_the_tags_is_red_and_says_so() -> None:
    with world("small", seed=1) as one:
        assert one.sync().ok
        one.atlan("tag", one.tables()[0], tag="Brand New")
        before = one.whole_state()
        one.control.faults({"system": "atlan", "route": "/api/meta/types/typedefs", "status": 403})
        done = one.sync("pull")
        assert not done.ok
        assert one.changed(before) == set()
        assert "the catalog's tags could not be read" in str(done.failures)
        one.control.clear_faults()
        one.settled(direction="pull")
        assert "Brand New" in one.tags("qualytics", one.tables()[0])


@pytest.mark.rule("5.5", PARTIAL)
def test_tags_that_a_search_only_names_are_read_by_id_or_the_pull_is_red_by_name() -> None:
    def untold(route: str) -> dict[str, Any]:
        return {"system": "atlan", "route": route, "kind": "drop_key", "key": "classifications", "each": True}

    with world("small", seed=1) as one:
        table = one.tables()[0]
        one.atlan("tag", table, tag="Brand New")
        one.control.faults(untold("/api/meta/search/indexsearch"))
        assert one.settled(direction="pull").counts["frozen"] == 0
        assert "Brand New" in one.tags("qualytics", table)

        before = one.whole_state()
        one.control.faults(untold("/api/meta/search/indexsearch"), untold("/api/meta/entity/bulk"))
        done = one.sync("pull")
        assert not done.ok
        assert "tags were named without the asset that they were put on" in str(done.failures)
        assert one.changed(before) == set()


@pytest.mark.rule("5.1", UNREAD)
def test_a_tag_that_the_token_cannot_tell_is_named_with_its_assets_and_nothing_is_taken_off_there() -> None:
    with world("small", seed=1) as one:
        table = one.tables()[0]
        one.atlan("tag", table, tag="Known")
        one.settled(direction="pull")
        one.mutate(
            {"system": "atlan", "do": "untag", "asset": table, "tag": "Known"},
            {"system": "atlan", "do": "tag", "asset": table, "tag": "Of others"},
        )
        before = one.whole_state()
        one.control.faults({"system": "atlan", "route": "/api/meta/types/typedefs", "kind": "lose"})
        done = one.sync("pull")
        assert done.ok, "a token that may not see a tag may have to live with that"
        assert one.changed(before) == set()
        assert done.counts["frozen"] == 1
        passed, told = done.checks["asset_mapping:coverage"]
        assert not passed
        assert told["tags that cannot be told"] == 1
        assert told["on assets such as"].endswith("/" + table.replace(".", "/"))
