"""Taking back what is ours (``qsync retire``), and the exact inverse of a run (``qsync revert``)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.definitions_back import given_back, undo_definitions
from qsync_pipeline.core.reverting import CHANGED, NOT_OURS, Undo, undo_on_asset, undos
from qsync_pipeline.core.rows import Alert, CatalogAsset, Change, HealthRow, TagRef
from qsync_pipeline.core.steering import came_along, steer_tags
from qsync_pipeline.core.tag_definition import TagDefinition, look_of
from qsync_pipeline.core.tag_plan import TagPlan
from qsync_pipeline.core.withdrawal import Ground, withdraw
from qsync_pipeline.ledger import Holding, JournalEntry
from qsync_pipeline.ledger import TagDefinition as Record
from qsync_pipeline_tests.core.build import column, container, schema, table, tag
from qsync_pipeline_tests.core.catalog_world import ALERTS, MARKER, ME, CatalogWorld
from qsync_pipeline_tests.core.tag_world import TagWorld, tag_rules
from qsync_pipeline_tests.core.test_tag_laws import ASSETS, UNITS, estate

SCORE, CHECKS = "Quality Score Total", "Check Count"
WHY = "the integration is retired"
T = table("ORDERS")


def holding(surface: str, value: Any, key: str = "", **more: Any) -> Holding:
    return Holding(
        integration="atlan", surface=surface, target=T.id, key=key, datastore="1-x", run_id="r", set_at=0.0,
        value=value, **more,
    )  # fmt: skip


def taken_back(role: str, row: Holding, asset: CatalogAsset | None, presence: str = "") -> list[Change]:
    assets = {T.id: asset} if asset is not None else {}
    return withdraw(role, role, [row], Ground(assets, {T.id: presence}, 1, ALERTS), WHY)


def short(changes: list[Change]) -> list[tuple[str, str, Any, Any]]:
    return [(one.action, one.status, one.before, one.after) for one in changes]


def test_values_that_stand_as_we_wrote_them_go_and_those_of_before_come_back() -> None:
    row = holding("attributes", {SCORE: 87.2, CHECKS: 3}, base={SCORE: 12.0, CHECKS: None})
    asset = table("ORDERS", attributes={SCORE: 87.2, CHECKS: 3, "URL": "theirs"})
    (change,) = taken_back("attributes", row, asset)
    assert short([change]) == [("remove", "planned", {SCORE: 87.2, CHECKS: 3}, {SCORE: 12.0, CHECKS: None})]
    assert change.extra["stands"] == {"URL": "theirs"}


def test_what_a_person_changed_stays_and_is_named_beside_what_goes() -> None:
    row = holding("attributes", {SCORE: 87.2, CHECKS: 3})
    goes, stays = taken_back("attributes", row, table("ORDERS", attributes={SCORE: 50.0, CHECKS: 3}))
    assert short([goes]) == [("remove", "planned", {CHECKS: 3}, {CHECKS: None})]
    assert (stays.status, stays.before) == ("skipped", {SCORE: 50.0})
    assert SCORE in stays.reason


def test_what_was_about_to_be_written_when_a_run_died_is_ours_too() -> None:
    row = holding("attributes", {SCORE: 1.0}, pending={SCORE: 2.0}, has_pending=True, pending_run="r2")
    (change,) = taken_back("attributes", row, table("ORDERS", attributes={SCORE: 2.0}))
    assert change.after == {SCORE: None}


def test_where_nothing_of_ours_is_left_the_ledger_lets_go() -> None:
    (change,) = taken_back("attributes", holding("attributes", {SCORE: 1.0}), T)
    assert (change.action, change.extra) == ("note", {"release": True})
    (change,) = taken_back("alerts", holding("alerts", {"text": "x"}), None, "gone")
    assert (change.action, change.reason) == ("note", "the asset was deleted in the catalog")


@pytest.mark.parametrize("asset", [None, table("ORDERS", readable=False, attributes={SCORE: 1.0})])
def test_what_is_out_of_sight_is_left_and_named(asset: CatalogAsset | None) -> None:
    (change,) = taken_back("attributes", holding("attributes", {SCORE: 1.0}), asset, "forbidden")
    assert (change.action, change.status) == ("remove", "skipped")
    assert "out of sight" in change.reason


def test_an_alert_of_ours_goes_and_one_that_somebody_took_over_stays() -> None:
    text = {"type": "warning", "title": "1 open", "text": f"See x?{MARKER}"}
    row = holding("alerts", text)
    (change,) = taken_back("alerts", row, table("ORDERS", alert=Alert(**text, by=ME)))
    assert (change.action, change.status, change.after) == ("remove", "planned", None)
    edited = Alert("warning", "1 open", f"Known, ask Ada. x?{MARKER}", by="ada")
    stays, note = taken_back("alerts", row, table("ORDERS", alert=edited))
    assert (stays.status, note.action) == ("skipped", "note")
    assert "ada" in stays.reason
    assert [one.action for one in taken_back("alerts", row, T)] == ["note"]


def test_health_rows_and_tags_of_ours_go_where_they_are_still_there() -> None:
    said: dict[str, Any] = {
        "rule": "notNull",
        "object": "ORDERS",
        "status": "Alert",
        "value": 2,
        "description": "d",
    }
    row = holding("health", said, "check:1")
    (change,) = taken_back("health", row, table("ORDERS", health=(HealthRow("check:1", **said),)))
    assert (change.action, change.key, change.before) == ("remove", "check:1", said)
    edited = HealthRow("check:1", **{**said, "description": "edited"})
    stays, note = taken_back("health", row, table("ORDERS", health=(edited,)))
    assert (stays.status, note.action) == ("skipped", "note")
    held = holding("tags", "PII", "pii", extra={"tag_id": "x1"})
    (change,) = taken_back("tags", held, table("ORDERS", tags=(TagRef("Renamed", id="x1"),)))
    assert (change.before, change.extra["tag_id"]) == ("Renamed", "x1")
    unread = table("ORDERS", complete=False)
    assert taken_back("tags", held, unread)[0].status == "skipped"


# Undoing.


def entry(action: str, before: Any, after: Any, surface: str = "attributes", **more: Any) -> JournalEntry:
    values = {"id": 1, "run_id": "r", "at": 0.0, "integration": "atlan", "datastore": "1-x", "key": ""}
    values |= {"target": T.id, "name": "ORDERS", "outcome": "applied", "reason": "", "error_class": ""}
    return JournalEntry(
        **{**values, "surface": surface, "action": action, "before": before, "after": after, **more}
    )


def undone(
    one: Undo, asset: CatalogAsset | None, row: Holding | None, role: str = "attributes"
) -> list[Change]:
    return undo_on_asset(one, role, asset, row, 1, "reverts run r")


def test_several_steps_at_one_place_are_one_change_and_the_newest_comes_first() -> None:
    found = undos(
        [
            entry("create", {}, {SCORE: 1.0}),
            entry("create", None, "PII", "external_tags", target="field:1", key="pii"),
            entry("update", {SCORE: 1.0, CHECKS: None}, {SCORE: 2.0, CHECKS: 5}),
            entry("update", {SCORE: 9.0}, {SCORE: 9.5}, outcome="rejected"),
        ]
    )
    assert [(one.surface, one.was, one.now) for one in found] == [
        ("attributes", {CHECKS: None}, {SCORE: 2.0, CHECKS: 5}),
        ("external_tags", None, "PII"),
    ]


def test_a_value_is_put_back_where_the_runs_own_still_stands() -> None:
    one = Undo("attributes", T.id, "", "ORDERS", {SCORE: 1.0}, {SCORE: 2.0})
    row = holding("attributes", {SCORE: 2.0, CHECKS: 3})
    (change,) = undone(one, table("ORDERS", attributes={SCORE: 2.0, CHECKS: 3}), row)
    assert short([change]) == [("update", "planned", {SCORE: 2.0}, {SCORE: 1.0})]
    assert undone(one, table("ORDERS", attributes={SCORE: 1.0}), row) == []


def test_what_was_changed_since_is_left_and_named() -> None:
    one = Undo("attributes", T.id, "", "ORDERS", {SCORE: 1.0, CHECKS: 1}, {SCORE: 2.0, CHECKS: 2})
    row = holding("attributes", {SCORE: 2.0, CHECKS: 2})
    back, left = undone(one, table("ORDERS", attributes={SCORE: 7.0, CHECKS: 2}), row)
    assert (back.after, left.status) == ({CHECKS: 1}, "skipped")
    assert SCORE in left.reason
    assert CHANGED in left.reason
    (left,) = undone(one, table("ORDERS", attributes={SCORE: 2.0, CHECKS: 1}), None)
    assert NOT_OURS in left.reason


def test_undoing_all_that_we_ever_wrote_lets_go_of_it() -> None:
    one = Undo("attributes", T.id, "", "ORDERS", {SCORE: 12.0}, {SCORE: 2.0, CHECKS: 2})
    row = holding("attributes", {SCORE: 2.0, CHECKS: 2}, base={SCORE: 12.0, CHECKS: None})
    (change,) = undone(one, table("ORDERS", attributes={SCORE: 2.0, CHECKS: 2}), row)
    assert (change.action, change.after) == ("remove", {SCORE: 12.0, CHECKS: None})


def test_an_alert_that_was_cleared_comes_back_unless_another_stands_there() -> None:
    text = {"type": "warning", "title": "1 open", "text": "See it"}
    one = Undo("alerts", T.id, "", "ORDERS", {**text, "by": ME}, None)
    (change,) = undone(one, T, None, "alerts")
    assert short([change]) == [("create", "planned", None, text)]
    (left,) = undone(one, table("ORDERS", alert=Alert("issue", "Mine", "Ada's", by="ada")), None, "alerts")
    assert left.status == "skipped"


def test_a_definition_that_was_taken_over_is_given_back_as_it_looked() -> None:
    look: dict[str, Any] = {"category": None, "color": "#111", "description": "Theirs"}
    ours: dict[str, Any] = {"category": "atlan", "color": "#222", "description": "Ours"}
    record = Record("PII", "pii", "atlan", taken_over=True, before={"look": look, "set": ours})
    known = TagDefinition("PII", made_by="atlan", **ours)
    change = given_back(record, known, WHY)
    assert change is not None
    assert (change.before, change.after, change.extra) == (look_of(known), look, {"gives_back": True})
    edited = given_back(record, TagDefinition("PII", **{**ours, "color": "#333"}), WHY)
    assert edited is not None
    assert edited.status == "skipped"
    assert given_back(record, TagDefinition("PII", **look), WHY) is None
    undo = Undo("tag_definitions", "PII", "pii", "PII", look, ours)
    (line,) = undo_definitions([undo], {"pii": known}, {"pii": record}, {}, WHY)
    assert line.extra == {"gives_back": True}


# Laws: values.

values = st.none() | st.sampled_from([0.0, 50.0, 87.2, 99.9])
scores = st.fixed_dictionaries({"container:1": values, "container:2": values})


def catalog(first: Any) -> CatalogWorld:
    """Two tables; what stands on them before us is somebody else's."""
    units = [container(1, "ORDERS", check_count=1), container(2, "LINES", check_count=1)]
    theirs = {SCORE: 11.0}
    assets = [schema(), table("ORDERS", attributes=theirs), table("LINES")]
    world = CatalogWorld.of(units, assets)
    measured(world, first)
    return world


