"""What carries a mark of ours and is in no ledger: listed, and never removed (DESIGN.md §5.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qsync_pipeline.core.alerts import owner_of
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import Link
from qsync_pipeline.core.rules import AlertRules


def unowned_assets(
    links: Iterable[Link], snapshot: Snapshot, held: Collection[str], rules: AlertRules
) -> list[str]:
    """Names of tables and columns that no unit stands for, that the ledger does not know (``held`` are the
    ids that it does), and that show a value, an alert or a row of ours; sorted.

    What they show may be of a table that went while there was no ledger, or of another tool that writes into
    the same attributes: nobody can tell, so it stays, and a person decides.
    """
    claimed = {asset for link in links for asset in link.assets}
    return sorted(
        asset.qualified_name
        for asset in snapshot.by_id.values()
        if asset.level in ("table", "column")
        and asset.id not in claimed
        and asset.id not in held
        and (asset.attributes or asset.health or owner_of(asset.alert, None, rules) == "ours")
    )
