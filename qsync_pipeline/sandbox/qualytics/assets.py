"""Names of objects in the control plane, and what a person would see on each (DESIGN.md §6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from qsync_pipeline.core.rows import ATTRIBUTES, DIMENSIONS, AttributeValue
from qsync_pipeline.sandbox.qualytics.metrics import active_check_count, open_anomaly_count
from qsync_pipeline.sandbox.qualytics.model import Container, Datastore, Field
from qsync_pipeline.sandbox.qualytics.store import Store, live_containers
from qsync_pipeline.sandbox.qualytics.tags import origin_of

Asset = Datastore | Container | Field


def asset_name(asset: Asset) -> str:
    """``DB.SCHEMA[.TABLE[.COLUMN]]`` in Qualytics' spelling; a file store's name is its first part."""
    if isinstance(asset, Field):
        return f"{asset_name(asset.container)}.{asset.name}"
    if isinstance(asset, Container):
        return f"{asset_name(asset.datastore)}.{asset.name}"
    if asset.schema is None:
        return asset.name
    return asset.schema if asset.database is None else f"{asset.database}.{asset.schema}"


def unit_id(asset: Asset) -> str:
    """``<level>:<number>``, as ids collide between levels (:mod:`qsync_pipeline.core.rows`)."""
    level = (
        "field" if isinstance(asset, Field) else "container" if isinstance(asset, Container) else "datastore"
    )
    return f"{level}:{asset.id}"


def kind_of(asset: Asset) -> str:
    """datastore, field, or the kind of container: table, view, computed_table, file, ..."""
    if isinstance(asset, Datastore):
        return "datastore"
    if isinstance(asset, Field):
        return "field"
    return "view" if asset.is_view else asset.container_type


def deep_link(base_url: str, asset: Asset) -> str:
    """The asset's page in the UI; only the container's is attested (qualytics-api.md §2.12, decision 40)."""
    if isinstance(asset, Field):
        container = asset.container
        path = f"/datastores/{container.datastore.id}/containers/{container.id}/fields/{asset.id}/overview"
    elif isinstance(asset, Container):
        path = f"/datastores/{asset.datastore.id}/containers/{asset.id}/overview"
    else:
        path = f"/datastores/{asset.id}"
    return base_url + path


def find(store: Store, name: str) -> list[Asset]:
    """Every asset of exactly this name. Names hold dots: they are matched with known ones, never split."""
    found: list[Asset] = []
    for datastore in store.datastores.values():
        rest = below(name, asset_name(datastore))
        if rest is None:
            continue
        if not rest:
            found.append(datastore)
            continue
        for container in live_containers(datastore):
            column_name = below(rest, container.name)
            if column_name is None:
                continue
            if not column_name:
                found.append(container)
            else:
                found += [column for column in container.fields.values() if column.name == column_name]
    return found


def below(name: str, parent: str) -> str | None:
    """What of ``name`` lies below ``parent``: empty for the parent itself, null if it lies elsewhere."""
    if name == parent:
        return ""
    if name.startswith(parent + ".") and len(name) > len(parent) + 1:
        return name[len(parent) + 1 :]
    return None


def everything(store: Store) -> Iterator[tuple[str, Asset]]:
    """All assets that are not archived, each with its name."""
    for datastore in store.datastores.values():
        name = asset_name(datastore)
        yield name, datastore
        for container in live_containers(datastore):
            inner = f"{name}.{container.name}"
            yield inner, container
            for column in container.fields.values():
                yield f"{inner}.{column.name}", column


def like_pattern(like: str) -> re.Pattern[str]:
    """SQL's LIKE, without regard to case: ``%`` any text, ``_`` any one character."""
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in like)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def entry(base_url: str, asset: Asset, name: str) -> dict[str, Any]:
    """One entry of ``GET /state/qualytics/assets``; tags by name, whatever order they came in."""
    return {
        "id": unit_id(asset),
        "name": name,
        "kind": kind_of(asset),
        "tags": [
            {
                "name": tag.name,
                "origin": origin_of(tag, bits),
                "color": tag.color,
                "description": tag.description,
            }
            for tag, bits in sorted((asset.tags or {}).items(), key=lambda use: use[0].name)
        ],
        "attributes": attributes(base_url, asset),
        "alert": None,
        "health": [],
        "domains": [],
    }


def attributes(base_url: str, asset: Asset) -> dict[str, AttributeValue]:
    """The twelve attributes as Qualytics has them: scores unrounded, null where nothing was measured."""
    scores = asset.scores or {}
    values: dict[str, AttributeValue] = {
        "URL": deep_link(base_url, asset),
        "Quality Score Total": scores.get("total"),
        "Anomaly Count": open_anomaly_count(asset),
        "Check Count": active_check_count(asset),
    }
    for dimension in DIMENSIONS:
        values[f"Quality Score {dimension.capitalize()}"] = scores.get(dimension)
    return {name: values[name] for name in ATTRIBUTES}
