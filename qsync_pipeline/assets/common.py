"""What all assets share: the partitions, names, labels, and the way a failure is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from qsync_pipeline.assets.reporting import by_number, names
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.tables import Table
from qsync_pipeline.stored_tables import Collected
from qsync_pipeline.sync import witness
from qsync_pipeline.sync.run import Run, error_class
from qsync_pipeline.sync.scope import scope_of
from qsync_pipeline.sync.steering import META as STEERED
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import redact, scrub

DATASTORES = dg.DynamicPartitionsDefinition(name="datastores")
"""One partition per Qualytics datastore; the key is ``<id>-<slug>`` and never changes."""

RANGE = dg.BackfillPolicy.single_run()
OWNERS = ["team:data-governance"]
INVENTORY_KEY = dg.AssetKey(["qualytics_inventory"])


def asset_key(integration: IntegrationConfig, stage: str) -> dg.AssetKey:
    """The key of an integration's stage."""
    return dg.AssetKey([integration.name, stage])


def stage_asset(
    integration: IntegrationConfig, stage: str, description: str, **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """``@dg.asset`` with everything that the partitioned assets of an integration have in common."""
    decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(integration, stage),
        partitions_def=DATASTORES,
        backfill_policy=RANGE,
        group_name=integration.name,
        kinds={integration.type, "qualytics"},
        owners=OWNERS,
        description=description,
        required_resource_keys={"ledger", "settings", "io_manager", integration.name},
        pool=f"{integration.name}_api",
        **more,
    )
    return decorator


def run_of(context: dg.AssetExecutionContext, integration: IntegrationConfig) -> Run:
    """The integration within this run, from its resource."""
    run: Run = getattr(context.resources, integration.name).run(context)
    witness.look(run)
    return run


def keys_of(context: dg.AssetExecutionContext) -> list[str]:
    """The datastores of this run; a start without one fails, saying where to choose."""
    if not context.has_partition_key and not context.has_partition_key_range:
        raise dg.Failure(
            "No datastore was chosen. Pick a partition in the Launchpad (one datastore), or use the "
            "partition dialog of the job or the asset group (several or all).",
            allow_retries=False,
        )
    return list(context.partition_keys)


def scope_label(table: Table[Any]) -> dict[str, str]:
    """Metadata of a partition of which only a part was looked at, or whose plan is none of a sync."""
    if what := table.meta.get(STEERED):
        return {"scope": "partial", "lines": str(what)}
    scope = scope_of(table)
    return {} if scope is None else {"scope": "partial", "in scope": names(sorted(scope))}


@contextmanager
def told(run: Run, stage: str) -> Iterator[None]:
    """Turn an error that concerns the whole run into a failure that says what to do, and report it."""
    try:
        yield
    except SyncError as error:
        message = redact(str(error))
        run.report(stage, "", error=message, error_class=error_class(error))
        raise dg.Failure(message, metadata={"class": error_class(error)}, allow_retries=False) from None
    except Exception as error:  # a fault of ours: Dagster keeps its whole traceback for ever
        scrub(error)
        raise
    finally:
        run.flush_requests()


class Gathering:
    """What a stage yields, taken in one datastore at a time: rows are seen once and not kept in memory.

    What ``describe`` says of a datastore goes onto its own partition; on the whole run's output go only
    ``totals``: every partition of the range shows those too.
    """

    def __init__(self) -> None:
        self.collected = Collected()
        self.sums: Counter[str] = Counter()
        self.good: list[str] = []
        self.failed: list[str] = []

    def take_in(
        self,
        context: dg.AssetExecutionContext,
        tables: Iterable[tuple[str, Table[Any]]],
        describe: Callable[[str, Table[Any]], Mapping[str, Any]],
    ) -> None:
        """Store every table, and put each datastore's status into its partition's metadata.

        ``describe`` is called for the tables that succeeded; the numbers of what it returns are added up.
        """
        for key, table in tables:
            self.collected.add(key, table)
            if table.failure is None:
                self.good.append(key)
                facts = describe(key, table)
                self.sums.update({name: value for name, value in facts.items() if isinstance(value, int)})
                metadata: Mapping[str, Any] = {"status": "ok", **facts}
            else:
                self.failed.append(key)
                metadata = {"status": "failed", "reason": table.failure}
            context.add_asset_metadata(dict(metadata), partition_key=key)

    def totals(self, *shown: str) -> dict[str, Any]:
        """What the run came to: datastores, and the sums of these numbers."""
        counts = by_number({name: self.sums[name] for name in shown}) or "nothing"
        return {
            "this run": f"{len(self.good)} datastores: {counts}",
            "this run: failed datastores": names(self.failed) or "none",
        }
