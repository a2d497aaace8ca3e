"""Assets of an integration that read and match: definitions, catalog assets, mapping."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    INVENTORY_KEY,
    OWNERS,
    Gathering,
    asset_key,
    keys_of,
    run_of,
    scope_label,
    stage_asset,
    told,
)
from qsync_pipeline.assets.reporting import (
    by_number,
    counts_table,
    coverage_plot,
    links_table,
    log_row,
    plan_table,
)
from qsync_pipeline.checks import coverage, coverage_spec
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.plan import outcome_counts
from qsync_pipeline.core.rows import BUCKETS
from qsync_pipeline.core.tables import Table
from qsync_pipeline.stored_tables import StoredTables
from qsync_pipeline.sync import definitions, mapping, snapshot


def build_definitions(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """The one unpartitioned asset: the attribute definitions in the catalog."""

    @dg.asset(
        key=asset_key(integration, definitions.STAGE),
        group_name=integration.name,
        kinds={integration.type},
        owners=OWNERS,
        required_resource_keys={"ledger", "settings", integration.name},
        pool=f"{integration.name}_api",
        description="The definitions of the quality attributes in the catalog: made on the first run, "
        "adopted where they stand already, never made twice, other tools' left alone.",
    )
    def definitions_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        layer = context.job_def.asset_layer
        if any(layer.get(key).is_partitioned for key in layer.executable_asset_keys):
            keys_of(context)  # what stands below needs a datastore: without one nothing is made either
        run = run_of(context, integration)
        with told(run, definitions.STAGE):
            result = definitions.make_definitions(run)
        if result.problems:
            raise dg.Failure("; ".join(result.problems), allow_retries=False)
        return dg.MaterializeResult(
            metadata={
                "planned": len(result.changes),
                "plan": plan_table(result.changes),
                "outcome": counts_table(outcome_counts(result.outcomes, [definitions.SURFACE])),
                "dry run": run.dry_run,
            }
        )

    return definitions_asset


def build_catalog_assets(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """The snapshot of the catalog."""

    @stage_asset(
        integration,
        snapshot.STAGE,
        "What the catalog knows of the objects of each datastore: identity, tags, domains, and the quality "
        "values and alerts that are on them now.",
        deps=[asset_key(integration, definitions.STAGE)],
    )
    def catalog_assets(context: dg.AssetExecutionContext) -> dg.Output[Any]:
        run = run_of(context, integration)
        keys = keys_of(context)
        with told(run, snapshot.STAGE):
            earlier = context.resources.io_manager.stored(asset_key(integration, snapshot.STAGE)).find
            index = snapshot.with_grants(run, snapshot.index_for(run, keys, earlier), keys)
            found = Gathering()
            found.take_in(context, snapshot.read_snapshots(run, keys, index, earlier), _describe)
            found.collected.add(snapshot.INDEX, index)
        return dg.Output(
            found.collected,
            metadata={
                **found.totals("tables", "columns", "tagged"),
                "this run: not readable": "; ".join(index.meta["gaps"]) or "none",
                "catalog": dg.MetadataValue.url(integration.url),
            },
        )

    def _describe(key: str, table: Table[Any]) -> dict[str, Any]:
        levels = [asset.level for asset in table.rows]
        placement = snapshot.placement_of(table)
        return {
            **scope_label(table),
            "tables": levels.count("table"),
            "columns": levels.count("column"),
            "tagged": sum(1 for asset in table.rows if asset.tags),
            "schema": placement.bucket,
            "reason": placement.reason or placement.how,
        }

    return catalog_assets


def build_asset_mapping(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """The mapping, with its coverage check."""
    key = asset_key(integration, mapping.STAGE)

    @stage_asset(
        integration,
        mapping.STAGE,
        "Which catalog asset is which Qualytics object. Every object stands in exactly one bucket, with a "
        "reason; near misses come with the config line that settles them.",
        ins={
            "inventory": dg.AssetIn(INVENTORY_KEY),
            "assets": dg.AssetIn(asset_key(integration, snapshot.STAGE)),
        },
        check_specs=[coverage_spec(key)],
    )
    def asset_mapping(
        context: dg.AssetExecutionContext, inventory: StoredTables, assets: StoredTables
    ) -> Iterator[Any]:
        run = run_of(context, integration)
        keys = keys_of(context)
        with told(run, mapping.STAGE):
            index = assets[snapshot.INDEX]
            found = Gathering()
            buckets: dict[str, dict[str, int]] = {}

            def describe(datastore: str, table: Table[Any]) -> dict[str, Any]:
                log = context.resources.io_manager.write_log(key, datastore, map(log_row, table.rows))
                counts = table.meta["counts"]
                buckets[datastore] = counts["buckets"]
                return {
                    "summary": by_number(counts["buckets"]) or "nothing",
                    **counts["buckets"],
                    "catalog only": counts["catalog_only"],
                    "sync log": dg.MetadataValue.path(str(log)),
                    "not mapped": links_table(link for link in table.rows if link.bucket != "matched"),
                    "mapped": links_table(link for link in table.rows if link.bucket == "matched"),
                }

            found.take_in(context, mapping.map_range(run, keys, inventory, assets, index), describe)
        yield coverage(run, key)
        # A run for a few tables is in a hurry, and what it covered is no picture of the estate.
        plot = {} if run.scope else {"this run: coverage": coverage_plot(buckets)}
        yield dg.Output(found.collected, metadata={**found.totals(*BUCKETS), **plot})

    return asset_mapping
