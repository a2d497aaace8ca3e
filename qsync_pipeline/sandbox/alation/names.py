"""Objects by the names that people use: ``DB.SCHEMA.TABLE.COLUMN``, without ids and quotes.

A name may hold dots, so a full name is not split: it is matched level by level against the names that are
there. Where a schema does not show its database (PostgreSQL), names with and without it both fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.store import Store


def objects(store: Store) -> Iterator[Node]:
    """Every data source, schema, table and column that is not deleted."""
    for source in store.sources():
        yield source
        yield from source.below()


def named(store: Store, name: str) -> list[Node]:
    """All objects of exactly this name, of any level and data source."""
    found: dict[Node, None] = {}
    for source in store.sources():
        if source.name == name:
            found[source] = None
        for schema, rest in _schemas(source, name):
            if not rest:
                found[schema] = None
            else:
                found |= dict.fromkeys(_descend(schema.children, rest))
    return list(found)


def _schemas(source: Node, name: str) -> Iterator[tuple[Node, str]]:
    """Schemas with whose name this one begins, and what follows behind the dot."""
    for schema in source.children:
        if schema.deleted:
            continue
        for spelled in schema.full_names:
            if name == spelled:
                yield schema, ""
            elif name.startswith(f"{spelled}."):
                yield schema, name[len(spelled) + 1 :]


def _descend(siblings: Iterable[Node], rest: str) -> Iterator[Node]:
    for node in siblings:
        if node.deleted:
            continue
        if node.name == rest:
            yield node
        elif rest.startswith(f"{node.name}."):
            yield from _descend(node.children, rest[len(node.name) + 1 :])


def like(store: Store, pattern: str) -> list[Node]:
    """All objects whose name matches a SQL LIKE pattern (``%`` and ``_``)."""
    parts = [".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern]
    matcher = re.compile("".join(parts), re.DOTALL)
    return [node for node in objects(store) if any(matcher.fullmatch(name) for name in node.full_names)]


def parents_for(store: Store, name: str) -> list[tuple[Node, str]]:
    """Where an object of this full name could be made: (schema or table, its own name), deepest first."""
    found: dict[Node, str] = {}

    def walk(node: Node, rest: str) -> None:
        found[node] = rest
        for child in node.children:
            if child.otype == "table" and not child.deleted and rest.startswith(f"{child.name}."):
                walk(child, rest[len(child.name) + 1 :])

    for source in store.sources():
        for schema, rest in _schemas(source, name):
            if rest:
                walk(schema, rest)
    return sorted(found.items(), key=lambda pair: len(pair[1]))
