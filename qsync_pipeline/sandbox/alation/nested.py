"""Nested columns: what a column of type STRUCT holds, reading and describing it (alation-api.md §2.2).

What there is follows from the column's type, as a crawler would have read it. How children are numbered and
keyed is not documented [inferred]: by their place, and with their path behind the column's key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.alation.errors import invalid_objects, not_found
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.jobs import Keeps
from qsync_pipeline.sandbox.alation.keys import part
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.rdbms_write import source_and_items
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.world import World

_DEFAULT_LIMIT = 100
_MOST_CHILDREN = 1000
"""Children that a column may have before their ids meet those of the next column."""
_SAID = "nested"
"""The extra of a column that holds what was said of its children: path -> title and description."""


@dataclass(frozen=True)
class Child:
    """A part of a STRUCT; ``path`` is its names down from the column."""

    number: int
    path: tuple[str, ...]
    type: str
    children: tuple[Child, ...]

    def whole(self) -> Iterator[Child]:
        """It and all below it."""
        yield self
        for child in self.children:
            yield from child.whole()


def children_of(column: Node) -> tuple[Child, ...]:
    """The children of a column, by its type: ``STRUCT<street: TEXT, at: STRUCT<lat: FLOAT>>``."""
    numbers = iter(range(column.id * _MOST_CHILDREN, (column.id + 1) * _MOST_CHILDREN))
    return _parsed(column.column_type or "", (), numbers)


def _parsed(type_: str, above: tuple[str, ...], numbers: Iterator[int]) -> tuple[Child, ...]:
    text = type_.strip()
    if not (text.upper().startswith("STRUCT<") and text.endswith(">")):
        return ()
    found = []
    for each in _split(text[len("STRUCT<") : -1]):
        name, _, kind = each.partition(":") if ":" in each.split("<")[0] else each.partition(" ")
        number, path = next(numbers), (*above, name.strip())
        found.append(Child(number, path, kind.strip(), _parsed(kind, path, numbers)))
    return tuple(found)


def _split(text: str) -> list[str]:
    """At the commas that lie in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


class NestedApi:
    """The calls for what is in STRUCT columns."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        return [
            ("GET", "/integration/v2/column/{id}/children/", self._list),
            ("PATCH", "/integration/v2/column/{id}/children/", self._patch),
            ("PATCH", "/integration/v2/column/children/", self._patch_roots),
        ]

    def _column(self, call: Call) -> Node:
        node = self._world.subject(call.user, "attribute", call.number("id"))
        if node is None:
            raise not_found(f"Column with id {call.path['id']} does not exist")
        return node

    def _list(self, call: Call) -> dict[str, Any]:
        """Children, with theirs in them; ``ids`` and ``paths`` (commas between them) pick some."""
        call.known("child_limit", "child_offset", "ids", "paths")
        column = self._column(call)
        first = call.whole("child_offset", 0, least=0)
        limit = call.whole("child_limit", _DEFAULT_LIMIT, least=1)
        found = list(children_of(column))
        wanted = {*(call.one("ids") or "").split(","), *(call.one("paths") or "").split(",")} - {""}
        if wanted:
            every = [child for top in found for child in top.whole()]
            found = [child for child in every if {str(child.number), ".".join(child.path)} & wanted]
        return {
            "ds_id": column.data.id,
            "parent_fully_qualified_name": column.key,
            "children": [_row(column, child) for child in found[first : first + limit]],
        }

    def _patch(self, call: Call) -> Reply:
        """Titles and descriptions of the children of one column."""
        source, items = source_and_items(self._world, call)
        column = self._column(call)
        if column.data is not source:
            raise invalid_objects([{"key": [f"400067: Object not found: {column.key}"]}])
        return self._describe([(column, item) for item in items])

    def _patch_roots(self, call: Call) -> Reply:
        """The same for children of several columns, which each item names by ``parent_key``."""
        source, items = source_and_items(self._world, call)
        pairs = []
        for item in items:
            column = self._world.store.resolve(str(item.get("parent_key")))
            if column is None or column.otype != "attribute" or column.data is not source:
                raise invalid_objects(
                    [{"parent_key": [f"400067: Object not found: {item.get('parent_key')}"]}]
                )
            pairs.append((column, item))
        return self._describe(pairs)

    def _describe(self, pairs: list[tuple[Node, dict[str, Any]]]) -> Reply:
        plans: list[tuple[Node, Child, dict[str, Any]]] = []
        for column, item in pairs:
            every = {_key(column, one): one for top in children_of(column) for one in top.whole()}
            child = every.get(str(item.get("key")))
            if child is None:
                raise invalid_objects([{"key": [f"400067: Object not found: {item.get('key')}"]}])
            plans.append((column, child, item))

        def work(keeps: Keeps) -> list[dict[str, Any]]:
            done = [plan for index, plan in enumerate(plans) if keeps(index)]
            for column, child, item in done:
                said = {word: item[word] for word in ("title", "description") if word in item}
                if isinstance(said.get("description"), str):
                    said["description"] = clean(said["description"], wrap=self._world.switches.wrap_rich_text)
                before = column.extra.get(_SAID, {})
                path = ".".join(child.path)
                column.put(_SAID, {**before, path: {**before.get(path, {}), **said}})
            mapping = [{"id": child.number, "key": _key(column, child)} for column, child, _ in done]
            told = f"Updated {len(done)} attribute objects."
            return [{"response": told, "mapping": mapping, "errors": []}]

        return Reply(202, self._world.jobs.announce(self._world.jobs.start("relational", work)))


def _key(column: Node, child: Child) -> str:
    return ".".join([column.key, *map(part, child.path)])


def _row(column: Node, child: Child) -> dict[str, Any]:
    path = ".".join(child.path)
    return {
        "id": child.number,
        "key": _key(column, child),
        "path": path,
        "type": child.type,
        "title": "",
        "description": "",
        "other_metadata": {},
        **column.extra.get(_SAID, {}).get(path, {}),
        "children": [_row(column, each) for each in child.children],
    }
