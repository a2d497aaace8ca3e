"""Qualytics' own tags on the catalog's assets: what goes out, whose it is, and that none comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qsync_pipeline.core.guards import park
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import Patterns, tag_key
from qsync_pipeline.core.quality import SurfacePlan
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome, TagRef, Unit
from qsync_pipeline.core.rules import GuardRules, TagsOutRules
from qsync_pipeline.core.tags_out import MARK, description_of, made_by_us, plan_tags_out, without_echoes
from qsync_pipeline.ledger import Holding
from qsync_pipeline.ledger.holding import intended, settled
from qsync_pipeline_tests.core.build import column, column_of, container, datastore, match, schema, table

S, T = schema(), table("ORDERS")
C = column("ID", T)
STORE = datastore()
ORDERS = container(1, "ORDERS", STORE)
ID = column_of(1, "ID", ORDERS)
ASSET_OF = {"datastore:1": S.id, "container:1": T.id, "field:1": C.id}


def own(name: str, **more: Any) -> TagRef:
    """A tag that a person made in Qualytics."""
    return TagRef(name, **({"id": f"q {name}", "origin": "global"} | more))


@dataclass
class World:
    """Tags on three units and three assets, the catalog's definitions, and what the ledger holds."""

    here: dict[str, dict[str, TagRef]] = field(default_factory=lambda: {id_: {} for id_ in ASSET_OF})
    there: dict[str, dict[str, TagRef]] = field(
        default_factory=lambda: {id_: {} for id_ in ASSET_OF.values()}
    )
    known: dict[str, TagRef] = field(default_factory=dict)
    held: dict[tuple[str, str], Holding] = field(default_factory=dict)
    rules: TagsOutRules = field(default_factory=TagsOutRules)
    blind: bool = False
    gone: tuple[str, ...] = ()
    presence: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    run: int = 0
    ids: Iterator[int] = field(default_factory=count)

    def tag(self, unit: str, tag: TagRef) -> None:
        self.here[unit][tag_key(tag.name)] = tag

    def person_tags(self, asset: str, name: str) -> None:
        """A person in the catalog tags an asset; the definition is made where there is none."""
        key = tag_key(name)
        self.there[asset][key] = self.known.setdefault(key, TagRef(name, id=f"c {next(self.ids)}"))

    def undefine(self, name: str) -> None:
        """A person in the catalog deletes a definition, which goes from all that carries it."""
        self.known.pop(tag_key(name), None)
        for tags in self.there.values():
            tags.pop(tag_key(name), None)

    def units(self) -> list[Unit]:
        tags = {id_: tuple(found.values()) for id_, found in self.here.items()}
        return [replace(u, tags=tags[u.id]) for u in (STORE, ORDERS, ID) if u.id not in self.gone]

    def assets(self) -> list[CatalogAsset]:
        return [
            replace(asset, tags=tuple(self.there[asset.id].values()), complete=not self.blind)
            for asset in (S, T, C)
            if asset.id not in self.dropped
        ]

    def plan(self) -> SurfacePlan:
        units, assets = self.units(), self.assets()
        links = [*match(units, assets, presence=self.presence).values()]
        args = (Snapshot(assets), [*self.held.values()], [*self.known.values()], self.rules)
        return plan_tags_out("tags", units, links, *args, self.gone, self.presence)

    def sync(self, *, steps: int | None = None) -> SurfacePlan:
        """Plan and carry out; with ``steps``, die after so many."""
        self.run += 1
        plan = self.plan()
        changes = [change for change in plan.changes if change.status == "planned"]
        done = 0
        for change in sorted(changes, key=lambda change: change.action != "note"):
            for step in self._steps(change):
                if steps is not None and done >= steps:
                    return plan
                step()
                done += 1
        return plan

    def _steps(self, change: Change) -> Iterable[Any]:
        if change.action == "note":
            return [lambda: self._settle(change, "unchanged")]
        return [
            lambda: self._intend(change),
            lambda: self._write(change),
            lambda: self._settle(change, "applied"),
        ]

    def _intend(self, change: Change) -> None:
        place = (change.target, change.key)
        self.held[place] = intended(
            self.held.get(place),
            change,
            integration="atlan",
            datastore="1-sales",
            run_id=f"run {self.run}",
            now=float(self.run),
        )

    def _write(self, change: Change) -> None:
        if change.after is None:
            self.there[change.target].pop(tag_key(str(change.before)))
            return
        look = change.extra.get("look")
        if look is not None:
            made = TagRef(str(change.after), id=f"c {next(self.ids)}", description=look["description"])
            self.known.setdefault(change.key, made)
        self.there[change.target][change.key] = self.known[change.key]

    def _settle(self, change: Change, outcome: Any) -> None:
        place = (change.target, change.key)
        if change.after is not None:  # the answer tells the tag's id
            change = replace(change, extra={**change.extra, "tag_id": self.known[change.key].id})
        row = settled(
            self.held.get(place),
            Outcome(change, outcome),
            integration="atlan",
            datastore="1-sales",
            run_id=f"run {self.run}",
            actor="us",
            now=float(self.run),
        )
        if row is None:
            self.held.pop(place, None)
        else:
            self.held[place] = row

    def shown(self, asset: str = T.id) -> set[str]:
        return set(self.there[asset])


