"""What a reading of the catalog could not tell: kept in its report, named by the check ``coverage``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qsync_pipeline.core.rows import CatalogAsset, Unit
from qsync_pipeline.core.rules import MappingRule
from qsync_pipeline.sync.run import Run

UNTOLD = "untold"
"""Of the reports of snapshots: how many assets carry tags that cannot all be told, and the first names."""
GAPS = "gaps"
"""Of the same, and of those of mappings: shared reads that were incomplete, as far as anything depends on
them here, and mappings of the config that speak of nothing."""
SHOWN = 10


def blind_spots(
    run: Run,
    assets: Iterable[CatalogAsset],
    index: Iterable[CatalogAsset],
    gaps: Sequence[str],
) -> dict[str, object]:
    """Both, where there are any. ``index`` adds the connections that these assets lie in.

    Where the catalog's tags could not be read at all, the pull fails for that, and nothing is said here.
    """
    found: dict[str, object] = {}
    if not run.catalog.tags_unread():
        rows = list(assets)
        above = {row.connection for row in rows}
        rows += [one for one in index if one.level == "connection" and one.qualified_name in above]
        names = [row.qualified_name for row in rows if row.readable and not row.complete]
        if names:
            found[UNTOLD] = {"number": len(names), "names": names[:SHOWN]}
    told = [gap for gap in gaps if not gap.startswith(("tags", "type definitions"))]
    told = [gap for gap in told if run.integration.domains or not gap.startswith("domain")]
    return found | ({GAPS: told} if told else {})


def without_datastore(mappings: Sequence[MappingRule], datastores: Sequence[Unit]) -> list[str]:
    """The mappings of the config that name no datastore of the deployment, in words."""
    return [
        f'mappings: Qualytics lists no datastore "{rule.datastore}"'
        for rule in mappings
        if not any(rule.names(unit) for unit in datastores)
    ]


def without_container(mappings: Sequence[MappingRule], units: Sequence[Unit]) -> list[str]:
    """The mappings that name no container of this datastore, of those that speak of it, in words."""
    datastore = next(unit for unit in units if unit.level == "datastore")
    containers = {unit.name for unit in units if unit.level == "container"}
    return [
        f'mappings: {datastore.name} has no container "{rule.container}"'
        for rule in mappings
        if rule.container is not None and rule.names(datastore) and rule.container not in containers
    ]
