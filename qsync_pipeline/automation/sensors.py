"""Sensors: what the world outside tells us."""

import dagster as dg

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.resources import LedgerResource, QualyticsResource, read_config
from qsync_pipeline.sync.inventory import register_datastores

INTERVAL = 300
"""Seconds between two looks at the list of datastores."""


@dg.sensor(
    name="datastores",
    minimum_interval_seconds=INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps one partition per Qualytics datastore. A datastore that vanished keeps its "
    "partition: what is ours on it is parked and shown, never silently cleaned.",
)
@scrubbed
def datastores_sensor(
    context: dg.SensorEvaluationContext, qualytics: QualyticsResource, ledger: LedgerResource
) -> dg.SensorResult | dg.SkipReason:
    """Add partitions for datastores that are new; once a day, forget what the ledger need not keep."""
    book = ledger.ledger()
    if forgotten := book.pruning.daily(read_config(ledger.config_path).ledger.keep_days):
        context.log.info(f"the ledger forgot what is too old: {forgotten}")
    new = discover(context.instance, qualytics, book)
    if not new:
        return dg.SkipReason("No new datastore.")
    return dg.SensorResult(dynamic_partitions_requests=[DATASTORES.build_add_request(new)])


def discover(instance: dg.DagsterInstance, qualytics: QualyticsResource, ledger: Ledger) -> list[str]:
    """Register what Qualytics lists; returns the keys that have no partition yet."""
    client = qualytics.client(ledger)
    try:
        listed = client.datastores()
    finally:
        client.close()
    keys = register_datastores(ledger, listed)
    known = set(instance.get_dynamic_partitions(str(DATASTORES.name)))
    return [keys[one.id] for one in listed if keys[one.id] not in known]
