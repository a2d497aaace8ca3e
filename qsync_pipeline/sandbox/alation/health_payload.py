"""What a data health request must look like, or no job is made (alation-api.md §1.4, §6 rows 13 to 22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.alation.errors import entry
from qsync_pipeline.sandbox.alation.health import OTYPE_OF, STATUSES, TYPES
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.times import read

_FITS = {"NUMERIC": (int, float), "STRING": (str,), "BOOLEAN": (bool,)}


def _rows(rows: Any, needed: tuple[str, ...], switches: AlationSwitches) -> list[tuple[int, dict[str, Any]]]:
    """The rows with their numbers; a missing property refuses the whole body."""
    if not isinstance(rows, list):
        raise entry(-1, "A list is expected")
    found = []
    for number, row in enumerate(rows, start=switches.entry_base):
        if not isinstance(row, dict):
            raise entry(number, "An object is expected")
        for name in needed:
            if row.get(name) is None:
                raise entry(number, f"{name} is required")
        found.append((number, row))
    return found


def check_fields(rows: Any, switches: AlationSwitches) -> list[dict[str, Any]]:
    """Field definitions, with their type in upper case."""
    made = []
    for number, row in _rows(rows, ("field_key", "name", "type"), switches):
        kind = str(row["type"]).upper()
        if kind not in TYPES:
            raise entry(number, f"type must be one of {', '.join(TYPES)}")
        made.append({**row, "type": kind})
    return made


def check_values(rows: Any, known: Mapping[str, str], switches: AlationSwitches) -> list[dict[str, Any]]:
    """Values, with status and object_type in upper case; ``known`` maps field keys to types."""
    made = []
    needed = ("field_key", "object_key", "object_type", "status", "value")
    for number, row in _rows(rows, needed, switches):
        status, otype = str(row["status"]).upper(), str(row["object_type"]).upper()
        if status not in STATUSES:
            raise entry(number, f"status must be one of {', '.join(STATUSES)}")
        if otype not in OTYPE_OF:
            raise entry(number, f"object_type must be one of {', '.join(OTYPE_OF)}")
        kind = known.get(row["field_key"])
        if kind is None and switches.unknown_field_key == "refuse":
            raise entry(number, f"field_key {row['field_key']} does not exist")
        if not isinstance(row["value"], (str, int, float, bool)):
            raise entry(number, "value must be a number, a string or a boolean")
        if switches.strict_value_types and kind is not None and not _fits(kind, row["value"]):
            raise entry(number, f"value does not fit the type {kind} of its field")
        stamp = row.get("last_updated")
        if stamp is not None and (not isinstance(stamp, str) or read(stamp) is None):
            raise entry(number, "last_updated must be a point in time")
        made.append({**row, "status": status, "object_type": otype})
    return made


def _fits(kind: str, value: Any) -> bool:
    if kind != "BOOLEAN" and isinstance(value, bool):
        return False
    return isinstance(value, _FITS[kind])


def check_deletion(body: Any, switches: AlationSwitches) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys of fields, and pairs of field and object."""
    if not isinstance(body, dict) or not {"fields", "values"} & set(body):
        raise entry(-1, 'A "values" or "fields" property must be specified')
    fields = body.get("fields") or []
    if not isinstance(fields, list):
        raise entry(-1, "A list is expected")
    for number, key in enumerate(fields, start=switches.entry_base):
        if not isinstance(key, str):
            raise entry(number, "field_key is required")
    pairs = _rows(body.get("values") or [], ("field_key", "object_key"), switches)
    return fields, [row for _, row in pairs]
