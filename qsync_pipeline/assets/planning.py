"""Assets of an integration that work out what should change. No network, no writes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    INVENTORY_KEY,
    Gathering,
    asset_key,
    keys_of,
    run_of,
    stage_asset,
    told,
)
from qsync_pipeline.assets.reporting import Preview, by_number, counts_table, names, plan_table
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.plan import PlanCounts, add_counts
from qsync_pipeline.core.rows import Change
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
            found = Planned(context, tables)
        mode = "native external tags" if run.native_tags else "managed tags (definitions of ours)"
        return found.output({"tag mode": mode})

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
            found = Planned(context, tables)
        return found.output({})

    return quality_plan


class Planned(Gathering):
    """The plans of a range, added up."""

    def __init__(
        self, context: dg.AssetExecutionContext, tables: Iterable[tuple[str, Table[Change]]]
    ) -> None:
        super().__init__()
        self.plan: PlanCounts = {}
        self.counts: Counter[str] = Counter()
        self.preview: Preview[Change] = Preview()
        self.take_in(context, tables, self._describe)

    def _describe(self, key: str, table: Table[Any]) -> dict[str, Any]:
        plan: PlanCounts = table.meta["plan"]
        self.plan = add_counts(self.plan, plan)
        self.counts.update(table.meta["counts"])
        self.preview.see(change for change in table.rows if change.action != "note")
        statuses = Counter(change.status for change in table.rows)
        return {
            "to write": sum(number for row in plan.values() for number in row.values()),
            "parked": statuses["parked"],
            "skipped": statuses["skipped"] + statuses["waiting"],
            "summary": "; ".join(f"{name}: {by_number(row) or 'nothing'}" for name, row in plan.items()),
        }

    def output(self, more: Mapping[str, Any]) -> dg.Output[Collected]:
        """The stage's output with its metadata."""
        return dg.Output(
            self.collected,
            metadata={
                **{name: self.sums[name] for name in ("to write", "parked", "skipped")},
                **self.counts,
                "by surface": counts_table(self.plan),
                "plan": plan_table(self.preview.rows),
                "failed datastores": names(self.failed) or "none",
                **more,
            },
        )
