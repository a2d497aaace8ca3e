"""The bulk upsert (atlan-api.md §2.7): matching, creation, changed attributes, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.atlan import custom_metadata
from qsync_pipeline.sandbox.atlan.access import Token
from qsync_pipeline.sandbox.atlan.attributes import STRUCTURAL, is_known
from qsync_pipeline.sandbox.atlan.creation import Creation, resolve
from qsync_pipeline.sandbox.atlan.errors import (
    AtlasError,
    bad_request,
    forbidden,
    invalid_instance,
    invalid_parameters,
    missing_reference,
    unknown_type,
)
from qsync_pipeline.sandbox.atlan.model import HIERARCHY, SUPER_TYPES, Doc
from qsync_pipeline.sandbox.atlan.store import Store, Transaction
from qsync_pipeline.sandbox.atlan.structs import stored_struct
from qsync_pipeline.sandbox.atlan.tagging import Tagging
from qsync_pipeline.sandbox.atlan.typedefs import Json, TypeDefs
from qsync_pipeline.sandbox.atlan.views import mutation, mutation_answer

CAP = 10_000
_AUTO = {"announcement": ("announcementType", "announcementTitle", "announcementMessage"),
         "certificate": ("certificateStatus", "certificateStatusMessage")}  # fmt: skip
"""Attributes whose change fills ``<key>UpdatedBy`` and ``<key>UpdatedAt`` by itself (§2.9)."""
_NO_DOMAIN = frozenset(
    {"AtlasGlossary", "AtlasGlossaryTerm", "AtlasGlossaryCategory", "DataDomain", "DataProduct"}
)


@dataclass(frozen=True)
class Flags:
    """The query parameters of a bulk write; all false by default."""

    replace_classifications: bool = False
    replace_tags: bool = False
    append_tags: bool = False
    replace_business: bool = False
    overwrite_business: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Flags:
        def flag(name: str) -> bool:
            return query.get(name, "").lower() == "true"

        flags = cls(
            flag("replaceClassifications"),
            flag("replaceTags"),
            flag("appendTags"),
            flag("replaceBusinessAttributes"),
            flag("overwriteBusinessAttributes"),
        )
        if flags.replace_classifications + flags.replace_tags + flags.append_tags > 1:
            raise bad_request("only one of replaceClassifications, replaceTags and appendTags may be true")
        return flags


class Upserter:
    """Carries out bulk writes on one sandbox."""

    def __init__(self, store: Store, types: TypeDefs, tagging: Tagging, creation: Creation) -> None:
        self._store = store
        self._types = types
        self._tagging = tagging
        self._creation = creation

    def bulk(self, body: Mapping[str, Any], flags: Flags, token: Token, headers: Mapping[str, str]) -> Json:
        """POST entity/bulk: one transaction, any refusal refuses all (row 13)."""
        entities = body.get("entities")
        if not isinstance(entities, list) or not entities:
            raise invalid_parameters("entities is empty")
        if len(entities) > CAP:
            raise AtlasError(
                400, "ATLAS-400-00-212", f"bulk is limited to {CAP} entities, got {len(entities)}"
            )
        txn = self._store.begin(token.actor, headers)
        groups: dict[str, list[Json]] = {"CREATE": [], "UPDATE": []}
        assignments: dict[str, str] = {}
        touched: list[tuple[str, str]] = []
        for entity in entities:
            group, guid = self._one(txn, entity, flags, token, assignments)
            assignments[str(entity.get("guid") or guid)] = guid
            if group is not None:
                touched.append((group, guid))
        for group, guid in dict.fromkeys(touched):
            doc = txn.get(guid)
            if doc is not None:
                groups[group].append(mutation(doc))
        self._conflicts(txn)
        txn.commit()
        return mutation_answer(groups, assignments)

    def partial(self, doc: Doc, entity: Mapping[str, Any], token: Token, headers: Mapping[str, str]) -> Json:
        """PUT by guid or unique attribute: attributes of one known asset; never creates."""
        txn = self._store.begin(token.actor, headers)
        self._writable(token, doc)
        changed = self._attributes(txn, doc, entity.get("attributes") or {})
        rows = [mutation(txn.get(doc.guid) or doc)] if changed else []
        txn.commit()
        return mutation_answer({"UPDATE": rows}, {doc.guid: doc.guid})

    def _one(
        self,
        txn: Transaction,
        entity: Any,
        flags: Flags,
        token: Token,
        assignments: Mapping[str, str],
    ) -> tuple[str | None, str]:
        """Write one entity; answers its group (null: nothing changed) and its real guid."""
        if not isinstance(entity, Mapping):
            raise invalid_parameters("each entity must be an object")
        type_name = entity.get("typeName")
        if type_name not in SUPER_TYPES:
            raise unknown_type(type_name)
        doc = self._match(txn, entity, str(type_name), assignments)
        if doc is None:
            made = self._create(txn, entity, str(type_name), token, assignments)
            return "CREATE", made.guid
        self._writable(token, doc)
        changed = self._attributes(
            txn, doc, entity.get("attributes") or {}, entity.get("relationshipAttributes")
        )
        changed |= self._status(txn, doc, entity)
        changed |= self._tags(txn, txn.get(doc.guid) or doc, entity, flags)
        changed |= self._business(txn, txn.get(doc.guid) or doc, entity, flags)
        return ("UPDATE" if changed else None), doc.guid

    def _match(
        self, txn: Transaction, entity: Mapping[str, Any], type_name: str, assignments: Mapping[str, str]
    ) -> Doc | None:
        """By real guid, else by (typeName, qualifiedName) (§2.7)."""
        guid = str(entity.get("guid") or "")
        guid = assignments.get(guid, guid)
        real = bool(guid) and not guid.startswith("-")
        if real and (doc := txn.get(guid)) is not None:
            return doc
        qn = (entity.get("attributes") or {}).get("qualifiedName")
        doc = txn.find(type_name, str(qn)) if qn else None
        if doc is not None and doc.status != "ACTIVE" and entity.get("status") != "ACTIVE":
            doc = None
        if doc is None and real:
            raise missing_reference(guid)
        return doc

    def _create(
        self,
        txn: Transaction,
        entity: Mapping[str, Any],
        type_name: str,
        token: Token,
        assignments: Mapping[str, str],
    ) -> Doc:
        attributes = {**(entity.get("attributes") or {}), **(entity.get("relationshipAttributes") or {})}
        doc = self._creation.make(txn, type_name, attributes, assignments)
        if token.mode(doc) != "write":
            raise forbidden(token.actor, "ENTITY_CREATE", doc.qn)
        txn.create(doc)
        self._attributes(txn, doc, attributes, audit=False)
        sent = entity.get("businessAttributes")
        custom_metadata.check(self._types, doc, sent, enforce=self._store.switches.enforce_applicability)
        doc.cm = custom_metadata.merged({}, {key: dict(values or {}) for key, values in (sent or {}).items()})
        attributes_set = {"name": doc.name, "qualifiedName": doc.qn, **doc.attrs}
        txn.audit(
            "ENTITY_CREATE", doc, {"typeName": type_name, "guid": doc.guid, "attributes": attributes_set}
        )
        tags = [*(entity.get("classifications") or ()), *(entity.get("addOrUpdateClassifications") or ())]
        self._tagging.add(txn, doc, tags, strict=False)
        self._tagging.inherit(txn, doc)
        return doc

    def _writable(self, token: Token, doc: Doc) -> None:
        if token.mode(doc) != "write":
            raise forbidden(token.actor, "ENTITY_UPDATE", doc.qn, doc.guid)

    def _attributes(
        self,
        txn: Transaction,
        doc: Doc,
        sent: Mapping[str, Any],
        relations: Mapping[str, Any] | None = None,
        *,
        audit: bool = True,
    ) -> bool:
        """Apply changed attributes: absent keys stay, null clears, arrays replace."""
        switches = self._store.switches
        changed: Json = {}
        for key, value in {**sent, **(relations or {})}.items():
            if not is_known(key):
                if switches.reject_unknown_attributes:
                    raise AtlasError(400, "ATLAS-400-00-023", f"unknown attribute {key}", guid=doc.guid)
                continue
            current = txn.get(doc.guid) or doc
            if key in ("name", "qualifiedName"):
                self._rename(txn, current, key, value, changed)
                continue
            if key in HIERARCHY or (key in STRUCTURAL and (key, doc.type) != ("connectorName", "Connection")):
                continue
            value = stored_struct(key, value, current.attrs.get(key), switches)
            if key == "domainGUIDs":
                value = self._domains(txn, doc, value)
            resolved = resolve(self._store, txn, value)
            if resolved == current.attrs.get(key) or (resolved in (None, []) and not current.attrs.get(key)):
                continue
            txn.edit(doc.guid).set_attr(key, resolved)
            changed[key] = value
        if not changed:
            return False
        draft = txn.edit(doc.guid)
        for owner, keys in _AUTO.items():
            if any(key in changed for key in keys):
                draft.set_attr(f"{owner}UpdatedBy", txn.actor)
                draft.set_attr(f"{owner}UpdatedAt", txn.now_ms)
        if audit:
            txn.audit("ENTITY_UPDATE", draft, {"typeName": doc.type, "guid": doc.guid, "attributes": changed})
        return True

    def _rename(self, txn: Transaction, doc: Doc, key: str, value: Any, changed: Json) -> None:
        """An edit of ``name`` or ``qualifiedName``; server-made names of domains cannot be sent (§2.6)."""
        slot = "name" if key == "name" else "qn"
        if value == getattr(doc, slot) or (slot == "qn" and doc.type in ("DataDomain", "DataProduct")):
            return
        if not isinstance(value, str) or not value:
            raise invalid_instance(f"{doc.type}.{key} is mandatory", doc.guid)
        if slot == "qn" and txn.find(doc.type, value) is not None:
            raise invalid_instance(f"{doc.type} with qualifiedName {value} exists", doc.guid)
        setattr(txn.edit(doc.guid), slot, value)
        changed[key] = value

    def _domains(self, txn: Transaction, doc: Doc, value: Any) -> list[str] | None:
        """At most one guid, of a DataDomain; not on every type (§2.6)."""
        guids = [str(item) for item in value or ()]
        if len(guids) > 1:
            raise invalid_parameters("an asset can belong to one domain only", doc.guid)
        if guids and doc.type in _NO_DOMAIN:
            raise invalid_parameters(f"{doc.type} cannot belong to a domain", doc.guid)
        for guid in guids:
            domain = txn.get(guid)
            if domain is None or domain.type != "DataDomain" or domain.status != "ACTIVE":
                raise invalid_parameters(f"{guid} is not a DataDomain", doc.guid)
        return guids or None

    def _status(self, txn: Transaction, doc: Doc, entity: Mapping[str, Any]) -> bool:
        """An archived asset comes back by an upsert with status ACTIVE (§2.7)."""
        if entity.get("status") != "ACTIVE" or doc.status == "ACTIVE":
            return False
        draft = txn.edit(doc.guid)
        draft.status = "ACTIVE"
        txn.audit("ENTITY_UPDATE", draft, {"typeName": doc.type, "guid": doc.guid, "attributes": {}})
        return True

    def _tags(self, txn: Transaction, doc: Doc, entity: Mapping[str, Any], flags: Flags) -> bool:
        """The three exclusive tag switches; with none, tags on existing assets are ignored (§2.5)."""
        if flags.append_tags:
            direct = {tag.type_name: tag for tag in doc.direct()}
            attached = set(direct)
            for body in entity.get("addOrUpdateClassifications") or ():
                tag = self._tagging.parse(body, doc.guid)
                direct[tag.type_name] = tag
            for body in entity.get("removeClassifications") or ():
                name = self._tagging.parse(body, doc.guid).type_name
                if name in attached:
                    direct.pop(name, None)
            return self._tagging.set_direct(txn, doc, direct.values())
        if (flags.replace_tags or flags.replace_classifications) and "classifications" in entity:
            wanted = [self._tagging.parse(body, doc.guid) for body in entity["classifications"] or ()
                      if body.get("entityGuid") in (None, doc.guid)]  # fmt: skip
            return self._tagging.set_direct(txn, doc, wanted)
        return False

    def _business(self, txn: Transaction, doc: Doc, entity: Mapping[str, Any], flags: Flags) -> bool:
        sent = entity.get("businessAttributes")
        switches = self._store.switches
        after = custom_metadata.bulk_effect(
            doc.cm,
            sent,
            replace=flags.replace_business,
            overwrite=flags.overwrite_business,
            matrix=switches.business_matrix,
        )
        if after is None:
            return False
        custom_metadata.check(self._types, doc, sent, enforce=switches.enforce_applicability)
        return custom_metadata.put(txn, doc.guid, doc.cm, after)

    def _conflicts(self, txn: Transaction) -> None:
        """Row 30: now and then two writers to one asset collide."""
        share = self._store.switches.conflict_share
        if not share:
            return
        recent = txn.now_ms - 1000
        known = (self._store.get(guid) for guid in txn.drafts)
        if (
            any(doc is not None and doc.updated > recent for doc in known)
            and self._store.ids.random.random() < share
        ):
            raise AtlasError(500, "ATLAS-500-00-001", "Internal server error: lock contention")
