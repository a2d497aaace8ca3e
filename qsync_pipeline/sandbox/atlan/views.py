"""How assets look on the wire: search headers, whole entities, mutation headers (atlan-api.md §2.2, §2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qsync_pipeline.sandbox.atlan.access import Token
from qsync_pipeline.sandbox.atlan.attributes import (
    HEADER_ATTRIBUTES,
    SKIP_SCRUBBING,
    STRUCTURAL,
    Getter,
    plain_getter,
)
from qsync_pipeline.sandbox.atlan.model import CHILD_RELATION, COLUMN_RELATION, PARENT_RELATION, Doc, Tag
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.typedefs import TypeDefs

Json = dict[str, Any]
_PARENTS = frozenset({*PARENT_RELATION.values(), *COLUMN_RELATION.values()}) - {""}


def classification(tag: Tag) -> Json:
    """A tag as it is attached; no key that the classic SDK's closed model does not know (§2.5)."""
    body: Json = {
        "typeName": tag.type_name,
        "entityGuid": tag.origin,
        "entityStatus": "ACTIVE",
        "propagate": tag.propagate,
        "removePropagationsOnEntityDelete": tag.remove_on_delete,
        "restrictPropagationThroughLineage": tag.restrict_lineage,
        "restrictPropagationThroughHierarchy": tag.restrict_hierarchy,
    }
    if tag.attributes:
        body["attributes"] = tag.attributes
    return body


class Views:
    """Makes JSON-able views of documents for one sandbox."""

    def __init__(self, store: Store, types: TypeDefs) -> None:
        self._store = store
        self._types = types

    def getter(self, name: str, relation_attributes: Sequence[str] = ()) -> Getter:
        """Reader of a requested attribute, relations to the parent included."""
        if name == "domainGUIDs":
            return self._store.domain_guids
        if name in _PARENTS:
            extra = [(each, plain_getter(each)) for each in relation_attributes]

            def parent(doc: Doc) -> Any:
                above = self._parent(doc)
                if above is None or _relation(doc) != name:
                    return doc.attrs.get(name)
                values = {key: value for key, read in extra if (value := read(above)) is not None}
                return {**reference(above), "displayText": above.name, "attributes": values}

            return parent
        return plain_getter(name)

    def headers(
        self,
        docs: Iterable[Doc],
        token: Token,
        *,
        attributes: Sequence[str] = (),
        relation_attributes: Sequence[str] = (),
        classifications: bool = True,
        names: bool = True,
    ) -> list[Json]:
        """Search hits; those out of the actor's sight are scrubbed (§2.11)."""
        wanted = dict.fromkeys([*HEADER_ATTRIBUTES, *attributes])
        getters = [(name, self.getter(name, relation_attributes)) for name in wanted]
        restricted = bool(token.rules)
        made = []
        for doc in docs:
            if restricted and token.mode(doc) == "hidden":
                made.append(self._scrubbed(doc, getters))
                continue
            values = {}
            for name, read in getters:
                value = read(doc)
                if value is not None:
                    values[name] = value
            made.append(_header(doc, values, classifications=classifications, names=names))
        return made

    def _scrubbed(self, doc: Doc, getters: Sequence[tuple[str, Getter]]) -> Json:
        switches = self._store.switches
        if switches.scrub == "legacy":
            body: Json = {"typeName": doc.type, "guid": "-1", "attributes": {}, "scrubbed": True}
        else:
            kept = [(name, read) for name, read in getters if name in SKIP_SCRUBBING]
            values = {name: value for name, read in kept if (value := read(doc)) is not None}
            body = {
                "typeName": doc.type,
                "guid": doc.guid,
                "status": doc.status,
                "displayText": doc.name,
                "attributes": values,
                "createTime": doc.created,
                "updateTime": doc.updated,
                "scrubbed": True,
            }
        if switches.scrub_keys == "both":
            body["isScrubbed"] = True
        return body

    def entity(self, doc: Doc, *, relationships: bool = False) -> Json:
        """The whole asset, as reads by guid or qualified name give it."""
        attributes = {name: value for name, read in STRUCTURAL.items() if (value := read(doc)) is not None}
        attributes.update(doc.attrs)
        domains = self._store.domain_guids(doc)
        if domains is not None:
            attributes["domainGUIDs"] = domains
        related: Json = {}
        above = self._parent(doc)
        if above is not None and (relation := _relation(doc)):
            related[relation] = {**reference(above), "displayText": above.name}
        if relationships:
            for child in self._store.children(doc.guid):
                if (name := CHILD_RELATION.get(child.type)) is not None:
                    related.setdefault(name, []).append({**reference(child), "displayText": child.name})
        return {
            "typeName": doc.type,
            "guid": doc.guid,
            "status": doc.status,
            "displayText": doc.name,
            "isIncomplete": False,
            "attributes": attributes,
            "relationshipAttributes": related,
            "classifications": [classification(tag) for tag in doc.tags],
            "businessAttributes": doc.cm,
            "customAttributes": {},
            "labels": list(doc.labels),
            "createdBy": doc.created_by,
            "updatedBy": doc.updated_by,
            "createTime": doc.created,
            "updateTime": doc.updated,
            "version": 0,
        }

    def _parent(self, doc: Doc) -> Doc | None:
        return self._store.get(doc.scope.parent) if doc.scope.parent is not None else None


def _header(doc: Doc, values: Json, *, classifications: bool, names: bool) -> Json:
    body: Json = {
        "typeName": doc.type,
        "guid": doc.guid,
        "status": doc.status,
        "displayText": doc.name,
        "attributes": values,
    }
    if names:
        body["classificationNames"] = list(dict.fromkeys(tag.type_name for tag in doc.tags))
    if classifications:
        body["classifications"] = [classification(tag) for tag in doc.tags]
    body["meanings"] = []
    body["meaningNames"] = []
    body["labels"] = list(doc.labels)
    body["isIncomplete"] = False
    body["createdBy"] = doc.created_by
    body["updatedBy"] = doc.updated_by
    body["createTime"] = doc.created
    body["updateTime"] = doc.updated
    return body


def _relation(doc: Doc) -> str:
    if doc.type == "Column":
        return COLUMN_RELATION.get(doc.scope.table_type or "", "")
    return PARENT_RELATION.get(doc.type, "")


def reference(doc: Doc) -> Json:
    """A related asset."""
    return {"guid": doc.guid, "typeName": doc.type, "uniqueAttributes": {"qualifiedName": doc.qn}}


def mutation(doc: Doc) -> Json:
    """An asset in the answer to a write."""
    return {
        "typeName": doc.type,
        "guid": doc.guid,
        "status": doc.status,
        "displayText": doc.name,
        "attributes": {"name": doc.name, "qualifiedName": doc.qn},
    }


def mutation_answer(groups: dict[str, list[Json]], assignments: dict[str, str] | None = None) -> Json:
    """The mutation envelope; empty parts are absent (§2.7)."""
    answer: Json = {}
    filled = {key: rows for key, rows in groups.items() if rows}
    if filled:
        answer["mutatedEntities"] = filled
    if assignments:
        answer["guidAssignments"] = assignments
    return answer
