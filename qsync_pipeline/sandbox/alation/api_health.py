"""Data health endpoints: the "Open Data Quality" API (alation-api.md §2.9, §6 rows 12 to 22)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import entry, refused
from qsync_pipeline.sandbox.alation.health import HealthField, HealthValue
from qsync_pipeline.sandbox.alation.health_jobs import delete_work, post_work
from qsync_pipeline.sandbox.alation.health_payload import check_deletion, check_fields, check_values
from qsync_pipeline.sandbox.alation.http import PAGING, Call, Reply, Routes
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.world import World

Shown = tuple[HealthValue, Node]
"""A value and an object on which it appears."""
_ORDERS = {
    "value_last_updated": lambda shown: shown[0].updated,
    "value_id": lambda shown: shown[0].id,
    "field_key": lambda shown: shown[0].field.key,
    "object_key": lambda shown: shown[1].key.lower(),
    "value_quality": lambda shown: shown[0].status,
}


class HealthApi:
    """Fields and values: reading them, and writing and deleting them in jobs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listed: tuple[Any, list[Shown]] | None = None

    def routes(self) -> Routes:
        root = "/integration/v1/data_quality/"
        return [
            ("GET", root + "fields/", self._fields),
            ("GET", root + "values/", self._values),
            ("POST", root, self._post),
            ("DELETE", root, self._delete),
        ]

    # Reading.

    def _fields(self, call: Call) -> Reply:
        keys = set(call.many("key"))
        fields = self._world.health.fields.values()
        return call.page([field for field in fields if not keys or field.key in keys], _field_row)

    def _values(self, call: Call) -> Reply:
        """One row for each object on which a value appears; ``hide_related`` keeps its own only."""
        query = call.request.query_params.multi_items()
        asked = sorted(pair for pair in query if pair[0] not in PAGING)
        revisions = self._world.health.revision, self._world.store.revision
        question = (asked, *revisions, call.user.may("SERVER_ADMIN"))
        if self._listed is None or self._listed[0] != question:
            # Pages of one list come one after the other: the last one asked for is kept.
            self._listed = (question, self._shown(call))
        return call.page(self._listed[1], _value_row)

    def _shown(self, call: Call) -> list[Shown]:
        world = self._world
        objects = {key.lower() for key in call.many("object_key")}
        sources = {key.lower() for key in call.many("source_object_key")}
        fields, states = set(call.many("field_key")), {each.upper() for each in call.many("value_quality")}
        rows: list[Shown] = []
        for value in world.health.values():
            if (fields and value.field.key not in fields) or (states and value.status not in states):
                continue
            if not world.access.sees(call.user, value.node):
                continue
            if sources and value.node.key.lower() not in sources:
                continue
            shown = [value.node] if call.flag("hide_related") else world.health.shown_on(value)
            rows += [(value, node) for node in shown if not objects or node.key.lower() in objects]
        order = call.one("order_by") or "value_id"
        read = _ORDERS.get(order.removeprefix("-"))
        if read is None:
            raise refused(400, f"Invalid value for query parameter: order_by [{order}]", 6)
        rows.sort(key=read, reverse=order.startswith("-"))
        return rows

    # Writing.

    def _post(self, call: Call) -> Reply:
        require(call.user, "CATALOG_ADMIN")
        body, switches = call.body, call.switches
        if not isinstance(body, dict) or not {"fields", "values"} & set(body):
            raise entry(-1, 'A "values" or "fields" property must be specified')
        _within(switches.health_body_cap, body)
        fields = check_fields(body.get("fields") or [], switches)
        known = {**{key: field.type for key, field in self._world.health.fields.items()}}
        known |= {field["field_key"]: field["type"] for field in fields}
        values = check_values(body.get("values") or [], known, switches)
        job = self._world.jobs.start("health", post_work(self._world, call.user, fields, values))
        return Reply(202, self._world.jobs.announce(job, href=True))

    def _delete(self, call: Call) -> Reply:
        """By a body, although it is a DELETE (§2.9)."""
        require(call.user, "CATALOG_ADMIN")
        fields, values = check_deletion(call.body, call.switches)
        job = self._world.jobs.start("health", delete_work(self._world, call.user, fields, values))
        return Reply(202, self._world.jobs.announce(job, href=True))


def _within(cap: int, body: dict[str, Any]) -> None:
    rows = sum(len(body[name]) for name in ("fields", "values") if isinstance(body.get(name), list))
    if rows > cap:
        raise refused(413, f"At most {cap} objects are allowed per request.")


def _field_row(field: HealthField) -> dict[str, Any]:
    return {
        "key": field.key,
        "name": field.name,
        "description": field.description,
        "type": field.type,
        "ts_created": iso(field.created),
    }


def _value_row(shown: Shown) -> dict[str, Any]:
    """Keys and names come in lower case (§2.9, row 11)."""
    value, node = shown
    source = value.node
    return {
        "object_key": node.key.lower(),
        "object_name": node.name.lower(),
        "otype": node.otype,
        "oid": node.id,
        "source_object_key": source.key.lower(),
        "source_object_name": source.name.lower(),
        "source_otype": source.otype,
        "source_oid": source.id,
        "value_id": value.id,
        "value_value": value.value,
        "value_quality": value.status,
        "value_last_updated": iso(value.updated),
        "value_external_url": value.url,
        "field_key": value.field.key,
        "field_name": value.field.name,
        "field_description": value.field.description,
    }
