"""What a reading of the catalog could not tell: kept in its report, named by the check ``coverage``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.sync.run import Run

UNTOLD = "untold"
"""Of the reports of snapshots: how many assets carry tags that cannot all be told, and the first names."""
GAPS = "gaps"
"""Of the same: shared reads that were incomplete, as far as anything depends on them here."""
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
