"""Tags: bare names on objects, held per tag (alation-api.md §2.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.times import iso


@dataclass(eq=False, slots=True)
class Tag:
    """A tag. ``subjects`` maps each object to when it was tagged, in that order."""

    id: int
    name: str
    description: str
    created: float
    subjects: dict[Node, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many objects carry it, deleted ones left out (§6 row 37)."""
        return sum(not node.deleted for node in self.subjects)

    def row(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "number_of_objects_tagged": self.count,
            "ts_created": iso(self.created),
            "url": f"/tag/{self.id}/",
        }


class Tags:
    """All tags. Names are unique whatever their case; the first spelling stays (§6 row 33)."""

    def __init__(self, first: int) -> None:
        self._next = first
        self.by_id: dict[int, Tag] = {}
        self._by_name: dict[str, Tag] = {}
        self._on: dict[Node, list[Tag]] = {}

    def named(self, name: str) -> Tag | None:
        return self._by_name.get(name.casefold())

    def make(self, name: str, now: float, description: str = "") -> Tag:
        tag = Tag(self._next, name, description, now)
        self._next += 1
        self.by_id[tag.id] = self._by_name[name.casefold()] = tag
        return tag

    def rename(self, tag: Tag, name: str) -> None:
        """Another name; the caller has made sure that it is free."""
        del self._by_name[tag.name.casefold()]
        tag.name = name
        self._by_name[name.casefold()] = tag

    def put(self, tag: Tag, node: Node, now: float) -> None:
        """Tag an object; a second time changes nothing (§6 row 34)."""
        if node not in tag.subjects:
            tag.subjects[node] = now
            self._on.setdefault(node, []).append(tag)

    def take(self, tag: Tag, node: Node) -> bool:
        """Untag an object; false when it did not carry the tag."""
        if tag.subjects.pop(node, None) is None:
            return False
        self._on[node].remove(tag)
        return True

    def on(self, node: Node) -> list[Tag]:
        """The tags of one object."""
        return self._on.get(node, [])
