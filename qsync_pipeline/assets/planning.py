"""Assets of an integration that work out what should change. No network, no writes."""

from collections import Counter
from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    INVENTORY_KEY,
    Gathering,
    asset_key,
    keys_of,
    run_of,
    scope_label,
    stage_asset,
    told,
)
from qsync_pipeline.assets.reporting import by_number, counts_table, plan_table
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.plan import PlanCounts
from qsync_pipeline.core.tables import Table
from qsync_pipeline.outside_text import for_markdown
from qsync_pipeline.stored_tables import Collected, StoredTables
from qsync_pipeline.sync import mapping, planning, snapshot
from qsync_pipeline.sync.inventory import DEPLOYMENT
from qsync_pipeline.transport.redact import redact

TOTALS = ("to write", "parked", "skipped")


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
            found = Gathering()
            found.take_in(context, tables, _describe)
        mode = "native external tags" if run.native_tags else "managed tags (definitions of ours)"
        return dg.Output(found.collected, metadata={**found.totals(*TOTALS), "tag mode": mode})

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
            found = Gathering()
            found.take_in(context, tables, _describe)
        return dg.Output(found.collected, metadata=found.totals(*TOTALS))

    return quality_plan


def _left(table: Table[Any]) -> dict[str, Any]:
    """Why ours was left as it is, commonest first."""
    reasons = table.meta.get(planning.LEFT)
    if not reasons:
        return {}
    lines = [f"- {number} x {for_markdown(redact(reason))}" for reason, number in reasons.items()]
    return {"ours, and left as it is": dg.MetadataValue.md("\n".join(lines))}


def _describe(key: str, table: Table[Any]) -> dict[str, Any]:
    plan: PlanCounts = table.meta["plan"]
    statuses = Counter(change.status for change in table.rows)
    return {
        **scope_label(table),
        "summary": "; ".join(f"{name}: {by_number(row) or 'nothing'}" for name, row in plan.items()),
        "to write": sum(number for row in plan.values() for number in row.values()),
        "parked": statuses["parked"],
        "skipped": statuses["skipped"] + statuses["waiting"],
        **table.meta["counts"],
        **_left(table),
        "by surface": counts_table(plan),
        "plan": plan_table(table.rows),
    }