def actions(plan: SurfacePlan) -> list[tuple[str, str, str]]:
    return [(change.action, change.key, change.status) for change in plan.changes]


def test_a_persons_tag_goes_onto_the_asset_and_off_again() -> None:
    w = World()
    w.tag("container:1", own("Gold", color="#FFD700", description="<p>Best</p>"))
    (change,) = w.sync().changes
    assert (change.action, change.after, change.target) == ("create", "Gold", T.id)
    assert change.extra["look"] == {"color": "#FFD700", "description": f"Best ({MARK})"}
    assert actions(w.sync()) == []
    w.here["container:1"].clear()
    assert actions(w.sync()) == [("remove", "gold", "planned")]
    assert (w.shown(), w.held) == (set(), {})


@pytest.mark.parametrize(
    ("tag", "rules"),
    [
        (own("PII", origin="external"), TagsOutRules()),
        (own("PII", origin="lineage"), TagsOutRules()),
        (own("PII", origin="personal"), TagsOutRules()),
        (own("PII", category="Atlan"), TagsOutRules(ours=frozenset({"atlan"}))),
        (own("PII"), TagsOutRules(made=frozenset({"pii"}))),
        (own("PII"), TagsOutRules(pulled=frozenset({("container:1", "pii")}))),
        (own("PII"), TagsOutRules(pulled=frozenset({("datastore:1", "pii")}))),
        (own("PII"), TagsOutRules(allowed=Patterns(exclude=("p*",)))),
    ],
    ids=["external", "lineage", "personal", "category", "made", "pulled", "copy of a pulled", "excluded"],
)
def test_what_is_no_tag_of_a_person_in_qualytics_stays_at_home(tag: TagRef, rules: TagsOutRules) -> None:
    w = World(rules=rules)
    w.tag("container:1", tag)
    assert actions(w.sync()) == []


def test_a_tag_that_a_catalog_took_over_still_goes_out_where_people_put_it() -> None:
    shared = {"ours": frozenset({"atlan"}), "shared": frozenset({"pii"})}
    w = World(rules=TagsOutRules(overwrite=True, **shared))  # type: ignore[arg-type]  # names of the settings
    w.tag("container:1", own("PII", category="atlan"))
    assert actions(w.sync()) == [("create", "pii", "planned")]


@pytest.mark.parametrize("cascaded", [False, True])
def test_a_tag_goes_onto_the_highest_object_that_carries_it(cascaded: bool) -> None:
    w = World(rules=TagsOutRules(cascaded=cascaded))
    for unit in ASSET_OF:
        w.tag(unit, own("Gold"))
    w.sync()
    below = {"gold"} if cascaded else set()
    assert [w.shown(id_) for id_ in (S.id, T.id, C.id)] == [{"gold"}, below, below]


def test_what_was_put_on_a_table_stays_when_the_datastore_gets_the_same_tag() -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.sync()
    w.tag("datastore:1", own("Gold"))
    assert actions(w.sync()) == [("create", "gold", "planned")]
    assert (w.shown(S.id), w.shown(T.id)) == ({"gold"}, {"gold"})


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_tag_of_the_catalog_of_that_name_is_used_only_with_overwrite_tags(overwrite: bool) -> None:
    w = World(rules=TagsOutRules(overwrite=overwrite))
    w.person_tags(S.id, "GOLD")
    w.tag("container:1", own("Gold"))
    plan = w.sync()
    (change,) = plan.changes
    assert (change.after, change.status) == ("GOLD", "planned" if overwrite else "skipped")
    assert plan.counts["clash"] == (not overwrite)
    assert '"GOLD"' in change.reason or overwrite
    assert w.shown() == ({"gold"} if overwrite else set())


def test_a_persons_tag_in_the_catalog_is_never_ours() -> None:
    w = World(rules=TagsOutRules(overwrite=True))
    w.person_tags(T.id, "Gold")
    w.tag("container:1", own("Gold"))
    w.sync()
    w.here["container:1"].clear()
    assert actions(w.sync()) == []
    assert w.shown() == {"gold"}


