"""The twelve attributes on the catalog's assets: what goes out, and when (DESIGN.md §5.3, §5.5)."""

from __future__ import annotations

from dataclasses import replace as with_rules
from typing import Any

import pytest

from qsync_pipeline.core.rows import CatalogAsset, Unit
from qsync_pipeline.core.rules import MappingRule
from qsync_pipeline_tests.core.build import column, column_of, container, datastore, schema, table
from qsync_pipeline_tests.core.catalog_world import QUALITY, CatalogWorld, link_to
from qsync_pipeline_tests.core.test_locate import mapped

NULL = "Null means not measured and is never written as 0"
NEVER = "Never scanned is null; scanned with none is 0"
CLEARED = "A score that went away is cleared in the catalog"
EQUAL = "Equal means what a reader sees"
ADOPTED = "What is there already with the exact name and a fitting type is adopted"
THREE_WAY = "Desired, actual and ledger decide (three-way)"
AGAIN = "A second run with nothing changed writes nothing"
DRIFT = "A value that a person changed after us is drift"
LEAVING = "Leaving scope (outside the domain, excluded"
GONE = "Proved gone in Qualytics: our values, alert and rows go, guarded"
SWAP = "The same name with a new id is a new link"
LOST = "A lost ledger removes nothing"
UNION = "Two datastores that claim one schema, or one that finds several"
TOTAL = "Quality Score Total"

T = table("ORDERS")


def orders(**more: Any) -> Unit:
    values = {"scores": {"total": 87.25, "accuracy": 90.0}, "check_count": 3, "anomaly_count": 0} | more
    return container(1, "ORDERS", datastore(), **values)


def world(*assets: CatalogAsset, **more: Any) -> CatalogWorld:
    """One table, measured; the datastore itself takes no part in these stories."""
    rules = {"quality": QUALITY} | more
    units = [datastore(unsupported=None), orders()]
    return CatalogWorld.of(units, [schema(attributes={}), *(assets or (T,))], **rules)


@pytest.mark.rule("5.5", AGAIN)
def test_the_first_run_writes_all_that_was_measured_and_the_second_nothing() -> None:
    w = world()
    w.sync()
    assert w.shows(T.id) == {
        "URL": link_to(orders()),
        TOTAL: 87.2,
        "Quality Score Accuracy": 90.0,
        "Anomaly Count": 0,
        "Check Count": 3,
    }
    assert w.settled()
    assert w.plan().counts["unchanged"] == 2


@pytest.mark.rule("5.3", NULL)
def test_a_null_is_not_written_where_nothing_stands() -> None:
    w = world()
    (change,) = [change for change in w.plan().changes if change.target == T.id]
    assert change.action == "create"
    assert None not in change.after.values()


@pytest.mark.rule("5.5", THREE_WAY)
def test_only_what_changed_is_written_with_before_after_and_reason() -> None:
    w = world()
    w.sync()
    w.measure("container:1", scores={"total": 91.0, "accuracy": 90.0})
    (change,) = w.plan().changes
    assert (change.action, change.before, change.after) == ("update", {TOTAL: 87.2}, {TOTAL: 91.0})
    assert change.reason == "changed in Qualytics"
    assert change.extra["stands"]["Check Count"] == 3


@pytest.mark.rule("5.3", CLEARED)
@pytest.mark.rule("5.3", NEVER)
def test_a_score_that_went_away_is_cleared() -> None:
    w = world()
    w.sync()
    w.measure("container:1", scores={}, anomaly_count=None)
    w.sync()
    assert w.shows(T.id) == {"URL": link_to(orders()), "Check Count": 3}
    assert w.settled()


@pytest.mark.rule("5.3", EQUAL)
def test_what_the_catalog_shows_in_another_form_is_not_written_again() -> None:
    w = world()
    w.sync()
    w.edit(T.id, URL=f"<a>{link_to(orders())}</a>", Quality_Score_Total="87.20")
    assert w.settled()


