"""Data-health rows: keys, bodies, reading, and what a job really attached (alation-api.md §2.9).

A *field* is a rule, a *value* the latest result of a rule on an object. Ours are told by the prefix of their
field keys: ``qsync.<integration>.check:42``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qsync_pipeline.catalogs.alation.keys import asset_id
from qsync_pipeline.catalogs.alation.models import HealthValue
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import HealthRow
from qsync_pipeline.transport.errors import Malformed

GOOD, WARNING, ALERT = "GOOD", "WARNING", "ALERT"
_STATUS: Mapping[str, str] = {GOOD: "No Issues", WARNING: "Warning", ALERT: "Alert"}
"""What a reader sees of a status: the core's words, and one that we never write."""
_QUALITY: Mapping[str, str] = {"No Issues": GOOD, "Alert": ALERT}

_KEY = re.compile(r"check:\d+")
_OBJECT_TYPES: Mapping[str, str] = {"schema": "SCHEMA", "table": "TABLE", "attribute": "ATTRIBUTE"}

Pair = tuple[str, str]
"""Field key and folded object key."""


def prefix_of(integration: str) -> str:
    """What the field keys of an integration begin with."""
    return f"qsync.{integration}."


class HealthBook:
    """Our values by the asset they stand on."""

    def __init__(self, values: Iterable[HealthValue], prefix: str) -> None:
        self._by_asset: dict[str, list[HealthValue]] = {}
        self._by_key: dict[str, list[HealthValue]] = {}
        self._prefix = prefix
        for value in values:
            if not (value.field_key.startswith(prefix) and _KEY.fullmatch(value.field_key[len(prefix) :])):
                continue
            if (asset := object_of(value)) is not None:
                self._by_asset.setdefault(asset, []).append(value)
            elif value.object_key:
                self._by_key.setdefault(fold(value.object_key), []).append(value)
            else:
                # It would count as gone, be let go, and stand there for ever.
                raise Malformed("alation: a data-health row of ours names no object", system="alation")

    def rows(self, asset: str, key: str, name: str) -> tuple[HealthRow, ...]:
        """The rows of an asset with this object key and name.

        Values come with lower-cased names; the row stands on the asset, so its object is the asset's name.
        """
        values = self._by_asset.get(asset)
        if self._by_key:
            values = [*(values or ()), *self._by_key.get(fold(key), ())]
        if not values:
            return ()
        return tuple(
            HealthRow(
                key=value.field_key[len(self._prefix) :],
                rule=value.field_name or "",
                object=name,
                status=_STATUS.get((value.value_quality or "").upper(), value.value_quality or ""),
                value=_number(value.value_value),
                description=value.field_description or "",
                last_updated=value.value_last_updated,
            )
            for value in values
        )


def object_of(value: HealthValue) -> str | None:
    """The asset id of the object that a value was stored on, where the answer says it."""
    otype, number = value.source_otype or value.otype, value.source_oid or value.oid
    return None if otype is None or number is None else asset_id(otype, number)


def _number(value: Any) -> int:
    """A value as a count; one that is none is -1, which no count is, so that it is written anew."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return -1


def field_body(key: str, after: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of a rule. Its values are counts: numbers, never text (mistake 6 of §4)."""
    return {
        "field_key": key,
        "name": after["rule"],
        "type": "NUMERIC",
        "description": after.get("description") or "",
    }


def value_body(key: str, object_key: str, otype: str, after: Mapping[str, Any], now: str) -> dict[str, Any]:
    """A row; ``now`` is when it is written, in UTC."""
    return {
        "field_key": key,
        "object_key": object_key,
        "object_type": _OBJECT_TYPES[otype],
        "status": _QUALITY[after["status"]],
        "value": after["value"],
        "last_updated": now,
    }


def pair_of(body: Mapping[str, Any]) -> Pair:
    """What tells values apart."""
    return str(body.get("field_key")), fold(str(body.get("object_key")))


def failed_pairs(
    result: Sequence[Any],
    bodies: Sequence[Mapping[str, Any]],
    read: Callable[[list[str]], list[HealthValue]],
) -> set[Pair]:
    """Which of these values a successful job did not attach (§2.9: success can mean nothing was attached).

    The job counts failures and shows a sample of them. Where the sample is not all, or fewer values were
    created and updated than were sent, the values are read back by ``read`` (field keys), and those that are
    not there as they were sent have failed.
    """
    report = next((part for part in result if isinstance(part, Mapping)), {})
    said = _mapping(report.get("created_object_attribution"))
    failures = _count(said.get("failure_count"))
    sample = {pair_of(one) for one in said.get("failure_sample") or () if isinstance(one, Mapping)}
    values = _mapping(report.get("values"))
    created, updated = (_count(_mapping(values.get(word)).get("count")) for word in ("created", "updated"))
    attached = _count(said.get("success_count"))
    if (
        failures == len(sample)
        and created + updated + failures >= len(bodies)
        and attached + failures >= created
    ):
        return sample
    there = {
        (value.field_key, fold(value.object_key or "")): value
        for value in read(list(dict.fromkeys(str(body["field_key"]) for body in bodies)))
    }
    return {pair for body in bodies if not _shows(there.get(pair := pair_of(body)), body)}


def _shows(value: HealthValue | None, body: Mapping[str, Any]) -> bool:
    return (
        value is not None
        and (value.value_quality or "").upper() == body["status"]
        and _number(value.value_value) == body["value"]
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
