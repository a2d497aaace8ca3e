"""The lines of a tag plan: how what was decided of one object is put down (DESIGN.md §5.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.names import tag_name
from qsync_pipeline.core.rows import Action, Change, Held, Link, Status, TagRef, Unit, left_off, release
from qsync_pipeline.core.tag_definition import ID
from qsync_pipeline.core.tag_plan import TagPlan
from qsync_pipeline.core.tags_there import TagsThere

SURFACE = "external_tags"

HELD_BY = "held_by"
"""Word of the ``extra`` of a line that puts a tag back which other integrations hold there: their names."""


class TagLines:
    """Puts lines into a plan, and keeps in mind what they bring about for what lies below."""

    def __init__(self, plan: TagPlan, tags: TagsThere, book: DefinitionBook) -> None:
        """``removing`` are the keys of tags that go, by object; ``taken_up`` those of ours that no holding is
        known of."""
        self.removing: dict[str, set[str]] = defaultdict(set)
        self.taken_up: dict[str, set[str]] = defaultdict(set)
        self._renaming: set[tuple[str | None, str]] = set()
        self._plan = plan
        self._tags = tags
        self._book = book

    def going_above(self, unit: Unit, key: str) -> list[str]:
        """The objects above that lose this tag."""
        return [above for above in self._tags.copies.above(unit.id, key) if key in self.removing[above]]

    def release(self, name: str, row: Held, reason: str) -> None:
        """A note: what is held there is ours no more, or is not there."""
        self._plan.changes.append(release(SURFACE, row, name, reason))

    def leave_off(self, name: str, row: Held, reason: str) -> None:
        """A note: ours no more, and remembered: what is put on again was put there by others."""
        self._plan.changes.append(left_off(SURFACE, row, name, reason))

    def add(
        self,
        unit: Unit,
        link: Link,
        action: Action,
        key: str,
        tag: TagRef,
        reason: str,
        status: Status = "planned",
        *,
        held_on: Sequence[str] = (),
        drift: bool = False,
        came_down: bool = False,
    ) -> None:
        """A line for a wanted tag; one ``held_on`` to, as it goes on those objects above, is there, and noted
        as ours before any write, and as theirs who hold it there as well."""
        others = self._tags.held_by(unit.id, key) if held_on else []
        words = (("held_on", list(held_on)), (HELD_BY, others), ("drift", drift))
        extra: dict[str, object] = {"tag_id": tag.id, **self._definition(unit, key)}
        extra |= {word: said for word, said in words if said}
        row = self._tags.mine[unit.id].get(key)
        if came_down or (row is not None and row.extra.get("came_down")):
            extra["came_down"] = came_down
        elif held_on and row is None:
            extra["came_down"] = False  # nobody of ours wrote it here so far: see sync/replacing.py
        if already := self._tags.already(unit.id, key, taken_up=key in self.taken_up[unit.id]):
            extra["already"] = already
        name = self._book.spelling(key, tag_name(tag.name))
        change = Change(
            SURFACE, action, unit.id, link.name, key, before=name if held_on else None, after=name,
            reason=reason, status=status, source=link.assets[0] if link.assets else "", kind=unit.level,
            extra=extra,
        )  # fmt: skip
        self._plan.changes.append(change)

    def remove(
        self,
        unit: Unit,
        link: Link,
        key: str,
        tag: TagRef,
        reason: str,
        *,
        rename: bool = False,
        copy_of: str | None = None,
    ) -> None:
        """A tag goes: ours, or a copy of one of ours above, which goes. No guard counts what is renamed."""
        self.removing[unit.id].add(key)
        extra = self._definition(unit, key)
        if copy_of is not None:
            extra["copy_of"] = copy_of
        if rename or (copy_of, key) in self._renaming:
            self._renaming.add((unit.id, key))
            extra["exempt"] = True
        change = Change(
            SURFACE, "remove", unit.id, link.name, key, before=tag.name, reason=reason,
            source=link.assets[0] if link.assets else "", kind=unit.level, extra=extra,
        )  # fmt: skip
        self._plan.changes.append(change)
        self._book.use(key, -1)

    def keep_for_others(self, unit: Unit, link: Link, key: str, tag: TagRef) -> None:
        """Another integration holds a tag here, and we take the same one off above: copies go with their
        origin, this one is put back in the same run. It stays theirs: nothing is held for us, and their
        holding is told, so that they take it for no person's doing where this run dies in between."""
        going = self.going_above(unit, key)
        if not going:
            return
        reason = f"the same tag above goes, {self._tags.other_owners(unit.id, key)} supplies it here"
        change = Change(
            SURFACE, "create", unit.id, link.name, key, after=tag.name, reason=reason, kind=unit.level,
            extra={"held_on": going, "hold": False, HELD_BY: self._tags.held_by(unit.id, key)},
        )  # fmt: skip
        self._plan.changes.append(change)

    def _definition(self, unit: Unit, key: str) -> dict[str, object]:
        """What tells the definition of a tag that stands on an object, or would be put there."""
        there = self._tags.present[unit.id].get(key)
        id_ = int(there.id) if there is not None and there.id.isdigit() else self._book.id_of(key)
        return {} if id_ is None else {ID: id_}
