"""Asset: what Qualytics knows, read once and shared by all integrations."""

from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    DATASTORES,
    INVENTORY_KEY,
    OWNERS,
    RANGE,
    Gathering,
    asset_key,
    keys_of,
    scope_label,
    told,
)
from qsync_pipeline.core.tables import Table
from qsync_pipeline.stored_tables import Collected
from qsync_pipeline.sync import snapshot
from qsync_pipeline.sync.definition_records import read_definitions
from qsync_pipeline.sync.inventory import DEPLOYMENT, STAGE, read_inventories
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.scope import Earlier, stored_whole


@dg.asset(
    key=INVENTORY_KEY,
    partitions_def=DATASTORES,
    backfill_policy=RANGE,
    group_name="qualytics",
    kinds={"qualytics"},
    owners=OWNERS,
    required_resource_keys={"ledger", "settings", "io_manager", "qualytics"},
    pool="qualytics_api",
    description="What Qualytics knows of each datastore: containers, fields, their scores, tags, "
    "active checks and open anomalies. Read once, shared by all integrations.",
)
def qualytics_inventory(context: dg.AssetExecutionContext) -> dg.Output[Collected]:
    """Read the datastores of this range, and the tag definitions of the deployment."""
    run = context.resources.qualytics.run(context)
    keys = keys_of(context)
    with told(run, STAGE):
        found = Gathering()
        found.take_in(context, read_inventories(run, keys, _earlier(context, run)), _describe)
        found.collected.add(DEPLOYMENT, read_definitions(run))
    return dg.Output(
        found.collected,
        metadata={
            **found.totals("containers", "fields"),
            "Qualytics": dg.MetadataValue.url(run.config.qualytics.ui),
        },
    )


def _earlier(context: dg.AssetExecutionContext, run: Run) -> Earlier:
    """What is stored of a datastore: a part of it may be read anew if its snapshot is stored as well."""
    inventory = context.resources.io_manager.stored(INVENTORY_KEY)
    snapshots = context.resources.io_manager.stored(asset_key(run.integration, snapshot.STAGE))

    def find(key: str) -> Table[Any] | None:
        return inventory.find(key) if stored_whole(snapshots.find, key) else None

    return find


def _describe(key: str, table: Table[Any]) -> dict[str, Any]:
    levels = [unit.level for unit in table.rows]
    if table.meta.get("vanished"):
        return {"vanished": table.meta["vanished"]}
    return {
        **scope_label(table),
        "containers": levels.count("container"),
        "fields": levels.count("field"),
    }
