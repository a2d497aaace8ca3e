"""Dagster resources: Qualytics, one per catalog, the ledger, and the Launchpad's settings.

Resources hold names and paths, never secrets: those stay in their environment variable or file until a
client is opened, so that neither the UI nor an event log can show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import dagster as dg
from pydantic import Field, PrivateAttr

from qsync_pipeline.catalogs.base import Catalog
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.progress import listener
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sync.journalled import whole_id
from qsync_pipeline.sync.run import Direction, Run
from qsync_pipeline.transport.errors import ConfigError

INTEGRATION_TAG, DIRECTION_TAG = "qsync/integration", "qsync/direction"


class SyncSettings(dg.ConfigurableResource[Any]):
    """What a run may do. A partial override in the Launchpad falls back to these defaults: safe ones."""

    direction: Literal["both", "pull", "push"] = Field(
        default="both",
        description="Which of the job's directions to take. both: all that the job does; pull: tags into "
        "Qualytics; push: quality out to the catalog.",
    )
    scope: dict[str, list[str]] = Field(
        default={},
        description="Only these tables, by datastore: {'12-sales': [ORDERS, CUSTOMERS]}. A datastore that is "
        "not named here is taken whole.",
    )
    dry_run: bool = Field(
        default=True, description="Plan only: the plan is real, and nothing is written to any system."
    )
    first_write: bool = Field(
        default=False,
        description="Tick to allow the first write of an integration whose ledger is still empty.",
    )
    adopt: bool = Field(
        default=False,
        description="After a lost ledger: take up what carries our category or our marker link as ours.",
    )
    approve: list[str] = Field(
        default=[],
        description="Codes of parked scopes, as their reasons show them: lets exactly those lines through, "
        "once.",
    )
    lines: str = Field(
        default="",
        description="Carry out the lines of this plan file (qsync plan --out) instead of planning, each only "
        "where what it found before still stands.",
    )
    retire: Literal["", "all", "left_behind"] = Field(
        default="",
        description="Take back what is ours instead of syncing: all of it, or what has left the scope.",
    )
    revert: str = Field(
        default="",
        description="Undo what the run of this id (or its beginning) applied, where it still stands, instead "
        "of syncing.",
    )


def narrower(job: str, wanted: Direction) -> Direction:
    """The direction of a run: what its job does, narrowed by the setting.

    Raises ``ConfigError`` where nothing is left.
    """
    does = direction_of(job)
    if wanted == "both" or wanted == does:
        return does
    if does == "both":
        return wanted
    raise ConfigError(
        f"settings: direction: {wanted}, and this job does {does} only; start <integration>_{wanted} or "
        "<integration>_sync, or leave direction out"
    )


def direction_of(text: str) -> Direction:
    """A direction by its word; anything else is both."""
    return "pull" if text == "pull" else "push" if text == "push" else "both"


class LedgerResource(dg.ConfigurableResource[Any]):
    """The ledger of the configuration at ``config_path``.

    ``reports_url`` is set by ``qsync plan``: then the ledger itself is opened read-only, and the stages'
    reports go to a scratch ledger.
    """

    config_path: str
    reports_url: str = ""
    _ledger: Ledger | None = PrivateAttr(default=None)
    _reports: Ledger | None = PrivateAttr(default=None)

    def ledger(self) -> Ledger:
        """The ledger, opened once per process and run."""
        if self._ledger is None:
            url = read_config(self.config_path).ledger.reveal_url()
            self._ledger = Ledger.open(url, read_only=bool(self.reports_url))
        return self._ledger

    def reports(self) -> Ledger:
        """Where reports go: the ledger, or the scratch ledger of a plan."""
        if not self.reports_url:
            return self.ledger()
        if self._reports is None:
            self._reports = Ledger.open(self.reports_url)
        return self._reports

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the databases."""
        for opened in (self._ledger, self._reports):
            if opened is not None:
                opened.close()
        self._ledger = self._reports = None


class _OpensRun(dg.ConfigurableResource[Any]):
    """A side of the sync. ``config_path`` is empty for the packaged configuration of the local sandbox."""

    config_path: str
    url: str = Field(description="Where it is; shown in the UI, and nowhere else used.")
    _run: Run | None = PrivateAttr(default=None)

    def _open(self, context: dg.AssetExecutionContext, name: str) -> Run:
        """The run of one integration: clients open when first used, and the run's steps share them.

        The asset requires the resources ``ledger`` and ``settings`` beside this one.
        """
        if self._run is None or (self._run.run_id, self._run.name) != (context.run_id, name):
            ledger: LedgerResource = context.resources.ledger
            settings: SyncSettings = context.resources.settings
            config = read_config(self.config_path)
            self._run = Run(
                run_id=context.run_id,
                config=config,
                integration=config.integration(name),
                ledger=ledger.ledger(),
                reports=ledger.reports(),
                dry_run=settings.dry_run,
                first_write=settings.first_write,
                adopt=settings.adopt,
                scope=settings.scope,
                approve=settings.approve,
                lines=settings.lines,
                retire=settings.retire,
                revert=whole_id(ledger.ledger(), settings.revert),
                direction=narrower(context.run.tags.get(DIRECTION_TAG, "both"), settings.direction),
                tell=listener(),
            )
        self._run.say = context.log.info
        return self._run

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the clients."""
        if self._run is not None:
            self._run.close()
        self._run = None


class QualyticsResource(_OpensRun):
    """The Qualytics deployment."""

    def run(self, context: dg.AssetExecutionContext) -> Run:
        """The deployment as the integration of this run sees it (its tag names it; else the first one)."""
        config = read_config(self.config_path)
        return self._open(context, context.run.tags.get(INTEGRATION_TAG, config.integrations[0].name))

    def client(self, ledger: Ledger) -> QualyticsClient:
        """A client of its own, for sensors; the caller closes it."""
        return open_qualytics(read_config(self.config_path).qualytics, budget=ledger.budget)


class CatalogResource(_OpensRun):
    """A catalog, by the integration of the configuration that it belongs to."""

    integration: str
    type: str

    def run(self, context: dg.AssetExecutionContext) -> Run:
        """The catalog within this run."""
        return self._open(context, self.integration)

    def catalog(self, ledger: Ledger) -> Catalog:
        """A catalog of its own, for sensors; the caller closes it."""
        return open_catalog(read_config(self.config_path).integration(self.integration), budget=ledger.budget)


def unconfigured(resource: LedgerResource | _OpensRun) -> dg.ResourceDefinition:
    """The resource, closed to run config: all it holds comes from ``qsync.yaml``, so the Launchpad shows the
    settings of a run and nothing else."""

    @contextmanager
    def opened(context: dg.InitResourceContext) -> Iterator[LedgerResource | _OpensRun]:
        fresh = resource.model_copy()
        try:
            yield fresh
        finally:
            fresh.teardown_after_execution(context)

    about = " ".join((type(resource).__doc__ or "").split("\n\n")[0].split())
    return dg.ResourceDefinition(resource_fn=opened, config_schema={}, description=about)


def read_config(path: str) -> Config:
    """The configuration that a resource was made from; an empty path is the packaged one for the sandbox."""
    return load_config(path or None, check_secrets=False)
