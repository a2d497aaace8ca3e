"""What a reading could not tell is kept for the check, as far as anything depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rules import MappingRule
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.models import Container
from qsync_pipeline.sync.inventory import not_listed
from qsync_pipeline.sync.out_of_sight import blind_spots, without_container, without_datastore
from qsync_pipeline.sync.run import Run
from qsync_pipeline_tests.core.build import CONNECTION, connection, container, datastore, table
from qsync_pipeline_tests.sync.fakes import FakeCatalog, config_in, run_on

UNREAD = "A scrubbed row, a page that failed, a tag id that cannot be resolved"
ORDERS = table("ORDERS")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as opened:
        yield opened


class Untold(FakeCatalog):
    """Its tags cannot be read."""

    def tags_unread(self) -> str:
        return "tags: 403"


def prepared(config: Config, ledger: Ledger, catalog: FakeCatalog | None = None) -> Run:
    return run_on(config, ledger, catalog=catalog or FakeCatalog([]))


@pytest.mark.rule("5.1", UNREAD)
def test_assets_whose_tags_cannot_be_told_are_counted_and_named_with_their_connection(
    tmp_path: Path, ledger: Ledger
) -> None:
    unclear, hidden = replace(ORDERS, complete=False), replace(table("A"), readable=False, complete=False)
    above = [replace(connection(), complete=False), replace(connection(path="default/snowflake/9"))]
    found = blind_spots(prepared(config_in(tmp_path), ledger), [unclear, hidden, table("B")], above, [])
    assert found == {"untold": {"number": 2, "names": [ORDERS.qualified_name, CONNECTION]}}


def test_where_no_tags_could_be_read_at_all_the_pull_says_so_and_this_does_not(
    tmp_path: Path, ledger: Ledger
) -> None:
    run = prepared(config_in(tmp_path), ledger, Untold([]))
    assert blind_spots(run, [replace(ORDERS, complete=False)], [], ["tags: 403"]) == {}


@pytest.mark.parametrize("domains", [False, True])
def test_a_gap_in_the_domains_matters_where_domains_are_configured(
    tmp_path: Path, ledger: Ledger, domains: bool
) -> None:
    config_in(tmp_path)
    path = tmp_path / "qsync.yaml"
    if domains:
        path.write_text(path.read_text().replace("name: atlan,", "name: atlan, domains: [Sales],"))
    gaps = ["domain tree: 2 are hidden", "type definitions: 1 has no name", "structure: 1 is hidden"]
    found = blind_spots(prepared(load_config(path), ledger), [], [], gaps)
    assert found == {"gaps": [gaps[0], gaps[2]] if domains else [gaps[2]]}


def test_a_mapping_that_speaks_of_nothing_is_named() -> None:
    rules = [
        MappingRule("Sales", ("X",)),
        MappingRule("1", ("X",), "ORDERS"),
        MappingRule("Sales", ("X",), "ORDRES"),
        MappingRule("Salse", ("X",)),
    ]
    assert without_datastore(rules, [datastore()]) == ['mappings: Qualytics lists no datastore "Salse"']
    found = without_container(rules, [datastore(), container(1, "ORDERS")])
    assert found == ['mappings: Sales has no container "ORDRES"']


def test_a_scope_that_names_no_container_is_told() -> None:
    rows = [Container(id=1, name="ORDERS"), Container(id=2, name="Customers")]
    assert not_listed(["orders", "CUSTOMERS"], rows) == []
    assert not_listed(["ORDRES", "orders"], rows) == ["ORDRES"]
