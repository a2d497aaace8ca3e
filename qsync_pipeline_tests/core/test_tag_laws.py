"""Laws of the tag plan over a small world, whatever happens in it (DESIGN.md §5.2, §5.5)."""

from __future__ import annotations

import copy
from collections.abc import Collection

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import CatalogAsset, is_left_off
from qsync_pipeline.core.rules import TagRules
from qsync_pipeline_tests.core.build import (
    column,
    column_of,
    connection,
    container,
    datastore,
    schema,
    table,
    tag,
)
from qsync_pipeline_tests.core.tag_world import OWN, TagWorld, tag_rules

AGAIN = "A second run with nothing changed writes nothing"
OURS = "Only assignments that an integration of ours made are ever removed; a person's stay"
OFF = "A tag taken off in the catalog is taken off in Qualytics, the last one too"
COPIES = "Native Qualytics tags cascade downwards"
TWO = "Two catalogs, one tag"
FROZEN = "Leaving scope (outside the domain, excluded"
THREE_WAY = "Desired, actual and ledger decide (three-way)"

STORE = datastore()
ORDERS, LONELY = container(1, "ORDERS", STORE), container(2, "LONELY", STORE)
ID, NOTE = column_of(1, "ID", ORDERS), column_of(2, "NOTE", ORDERS)
UNITS = [STORE, ORDERS, LONELY, ID, NOTE]
T_ORDERS = table("ORDERS")
ASSETS = {
    schema().id: "datastore:1",
    T_ORDERS.id: "container:1",
    column("ID", T_ORDERS).id: "field:1",
    column("NOTE", T_ORDERS).id: "field:2",
}
NAMES = ["PII", "pii", "Tier 1"]
KEYS = sorted({tag_key(name) for name in NAMES})


def estate() -> list[CatalogAsset]:
    """The table LONELY is not in the catalog: whatever lies on it is frozen."""
    return [connection(), schema(), T_ORDERS, column("ID", T_ORDERS), column("NOTE", T_ORDERS)]


tagging = st.tuples(
    st.just("catalog"),
    st.sampled_from(["atlan", "second"]),
    st.sampled_from(sorted(ASSETS)),
    st.sets(st.sampled_from(NAMES), max_size=2),
)
by_hand = st.tuples(
    st.sampled_from(["put", "take"]), st.sampled_from([u.id for u in UNITS]), st.sampled_from(KEYS)
)
clearing = st.tuples(st.just("undefine"), st.sampled_from(KEYS))
"""A person deletes the definition of a tag; who puts the tag on an object then makes another."""
running = st.tuples(st.just("sync"), st.sampled_from(["atlan", "second"]))
stories = st.lists(tagging | by_hand | clearing | running, max_size=8)
ID_TAGGED, ID_UNTAGGED, NOTE_TAGGED = (
    ("catalog", "atlan", column(name, T_ORDERS).id, tags)
    for name, tags in (("ID", {"PII"}), ("ID", set()), ("NOTE", {"PII"}))
)
PUT, TAKEN, CLEARED = ("put", "field:1", "pii"), ("take", "field:1", "pii"), ("undefine", "pii")
SYNC = ("sync", "atlan")
MADE_ANEW: list[tuple[object, ...]] = [ID_TAGGED, SYNC, CLEARED, PUT, ID_UNTAGGED]
"""A person makes a definition anew and puts the tag on again; then the catalog drops it."""
SEEN_OFF: list[tuple[object, ...]] = [ID_TAGGED, NOTE_TAGGED, SYNC, TAKEN, SYNC, PUT, ID_UNTAGGED]
"""A person takes it off, which a run sees and leaves so, and puts it on again."""
keeping = st.sampled_from([(), (), ("atlan",), ("second",), ("atlan", "second")])
"""The integrations that are set to ``on_drift: keep``."""


