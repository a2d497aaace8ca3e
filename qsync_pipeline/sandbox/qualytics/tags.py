"""Tag definitions and assignments: replacement lists, cascading copies, and the index of uses.

What cascades (qualytics-api.md §2.8): tags of the types global, entity and lineage go down from a datastore
to its containers and fields, as copies that stand on each object by themselves. Every use remembers where it
came from (:data:`.model.OWN`, ``FROM_CONTAINER``, ``FROM_DATASTORE``), so that a copy goes when its last
origin goes. External tags stay where they are put. Checks and anomalies take copies at creation only
(decision 22).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from qsync_pipeline.sandbox.qualytics.model import (
    FROM_CONTAINER,
    FROM_DATASTORE,
    OWN,
    Container,
    Datastore,
    Field,
    Tag,
    Taggable,
    TagType,
)

if TYPE_CHECKING:
    from qsync_pipeline.sandbox.qualytics.store import Store

PALETTE = ("#F44336", "#5C6BC0", "#26A69A", "#FFA726", "#8D6E63", "#7E57C2", "#66BB6A", "#42A5F5")
"""Colours that the platform gives to tags that come without one."""

Origin = Literal["native", "external", "managed", "propagated"]


def _is_archived(item: Taggable) -> bool:
    container = item.container if isinstance(item, Field) else item
    return isinstance(container, Container) and container.deleted_at is not None


def origin_of(tag: Tag, bits: int) -> Origin:
    """Where a tag use stands in the control plane's words (DESIGN.md §6).

    ``managed`` is the one rule that the sandbox has to guess, as the API knows no such type: a definition
    that a caller created through ``POST /global-tags``, with a category and a weight modifier of 0, is an
    integration's (DESIGN.md §5.2); nobody else has reason to make one.
    """
    if not bits & OWN:
        return "propagated"
    if tag.type == "external":
        return "external"
    if tag.maker == "api" and tag.weight_modifier == 0 and tag.category is not None:
        return "managed"
    return "native"


class TagBook:
    """Definitions by name and id, and all that is done to assignments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._palette = random.Random(f"tags-{store.seed}")
        self.by_name: dict[str, Tag] = {}
        self.by_id: dict[int, Tag] = {}

    # -- definitions ----------------------------------------------------------------------------------

    def define(
        self,
        name: str,
        *,
        maker: Literal["person", "api", "platform"],
        type: TagType = "global",
        color: str | None = None,
        description: str | None = None,
        category: str | None = None,
        weight_modifier: int = 1,
    ) -> Tag:
        """A new definition; the name must be free."""
        tag = Tag(
            id=self._store.ids.take("tag"),
            name=name,
            type=type,
            color=color or self._palette.choice(PALETTE),
            created=self._store.now(),
            description=description,
            category=category,
            weight_modifier=weight_modifier,
            maker=maker,
        )
        self.by_name[name] = tag
        self.by_id[tag.id] = tag
        self._store.touch(None)
        return tag

    def rename(self, tag: Tag, name: str) -> None:
        del self.by_name[tag.name]
        tag.name = name
        self.by_name[name] = tag
        self.changed(tag)

    def changed(self, tag: Tag) -> None:
        """A definition changed, and with it every object that shows it."""
        for item in tag.uses:
            self._store.touch_item(item)
        self._store.touch(None)

    def delete(self, tag: Tag) -> None:
        """Remove the definition and every use of it, copies included."""
        for item in list(tag.uses):
            self._drop(item, tag)
        del self.by_name[tag.name]
        del self.by_id[tag.id]
        self._store.touch(None)

    def resolve(self, names: Iterable[str]) -> list[Tag]:
        """Names of a ``tags`` list; a name nobody knows becomes a new Global tag (§2.1, §2.8)."""
        found: dict[str, Tag] = {}
        for name in names:
            found[name] = self.by_name.get(name) or self.define(name, maker="platform")
        return list(found.values())

    # -- assignments ----------------------------------------------------------------------------------

    def replace(self, item: Taggable, names: Sequence[str]) -> None:
        """Replace the whole list of an object's tags (§2.1).

        A name that is there already keeps its origin, even as a copy; one that is missing goes, even a copy.
        """
        wanted = self.resolve(names)
        for tag in list(item.tags or ()):
            if tag not in wanted:
                self.remove(item, tag)
        for tag in wanted:
            if tag not in (item.tags or ()):
                self.assign(item, tag)

    def assign(self, item: Taggable, tag: Tag) -> None:
        """Put a tag on an object as somebody's own, and its copies below."""
        self._add(item, tag, OWN)
        if tag.type == "external":
            return
        if isinstance(item, Datastore):
            for container in item.containers.values():
                self._add(container, tag, FROM_DATASTORE)
                for column in container.fields.values():
                    self._add(column, tag, FROM_DATASTORE)
        elif isinstance(item, Container):
            for column in item.fields.values():
                self._add(column, tag, FROM_CONTAINER)

    def remove(self, item: Taggable, tag: Tag) -> None:
        """Take a tag off an object altogether, and with it the copies that came from there."""
        was_own = bool((item.tags or {}).get(tag, 0) & OWN)
        self._drop(item, tag)
        if not was_own or not self._store.switches.cascade_removal:
            return
        if isinstance(item, Datastore):
            for container in item.containers.values():
                self._withdraw(container, tag, FROM_DATASTORE)
                for column in container.fields.values():
                    self._withdraw(column, tag, FROM_DATASTORE)
        elif isinstance(item, Container):
            for column in item.fields.values():
                self._withdraw(column, tag, FROM_CONTAINER)

    def inherit_container(self, container: Container) -> None:
        """Copies for a container that has just come into being."""
        for tag in self._cascading(container.datastore):
            self._add(container, tag, FROM_DATASTORE)

    def inherit_field(self, column: Field) -> None:
        """Copies for a field that has just come into being."""
        for tag in self._cascading(column.container.datastore):
            self._add(column, tag, FROM_DATASTORE)
        for tag in self._cascading(column.container):
            self._add(column, tag, FROM_CONTAINER)

    def copy_from(self, item: Taggable, parents: Iterable[Taggable]) -> None:
        """Copies of whatever native tags the parents carry now, with no tie to them afterwards."""
        for parent in parents:
            for tag in parent.tags or ():
                if tag.type != "external" and tag not in (item.tags or ()):
                    self._add(item, tag, FROM_CONTAINER)

    def forget(self, item: Taggable) -> None:
        """The object goes: take it out of the index of uses."""
        for tag in item.tags or ():
            tag.uses.pop(item, None)
        item.tags = None

    @staticmethod
    def usage(tag: Tag) -> int:
        """How many objects carry it, as listings tell: what is archived is out of play [inferred]."""
        return sum(not _is_archived(item) for item in tag.uses)

    def _cascading(self, parent: Taggable) -> list[Tag]:
        return [tag for tag, bits in (parent.tags or {}).items() if bits & OWN and tag.type != "external"]

    def _add(self, item: Taggable, tag: Tag, bits: int) -> None:
        if item.tags is None:
            item.tags = {}
        item.tags[tag] = item.tags.get(tag, 0) | bits
        tag.uses[item] = None
        self._store.touch_item(item)

    def _withdraw(self, item: Taggable, tag: Tag, bit: int) -> None:
        left = (item.tags or {}).get(tag, 0)
        if not left & bit:
            return
        if left & ~bit:
            assert item.tags is not None
            item.tags[tag] = left & ~bit
        else:
            self._drop(item, tag)

    def _drop(self, item: Taggable, tag: Tag) -> None:
        if item.tags is not None:
            item.tags.pop(tag, None)
            if not item.tags:
                item.tags = None
        tag.uses.pop(item, None)
        self._store.touch_item(item)
