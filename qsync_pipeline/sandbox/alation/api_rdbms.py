"""Data sources, schemas, tables, columns: reading (alation-api.md §2.1, §2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import forbidden, not_found
from qsync_pipeline.sandbox.alation.fields import Fields
from qsync_pipeline.sandbox.alation.filters import found, picked_fields
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.rows import (
    ColumnRow,
    SchemaRow,
    TableFacts,
    TableRow,
    column_row,
    facts_of,
    schema_row,
    source_row,
    table_row,
)
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.world import World

_PER_PAGE = 100


class RdbmsApi:
    """The lists of the relational catalog."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._extracted = iso(world.clock.now())

    def routes(self) -> Routes:
        return [
            ("GET", "/integration/v2/datasource/", lambda call: self._sources(call, native=False)),
            ("GET", "/integration/v1/datasource/", lambda call: self._sources(call, native=True)),
            ("GET", "/integration/v2/datasource/{id}/", lambda call: self._source(call, native=False)),
            ("GET", "/integration/v1/datasource/{id}/", lambda call: self._source(call, native=True)),
            ("GET", "/integration/v2/datasource/{id}/available_schemas/", self._available),
            (
                "GET",
                "/integration/v2/schema/",
                lambda call: self._list(call, "schema", schema_row, SchemaRow),
            ),
            ("GET", "/integration/v2/table/", lambda call: self._list(call, "table", table_row, TableRow)),
            (
                "GET",
                "/integration/v2/column/",
                lambda call: self._list(call, "attribute", self._column_row(), ColumnRow),
            ),
        ]

    # Data sources.

    def _row(self, node: Node) -> dict[str, Any]:
        world = self._world
        owner = world.users.named("ada.lovelace")
        private = world.access.rules.get(node) == "hidden"
        return source_row(node, owner, private, self._extracted)

    def _sources(self, call: Call, *, native: bool) -> Reply:
        """Native connectors are in v1 only, all others in v2 only; the ids are one space (§2.1)."""
        if native:
            call.known("include_hidden", "include_undeployed")
        else:
            call.known("include_hidden", "exclude_suspended")
        nodes = [
            node
            for node in self._world.visible(call.user, self._world.store.sources())
            if node.source is not None and node.source.native == native
        ]
        return call.page(nodes, self._row)

    def _seen_source(self, call: Call, *, native: bool) -> Node:
        number = call.number("id")
        node = self._world.store.get("data", number)
        if node is None or node.deleted or node.source is None or node.source.native != native:
            raise not_found(f"Data source with id {call.path['id']} does not exist")
        if not self._world.access.sees(call.user, node):
            if call.switches.hidden_source_status == 404:
                raise not_found(f"Data source with id {number} does not exist")
            raise forbidden()
        return node

    def _source(self, call: Call, *, native: bool) -> dict[str, Any]:
        return self._row(self._seen_source(call, native=native))

    def _available(self, call: Call) -> dict[str, Any]:
        """The names of all schemas; paged by ``page`` and ``limit`` (§1.6)."""
        require(call.user, "CATALOG_ADMIN")
        node = self._seen_source(call, native=False)
        names = sorted(child.name for child in self._world.visible(call.user, node.children))
        limit = call.whole("limit", _PER_PAGE, least=1)
        first = (call.whole("page", 1, least=1) - 1) * limit
        return {"schemas": names[first : first + limit]}

    # Schemas, tables, columns.

    def _column_row(self) -> Callable[[Node, Fields], ColumnRow]:
        """Makes the rows of one page, whose columns mostly come from a few tables."""
        seen: dict[Node, TableFacts] = {}

        def make(node: Node, fields: Fields) -> ColumnRow:
            table = node.parent
            assert table is not None
            facts = seen.get(table)
            if facts is None:
                facts = seen[table] = facts_of(table)
            return column_row(node, fields, facts)

        return make

    def _list(
        self, call: Call, otype: str, make: Callable[[Node, Fields], Any], kind: type[msgspec.Struct]
    ) -> Reply:
        fields = self._world.fields
        picked = picked_fields(call, kind.__struct_fields__)

        def row(node: Node) -> Any:
            whole = make(node, fields)
            return whole if picked is None else {name: getattr(whole, name) for name in picked}

        return call.page(found(self._world, call, otype), row)
