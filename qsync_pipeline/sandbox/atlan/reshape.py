"""What a crawler does to the tree of assets when the source changed: rename, drop, create."""

from __future__ import annotations

from qsync_pipeline.sandbox.atlan.model import Doc, child_scope
from qsync_pipeline.sandbox.atlan.store import Transaction
from qsync_pipeline.sandbox.atlan.tagging import Tagging


def rename(txn: Transaction, doc: Doc, to: str) -> list[str]:
    """A new name, and for all but connections a new qualifiedName, here and below; guids stay."""
    draft = txn.edit(doc.guid)
    draft.name = to
    if doc.type != "Connection":
        draft.qn = f"{_above(doc)}/{to}"
    detail = {"name": to, "qualifiedName": draft.qn}
    txn.audit("ENTITY_UPDATE", draft, {"typeName": doc.type, "guid": doc.guid, "attributes": detail})
    return [doc.guid, *_rescope(txn, draft)]


def _above(doc: Doc) -> str:
    scope = doc.scope
    return scope.table_qn or scope.schema_qn or scope.database_qn or scope.connection_qn or "default"


def _rescope(txn: Transaction, parent: Doc) -> list[str]:
    """Give the children their parent's new names."""
    touched: list[str] = []
    scope = child_scope(parent)
    for child in txn.store.children(parent.guid):
        draft = txn.edit(child.guid)
        draft.scope = scope
        draft.qn = f"{parent.qn}/{child.name}"
        txn.audit(
            "ENTITY_UPDATE",
            draft,
            {"typeName": child.type, "guid": child.guid, "attributes": {"qualifiedName": draft.qn}},
        )
        touched += [child.guid, *_rescope(txn, draft)]
    return touched


def drop(txn: Transaction, doc: Doc, tagging: Tagging) -> list[str]:
    """Archive an asset and all below it."""
    gone = [doc, *txn.store.below(doc.guid)]
    for each in gone:
        archive(txn, each, tagging)
    return [each.guid for each in gone]


def archive(txn: Transaction, doc: Doc, tagging: Tagging) -> Doc | None:
    """Soft delete; null when it was archived before. What it spread goes too (§2.5)."""
    if doc.status != "ACTIVE":
        return None
    draft = txn.edit(doc.guid)
    draft.status = "DELETED"
    txn.audit(
        "ENTITY_DELETE", draft, {"typeName": doc.type, "guid": doc.guid, "attributes": {"name": doc.name}}
    )
    tagging.release(txn, doc)
    return draft


def purge(txn: Transaction, doc: Doc, tagging: Tagging) -> Doc:
    """Hard delete: the asset is gone for good."""
    gone = doc.copy()
    gone.status = "DELETED"
    txn.audit(
        "ENTITY_PURGE", gone, {"typeName": doc.type, "guid": doc.guid, "attributes": {"name": doc.name}}
    )
    tagging.release(txn, doc)
    txn.remove(doc.guid)
    return gone


def create(txn: Transaction, parent: Doc, name: str, type_name: str, data_type: str, tagging: Tagging) -> str:
    """A new table or column with a guid of its own, which it answers."""
    column = type_name == "Column"
    doc = Doc(
        txn.store.ids.guid(),
        type_name,
        name,
        f"{parent.qn}/{name}",
        child_scope(parent),
        txn.now_ms,
        txn.actor,
        data_type=data_type if column else None,
        order=len(txn.store.children(parent.guid)) + 1 if column else None,
    )
    txn.create(doc)
    detail = {"typeName": type_name, "guid": doc.guid, "attributes": {"name": name, "qualifiedName": doc.qn}}
    txn.audit("ENTITY_CREATE", doc, detail)
    tagging.inherit(txn, doc)
    return doc.guid
