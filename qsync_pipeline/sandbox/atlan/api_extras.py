"""Endpoints for what hangs on an asset: tags and custom metadata (atlan-api.md §2.5, §2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan import custom_metadata
from qsync_pipeline.sandbox.atlan.api_entity import Lookup
from qsync_pipeline.sandbox.atlan.errors import bad_request, invalid_instance, unknown_tag
from qsync_pipeline.sandbox.atlan.http import Call, Handler
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.tagging import Tagging, not_attached
from qsync_pipeline.sandbox.atlan.typedefs import TypeDefs
from qsync_pipeline.sandbox.atlan.views import Json, classification


class ExtrasApi:
    """Handlers for classifications and business metadata of single and of many assets."""

    def __init__(self, store: Store, types: TypeDefs, tagging: Tagging, lookup: Lookup) -> None:
        self._store = store
        self._types = types
        self._tagging = tagging
        self._lookup = lookup

    def routes(self) -> list[tuple[str, str, Handler]]:
        asset = "/api/meta/entity/guid/{guid}"
        named = "/api/meta/entity/uniqueAttribute/type/{type_name}"
        routes: list[tuple[str, str, Handler]] = [
            ("POST", "/api/meta/entity/bulk/classification", self.tag_many),
            ("POST", "/api/meta/entity/bulk/classification/displayName", self.tag_many_by_name),
            ("POST", f"{asset}/businessmetadata/displayName", self.put_by_name),
            ("POST", f"{asset}/businessmetadata/{{set_id}}", self.put_set),
            ("POST", f"{asset}/businessmetadata", self.put_sets),
            ("DELETE", f"{asset}/businessmetadata/{{set_id}}", self.delete_set),
            ("DELETE", f"{asset}/businessmetadata", self.delete_sets),
        ]
        for base in (asset, named):
            routes += [
                ("GET", f"{base}/classifications", self.tags),
                ("POST", f"{base}/classifications", self.add_tags),
                ("PUT", f"{base}/classifications", self.update_tags),
                ("GET", f"{base}/classification/{{tag}}", self.tag),
                ("DELETE", f"{base}/classification/{{tag}}", self.remove_tag),
            ]
        return routes

    def _doc(self, call: Call, *, write: bool) -> Doc:
        if "guid" in call.path:
            return self._lookup.by_guid(call.path["guid"], call.token, write=write)
        return self._lookup.by_name(call.path["type_name"], call.query, call.token, write=write)

    # Tags.

    def tags(self, call: Call) -> Json:
        doc = self._doc(call, write=False)
        return {"list": [classification(tag) for tag in doc.tags], "pageSize": -1, "startIndex": 0}

    def tag(self, call: Call) -> Json:
        doc = self._doc(call, write=False)
        for tag in doc.tags:
            if tag.type_name == call.path["tag"]:
                return classification(tag)
        raise not_attached(call.path["tag"], doc.guid)

    def add_tags(self, call: Call) -> None:
        """400 if one is attached already (§2.5)."""
        doc = self._doc(call, write=True)
        txn = self._store.begin(call.token.actor, call.headers)
        self._tagging.add(txn, doc, call.items(), strict=True)
        txn.commit()

    def update_tags(self, call: Call) -> None:
        doc = self._doc(call, write=True)
        txn = self._store.begin(call.token.actor, call.headers)
        self._tagging.update(txn, doc, call.items())
        txn.commit()

    def remove_tag(self, call: Call) -> None:
        doc = self._doc(call, write=True)
        txn = self._store.begin(call.token.actor, call.headers)
        self._tagging.remove(txn, doc, call.path["tag"])
        txn.commit()

    def tag_many(self, call: Call) -> None:
        body = call.json()
        tag, guids = body.get("classification"), body.get("entityGuids")
        if not isinstance(tag, Mapping) or not isinstance(guids, list) or not guids:
            raise bad_request("classification and entityGuids are mandatory")
        self._tag_each(call, [(str(guid), tag) for guid in guids])

    def tag_many_by_name(self, call: Call) -> None:
        """A list of classifications with displayName and entityGuid."""
        pairs: list[tuple[str, Mapping[str, Any]]] = []
        for body in call.items():
            definition = self._types.tag_named(str(body.get("displayName")))
            if definition is None:
                raise unknown_tag(body.get("displayName"))
            pairs.append((str(body.get("entityGuid")), {**body, "typeName": definition["name"]}))
        self._tag_each(call, pairs)

    def _tag_each(self, call: Call, pairs: list[tuple[str, Mapping[str, Any]]]) -> None:
        txn = self._store.begin(call.token.actor, call.headers)
        for guid, body in pairs:
            self._lookup.by_guid(guid, call.token, write=True)
            doc = txn.get(guid)
            if doc is not None:
                self._tagging.add(txn, doc, [body], strict=True)
        txn.commit()

    # Custom metadata.

    def put_set(self, call: Call) -> None:
        """One set: the keys present change, null deletes (§2.8)."""
        self._put(call, {call.path["set_id"]: call.json()}, overwrite=False)

    def put_sets(self, call: Call) -> None:
        self._put(call, call.json(), overwrite=call.flag("isOverwrite"))

    def put_by_name(self, call: Call) -> None:
        """The same with display names of sets and attributes instead of ids."""
        sets: custom_metadata.Sets = {}
        for name, values in call.json().items():
            definition = self._types.set_named(name)
            if definition is None:
                raise invalid_instance(f"unknown business metadata {name}", call.path["guid"])
            ids = self._types.attribute_ids(definition)
            for key in values or {}:
                if key not in ids:
                    raise invalid_instance(
                        f"unknown attribute {key} of business metadata {name}", call.path["guid"]
                    )
            sets[definition["name"]] = {ids[key]: value for key, value in (values or {}).items()}
        self._put(call, sets, overwrite=call.flag("isOverwrite"))

    def delete_set(self, call: Call) -> None:
        """The whole set, or only the attributes in the body."""
        doc = self._doc(call, write=True)
        set_id = call.path["set_id"]
        sent = call.body if isinstance(call.body, dict) and call.body else doc.cm.get(set_id, {})
        self._put(call, {set_id: dict.fromkeys(sent)}, overwrite=False)

    def delete_sets(self, call: Call) -> None:
        sets = {set_id: dict.fromkeys(values or {}) for set_id, values in call.json().items()}
        self._put(call, sets, overwrite=False)

    def _put(self, call: Call, sets: custom_metadata.Sets, *, overwrite: bool) -> None:
        doc = self._doc(call, write=True)
        custom_metadata.check(self._types, doc, sets, enforce=self._store.switches.enforce_applicability)
        after = custom_metadata.merged({} if overwrite else doc.cm, sets)
        txn = self._store.begin(call.token.actor, call.headers)
        custom_metadata.put(txn, doc.guid, doc.cm, after)
        txn.commit()
