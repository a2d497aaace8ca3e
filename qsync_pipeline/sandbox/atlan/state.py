"""What a person sees on an asset in Atlan's UI, as the control plane tells it (DESIGN.md §6)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.typedefs import Json, TypeDefs

SET = "Qualytics"
"""Display name of the custom-metadata set that carries the twelve attributes (DESIGN.md §5.3)."""
_INTEGRATION = "service-account-apikey-"


def entry(store: Store, types: TypeDefs, doc: Doc) -> Json:
    """One entry of ``GET /state/atlan/assets``; tags by name, whatever order they came in."""
    return {
        "id": doc.guid,
        "name": doc.full_name,
        "kind": doc.type,
        "tags": sorted(
            (
                _tag(types, tag.type_name, "person" if tag.origin == doc.guid else "propagated")
                for tag in doc.tags
            ),
            key=lambda tag: (tag["name"], tag["origin"]),
        ),
        "attributes": attributes(types, doc),
        "alert": alert(doc),
        "health": [],
        "domains": _domains(store, doc),
    }


def _tag(types: TypeDefs, type_name: str, origin: str) -> Json:
    definition = types.tag(type_name) or {}
    return {
        "name": definition.get("displayName", "(DELETED)"),
        "origin": origin,
        "color": definition.get("options", {}).get("color"),
        "description": definition.get("description") or None,
    }


def attributes(types: TypeDefs, doc: Doc) -> dict[str, Any]:
    """The twelve attributes that have a value, by their canonical names, in their order."""
    found: dict[str, Any] = {}
    for set_id, values in doc.cm.items():
        definition = types.set(set_id)
        if definition is None or definition.get("displayName") != SET:
            continue
        for name, attribute_id in types.attribute_ids(definition).items():
            if attribute_id in values:
                found[name] = values[attribute_id]
    return {name: found[name] for name in ATTRIBUTES if name in found}


def alert(doc: Doc) -> Json | None:
    """The announcement; ``by`` tells tokens from people."""
    kind = doc.attrs.get("announcementType")
    if kind is None:
        return None
    by = str(doc.attrs.get("announcementUpdatedBy") or "")
    return {
        "type": kind,
        "title": doc.attrs.get("announcementTitle") or "",
        "text": doc.attrs.get("announcementMessage") or "",
        "by": "integration" if by.startswith(_INTEGRATION) else "person",
    }


def _domains(store: Store, doc: Doc) -> list[str]:
    """Names of the asset's own domain."""
    return [
        domain.name for guid in doc.attrs.get("domainGUIDs") or () if (domain := store.get(guid)) is not None
    ]
