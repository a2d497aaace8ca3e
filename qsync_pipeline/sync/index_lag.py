"""Search indexes lag: what differs from the ledger's newest entries is read again by id (DESIGN.md §5.5)."""

from __future__ import annotations

from collections.abc import Sequence

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.quality import same_value
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.confirming import LAG, confirm
from qsync_pipeline.sync.run import Run


def confirm_written(
    run: Run, key: str, listed: Sequence[CatalogAsset], *, whole: bool, tags: bool = True
) -> None:
    """What the listing shows of our earlier writes is put into the ledger; a dry run leaves that alone."""
    if run.dry_run or run.ledger.read_only:
        return
    confirm(
        run.ledger,
        run.name,
        run.catalog.surfaces,
        key,
        listed,
        decimals=run.integration.decimals,
        whole=whole,
        tags=tags,
    )


def settled(
    run: Run, key: str, assets: Sequence[CatalogAsset], held: Sequence[Holding]
) -> list[CatalogAsset]:
    """Assets that differ from what we wrote a moment ago are read again by id: search indexes lag.

    So is an alert that is not ours any more, whenever we wrote it: it would be given up for good.
    """
    now = run.ledger.clock()
    roles = {surface.name: surface.role for surface in run.catalog.surfaces}
    ours: dict[str, list[Holding]] = {}
    for row in held:
        if row.surface in roles:
            ours.setdefault(row.target, []).append(row)
    wrote = run.ledger.reports.latest(run.name, "quality_metadata").get(key)
    wrote_lately = wrote is not None and wrote.at > now - LAG
    doubtful = []
    for asset in assets:
        rows = ours.get(asset.id, [])
        if not rows:
            # What we took away a moment ago leaves no holding behind, and may still be in the index.
            if wrote_lately and (
                asset.attributes or asset.alert or (asset.tags and "tags" in roles.values())
            ):
                doubtful.append(asset.id)
        elif any(
            (_is_young(row, now) or (roles[row.surface] == "alerts" and not run.catalog.lists_at_once))
            and not _shows(asset, row, roles[row.surface])
            for row in rows
        ):
            doubtful.append(asset.id)
    fresh = run.catalog.reread(doubtful) if doubtful else {}
    return [fresh.get(asset.id, asset) for asset in assets]


def _is_young(row: Holding, now: float) -> bool:
    return max(row.confirmed_at or 0.0, row.set_at) > now - LAG


def _shows(asset: CatalogAsset, row: Holding, role: str) -> bool:
    if role == "attributes":
        return all(
            same_value(value, asset.attributes.get(name), 3) for name, value in (row.value or {}).items()
        )
    if role == "alerts":
        alert = asset.alert
        return alert is not None and row.value is not None and alert.text == row.value.get("text")
    if role == "tags":
        return row.value is None or any(tag_key(tag.name) == row.key for tag in asset.tags)
    return True
