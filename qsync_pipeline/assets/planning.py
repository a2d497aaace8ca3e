"""Assets of an integration that work out what should change. No network, no writes."""

from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    INVENTORY_KEY,
    asset_key,
    collect,
    keys_of,
    run_of,
    stage_asset,
    told,
)
from qsync_pipeline.assets.reporting import by_number, counts_table, names, plan_table
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.plan import add_counts
from qsync_pipeline.core.tables import Table
from qsync_pipeline.sync import mapping, planning, snapshot
from qsync_pipeline.sync.inventory import DEPLOYMENT
from qsync_pipeline.tables_io import Collected, StoredTables


def _inputs(integration: IntegrationConfig) -> dict[str, dg.AssetIn]:
    return {
        "inventory": dg.AssetIn(INVENTORY_KEY),
        "assets": dg.AssetIn(asset_key(integration, snapshot.STAGE)),
        "links": dg.AssetIn(asset_key(integration, mapping.STAGE)),
    }


def build_tag_plan(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """What should change on the Qualytics side."""

    @stage_asset(
        integration,
        planning.TAG_STAGE,
        "Which tags go onto and come off Qualytics objects, each with before, after and reason. Only what "
        "this integration put there is ever taken off.",
        ins=_inputs(integration),
    )
    def tag_plan(
        context: dg.AssetExecutionContext, inventory: StoredTables, assets: StoredTables, links: StoredTables
    ) -> dg.Output[Collected]:
        run = run_of(context, integration)
        keys = keys_of(context)
        with told(run, planning.TAG_STAGE):
            tables = planning.plan_tags_of_range(
                run, keys, inventory, assets, links, assets[snapshot.INDEX], inventory[DEPLOYMENT]
            )
            collected, good, failed = collect(context, tables, _describe)
        mode = "native external tags" if run.native_tags else "managed tags (definitions of ours)"
        return _output(collected, good, failed, {"tag mode": mode})

    return tag_plan


def build_quality_plan(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """What should change on the catalog side."""

    @stage_asset(
        integration,
        planning.QUALITY_STAGE,
        "Which quality values and alerts change on catalog assets, each with before, after and reason.",
        ins=_inputs(integration),
    )
    def quality_plan(
        context: dg.AssetExecutionContext, inventory: StoredTables, assets: StoredTables, links: StoredTables
    ) -> dg.Output[Collected]:
        run = run_of(context, integration)
        keys = keys_of(context)
        with told(run, planning.QUALITY_STAGE):
            tables = planning.plan_quality_of_range(
                run, keys, inventory, assets, links, assets[snapshot.INDEX]
            )
            collected, good, failed = collect(context, tables, _describe)
        return _output(collected, good, failed, {})

    return quality_plan


def _describe(table: Table[Any]) -> dict[str, Any]:
    plan = table.meta["plan"]
    return {
        "create": sum(row["create"] for row in plan.values()),
        "update": sum(row["update"] for row in plan.values()),
        "remove": sum(row["remove"] for row in plan.values()),
        "summary": "; ".join(f"{surface}: {by_number(row) or 'nothing'}" for surface, row in plan.items()),
    }


def _output(
    collected: Collected, good: dict[str, Table[Any]], failed: list[str], more: dict[str, Any]
) -> dg.Output[Collected]:
    plan: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    for table in good.values():
        plan = add_counts(plan, table.meta["plan"])
        for name, number in table.meta["counts"].items():
            counts[name] = counts.get(name, 0) + number
    changes = [change for table in good.values() for change in table.rows]
    return dg.Output(
        collected,
        metadata={
            "to write": sum(number for row in plan.values() for number in row.values()),
            "parked": sum(1 for change in changes if change.status == "parked"),
            "skipped": sum(1 for change in changes if change.status in ("skipped", "waiting")),
            **{f"{name} assignments" if name == "unchanged" else name: n for name, n in counts.items()},
            "by surface": counts_table(plan),
            "plan": plan_table(changes),
            "failed datastores": names(failed) or "none",
            **more,
        },
    )
