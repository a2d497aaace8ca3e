"""The everyday path of Qualytics and Alation: one change, one sync, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from qsync_pipeline.sync.canary import try_writes
from qsync_pipeline.sync.run import Run
from qsync_pipeline_tests.e2e.alation import alation_world, containers, memory, on, settle, tags_of
from qsync_pipeline_tests.e2e.harness import World
from qsync_pipeline_tests.e2e.judging import problems

SURFACES = {"custom_fields", "trust_flags", "data_health"}
TAGS = ("PII #1", "two words", "finance/risk", "Données 客户 ✓", '100% "sure" & <b>')


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    """A world after its first sync. Each test leaves it in step, which is proved when all are done."""
    with alation_world(seed=1) as one:
        settle(one)
        yield one
        one.quiet()
        one.check()


def quiet_table(one: World) -> str:
    """A table with checks, and without anomalies and flags."""
    return next(
        name
        for name in one.tables(alert="none", catalog="alation")
        if one.attributes(name, "alation")["Anomaly Count"] == 0 and one.state("alation", name)["health"]
    )


def schema_of(one: World, table: str) -> str:
    """The schema that this table lies in."""
    names = [entry["name"] for entry in one.all("alation") if entry["kind"] == "schema"]
    return next(str(name) for name in names if table.startswith(f"{name}."))


@pytest.mark.parametrize("seed", [2, 3])
def test_two_syncs_fill_every_surface_and_the_second_writes_nothing(seed: int) -> None:
    with alation_world(seed=seed) as one:
        assert problems(one.all("alation"), one.all("qualytics"), one.rules("alation")), "it sees nothing"
        before = one.whole_state()
        first = settle(one)
        assert set(first.planned) == SURFACES | {"definitions", "external_tags", "tag_definitions"}
        assert {(system, what) for system, _, what in one.changed(before)} == {
            ("alation", "attributes"), ("alation", "alert"), ("alation", "health"),
            ("qualytics", "tags"), ("qualytics", "definition"),
        }  # fmt: skip
        one.quiet()


def test_an_anomaly_raises_a_flag_its_row_and_the_counts(synced: World) -> None:
    table = quiet_table(synced)
    rule = synced.state("alation", table)["health"][0]["rule"]
    synced.qualytics("raise_anomaly", table, rule=rule)
    before = synced.whole_state()
    done = settle(synced)
    assert (done.planned["trust_flags"], done.planned["data_health"]) == ({"create": 1}, {"update": 1})
    assert synced.changed(before) >= on(table, "attributes", "alert", "health")
    assert {key for key in synced.changed(before) if key[2] != "attributes"} == on(table, "alert", "health")
    flag = synced.state("alation", table)["alert"]
    assert (flag["type"], flag["by"]) == ("WARNING", "integration")
    assert {key[1] for key in synced.changed(before)} >= {f"{schema_of(synced, table)} (schema)"}

    synced.qualytics("set_anomaly_status", table, id="all", status="Acknowledged")
    before = synced.whole_state()
    acknowledged = settle(synced)
    assert (acknowledged.planned, synced.changed(before)) == ({}, set()), "it counts as open"

    synced.qualytics("set_anomaly_status", table, id="all", status="Discarded")
    before = synced.whole_state()
    archived = settle(synced)
    assert sum(archived.planned["trust_flags"].values()) == 1
    assert synced.state("alation", table)["alert"] is None
    assert {key for key in synced.changed(before) if key[2] != "attributes"} == on(table, "alert", "health")


def test_a_flag_is_updated_in_place(synced: World) -> None:
    table = synced.tables(alert="integration", catalog="alation")[0]
    flags = memory(synced).flags
    numbers = set(flags.by_id)
    synced.qualytics("raise_anomaly", table, rule="volumetric")
    done = settle(synced)
    assert done.planned["trust_flags"] == {"update": 1}
    assert set(flags.by_id) == numbers
    assert done.writes[("alation", "PUT", "/integration/flag/{id}/")] == 1


def test_an_archived_check_takes_its_row_and_its_rule_along(synced: World) -> None:
    table = quiet_table(synced)
    rules = memory(synced).health.fields
    rows, known = synced.state("alation", table)["health"], len(rules)
    synced.qualytics("archive_check", table, rule=rows[0]["rule"])
    before = synced.whole_state()
    done = settle(synced)
    gone = len(rows) - len(synced.state("alation", table)["health"])
    assert done.planned["data_health"] == {"remove": gone}
    assert known - len(rules) == gone
    assert {key for key in synced.changed(before) if key[2] != "attributes"} == on(table, "health")


def test_an_edited_description_is_written_into_its_row_alone(synced: World) -> None:
    table = quiet_table(synced)
    rule = synced.state("alation", table)["health"][0]["rule"]
    number = next(
        check.id
        for check in containers(synced)[table].checks.values()
        if (check.rule_type, check.status) == (rule, "Active")
    )
    synced.qualytics("edit_check", id=number, description="Said <i>better</i> & shorter")
    before = synced.whole_state()
    done = settle(synced)
    assert done.planned == {"data_health": {"update": 1}}
    assert {key[2] for key in synced.changed(before)} == {"health"}
    assert len(synced.changed(before)) == 1


def test_a_persons_flag_stays_and_ours_waits_until_it_is_gone(synced: World) -> None:
    table = synced.tables(alert="integration", catalog="alation")[0]
    synced.alation("set_alert", table, text="Load is late, ask <Grace>")
    before = synced.whole_state()
    done = settle(synced)
    assert (done.planned, synced.changed(before)) == ({}, set())
    assert any("ours waits" in reason for reason in synced.sync(direction="push").reasons)

    synced.qualytics("raise_anomaly", table, rule="volumetric")
    before = synced.whole_state()
    done = settle(synced)
    assert "trust_flags" not in done.planned
    assert ("alation", f"{table} (TABLE)", "alert") not in synced.changed(before)

    synced.alation("clear_alert", table)
    before = synced.whole_state()
    assert settle(synced).planned == {"trust_flags": {"create": 1}}
    assert synced.changed(before) == on(table, "alert")


def test_a_person_who_edits_our_flag_takes_it_over(synced: World) -> None:
    table = synced.tables(alert="integration", catalog="alation")[1]
    synced.alation("set_alert", table, text="We know, fixed tomorrow", edit=True)
    before = synced.whole_state()
    done = synced.sync()
    assert (done.ok, done.planned, synced.changed(before)) == (True, {}, set())
    assert done.counts["taken_over"] == 1
    synced.alation("clear_alert", table)
    settle(synced)
    assert synced.state("alation", table)["alert"]["by"] == "integration"


def test_tags_of_any_name_arrive_and_leave_again(synced: World) -> None:
    table, column = synced.tables(catalog="alation")[2], synced.column_of(synced.tables(catalog="alation")[3])
    for tag in TAGS:
        synced.alation("tag", table, tag=tag)
    synced.alation("tag", column, tag=TAGS[0])
    before = synced.whole_state()
    done = settle(synced)
    assert done.planned["external_tags"] == {"create": len(TAGS) + 1}
    definitions = {("qualytics", tag.casefold(), "definition") for tag in TAGS}
    assert synced.changed(before) == tags_of(synced, table) | tags_of(synced, column) | definitions
    assert {synced.tags("qualytics", table)[tag] for tag in TAGS} == {"managed"}

    for tag in TAGS:
        synced.alation("untag", table, tag=tag)
    synced.alation("untag", column, tag=TAGS[0])
    before = synced.whole_state()
    done = settle(synced)
    assert done.planned["external_tags"]["remove"] >= len(TAGS) + 1
    left = {("qualytics", tag.casefold(), "definition") for tag in TAGS if "/" in tag}
    assert synced.changed(before) == tags_of(synced, table) | tags_of(synced, column) | definitions - left


def test_a_value_that_a_person_changed_is_set_back_and_counted_as_drift(synced: World) -> None:
    table = synced.tables(catalog="alation")[0]
    before = synced.whole_state()
    synced.alation("set_attribute", table, name="Check Count", value=999)
    done = settle(synced)
    assert (done.planned, done.counts["drift"]) == ({"custom_fields": {"update": 1}}, 1)
    assert synced.changed(before) == set()


@pytest.mark.rule("5.1", "Candidates agree in connector type")
@pytest.mark.rule("5.1", "Near misses come with the config line that would settle them")
def test_a_source_that_lost_its_uri_freezes_what_is_in_it_and_is_told_with_the_way_out(synced: World) -> None:
    source = synced.state("alation", "CRM PostgreSQL")["id"].rpartition(":")[2]
    of_key = {"system": "alation", "kind": "drop_key", "key": "uri"}
    synced.control.faults(
        {**of_key, "route": "/integration/v2/datasource/", "each": True},
        {**of_key, "route": f"/integration/v2/datasource/{source}/"},
    )
    before = synced.whole_state()
    done = synced.sync()
    key = synced.keys()["CRM"]
    assert done.ok, "a person's source may have no URI for ever"
    assert synced.changed(before) == set()
    assert done.counts["frozen"] > 0
    passed, told = done.checks["asset_mapping:coverage"]
    assert not passed
    assert f'{key}: kind mismatch: the catalog does not show what type of source "CRM' in str(told)
    line = str(told["datastores without a place"]).partition("add to the config: ")[2]

    synced.edit(lambda document: document["integrations"][0].update(yaml.safe_load(line)))
    mapped = synced.sync()
    assert (mapped.buckets["kind_mismatch"], mapped.planned, mapped.counts["frozen"]) == (0, {}, 0)
    synced.configure("alation", mappings=None)
    synced.control.clear_faults()
    synced.quiet()


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_schema_that_is_listed_and_then_not_answered_for_is_no_empty_one(synced: World) -> None:
    before = synced.whole_state()
    schemas = {"system": "alation", "route": "/integration/v2/schema/", "status": 200, "body": []}
    synced.control.faults({**schemas, "skip": 1})
    done = synced.sync()
    synced.control.clear_faults()
    assert not done.ok
    assert "and did not answer for it; nothing of it was used" in str(done.failures)
    assert synced.changed(before) == set()
    synced.quiet()


def test_calls_go_one_at_a_time(synced: World) -> None:
    synced.quiet()
    assert synced.control.requests()["peak_in_flight"]["alation"] == 1


def test_the_canary_puts_back_what_stood_in_a_rich_text_field(synced: World) -> None:
    before = synced.whole_state()
    with synced.ledger() as ledger:
        config = synced.config()
        run = Run("test", config, config.integrations[0], ledger, ledger)
        results = try_writes(run)
        run.close()
    assert {one.result for one in results} == {"written and restored"}, results
    assert any(synced.attributes(one.asset.split(".", 1)[1], "alation")["Check Count"] for one in results)
    assert synced.changed(before) == set()
    synced.quiet()
