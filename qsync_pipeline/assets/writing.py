"""Assets of an integration that write, and read back what they wrote.

They are generators without an output: one materialization for each datastore that succeeded, the checks, and
a failure at the end if any datastore failed. So exactly the failed ones show as failed (DESIGN.md §3).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import dagster as dg

from qsync_pipeline.assets.common import (
    INVENTORY_KEY,
    asset_key,
    keys_of,
    run_of,
    scope_label,
    stage_asset,
    told,
)
from qsync_pipeline.assets.reporting import counts_table, names
from qsync_pipeline.checks import freshness, freshness_spec, write_checks, write_specs
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.plan import OutcomeCounts, add_counts
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.tables import Table
from qsync_pipeline.outside_text import for_markdown
from qsync_pipeline.stored_tables import StoredTables
from qsync_pipeline.sync import mapping, planning, pull, push, snapshot
from qsync_pipeline.sync.overtaken import Replan, plan_again
from qsync_pipeline.sync.retiring import settle_retirement
from qsync_pipeline.sync.run import Run, note_failure
from qsync_pipeline.sync.settling import Tally
from qsync_pipeline.sync.write_permissions import Permissions
from qsync_pipeline.transport.errors import Unauthorized, Unreachable
from qsync_pipeline.transport.redact import redact

Apply = Callable[[Run, str, Table[Change]], Tally]


def build_external_tags(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """Catalog tags on Qualytics objects."""
    key = asset_key(integration, pull.STAGE)

    @stage_asset(
        integration,
        pull.STAGE,
        "The catalog's tags on the matching Qualytics datastores, containers and fields: written, and read "
        "back.",
        ins={"plan": dg.AssetIn(asset_key(integration, planning.TAG_STAGE))},
        output_required=False,
        check_specs=write_specs(key),
    )
    def external_tags(context: dg.AssetExecutionContext, plan: StoredTables) -> Iterator[Any]:
        run = run_of(context, integration)
        if run.direction == "push":
            yield from _left_out(context, run, key, pull.STAGE, planning.TAG_STAGE)
        else:
            apply = partial(pull.apply_tags, replan=_replan(context, run, integration))
            yield from _write(context, run, key, pull.STAGE, planning.TAG_STAGE, plan, apply)

    return external_tags


def _replan(context: dg.AssetExecutionContext, run: Run, integration: IntegrationConfig) -> Replan:
    """How a tag plan is made anew: on the tables that it was made on, but for Qualytics' own."""
    stored = context.resources.io_manager.stored
    assets = stored(asset_key(integration, snapshot.STAGE))
    links = stored(asset_key(integration, mapping.STAGE))

    def replan(key: str) -> Table[Change]:
        last = keys_of(context)[-1]
        return plan_again(run, stored(INVENTORY_KEY), assets, links, assets[snapshot.INDEX], last, key)

    return replan


def build_quality_metadata(integration: IntegrationConfig) -> dg.AssetsDefinition:
    """Quality values and alerts on catalog assets."""
    key = asset_key(integration, push.STAGE)

    @stage_asset(
        integration,
        push.STAGE,
        "Quality scores, counts, links and alerts on the catalog's assets: written, and read back.",
        ins={"plan": dg.AssetIn(asset_key(integration, planning.QUALITY_STAGE))},
        output_required=False,
        check_specs=[*write_specs(key), freshness_spec(key)],
    )
    def quality_metadata(context: dg.AssetExecutionContext, plan: StoredTables) -> Iterator[Any]:
        run = run_of(context, integration)
        yield freshness(run, key)  # of earlier writes: what is written now is seen later
        if run.direction == "pull":
            yield from _left_out(context, run, key, push.STAGE, planning.QUALITY_STAGE)
            return
        apply = partial(push.apply_quality, permissions=Permissions())
        yield from _write(context, run, key, push.STAGE, planning.QUALITY_STAGE, plan, apply)

    return quality_metadata


def _left_out(
    context: dg.AssetExecutionContext, run: Run, key: dg.AssetKey, stage: str, plan_stage: str
) -> Iterator[Any]:
    context.log.info(f"direction: {run.direction} only, so nothing is written here")
    yield from write_checks(run, key, stage, plan_stage)  # they judge what stands in the ledger anyway


def _write(
    context: dg.AssetExecutionContext,
    run: Run,
    key: dg.AssetKey,
    stage: str,
    plan_stage: str,
    plans: StoredTables,
    apply: Apply,
) -> Iterator[Any]:
    keys = keys_of(context)
    if run.dry_run:
        context.log.info("dry run: nothing is written, the partitions keep their status")
        if asked := [name for name in ("first_write", "adopt", "approve") if getattr(run, name)]:
            context.log.warning(f"{', '.join(asked)}: of no effect in a dry run; set dry_run: false as well")
        yield from write_checks(run, key, stage, plan_stage)  # they judge what stands in the ledger anyway
        return
    failed: dict[str, str] = {}
    sums: OutcomeCounts = {}
    with told(run, stage):
        for done, datastore in enumerate(keys):
            run.tell(stage, done, len(keys))
            plan = plans[datastore]
            if plan.failure is not None:
                failed[datastore] = plan.failure
                run.report(stage, datastore, error=plan.failure, error_class="upstream")
                continue
            try:
                tally = apply(run, datastore, plan)
            except (Unauthorized, Unreachable):
                raise
            except Exception as error:
                note_failure(run, stage, datastore, error)
                failed[datastore] = redact(str(error) or type(error).__name__)
                continue
            label = scope_label(plan)
            reasons = dict(tally.reasons.most_common(20))
            counts = {"outcome": tally.counts, "reasons": reasons}
            run.report(stage, datastore, counts, partial=bool(label))
            sums = add_counts(sums, tally.counts)
            yield dg.AssetMaterialization(key, partition=datastore, metadata=label | _metadata(tally))
        run.tell(stage, len(keys), len(keys))
        settle_retirement(run, stage, keys)
    yield from write_checks(run, key, stage, plan_stage)
    context.log.info(f"{stage}: {_line(sums) or 'nothing to do'}")
    if failed:
        raise dg.Failure(
            f"{len(failed)} of {len(keys)} datastores failed: {names(list(failed))}",
            metadata=dict(list(failed.items())[:20]),
            allow_retries=False,
        )


def _metadata(tally: Tally) -> dict[str, Any]:
    """What a person reads first: reasons, then one table; the single numbers are there to be plotted."""
    metadata: dict[str, Any] = {"outcome": counts_table(tally.counts)}
    if tally.reasons:
        most = tally.reasons.most_common(10)
        lines = [f"- {number} x {for_markdown(redact(reason))}" for reason, number in most]
        metadata["not written, and why"] = dg.MetadataValue.md("\n".join(lines))
    for surface, row in tally.counts.items():
        metadata |= {f"{surface} {outcome}": number for outcome, number in row.items()}
    return metadata


def _line(counts: OutcomeCounts) -> str:
    parts: Sequence[str] = [
        f"{surface}: " + ", ".join(f"{number} {outcome}" for outcome, number in row.items() if number)
        for surface, row in counts.items()
        if any(row.values())
    ]
    return "; ".join(parts)
