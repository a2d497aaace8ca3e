"""A sandbox Alation and the adapter on it, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.adapter import AlationCatalog, open_catalog
from qsync_pipeline.config import AlationConfig, load_config
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.sandbox.alation import AlationSystem
from qsync_pipeline.sandbox.testing import ALATION_ONLY, RunningSandbox, running_sandbox

QUICK_JOBS = {"job_seconds": 0, "job_polls": 0}
"""Switches under which a job is over when it is first asked for."""

TABLE = "SALES_DB.SALES.ORDERS"


class Bench:
    """A running sandbox, and what tests do with it."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.control = sandbox.control
        system = sandbox.systems["alation"]
        assert isinstance(system, AlationSystem)
        self.system = system
        self.catalog = self.open()

    def config(self) -> AlationConfig:
        (config,) = load_config(self.sandbox.config).integrations
        assert isinstance(config, AlationConfig)
        return config

    def open(self, **changes: Any) -> AlationCatalog:
        """Another catalog object on the same instance."""
        return open_catalog(self.config().model_copy(update=changes))

    def as_user(self, username: str, role: Any) -> AlationCatalog:
        """The adapter with another account's credentials."""
        credentials = self.system.issue_token(username, role)
        path = self.sandbox.config.parent / f"{username}.refresh_token"
        path.write_text(credentials["refresh_token"] + "\n", encoding="utf-8")
        secret = type(self.config().refresh_token)(file=path)  # type: ignore[misc]  # a Secret, never null here
        return self.open(refresh_token=secret, user_id=int(credentials["user_id"]))

    def mutate(self, do: str, asset: str = "", **words: Any) -> list[str]:
        return self.control.mutate(
            {"system": "alation", "do": do, **({"asset": asset} if asset else {}), **words}
        )

    def assets(self, catalog: AlationCatalog | None = None) -> list[CatalogAsset]:
        """Everything, read afresh."""
        catalog = catalog or self.catalog
        return list(catalog.read(catalog.index().schemas))

    def asset(self, name: str = TABLE) -> CatalogAsset:
        (found,) = (a for a in self.assets() if dotted(a) == name)
        return found

    def seen(self, name: str = TABLE) -> dict[str, Any]:
        """What a person sees."""
        (found,) = self.control.state("alation", name=name)
        return found

    def define(self) -> None:
        done, outcomes = self.catalog.make_definitions(self.catalog.plan_definitions(["any"], {}))
        assert {outcome.outcome for outcome in outcomes} <= {"applied", "unchanged"}
        self.catalog.use_definitions(done.handle)

    def write(self, *changes: Change) -> list[Outcome]:
        return list(self.catalog.write(changes))


def dotted(asset: CatalogAsset) -> str:
    return ".".join(p for p in (asset.database, asset.schema, asset.table, asset.column) if p is not None)


def change(asset: CatalogAsset, surface: str, after: Any, key: str = "", before: Any = None) -> Change:
    """A planned change as the core would make it."""
    extra = {"name": asset.name, "qualified_name": asset.qualified_name}
    return Change(
        surface, "update", asset.id, asset.qualified_name, key, before, after, kind=asset.kind,
        connection=asset.connection, extra=extra,
    )  # fmt: skip


def alert(words: str = "2 active anomalies") -> dict[str, str]:
    return {"type": "warning", "title": words, "text": "See https://q.example/1?qsync=alation"}


def health(asset: CatalogAsset, **more: Any) -> dict[str, Any]:
    row = {
        "rule": "notNull",
        "object": asset.name,
        "status": "Alert",
        "value": 2,
        "description": "never empty",
    }
    return {**row, **more}


def results(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.outcome for outcome in outcomes]


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """The small estate, with quick jobs."""
    with running_sandbox("small", seed=5, kinds=ALATION_ONLY, switches={"alation": QUICK_JOBS}) as sandbox:
        yield Bench(sandbox)


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    """The same with other switches."""
    with ExitStack() as stack:

        def make(**switches: Any) -> Bench:
            options = {"kinds": ALATION_ONLY, "switches": {"alation": {**QUICK_JOBS, **switches}}}
            return Bench(stack.enter_context(running_sandbox("small", seed=5, **options)))

        yield make
