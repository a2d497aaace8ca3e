"""The tag plan of one datastore: which tags go onto and come off its objects, and why (DESIGN.md §5.2).

Three-way: what the catalog wants, what stands in Qualytics, and what the ledger holds as ours. Only what is
ours is ever removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qsync_pipeline.core import tag_lines
from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.left import OUTSIDE, unmatched
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import Held, Link, TagRef, Unit, is_left_off
from qsync_pipeline.core.rules import TagRules
from qsync_pipeline.core.tag_copies import is_unfinished_copy
from qsync_pipeline.core.tag_lines import TagLines
from qsync_pipeline.core.tag_plan import TagPlan
from qsync_pipeline.core.tag_wishes import Wishes
from qsync_pipeline.core.tags_there import TagsThere

SURFACE = tag_lines.SURFACE

STAYS = "the same tag above goes, this one stays"
CAME_DOWN = "came down from above, and is wanted here too"
LAPSED = "its definition was deleted in Qualytics: what stands here now was put there by others"
KEPT_OFF = "somebody took it off in Qualytics, and on_drift is keep"


def plan_tags(
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Held],
    book: DefinitionBook,
    rules: TagRules,
    presence: Mapping[str, str],
) -> TagPlan:
    """The tag plan of one datastore.

    ``held`` are the tag holdings of all integrations on this datastore; ``presence`` says what became of
    held objects that the inventory no longer shows.
    """
    return _Planner(units, links, snapshot, held, book, rules, presence).run()


class _Planner:
    def __init__(
        self,
        units: Sequence[Unit],
        links: Sequence[Link],
        snapshot: Snapshot,
        held: Iterable[Held],
        book: DefinitionBook,
        rules: TagRules,
        presence: Mapping[str, str],
    ) -> None:
        self.units = units
        self.links = {link.unit: link for link in links}
        self.wishes = Wishes(snapshot, rules)
        self.book = book
        self.rules = rules
        self.presence = presence
        self.tags = TagsThere(units, held, book, rules.integration)
        self.mine, self.copies = self.tags.mine, self.tags.copies
        self.wanted: dict[str, set[str]] = {}
        self.plan = TagPlan()
        self.lines = TagLines(self.plan, self.tags, book)

    def run(self) -> TagPlan:
        order = {"datastore": 0, "container": 1, "field": 2}
        for unit in sorted(self.units, key=lambda unit: order[unit.level]):
            self._unit(unit)
        for column, tags in self.tags.withered.items():
            for key, tag in tags.items():
                if self.tags.is_but_a_copy(column, key) and self._copied_from(column, key, tag):
                    self.book.use(key, -1)  # goes with its origin, and is a use of the definition until then
                    if row := self.mine.get(column, {}).pop(key, None):
                        self.lines.release(column, row, "went with the tag above of which it was a copy")
        known = {unit.id for unit in self.units}
        for held in (self.mine, self.tags.lapsed):
            for target, rows in held.items():
                if target not in known:
                    self._vanished(target, rows)
        return self.plan

    def _unit(self, unit: Unit) -> None:
        link = self.links[unit.id]
        mine, present = self.mine[unit.id], self.tags.present[unit.id]
        lapsed = self.tags.lapsed[unit.id]
        for key in sorted(lapsed.keys() & present.keys()):
            self.lines.release(link.name, lapsed.pop(key), LAPSED)
        if link.bucket == "matched":
            wanted, unsure = self.wishes.of(unit, link)
        else:
            wanted, unsure = {}, "" if link.gone else unmatched(link)
        self.wanted[unit.id] = set(wanted)
        for key, tag in wanted.items():
            self._assign(unit, link, key, tag, present.get(key))
        dropped: list[Held] = []
        for key, row in mine.items():
            if key not in wanted and is_unfinished_copy(row):
                self._unfinished_copy(unit, link, row, present.get(key))
            elif key not in wanted:
                dropped.append(row)
        if not unsure:
            for key in sorted(lapsed.keys() - wanted.keys()):
                self.lines.release(link.name, lapsed[key], "already off")
            renamed = {tag.id for tag in wanted.values() if tag.id}
            for row in dropped:
                self._take_off(unit, link, row, present.get(row.key), renamed)
        else:
            self.plan.freeze(len(dropped), unsure)
            for row in dropped:
                self._hold_on(unit, link, row, present.get(row.key))
        self._copies(unit, set(wanted) | set(mine))

    def _assign(self, unit: Unit, link: Link, key: str, tag: TagRef, there: TagRef | None) -> None:
        mine, lapsed = self.mine[unit.id], self.tags.lapsed[unit.id]
        keep = self.rules.on_drift == "keep"
        row = mine.get(key)
        left_off = row is not None and is_left_off(row)
        if left_off and not keep:
            self.lines.release(link.name, mine.pop(key), "it was left off, and on_drift is keep no more")
            row = None
        held_there = there is not None and row is not None and self.book.standing(key) != "native"
        if self.book.spared(key) and not held_there:
            self.lines.add(
                unit, link, "create", key, tag, "a native tag has this name, overwrite_tags is off", "skipped"
            )
            return
        if there is not None and self.tags.is_our_spelling(key, there):
            self._stands(unit, link, key, tag, row)
            return
        if there is not None:
            self.plan.counts["unchanged"] += 1  # a person's, which differs by case only
            if self.rules.overwrite:
                self.book.inherit(key, there, tag)
            return
        former = lapsed.get(key) if row is None else row
        written = former is not None and former.value is not None and not former.has_pending
        drifted = written or left_off
        if drifted:
            self.plan.counts["drift"] += 1
            if keep:
                if former is not None and not left_off:
                    self.lines.leave_off(link.name, former, KEPT_OFF)
                self.lines.add(unit, link, "create", key, tag, KEPT_OFF, "skipped")
                return
        if row is None and former is not None:
            self.lines.release(link.name, lapsed.pop(key), "went with its definition")
        self.plan.definitions += self.book.need(tag)
        reason = "somebody took it off in Qualytics" if drifted else f"on {link.asset_name} in the catalog"
        self.lines.add(unit, link, "create", key, tag, reason, drift=drifted)
        self.book.use(key, +1)

    def _stands(self, unit: Unit, link: Link, key: str, tag: TagRef, row: Held | None) -> None:
        """A wanted tag that is already there: nobody writes, but ownership may have to be taken up."""
        if row is not None and is_left_off(row):
            self.plan.definitions += self.book.need(tag, held=False)
            self.plan.counts["unchanged"] += 1  # whoever put it on again: ours was taken off by a person
            return
        going = self.lines.going_above(unit, key)
        came_down, owners = self.copies.origins(unit.id, key), self.tags.other_owners(unit.id, key)
        held = bool(going or row is not None or owners or came_down or self.rules.adopt)
        self.plan.definitions += self.book.need(tag, held=held)
        if going:
            # What stands here may be a copy, and copies go with their origin: this one is wanted for itself.
            self.lines.add(unit, link, "create", key, tag, STAYS, held_on=going)
        elif row is not None:
            if row.has_pending:
                self.lines.add(unit, link, "note", key, tag, "a run that died had written it")
            else:
                self.plan.counts["unchanged"] += 1
        elif owners:
            self.lines.add(unit, link, "note", key, tag, f"{owners} supplies it as well")
        elif came_down:
            self.lines.add(unit, link, "note", key, tag, CAME_DOWN, came_down=True)
        else:
            self.plan.counts["unchanged"] += 1
            self._unowned(unit, key, tag)

    def _hold_on(self, unit: Unit, link: Link, row: Held, there: TagRef | None) -> None:
        """What nothing is proved of stays, though the same tag goes above, of which it may be a copy."""
        going = self.lines.going_above(unit, row.key)
        ours = there is not None and self.tags.is_our_spelling(row.key, there) and not is_left_off(row)
        if there is None or not ours or not going:
            return
        tag = TagRef(there.name, id=str(row.extra.get("tag_id") or ""))
        self.lines.add(unit, link, "create", row.key, tag, STAYS, held_on=going)

    def _unowned(self, unit: Unit, key: str, tag: TagRef) -> None:
        """A tag of a definition of ours that the ledger does not know to be ours here.

        A person may have put it there, or the ledger was lost. It is counted, and taken up by command only.
        """
        if self.book.standing(key) != "ours" or self._is_copy(unit, key):
            return
        if not self.tags.is_our_spelling(key, tag):
            return
        self.plan.counts["unowned"] += 1
        self.lines.taken_up[unit.id].add(key)
        if self.rules.adopt:
            link = self.links[unit.id]
            self.lines.add(unit, link, "note", key, tag, "carries our category: taken up")

    def _is_copy(self, unit: Unit, key: str) -> bool:
        if self.copies.origins(unit.id, key):
            return True
        return any(key in self.lines.taken_up[ancestor] for ancestor in self.copies.above(unit.id, key))

    def _take_off(self, unit: Unit, link: Link, row: Held, there: TagRef | None, renamed: set[str]) -> None:
        if is_left_off(row):
            self.lines.release(link.name, row, "it was left off, and is wanted no more")
            return
        if there is not None and not self.tags.is_our_spelling(row.key, there):
            there = None  # a person's, which differs by case only
        tag = TagRef(there.name if there else str(row.value or row.pending or row.key))
        if there is None:
            self.lines.release(link.name, row, "already off")
            if row.value is not None and not self.tags.holders(unit.id, row.key):
                self.lines.removing[unit.id].add(row.key)  # its copies may still be there
        elif holders := self.tags.holders(unit.id, row.key):
            self.lines.release(link.name, row, f"{holders} still supplies it")
            self.lines.keep_for_others(unit, link, row.key, tag)
        elif row.value is None and row.pending is not None:
            # A run died before or after assigning it, and the catalog has dropped it since: it is ours.
            self.lines.remove(
                unit, link, row.key, tag, "a run that died had written it, the catalog dropped it"
            )
        else:
            is_rename = str(row.extra.get("tag_id", "")) in renamed
            reason = (
                "renamed in the catalog" if is_rename else f"no longer on {link.asset_name or 'its asset'}"
            )
            self.lines.remove(unit, link, row.key, tag, reason, rename=is_rename)

    def _copies(self, unit: Unit, spoken_for: set[str]) -> None:
        """What nobody asked for: cascade copies go with their origin, and the rest is a person's."""
        for key, tag in self.tags.present[unit.id].items():
            if key in spoken_for:
                continue
            if self.tags.holders(unit.id, key):
                self.lines.keep_for_others(unit, self.links[unit.id], key, tag)
                continue
            self._unowned(unit, key, tag)
            if origin := self._copied_from(unit.id, key, tag):
                link = self.links[unit.id]
                reason = "a copy of the tag above, which goes"
                self.lines.remove(unit, link, key, tag, reason, copy_of=origin)

    def _copied_from(self, unit: str, key: str, tag: TagRef) -> str:
        """The origin above of which this is a copy, if all such origins go; else nothing."""
        if not self.tags.is_our_spelling(key, tag):
            return ""  # a person's, which differs by case only
        origins = [row.target for row in self.copies.origins(unit, key)]
        return origins[0] if origins and all(key in self.lines.removing[origin] for origin in origins) else ""

    def _unfinished_copy(self, unit: Unit, link: Link, row: Held, there: TagRef | None) -> None:
        """A copy that a run which died was about to take off together with its origin."""
        origin, key = str(row.extra["copy_of"]), row.key
        if there is not None and not self.tags.is_our_spelling(key, there):
            there = None  # a person's, which differs by case only
        stays = key in self.wanted.get(origin, ()) or (
            bool(self.tags.rows.get((origin, key))) and key not in self.lines.removing[origin]
        )
        if there is None:
            self.lines.release(link.name, row, "already off")
        elif holders := self.tags.holders(unit.id, key):
            self.lines.release(link.name, row, f"{holders} has put it here since")
            self.lines.keep_for_others(unit, link, key, there)
        elif stays:
            self.lines.release(link.name, row, "its origin stays")
        else:
            self.lines.remove(unit, link, key, there, "a copy of a tag above that went", copy_of=origin)

    def _vanished(self, target: str, rows: Mapping[str, Held]) -> None:
        if self.presence.get(target) == "gone":
            for row in rows.values():
                self.lines.release(target, row, "the object is gone in Qualytics")
        else:
            self.plan.freeze(len(rows), OUTSIDE)
