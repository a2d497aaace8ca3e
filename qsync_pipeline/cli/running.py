"""Running an integration's Dagster job in this process, one run per gap-free range of datastores."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogEntry, ExecuteInProcessResult

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.ranges import job_name, ranges, run_config, run_tags
from qsync_pipeline.cli.dead_runs import process_tags
from qsync_pipeline.cli.display import Display
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.progress import listening
from qsync_pipeline.sync.run import Direction, Retire
from qsync_pipeline.transport.redact import redact

REPOSITORY_TAG = ".dagster/repository"
LOCATION = "__repository__@qsync"
"""What Dagster's UI finds a job's runs by: the repository every Definitions object is, at the location's
name in workspace.yaml. A run that was started outside of it carries no such tag by itself."""


@dataclass
class Check:
    """The newest result of an asset check in these runs."""

    asset: str
    name: str
    passed: bool
    severity: str
    description: str

    @property
    def failed(self) -> bool:
        """Whether it counts against the exit status: warnings do not."""
        return not self.passed and self.severity == "ERROR"


@dataclass
class Ran:
    """What is known of an integration's runs beside the ledger."""

    integration: str
    direction: Direction
    dry_run: bool = False
    run_ids: list[str] = field(default_factory=list)
    seconds: float = 0.0
    checks: dict[tuple[str, str], Check] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """Steps that failed, each with its reason."""
    tag_mode: str = ""
    definitions: list[dict[str, object]] = field(default_factory=list)
    """The definitions' plan, line by line: the one plan that is not in the tables between the steps."""


@dataclass(frozen=True)
class Flags:
    """The settings of the runs (:class:`qsync_pipeline.resources.SyncSettings`)."""

    dry_run: bool
    first_write: bool = False
    adopt: bool = False
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    approve: Sequence[str] = ()
    lines: str = ""
    retire: Retire = ""
    revert: str = ""

    @property
    def verb(self) -> str:
        """What the runs do, in a word."""
        if self.lines:
            return "check" if self.dry_run else "apply"
        what = "retire" if self.retire else "revert" if self.revert else ""
        return (f"plan {what}".rstrip() if self.dry_run else what) or "sync"


@dataclass
class Runner:
    """Everything that the runs of one command have in common.

    ``instance`` has the partitions; ``ledger`` takes note of who carries a run (null in a plan, which writes
    nothing). ``watch`` says when to stop: the run under way ends by itself, and no other starts.
    """

    definitions: dg.Definitions
    instance: DagsterInstance
    display: Display
    watch: Watch
    ledger: Ledger | None
    flags: Flags

    def run(self, integration: str, direction: Direction, keys: Sequence[str]) -> Ran:
        """All runs that these datastores need."""
        ran = Ran(integration, direction, dry_run=self.flags.dry_run)
        job = self.definitions.resolve_job_def(job_name(integration, direction))
        order = self.instance.get_dynamic_partitions(str(DATASTORES.name))
        parts = ranges(order, keys)
        began = time.monotonic()
        for position, part in enumerate(parts, start=1):
            if self.watch.signal:
                break
            which = f" ({position} of {len(parts)})" if len(parts) > 1 else ""
            verb = self.flags.verb
            many = "1 datastore" if len(part) == 1 else f"{len(part)} datastores"
            self.display.begin(f"{integration}: {verb}, {direction}, {many}{which}", len(part))
            try:
                self._one(job, ran, part)
            finally:
                self.display.end()
        ran.seconds = time.monotonic() - began
        return ran

    def _one(self, job: dg.JobDefinition, ran: Ran, keys: Sequence[str]) -> None:
        run_id = str(uuid.uuid4())
        ran.run_ids.append(run_id)
        tags = run_tags(ran.integration, ran.direction, keys, "command line") | process_tags()
        # Whoever stopped it does not want it started again, and no worker can start it either.
        tags |= {REPOSITORY_TAG: LOCATION, "dagster/max_retries": "0"}
        settings = run_config(**asdict(self.flags))
        if self.ledger is not None:
            self.ledger.runs.start(run_id, host=tags["qsync/host"], pid=int(tags["qsync/pid"]))
        self.instance.add_event_listener(run_id, lambda entry: self._event(entry, ran))
        try:
            with listening(self.display.stage_at):
                result = job.execute_in_process(
                    run_config=dg.RunConfig(
                        resources=settings.resources,
                        loggers={"console": {"config": {"log_level": "CRITICAL"}}},  # ours are the lines
                    ),
                    instance=self.instance,
                    tags=tags,
                    raise_on_error=False,
                    run_id=run_id,
                )
            _take(result, ran)
        finally:
            if self.ledger is not None:
                self.ledger.claims.release_run(run_id)
                self.ledger.runs.end(run_id)

    def _event(self, entry: EventLogEntry, ran: Ran) -> None:
        event = entry.dagster_event
        if event is None:
            loud = isinstance(entry.level, int) and entry.level >= logging.INFO
            if loud and not entry.user_message.startswith("Dependencies for step"):
                self.display.say(entry.user_message)
            return
        stage = (event.step_key or "").rpartition("__")[2]
        if event.event_type is DagsterEventType.STEP_START:
            self.display.stage_begins(stage)
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            self.display.stage_ends(stage)
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            if self.watch.signal:
                # Asked for, so the run shows as cancelled and not as failed.
                run = self.instance.get_run_by_id(entry.run_id)
                if run is not None:
                    self.instance.report_run_canceling(run)
                self.display.stage_ends(stage, "stopped; what was written is in the ledger")
                return
            why = _why(event)
            ran.failures.append(f"{stage}: {why}")
            self.display.stage_ends(stage, why)
        elif event.event_type is DagsterEventType.RUN_FAILURE and not ran.failures:
            said = event.job_failure_data.error
            ran.failures.append(redact(said.message if said else event.message or "the run failed").strip())


def _take(result: ExecuteInProcessResult, ran: Ran) -> None:
    """Keep the checks and the metadata that the ledger does not have."""
    for one in result.get_asset_check_evaluations():
        asset = one.asset_key.to_user_string()
        ran.checks[(asset, one.check_name)] = Check(
            asset, one.check_name, one.passed, one.severity.value, one.description or ""
        )
    for event in result.all_events:
        if event.event_type is not DagsterEventType.ASSET_MATERIALIZATION or event.asset_key is None:
            continue
        metadata = event.materialization.metadata
        if mode := metadata.get("tag mode"):
            ran.tag_mode = str(mode.value)
        if event.asset_key.path[-1] == "definitions" and isinstance(
            table := metadata.get("plan"), dg.TableMetadataValue
        ):
            ran.definitions = [dict(record.data) for record in table.records]


def _why(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return redact(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return redact(error.message.strip()) if error is not None else "it failed"
