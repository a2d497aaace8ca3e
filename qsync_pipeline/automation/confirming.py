"""Sensors that look again at what was written, so that nobody waits for a search index (sync/confirming.py).

One per integration. The reading stage of the next run does the same at no cost; these look sooner, a few
tables at a time, and let it be while a run of the integration is under way.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import dagster as dg

from qsync_pipeline.automation.dispatch import ACTIVE
from qsync_pipeline.automation.passing import PASSING
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.catalogs.base import Catalog
from qsync_pipeline.config import Config, IntegrationConfig
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.resources import INTEGRATION_TAG, CatalogResource, LedgerResource
from qsync_pipeline.stored_tables import NoTable, StoredTables
from qsync_pipeline.sync import snapshot
from qsync_pipeline.sync.confirming import confirm
from qsync_pipeline.transport.errors import OutsideError

INTERVAL = 60
"""Seconds between two looks."""
SETTLED = 5.0
"""Seconds after a write before a look at the index is worth a call."""
DATASTORES = 3
"""Datastores that one tick looks at."""
TABLES = 50
"""Tables of a datastore that one tick reads."""


def build_confirming(config: Config) -> list[dg.SensorDefinition]:
    """The sensors; they cost nothing while nothing waits."""
    return [_confirmations(integration, config.storage) for integration in config.integrations]


def _confirmations(integration: IntegrationConfig, storage: Path) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{integration.name}_confirmations",
        minimum_interval_seconds=INTERVAL,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"ledger", integration.name},
        description=f"Looks again at what was written to {integration.name} once its search index has had "
        "time to settle, and confirms it in the ledger. Reads only.",
    )
    @scrubbed
    def confirmations(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Confirm what waits of some datastores, the longest waiting first."""
        resource: LedgerResource = context.resources.ledger
        ledger = resource.ledger()
        waiting = ledger.awaited.counts(integration.name, written_before=ledger.clock() - SETTLED)
        if not waiting:
            return dg.SkipReason("Nothing waits to be seen.")
        if _under_way(context.instance, integration.name):
            return dg.SkipReason("A run is under way; it will look by itself, or the next tick does.")
        opener: CatalogResource = getattr(context.resources, integration.name)
        catalog = opener.catalog(ledger)
        catalog.use_definitions(ledger.notes.get(integration.name, "definitions", {}))
        try:
            for key in list(waiting)[:DATASTORES]:
                look_again(catalog, ledger, integration, storage, key)
        except PASSING as error:
            return dg.SkipReason(f"{integration.name} could not be asked; nothing is lost by it. {error}")
        except OutsideError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            catalog.close()
        left = sum(ledger.awaited.counts(integration.name).values())
        return dg.SkipReason(f"{sum(waiting.values())} writes waited to be seen, {left} still do.")

    return confirmations


def look_again(
    catalog: Catalog, ledger: Ledger, integration: IntegrationConfig, storage: Path, key: str
) -> None:
    """Read the tables of one datastore on which writes wait, as they are listed now, and confirm.

    Where they are is taken from the stored snapshot; without one the next run has to do it.
    """
    directory = storage / integration.name / snapshot.STAGE
    try:
        stored = StoredTables(directory, snapshot.STAGE)[key]
    except NoTable:
        return
    if stored.failure is not None:
        return
    rows: Sequence[CatalogAsset] = stored.rows
    targets = {one.target for one in ledger.awaited.of(integration.name, key)}
    concerned = [row for row in rows if row.id in targets]
    tables = sorted({row.table for row in concerned if row.table})[:TABLES]
    schemas = _schemas(rows, concerned)
    if not schemas:
        return
    surfaces = catalog.surfaces
    with_tags = any(surface.role == "tags" for surface in surfaces)
    light = not (with_tags and "tags" in catalog.light_reads_omit)
    listed = list(catalog.read(schemas, tables, quality_only=light))
    confirm(
        ledger,
        integration.name,
        surfaces,
        key,
        listed,
        decimals=integration.decimals,
        whole=False,
        reread=None if catalog.lists_at_once else catalog.reread,
    )


def _schemas(rows: Sequence[CatalogAsset], concerned: Collection[CatalogAsset]) -> list[CatalogAsset]:
    """The schemas that these assets are, or are in."""
    places = {(row.connection, row.database, row.schema) for row in concerned}
    return [
        row for row in rows if row.level == "schema" and (row.connection, row.database, row.schema) in places
    ]


def _under_way(instance: dg.DagsterInstance, integration: str) -> bool:
    wanted = dg.RunsFilter(statuses=ACTIVE, tags={INTEGRATION_TAG: integration})
    return bool(instance.get_runs(wanted, limit=1))
