"""Values of custom metadata: checks, and the write matrix (atlan-api.md §2.7, §2.8, rows 12 and 16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from qsync_pipeline.sandbox.atlan.errors import invalid_instance
from qsync_pipeline.sandbox.atlan.model import SUPER_TYPES, Doc
from qsync_pipeline.sandbox.atlan.store import Transaction
from qsync_pipeline.sandbox.atlan.typedefs import Json, TypeDefs

Sets = dict[str, dict[str, Any]]
_ARRAY = re.compile(r"array<(.+)>")
_LONGEST = 100_000_000


def bulk_effect(before: Sets, sent: Any, *, replace: bool, overwrite: bool, matrix: str) -> Sets | None:
    """What a bulk write makes of an existing asset's sets, or null for "ignored" (§2.7).

    ``matrix`` is ``code`` (what the server's code does) or ``notes`` (what its in-repo notes claim: without
    replace it merges, with replace alone it replaces the named sets).
    """
    if sent is None and not (replace and overwrite):
        return None
    wanted: Sets = {set_id: dict(values or {}) for set_id, values in (sent or {}).items()}
    if matrix == "notes":
        if not replace:
            return merged(before, wanted)
        return _pruned(wanted if overwrite else {**before, **wanted})
    if not replace:
        return None
    return _pruned(wanted) if overwrite else merged(before, wanted)


def merged(before: Sets, wanted: Sets) -> Sets:
    """Only the keys present change; null deletes a key, an empty set deletes the set."""
    after = dict(before)
    for set_id, values in wanted.items():
        after[set_id] = {**after.get(set_id, {}), **values} if values else {}
    return _pruned(after)


def _pruned(sets: Sets) -> Sets:
    kept = {
        set_id: {key: value for key, value in values.items() if value is not None}
        for set_id, values in sets.items()
    }
    return {set_id: values for set_id, values in kept.items() if values}


def check(types: TypeDefs, doc: Doc, sent: Any, *, enforce: bool) -> None:
    """Refuse unknown sets and attributes, sets not made for this type, and values of a wrong type."""
    if sent is None:
        return
    if not isinstance(sent, Mapping):
        raise invalid_instance("businessAttributes must be a map of sets", doc.guid)
    for set_id, values in sent.items():
        definition = types.set(set_id)
        if definition is None:
            raise invalid_instance(f"unknown business metadata {set_id}", doc.guid)
        attributes = types.attributes(definition)
        for key, value in (values or {}).items():
            attribute = attributes.get(key)
            if attribute is None:
                raise invalid_instance(f"unknown attribute {key} of business metadata {set_id}", doc.guid)
            if not applies(attribute, doc, enforce=enforce):
                raise invalid_instance(
                    f"business metadata {set_id} is not applicable to {doc.type}", doc.guid
                )
            if value is not None and not _fits(types, attribute, value):
                raise invalid_instance(
                    f"{set_id}.{key}: {str(value)[:80]!r} is no valid {attribute['typeName']}", doc.guid
                )


def applies(attribute: Mapping[str, Any], doc: Doc, *, enforce: bool) -> bool:
    """Whether an attribute may stand on this asset: by type, and by the UI's lists if they bind (§6.5)."""
    options = attribute.get("options") or {}
    if not {doc.type, *SUPER_TYPES.get(doc.type, ())} & set(_list(options.get("applicableEntityTypes"))):
        return False
    if not enforce:
        return True
    asset_types = _list(options.get("assetTypesList"))
    if asset_types and doc.type not in asset_types:
        return False
    connections = _list(options.get("applicableConnections"))
    connection = doc.qn if doc.type == "Connection" else doc.scope.connection_qn
    return not connections or connection is None or connection in connections


def _list(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    try:
        decoded = msgspec.json.decode(str(value or "[]"))
    except msgspec.DecodeError:
        return []
    return [str(item) for item in decoded] if isinstance(decoded, list) else []


def _fits(types: TypeDefs, attribute: Mapping[str, Any], value: Any) -> bool:
    type_name = str(attribute["typeName"])
    if (array := _ARRAY.fullmatch(type_name)) is not None:
        return isinstance(value, list) and all(_fits_base(types, array[1], attribute, item) for item in value)
    return _fits_base(types, type_name, attribute, value)


def _fits_base(types: TypeDefs, type_name: str, attribute: Mapping[str, Any], value: Any) -> bool:
    if type_name == "string":
        longest = int((attribute.get("options") or {}).get("maxStrLength") or _LONGEST)
        return isinstance(value, str) and len(value) <= longest
    if type_name == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if type_name in ("int", "long", "date"):
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if type_name in ("float", "double"):
        return isinstance(value, int | float)
    return value in (types.enum_values(type_name) or ())


def put(txn: Transaction, guid: str, before: Sets, after: Sets) -> bool:
    """Set an asset's custom metadata; one audit record for each set that changed (§3.3). False: no change."""
    if before == after:
        return False
    draft = txn.edit(guid)
    draft.cm = after
    for set_id in dict.fromkeys([*before, *after]):
        old, new = before.get(set_id, {}), after.get(set_id, {})
        changed: Json = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
        if changed:
            txn.audit("BUSINESS_ATTRIBUTE_UPDATE", draft, {"typeName": set_id, "attributes": changed})
    return True
