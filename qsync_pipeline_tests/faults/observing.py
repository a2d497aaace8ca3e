"""A sync as the command line runs it, on systems in this process, and what its user sees of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import dagster as dg
import requests

from qsync_pipeline.assets import reading
from qsync_pipeline.cli import status_of
from qsync_pipeline.cli.datastores import known_datastores
from qsync_pipeline.cli.display import QuietDisplay
from qsync_pipeline.cli.running import Flags, Runner
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import summarize
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync import claiming
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import redact
from qsync_pipeline_tests.e2e.judging import problems_of_all
from qsync_pipeline_tests.e2e.memory import checks_of
from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import NATIVE, estate_of
from qsync_pipeline_tests.histories.pages import small_pages
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World
from qsync_pipeline_tests.instances import quick_instance

SHAPES = ["anomalous", "tagged", "tagged columns", "plain", "view"]
ESTATE = [("plain", SHAPES), ("plain", ["plain", "anomalous"])]
DAY = 86_400.0
SETTLED = 900.0
"""Seconds between two syncs: every index has caught up, and no budget is used up."""


@dataclass
class Seen:
    """What a user sees of one sync: exit status, what went wrong, and what is red: checks and steps."""

    status: int
    message: str = ""
    red: list[str] = field(default_factory=list)


class Stage:
    """A world with its Dagster instance. Everything happens in virtual time, on one thread."""

    def __init__(self, clock: Clock, catalog: str, switches: dict[str, dict[str, Any]]) -> None:
        self.clock = clock
        self.catalog = catalog
        self.world = World(estate_of(ESTATE), (catalog,), clock, switches=switches)
        # Worlds of one kind share a config, and with it the place of its ledger and its tables.
        self.home: Path = self.world.config.path.parent / ".qsync"
        shutil.rmtree(self.home, ignore_errors=True)
        self.instance = quick_instance()
        self.definitions = build_definitions(self.world.config)
        self.url = self.world.config.ledger.reveal_url()

    def sync(self) -> Seen:
        """``qsync sync``, as far as its status and words go."""
        with Ledger.open(self.url) as ledger:
            try:
                known = known_datastores(self.world.config, ledger, RequestCounter())
            except SyncError as problem:
                return Seen(status_of(problem), redact(str(problem)))
            there = set(self.instance.get_dynamic_partitions("datastores"))
            self.instance.add_dynamic_partitions("datastores", [k.key for k in known if k.key not in there])
            runner = Runner(
                self.definitions, self.instance, QuietDisplay(), Watch(None), ledger, Flags(dry_run=False)
            )
            ran = runner.run(self.catalog, "both", [one.key for one in known])
            summary = summarize(ran, ledger)
        words = [one.error for one in summary.failed] or [*ran.failures]
        words += [reason for reason, _ in summary.reasons.most_common() if reason.startswith("rejected")]
        words += summary.parked
        warned = [one for one in ran.checks.values() if not one.passed and not one.failed]
        red = [f"{one.asset.rpartition('/')[2]}: {one.name} (a warning)" for one in warned]
        red += [f"{one.asset.rpartition('/')[2]}: {one.name}" for one in ran.checks.values() if one.failed]
        red += [f"the step {one.partition(': ')[0]}" for one in ran.failures]
        return Seen(summary.status, words[0] if words else "", sorted(set(red)))

    @contextmanager
    def faults(
        self, rules: Sequence[Mapping[str, Any]], *, after: tuple[str, str] | None
    ) -> Iterator[Callable[[], bool]]:
        """Let faults strike, at once or from the first answer to such a request (method, path) on.

        Yields what says, at the end, whether any of them has.
        """
        wire, send, struck = self.world.wire, self.world.wire.send, False

        def watching(request: requests.PreparedRequest) -> requests.Response:
            answer = send(request)
            if self.world.faults.idle() and (request.method, urlsplit(request.url or "").path) == after:
                self.world.inject(*rules)
            return answer

        with ExitStack() as stack:
            if after is None:
                self.world.inject(*rules)
            else:
                stack.enter_context(mock.patch.object(wire, "send", watching))
            yield lambda: struck
            struck = any(rule["fired"] for rule in self.world.faults.as_list())
            self.world.faults.clear()

    def settle(self, seconds: float = SETTLED) -> None:
        """Let time pass, and forget which requests there were."""
        self.clock.sleep(seconds)
        self.world.writes()

    def ids(self, table: str) -> dict[str, str]:
        """What the systems call a table, in requests too."""
        return {
            name: next(row["id"] for row in system.state(name=table))
            for name, system in self.world.systems.items()
        }

    def problems(self) -> list[str]:
        """What is not as it should be, by the reference that reads only what people see."""
        schemas = {"DB1.S1": "source 1", "DB2.S2": "source 2"}
        rules = Rules(
            connections=schemas,
            native={NATIVE},
            checks=checks_of(self.world.sandbox) if self.catalog == "alation" else None,
            domains_inherited=self.catalog == "atlan",
        )
        return problems_of_all([(self.world.state(self.catalog), rules)], self.world.state("qualytics"))

    def change(self, number: int) -> None:
        """What people and scans do: a tag on, a tag off, a score, an anomaly; ``number`` varies them."""
        changes: list[tuple[str, str, dict[str, Any]]] = [
            (self.catalog, "tag", {"asset": "DB1.S1.T4", "tag": f"New {number}"}),
            (self.catalog, "untag", {"asset": "DB1.S1.T2", "tag": "PII"}),
            (
                "qualytics",
                "set_score",
                {"asset": "DB1.S1.T4", "dimension": "accuracy", "value": 10.5 + number},
            ),
            ("qualytics", "raise_anomaly", {"asset": "DB2.S2.T1", "rule": "notNull"}),
        ]
        for system, do, words in changes:
            assert self.world.mutate(system, do, **words), do
        self.settle()

    def drop(self) -> None:
        """A table that is matched goes in the catalog: its absence has to be proved."""
        assert self.world.mutate(self.catalog, "drop", asset="DB1.S1.T5")
        self.settle()


@contextmanager
def staged(catalog: str, *, several_pages: bool, switches: dict[str, dict[str, Any]]) -> Iterator[Stage]:
    """A fresh stage in virtual time, not yet synced."""
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(virtual_time(clock))
        stack.enter_context(mock.patch.dict(vars(Ledger)["open"].__func__.__kwdefaults__, clock=clock.time))
        stack.enter_context(mock.patch.object(reading, "coverage_plot", return_value=dg.MetadataValue.md("")))
        # The heart of a claim beats in real time, of which none passes while a run waits here.
        stack.enter_context(mock.patch.object(claiming, "TTL", 10 * DAY))
        stack.enter_context(small_pages() if several_pages else nullcontext())
        stage = Stage(clock, catalog, switches)
        stack.enter_context(wired(lambda: stage.world.wire))
        stack.callback(stage.instance.dispose)
        yield stage
