"""Changes as people and crawlers make them, for the control plane (DESIGN.md §6).

Each ``do`` has a method that first checks the whole change and then answers the steps to carry it out; so
:meth:`People.check` and :meth:`People.mutate` cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan import custom_metadata, names, reshape, state
from qsync_pipeline.sandbox.atlan.access import Access, Mode
from qsync_pipeline.sandbox.atlan.errors import AtlasError
from qsync_pipeline.sandbox.atlan.model import LEVEL_OF_TYPE, TABLE_TYPES, Doc, Tag
from qsync_pipeline.sandbox.atlan.store import Store, Transaction
from qsync_pipeline.sandbox.atlan.tagging import Tagging
from qsync_pipeline.sandbox.atlan.typedefs import TypeDefs
from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.people import CatalogPeople, Change, text_of

Steps = Callable[[Transaction], list[str]]
"""Makes the change within a transaction; answers the ids touched."""
PERSON = "grace.hopper"
CRAWLER = "service-account-atlan-argo"
_COLOR = re.compile("Green|Yellow|Red|Gray|#[0-9A-Fa-f]{6}")
_CRAWLED = frozenset({"rename", "drop", "create", "swap"})


class People(CatalogPeople[Steps]):
    """Checks and carries out control-plane changes on one sandbox."""

    def __init__(self, store: Store, types: TypeDefs, tagging: Tagging, access: Access) -> None:
        self._store = store
        self._types = types
        self._tagging = tagging
        self._access = access

    def mutate(self, change: Change) -> list[str]:
        """Carry the change out; answers the ids touched."""
        steps = self.plan(change)
        default = CRAWLER if change["do"] in _CRAWLED else PERSON
        txn = self._store.begin(str(change.get("by") or default))
        touched = steps(txn)
        txn.commit()
        return touched

    # Reading a change.

    def _assets(self, change: Change, key: str = "asset") -> list[Doc]:
        """The assets that the change names, narrowed by ``kind`` and ``connection``."""
        name = text_of(change, key)
        kind, connection = change.get("kind"), change.get("connection")
        found = names.named(self._store, name)
        if not found:
            raise ControlError(f"{key}: no asset named {name!r}")
        if kind is not None:
            found = [doc for doc in found if str(kind).lower() in (doc.type.lower(), LEVEL_OF_TYPE[doc.type])]
        if connection is not None:
            found = [
                doc
                for doc in found
                if connection in (doc.scope.connection, doc.name, doc.scope.connection_qn)
            ]
        if not found:
            raise ControlError(
                f"{key}: {name!r} exists, but not with kind {kind!r} and connection {connection!r}"
            )
        return found

    def _one(self, change: Change, key: str) -> Doc:
        found = self._assets(change, key)
        if len(found) > 1:
            where = ", ".join(f"{doc.type} in {doc.scope.connection or doc.name}" for doc in found)
            raise ControlError(f"{key}: {change[key]!r} is ambiguous ({where}); give kind or connection")
        return found[0]

    # Tags.

    def _tag(self, change: Change) -> Steps:
        docs, name = self._assets(change), text_of(change, "tag")
        color, propagate = change.get("color"), change.get("propagate", False)
        if color is not None and not (isinstance(color, str) and _COLOR.fullmatch(color)):
            raise ControlError(f"color: {color!r} is not allowed; allowed: Green, Yellow, Red, Gray, #0A1B2C")
        if not isinstance(propagate, bool):
            raise ControlError("propagate: must be true or false")

        def steps(txn: Transaction) -> list[str]:
            definition = self._types.tag_named(name)
            if definition is None:
                definition = self._types.make_tag(
                    name, txn.actor, color=color, description=change.get("description")
                )
            for doc in docs:
                kept = [tag for tag in doc.direct() if tag.type_name != definition["name"]]
                tag = Tag(definition["name"], doc.guid, propagate=propagate)
                self._tagging.set_direct(txn, doc, [*kept, tag])
            return _ids(docs)

        return steps

    def _untag(self, change: Change) -> Steps:
        name = text_of(change, "tag")
        definition = self._types.tag_named(name)
        if definition is None:
            raise ControlError(f"tag: there is no tag {name!r}")
        docs = [
            doc
            for doc in self._assets(change)
            if any(tag.type_name == definition["name"] for tag in doc.direct())
        ]
        if not docs:
            raise ControlError(f"tag: {name!r} is not directly on {change['asset']!r}")

        def steps(txn: Transaction) -> list[str]:
            for doc in docs:
                self._tagging.remove(txn, doc, definition["name"])
            return _ids(docs)

        return steps

    def _rename_tag(self, change: Change) -> Steps:
        old, new = text_of(change, "from"), text_of(change, "to")
        definition = self._types.tag_named(old)
        if definition is None:
            raise ControlError(f"from: there is no tag {old!r}")
        if new != old and self._types.tag_named(new) is not None:
            raise ControlError(f"to: a tag {new!r} exists already")

        def steps(txn: Transaction) -> list[str]:
            definition["displayName"] = new
            definition["updatedBy"], definition["updateTime"] = txn.actor, txn.now_ms
            return [definition["name"]]

        return steps

    # What crawlers do.

    def _rename(self, change: Change) -> Steps:
        docs, to = self._assets(change), text_of(change, "to")
        for doc in docs:
            self._free(doc, to)

        def steps(txn: Transaction) -> list[str]:
            return [guid for doc in docs for guid in reshape.rename(txn, doc, to)]

        return steps

    def _free(self, doc: Doc, to: str) -> None:
        """No sibling may have the new name."""
        siblings = self._store.children(doc.scope.parent) if doc.scope.parent else []
        if any(other.name == to and other.guid != doc.guid for other in siblings):
            raise ControlError(f"to: {to!r} exists already beside {doc.full_name!r}")

    def _drop(self, change: Change) -> Steps:
        docs = self._assets(change)

        def steps(txn: Transaction) -> list[str]:
            return [guid for doc in docs for guid in reshape.drop(txn, doc, self._tagging)]

        return steps

    def _create(self, change: Change) -> Steps:
        name, kind, kinds = text_of(change, "asset"), change.get("kind"), (*TABLE_TYPES, "Column")
        if kind is not None:
            kind = next((one for one in kinds if one.lower() == str(kind).lower()), None)
            if kind is None:
                raise ControlError(f"kind: {change['kind']!r} is not allowed; allowed: {', '.join(kinds)}")
        if any(kind is None or doc.type == kind for doc in names.named(self._store, name)):
            raise ControlError(f"asset: {name!r} exists already")
        for parent, own in names.parents_for(self._store, name):
            is_column = parent.type in TABLE_TYPES
            in_connection = change.get("connection") in (None, parent.scope.connection)
            if in_connection and (kind is None or is_column == (kind == "Column")):
                made = str(kind or ("Column" if is_column else "Table"))
                data_type = str(change.get("data_type") or "VARCHAR")
                return lambda txn: [reshape.create(txn, parent, own, made, data_type, self._tagging)]
        raise ControlError(f"asset: there is no schema or table that {name!r} could be created in")

    def _swap(self, change: Change) -> Steps:
        """Two tables of one schema exchange names, as in a blue-green deployment."""
        first, second = self._one(change, "asset"), self._one(change, "with")
        if first.guid == second.guid or first.scope.parent != second.scope.parent:
            raise ControlError("with: must be another table of the same schema")
        if first.type not in TABLE_TYPES or second.type not in TABLE_TYPES:
            raise ControlError("asset: only tables and views can be swapped")

        def steps(txn: Transaction) -> list[str]:
            return [*reshape.rename(txn, first, second.name), *reshape.rename(txn, second, first.name)]

        return steps

    # What people write on assets.

    def _set_domain(self, change: Change) -> Steps:
        docs = self._assets(change)
        if "domain" not in change:
            raise ControlError("domain: needed, a domain's name or path, or null")
        guid = None if change["domain"] is None else self._domain(text_of(change, "domain")).guid

        def steps(txn: Transaction) -> list[str]:
            for doc in docs:
                self._set(txn, doc, {"domainGUIDs": [guid] if guid is not None else None})
            return _ids(docs)

        return steps

    def _domain(self, wanted: str) -> Doc:
        """By path from the root, else by its bare name where only one has it."""
        domains = [doc for doc in self._store.docs_of("DataDomain") if doc.status == "ACTIVE"]
        for doc in domains:
            if self._domain_path(doc) == wanted:
                return doc
        found = [doc for doc in domains if doc.name == wanted]
        if len(found) != 1:
            known = ", ".join(sorted(self._domain_path(doc) for doc in domains))
            raise ControlError(
                f"domain: {wanted!r} is {'ambiguous' if found else 'unknown'}; there are: {known}"
            )
        return found[0]

    def _domain_path(self, doc: Doc) -> str:
        above = self._store.get(doc.scope.parent) if doc.scope.parent else None
        return f"{self._domain_path(above)}/{doc.name}" if above is not None else doc.name

    def _set_alert(self, change: Change) -> Steps:
        docs, text = self._assets(change), text_of(change, "text")
        kind = change.get("type", "information")
        if kind not in ("information", "warning", "issue"):
            raise ControlError(f"type: {kind!r} is not allowed; allowed: information, warning, issue")
        values = {
            "announcementType": kind,
            "announcementTitle": str(change.get("title") or "Note"),
            "announcementMessage": text,
        }
        return lambda txn: self._announce(txn, docs, values)

    def _clear_alert(self, change: Change) -> Steps:
        docs = [doc for doc in self._assets(change) if state.alert(doc) is not None]
        if not docs:
            raise ControlError(f"asset: there is no alert on {change['asset']!r}")
        values = dict.fromkeys(("announcementType", "announcementTitle", "announcementMessage"))
        return lambda txn: self._announce(txn, docs, values)

    def _announce(self, txn: Transaction, docs: list[Doc], values: Mapping[str, Any]) -> list[str]:
        stamps = {"announcementUpdatedBy": txn.actor, "announcementUpdatedAt": txn.now_ms}
        for doc in docs:
            self._set(txn, doc, {**values, **stamps})
        return _ids(docs)

    def _set(self, txn: Transaction, doc: Doc, values: Mapping[str, Any]) -> None:
        draft = txn.edit(doc.guid)
        for key, value in values.items():
            draft.set_attr(key, value)
        detail = {"typeName": doc.type, "guid": doc.guid, "attributes": dict(values)}
        txn.audit("ENTITY_UPDATE", draft, detail)

    def _set_attribute(self, change: Change) -> Steps:
        docs, name = self._assets(change), text_of(change, "name")
        if "value" not in change:
            raise ControlError("value: needed, null clears")
        definition = self._types.set_named(state.SET)
        if definition is None:
            raise ControlError(f"name: there is no custom metadata set {state.SET!r} yet")
        ids = self._types.attribute_ids(definition)
        if name not in ids:
            raise ControlError(f"name: {state.SET!r} has no attribute {name!r}; it has: {', '.join(ids)}")
        sent = {definition["name"]: {ids[name]: change["value"]}}
        for doc in docs:
            try:
                custom_metadata.check(self._types, doc, sent, enforce=False)
            except AtlasError as error:
                raise ControlError(f"value: {error.message}") from error

        def steps(txn: Transaction) -> list[str]:
            for doc in docs:
                custom_metadata.put(txn, doc.guid, doc.cm, custom_metadata.merged(doc.cm, sent))
            return _ids(docs)

        return steps

    # What our token may see.

    def _forbid(self, change: Change) -> Steps:
        docs = self._assets(change)
        mode: Mode = "hidden"
        wanted = change.get("mode", "hidden")
        if wanted == "read":
            mode = "read"
        elif wanted != "hidden":
            raise ControlError(f"mode: {wanted!r} is not allowed; allowed: hidden, read")
        return lambda txn: self._rule(docs, mode)

    def _allow(self, change: Change) -> Steps:
        docs = self._assets(change)
        mode: Mode = "write"
        wanted = change.get("mode", "write")
        if wanted == "read":
            mode = "read"
        elif wanted != "write":
            raise ControlError(f"mode: {wanted!r} is not allowed; allowed: write, read")
        return lambda txn: self._rule(docs, mode)

    def _rule(self, docs: list[Doc], mode: Mode) -> list[str]:
        rules = self._access.persona
        for doc in docs:
            for qn in [qn for qn in rules if qn == doc.qn or qn.startswith(f"{doc.qn}/")]:
                del rules[qn]
            rules[doc.qn] = mode
            if mode == "write" and doc.type == "Connection":
                del rules[doc.qn]
        return _ids(docs)


def _ids(docs: list[Doc]) -> list[str]:
    return [doc.guid for doc in docs]