class Story:
    """A world in which things happen, and what persons put there themselves in a way that can be told."""

    def __init__(self, *, cascade_removal: bool, keep: Collection[str] = ()) -> None:
        both = {"atlan": estate(), "second": estate()}
        self.world = TagWorld(list(UNITS), both, cascade_removal=cascade_removal)
        for key in KEYS:
            self.world.define(key, category="atlan", made_by="atlan", made=True)
        self.persons: set[tuple[str, str]] = set()
        self.keep = keep

    def tell(self, events: list[tuple[object, ...]]) -> None:
        for event in events:
            match event:
                case ("catalog", str(name), str(asset), set(names)):
                    self.world.retag(asset, *(tag(one) for one in sorted(names)), integration=name)
                case ("put", str(unit), str(key)):
                    self._put(unit, key)
                case ("take", str(unit), str(key)):
                    self.world.take(unit, key)
                    self.persons.discard((unit, key))
                case ("undefine", str(key)):
                    self.world.undefine(key)
                    self.persons = {one for one in self.persons if one[1] != key}
                case ("sync", str(name)):
                    self.settle(name)

    def _put(self, unit: str, key: str) -> None:
        """By hand, where nothing of that name is and nothing of ours lies above: a person's beyond doubt."""
        above = [other for other in [u.id for u in UNITS] if unit in self.world.below(other)]
        ours = any(
            row.target in (unit, *above) and row.key == key and self.world.stands_for(row)
            for row in self.world.holdings.values()
        )
        if key in self.world.tags(unit) or ours:
            return
        self.world.put(unit, key)
        self.persons.add((unit, key))

    def settle(self, name: str) -> None:
        self.world.sync(self.rules(name))

    def rules(self, name: str) -> TagRules:
        return tag_rules(name, on_drift="keep" if name in self.keep else "reset")

    def left_off(self, name: str) -> set[tuple[str, str]]:
        """What a person took off, and the integration leaves so."""
        rows = self.world.holdings.values()
        return {(row.target, row.key) for row in rows if row.integration == name and is_left_off(row)}

    def without_copies(self) -> set[tuple[str, str]]:
        """The tags on all objects, but for copies of what we hold above: those go with their origin."""
        held = {(unit, key) for _, unit, key in self.world.holdings}
        return {
            (unit, key)
            for unit, keys in self.world.state().items()
            for key in keys
            if (unit, key) in held
            or not any((above.id, key) in held and unit in self.world.below(above.id) for above in UNITS)
        }

    def wanted(self, name: str) -> set[tuple[str, str]]:
        rows = self.world.assets[name]
        return {(ASSETS[a.id], tag_key(t.name)) for a in rows if a.id in ASSETS for t in a.tags}


@pytest.mark.rule("5.5", AGAIN)
@pytest.mark.rule("5.2", OURS)
@pytest.mark.rule("5.2", OFF)
@pytest.mark.rule("5.2", TWO)
@settings(max_examples=200)
@example(events=MADE_ANEW, cascade_removal=True, keep=())
@example(events=SEEN_OFF, cascade_removal=True, keep=("atlan",))
@given(events=stories, cascade_removal=st.booleans(), keep=keeping)
def test_whatever_happened_two_runs_settle_it_and_a_persons_tags_stay(
    events: list[tuple[object, ...]], cascade_removal: bool, keep: tuple[str, ...]
) -> None:
    story = Story(cascade_removal=cascade_removal, keep=keep)
    world = story.world
    story.tell(events)
    # What one integration lets go of may have stood in for what another wants: a round each.
    for _ in range(2):
        for name in ("atlan", "second"):
            story.settle(name)
    for name in ("atlan", "second"):
        plan, left = world.plan(story.rules(name))
        assert [change for change in plan.changes if change.status == "planned"] == []
        assert plan.definitions == left == []
        held = {(unit, key) for unit, keys in world.held(name).items() for key in keys}
        assert held <= story.wanted(name)
        for unit, key in story.wanted(name) - story.left_off(name):
            assert key in world.tags(unit) or world.definitions[key].made_by is None, "native, and skipped"
    for unit, key in story.persons:
        assert key in world.tags(unit), "a person's tag went"
    assert all(not row.has_pending for row in world.holdings.values())


@pytest.mark.rule("5.2", OURS)
@settings(max_examples=200)
@given(events=stories, cascade_removal=st.booleans(), who=st.sampled_from(["atlan", "second"]))
def test_only_what_is_held_or_a_copy_of_it_is_ever_removed(
    events: list[tuple[object, ...]], cascade_removal: bool, who: str
) -> None:
    story = Story(cascade_removal=cascade_removal)
    story.tell(events)
    plan, _ = story.world.plan(tag_rules(who))
    holdings = story.world.holdings
    for change in plan.changes:
        if change.action == "remove":
            origin = change.extra.get("copy_of") or change.target
            assert any((name, origin, change.key) in holdings for name in ("atlan", "second"))
            assert (change.target, change.key) not in story.persons


