"""One integration within one run: its configuration, clients and ledger, opened when first used."""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from qsync_pipeline.catalogs.base import LAPSES_SOON, Catalog, CatalogIndex, Identity
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import Config, IntegrationConfig
from qsync_pipeline.core.tables import FailedTable, Table
from qsync_pipeline.ledger import Ledger, Report
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.models import Datastore
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sync.planfile import PlanFile
from qsync_pipeline.sync.second_writer import second_writer
from qsync_pipeline.transport.budget import Budget, LocalBudget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import ConfigError, OutsideError, SyncError, Unauthorized, Unreachable
from qsync_pipeline.transport.redact import RedactingFilter, redact

Row = TypeVar("Row", bound=msgspec.Struct)

log = logging.getLogger("qsync")
log.addFilter(RedactingFilter())

FIRST_WRITE_DONE = "first_write_done"
"""Ledger note of an integration: its first write has been asked for."""

CREDENTIALS = "credentials"
"""Ledger note of an integration: when its credentials lapse, and when that was asked (epoch seconds)."""
ASK_AGAIN = 86400.0
"""Seconds after which a run that needs no identity otherwise asks again when the credentials lapse."""

Say = Callable[[str], None]

Direction = Literal["pull", "push", "both"]

Retire = Literal["", "all", "left_behind"]
"""What to withdraw of what the ledger owns: nothing, everything, or what has left the scope."""


@dataclass
class Run:
    """What a stage needs of one run, for one integration.

    ``ledger`` may be read-only (a plan); ``reports`` is then a scratch ledger, which is where the stages'
    reports and request counts go. ``scope`` names, for some datastores, the only containers that take part;
    ``direction`` is what the run was asked for. ``say`` writes a line for people, ``tell`` moves a progress
    bar.

    ``approve`` are codes of parked scopes to let through. ``lines`` (a plan file), ``retire`` and ``revert``
    (a run) say where the plans come from instead of the two sides (:mod:`qsync_pipeline.sync.steering`).
    """

    run_id: str
    config: Config
    integration: IntegrationConfig
    ledger: Ledger
    reports: Ledger
    dry_run: bool = True
    first_write: bool = False
    adopt: bool = False
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    direction: Direction = "both"
    approve: Sequence[str] = ()
    lines: str = ""
    retire: Retire = ""
    revert: str = ""
    say: Say = log.info
    tell: Callable[[str, int, int], None] = lambda stage, done, total: None
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @cached_property
    def counter(self) -> RequestCounter:
        """Requests of this run, by system."""
        return RequestCounter()

    @cached_property
    def budget(self) -> Budget:
        """The budget all processes share; a plan writes nothing, so it keeps one of its own."""
        return LocalBudget() if self.ledger.read_only else self.ledger.budget

    @cached_property
    def qualytics(self) -> QualyticsClient:
        """The Qualytics client."""
        return open_qualytics(self.config.qualytics, budget=self.budget, counter=self.counter)

    @cached_property
    def listed(self) -> list[Datastore]:
        """The datastores of the deployment, listed once per run: by them it is told where each stands."""
        return self.qualytics.datastores()

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog, with the attribute definitions that the ledger remembers."""
        catalog = open_catalog(self.integration, budget=self.budget, counter=self.counter)
        catalog.use_definitions(self.ledger.notes.get(self.name, "definitions", {}))
        return catalog

    @cached_property
    def index(self) -> CatalogIndex:
        """The light part of the catalog, read once per run."""
        index = self.catalog.index()
        self._know_expiry()
        return index

    @cached_property
    def identity(self) -> Identity:
        """Who we are in the catalog; remembered, so that a changed token changes no ownership."""
        identity = self.catalog.identity()
        if not self.ledger.read_only and identity.actor not in self.actors:
            self.ledger.notes.put(self.name, "actors", sorted({*self.actors, identity.actor}))
        now = self.ledger.clock()
        if not self.ledger.read_only:
            known = {"lapses_at": identity.expires_at, "renewal": identity.renewal, "asked_at": now}
            self.ledger.notes.put(self.name, CREDENTIALS, known)
        left = identity.days_left(now)
        if left is not None and left < LAPSES_SOON:
            todo = f": {identity.renewal}" if identity.renewal else ""
            self.say(f"{self.name}: the credentials lapse in {max(left, 0):.0f} days{todo}")
        return identity

    def _know_expiry(self) -> None:
        """Have it noted once a day when the credentials lapse: a run that writes nothing asks nobody."""
        if self.ledger.read_only or "identity" in self.__dict__:
            return
        asked: float = self.ledger.notes.get(self.name, CREDENTIALS, {}).get("asked_at", 0.0)
        if self.ledger.clock() - asked < ASK_AGAIN:
            return
        try:
            _ = self.identity
        except OutsideError as error:  # reading goes on without it; whoever writes asks again
            self.say(f"{self.name}: when the credentials lapse is not known: {error}")

    @cached_property
    def native_tags(self) -> bool:
        """Whether tags are kept as external tags of Qualytics rather than as definitions of ours."""
        wanted = self.config.qualytics.external_tags
        return wanted == "native" or (wanted == "auto" and self.qualytics.offers_external_tags())

    @property
    def name(self) -> str:
        """The integration's name."""
        return self.integration.name

    @property
    def actors(self) -> frozenset[str]:
        """The names under which the catalog has known us."""
        return frozenset(self.ledger.notes.get(self.name, "actors", []))

    @cached_property
    def held(self) -> str:
        """Why nothing may be written in this run, or nothing: first contact, a second writer."""
        asked = self.first_write or self.integration.first_write
        if not asked and not self.ledger.notes.get(self.name, FIRST_WRITE_DONE, False):
            return "first contact: the first write has to be asked for (qsync sync --first-write)"
        if not self.integration.coexist and (other := second_writer(self.qualytics, self.integration)):
            return other
        if not self.ledger.read_only:
            self.ledger.notes.put(self.name, FIRST_WRITE_DONE, True)
        return ""

    @property
    def steered(self) -> bool:
        """Whether the plans come from somewhere else than the two sides."""
        return bool(self.lines or self.retire or self.revert)

    @cached_property
    def plan_file(self) -> PlanFile:
        """The file that the lines of this run come from."""
        return PlanFile(Path(self.lines))

    @cached_property
    def approved_now(self) -> int:
        """Approve the codes that this run was given, once; how many scopes they are of."""
        if self.dry_run or self.ledger.read_only:
            return 0
        scopes = 0
        for code in self.approve:
            found = self.ledger.parked.approve(code)
            scopes += len(found)
            if not found:
                self.say(f"approve: nothing is parked under the code {code}")
        return scopes

    @cached_property
    def credentials(self) -> str:
        """A fingerprint of who we are in the catalog: it changes with the actor and with the token's life."""
        return f"{self.identity.actor}|{self.identity.expires_at or ''}"

    def report(
        self,
        stage: str,
        datastore: str,
        counts: Mapping[str, object] | None = None,
        *,
        error: str = "",
        error_class: str = "",
        partial: bool = False,
    ) -> None:
        """Keep a stage's word on one datastore (or, with no datastore, on the whole integration)."""
        self.reports.reports.put(
            Report(
                run_id=self.run_id,
                integration=self.name,
                datastore=datastore,
                stage=stage,
                ok=not error,
                error=redact(error),
                error_class=error_class,
                dry_run=self.dry_run,
                partial=partial,
                counts=dict(counts or {}),
            )
        )

    def flush_requests(self) -> None:
        """Add what was requested since the last time to the run's account."""
        for system, sent in self._sent().items():
            for kind, total in sent.items():
                fresh = total - self._flushed.get((system, kind), 0)
                if fresh:
                    self._flushed[(system, kind)] = total
                    self.reports.reports.add_requests(self.run_id, self.name, system, kind, fresh)

    @cached_property
    def _flushed(self) -> dict[tuple[str, str], int]:
        return {}

    def _sent(self) -> dict[str, dict[str, int]]:
        everything = self.counter.snapshot()
        qualytics = self.counter.snapshot("qualytics")
        catalog = {kind: total - qualytics[kind] for kind, total in everything.items()}
        return {"qualytics": qualytics, "catalog": catalog}

    def close(self) -> None:
        """Close what was opened."""
        self.flush_requests()
        for name in ("qualytics", "catalog"):
            client = self.__dict__.pop(name, None)
            if client is not None:
                client.close()