@pytest.mark.rule("5.3", ADOPTED)
def test_a_value_that_stood_there_before_us_is_the_baseline_and_no_drift() -> None:
    w = world(table("ORDERS", attributes={TOTAL: 12.0, "Quality Score Coverage": 55.0}))
    plan = w.sync()["attributes"]
    assert plan.counts["drift"] == 0
    assert w.shows(T.id)[TOTAL] == 87.2
    assert w.shows(T.id)["Quality Score Coverage"] == 55.0, "not measured, not ours, not cleared"
    assert w.settled()


@pytest.mark.rule("5.3", ADOPTED)
def test_a_value_that_stood_there_and_is_right_is_taken_up_without_a_write() -> None:
    w = world()
    w.sync()
    shown = w.shows(T.id)
    fresh = world(table("ORDERS", attributes=shown))
    fresh.sync("attributes")
    assert [change for change in fresh.writes if change.target == T.id] == []
    assert fresh.held[("attributes", T.id)].value == shown
    fresh.measure("container:1", scores={})
    fresh.sync()
    assert TOTAL not in fresh.shows(T.id)


@pytest.mark.rule("5.5", DRIFT)
@pytest.mark.parametrize("typed", [1.0, None, "NaN", "about 80"])
def test_a_value_that_a_person_changed_is_drift_and_reset(typed: Any) -> None:
    w = world()
    w.sync()
    w.edit(T.id, Quality_Score_Total=typed)
    plan = w.sync()["attributes"]
    assert plan.counts["drift"] == 1
    assert plan.changes[0].reason == "somebody changed Quality Score Total in the catalog"
    assert w.shows(T.id)[TOTAL] == 87.2
    assert w.settled()


@pytest.mark.rule("5.5", DRIFT)
def test_a_value_that_a_person_added_where_nothing_is_measured_is_drift_too() -> None:
    w = world()
    w.sync()
    w.edit(T.id, Quality_Score_Coverage=50)
    assert w.sync()["attributes"].counts["drift"] == 1
    assert "Quality Score Coverage" not in w.shows(T.id)


@pytest.mark.rule("5.5", DRIFT)
def test_drift_that_is_kept_is_reported_at_every_run_and_the_rest_goes_on() -> None:
    w = world(quality=with_rules(QUALITY, on_drift="keep"))
    w.sync()
    w.edit(T.id, Quality_Score_Total=1.0)
    w.measure("container:1", check_count=4)
    plan = w.sync()["attributes"]
    assert w.shows(T.id)[TOTAL] == 1.0
    assert w.shows(T.id)["Check Count"] == 4
    written, kept = plan.changes
    assert (written.status, written.after, written.reason) == (
        "planned",
        {"Check Count": 4},
        "changed in Qualytics",
    )
    assert (kept.status, kept.before) == ("skipped", {TOTAL: 1.0})
    assert "on_drift is keep" in kept.reason
    again = w.sync()["attributes"]
    assert again.counts["drift"] == 1
    assert w.writes == []


@pytest.mark.rule("5.5", DRIFT)
def test_a_person_who_types_the_right_value_is_no_drift_then_nor_later() -> None:
    w = world()
    w.sync()
    w.edit(T.id, Quality_Score_Total=91.0)
    w.measure("container:1", scores={"total": 91.0, "accuracy": 90.0})
    w.sync()
    assert w.writes == []
    w.measure("container:1", scores={"total": 92.0, "accuracy": 90.0})
    assert w.sync()["attributes"].counts["drift"] == 0
    assert w.shows(T.id)[TOTAL] == 92.0


@pytest.mark.rule("5.1", LEAVING)
def test_an_asset_that_leaves_the_scope_keeps_its_values_and_is_counted() -> None:
    w = world()
    w.sync()
    w.matching = with_rules(mapped(), levels=frozenset({"schema", "column"}))
    w.measure("container:1", scores={"total": 1.0})
    plan = w.plan()
    assert plan.changes == []
    assert plan.counts["frozen"] == 1


@pytest.mark.rule("5.1", LEAVING)
@pytest.mark.parametrize(("said", "frozen"), [("forbidden", 1), ("present", 1), ("unknown", 1), ("gone", 0)])
def test_an_asset_out_of_sight_is_let_go_of_only_when_it_is_proved_gone(said: str, frozen: int) -> None:
    w = world()
    w.sync()
    del w.assets[T.id]
    w.presence = {T.id: said}
    plan = w.sync()["attributes"]
    assert plan.counts["frozen"] == frozen
    assert w.writes == []
    assert (("attributes", T.id) in w.held) == bool(frozen)