def measured(world: CatalogWorld, totals: dict[str, float | None]) -> None:
    for unit, total in totals.items():
        world.measure(unit, scores={"total": total}, anomaly_count=int(total or 0) % 3)


def carried_out(world: CatalogWorld, changes: list[Change]) -> None:
    world.run += 1
    planned = [one for one in changes if one.status == "planned"]
    for _ in world._carry_out(sorted(planned, key=lambda one: one.action != "note")):
        pass


@given(first=scores, second=scores)
def test_retiring_leaves_the_catalog_as_it_was_before_the_first_sync(first: Any, second: Any) -> None:
    world = catalog(first)
    before = copy.deepcopy(world.assets)
    world.sync()
    measured(world, second)
    world.sync()
    ground = Ground(world.assets, {}, 1, world.alerts)
    for surface in ("attributes", "alerts"):
        rows = [row for (name, _), row in world.held.items() if name == surface]
        carried_out(world, withdraw(surface, surface, rows, ground, WHY))
    assert world.assets == before
    assert world.held == {}


@given(first=scores, second=scores)
def test_reverting_a_run_restores_what_stood_there_before_it(first: Any, second: Any) -> None:
    world = catalog(first)
    world.sync()
    before = copy.deepcopy(world.assets)
    held = {place: row.value for place, row in world.held.items()}
    measured(world, second)
    world.sync()
    journal = [entry(w.action, w.before, w.after, w.surface, target=w.target) for w in world.writes]
    lines: list[Change] = []
    for one in undos(journal):
        row = world.held.get((one.surface, one.target))
        lines += undone(one, world.assets[one.target], row, one.surface)
    carried_out(world, lines)
    assert world.assets == before
    assert {place: row.value for place, row in world.held.items()} == held


