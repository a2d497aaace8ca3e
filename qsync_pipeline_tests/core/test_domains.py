"""Which part of a catalog an integration takes part in (DESIGN.md §5.1)."""

from __future__ import annotations

import pytest

from qsync_pipeline.core.domains import UnknownDomains, domain_scope
from qsync_pipeline.core.rows import CatalogAsset, Domain
from qsync_pipeline_tests.core.build import (
    buckets,
    column,
    column_of,
    connection,
    container,
    database,
    datastore,
    match,
    schema,
    table,
)

RULE = "Domains: subdomains count; the nearest own domain upwards decides"
TREE = [
    Domain("d1", "Finance"),
    Domain("d2", "Risk", "d1"),
    Domain("d3", "Models", "d2"),
    Domain("d4", "People"),
    Domain("d5", "Risk", "d4"),
]


@pytest.mark.rule("5.1", RULE)
def test_subdomains_count_however_deep() -> None:
    assert domain_scope(TREE, ["Finance"]).wanted == {"d1", "d2", "d3"}


@pytest.mark.rule("5.1", RULE)
def test_with_no_domain_named_everything_counts() -> None:
    assert domain_scope(TREE, []).covers([schema()])


def test_a_domain_is_named_by_its_name_or_its_path_in_any_case() -> None:
    assert domain_scope(TREE, ["people/risk"]).wanted == {"d5"}
    assert domain_scope(TREE, ["PEOPLE"]).wanted == {"d4", "d5"}
    assert domain_scope(TREE, ["People"]).name("d5") == "People/Risk"


@pytest.mark.rule("5.1", "Never guess")
def test_a_name_that_several_domains_have_is_refused_with_their_paths() -> None:
    with pytest.raises(UnknownDomains, match=r'"Risk": several.*"Finance/Risk", "People/Risk"'):
        domain_scope(TREE, ["Risk"])


def test_every_unknown_domain_is_named_with_what_there_is() -> None:
    with pytest.raises(UnknownDomains, match=r'"Sales".*"Legal"') as refused:
        domain_scope(TREE, ["Sales", "Legal"])
    assert '"Finance/Risk/Models"' in str(refused.value)
    with pytest.raises(UnknownDomains, match="no domains at all"):
        domain_scope([], ["Sales"])


def test_a_tree_that_bites_its_tail_ends() -> None:
    ring = [Domain("a", "A", "b"), Domain("b", "B", "a")]
    assert domain_scope(ring, ["A"]).wanted == {"a", "b"}


def _estate(**domain_of: str) -> list[CatalogAsset]:
    place = schema(domain=domain_of.get("schema"))
    orders = table("ORDERS", place, domain=domain_of.get("table"))
    return [
        connection(domain=domain_of.get("connection")),
        database(domain=domain_of.get("database")),
        place,
        orders,
        column("ID", orders, domain=domain_of.get("column")),
        column("NOTE", orders),
    ]


STORE = datastore()
ORDERS = container(1, "ORDERS", STORE)
UNITS = [STORE, ORDERS, column_of(1, "ID", ORDERS), column_of(2, "NOTE", ORDERS)]


@pytest.mark.rule("5.1", RULE)
@pytest.mark.parametrize(
    ("domain_of", "inside"),
    [
        ({}, set()),
        ({"connection": "d1"}, {"datastore:1", "container:1", "field:1", "field:2"}),
        ({"database": "d2"}, {"datastore:1", "container:1", "field:1", "field:2"}),
        ({"schema": "d1"}, {"datastore:1", "container:1", "field:1", "field:2"}),
        ({"table": "d1"}, {"container:1", "field:1", "field:2"}),
        ({"column": "d1"}, {"field:1"}),
        ({"schema": "d4", "table": "d3"}, {"container:1", "field:1", "field:2"}),
        ({"schema": "d1", "table": "d4"}, {"datastore:1"}),
        ({"connection": "d1", "schema": "d4", "column": "d2"}, {"field:1"}),
        ({"schema": "d1", "column": "d4"}, {"datastore:1", "container:1", "field:2"}),
        ({"connection": "d1", "database": "d4"}, set()),
    ],
)
def test_the_nearest_own_domain_upwards_decides(domain_of: dict[str, str], inside: set[str]) -> None:
    found = buckets(match(UNITS, _estate(**domain_of), domains=TREE, wanted=["Finance"]))
    assert {unit for unit, bucket in found.items() if bucket == "exact"} == inside
    assert {bucket for unit, bucket in found.items() if unit not in inside} <= {"outside_domain"}


@pytest.mark.rule("5.1", "Leaving scope (outside the domain")
def test_what_is_outside_still_shows_which_asset_it_is() -> None:
    link = match(UNITS, _estate(), domains=TREE, wanted=["Finance"])["container:1"]
    assert link.bucket == "outside_domain"
    assert link.assets == (f"id {table('ORDERS').qualified_name}",)
    assert "domain" in link.reason