@pytest.mark.rule("5.1", GONE)
def test_when_the_table_is_gone_in_qualytics_our_values_go_and_others_stay() -> None:
    w = world()
    w.sync()
    w.edit(T.id, Steward="Ada", Quality_Score_Accuracy=1.0)
    w.units = [datastore()]
    assert w.plan().counts["frozen"] == 1, "not in the inventory is no proof"
    w.gone = {"container:1"}
    (change,) = w.plan().changes
    assert change.action == "remove"
    w.sync()
    assert w.shows(T.id) == {"Steward": "Ada", "Quality Score Accuracy": 1.0}
    assert w.settled()


@pytest.mark.rule("5.1", GONE)
@pytest.mark.rule("5.1", "A scrubbed row, a page that failed")
def test_an_asset_whose_values_are_hidden_keeps_its_holding_though_its_table_is_gone() -> None:
    w = world()
    w.sync()
    w.units, w.gone = [datastore()], {"container:1"}
    w.assets[T.id] = table("ORDERS", readable=False, complete=False)
    plan = w.plan()
    assert plan.changes == []
    assert plan.counts["frozen"] == 1


@pytest.mark.rule("5.1", SWAP)
def test_after_a_blue_green_swap_the_new_table_is_written_and_the_old_one_left_alone() -> None:
    w = world(table("ORDERS", id="old"))
    w.sync()
    before = dict(w.shows("old"))
    w.links = {"container:1": ["old"]}
    w.assets["old"] = table("ORDERS_OLD", id="old", attributes=before)
    w.assets["new"] = table("ORDERS", id="new")
    w.measure("container:1", check_count=9)
    w.sync()
    assert w.shows("old") == before
    assert w.shows("new")["Check Count"] == 9
    assert w.settled()


@pytest.mark.rule("5.1", SWAP)
def test_swapped_tables_swap_their_values_without_being_called_drift() -> None:
    people = container(2, "PEOPLE", datastore(), scores={"total": 10.0}, check_count=1, anomaly_count=1)
    w = world(table("ORDERS", id="a"), table("PEOPLE", id="b"))
    w.units.append(people)
    w.sync()
    shown_a, shown_b = w.shows("a"), w.shows("b")
    w.assets["a"] = table("PEOPLE", id="a", attributes=shown_a)
    w.assets["b"] = table("ORDERS", id="b", attributes=shown_b)
    w.links = {"container:1": ["a"], "container:2": ["b"]}
    plan = w.sync()["attributes"]
    assert plan.counts["drift"] == 0
    assert (w.shows("a"), w.shows("b")) == (shown_b, shown_a)
    assert w.settled()


def unlike() -> CatalogWorld:
    """ORDERS(ID, TOTAL) and PEOPLE(ID, NAME), measured and written."""
    people = container(2, "PEOPLE", datastore(), scores={"total": 10.0}, check_count=1)
    fields = [
        column_of(number, name, of, scores={"total": 10.0 * number}, check_count=number)
        for number, name, of in [
            (1, "ID", orders()),
            (2, "TOTAL", orders()),
            (3, "ID", people),
            (4, "NAME", people),
        ]
    ]
    a, b = table("ORDERS", id="a"), table("PEOPLE", id="b")
    columns = [
        column(name, of, id=f"{of.id}.{name}")
        for of, name in [(a, "ID"), (a, "TOTAL"), (b, "ID"), (b, "NAME")]
    ]
    w = CatalogWorld.of([datastore(), orders(), people, *fields], [schema(), a, b, *columns])
    w.sync()
    return w


def swap(w: CatalogWorld) -> None:
    """The two tables take each other's name; their columns go along."""
    w.links = {"container:1": ["a"], "container:2": ["b"], "field:2": ["a.TOTAL"], "field:4": ["b.NAME"]}
    for id_, name in (("a", "PEOPLE"), ("b", "ORDERS")):
        w.assets[id_] = table(name, id=id_, attributes=w.shows(id_))
        for one in ("ID", "TOTAL", "NAME"):
            if f"{id_}.{one}" in w.assets:
                w.assets[f"{id_}.{one}"] = column(
                    one, w.assets[id_], id=f"{id_}.{one}", attributes=w.shows(f"{id_}.{one}")
                )


