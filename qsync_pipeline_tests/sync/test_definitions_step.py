"""The catalog's definitions are made by one step at a time, and for something only (DESIGN.md §5.3)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qsync_pipeline.catalogs.base import CatalogIndex, DefinitionPlan
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rows import CatalogAsset, Change, Domain, Outcome
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.models import Datastore
from qsync_pipeline.sync.definitions import STAGE, SURFACE, make_definitions
from qsync_pipeline.sync.planfile import Header, Line, write_plan
from qsync_pipeline.sync.run import Run
from qsync_pipeline_tests.core.build import CONNECTION, connection, schema, table
from qsync_pipeline_tests.sync.fakes import FakeCatalog, FakeQualytics, config_in, run_on

LEASE = "Definitions are made by one unpartitioned step under a lease"
EMPTY = "An empty domain, or a run that matched nothing, is a failed check"
SALES = Domain("d1", "Sales")


class Catalog(FakeCatalog):
    """A catalog in which the attribute set is made once, and a domain may hold something or nothing."""

    def __init__(self, *assets: CatalogAsset) -> None:
        super().__init__(assets)
        self.made: list[Sequence[str]] = []
        self.making: threading.Event | None = None
        self.reads = 0

    def index(self) -> CatalogIndex:
        rows = self.assets.values()
        return CatalogIndex(
            tuple(one for one in rows if one.level == "connection"),
            (),
            tuple(one for one in rows if one.level == "schema"),
            (SALES, Domain("d2", "Empty")),
        )

    def connector_matches(self, connector: str, unit_connector: str) -> bool:
        return connector == unit_connector

    def read(self, schemas: Sequence[CatalogAsset]) -> Iterator[CatalogAsset]:
        self.reads += 1
        yield from (one for one in self.assets.values() if one.level in ("schema", "table"))

    def plan_definitions(self, connections: Sequence[str], handle: Any) -> DefinitionPlan:
        if not connections or handle:
            return DefinitionPlan((), handle=handle)
        change = Change(SURFACE, "create", "Qualytics", "Qualytics", after=list(connections))
        return DefinitionPlan((change,))

    def make_definitions(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, list[Outcome]]:
        if self.making is not None:
            self.making.wait(10)
        self.made.append(plan.changes[0].after)
        return DefinitionPlan((), handle={"set": "Qualytics"}), [Outcome(plan.changes[0], "applied")]

    def use_definitions(self, handle: Any) -> None:
        pass


class Qualytics(FakeQualytics):
    """One datastore, ``SHOP.SALES``."""

    def datastores(self) -> list[Datastore]:
        return [
            Datastore(
                id=1,
                name="Sales",
                store_type="jdbc",
                type="snowflake",
                told_database="SHOP",
                told_schema="SALES",
            )
        ]


def prepared(config: Config, ledger: Ledger, catalog: Catalog, run_id: str = "run-1") -> Run:
    return run_on(config, ledger, Qualytics(), catalog, run_id=run_id)


def in_domains(directory: Path, *names: str) -> Config:
    config_in(directory)
    path = directory / "qsync.yaml"
    path.write_text(path.read_text().replace("name: atlan,", f"name: atlan, domains: {list(names)},"))
    return load_config(path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite") as one:
        yield one


@pytest.mark.rule("5.3", LEASE)
def test_two_runs_at_once_make_the_definitions_once(tmp_path: Path, ledger: Ledger) -> None:
    config, catalog = config_in(tmp_path), Catalog(connection(), schema())
    catalog.making = threading.Event()
    runs = [prepared(config, ledger, catalog, run_id) for run_id in ("one", "two")]
    work = [threading.Thread(target=make_definitions, args=(run,)) for run in runs]
    for thread in work:
        thread.start()
    catalog.making.set()
    for thread in work:
        thread.join(20)
    assert catalog.made == [[connection().qualified_name]]
    assert ledger.notes.get("atlan", "definitions") == {"set": "Qualytics"}


@pytest.mark.rule("5.3", LEASE)
def test_the_lease_of_a_dead_process_holds_nobody_up(tmp_path: Path, ledger: Ledger) -> None:
    catalog = Catalog(connection(), schema())
    run = prepared(config_in(tmp_path), ledger, catalog)
    dead = next(pid for pid in range(4_000_000, 5_000_000) if not Path(f"/proc/{pid}").exists())
    assert ledger.leases.acquire("definitions:atlan", f"{run.host}:{dead}:gone", ttl=300.0)
    make_definitions(run)
    assert len(catalog.made) == 1


@pytest.mark.rule("5.1", EMPTY)
@pytest.mark.parametrize(
    ("where", "domains", "made", "reads"),
    [
        ("nowhere", ["Sales"], 0, 1),
        ("schema", ["Sales"], 1, 0),
        ("table", ["Sales"], 1, 1),
        ("table", ["Empty"], 0, 1),
        ("nowhere", [], 1, 0),
    ],
)
def test_for_domains_that_hold_nothing_of_ours_nothing_is_made(
    tmp_path: Path, ledger: Ledger, where: str, domains: list[str], made: int, reads: int
) -> None:
    assets = {"schema": schema(), "table": table("ORDERS")}
    if where in assets:
        assets[where] = replace(assets[where], domain=SALES.id)
    catalog = Catalog(connection(), *assets.values())
    make_definitions(prepared(in_domains(tmp_path, *domains), ledger, catalog))
    assert (len(catalog.made), catalog.reads) == (made, reads)


def test_once_they_are_there_the_catalog_is_not_searched_for_something_in_scope(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.notes.put("atlan", "definitions", {"set": "Qualytics"})
    catalog = Catalog(connection(), schema())
    make_definitions(prepared(in_domains(tmp_path, "Empty"), ledger, catalog))
    assert (catalog.made, catalog.reads) == ([], 0)


@pytest.mark.parametrize(
    ("planned", "made"),
    [([CONNECTION, "default/mysql/gone since"], 1), ([CONNECTION], 1), (["default/mysql/another"], 0)],
    ids=["more", "the same", "others"],
)
def test_given_lines_of_definitions_are_carried_out_as_far_as_they_are_still_needed(
    tmp_path: Path, ledger: Ledger, planned: list[str], made: int
) -> None:
    catalog = Catalog(connection(), schema())
    run = prepared(config_in(tmp_path), ledger, catalog)
    change = Change(SURFACE, "create", "Qualytics", "Qualytics", after=planned)
    write_plan(tmp_path / "plan.jsonl", Header(), [Line("atlan", "", STAGE, change)])
    run.lines = str(tmp_path / "plan.jsonl")
    result = make_definitions(run)
    assert catalog.made == [[CONNECTION]] * made
    assert bool(result.problems) is not bool(made)
