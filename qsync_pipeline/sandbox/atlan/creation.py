"""New assets: where they go, and which names the server makes (atlan-api.md §2.4, §2.6, §2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.errors import bad_request, invalid_instance, missing_reference
from qsync_pipeline.sandbox.atlan.model import (
    COLUMN_RELATION,
    NO_SCOPE,
    PARENT_RELATION,
    TABLE_TYPES,
    Doc,
    Scope,
    child_scope,
)
from qsync_pipeline.sandbox.atlan.store import Store, Transaction
from qsync_pipeline.sandbox.atlan.views import reference

_PARENT_QN: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Database": (("connectionQualifiedName", ("Connection",)),),
    "Schema": (("databaseQualifiedName", ("Database",)),),
    **dict.fromkeys(TABLE_TYPES, (("schemaQualifiedName", ("Schema",)),)),
    "Column": (
        ("tableQualifiedName", ("Table", "SnowflakeDynamicTable")),
        ("viewQualifiedName", ("View", "MaterialisedView")),
    ),
}


class Creation:
    """Makes documents for entities that a write found nowhere: ghosts included (row "creates a ghost")."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(
        self, txn: Transaction, type_name: str, attributes: Mapping[str, Any], assignments: Mapping[str, str]
    ) -> Doc:
        """A new asset; without ``name`` or ``qualifiedName`` it cannot be (404 ATLAS-404-00-007)."""
        name, qn = attributes.get("name"), attributes.get("qualifiedName")
        for key, value in (("qualifiedName", qn), ("name", name)):
            if not isinstance(value, str) or not value:
                raise invalid_instance(f"{type_name}.{key}: mandatory attribute value missing")
        guid = self._store.ids.guid()
        parent = self._parent(txn, type_name, attributes, assignments)
        attrs: dict[str, Any] = {}
        if type_name == "DataDomain":
            qn = self._domain_name(txn, parent, str(name))
            if parent is not None:
                attrs["parentDomainQualifiedName"] = parent.qn
                attrs["superDomainQualifiedName"] = parent.attrs.get("superDomainQualifiedName", parent.qn)
            else:
                attrs["superDomainQualifiedName"] = qn
        elif type_name == "DataProduct":
            domain = parent.qn if parent is not None else "default"
            qn = f"{domain}/product/{self._store.ids.nanoid()}"
        scope = child_scope(parent) if parent is not None else _scope_of(attributes)
        return Doc(
            guid,
            type_name,
            str(name),
            str(qn),
            scope,
            txn.now_ms,
            txn.actor,
            attrs=attrs,
            data_type=attributes.get("dataType"),
            order=attributes.get("order"),
        )

    def _parent(
        self, txn: Transaction, type_name: str, attributes: Mapping[str, Any], assignments: Mapping[str, str]
    ) -> Doc | None:
        relations = (
            list(COLUMN_RELATION.values())
            if type_name == "Column"
            else ["dataDomain"]
            if type_name == "DataProduct"
            else [PARENT_RELATION.get(type_name, "")]
        )
        for relation in relations:
            if (sent := attributes.get(relation)) is not None:
                found = find_reference(self._store, txn, sent, assignments)
                if found is None:
                    raise missing_reference(sent)
                return found
        for key, types in _PARENT_QN.get(type_name, ()):
            for each in types:
                if (qn := attributes.get(key)) and (found := txn.find(each, str(qn))) is not None:
                    return found
        return self._parent_by_path(txn, type_name, str(attributes["qualifiedName"]))

    def _parent_by_path(self, txn: Transaction, type_name: str, qn: str) -> Doc | None:
        """For an entity that names no parent: the asset whose qualified name its own extends."""
        types = [each for _, group in _PARENT_QN.get(type_name, ()) for each in group]
        above = qn
        while types and "/" in above:
            above = above.rsplit("/", 1)[0]
            for each in types:
                if (found := txn.find(each, above)) is not None:
                    return found
        return None

    def _domain_name(self, txn: Transaction, parent: Doc | None, name: str) -> str:
        """Server-made; names are unique among siblings (§2.6)."""
        parent_guid = parent.guid if parent is not None else None
        drafts = [doc for doc in txn.drafts.values() if doc is not None]
        siblings = [*self._store.docs_of("DataDomain"), *drafts]
        for doc in siblings:
            same = doc.type == "DataDomain" and doc.status == "ACTIVE" and doc.scope.parent == parent_guid
            if same and doc.name == name:
                raise bad_request(f"domain {name} exists already at this level")
        nanoid = self._store.ids.nanoid()
        return f"default/domain/{nanoid}/super" if parent is None else f"{parent.qn}/domain/{nanoid}"


def find_reference(
    store: Store, txn: Transaction, sent: Any, assignments: Mapping[str, str] | None = None
) -> Doc | None:
    """The asset that ``{guid}`` or ``{typeName, uniqueAttributes}`` names."""
    if not isinstance(sent, Mapping):
        return None
    guid = str(sent.get("guid") or "")
    guid = (assignments or {}).get(guid, guid)
    if guid and not guid.startswith("-"):
        return txn.get(guid)
    qn = (sent.get("uniqueAttributes") or {}).get("qualifiedName")
    if not qn:
        return None
    return txn.find(str(sent.get("typeName")), str(qn)) or next(iter(store.named(str(qn))), None)


def resolve(store: Store, txn: Transaction, value: Any) -> Any:
    """Relation values are kept with the real guid; everything else as it is."""
    if isinstance(value, Mapping) and ("uniqueAttributes" in value or set(value) == {"guid", "typeName"}):
        found = find_reference(store, txn, value)
        if found is None:
            raise missing_reference(value.get("uniqueAttributes") or value.get("guid"))
        return reference(found)
    return value


def _scope_of(attributes: Mapping[str, Any]) -> Scope:
    """The scope that a parentless entity claims for itself."""
    keys = ("connectionQualifiedName", "databaseQualifiedName", "schemaQualifiedName")
    table_qn = attributes.get("tableQualifiedName") or attributes.get("viewQualifiedName")
    if not any(attributes.get(key) for key in keys) and not table_qn:
        return NO_SCOPE
    is_view = bool(attributes.get("viewQualifiedName"))
    return Scope(
        connector=attributes.get("connectorName"),
        connection_qn=attributes.get("connectionQualifiedName"),
        database=attributes.get("databaseName"),
        database_qn=attributes.get("databaseQualifiedName"),
        schema=attributes.get("schemaName"),
        schema_qn=attributes.get("schemaQualifiedName"),
        table=attributes.get("tableName") or attributes.get("viewName"),
        table_qn=table_qn,
        table_type=("View" if is_view else "Table") if table_qn else None,
    )
