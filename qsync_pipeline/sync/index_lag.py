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
        reread=None if run.catalog.lists_at_once else run.catalog.reread,
    )


def settled(
    run: Run, key: str, assets: Sequence[CatalogAsset], held: Sequence[Holding]
) -> list[CatalogAsset]:
    """Assets that differ from what we wrote a moment ago are read again by id: search indexes lag.

    A moment is :data:`LAG`, or for as long as something that we wrote on one of these assets waits to be seen
    in the index (:func:`confirm_written` leaves that waiting which only the index does not show). An alert
    that is not ours any more is read by id whenever we wrote it: it would be given up for good.
    """
    listed = {asset.id for asset in assets}
    waiting = [one.written_at for one in run.ledger.awaited.of(run.name, key) if one.target in listed]
    since = min([run.ledger.clock() - LAG, *waiting])
    roles = {surface.name: surface.role for surface in run.catalog.surfaces}
    ours: dict[str, list[Holding]] = {}
    for row in held:
        if row.surface in roles:
            ours.setdefault(row.target, []).append(row)
    wrote = run.ledger.reports.latest(run.name, "quality_metadata").get(key)
    wrote_lately = wrote is not None and wrote.at >= since
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
            (_is_young(row, since) or (roles[row.surface] == "alerts" and not run.catalog.lists_at_once))
            and not _shows(asset, row, roles[row.surface])
            for row in rows
        ):
            doubtful.append(asset.id)
    fresh = run.catalog.reread(doubtful) if doubtful else {}
    return [fresh.get(asset.id, asset) for asset in assets]


def _is_young(row: Holding, since: float) -> bool:
    return max(row.confirmed_at or 0.0, row.set_at) >= since


def _shows(asset: CatalogAsset, row: Holding, role: str) -> bool:
    if role == "attributes":
        ours = row.value or {}
        # What we cleared is no longer among ours, and may be in the index still.
        return all(
            same_value(ours.get(name), asset.attributes.get(name), 3) for name in {*ours, *asset.attributes}
        )
    if role == "alerts":
        alert = asset.alert
        return alert is not None and row.value is not None and alert.text == row.value.get("text")
    if role == "tags":
        return row.value is None or any(tag_key(tag.name) == row.key for tag in asset.tags)
    return True
