"""One world of a history: systems, clock, wire, ledger, and runs of the real stages over them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from qsync_pipeline.config import Config, load_config
from qsync_pipeline.sandbox.configfile import Served, write_config
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.faults import FaultBook, parse_rules
from qsync_pipeline.sandbox.kernel import ControlError, KnowsItsUrl, RequestLog, System, VirtualClock
from qsync_pipeline.sandbox.systems import SYSTEMS, Plot
from qsync_pipeline.sync.first_contact import DONE
from qsync_pipeline.sync.inventory import register_datastores
from qsync_pipeline.sync.run import Direction, Run
from qsync_pipeline.transport.budget import LocalBudget
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline_tests.e2e.synced import READING_POSTS
from qsync_pipeline_tests.histories.clock import Clock
from qsync_pipeline_tests.histories.driver import Job, Ran, Stored
from qsync_pipeline_tests.histories.ledgers import fresh_ledger
from qsync_pipeline_tests.histories.wire import Killed, Wire

Json = dict[str, Any]
Kill = tuple[int, bool] | tuple[int, bool, tuple[str, ...]]

SETTLED = 40.0
"""Seconds after which every index of the sandbox shows every change."""
_DEAD_PID = 5_000_000
"""Runs get process ids from here on: no machine has such a process, so a claim never outlives its run."""
_URLS = {kind.name: f"http://127.0.0.1:{9001 + at}" for at, kind in enumerate(SYSTEMS)}


class World:
    """Systems over an estate, with these catalogs. ``clock`` is the one that is in place of the real one;
    ``settings`` are what the config says of each integration beside the usual."""

    def __init__(
        self,
        estate: Estate,
        catalogs: Sequence[str],
        clock: Clock,
        *,
        domains: Sequence[str] = (),
        switches: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.clock = clock
        self.catalogs = tuple(catalogs)
        self.domains = tuple(domains)
        self.settings = {name: (settings or {}).get(name, {}) for name in self.catalogs}
        self.log = RequestLog()
        self.faults = FaultBook(1)
        self.wire = Wire(clock, self.faults, self.log)
        self.systems: dict[str, System] = {}
        sandbox_clock = VirtualClock()
        for kind in SYSTEMS:
            if kind.name in ("qualytics", *catalogs):
                chosen = kind.switches()(**(switches or {}).get(kind.name, {}))
                system = kind.build(Plot(estate, sandbox_clock, chosen, 1, 100))
                if isinstance(system, KnowsItsUrl):
                    system.set_base_url(_URLS[kind.name])
                self.systems[kind.name] = system
                self.wire.connect(_URLS[kind.name], system)
        credentials = tuple(_flat(system.credentials()) for system in self.systems.values())
        self.config = _config(self.catalogs, self.domains, credentials, json.dumps(self.settings))
        shutil.rmtree(self.config.storage, ignore_errors=True)  # of the history before
        self.ledger = fresh_ledger(clock.time, self._alive)
        if not getattr(self.systems["qualytics"], "switches").cascade_removal:  # noqa: B009 - not in the seam
            # On such a deployment the trial leaves copies behind if the run dies in it (docs/running.md).
            for name in self.catalogs:
                self.ledger.notes.put(name, DONE, True)
        self.stored = Stored()
        self._budget = LocalBudget(clock=clock.time)
        self._runs = 0

    def _alive(self) -> None:
        if self.wire.dead:
            raise Killed

    # What happens.

    def mutate(self, system: str, do: str, **words: Any) -> bool:
        """One change by a person; false where it is not possible as things stand."""
        change = {"system": system, "do": do, **words}
        try:
            self.systems[system].check(change)
            self.systems[system].mutate(change)
        except ControlError:
            return False
        return True

    def settle(self) -> None:
        """Let every index catch up."""
        self.clock.sleep(SETTLED)

    def inject(self, *rules: Mapping[str, Any]) -> None:
        """Let these faults strike from now on."""
        self.faults.add(parse_rules({"rules": list(rules)}, list(self.systems)))

    def sync(
        self,
        integration: str,
        direction: Direction = "both",
        *,
        only: tuple[int, Sequence[str]] | None = None,
        kill: Kill | None = None,
    ) -> Ran:
        """One run over all datastores, or over ``only`` these containers of the datastore with this number.

        ``kill`` is the write (from 1) at which the process dies, whether the write still arrives, and, if not
        all writes count, how the paths of those begin that do.
        """
        self._runs += 1
        run = Run(
            run_id=f"run-{self._runs}",
            config=self.config,
            integration=self.config.integration(integration),
            ledger=self.ledger,
            reports=self.ledger,
            dry_run=False,
            direction=direction,
            host="here",
            pid=_DEAD_PID + self._runs,
            say=lambda line: None,
        )
        vars(run)["budget"] = self._budget
        self.wire.kill_at, self.wire.kill_after, *on = kill or (None, False)
        self.wire.kill_on = on[0] if on else ("",)
        job = Job(run, [], self.stored)
        try:
            known = register_datastores(self.ledger, run.listed)
            # A vanished datastore keeps its partition while we hold anything on it (DESIGN.md §3).
            job.keys = [
                key for number, key in sorted(self.ledger.datastores.keys().items())
                if number in known or self.ledger.holdings.of(key)
            ]  # fmt: skip
            if only is not None and only[0] in known:
                job.keys = [known[only[0]]]
                run.scope = {known[only[0]]: only[1]}
            return job.carry_out()
        except SyncError as error:
            job.ran.failures.append(f"start: {error}")
            return job.ran
        except Killed:
            job.ran.killed = True
            return job.ran
        finally:
            self.wire.dead, self.wire.kill_at = False, None
            run.close()

    # What is there.

    def state(self, system: str) -> list[Json]:
        """What a person sees on every object of a system."""
        return self.systems[system].state(like="%")

    @property
    def store(self) -> Any:
        """What Qualytics holds."""
        return self.systems["qualytics"].store  # type: ignore[attr-defined]  # the sandbox's own

    def writes(self) -> dict[str, int]:
        """Requests that wrote since the last call, by system, method and route."""
        found: dict[str, int] = {}
        for row in self.log.as_dict()["requests"]:
            if row["method"] != "GET" and not any(word in row["route"] for word in READING_POSTS):
                key = f"{row['system']} {row['method']} {row['route']} {row['status']}"
                found[key] = found.get(key, 0) + row["count"]
        self.log.reset()
        return found

    @property
    def sandbox(self) -> Any:
        """As far as :mod:`~qsync_pipeline_tests.e2e.memory` looks at a running sandbox."""
        return SimpleNamespace(systems=self.systems)


def _flat(credentials: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(credentials.items()))


@cache
def _config(
    catalogs: tuple[str, ...],
    domains: tuple[str, ...],
    credentials: tuple[tuple[tuple[str, str], ...], ...],
    settings: str,
) -> Config:
    names = [kind.name for kind in SYSTEMS if kind.name in ("qualytics", *catalogs)]
    served = [Served(name, _URLS[name], dict(given)) for name, given in zip(names, credentials, strict=True)]
    directory = Path(tempfile.mkdtemp(prefix="qsync-histories-"))
    path = write_config(directory, served, domains=domains, title="a history")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for integration in document["integrations"]:
        integration.update(json.loads(settings)[integration["name"]])
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return load_config(path)
