"""Planning for real and writing nothing: on an instance, tables and reports that go when it is over."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from dagster import DagsterInstance

from qsync_pipeline import __version__
from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.cli.datastores import Known, choose, known_datastores
from qsync_pipeline.cli.display import Display
from qsync_pipeline.cli.frame import NO_DATASTORES
from qsync_pipeline.cli.options import Request
from qsync_pipeline.cli.overlap import Overlap
from qsync_pipeline.cli.plan_lines import Plans, Section, planned, sections
from qsync_pipeline.cli.running import Flags, Ran, Runner
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Requests, Summary, summarize
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rows import Change
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync import definitions as catalog_definitions
from qsync_pipeline.sync.forecast import Load, forecast
from qsync_pipeline.sync.planfile import Header, Kind, Line, lines_of
from qsync_pipeline.sync.planning import QUALITY_STAGE, TAG_STAGE
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError

Pick = Callable[[Sequence[Known], Ledger], Sequence[str]]
"""Chooses the datastores (keys) to plan out of those that are known, vanished ones among them."""


@dataclass
class Rehearsed:
    """What planning came to: for people, as lines of a file, and the load to be expected by integration."""

    summaries: list[Summary] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    loads: dict[str, dict[str, Load]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every datastore could be planned."""
        return not any(one.failed or one.ran.failures for one in self.summaries)

    @property
    def planned(self) -> list[Change]:
        """What would be written."""
        changes = (line.change for line in self.lines)
        return [one for one in changes if one.status == "planned" and one.action != "note"]


def header(kind: Kind, request: Request) -> Header:
    """The first line of a file with these lines."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Header(kind=kind, direction=request.direction, made_at=now, made_by=f"qsync {__version__}")


def rehearse(
    request: Request, flags: Flags, display: Display, watch: Watch, pick: Pick | None = None
) -> Rehearsed:
    """Plan what a request asks for; nothing is written in any system, ledger or instance.

    ``pick`` chooses the datastores, which then are one range; without it they are those of the request.
    """
    config = load_config(request.config_path)
    chosen = request.chosen(config)
    done = Rehearsed()
    with (
        tempfile.TemporaryDirectory(prefix="qsync-plan-") as directory,
        Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger,
        DagsterInstance.ephemeral() as instance,
    ):
        counter = RequestCounter()
        known = known_datastores(config, ledger, counter, vanished=pick is not None)
        keys = list(pick(known, ledger)) if pick else choose(known, request.datastores)
        partitions = keys if pick else [one.key for one in known]
        instance.add_dynamic_partitions(str(DATASTORES.name), partitions)
        storage = Path(directory) / "tables"
        scratch = f"sqlite:///{Path(directory) / 'reports.sqlite'}"
        definitions = build_definitions(config, storage=storage, reports_url=scratch)
        runner = Runner(definitions, instance, display, watch, None, flags)
        overlap = Overlap()
        with Ledger.open(scratch) as reports:
            before: Requests = {"qualytics": counter.snapshot("qualytics")}
            for integration in chosen:
                ran = runner.run(integration.name, request.direction, keys)
                summary = summarize(ran, reports, before)
                done.summaries.append(summary)
                plans = _plans(overlap, summary, storage, keys)
                done.sections += sections(ran, plans)
                lines = list(_lines(ran, reports, plans))
                done.lines += lines
                done.loads[integration.name] = _load(config, integration.name, summary, lines)
                before = {}  # the listing was made once, so it counts once
    if not known:
        raise SyncError(NO_DATASTORES)
    return done


def _plans(overlap: Overlap, summary: Summary, storage: Path, keys: Sequence[str]) -> Plans:
    """The tables of an integration's dry run, without what an earlier integration does; so are the counts."""
    name, plans = summary.ran.integration, {}
    for stage in (TAG_STAGE, QUALITY_STAGE):
        for key in keys:
            plans[stage, key], doubles = overlap.settle(name, planned(storage, name, stage, key))
            for change in doubles:
                summary.plan[change.surface][change.action] -= 1
    return plans


def _lines(ran: Ran, reports: Ledger, plans: Plans) -> Iterator[Line]:
    """The lines of an integration's dry run, out of what it left behind."""
    stage = catalog_definitions.STAGE
    for report in reports.reports.of_runs(ran.run_ids[:1]):
        if report.stage == stage and report.integration == ran.integration:
            made = msgspec.convert(report.counts.get("lines", []), list[Change])
            yield from lines_of(ran.integration, stage, [("", made)])
    for stage in (TAG_STAGE, QUALITY_STAGE):
        tables = ((key, changes) for (of, key), changes in plans.items() if of == stage)
        yield from lines_of(ran.integration, stage, tables)


def _load(config: Config, name: str, summary: Summary, lines: Sequence[Line]) -> dict[str, Load]:
    integration = config.integration(name)
    by_datastore: dict[str, list[Change]] = {}
    for line in lines:
        by_datastore.setdefault(line.datastore, []).append(line.change)
    catalog = open_catalog(integration)
    try:
        return forecast(
            by_datastore,
            catalog,
            {system: sum(sent.values()) for system, sent in summary.requests.items()},
            {
                "catalog": integration.requests_per_minute,
                "qualytics": config.qualytics.requests_per_minute,
            },
            integration.read_back,
        )
    finally:
        catalog.close()
