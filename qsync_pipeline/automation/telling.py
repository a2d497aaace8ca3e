"""The sensor that tells people what needs them, over the channels that ``notify`` configures."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import dagster as dg

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.dispatch import ACTIVE
from qsync_pipeline.automation.ranges import keys_between
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.config import Config, NotifyConfig
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.notices.causes import Cause, causes_of, token_causes
from qsync_pipeline.notices.channels import open_channels
from qsync_pipeline.notices.crashes import Crash
from qsync_pipeline.notices.gathering import gather, token_lives
from qsync_pipeline.notices.telling import tell
from qsync_pipeline.resources import DIRECTION_TAG, INTEGRATION_TAG, LedgerResource, direction_of
from qsync_pipeline.sync import pull, push
from qsync_pipeline.sync.run import Direction

INTERVAL = 60
"""Seconds between two looks."""
FAILED = dg.DagsterRunStatus.FAILURE
FAILED_RUNS = 100
"""Failed runs that a look goes back to."""


def build_telling(config: Config) -> list[dg.SensorDefinition]:
    """The sensor, where somebody is to be told; else none."""
    notify = config.notify
    return [] if notify is None else [_notices(config, notify)]


def _notices(config: Config, notify: NotifyConfig) -> dg.SensorDefinition:
    @dg.sensor(
        name="notices",
        minimum_interval_seconds=INTERVAL,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people what needs them, once for each cause: failed runs, red checks, parked "
        "scopes, tokens about to lapse. What could not be delivered fails the tick, and the next one tries "
        "again.",
    )
    @scrubbed
    def notices(context: dg.SensorEvaluationContext, ledger: LedgerResource) -> dg.SkipReason:
        """Compare what stands with what was told; the ledger remembers both."""
        book = ledger.ledger()
        causes = [one for one in standing(config, book, context.instance) if one.kind in notify.causes]
        channels = open_channels(notify)
        told = tell(book, channels, causes, all_clear=notify.all_clear, ui_url=notify.ui_url or "")
        for name, remark in told.remarks.items():
            context.log.warning(f"{name}: {remark}")
        if told.failed:
            why = "; ".join(f"{name}: {text}" for name, text in told.failed.items())
            description = f"Not delivered, the next tick tries again. {why}"
            raise dg.Failure(description=description, allow_retries=False)
        return dg.SkipReason(told.words)

    return notices


def standing(config: Config, ledger: Ledger, instance: dg.DagsterInstance) -> list[Cause]:
    """Everything that needs a person now."""
    names = {one.name for one in config.integrations}
    order = instance.get_dynamic_partitions(str(DATASTORES.name))
    failed: dict[str, list[Crash]] = {name: [] for name in names}
    at_work: dict[str, set[str]] = {name: set() for name in names}
    for record in instance.get_run_records(dg.RunsFilter(statuses=[FAILED]), limit=FAILED_RUNS):
        for name, direction in _writes_of(record.dagster_run, names).items():
            failed[name].append(_crash(record, direction, order))
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        for name in _writes_of(run, names):
            at_work[name].update(keys_between(order, run.tags))
    found: list[Cause] = []
    for one in config.integrations:
        facts = gather(ledger, one, failed[one.name], frozenset(at_work[one.name]))
        crashes = [replace(crash, why=_why(instance, crash.run_id)) for crash in facts.crashes]
        found += causes_of(replace(facts, crashes=crashes))
    return [*found, *token_causes(token_lives(ledger, config), ledger.clock())]


def _writes_of(run: dg.DagsterRun, integrations: Collection[str]) -> dict[str, Direction]:
    """The integrations that a run was to write, each with the direction; none for a dry run.

    Runs of our jobs carry tags; those from the asset graph's own button are known by what was selected.
    """
    settings = _settings(run)
    # No settings at all: the run is none. Settings that leave it out fall back to the class: it is.
    if settings and settings.get("dry_run", True):
        return {}
    if (name := run.tags.get(INTEGRATION_TAG)) is not None:
        does = direction_of(run.tags.get(DIRECTION_TAG, "both"))
        wanted = direction_of(str(settings.get("direction", "both")))
        return {name: wanted if does == "both" else does} if name in integrations else {}
    chosen = {(key.path[0], key.path[-1]) for key in run.asset_selection or ()}
    found: dict[str, Direction] = {}
    for name in integrations:
        pulls, pushes = (name, pull.STAGE) in chosen, (name, push.STAGE) in chosen
        if pulls or pushes:
            found[name] = "both" if pulls and pushes else "pull" if pulls else "push"
    return found


def _settings(run: dg.DagsterRun) -> Mapping[str, Any]:
    config: Any = run.run_config
    for name in ("resources", "settings", "config"):
        config = config.get(name) or {}
    return cast("Mapping[str, Any]", config)


def _crash(record: dg.RunRecord, direction: Direction, order: Sequence[str]) -> Crash:
    began = record.start_time or record.create_timestamp.timestamp()
    run = record.dagster_run
    return Crash(run.run_id, direction, tuple(keys_between(order, run.tags)), began)


def _why(instance: dg.DagsterInstance, run_id: str) -> str:
    """The first failure of a run's log, in Dagster's words; empty where it left none."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        data = entry.dagster_event.event_specific_data if entry.dagster_event is not None else None
        error = getattr(data, "error", None)
        if error is not None:
            return str((error.cause or error).message)
        if entry.dagster_event is not None and entry.dagster_event.message:
            return entry.dagster_event.message
    return ""
