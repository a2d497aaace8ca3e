"""Tag endpoints (alation-api.md §2.6). There is none that deletes a tag."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import by_field, forbidden, not_found, refused
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.tags import Tag
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.world import World

_ORDERS = ("id", "name", "number_of_objects_tagged", "ts_created")


class TagsApi:
    """Lists, per-object lists, the inverted index, adding and removing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        # The name may hold a slash, which arrives decoded.
        subjects = "/integration/tag/{name:path}/subject/"
        return [
            ("GET", "/integration/tag/", self._list),
            ("GET", "/integration/tag/{id:int}/", self._one),
            ("PATCH", "/integration/tag/{id:int}/", self._patch),
            ("GET", subjects, self._subjects),
            ("POST", subjects, self._add),
            ("DELETE", subjects + "{otype}/{oid}/", self._remove),
        ]

    def _list(self, call: Call) -> Reply:
        oid, otype = call.one("oid"), call.one("otype")
        if oid is None and otype is None:
            tags = list(self._world.tags.by_id.values())
        elif oid is None or otype is None:
            raise by_field(**{"otype" if otype is None else "oid": "This field is required."})
        else:
            tags = self._of_object(call, otype, oid)
        order = call.one("order_by") or "id"
        field = order.removeprefix("-")
        if field not in _ORDERS:
            raise by_field(order_by=f"Invalid value: {order}")
        tags.sort(key=lambda tag: tag.row()[field], reverse=order.startswith("-"))
        return call.page(tags, Tag.row)

    def _of_object(self, call: Call, otype: str, oid: str) -> list[Tag]:
        node = self._world.subject(call.user, otype, oid)
        if node is not None:
            return list(self._world.tags.on(node))
        if call.switches.unseen_objects == "empty":
            return []
        there = self._world.store.get(otype, oid)
        raise not_found() if there is None or there.deleted else forbidden()

    def _one(self, call: Call) -> dict[str, Any]:
        return self._tag(call).row()

    def _tag(self, call: Call) -> Tag:
        tag = self._world.tags.by_id.get(call.path["id"])
        if tag is None:
            raise not_found()
        return tag

    def _patch(self, call: Call) -> dict[str, Any]:
        require(call.user, "COMPOSER")
        tag, body = self._tag(call), call.object()
        name = body.get("name", tag.name)
        if not isinstance(name, str) or not name.strip():
            raise by_field(name="This field may not be blank.")
        other = self._world.tags.named(name)
        if other is not None and other is not tag:
            raise by_field(name="Tag with this name already exists.")
        if name != tag.name:
            self._world.tags.rename(tag, name)
        if "description" in body:
            tag.description = clean(str(body["description"] or ""), wrap=call.switches.wrap_rich_text)
        return tag.row()

    def _named(self, call: Call) -> Tag:
        tag = self._world.tags.named(call.path["name"])
        if tag is None:
            raise not_found()
        return tag

    def _subjects(self, call: Call) -> Reply:
        """All objects with a tag; deleted ones too unless ``exclude_deleted`` says no (row 45)."""
        tag, world = self._named(call), self._world
        rows = [
            (when, node)
            for node, when in tag.subjects.items()
            if world.access.sees(call.user, node) and not (node.deleted and call.flag("exclude_deleted"))
        ]
        order = call.one("order_by")
        if order not in (None, "ts_tagged", "-ts_tagged"):
            raise by_field(order_by=f"Invalid value: {order}")
        if order is not None:
            rows.sort(key=lambda row: row[0], reverse=order.startswith("-"))
        return call.page(rows, lambda row: self._subject_row(*row))

    def _subject_row(self, when: float, node: Node) -> dict[str, Any]:
        subject = {"url": node.url, "otype": node.otype, "id": node.id}
        return {"ts_tagged": iso(when), self._world.switches.subject_property: subject}

    def _add(self, call: Call) -> Reply:
        """Tag an object; makes the tag where it is missing. 201 when it is new, else 200 (row 32)."""
        require(call.user, "COMPOSER")
        body, name = call.object(), call.path["name"]
        for key in ("oid", "otype"):
            if body.get(key) in (None, ""):
                raise by_field(**{key: "This field is required."})
        node = self._world.subject(call.user, body["otype"], body["oid"])
        if node is None:
            if body["otype"] not in self._world.store.nodes:
                raise by_field(otype="Invalid otype")
            raise refused(404, "Object to be tagged does not exist.")
        if not self._world.access.writes(call.user, node):
            raise forbidden()
        tag, status = self._world.tags.named(name), 200
        if tag is None:
            if not name.strip():
                raise by_field(name="This field may not be blank.")
            tag, status = self._world.tags.make(name, self._world.clock.now()), 201
        self._world.tags.put(tag, node, self._world.clock.now())
        return Reply(status, tag.row())

    def _remove(self, call: Call) -> None:
        require(call.user, "COMPOSER")
        tag = self._named(call)
        node = self._world.store.get(call.path["otype"], call.path["oid"])
        if node is None or not self._world.access.sees(call.user, node):
            raise not_found()
        if not self._world.access.writes(call.user, node):
            raise forbidden()
        if not self._world.tags.take(tag, node):
            raise not_found()
