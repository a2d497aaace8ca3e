"""Relational writes: POST replaces, PATCH changes (alation-api.md §2.2, §6 rows 30 and 31)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.api_values import ValuesApi
from qsync_pipeline.sandbox.alation.errors import forbidden, invalid_objects, refused
from qsync_pipeline.sandbox.alation.fields import Field
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.jobs import Keeps
from qsync_pipeline.sandbox.alation.keys import join, split
from qsync_pipeline.sandbox.alation.model import CHILD_OF, Node
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.rows import IndexRow
from qsync_pipeline.sandbox.alation.world import World

_PROPERTIES: dict[str, tuple[str, ...]] = {
    "schema": ("title", "description", "db_comment"),
    "table": (
        "title", "description", "table_comment", "table_type", "table_type_name", "owner", "sql",
        "base_table_key", "partition_definition", "partition_columns",
    ),
    "attribute": ("title", "description", "column_comment", "nullable", "index"),
}  # fmt: skip
_CAPS = {"schema": 1000, "table": 1000, "attribute": 10_000}
_PATHS = {"schema": "schema", "table": "table", "attribute": "column"}


@dataclass(slots=True)
class Plan:
    """One item of a write: what it names, and the object where there is one already."""

    item: dict[str, Any]
    key: str
    node: Node | None
    values: list[tuple[Field, Any, float | None]] = field(default_factory=list)


class RdbmsWriteApi:
    """POST and PATCH of schemas, tables and columns, all of them as jobs."""

    def __init__(self, world: World, values: ValuesApi) -> None:
        self._world = world
        self._values = values

    def routes(self) -> Routes:
        routes: Routes = []
        for otype, word in _PATHS.items():
            path = f"/integration/v2/{word}/"
            routes.append(("POST", path, partial(self._post, otype)))
            routes.append(("PATCH", path, partial(self._patch, otype)))
        return routes

    def _items(self, call: Call, otype: str) -> tuple[Node, list[dict[str, Any]]]:
        source, items = source_and_items(self._world, call)
        if len(items) > _CAPS[otype]:
            raise refused(400, f"At most {_CAPS[otype]} objects are allowed per request.", 10)
        return source, items

    # POST.

    def _post(self, otype: str, call: Call) -> Reply:
        """Upsert by key; what an item leaves out is reset (row 30)."""
        source, items = self._items(call, otype)
        needed = ("key", "column_type") if otype == "attribute" else ("key",)
        problems: list[dict[str, list[str]]] = []
        for item in items:
            lacking = [name for name in needed if not isinstance(item.get(name), str)]
            problems += [{name: [f"400068: API Key is a required input: {name}"]} for name in lacking]
        if problems:
            raise invalid_objects(problems)
        plans = [self._plan(otype, item) for item in items]

        def work(keeps: Keeps) -> list[dict[str, Any]]:
            done: list[Node] = []
            errors: list[dict[str, Any]] = []
            for index, plan in enumerate(plans):
                if not keeps(index):
                    continue
                # An item before it may have made the object of the same key.
                node = self._world.store.resolve(plan.key) or self._create(source, otype, plan.key)
                if node is None:
                    errors.append({"key": plan.key, "error": "The parent of this object does not exist."})
                    continue
                if call.switches.post_resets:
                    self._reset(node)
                self._apply(call, node, plan)
                done.append(node)
            return [_told("Upserted", otype, done, errors)]

        return Reply(202, self._world.jobs.announce(self._world.jobs.start("relational", work)))

    def _plan(self, otype: str, item: dict[str, Any]) -> Plan:
        node = self._world.store.resolve(item["key"])
        if node is not None and node.otype != otype:
            raise invalid_objects([{"key": [f"400067: not the key of a {otype}: {item['key']}"]}])
        return Plan(item, item["key"], node, self._riding(otype, item))

    def _riding(self, otype: str, item: dict[str, Any]) -> list[tuple[Field, Any, float | None]]:
        """Custom field values that ride along."""
        given = item.get("custom_fields") or []
        if not all(isinstance(each, dict) and {"field_id", "value"} <= set(each) for each in given):
            raise invalid_objects([{"custom_fields": ["field_id and value are required"]}])
        return [self._values.fitted(otype, each) for each in given]

    def _create(self, source: Node, otype: str, key: str) -> Node | None:
        """A new object where its parent is there; a schema takes all the rest of the key as its name."""
        names = split(key)
        if names is None or len(names) < 2 or names[0] != str(source.id):
            return None
        if otype == "schema":
            if len(names) > 3:
                return None
            made = self._world.store.add("schema", join(names[1:]) if len(names) > 2 else names[1], source)
            made.parts = names[1:]
            return made
        parent = self._world.store.descend(source, names[1:-1])
        if parent is None or CHILD_OF.get(parent.otype) != otype:
            return None
        return self._world.store.add(CHILD_OF[parent.otype], names[-1], parent)

    def _reset(self, node: Node) -> None:
        for name in _PROPERTIES[node.otype]:
            node.put(name, None)
        for number in list(node.values):
            node.set_value(number, None)
        self._world.fields.revision += 1

    # PATCH.

    def _patch(self, otype: str, call: Call) -> Reply:
        """Change what an item says, and nothing else."""
        source, items = self._items(call, otype)
        plans = [self._known(call, source, otype, item) for item in items]

        def work(keeps: Keeps) -> list[dict[str, Any]]:
            done = []
            for index, plan in enumerate(plans):
                if keeps(index) and plan.node is not None and not plan.node.deleted:
                    self._apply(call, plan.node, plan)
                    done.append(plan.node)
            return [_told("Updated", otype, done, [])]

        return Reply(202, self._world.jobs.announce(self._world.jobs.start("relational", work)))

    def _known(self, call: Call, source: Node, otype: str, item: dict[str, Any]) -> Plan:
        """The object of an item: its id wins, and a key that names another is refused (row 31)."""
        number, key = item.get("id"), item.get("key")
        if number is None and key is None:
            raise invalid_objects([{"key": ["400068: API Key is a required input"]}])
        by_key = self._world.store.resolve(str(key)) if key is not None else None
        node = self._world.subject(call.user, otype, number) if number is not None else by_key
        if node is None or node.otype != otype or node.data is not source:
            raise invalid_objects([{"key": [f"400067: Object not found: {key or number}"]}])
        if key is not None and by_key is not node:
            raise invalid_objects([{"key": [f"400069: id {number} and key {key} name different objects"]}])
        return Plan(item, node.key, node, self._riding(otype, item))

    def _apply(self, call: Call, node: Node, plan: Plan) -> None:
        item = plan.item
        for name in _PROPERTIES[node.otype]:
            if name not in item:
                continue
            value = item[name]
            if name == "description" and isinstance(value, str):
                value = clean(value, wrap=call.switches.wrap_rich_text)
            elif name == "index" and isinstance(value, dict):
                value = IndexRow(**{key: value[key] for key in IndexRow.__struct_fields__ if key in value})
            node.put(name, value)
        if node.otype == "attribute":
            node.column_type = item.get("column_type", node.column_type)
            node.position = item.get("position", node.position)
        now = self._world.clock.now()
        for each, value, stamp in plan.values:
            self._world.fields.put(node, each, value, stamp or now)


def _told(verb: str, otype: str, done: list[Node], errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "response": f"{verb} {len(done)} {otype} objects.",
        "mapping": [{"id": node.id, "key": node.key} for node in done],
        "errors": errors,
    }


def source_and_items(world: World, call: Call) -> tuple[Node, list[dict[str, Any]]]:
    """The data source that a write names, and its items, in order so far."""
    require(call.user, "CATALOG_ADMIN")
    call.known("ds_id")
    source = world.subject(call.user, "data", call.one("ds_id"))
    if source is None:
        raise refused(404, f"Data source with id {call.one('ds_id')} does not exist")
    if not world.access.writes(call.user, source):
        raise forbidden()
    if not isinstance(call.body, list) or not all(isinstance(item, dict) for item in call.body):
        raise refused(400, "Incorrect input data. A list of objects is expected.", 10)
    return source, call.body
