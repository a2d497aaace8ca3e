"""Struct-valued attributes of the external data-quality surface (atlan-api.md §4.1, rows 18 and 19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches

_DETAILS = "assetExternalDQMetadataDetails"
_STRUCT = "AssetExternalDQMetadata"


def stored_struct(key: str, value: Any, before: Any, switches: AtlanSwitches) -> Any:
    """The value as it is kept: flat structs gain ``{typeName, attributes}`` unless echoed as stored."""
    if key != _DETAILS or not isinstance(value, Mapping):
        return value
    made = {
        name: _typed(entry) if switches.struct_echo == "typed" else entry for name, entry in value.items()
    }
    if switches.external_dq_merge and isinstance(before, Mapping):
        made = {**before, **made}
    return {name: entry for name, entry in made.items() if entry is not None}


def _typed(entry: Any) -> Any:
    if not isinstance(entry, Mapping) or "attributes" in entry:
        return entry
    return {
        "typeName": _STRUCT,
        "attributes": {key: value for key, value in entry.items() if key != "typeName"},
    }