@pytest.mark.rule("5.1", FROZEN)
@settings(max_examples=200)
@example(
    events=[
        ("catalog", "atlan", schema().id, {"PII"}),
        ("catalog", "atlan", T_ORDERS.id, {"PII"}),
        ("sync", "atlan"),
        ("catalog", "atlan", schema().id, set()),
    ],
    hidden=T_ORDERS.id,
)
@given(events=stories, hidden=st.sampled_from([T_ORDERS.id, column("ID", T_ORDERS).id, schema().id]))
def test_a_frozen_object_is_not_written_but_for_copies_of_what_goes_above(
    events: list[tuple[object, ...]], hidden: str
) -> None:
    story = Story(cascade_removal=False)
    story.tell(events)
    world = story.world
    rows = world.assets["atlan"]
    world.assets["atlan"] = [a for a in rows if a.id != hidden]
    plan, _ = world.plan(tag_rules())
    seen = {ASSETS[a.id] for a in world.assets["atlan"] if a.id in ASSETS}
    if hidden == T_ORDERS.id:
        seen -= {"field:1", "field:2"}
    if hidden == schema().id:
        seen = set()
    for change in plan.changes:
        if change.extra.get("hold") is False:
            # Put back, because the same tag above goes and another integration supplies it here.
            assert (change.action, change.after) == ("create", world.definitions[change.key].name)
            assert ("second", change.target, change.key) in world.holdings
        elif change.extra.get("held_on"):
            # Put back as well: wanted there, or ours on what is out of sight.
            assert change.action == "create"
            assert change.target in seen or ("atlan", change.target, change.key) in world.holdings
        elif change.action in ("create", "remove") and not change.extra.get("copy_of"):
            assert change.target in seen


@pytest.mark.rule("5.5", THREE_WAY)
@pytest.mark.rule("5.2", COPIES)
@settings(max_examples=200)
@example(
    before=[
        ("catalog", "atlan", schema().id, {"PII"}),
        ("catalog", "second", T_ORDERS.id, {"PII"}),
    ],
    after=[("catalog", "atlan", schema().id, set())],
    steps=3,
    cascade_removal=True,
    keep=("second",),
    other_first=False,
)
@example(
    before=[
        ("catalog", "atlan", schema().id, {"PII"}),
        ("catalog", "atlan", T_ORDERS.id, {"PII"}),
        ("catalog", "second", T_ORDERS.id, {"PII"}),
    ],
    after=[("catalog", "atlan", schema().id, set())],
    steps=3,
    cascade_removal=True,
    keep=("second",),
    other_first=True,
)
@example(
    before=[("put", "field:1", "pii"), ("catalog", "atlan", schema().id, {"PII"})],
    after=[("catalog", "atlan", schema().id, set())],
    steps=1,
    cascade_removal=False,
    keep=(),
    other_first=False,
)
@given(
    before=stories,
    after=st.lists(tagging, min_size=1, max_size=3),
    steps=st.integers(1, 25),
    cascade_removal=st.booleans(),
    keep=st.sampled_from([(), ("second",)]),
    other_first=st.booleans(),
)
def test_a_run_that_dies_at_any_point_is_finished_by_the_next(
    before: list[tuple[object, ...]],
    after: list[tuple[object, ...]],
    steps: int,
    cascade_removal: bool,
    keep: tuple[str, ...],
    other_first: bool,
) -> None:
    story = Story(cascade_removal=cascade_removal, keep=keep)
    story.tell(before)
    for _ in range(2):
        for name in ("atlan", "second"):
            story.settle(name)
    story.tell(after)
    undisturbed = copy.deepcopy(story)
    undisturbed.settle("atlan")
    story.world.sync(tag_rules(), steps=steps)
    if other_first:
        story.settle("second")
    story.settle("atlan")
    shown, should = story.without_copies(), undisturbed.without_copies()
    others = {(unit, key) for unit, keys in story.world.held("second").items() for key in keys}
    if not other_first:
        assert shown <= should
        assert should - shown <= others, "what the other supplies comes back in its own run"
    for one in (story, undisturbed):
        one.settle("second")
    assert story.without_copies() == undisturbed.without_copies()
    for name in ("atlan", "second"):
        assert story.world.held(name) == undisturbed.world.held(name)
    assert all(not row.has_pending for row in story.world.holdings.values())
    plan, left = story.world.plan(tag_rules())
    assert [change for change in plan.changes if change.status == "planned"] == []
    assert plan.definitions == []
    # A definition that only another integration wants may be left over until that one has had its turn.
    assert left == undisturbed.world.plan(tag_rules())[1]


def test_the_world_cascades_as_the_product_does() -> None:
    world = TagWorld(list(UNITS), {"atlan": estate()})
    world.put("datastore:1", "X")
    world.put("container:1", "X")
    world.take("datastore:1", "X")
    assert world.state() == {"container:1": {"x"}, "field:1": {"x"}, "field:2": {"x"}}
    assert world.on["field:1"]["x"] == {"container:1"}
    assert world.on["container:1"]["x"] == {OWN}