def error_class(error: BaseException) -> str:
    """A short word for a failure, by which the command line chooses its exit status."""
    if isinstance(error, OutsideError):
        return type(error).__name__.lower()
    if isinstance(error, FailedTable):
        return "upstream"
    if isinstance(error, SyncError):
        return "config" if isinstance(error, ConfigError) else "stopped"
    return "internal"


def alone(run: Run, stage: str, key: str, row_type: type[Row], work: Callable[[], Table[Row]]) -> Table[Row]:
    """Run a stage for one datastore so that its failure is its own.

    What concerns the whole system (refused credentials, no answer) goes up and stops the run; anything else
    becomes a failed table and a report.
    """
    try:
        return work()
    except (Unauthorized, Unreachable):
        raise
    except Exception as error:
        note_failure(run, stage, key, error)
        return Table(row_type, failure=redact(str(error) or type(error).__name__))


def note_failure(run: Run, stage: str, key: str, error: Exception) -> None:
    """Report a datastore's failure; a bug's traceback goes to the log, for whoever has to mend it."""
    kind = error_class(error)
    if kind == "internal":
        log.error("%s of %s failed\n%s", stage, key, redact(traceback.format_exc()))
    if kind != "upstream":
        run.say(f"{key}: {stage} failed: {redact(str(error) or type(error).__name__)}")
    run.report(stage, key, error=str(error) or type(error).__name__, error_class=kind)
