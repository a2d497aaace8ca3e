"""Entity endpoints: reads, bulk writes, partial updates, deletion (atlan-api.md §2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.access import Token
from qsync_pipeline.sandbox.atlan.errors import (
    AtlasError,
    bad_request,
    forbidden,
    invalid_parameters,
    unknown_guid,
    unknown_type,
    unknown_unique_attribute,
)
from qsync_pipeline.sandbox.atlan.http import Call, Handler
from qsync_pipeline.sandbox.atlan.model import SUPER_TYPES, Doc
from qsync_pipeline.sandbox.atlan.reshape import archive, purge
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.tagging import Tagging
from qsync_pipeline.sandbox.atlan.upsert import Flags, Upserter
from qsync_pipeline.sandbox.atlan.views import Json, Views, mutation, mutation_answer

_QN = "attr:qualifiedName"


class Lookup:
    """Finds the asset that a request names, and checks that its actor may see it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def by_guid(self, guid: str, token: Token, *, write: bool = False) -> Doc:
        doc = self._store.get(guid)
        if doc is None:
            raise unknown_guid(guid)
        return self.allowed(doc, token, write=write)

    def by_name(self, type_name: str, query: Mapping[str, str], token: Token, *, write: bool = False) -> Doc:
        if type_name not in SUPER_TYPES:
            raise unknown_type(type_name)
        qn = query.get(_QN)
        if not qn:
            raise invalid_parameters(f"query parameter {_QN} is missing")
        doc = self._store.find(type_name, qn)
        if doc is None:
            raise unknown_unique_attribute(type_name, qn)
        return self.allowed(doc, token, write=write)

    @staticmethod
    def allowed(doc: Doc, token: Token, *, write: bool = False) -> Doc:
        mode = token.mode(doc)
        if mode == "hidden" or (write and mode != "write"):
            raise forbidden(token.actor, "ENTITY_UPDATE" if write else "ENTITY_READ", doc.qn, doc.guid)
        return doc


class EntityApi:
    """Handlers over whole assets."""

    def __init__(
        self, store: Store, views: Views, lookup: Lookup, upserter: Upserter, tagging: Tagging
    ) -> None:
        self._store = store
        self._views = views
        self._lookup = lookup
        self._upserter = upserter
        self._tagging = tagging

    def routes(self) -> list[tuple[str, str, Handler]]:
        by_name = "/api/meta/entity/uniqueAttribute/type/{type_name}"
        return [
            ("POST", "/api/meta/entity/bulk", self.bulk),
            ("GET", "/api/meta/entity/bulk", self.read_bulk),
            ("DELETE", "/api/meta/entity/bulk", self.delete_bulk),
            ("POST", "/api/meta/entity", self.single),
            ("GET", "/api/meta/entity/guid/{guid}", self.read),
            ("GET", "/api/meta/entity/guid/{guid}/header", self.header),
            ("PUT", "/api/meta/entity/guid/{guid}", self.update),
            ("DELETE", "/api/meta/entity/guid/{guid}", self.delete),
            ("GET", by_name, self.read_by_name),
            ("GET", f"{by_name}/header", self.header_by_name),
            ("PUT", by_name, self.update_by_name),
        ]

    def bulk(self, call: Call) -> Json:
        return self._upserter.bulk(call.json(), Flags.of(call.query), call.token, call.headers)

    def single(self, call: Call) -> Json:
        body = {"entities": [call.json().get("entity")]}
        return self._upserter.bulk(body, Flags.of(call.query), call.token, call.headers)

    def read(self, call: Call) -> Json:
        return self._whole(call, self._lookup.by_guid(call.path["guid"], call.token))

    def read_by_name(self, call: Call) -> Json:
        return self._whole(call, self._lookup.by_name(call.path["type_name"], call.query, call.token))

    def header(self, call: Call) -> Json:
        doc = self._lookup.by_guid(call.path["guid"], call.token)
        return self._views.headers([doc], call.token)[0]

    def header_by_name(self, call: Call) -> Json:
        doc = self._lookup.by_name(call.path["type_name"], call.query, call.token)
        return self._views.headers([doc], call.token)[0]

    def _whole(self, call: Call, doc: Doc) -> Json:
        related = not call.flag("ignoreRelationships")
        return {"referredEntities": {}, "entity": self._views.entity(doc, relationships=related)}

    def read_bulk(self, call: Call) -> Json:
        """Many by guid, from the graph: one unknown or hidden guid fails them all (§2.11)."""
        guids = call.request.query_params.getlist("guid")
        if not guids:
            raise invalid_parameters("guid is missing")
        docs = [self._lookup.by_guid(guid, call.token) for guid in guids]
        return {"referredEntities": {}, "entities": [self._views.entity(doc) for doc in docs]}

    def update(self, call: Call) -> Json:
        """Partial update by guid: ``?name=`` with the bare value, or ``{"entity": …}``."""
        doc = self._lookup.by_guid(call.path["guid"], call.token, write=True)
        name = call.query.get("name")
        entity: Any = {"attributes": {name: call.body}} if name else call.json().get("entity")
        return self._partial(call, doc, entity)

    def update_by_name(self, call: Call) -> Json:
        """Partial update by qualified name: 404 if absent, never creates (§2.7)."""
        doc = self._lookup.by_name(call.path["type_name"], call.query, call.token, write=True)
        return self._partial(call, doc, call.json().get("entity"))

    def _partial(self, call: Call, doc: Doc, entity: Any) -> Json:
        if not isinstance(entity, Mapping):
            raise bad_request("entity is mandatory")
        return self._upserter.partial(doc, entity, call.token, call.headers)

    def delete(self, call: Call) -> Json:
        return self._delete(call, [call.path["guid"]])

    def delete_bulk(self, call: Call) -> Json:
        return self._delete(call, call.request.query_params.getlist("guid"))

    def _delete(self, call: Call, guids: list[str]) -> Json:
        """SOFT archives, HARD and PURGE take the asset out."""
        kind = call.query.get("deleteType", "SOFT").upper()
        if not guids:
            raise invalid_parameters("guid is missing")
        if kind not in ("SOFT", "HARD", "PURGE", "DEFAULT"):
            raise invalid_parameters(f"unknown deleteType {kind}")
        docs = [self._lookup.by_guid(guid, call.token, write=True) for guid in guids]
        txn = self._store.begin(call.token.actor, call.headers)
        rows: list[Json] = []
        for doc in docs:
            self._deletable(doc)
            remove = archive if kind in ("SOFT", "DEFAULT") else purge
            archived = remove(txn, doc, self._tagging)
            if archived is not None:
                rows.append(mutation(archived))
        txn.commit()
        return mutation_answer({"DELETE": rows})

    def _deletable(self, doc: Doc) -> None:
        """A domain with children or linked assets stays (§2.6)."""
        if doc.type != "DataDomain":
            return
        linked = any(other.attrs.get("domainGUIDs") == [doc.guid] for other in self._store.docs())
        if linked or self._store.children(doc.guid):
            raise AtlasError(
                409, "ATLAS-409-00-015", f"Domain {doc.name} has linked assets or subdomains", guid=doc.guid
            )
