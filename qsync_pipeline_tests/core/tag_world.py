"""A Qualytics of a few lines, with a ledger: what becomes of tag plans that are carried out.

Carries plans out step by step as the pull does (definitions, all removals noted, then object by object:
note, write, settle), so that a run can die between any two steps. Native tags cascade as in the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import msgspec

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import fold, tag_key
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome, TagRef, Unit
from qsync_pipeline.core.rules import TagRules
from qsync_pipeline.core.tag_definition import ID, TagDefinition
from qsync_pipeline.core.tag_lines import HELD_BY
from qsync_pipeline.core.tag_plan import TagPlan
from qsync_pipeline.core.tags import plan_tags
from qsync_pipeline.ledger import Holding
from qsync_pipeline.ledger.holding import intended, is_held, settled
from qsync_pipeline_tests.core.build import match

Place = tuple[str, str, str]
"""Integration, unit, key."""

OWN = ""
"""Origin of a tag that somebody put on the object itself; else the id of the object it came down from."""


def tag_rules(
    integration: str = "atlan", order: Sequence[str] = ("atlan", "second"), **more: object
) -> TagRules:
    """Rules of one of several integrations, whose categories are their names."""
    names = [*order]
    return TagRules(
        integration=integration,
        category=integration,
        ours=frozenset(fold(name) for name in names),
        earlier=tuple(names[: names.index(integration)]),
        **more,  # type: ignore[arg-type]  # settings of the test
    )


@dataclass
class TagWorld:
    """One datastore's objects, the catalogs of all integrations, definitions and holdings."""

    units: list[Unit]
    assets: dict[str, list[CatalogAsset]]
    """What each integration's catalog shows."""
    definitions: dict[str, TagDefinition] = field(default_factory=dict)
    on: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Unit -> key -> origins."""
    holdings: dict[Place, Holding] = field(default_factory=dict)
    presence: dict[str, str] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    catalog_presence: dict[str, str] = field(default_factory=dict)
    cascade_removal: bool = True
    run: int = 0
    writes: list[Change] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=count)

    def below(self, unit_id: str) -> list[str]:
        """What lies below an object."""
        if unit_id.startswith("datastore:"):
            return [unit.id for unit in self.units if unit.id != unit_id]
        number = int(unit_id.split(":")[1]) if unit_id.startswith("container:") else -1
        return [unit.id for unit in self.units if unit.level == "field" and unit.container_id == number]

    def define(self, name: str, **more: object) -> None:
        """A definition that a person made, unless ``made_by`` says otherwise."""
        self.definitions[tag_key(name)] = TagDefinition(
            name,
            id=next(self.ids),
            **more,  # type: ignore[arg-type]  # of the test
        )

    def undefine(self, key: str) -> None:
        """A person deletes a definition, which goes from all that carries it."""
        self.definitions.pop(key, None)
        for here in self.on.values():
            here.pop(key, None)

    def put(self, unit_id: str, name: str) -> None:
        """Put a tag on an object; a native one goes down to all that lies below."""
        key = tag_key(name)
        if key not in self.definitions:
            self.define(name)
        self.on.setdefault(unit_id, {}).setdefault(key, set()).add(OWN)
        if self.definitions[key].type != "external":
            for id_ in self.below(unit_id):
                self.on.setdefault(id_, {}).setdefault(key, set()).add(unit_id)

    def take(self, unit_id: str, name: str) -> None:
        """Take a tag off an object; its copies go along where the deployment does so."""
        key = tag_key(name)
        was = self.on.get(unit_id, {}).pop(key, set())
        for id_ in self.below(unit_id) if OWN in was and self.cascade_removal else ():
            origins = self.on.get(id_, {}).get(key, set())
            origins.discard(unit_id)
            if not origins:
                self.on.get(id_, {}).pop(key, None)

    def tags(self, unit_id: str) -> set[str]:
        """The keys of the tags on an object."""
        return set(self.on.get(unit_id, {}))

    def state(self) -> dict[str, set[str]]:
        """The tags on every object that has any."""
        return {unit.id: self.tags(unit.id) for unit in self.units if self.tags(unit.id)}

    def held(self, integration: str = "atlan") -> dict[str, set[str]]:
        """The confirmed holdings of an integration: unit -> keys."""
        found: dict[str, set[str]] = {}
        for (owner, unit, key), row in self.holdings.items():
            if owner == integration and row.value is not None:
                found.setdefault(unit, set()).add(key)
        return found

    def stands_for(self, row: Holding) -> bool:
        """Whether a holding is of an assignment that may stand: of something, and of no former definition."""
        known = self.definitions.get(row.key)
        held = row.value is not None or row.has_pending
        return held and known is not None and row.extra.get(ID) in (None, known.id)

    def retag(self, asset_id: str, *tags: TagRef, integration: str = "atlan") -> None:
        """Give an asset of a catalog exactly these tags."""
        rows = self.assets[integration]
        at = next(n for n, row in enumerate(rows) if row.id == asset_id)
        rows[at] = msgspec.structs.replace(rows[at], tags=tags)

    def plan(self, rules: TagRules) -> tuple[TagPlan, list[Change]]:
        """The plan of a run now, and the definitions that would be left over."""
        units = [
            msgspec.structs.replace(
                unit,
                tags=tuple(
                    TagRef(one.name, id=str(one.id))
                    for one in map(self.definitions.__getitem__, self.on.get(unit.id, {}))
                ),
            )
            for unit in self.units
        ]
        assets = self.assets[rules.integration]
        links = match(units, assets, links=self.links, presence=self.catalog_presence)
        uses = {key: sum(key in here for here in self.on.values()) for key in self.definitions}
        standing = [row for row in self.holdings.values() if self.stands_for(row)]
        known = [
            msgspec.structs.replace(
                one, count=uses[key], suppliers=tuple({row.integration for row in standing if row.key == key})
            )
            for key, one in self.definitions.items()
        ]
        book = DefinitionBook(known, rules)
        held = self.holdings.values()
        plan = plan_tags(units, [*links.values()], Snapshot(assets), held, book, rules, self.presence)
        return plan, book.left_over()

    def sync(self, rules: TagRules | None = None, *, steps: int | None = None) -> TagPlan:
        """Plan and carry out; with ``steps``, die after so many."""
        chosen = rules or tag_rules()
        plan, left_over = self.plan(chosen)
        self.run += 1
        self.writes = []
        work = self._carry_out(chosen, plan, left_over)
        for done, _ in enumerate(work):
            if steps is not None and done + 1 >= steps:
                work.close()
                break
        return plan

    def _carry_out(self, rules: TagRules, plan: TagPlan, left_over: Sequence[Change]) -> Iterator[None]:
        todo = [change for change in plan.changes if change.status == "planned"]
        for change in todo:
            if change.action == "note":
                self._settle(rules, change, "unchanged")
                yield
        for change in plan.definitions:
            self._definition(rules, change)
            yield
        writes = [self._of_its_definition(change) for change in todo if change.action != "note"]
        for change in writes:
            if change.action == "remove" or change.extra.get("held_on"):
                self._intend(rules, change)
                for holder in change.extra.get(HELD_BY, ()):
                    self._intend(tag_rules(holder), msgspec.structs.replace(change, extra={}))
        yield
        order = {"datastore": 0, "container": 1, "field": 2}
        for change in sorted(writes, key=lambda change: order[change.target.split(":")[0]]):
            if (change.key in self.tags(change.target)) == (change.action != "remove"):
                self._settle(rules, change, "unchanged")
                self._tell_holders(change)
                yield
                continue
            self._intend(rules, change)
            yield
            self.writes.append(change)
            (self.take if change.action == "remove" else self.put)(change.target, change.key)
            yield
            self._settle(rules, change, "applied")
            self._tell_holders(change)
            yield
        for change in left_over:
            del self.definitions[change.key]
            yield

    def _tell_holders(self, change: Change) -> None:
        for holder in change.extra.get(HELD_BY, ()):
            self._settle(tag_rules(holder), msgspec.structs.replace(change, extra={}), "unchanged")

    def _of_its_definition(self, change: Change) -> Change:
        """A write tells the definition that its tag is of, as it is by then."""
        return msgspec.structs.replace(change, extra={**change.extra, ID: self.definitions[change.key].id})

    def _definition(self, rules: TagRules, change: Change) -> None:
        self.writes.append(change)
        known = self.definitions.get(change.key)
        look = change.after
        made = known.made if known else True
        taken_over = bool(change.extra.get("takes_over")) or bool(known and known.taken_over)
        ids = (change.extra["tag_id"],)
        self.definitions[change.key] = TagDefinition(
            change.name,
            change.kind,
            look["category"],
            look["color"],
            look["description"],
            known.weight_modifier if known else look["weight_modifier"],
            made_by=rules.integration,
            made=made,
            taken_over=taken_over,
            source_ids=ids,
            id=known.id if known else next(self.ids),
        )

    def _intend(self, rules: TagRules, change: Change) -> None:
        if not is_held(change):
            return
        place = (rules.integration, change.target, change.key)
        self.holdings[place] = intended(
            self.holdings.get(place),
            change,
            integration=rules.integration,
            datastore="1-sales",
            run_id=f"run {self.run}",
            now=float(self.run),
        )

    def _settle(self, rules: TagRules, change: Change, outcome: str) -> None:
        if not is_held(change):
            return
        place = (rules.integration, change.target, change.key)
        row = settled(
            self.holdings.get(place),
            Outcome(change, outcome),  # type: ignore[arg-type]  # one of the five words
            integration=rules.integration,
            datastore="1-sales",
            run_id=f"run {self.run}",
            actor=None,
            now=float(self.run),
        )
        if row is None:
            self.holdings.pop(place, None)
        else:
            self.holdings[place] = row
