"""Schedules: a cron per integration, from the configuration."""

from collections.abc import Iterator

import dagster as dg

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.ranges import job_name, ranges, run_config, run_tags
from qsync_pipeline.config import IntegrationConfig


def build_schedule(integration: IntegrationConfig) -> dg.ScheduleDefinition | None:
    """The integration's clock, running because the configuration asks for it; null where it does not."""
    clock = integration.schedule
    if clock is None:
        return None

    @dg.schedule(
        name=f"{integration.name}_schedule",
        job_name=job_name(integration.name, clock.direction),
        cron_schedule=clock.cron,
        execution_timezone=str(clock.timezone),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every datastore of {integration.name}: {clock.direction}, {clock.cron} "
        f"{clock.timezone}.",
    )
    def by_clock(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        keys = context.instance.get_dynamic_partitions(str(DATASTORES.name))
        if not keys:
            yield dg.SkipReason("No datastore is known yet: the datastores sensor finds them.")
        for part in ranges(keys, keys):
            yield dg.RunRequest(
                run_key=f"{integration.name}:{context.scheduled_execution_time.isoformat()}:{part[0]}",
                tags=run_tags(integration.name, clock.direction, part, "schedule"),
                run_config=run_config(dry_run=False),
            )

    return by_clock