# Laws: tags.

NAMES = {"pii": "PII", "tier 1": "Tier 1"}
taggings = st.lists(
    st.tuples(st.sampled_from(sorted(ASSETS)), st.sets(st.sampled_from(["PII", "Tier 1"]), max_size=2)),
    max_size=6,
)
persons = st.lists(
    st.tuples(st.sampled_from([u.id for u in UNITS]), st.sampled_from(["pii", "tier 1"])), max_size=4
)


def tag_world(by_hand: Any, cascade_removal: bool) -> TagWorld:
    world = TagWorld(list(UNITS), {"atlan": estate(), "second": estate()}, cascade_removal=cascade_removal)
    for name in ("PII", "Tier 1"):
        world.define(name, category="atlan", made_by="atlan", made=True)
    for unit, key in by_hand:
        world.put(unit, key)
    return world


def steered(world: TagWorld, off: Any, on: Any) -> None:
    rules = tag_rules()
    units = [
        replace(unit, tags=tuple(TagRef(world.definitions[key].name) for key in world.on.get(unit.id, {})))
        for unit in world.units
    ]
    book = DefinitionBook(world.definitions.values(), rules)
    held = list(world.holdings.values())
    changes = steer_tags(units, {}, held, book, {}, off, on, lambda place: WHY)
    plan = TagPlan([one for one in changes if one.surface != "external_tags"],
                   [one for one in changes if one.surface == "external_tags"])  # fmt: skip
    world.run += 1
    for _ in world._carry_out(rules, plan, []):
        pass


