"""Number badges: they show an attribute in colour on the asset's overview (atlan-api.md §2.8).

A badge is an asset whose qualified name is made of the attribute's ids: one per attribute, however often it
is sent. Ours are made once; what stands there already is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.catalogs.atlan.types import COLORS, mapping_of

BADGES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "Quality Score Total": (("gte", "80", "green"), ("gte", "60", "yellow"), ("lt", "60", "red")),
    "Anomaly Count": (("eq", "0", "green"), ("gt", "0", "red")),
    "Check Count": (("gte", "0", "gray"),),
}
"""Badges: (operator, value, colour), of which the first that holds counts."""


def badge_name(set_id: str, attribute_id: str) -> str:
    """A badge's qualified name: one per attribute, so that it cannot be made twice (atlan-api.md §2.8)."""
    return f"badges/global/{set_id}.{attribute_id}"


def badge_bodies(handle: Mapping[str, object], present: frozenset[str]) -> list[dict[str, Any]]:
    """Bulk-write entities of the badges that are not ``present`` (qualified names).

    Badges that stand there are left as they are: their colours are people's to change.
    """
    set_id, ids, names = (
        str(handle.get("set", "")),
        mapping_of(handle.get("attributes")),
        mapping_of(handle.get("names")),
    )
    bodies: list[dict[str, Any]] = []
    for canonical, conditions in BADGES.items():
        attribute_id = ids.get(canonical)
        if attribute_id is None or badge_name(set_id, attribute_id) in present:
            continue
        bodies.append(
            {
                "typeName": "Badge",
                "guid": f"-{len(bodies) + 1}01",
                "attributes": {
                    "name": names.get(canonical, canonical),
                    "qualifiedName": badge_name(set_id, attribute_id),
                    "badgeMetadataAttribute": f"{set_id}.{attribute_id}",
                    "badgeConditions": [
                        {
                            "badgeConditionOperator": operator,
                            "badgeConditionValue": value,
                            "badgeConditionColorhex": COLORS[color],
                        }
                        for operator, value, color in conditions
                    ],
                },
            }
        )
    return bodies


def badge_names(handle: Mapping[str, object]) -> list[str]:
    """Qualified names of all badges that this handle should have."""
    ids = mapping_of(handle.get("attributes"))
    return [badge_name(str(handle.get("set", "")), ids[c]) for c in BADGES if c in ids]
