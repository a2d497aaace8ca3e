"""Catalog tags onto Qualytics objects: which go on, which come off, whose they are (DESIGN.md §5.2)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.guards import park
from qsync_pipeline.core.names import Patterns
from qsync_pipeline.core.rows import CatalogAsset, Change
from qsync_pipeline.core.rules import GuardRules
from qsync_pipeline_tests.core.build import (
    column,
    column_of,
    connection,
    container,
    database,
    datastore,
    schema,
    table,
    tag,
)
from qsync_pipeline_tests.core.tag_world import TagWorld, tag_rules

OFF = "A tag taken off in the catalog is taken off in Qualytics, the last one too"
ONLY_OURS = "Only assignments that an integration of ours made are ever removed; a person's stay"
NAMES = "Names: NFC, trimmed"
RENAME = "A rename in the catalog moves the assignments and keeps category and weight"
THREE_WAY = "Desired, actual and ledger decide (three-way)"
DRIFT = "A value that a person changed after us is drift"
AGAIN = "A second run with nothing changed writes nothing"
UPPER = "Its tags are those of the schema and of the connection"
PARTIAL = "A scrubbed row, a page that failed, a tag id that cannot be resolved"
LEAVING = "Leaving scope (outside the domain, excluded"
GONE = "Proved gone in the catalog: our tags go"

STORE = datastore()
ORDERS, PEOPLE = container(1, "ORDERS", STORE), container(2, "PEOPLE", STORE)
ID = column_of(1, "ID", ORDERS)
SCHEMA, T_ORDERS, T_PEOPLE = schema(), table("ORDERS"), table("PEOPLE")
C_ID = column("ID", T_ORDERS)


def estate() -> list[CatalogAsset]:
    return [connection(), database(), SCHEMA, T_ORDERS, T_PEOPLE, C_ID]


def world(**more: object) -> TagWorld:
    """A datastore with two tables, one with a column; all paired in the catalogs of both integrations."""
    assets = {"atlan": estate(), "second": estate()}
    return TagWorld([STORE, ORDERS, PEOPLE, ID], assets, **more)  # type: ignore[arg-type]  # of the test


def lines(changes: list[Change], **wanted: object) -> list[tuple[str, str, str, str]]:
    """Action, target, key and status of the changes with these values."""
    chosen = [c for c in changes if all(getattr(c, name) == value for name, value in wanted.items())]
    return [(c.action, c.target, c.key, c.status) for c in chosen]


@pytest.mark.rule("5.2", OFF)
@pytest.mark.rule("5.2", "Table tags do not flow to columns")
def test_tags_come_on_where_the_catalog_has_them_and_go_to_the_last_one() -> None:
    w = world(cascade_removal=False)
    w.retag(C_ID.id, tag("PII"), tag("GDPR"))
    w.sync()
    assert w.state() == {"field:1": {"pii", "gdpr"}}
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    assert w.state() == {"field:1": {"pii"}}
    w.retag(C_ID.id)
    w.sync()
    assert w.state() == {}
    assert w.holdings == {}


@pytest.mark.rule("5.2", "Table tags do not flow to columns")
def test_a_tag_of_a_table_is_not_planned_for_its_columns() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    plan, _ = w.plan(tag_rules())
    assert lines(plan.changes) == [("create", "container:1", "pii", "planned")]


@pytest.mark.rule("5.5", AGAIN)
def test_a_second_run_plans_nothing() -> None:
    w = world()
    w.retag(SCHEMA.id, tag("PII"))
    w.retag(C_ID.id, tag("PII"), tag("Tier 1"))
    w.sync()
    plan, left = w.plan(tag_rules())
    assert (plan.changes, plan.definitions, left) == ([], [], [])
    assert plan.counts["unchanged"] == 3


@pytest.mark.rule("5.2", ONLY_OURS)
def test_a_persons_tag_stays_though_the_catalog_had_it_and_dropped_it() -> None:
    w = world()
    w.define("PII", made_by="atlan", made=True, category="atlan")
    w.put("field:1", "PII")
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.retag(C_ID.id)
    plan = w.sync()
    assert w.state() == {"field:1": {"pii"}}
    assert plan.changes == []


@pytest.mark.rule("5.2", ONLY_OURS)
def test_tags_that_nobody_of_ours_put_there_are_never_planned_for() -> None:
    w = world()
    w.put("container:1", "Hands off")
    plan = w.sync()
    assert plan.changes == []
    assert w.tags("container:1") == {"hands off"}


@pytest.mark.rule("5.1", UPPER)
@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({}, {"on schema", "on connection"}),
        ({"from_connection": False}, {"on schema"}),
        ({"from_database": True}, {"on schema", "on connection", "on database"}),
    ],
)
def test_a_datastore_has_the_tags_of_its_schema_and_of_what_lies_above(
    settings: dict[str, bool], keys: set[str]
) -> None:
    w = world()
    w.retag(SCHEMA.id, tag("on schema"))
    w.retag(connection().id, tag("on connection"))
    w.retag(database().id, tag("on database"))
    w.sync(tag_rules(**settings))
    assert w.tags("datastore:1") == keys


@pytest.mark.rule("5.1", UPPER)
@pytest.mark.rule("5.1", PARTIAL)
@pytest.mark.parametrize("hidden", ["connection", "database"])
def test_where_the_connection_or_database_is_not_shown_its_tags_are_not_taken_off(hidden: str) -> None:
    rules = tag_rules(from_database=True)
    w = world()
    w.retag(connection().id, tag("A"))
    w.retag(database().id, tag("B"))
    w.sync(rules)
    w.assets["atlan"] = [asset for asset in w.assets["atlan"] if asset.level != hidden]
    plan = w.sync(rules)
    assert w.tags("datastore:1") == {"a", "b"}
    assert plan.counts["frozen"] == 1


@pytest.mark.rule("5.1", PARTIAL)
def test_an_asset_that_hides_a_part_adds_tags_and_takes_none_off() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.assets["atlan"][5] = column("ID", T_ORDERS, tags=(tag("New"),), complete=False)
    plan = w.sync()
    assert w.tags("field:1") == {"pii", "new"}
    assert plan.counts["frozen"] == 1


@pytest.mark.rule("5.2", "Propagated catalog tags are a setting (off)")
def test_propagated_tags_come_over_only_by_the_setting() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII", origin="propagated"))
    w.sync()
    assert w.state() == {}
    w.sync(tag_rules(propagated=True))
    assert w.tags("field:1") == {"pii"}
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", "Propagated catalog tags are a setting (off)")
def test_a_tag_that_is_both_propagated_and_direct_counts() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII", origin="propagated"), tag("PII"))
    w.sync()
    assert w.tags("field:1") == {"pii"}


@pytest.mark.rule("5.1", "Config also takes include/exclude patterns")
def test_tags_that_the_patterns_leave_out_do_not_come_and_go_when_left_out_later() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"), tag("Internal/Draft"))
    w.sync()
    w.sync(tag_rules(allowed=Patterns(exclude=("internal/*",))))
    assert w.tags("field:1") == {"pii"}


@pytest.mark.rule("5.2", NAMES)
def test_names_that_fold_equal_are_one_tag_and_the_first_spelling_is_kept() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.retag(C_ID.id, tag("pii"), tag(" Pii "))
    w.sync()
    assert w.tags("field:1") == {"pii"}
    assert [one.name for one in w.definitions.values()] == ["PII"]
    plan, _ = w.plan(tag_rules())
    assert plan.changes == []


@pytest.mark.rule("5.2", NAMES)
def test_a_spelling_that_changes_its_case_only_changes_nothing() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.retag(C_ID.id, tag("pii", id="tag PII"))
    plan = w.sync()
    assert plan.changes == plan.definitions == []


@pytest.mark.rule("5.2", NAMES)
def test_a_name_of_which_nothing_is_left_is_passed_over() -> None:
    w = world()
    w.retag(C_ID.id, tag(" \x00\t"), tag("PII"))
    w.sync()
    assert set(w.definitions) == {"pii"}


@pytest.mark.rule("5.2", RENAME)
def test_a_rename_moves_the_assignments_and_is_not_parked() -> None:
    w = world()
    w.retag(SCHEMA.id, tag("PII"))
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.definitions["pii"] = replace(w.definitions["pii"], category="Moved by hand", weight_modifier=9)
    for asset in (SCHEMA.id, C_ID.id):
        w.retag(asset, tag("Personal", id="tag PII"))
    plan, _ = w.plan(tag_rules())
    changes, parked = park(plan.changes, {}, GuardRules(share=0.0, items=0))
    assert parked == []
    assert all(change.status == "planned" for change in changes)
    w.sync()
    assert w.tags("datastore:1") == w.tags("field:1") == w.tags("container:2") == {"personal"}
    one = w.definitions["personal"]
    assert (one.category, one.weight_modifier) == ("Moved by hand", 9)
    assert "pii" not in w.definitions


@pytest.mark.rule("5.2", "Native external tags are used where the deployment's OpenAPI offers them")
def test_external_tags_do_not_cascade_and_are_made_as_such() -> None:
    w = world()
    rules = tag_rules(native=True)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync(rules)
    assert w.definitions["pii"].type == "external"
    assert w.state() == {"datastore:1": {"pii"}}


@pytest.mark.rule("5.5", DRIFT)
@pytest.mark.rule("5.5", THREE_WAY)
def test_a_tag_that_a_person_took_off_is_drift_and_put_back_or_kept_off() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.take("field:1", "PII")
    kept = w.sync(tag_rules(on_drift="keep"))
    assert kept.counts["drift"] == 1
    left = ("create", "field:1", "pii", "skipped")
    assert lines(kept.changes) == [("note", "field:1", "pii", "planned"), left]
    again = w.sync(tag_rules(on_drift="keep"))
    assert lines(again.changes) == [left]
    assert w.state() == {}
    reset = w.sync()
    assert reset.counts["drift"] == 1
    assert "somebody took it off" in reset.changes[-1].reason
    assert w.tags("field:1") == {"pii"}


@pytest.mark.rule("5.5", DRIFT)
@pytest.mark.rule("5.2", OFF)
def test_a_tag_that_both_sides_dropped_is_let_go_of_without_a_write() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.take("field:1", "PII")
    w.retag(C_ID.id)
    plan = w.sync()
    assert plan.counts["drift"] == 0
    assert w.writes == []
    assert w.holdings == {}


@pytest.mark.rule("5.1", LEAVING)
@pytest.mark.parametrize("said", ["forbidden", "present", "unknown"])
def test_a_table_that_is_out_of_sight_keeps_its_tags(said: str) -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.links = {"container:1": [T_ORDERS.id], "field:1": [C_ID.id]}
    w.assets["atlan"] = [asset for asset in w.assets["atlan"] if asset.table != "ORDERS"]
    w.catalog_presence = {T_ORDERS.id: said, C_ID.id: said}
    plan = w.sync()
    assert w.tags("container:1") == {"pii"}
    assert plan.changes == []
    assert plan.counts["frozen"] == 1


@pytest.mark.rule("5.1", GONE)
def test_a_table_that_was_deleted_in_the_catalog_loses_our_tags_and_no_others() -> None:
    w = world()
    w.put("container:1", "A person's")
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.links = {"container:1": [T_ORDERS.id], "field:1": [C_ID.id]}
    w.assets["atlan"] = [asset for asset in w.assets["atlan"] if asset.table != "ORDERS"]
    w.catalog_presence = {T_ORDERS.id: "gone", C_ID.id: "gone"}
    w.sync()
    assert w.tags("container:1") == {"a person's"}


@pytest.mark.rule("5.1", "The same name with a new id is a new link")
def test_swapped_tables_swap_their_tags() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.retag(T_PEOPLE.id, tag("GDPR"))
    w.sync()
    rows = w.assets["atlan"]
    rows[3] = table("PEOPLE", id=T_ORDERS.id, tags=(tag("PII"),))
    rows[4] = table("ORDERS", id=T_PEOPLE.id, tags=(tag("GDPR"),))
    w.links = {"container:1": [T_ORDERS.id], "container:2": [T_PEOPLE.id]}
    w.sync()
    assert w.tags("container:1") == {"gdpr"}
    assert w.tags("container:2") == {"pii"}


@pytest.mark.rule("5.1", "Before anything is removed because its counterpart is missing")
@pytest.mark.parametrize(("said", "frozen"), [("gone", 0), ("forbidden", 1), ("missing", 1), ("present", 1)])
def test_holdings_on_an_object_that_qualytics_no_longer_shows_are_let_go_of_by_proof_only(
    said: str, frozen: int
) -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.units = [STORE, ORDERS, PEOPLE]
    w.presence = {"field:1": said}
    plan = w.sync()
    assert w.writes == []
    assert plan.counts["frozen"] == frozen == len(w.holdings)


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
def test_with_a_lost_ledger_nothing_is_removed_and_ours_are_counted() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.holdings.clear()
    w.retag(C_ID.id)
    plan = w.sync()
    assert w.tags("field:1") == {"pii"}
    assert plan.counts["unowned"] == 1
