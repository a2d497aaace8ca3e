"""Finding assets by the names that people use: ``DB.SCHEMA.TABLE.COLUMN`` (DESIGN.md §6).

Names hold dots themselves, so a name is never split: it is matched level by level against the names that
are there. A catalog's stand-in database (``DEFAULT`` for MySQL) may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qsync_pipeline.sandbox.atlan.model import LEVEL_OF_TYPE, Doc
from qsync_pipeline.sandbox.atlan.store import Store

STAND_IN = "DEFAULT"
"""Atlan's database of a source that has none."""


def spelled(doc: Doc) -> Iterator[str]:
    """The names that an asset answers to; the first is Atlan's own."""
    full = doc.full_name
    yield full
    if doc.scope.database == STAND_IN:
        yield full[len(STAND_IN) + 1 :]


def assets(store: Store) -> Iterator[Doc]:
    """Every active connection, database, schema, table and column."""
    return (doc for doc in store.docs() if doc.status == "ACTIVE" and doc.type in LEVEL_OF_TYPE)


def _connections(store: Store) -> list[Doc]:
    return [doc for doc in store.docs_of("Connection") if doc.status == "ACTIVE"]


def named(store: Store, name: str) -> list[Doc]:
    """All assets of exactly this name, of any level and connection."""
    found: dict[str, Doc] = {}
    for connection in _connections(store):
        if connection.name == name:
            found[connection.guid] = connection
        databases = store.children(connection.guid)
        for doc in _descend(store, databases, name):
            found[doc.guid] = doc
        for database in databases:
            if database.name == STAND_IN:
                for doc in _descend(store, store.children(database.guid), name):
                    found[doc.guid] = doc
    return list(found.values())


def _descend(store: Store, siblings: Iterable[Doc], rest: str) -> Iterator[Doc]:
    for doc in siblings:
        if doc.name == rest:
            yield doc
        elif rest.startswith(f"{doc.name}."):
            yield from _descend(store, store.children(doc.guid), rest[len(doc.name) + 1 :])


def like(store: Store, pattern: str) -> list[Doc]:
    """All assets whose name matches a SQL LIKE pattern (``%`` and ``_``)."""
    parts = [".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern]
    matcher = re.compile("".join(parts), re.DOTALL)
    return [doc for doc in assets(store) if any(matcher.fullmatch(name) for name in spelled(doc))]


def parents_for(store: Store, name: str) -> list[tuple[Doc, str]]:
    """Where an asset of this full name could be created: (schema or table, its own name), deepest first."""
    found: list[tuple[Doc, str]] = []

    def walk(siblings: Iterable[Doc], rest: str) -> None:
        for doc in siblings:
            if not rest.startswith(f"{doc.name}."):
                continue
            own = rest[len(doc.name) + 1 :]
            if LEVEL_OF_TYPE.get(doc.type) in ("schema", "table"):
                found.append((doc, own))
            walk(store.children(doc.guid), own)

    for connection in _connections(store):
        databases = store.children(connection.guid)
        walk(databases, name)
        for database in databases:
            if database.name == STAND_IN:
                walk(store.children(database.guid), name)
    return sorted(found, key=lambda pair: len(pair[1]))
