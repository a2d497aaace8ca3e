"""Schedules: a cron per integration, from the configuration."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import dagster as dg

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.ranges import event_directions, job_name, ranges, run_config, run_tags
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.resources import LedgerResource
from qsync_pipeline.sync import pull, push
from qsync_pipeline.sync.run import Direction


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
    @scrubbed
    def by_clock(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        keys = context.instance.get_dynamic_partitions(str(DATASTORES.name))
        if not keys:
            yield dg.SkipReason("No datastore is known yet: the datastores sensor finds them.")
        for part in shares(keys, clock.runs):
            yield dg.RunRequest(
                run_key=f"{integration.name}:{context.scheduled_execution_time.isoformat()}:{part[0]}",
                tags=run_tags(integration.name, clock.direction, part, "schedule"),
                run_config=run_config(dry_run=False),
            )

    return by_clock


def shares(keys: Sequence[str], runs: int) -> list[Sequence[str]]:
    """The datastores in so many contiguous parts of about one size; none of them empty."""
    parts = min(runs, len(keys))
    bounds = [len(keys) * number // parts for number in range(parts + 1)] if parts else []
    return [keys[first:last] for first, last in pairwise(bounds)]


def build_comparison(integration: IntegrationConfig) -> dg.ScheduleDefinition | None:
    """The rolling full compare: every hour the datastores that were not compared whole for longest.

    It goes with events: those say where to look sooner, this repairs what they lost. Null where nothing is
    synced by itself.
    """
    directions = event_directions(integration)
    hours = integration.full_compare_hours
    if not directions or hours is None:
        return None
    direction: Direction = "both" if len(directions) > 1 else "pull" if "pull" in directions else "push"
    stage = pull.STAGE if direction == "pull" else push.STAGE

    @dg.schedule(
        name=f"{integration.name}_compare",
        job_name=job_name(integration.name, direction),
        cron_schedule=f"{minute(integration.name)} * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Compares every datastore whole ({direction}) once in {hours} hours, a share each hour.",
    )
    @scrubbed
    def by_share(
        context: dg.ScheduleEvaluationContext, ledger: LedgerResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        order = context.instance.get_dynamic_partitions(str(DATASTORES.name))
        reports = ledger.ledger().reports
        last = {key: reports.last_full(integration.name, key, stage=stage) for key in order}
        chosen = oldest_share(last, hours)
        if not chosen:
            yield dg.SkipReason("No datastore is known yet: the datastores sensor finds them.")
        for part in ranges(order, chosen):
            yield dg.RunRequest(
                run_key=f"{integration.name}:compare:{context.scheduled_execution_time.isoformat()}:{part[0]}",
                tags=run_tags(integration.name, direction, part, "compare"),
                run_config=run_config(dry_run=False),
            )

    return by_share


def oldest_share(last_full: Mapping[str, float | None], hours: int) -> list[str]:
    """The datastores of one hour: so many that all are looked at in ``hours``, the longest unseen first."""
    many = -(-len(last_full) // hours)
    return sorted(last_full, key=lambda key: (last_full[key] or 0.0, key))[:many]


def minute(name: str) -> int:
    """The minute of the hour at which an integration's share is due: not all of them at once."""
    return hashlib.blake2s(name.encode(), digest_size=1).digest()[0] % 60
