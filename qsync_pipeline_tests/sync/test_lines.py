"""Lines that were given, held against what stands there now (``qsync apply``)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.rows import Alert, CatalogAsset, Change, HealthRow, TagRef, Unit
from qsync_pipeline.core.tag_definition import TagDefinition
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.lines import Now, verify
from qsync_pipeline_tests.core.build import container, schema, table
from qsync_pipeline_tests.core.catalog_world import CatalogWorld

ROLES = {"fields": "attributes", "flags": "alerts", "health": "health", "tags": "tags"}
SCORE, CHECKS = "Quality Score Total", "Check Count"
T = table("ORDERS", attributes={SCORE: 87.2, CHECKS: 3})
OURS = {"type": "warning", "title": "1 open", "text": "See it"}
ROW: dict[str, Any] = {
    "rule": "notNull",
    "object": "ORDERS",
    "status": "Alert",
    "value": 2,
    "description": "No nulls",
}


def held(surface: str, key: str = "", target: str = T.id, **more: Any) -> dict[Any, Holding]:
    row = Holding(
        integration="atlan",
        surface=surface,
        target=target,
        key=key,
        datastore="1-x",
        run_id="r",
        set_at=0.0,
        **more,
    )
    return {(surface, target, key): row}


def on(asset: CatalogAsset = T, **more: Any) -> Now:
    given_ = {"assets": {asset.id: asset}, "pairs": {("container:1", asset.id)}, "roles": ROLES} | more
    return Now(**given_)


def line(surface: str = "fields", action: Any = "update", **more: Any) -> Change:
    values = {"source": "container:1", "reason": "changed in Qualytics"} | more
    return Change(surface, action, T.id, "an older name", **values)


def verdict(change: Change, now: Now) -> Change | None:
    """The line as it was judged; null for one that is done already."""
    found = verify([change], now)
    if found.changes:
        return found.changes[0]
    assert found.unchanged[change.surface] == (change.action != "note")
    return None


def refused(change: Change, now: Now) -> str:
    judged = verdict(change, now)
    assert judged is not None
    assert judged.status == "refused"
    return judged.reason


def test_a_line_whose_before_still_stands_is_planned_with_its_asset_as_it_is_called_now() -> None:
    old = {"stands": {CHECKS: 99, "URL": "stale"}, "qualified_name": "old", "name": "old", "merge": True}
    change = line(before={SCORE: 87.24}, after={SCORE: 91.0}, extra=old)
    judged = verdict(change, on())
    assert judged is not None
    assert (judged.status, judged.name, judged.connection) == ("planned", T.qualified_name, T.connection)
    assert judged.extra["stands"] == {CHECKS: 3}, "never from the file"
    assert (judged.extra["qualified_name"], judged.extra["name"]) == (T.qualified_name, "ORDERS")


def test_a_line_whose_before_has_changed_since_is_refused_and_says_where_and_what_stands_there() -> None:
    said = refused(line(before={SCORE: 50.0}, after={SCORE: 91.0}), on())
    assert "an older name" in said
    assert f"{SCORE} is 87.2" in said


def test_a_line_that_is_done_already_is_neither_written_nor_refused() -> None:
    assert verdict(line(before={SCORE: 50.0}, after={SCORE: 87.2}), on()) is None


def test_of_a_line_that_is_done_in_part_only_the_rest_is_left() -> None:
    judged = verdict(line(before={SCORE: 50.0, CHECKS: 3}, after={SCORE: 87.2, CHECKS: 4}), on())
    assert judged is not None
    assert (judged.before, judged.after) == ({CHECKS: 3}, {CHECKS: 4})
    assert judged.extra["stands"] == {SCORE: 87.2}


def test_an_asset_that_is_gone_or_no_longer_matched_is_not_written() -> None:
    change = line(before={SCORE: 87.2}, after={SCORE: 91.0})
    assert "gone or out of sight" in refused(change, on(assets={}))
    hidden = msgspec.structs.replace(T, readable=False)
    assert "gone or out of sight" in refused(change, on(hidden))
    assert "no longer matched" in refused(change, on(pairs={("container:2", T.id)}))
    judged = verdict(change, on(pairs=None))
    assert judged is not None
    assert judged.status == "planned", "retiring and reverting reach what has left the scope"


@pytest.mark.parametrize(
    ("surface", "key", "before", "asset"),
    [
        ("fields", "", {SCORE: 87.2}, T),
        ("flags", "", {**OURS, "by": "me"}, table("ORDERS", alert=Alert(**OURS, by="me"))),
        ("health", "check:1", ROW, table("ORDERS", health=(HealthRow("check:1", **ROW),))),
        ("tags", "pii", "PII", table("ORDERS", tags=(TagRef("PII", id="x1"),))),
    ],
)
def test_only_what_the_ledger_still_holds_is_removed(
    surface: str, key: str, before: Any, asset: CatalogAsset
) -> None:
    after = {SCORE: None} if surface == "fields" else None
    change = line(surface, "remove", key=key, before=before, after=after)
    assert "not ours" in refused(change, on(asset))
    judged = verdict(change, on(asset, held=held(surface, key, value=before)))
    assert judged is not None
    assert judged.status == "planned"
    if surface == "tags":
        assert judged.extra["tag_id"] == "x1"


def test_an_alert_is_compared_by_what_a_reader_sees() -> None:
    asset = table("ORDERS", alert=Alert(**OURS, by="somebody"))
    change = line("flags", before={**OURS, "by": "me"}, after={**OURS, "title": "2 open"})
    judged = verdict(change, on(asset))
    assert judged is not None
    assert judged.status == "planned"
    edited = table("ORDERS", alert=Alert("warning", "Hands off", "Ada says so", by="ada"))
    assert "changed since" in refused(change, on(edited))


def test_a_health_row_that_is_only_asserted_anew_is_written() -> None:
    asset = table("ORDERS", health=(HealthRow("check:1", **ROW),))
    judged = verdict(line("health", key="check:1", before=ROW, after=ROW), on(asset))
    assert judged is not None
    assert judged.status == "planned"
    changed = line("health", key="check:1", before={**ROW, "value": 9}, after=ROW)
    assert verdict(changed, on(asset)) is None


@pytest.mark.parametrize(
    ("told", "written"), [("2025-01-01", True), ("2025-02-02", False), ("2025-03-03", False)]
)
def test_an_assertion_that_the_catalog_was_told_of_since_is_not_told_again(told: str, written: bool) -> None:
    asset = table("ORDERS", health=(HealthRow("check:1", **ROW),))
    now = on(asset, held=held("health", "check:1", value=ROW, extra={"asserted": told}))
    anew = line("health", key="check:1", before=ROW, after=ROW, extra={"asserted": "2025-02-02"})
    assert (verdict(anew, now) is not None) == written


@pytest.mark.parametrize(
    "change",
    [
        line(before={SCORE: 87.2}, after="91"),
        line(before={SCORE: 87.2}, after={SCORE: [91]}),
        line(before="87.2", after={SCORE: 91.0}),
        line("flags", "create", after="1 open"),
        line("tags", "create", key="pii", after={"name": "PII"}),
        line("nosuch", "create", after="x"),
    ],
)
def test_a_line_that_was_edited_out_of_shape_is_refused_alone(change: Change) -> None:
    good = line(before={SCORE: 87.2}, after={SCORE: 91.0})
    found = verify([change, good], on())
    assert [one.status for one in found.changes] == ["refused", "planned"]


def test_of_lines_for_one_place_a_repeated_one_counts_once_and_a_contrary_one_is_refused() -> None:
    good = line(before={SCORE: 87.2}, after={SCORE: 91.0})
    found = verify([good, good], on())
    assert [one.status for one in found.changes] == ["planned"]
    assert found.unchanged["fields"] == 1
    contrary = line(before={SCORE: 87.2}, after={SCORE: 50.0})
    assert [one.status for one in verify([good, contrary], on()).changes] == ["planned", "refused"]
    beside = line(before={CHECKS: 3}, after={CHECKS: 4})
    assert [one.status for one in verify([good, beside], on()).changes] == ["planned", "planned"]


def test_lines_that_were_not_to_be_carried_out_pass_as_they_are() -> None:
    for status in ("skipped", "parked", "waiting"):
        change = line(before={SCORE: 1}, after={SCORE: 2}, status=status)
        assert verify([change], on(assets={})).changes == [change]


# Tags on Qualytics objects.

ORDERS = container(1, "ORDERS", tags=(TagRef("PII"),))


def tag_line(action: Any = "create", key: str = "pii", **more: Any) -> Change:
    return Change(tags.SURFACE, action, ORDERS.id, "Sales.ORDERS", key, source=T.id, **more)


def at(unit: Unit = ORDERS, **more: Any) -> Now:
    return Now(**({"units": {unit.id: unit}, "pairs": {(unit.id, T.id)}} | more))


def test_a_tag_goes_on_where_it_is_not_yet_and_comes_off_where_it_is_ours() -> None:
    bare = container(1, "ORDERS")
    judged = verdict(tag_line(after="PII"), at(bare))
    assert judged == tag_line(after="PII")
    assert verdict(tag_line(after="PII"), at()) is None
    off = tag_line("remove", before="PII")
    assert "not ours" in refused(off, at())
    assert verdict(off, at(held=held(tags.SURFACE, "pii", ORDERS.id, value="PII"))) == off
    assert verdict(off, at(bare)) is None
    assert "gone or out of sight" in refused(off, at(units={}))
    assert "no longer matched" in refused(tag_line(after="PII"), at(bare, pairs=set()))


def test_a_tag_is_not_put_on_by_a_name_that_became_a_persons() -> None:
    bare = container(1, "ORDERS")
    assert "of its own" in refused(tag_line(after="PII"), at(bare, native={"pii"}))
    takes = Change(
        definitions.SURFACE, "update", "PII", "PII", "pii", before=LOOK, after={**LOOK, "category": "atlan"}
    )
    now = at(bare, native={"pii"}, definitions={"pii": TagDefinition("PII", **LOOK)})
    assert [one.status for one in verify([takes, tag_line(after="PII")], now).changes] == ["planned"] * 2


def test_a_tag_whose_definition_was_made_anew_since_is_not_the_one_that_was_to_go() -> None:
    off = tag_line("remove", before="PII", extra={"definition": 5})
    ours = held(tags.SURFACE, "pii", ORDERS.id, value="PII")
    for id_, there in (("5", off), ("6", None)):
        unit = container(1, "ORDERS", tags=(TagRef("PII", id=id_),))
        assert verdict(off, at(unit, held=ours)) == there
    spelled = container(1, "ORDERS", tags=(TagRef("pii", id="6"),))
    assert verdict(off, at(spelled, held=ours)) is None


def test_what_is_left_off_is_not_ours_and_is_noted_only_while_it_is_off() -> None:
    note = tag_line("note", before="PII", extra={"left_off": True})
    assert verdict(note, at(container(1, "ORDERS"))) == note
    assert verdict(note, at()) is None
    (row,) = held(tags.SURFACE, "pii", ORDERS.id, value=None).values()
    off = msgspec.structs.replace(row, extra={"left_off": True})
    place = (tags.SURFACE, ORDERS.id, "pii")
    assert "not ours" in refused(tag_line("remove", before="PII"), at(held={place: off}))


def test_a_persons_definition_beside_ours_is_told_by_its_name() -> None:
    look = {"category": "atlan", "color": "#BF1B1B", "description": None}
    change = Change(definitions.SURFACE, "update", "pii", "pii", "pii", before=LOOK, after=look)
    ours = TagDefinition("PII", category="atlan", color="#BF1B1B", made=True)
    now = Now(definitions={"pii": ours}, beside={"pii": TagDefinition("pii", **LOOK)})
    assert verdict(change, now) == change
    assert verdict(change, Now(definitions={"pii": ours})) is None


def test_a_copy_goes_only_with_its_origin() -> None:
    copy = Change(tags.SURFACE, "remove", "field:1", "Sales.ORDERS.ID", "pii", before="PII",
                  extra={"copy_of": ORDERS.id})  # fmt: skip
    field = msgspec.structs.replace(ORDERS, id="field:1", level="field")
    both = {ORDERS.id: ORDERS, "field:1": field}
    ours = held(tags.SURFACE, "pii", ORDERS.id, value="PII")
    found = verify([copy, tag_line("remove", before="PII")], at(units=both, held=ours))
    assert {one.status for one in found.changes} == {"planned"}
    assert "not ours" in refused(copy, at(units=both, held=ours))


# Definitions, and notes.

LOOK: dict[str, Any] = {"category": None, "color": "#fff", "description": None}


def test_a_definition_is_changed_only_where_it_looks_as_it_did() -> None:
    def change(action: Any, **more: Any) -> Change:
        return Change(definitions.SURFACE, action, "PII", "PII", "pii", **more)

    ours = TagDefinition("PII", category="atlan", color="#fff", made=True)
    look = {"category": "atlan", "color": "#fff", "description": None}
    now = Now(definitions={"pii": ours})
    update = change("update", before=look, after={**look, "color": "#000"})
    assert verdict(update, now) == update
    assert verdict(change("update", before=LOOK, after=look), now) is None
    assert "changed since" in refused(change("update", before=LOOK, after={**look, "color": "#000"}), now)
    assert verdict(change("remove", before=look), now) == change("remove", before=look)
    theirs = Now(definitions={"pii": msgspec.structs.replace(ours, made=False)})
    assert "changed since" in refused(change("remove", before=look), theirs)
    assert verdict(change("create", after=look), Now()) == change("create", after=look)
    assert verdict(change("create", after=look), now) is None
    assert "changed since" in refused(
        change("create", after=look), Now(definitions={"pii": ours}, native={"pii"})
    )


def test_a_note_that_no_longer_fits_is_left_out_silently() -> None:
    release = line("fields", "note", before={SCORE: 87.2}, extra={"release": True})
    assert verdict(release, on()) is None
    assert verdict(release, on(held=held("fields", value={SCORE: 1.0}))) is None
    assert verdict(release, on(held=held("fields", value={SCORE: 87.2}))) == release
    taken_up = line("fields", "note", before={}, after={SCORE: 87.2})
    assert verdict(taken_up, on()) == taken_up
    assert verdict(line("fields", "note", before={}, after={SCORE: 1.0}), on()) is None


# Laws.

values = st.none() | st.sampled_from([0.0, 50.0, 87.2, 99.9])
scores = st.fixed_dictionaries({"container:1": values, "container:2": values})
edits = st.lists(st.tuples(st.sampled_from(["ORDERS", "LINES"]), values), max_size=3)


def catalog() -> CatalogWorld:
    units = [container(1, "ORDERS", check_count=1), container(2, "LINES", check_count=1)]
    return CatalogWorld.of(units, [schema(), table("ORDERS"), table("LINES")])


def measured(world: CatalogWorld, totals: dict[str, float | None]) -> None:
    for unit, total in totals.items():
        world.measure(unit, scores={"total": total}, anomaly_count=int(total or 0) % 3)


def saved(world: CatalogWorld) -> list[Change]:
    """The plan of all surfaces, out of a file."""
    changes = [one for name in ("attributes", "alerts") for one in world.plan(name).changes]
    return msgspec.json.decode(msgspec.json.encode(changes), type=list[Change])


def now_of(world: CatalogWorld) -> Now:
    return Now(
        assets=world.assets,
        held={(surface, target, ""): row for (surface, target), row in world.held.items()},
        pairs={(unit.id, table(unit.name).id) for unit in world.units},
        roles={"attributes": "attributes", "alerts": "alerts"},
    )


def applied(world: CatalogWorld, lines: list[Change]) -> None:
    planned = [one for one in verify(lines, now_of(world)).changes if one.status == "planned"]
    world.run += 1
    for _ in world._carry_out(sorted(planned, key=lambda one: one.action != "note")):
        pass


@given(first=scores, second=scores)
def test_a_plan_that_is_applied_does_what_a_sync_does(first: Any, second: Any) -> None:
    synced, planned = catalog(), catalog()
    for world in (synced, planned):
        measured(world, first)
        world.sync()
        measured(world, second)
    synced.sync()
    applied(planned, saved(planned))
    assert planned.assets == synced.assets
    assert {place: row.value for place, row in planned.held.items()} == {
        place: row.value for place, row in synced.held.items()
    }
    assert planned.settled()


@given(first=scores, second=scores, between=edits)
def test_a_stale_plan_overwrites_nothing_that_changed_since(first: Any, second: Any, between: Any) -> None:
    world = catalog()
    measured(world, first)
    world.sync()
    measured(world, second)
    lines = saved(world)
    for name, value in between:
        world.edit(table(name).id, **{SCORE.replace(" ", "_"): value})
    before = {id_: dict(asset.attributes) for id_, asset in world.assets.items()}
    applied(world, lines)
    for line_ in lines:
        if line_.surface != "attributes" or line_.action == "note":
            continue
        was, is_ = before[line_.target].get(SCORE), world.shows(line_.target).get(SCORE)
        expected = line_.before.get(SCORE) if SCORE in line_.after else was
        assert is_ == was or was == expected, "only what it found is replaced"
    again = {id_: dict(asset.attributes) for id_, asset in world.assets.items()}
    applied(world, lines)
    assert {id_: dict(asset.attributes) for id_, asset in world.assets.items()} == again, "and only once"
