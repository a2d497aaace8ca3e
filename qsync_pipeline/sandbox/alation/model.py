"""What the sandbox holds of data sources, schemas, tables and columns (alation-api.md §2.0-§2.2).

One slotted class for the four: the large estate holds 620,000 of them. What few have lies in dictionaries
that are shared until something is put into them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from qsync_pipeline.sandbox.alation.keys import join, part

Otype = Literal["data", "schema", "table", "attribute"]
OTYPES: tuple[Otype, ...] = ("data", "schema", "table", "attribute")
CHILD_OF: dict[str, Otype] = {"data": "schema", "schema": "table", "table": "attribute"}
URL_WORDS = {"data": "data", "schema": "schema", "table": "table", "attribute": "attribute"}

NOTHING: dict[Any, Any] = {}
"""Shared by all nodes without entries of their own; never changed."""


@dataclass(slots=True)
class Source:
    """What only a data source has. ``database`` is set where schemas do not show one (PostgreSQL)."""

    connector: str
    host: str
    native: bool
    database: str | None = None


@dataclass(slots=True, frozen=True)
class Stored:
    """The value of a custom field on an object; ``stamp`` in seconds since the epoch. Shared by equals."""

    value: Any
    stamp: float


class Node:
    """A data source, schema, table or column. ``id`` is unique within its otype only (§4, mistake 1)."""

    __slots__ = (
        "_key", "children", "column_type", "deleted", "extra", "id", "name", "otype", "parent", "parts",
        "position", "source", "values",
    )  # fmt: skip

    def __init__(self, number: int, otype: Otype, name: str, parent: Node | None) -> None:
        self.id = number
        self.otype: Otype = otype
        self.name = name
        self.parent = parent
        self.deleted = False
        self.children: list[Node] = []
        self.extra: dict[str, Any] = NOTHING
        """Title, description and the like, where they are not empty."""
        self.values: dict[int, Stored] = NOTHING
        """Custom field id -> value."""
        self.parts: tuple[str, ...] = (name,)
        """A schema's own name, with its database before it where the key shows one."""
        self.column_type: str | None = None
        self.position: int | None = None
        self.source: Source | None = None
        self._key: str | None = None

    @property
    def data(self) -> Node:
        """The data source that it belongs to."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    @property
    def key(self) -> str:
        """``6.EDW.PUBLIC.ORDERS.EMAIL`` down to its own level, in the original case (§2.0)."""
        if self.parent is None:
            return str(self.id)
        if self.otype == "attribute":
            return f"{self.parent.key}.{part(self.name)}"
        if self._key is None:
            self._key = f"{self.parent.key}.{join(self.parts)}"
        return self._key

    @property
    def url(self) -> str:
        return f"/{URL_WORDS[self.otype]}/{self.id}/"

    @property
    def ref(self) -> str:
        """``table:93``: how the control plane and error texts name it."""
        return f"{self.otype}:{self.id}"

    def rename(self, name: str) -> None:
        """Another name of its own; a database before it stays."""
        self.parts = (*self.parts[:-1], name)
        self.name = join(self.parts) if len(self.parts) > 1 else name
        self._forget_keys()

    def _forget_keys(self) -> None:
        self._key = None
        for child in self.children:
            if child.otype != "attribute":
                child._forget_keys()

    def put(self, name: str, value: Any) -> None:
        """Set one of the extras; an empty value is not kept."""
        extra = dict(self.extra)
        if value in (None, "", [], {}):
            extra.pop(name, None)
        else:
            extra[name] = value
        self.extra = extra or NOTHING

    def set_value(self, field_id: int, stored: Stored | None) -> None:
        """Set or, with null, clear the value of a custom field."""
        if self.values is NOTHING:
            if stored is None:
                return
            self.values = {}
        if stored is None:
            self.values.pop(field_id, None)
        else:
            self.values[field_id] = stored

    def upwards(self) -> Iterator[Node]:
        """It and all above it, from itself on."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def below(self) -> Iterator[Node]:
        """All below it that is not deleted, parents first."""
        for child in self.children:
            if not child.deleted:
                yield child
                yield from child.below()

    @property
    def full_names(self) -> tuple[str, ...]:
        """``DB.SCHEMA.TABLE.COLUMN`` as people say it, the usual one first (no quotes, no id)."""
        if self.parent is None:
            return (self.name,)
        if self.otype != "schema":
            return tuple(f"{above}.{self.name}" for above in self.parent.full_names)
        plain = ".".join(self.parts)
        database = self.parent.source.database if self.parent.source is not None else None
        return (f"{database}.{plain}", plain) if database is not None else (plain,)