@given(by_hand=persons, events=taggings, cascade_removal=st.booleans())
def test_retiring_takes_all_tags_of_ours_and_none_of_a_persons(
    by_hand: Any, events: Any, cascade_removal: bool
) -> None:
    world = tag_world(by_hand, cascade_removal)
    before = {unit: set(keys) for unit, keys in world.on.items() if keys}
    for asset, names in events:
        world.retag(asset, *(tag(one) for one in sorted(names)))
    world.sync()
    off = {(target, key) for _, target, key in world.holdings}
    steered(world, off, {})
    assert world.holdings == {}
    after = {unit: set(keys) for unit, keys in world.on.items() if keys}
    assert after == before


@given(events=taggings, later=taggings, cascade_removal=st.booleans())
@example(  # what came down from the table goes on coming down from it, once the table has its tag back
    events=[(T.id, {"PII"})],
    later=[(schema().id, {"PII"}), (T.id, set()), (column("ID", T).id, {"PII"})],
    cascade_removal=False,
)
def test_reverting_restores_the_tags_that_a_run_took_off_or_put_on(
    events: Any, later: Any, cascade_removal: bool
) -> None:
    world = tag_world([], cascade_removal)
    for asset, names in events:
        world.retag(asset, *(tag(one) for one in sorted(names)))
    world.sync()
    before = {unit: set(keys) for unit, keys in world.on.items() if keys}
    for asset, names in later:
        world.retag(asset, *(tag(one) for one in sorted(names)))
    world.sync()
    done = [entry(w.action, w.before, w.after, w.surface, target=w.target, key=w.key) for w in world.writes]
    undone_ = [one for one in undos(done) if one.surface == "external_tags"]
    off = {(one.target, one.key) for one in undone_ if one.was is None}
    on = {(one.target, one.key): TagRef(NAMES[one.key]) for one in undone_ if one.now is None}
    last = f"run {world.run}"
    ours = {(target, key): row.run_id == last for (_, target, key), row in world.holdings.items()}
    steered(world, off | came_along(world.units, off, on, ours), on)
    assert {unit: set(keys) for unit, keys in world.on.items() if keys} == before
