"""What a run of a few tables takes in and acts on (DESIGN.md §3)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.rows import Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.scope import META, held_tags, held_values, links_of, merged_units, scope_of, units_of
from qsync_pipeline_tests.core.build import column_of, container, datastore

STORE = datastore()
ORDERS, PEOPLE = container(1, "ORDERS", STORE), container(2, "PEOPLE", STORE)
ID, NAME = column_of(1, "ID", ORDERS), column_of(2, "NAME", PEOPLE)
UNITS = [STORE, ORDERS, PEOPLE, ID, NAME]
FEW = frozenset({"orders"})


def held(target: str, unit: str = "") -> Holding:
    return Holding(
        integration="atlan", surface="custom_metadata", target=target, datastore="1-x", run_id="run-1",
        set_at=1.0, value={}, extra={"unit": unit},
    )  # fmt: skip


def link(unit: Unit, *assets: str) -> Link:
    return Link(unit.id, unit.level, unit.name, "matched", assets=assets)


def test_a_run_acts_on_its_tables_and_what_is_in_them_and_on_the_datastore_itself() -> None:
    assert units_of(UNITS, FEW) == [STORE, ORDERS, ID]
    assert units_of(UNITS, None) == UNITS
    assert [one.unit for one in links_of([link(one) for one in UNITS], [ORDERS, ID], FEW)] == [
        ORDERS.id, ID.id,
    ]  # fmt: skip


def test_of_two_stages_the_narrower_one_says_what_is_acted_on() -> None:
    tables = [Table(Unit, [], meta={META: names}) for names in (["orders", "people"], ["orders"])]
    assert scope_of(*tables) == FEW
    assert scope_of(tables[1], Table(Unit, [])) == FEW, "a whole one beside it widens nothing"
    assert scope_of(Table(Unit, [])) is None


@pytest.mark.rule("3", "Readers replace exactly those containers")
def test_what_is_on_an_asset_that_another_unit_has_now_is_that_units_concern() -> None:
    """Two tables that changed their names: what we hold for the one stands on what is the other's."""
    links = [link(ORDERS, "asset-1"), link(PEOPLE, "asset-2")]
    rows = [held("asset-1", ORDERS.id), held("asset-2", ORDERS.id), held("asset-3", ORDERS.id)]
    rows += [held("asset-4", PEOPLE.id), held("asset-5", "container:9")]
    acted_on = units_of(UNITS, FEW)
    found = held_values(rows, acted_on, links, ["container:9"], FEW)
    assert [row.target for row in found] == ["asset-1", "asset-3", "asset-5"]
    assert held_values(rows, UNITS, links, (), None) == rows


def test_tags_are_looked_at_on_the_scope_and_on_what_is_missing() -> None:
    rows = [held(ID.id), held(NAME.id), held("field:9")]
    assert [row.target for row in held_tags(rows, units_of(UNITS, FEW), ["field:9"], FEW)] == [
        ID.id, "field:9",
    ]  # fmt: skip
    assert held_tags(rows, UNITS, (), None) == rows


def test_what_was_read_now_takes_the_place_of_what_was_stored_whatever_it_is_called() -> None:
    renamed = replace(ORDERS, container="SALES", name="SALES")
    fresh = [replace(STORE, name="new"), renamed]
    assert merged_units(UNITS, fresh, {"sales"}) == [fresh[0], renamed, PEOPLE, NAME]
