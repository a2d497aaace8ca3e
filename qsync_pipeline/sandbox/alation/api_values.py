"""Values of custom fields: reading, and writing in jobs (alation-api.md §2.4, §6 rows 25 to 28)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import invalid_payload
from qsync_pipeline.sandbox.alation.fields import Field
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.jobs import Keeps
from qsync_pipeline.sandbox.alation.model import OTYPES, Node
from qsync_pipeline.sandbox.alation.times import iso, read
from qsync_pipeline.sandbox.alation.world import World

_SECOND_JOB = (
    "Start bulk upsert values to annotation value microservice... "
    "Legacy(Rosemeta) write job_id (can be tracked using jobs API): {}"
)


class Row(msgspec.Struct):
    field_id: int
    otype: str
    oid: int
    ts_updated: str
    value: Any


@dataclass(slots=True)
class Put:
    """One value of a write that has been found in order."""

    node: Node
    field: Field
    value: Any
    stamp: float | None


class ValuesApi:
    """Values on data sources, schemas, tables and columns."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listed: tuple[Any, list[tuple[int, Node]]] | None = None

    def routes(self) -> Routes:
        root = "/integration/v2/custom_field_value/"
        return [("GET", root, self._list), ("PUT", root + "async/", self._write)]

    # Reading.

    def _list(self, call: Call) -> Reply:
        call.known("otype", "oid", "field_id")
        otypes, oids, wanted = call.many("otype"), call.numbers("oid"), call.numbers("field_id")
        rules = bool(self._world.access.rules) and not call.user.may("SERVER_ADMIN")
        state = (self._world.store.revision, self._world.fields.revision)
        question = (*state, tuple(otypes), tuple(oids), tuple(wanted), rules)
        if self._listed is None or self._listed[0] != question:
            nodes = self._world.visible(call.user, self._nodes(otypes or list(OTYPES), oids))
            # Pages of one list come one after the other: the last one asked for is kept.
            self._listed = (question, list(_pairs(nodes, set(wanted))))
        return call.page(self._listed[1], self._row)

    def _nodes(self, otypes: list[str], oids: list[int]) -> Iterator[Node]:
        for otype in otypes:
            nodes = self._world.store.nodes.get(otype, {})
            if oids:
                yield from (nodes[oid] for oid in dict.fromkeys(oids) if oid in nodes)
            else:
                yield from nodes.values()

    def _row(self, pair: tuple[int, Node]) -> Row:
        number, node = pair
        stored = node.values[number]
        return Row(number, node.otype, node.id, iso(stored.stamp), stored.value)

    # Writing.

    def _write(self, call: Call) -> Reply:
        """Validated whole before any job is made: one bad value rejects all (row 26)."""
        require(call.user, "CATALOG_ADMIN")
        items = call.body
        if not isinstance(items, list):
            raise invalid_payload('Expected a list of items but got type "dict".')
        if len(items) > call.switches.value_rows:
            raise invalid_payload(f"At most {call.switches.value_rows} objects are allowed per request.")
        puts = [self.checked(call, item) for item in items]
        jobs = self._world.jobs

        def work(keeps: Keeps) -> list[str]:
            done = [self._store(put) for index, put in enumerate(puts) if keeps(index)]
            counts = f"Updated objects: {done.count(False)}, created objects: {done.count(True)}"
            return [
                "Start bulk upsert public annotation field values...",
                f"Finished bulk upsert public annotation field values. {counts}",
            ]

        if call.switches.deployment == "onprem":
            return Reply(202, jobs.announce(jobs.start("values", work)))
        # The first job writes a store of its own; what people and the API see follows with the second.
        second: list[int] = []
        first = jobs.start(
            "values", lambda _: [_SECOND_JOB.format(second[0]), "Finished bulk upsert values."]
        )
        second.append(jobs.start("values", work, after=first).id)
        return Reply(202, jobs.announce(first))

    def checked(self, call: Call, item: Any) -> Put:
        """One value, found in order; raises what the whole request is refused with."""
        if not isinstance(item, dict):
            raise invalid_payload("Invalid data. Expected a dictionary.")
        for name in ("field_id", "otype", "oid", "value"):
            if name not in item:
                raise invalid_payload(f"{name}: This field is required.")
        otype, oid = item["otype"], item["oid"]
        if otype not in self._world.store.nodes:
            raise invalid_payload("Invalid otype", name="otype")
        node = self._world.subject(call.user, otype, oid)
        if node is None:
            raise invalid_payload(f"Object not found: {otype}:{oid}.")
        if not self._world.access.writes(call.user, node):
            raise invalid_payload(f"No permission to edit: {node.ref}.", 403)
        return Put(node, *self.fitted(otype, item))

    def fitted(self, otype: str, item: dict[str, Any]) -> tuple[Field, Any, float | None]:
        """The field of a value, the value as it is stored, and its time; also of one that rides along."""
        number = item["field_id"]
        field = self._world.fields.by_id.get(number) if _whole(number) else None
        if field is None:
            raise invalid_payload(f"Field not found: {number}.")
        if field.builtin in ("title", "description"):
            raise invalid_payload(f"No support for updating `{field.builtin}` field for `{otype}`.")
        problem = self._world.fields.problem(field, item["value"])
        if problem is not None:
            raise invalid_payload(problem)
        return field, self._world.fields.stored_form(field, item["value"]), _stamp(item)

    def _store(self, put: Put) -> bool:
        """Store a value; true if there was none before."""
        before = put.node.values.get(put.field.id)
        now = put.stamp if put.stamp is not None else self._world.clock.now()
        if self._world.switches.guard_ts_updated and before is not None and before.stamp > now:
            return False
        return self._world.fields.put(put.node, put.field, put.value, now)


def _pairs(nodes: list[Node], wanted: set[int]) -> Iterator[tuple[int, Node]]:
    for node in nodes:
        for number in node.values:
            if not wanted or number in wanted:
                yield number, node


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _stamp(item: dict[str, Any]) -> float | None:
    given = item.get("ts_updated")
    if given is None:
        return None
    stamp = read(given) if isinstance(given, str) else None
    if stamp is None:
        raise invalid_payload(f"ts_updated: {given!r} is not a point in time.")
    return stamp