@pytest.mark.parametrize("on_drift", ["reset", "keep"])
def test_what_somebody_took_off_is_put_there_again_or_left(on_drift: Any) -> None:
    w = World(rules=TagsOutRules(on_drift=on_drift))
    w.tag("container:1", own("Gold"))
    w.sync()
    w.there[T.id].clear()
    plan = w.sync()
    assert plan.counts["drift"] == 1
    assert w.shown() == ({"gold"} if on_drift == "reset" else set())


@pytest.mark.parametrize("name", ["Gold", "gold"])
def test_what_a_person_tags_with_a_definition_made_anew_is_not_ours(name: str) -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.sync()
    w.undefine("Gold")
    w.person_tags(T.id, name)
    assert actions(w.sync()) == [("note", "gold", "planned")]
    assert w.held == {}
    w.here["container:1"].clear()
    assert actions(w.sync()) == []
    assert w.shown() == {"gold"}


def test_of_two_of_its_name_the_one_that_a_person_renamed_is_ours() -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.sync()
    ours = replace(w.known.pop("gold"), name="Golden")
    w.known["golden"] = w.there[T.id]["golden"] = ours
    del w.there[T.id]["gold"]
    w.person_tags(T.id, "Gold")
    w.here["container:1"].clear()
    (change,) = w.plan().changes
    assert (change.action, change.before, change.extra["tag_id"]) == ("remove", "Golden", ours.id)


def test_what_was_seen_off_where_drift_is_kept_is_a_persons_once_it_is_on_again() -> None:
    w = World(rules=TagsOutRules(on_drift="keep"))
    w.tag("container:1", own("Gold"))
    w.tag("field:1", own("Silver"))
    w.sync()
    w.there[T.id].clear()
    assert actions(w.sync()) == [("note", "gold", "planned"), ("create", "gold", "skipped")]
    assert actions(w.sync()) == [("create", "gold", "skipped")]
    w.person_tags(T.id, "Gold")
    assert actions(w.sync()) == []
    w.here["container:1"].clear()
    assert actions(w.sync()) == [("note", "gold", "planned")]
    assert (w.shown(), {key for _, key in w.held}) == ({"gold"}, {"silver"})
    w.tag("field:1", own("Gold"))
    w.there[C.id].clear()
    w.sync()
    w.rules = TagsOutRules()
    w.sync()
    assert w.shown(C.id) == {"gold", "silver"}, "set again where drift is kept no more"


def test_a_rename_in_qualytics_moves_the_tag_and_no_guard_stops_it() -> None:
    w = World()
    w.tag("container:1", own("Gold", id="7"))
    w.sync()
    w.here["container:1"].clear()
    w.tag("container:1", own("Platinum", id="7"))
    plan = w.plan()
    _, parked = park(plan.changes, {"tags": 1}, GuardRules(0, 0))
    assert parked == []
    w.sync()
    assert w.shown() == {"platinum"}


def test_a_definition_that_a_person_renamed_in_the_catalog_is_still_known_for_ours() -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.known["gold"] = TagRef("Gold", id="c Gold", description=MARK)
    w.sync()
    renamed = TagRef("Golden", id="c Gold", description=MARK)
    w.known, w.there[T.id] = {"golden": renamed}, {"golden": renamed}
    assert actions(w.sync()) == []
    w.here["container:1"].clear()
    assert actions(w.sync()) == [("remove", "gold", "planned")]
    assert w.shown() == set()


def test_nothing_is_planned_on_what_could_not_be_read_whole() -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.sync()
    w.here["container:1"].clear()
    w.blind = True
    plan = w.plan()
    assert (plan.changes, plan.counts["frozen"]) == ([], 1)
    units, assets = w.units(), w.assets()
    links = [*match(units, assets).values()]
    held = [*w.held.values()]
    unread = plan_tags_out("tags", units, links, Snapshot(assets), held, None, w.rules)
    assert (unread.changes, unread.counts["frozen"]) == ([], 1)


def test_an_object_that_is_gone_in_qualytics_takes_our_tag_along_and_one_out_of_sight_does_not() -> None:
    w = World()
    w.tag("field:1", own("Gold"))
    w.sync()

    def plan(gone: list[str]) -> SurfacePlan:
        """With the field out of the listing, proved gone or not."""
        units, assets = [u for u in w.units() if u.id != "field:1"], w.assets()
        args = (Snapshot(assets), [*w.held.values()], [*w.known.values()], w.rules)
        return plan_tags_out("tags", units, [*match(units, assets).values()], *args, gone)

    assert (plan([]).changes, plan([]).counts["frozen"]) == ([], 1)
    assert actions(plan(["field:1"])) == [("remove", "gold", "planned")]


