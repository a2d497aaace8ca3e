"""Cascade copies, and tags that two integrations share: what goes with the last owner (DESIGN.md §5.2)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.guards import park
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import CatalogAsset, TagRef, Withered
from qsync_pipeline.core.rules import GuardRules
from qsync_pipeline.core.tag_definition import TagDefinition
from qsync_pipeline.core.tags import plan_tags
from qsync_pipeline_tests.core.build import (
    column,
    column_of,
    connection,
    container,
    database,
    datastore,
    match,
    schema,
    table,
    tag,
)
from qsync_pipeline_tests.core.tag_world import TagWorld, tag_rules

ONLY_OURS = "Only assignments that an integration of ours made are ever removed; a person's stay"
TWO = "Two catalogs, one tag"
COPIES = "Native Qualytics tags cascade downwards"

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


@pytest.mark.rule("5.2", ONLY_OURS)
def test_what_a_person_put_below_before_two_owners_came_stays_when_the_last_one_goes() -> None:
    w = world()
    w.define("PII", made_by="atlan", category="atlan")
    w.put(ID.id, "PII")
    for tags in ([tag("PII")], []):
        for name in ("atlan", "second"):
            w.retag(T_ORDERS.id, *tags, integration=name)
            w.sync(tag_rules(name))
        assert w.tags(ORDERS.id) == {one.name.lower() for one in tags}
    assert w.tags(ID.id) == {"pii"}


@pytest.mark.rule("5.2", TWO)
def test_an_assignment_goes_when_its_last_owner_drops_it() -> None:
    w = world()
    for name in ("atlan", "second"):
        w.retag(C_ID.id, tag("PII"), integration=name)
        w.sync(tag_rules(name))
    assert w.held("atlan") == w.held("second") == {"field:1": {"pii"}}
    w.retag(C_ID.id)
    plan = w.sync()
    assert "second still supplies it" in plan.changes[0].reason
    assert w.tags("field:1") == {"pii"}
    assert w.held("atlan") == {}
    w.retag(C_ID.id, integration="second")
    w.sync(tag_rules("second"))
    assert w.state() == {}


@pytest.mark.rule("5.2", TWO)
def test_an_assignment_by_a_run_that_died_is_shared_by_who_wants_it_too() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"), integration="second")
    w.sync(tag_rules("second"), steps=4)
    assert w.tags("field:1") == {"pii"}
    assert w.held("second") == {}, "it was written, and nobody noted that it was"
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    assert w.held() == {"field:1": {"pii"}}
    w.retag(C_ID.id, integration="second")
    w.sync(tag_rules("second"))
    assert w.tags("field:1") == {"pii"}


@pytest.mark.rule("5.2", TWO)
@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
@pytest.mark.parametrize("both_held_it", [True, False])
def test_a_tag_that_another_integration_wants_outlives_the_same_tag_above(
    both_held_it: bool, cascade_removal: bool
) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(SCHEMA.id, tag("PII"), integration="second")
    w.retag(C_ID.id, tag("PII"))
    if both_held_it:
        w.retag(C_ID.id, tag("PII"), integration="second")
    w.sync(tag_rules("second"))
    w.sync()
    w.retag(SCHEMA.id, integration="second")
    w.retag(C_ID.id, integration="second")
    w.sync(tag_rules("second"))
    assert w.state() == {"field:1": {"pii"}}
    assert (w.held("atlan"), w.held("second")) == ({"field:1": {"pii"}}, {})
    assert w.plan(tag_rules())[0].changes == w.plan(tag_rules("second"))[0].changes == []
    w.retag(C_ID.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", TWO)
@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
@pytest.mark.parametrize("first", ["atlan", "second"])
def test_copies_of_a_shared_tag_go_with_the_last_owner(first: str, cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    for name in ("atlan", "second"):
        w.retag(SCHEMA.id, tag("PII"), integration=name)
        w.sync(tag_rules(name))
    assert w.tags("field:1") == {"pii"}
    last = "second" if first == "atlan" else "atlan"
    w.retag(SCHEMA.id, integration=first)
    w.sync(tag_rules(first))
    assert w.tags("datastore:1") == w.tags("field:1") == {"pii"}
    w.retag(SCHEMA.id, integration=last)
    w.sync(tag_rules(last))
    assert w.state() == {}


@pytest.mark.rule("5.2", TWO)
@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
def test_what_one_integration_wants_for_itself_outlives_anothers_copy(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.retag(T_ORDERS.id, tag("PII"), integration="second")
    w.sync(tag_rules("second"))
    assert w.held("second") == {"container:1": {"pii"}}
    w.retag(SCHEMA.id)
    w.sync()
    w.sync(tag_rules("second"))
    assert "pii" in w.tags("container:1")
    assert w.tags("container:2") == set()


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
def test_cascade_copies_are_no_drift_and_go_with_their_origin(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    assert w.tags("field:1") == w.tags("container:2") == {"pii"}
    plan, _ = w.plan(tag_rules())
    assert plan.changes == []
    assert plan.counts["drift"] == plan.counts["unowned"] == 0
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {}
    assert w.holdings == {}


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.rule("5.2", ONLY_OURS)
@pytest.mark.parametrize("cascade_removal", [True, False])
def test_what_a_person_had_put_below_before_is_no_copy(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.define("PII", category="atlan", made_by="atlan", made=True)
    w.put("field:1", "PII")
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {"field:1": {"pii"}}


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
def test_a_copy_of_two_origins_goes_with_the_last(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.retag(T_ORDERS.id)
    w.sync()
    assert w.tags("field:1") == {"pii"}, "still a copy of the datastore's"
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [True, False])
def test_a_tag_wanted_below_for_itself_outlives_its_origin(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(SCHEMA.id, tag("PII"))
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {"field:1": {"pii"}}
    w.retag(C_ID.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", COPIES)
def test_copies_left_by_a_person_who_took_the_origin_off_go_when_the_catalog_drops_it() -> None:
    w = world(cascade_removal=False)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.take("datastore:1", "PII")
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", COPIES)
def test_an_origin_put_back_after_drift_still_knows_its_copies() -> None:
    w = world(cascade_removal=False)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.take("datastore:1", "PII")
    w.sync()
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.5", "Parked for approval: removals above 30")
@pytest.mark.rule("5.2", COPIES)
def test_one_tag_taken_off_a_schema_is_one_removal_however_many_copies_it_has() -> None:
    fields = [column_of(n, f"C{n}", ORDERS) for n in range(10, 60)]
    w = world(cascade_removal=False)
    w.units += fields
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.retag(SCHEMA.id)
    plan, _ = w.plan(tag_rules())
    assert len(plan.changes) == 54
    assert park(plan.changes, {"external_tags": 1}, GuardRules())[1] == []


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
def test_after_a_lost_ledger_ours_are_taken_up_by_command_and_copies_stay_copies() -> None:
    w = world(cascade_removal=False)
    w.retag(SCHEMA.id, tag("PII"))
    w.sync()
    w.holdings.clear()
    w.sync(tag_rules(adopt=True))
    assert w.held() == {"datastore:1": {"pii"}}
    w.retag(SCHEMA.id)
    w.sync()
    assert w.state() == {}


WITHERED = [STORE, replace(ORDERS, withered=(Withered(ID.id, (TagRef("PII"),)),)), PEOPLE]
"""The units once the column is listed as missing, with the tag on it still."""


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("theirs", [False, True])
def test_a_copy_on_a_column_that_withered_keeps_no_definition_alive(theirs: bool) -> None:
    w = world()
    if theirs:
        w.define("PII", category="atlan", made_by="atlan", made=True)
        w.put(ID.id, "PII")
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.units = WITHERED
    w.retag(T_ORDERS.id)
    plan, left_over = w.plan(tag_rules())
    assert [(change.action, change.target) for change in plan.changes] == [("remove", ORDERS.id)]
    assert [change.name for change in left_over] == ([] if theirs else ["PII"])


@pytest.mark.rule("5.2", COPIES)
def test_a_copy_that_was_wanted_for_itself_too_goes_with_its_origin_from_a_column_that_withered() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    assert w.held() == {ORDERS.id: {"pii"}, ID.id: {"pii"}}  # taken up, and never written
    w.units = WITHERED
    w.retag(T_ORDERS.id)
    plan, left_over = w.plan(tag_rules())
    assert [(change.action, change.target) for change in plan.changes] == [
        ("remove", ORDERS.id), ("note", ID.id)
    ]  # fmt: skip
    assert [change.name for change in left_over] == ["PII"]


@pytest.mark.rule("5.2", COPIES)
def test_a_tag_put_back_below_its_origin_is_no_copy_any_more() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.retag(C_ID.id, tag("PII"))
    w.sync()
    w.retag(T_ORDERS.id)
    w.sync()
    assert w.state() == {ID.id: {"pii"}}
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.units = WITHERED
    w.retag(T_ORDERS.id)
    _, left_over = w.plan(tag_rules())
    assert left_over == []


@pytest.mark.rule("5.2", COPIES)
@pytest.mark.parametrize("cascade_removal", [False, True])
def test_what_is_out_of_sight_keeps_its_own_tag_though_the_same_tag_above_goes(cascade_removal: bool) -> None:
    w = world(cascade_removal=cascade_removal)
    w.retag(SCHEMA.id, tag("PII"))
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.retag(SCHEMA.id)
    w.assets["atlan"] = [one for one in w.assets["atlan"] if one.id not in (T_ORDERS.id, C_ID.id)]
    w.sync()
    assert "pii" in w.state()[ORDERS.id]
    assert w.held() == {ORDERS.id: {"pii"}}
    assert "datastore:1" not in w.state()
    plan, left_over = w.plan(tag_rules())
    assert (plan.changes, left_over) == ([], [])


@pytest.mark.rule("5.2", COPIES)
def test_a_copy_that_a_run_which_died_was_taking_off_keeps_no_definition_alive_either() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.retag(T_ORDERS.id)
    w.sync(steps=2)  # its intentions are noted, and nothing is written yet
    assert ("atlan", ID.id, "pii") in w.holdings
    w.units = WITHERED
    _, left_over = w.plan(tag_rules())
    assert [change.name for change in left_over] == ["PII"]


THEIRS = TagDefinition("pii", id=99)


def of_either(w: TagWorld, name: str) -> TagRef:
    """A tag on an object, of ours or of theirs beside it."""
    return TagRef(name, id=str(THEIRS.id if name == THEIRS.name else w.definitions["pii"].id))


@pytest.mark.rule("5.2", ONLY_OURS)
def test_a_persons_tag_that_differs_from_ours_by_case_only_is_not_what_is_taken_off() -> None:
    w = world()
    w.retag(T_PEOPLE.id, tag("PII"))
    w.sync()
    for names in (("PII", "pii"), ("pii", "PII"), ("pii",)):
        people = replace(PEOPLE, tags=tuple(of_either(w, name) for name in names))
        assets = [one if one.id != T_PEOPLE.id else replace(one, tags=()) for one in w.assets["atlan"]]
        units, held = [STORE, ORDERS, people, ID], w.holdings.values()
        book = DefinitionBook([*w.definitions.values(), THEIRS], tag_rules())
        links = [*match(units, assets).values()]
        plan = plan_tags(units, links, Snapshot(assets), held, book, tag_rules(), {})
        off = [(change.target, change.before) for change in plan.changes if change.action == "remove"]
        assert off == ([(PEOPLE.id, "PII")] if "PII" in names else [])


@pytest.mark.rule("5.2", ONLY_OURS)
@pytest.mark.parametrize("above", [("PII",), ()], ids=["still above", "off already"])
@pytest.mark.parametrize("names", [("pii",), ("PII", "pii")])
def test_a_persons_tag_that_differs_from_ours_by_case_only_is_no_copy_of_it(
    above: tuple[str, ...], names: tuple[str, ...]
) -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    orders, column = (
        replace(one, tags=tuple(of_either(w, name) for name in there))
        for one, there in ((ORDERS, above), (ID, names))
    )
    assets = [one if one.id != T_ORDERS.id else replace(one, tags=()) for one in w.assets["atlan"]]
    units, book = (
        [STORE, orders, column],
        DefinitionBook([*w.definitions.values(), THEIRS], tag_rules()),
    )
    links = [*match(units, assets).values()]
    plan = plan_tags(units, links, Snapshot(assets), w.holdings.values(), book, tag_rules(), {})
    off = {(change.target, change.before) for change in plan.changes if change.action == "remove"}
    assert off == {(ORDERS.id, name) for name in above} | ({(ID.id, "PII")} if "PII" in names else set())