@pytest.mark.rule("5.1", SWAP)
def test_unlike_tables_that_swap_their_names_show_nothing_of_the_other() -> None:
    w = unlike()
    swap(w)
    plan = w.sync()["attributes"]
    assert plan.counts["frozen"] == 0
    assert w.shows("a.ID")["URL"].endswith("field:3")
    assert w.shows("b.ID")["URL"].endswith("field:1")
    assert (w.shows("a.TOTAL"), w.shows("b.NAME")) == ({}, {}), "no field of their containers has that name"
    assert w.settled()
    removed = [change for change in plan.changes if change.action == "remove"]
    assert len(removed) == 2, "removals, which the guards count"


@pytest.mark.rule("5.1", SWAP)
def test_columns_of_a_table_that_nothing_stands_for_are_left_alone() -> None:
    w = unlike()
    before = {id_: w.shows(id_) for id_ in ("a", "a.ID", "a.TOTAL")}
    w.links = {"container:1": ["a"], "field:2": ["a.TOTAL"]}
    w.assets["a"] = table("ORDERS_OLD", id="a", attributes=before["a"])
    for one in ("ID", "TOTAL"):
        w.assets[f"a.{one}"] = column(one, w.assets["a"], id=f"a.{one}", attributes=before[f"a.{one}"])
    w.assets["new"] = table("ORDERS", id="new")
    w.sync()
    assert {id_: w.shows(id_) for id_ in before} == before


@pytest.mark.rule("5.1", SWAP)
def test_what_changed_hands_without_a_write_is_noted_as_the_new_ones() -> None:
    w = world(quality=with_rules(QUALITY, attributes=(TOTAL,)))
    w.sync()
    w.units[1] = container(9, "ORDERS", datastore(), scores={"total": 87.25})
    changes = w.plan().changes
    assert [change.action for change in changes] == ["note"]
    w.sync()
    assert w.held[("attributes", T.id)].extra["unit"] == "container:9"
    assert w.plan().changes == []


@pytest.mark.rule("5.5", LOST)
def test_after_a_lost_ledger_values_stay_until_they_are_taken_up_by_command() -> None:
    w = world()
    w.sync()
    w.held.clear()
    w.measure("container:1", scores={"total": None, "accuracy": 90.0})
    for _ in range(2):
        w.sync()
        assert w.shows(T.id)[TOTAL] == 87.2
        assert w.writes == []
    w.quality = with_rules(QUALITY, adopt=True)
    w.sync()
    assert TOTAL not in w.shows(T.id)
    w.quality = QUALITY
    assert w.settled()
    w.measure("container:1", scores={"total": None, "accuracy": None})
    w.sync()
    assert "Quality Score Accuracy" not in w.shows(T.id)


@pytest.mark.rule("5.1", UNION)
def test_what_is_mapped_to_several_schemas_is_pushed_to_all() -> None:
    eu, us = schema("EU"), schema("US")
    w = CatalogWorld.of(
        [datastore(), orders()],
        [eu, us, table("ORDERS", eu, id="eu"), table("ORDERS", us, id="us")],
        matching=mapped(MappingRule("Sales", ("EU", "US"))),
    )
    w.sync()
    assert w.shows("eu") == w.shows("us")
    assert w.shows("eu")[TOTAL] == 87.2
    assert w.shows(eu.id)["URL"] == w.shows(us.id)["URL"]


def test_a_line_carries_all_that_a_write_needs() -> None:
    field = column_of(1, "ID", orders(), check_count=1)
    w = world(T, column("ID", T))
    w.units.append(field)
    change = next(change for change in w.plan().changes if change.source == "field:1")
    assert (change.connection, change.kind) == (T.connection, "Column")
    assert change.extra["qualified_name"] == column("ID", T).qualified_name
    assert change.extra["unit"] == "field:1"