def test_an_asset_that_was_deleted_is_forgotten() -> None:
    w = World()
    w.tag("field:1", own("Gold"))
    w.sync()
    w.dropped, w.presence = (C.id,), {C.id: "gone"}
    assert actions(w.sync()) == [("note", "gold", "planned")]
    assert w.held == {}


def test_after_a_lost_ledger_nothing_is_removed_and_ours_is_taken_up_by_command() -> None:
    w = World()
    w.tag("container:1", own("Gold"))
    w.sync()
    w.held.clear()
    w.here["container:1"].clear()
    assert actions(w.plan()) == []
    w.tag("container:1", own("Gold"))
    assert actions(w.plan()) == []
    w.rules = TagsOutRules(adopt=True)
    assert actions(w.sync()) == [("note", "gold", "planned")]
    assert set(w.held) == {(T.id, "gold")}


def test_what_we_put_there_never_comes_back() -> None:
    w = World(rules=TagsOutRules(overwrite=True))
    w.person_tags(S.id, "Silver")
    for name in ("Gold", "Silver"):
        w.tag("container:1", own(name))
    w.sync()

    def kept(pushed: set[tuple[str, str]]) -> list[list[str]]:
        return [[tag.name for tag in asset.tags] for asset in without_echoes(w.assets(), pushed)]

    assert kept(set(w.held)) == [["Silver"], [], []]
    # Without the ledger the definitions that we made are still known.
    assert kept(set()) == [["Silver"], ["Silver"], []]


@given(st.text(max_size=40))
def test_a_definition_of_ours_is_known_by_its_description_as_html_too(text: str) -> None:
    said = description_of(TagRef("x", description=text))
    assert made_by_us(TagRef("x", description=said))
    assert made_by_us(TagRef("x", description=f"<p>{said}</p>"))
    assert not made_by_us(TagRef("x", description=text.replace(MARK, "")))


NAMES = st.sampled_from(["Gold", "GOLD", "Silver"])
events = st.one_of(
    st.tuples(st.just("tag"), st.sampled_from(sorted(ASSET_OF)), NAMES),
    st.tuples(st.just("untag"), st.sampled_from(sorted(ASSET_OF)), NAMES),
    st.tuples(st.just("put"), st.sampled_from(sorted(ASSET_OF.values())), NAMES),
    st.tuples(st.just("take"), st.sampled_from(sorted(ASSET_OF.values())), NAMES),
    st.tuples(st.just("undefine"), st.just(""), NAMES),
    st.tuples(st.just("sync"), st.just(""), st.just("")),
)


def happen(w: World, event: tuple[str, str, str], persons: set[tuple[str, str]]) -> None:
    """One thing that people do; ``persons`` keeps what they put there themselves, where nobody had."""
    what, where, name = event
    key = tag_key(name)
    if what == "tag":
        w.tag(where, own(name, id=f"q {key}"))
    elif what == "untag":
        w.here[where].pop(key, None)
    elif what == "put" and key not in w.there[where]:
        # A tag that we hold and that a person took off and put there again is ours again: nobody can tell.
        row = w.held.get((where, key))
        ours = row is not None and (row.value is not None or row.has_pending)
        w.person_tags(where, name)
        if row is None or not ours or row.extra.get("tag_id") not in (None, w.known[key].id):
            persons.add((where, key))
    elif what == "take" and key in w.there[where]:
        w.there[where].pop(key)
        persons.discard((where, key))
    elif what == "undefine":
        w.undefine(name)
        persons -= {one for one in persons if one[1] == key}
    elif what == "sync":
        w.sync()


@settings(max_examples=200)
@given(
    st.lists(events, max_size=12),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["reset", "reset", "keep"]),
    st.one_of(st.none(), st.integers(min_value=0, max_value=8)),
)
def test_whatever_happens_a_sync_settles_it_and_no_tag_of_a_person_goes(
    story: list[tuple[str, str, str]], overwrite: bool, cascaded: bool, on_drift: Any, dies: int | None
) -> None:
    rules = TagsOutRules(overwrite=overwrite, cascaded=cascaded, on_drift=on_drift)
    w, persons = World(rules=rules), set[tuple[str, str]]()
    for event in story:
        happen(w, event, persons)
    if dies is not None:
        w.sync(steps=dies)
    w.sync()
    assert [change for change in w.plan().changes if change.status == "planned"] == []
    assert {(asset, key) for asset, key in persons if key not in w.there[asset]} == set()
    for unit, asset in ASSET_OF.items():
        for key in w.shown(asset):
            mine = (asset, key) in w.held
            assert mine or (asset, key) in persons
            assert key in w.here[unit] or not mine, "what Qualytics does not show any more is taken off"
