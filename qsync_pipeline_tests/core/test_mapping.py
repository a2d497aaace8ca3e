"""The mapping of a datastore: every unit in exactly one bucket (DESIGN.md §5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.mapping import Snapshot, bucket_counts, unclaimed
from qsync_pipeline.core.names import Patterns
from qsync_pipeline.core.rows import BUCKETS, CatalogAsset, Domain, Link, Unit
from qsync_pipeline.core.rules import MappingRule, MatchRules
from qsync_pipeline_tests.core.build import (
    buckets,
    column,
    column_of,
    connection,
    container,
    database,
    datastore,
    match,
    same_connector,
    schema,
    table,
)
from qsync_pipeline_tests.core.test_locate import mapped, parse

ADD_UP = "Units are Qualytics datastores, containers and fields"
BUCKET_NAMES = "Buckets: matched (explicit / exact / case / identity)"
ONE_WRITER = "A catalog asset has one writer"
NEAR = "Near misses come with the config line that would settle them"
LEVELS = "Config also takes include/exclude patterns"
PROVED = "Before anything is removed because its counterpart is missing"
UNION = "Two datastores that claim one schema, or one that finds several"
LEAVING = "Leaving scope (outside the domain, excluded"

STORE = datastore()
ORDERS, PEOPLE = container(1, "ORDERS", STORE), container(2, "PEOPLE", STORE)
ID, NOTE = column_of(1, "ID", ORDERS), column_of(2, "NOTE", ORDERS)
UNITS = [STORE, ORDERS, PEOPLE, ID, NOTE]

T_ORDERS, T_PEOPLE = table("ORDERS"), table("PEOPLE")
C_ID, C_NOTE = column("ID", T_ORDERS), column("NOTE", T_ORDERS)
ASSETS = [connection(), database(), schema(), T_ORDERS, T_PEOPLE, C_ID, C_NOTE]


def test_a_datastore_its_tables_and_their_columns_pair_by_name() -> None:
    assert set(buckets(match(UNITS, ASSETS)).values()) == {"exact"}


@pytest.mark.rule("5.1", "A datastore lands on the catalog's schema asset")
def test_a_datastore_lands_on_the_schema() -> None:
    assert match(UNITS, ASSETS)["datastore:1"].assets == (schema().id,)


@pytest.mark.rule("5.1", BUCKET_NAMES)
@pytest.mark.rule("5.1", ADD_UP)
def test_the_counts_name_every_bucket_and_add_up() -> None:
    links = match(UNITS, [schema(), T_ORDERS, C_ID]).values()
    counts = bucket_counts(links)
    assert tuple(counts) == BUCKETS
    assert counts["matched"] == 3
    assert counts["absent"] == 2
    assert sum(counts.values()) == len(UNITS)


@pytest.mark.rule("5.1", "Catalog-only objects are counted apart")
def test_tables_and_columns_that_no_unit_stands_for_are_counted_apart() -> None:
    extra = [table("EXTRA"), column("X", table("EXTRA")), column("MORE", T_ORDERS)]
    links = match(UNITS, ASSETS + extra)
    assert unclaimed(links.values(), Snapshot(ASSETS + extra)) == 3
    assert sum(bucket_counts(links.values()).values()) == len(UNITS)


@pytest.mark.rule("5.1", "Enrichment datastores, computed and file containers are unsupported")
def test_an_unsupported_container_and_its_fields_are_counted_and_claim_nothing() -> None:
    odd = container(3, "ORDERS", STORE, kind="computed_table", unsupported="a computed table")
    units = [*UNITS, odd, column_of(3, "ID", odd)]
    found = match(units, ASSETS)
    assert found["container:3"].bucket == "unsupported"
    assert found["container:3"].reason == "a computed table"
    assert found["field:3"].bucket == "unsupported"
    assert found["container:1"].how == "exact"


@pytest.mark.rule("5.1", "Order: explicit mapping from the config, then names")
def test_a_container_is_mapped_explicitly_and_frees_its_namesake() -> None:
    rules = mapped(MappingRule("Sales", ("PEOPLE",), container="ORDERS"))
    found = match(UNITS, [*ASSETS, column("ID", T_PEOPLE)], rules=rules)
    assert found["container:1"].how == "explicit"
    assert found["container:1"].assets == (T_PEOPLE.id,)
    assert found["field:1"].assets == (column("ID", T_PEOPLE).id,)
    assert found["container:2"].bucket == "absent"


def test_a_container_mapping_that_fits_nothing_says_so() -> None:
    found = match(UNITS, ASSETS, rules=mapped(MappingRule("Sales", ("NONE",), container="ORDERS")))
    assert found["container:1"].bucket == "absent"
    assert '"NONE"' in found["container:1"].reason


@pytest.mark.rule("5.1", ONE_WRITER)
def test_two_containers_mapped_to_one_table_get_it_neither() -> None:
    rules = mapped(
        MappingRule("Sales", ("ORDERS",), container="ORDERS"),
        MappingRule("Sales", ("SALES.ORDERS",), container="PEOPLE"),
    )
    found = match(UNITS, ASSETS, rules=rules)
    assert buckets(found)["container:1"] == buckets(found)["container:2"] == "ambiguous"


@pytest.mark.rule("5.1", "Near misses come with the config line")
def test_the_hint_of_an_ambiguous_table_settles_it() -> None:
    twins = [schema(), table("Orders"), table("orders")]
    found = match([STORE, ORDERS], twins)["container:1"]
    assert found.bucket == "ambiguous"
    assert match([STORE, ORDERS], twins, rules=mapped(parse(found.hint)))["container:1"].how == "explicit"


@pytest.mark.rule("5.1", NEAR)
def test_the_hint_tells_assets_of_one_qualified_name_apart() -> None:
    kinds = [("View", "v"), ("MaterialisedView", "m"), ("Table", "t")]
    twins = [schema(), *(table("ORDERS", kind=kind, id=id_) for kind, id_ in kinds)]
    view = container(1, "ORDERS", STORE, kind="view")
    found = match([STORE, view], twins)["container:1"]
    assert (found.bucket, parse(found.hint).catalog) == ("ambiguous", ("v",))
    settled = match([STORE, view], twins, rules=mapped(parse(found.hint)))["container:1"]
    assert (settled.how, settled.assets) == ("explicit", ("v",))


@pytest.mark.rule("5.1", LEVELS)
def test_levels_are_left_out_one_by_one_and_what_lies_below_stays() -> None:
    rules = MatchRules(same_connector=same_connector, levels=frozenset({"schema", "column"}))
    found = buckets(match(UNITS, ASSETS, rules=rules))
    assert found["container:1"] == found["container:2"] == "excluded"
    assert found["datastore:1"] == found["field:1"] == found["field:2"] == "exact"


@pytest.mark.rule("5.1", LEVELS)
@pytest.mark.parametrize("pattern", ["orders", "ORD*", "Sales.ORDERS"])
def test_an_excluded_container_takes_its_fields_along(pattern: str) -> None:
    rules = MatchRules(same_connector=same_connector, containers=Patterns(exclude=(pattern,)))
    found = buckets(match(UNITS, ASSETS, rules=rules))
    assert found["container:1"] == found["field:1"] == found["field:2"] == "excluded"
    assert found["container:2"] == "exact"


@pytest.mark.rule("5.1", LEVELS)
def test_an_excluded_datastore_takes_everything_along() -> None:
    rules = MatchRules(same_connector=same_connector, datastores=Patterns(include=("HR",)))
    assert set(buckets(match(UNITS, ASSETS, rules=rules)).values()) == {"excluded"}


@pytest.mark.rule("5.1", UNION)
def test_a_table_that_several_mapped_schemas_have_is_paired_with_all_of_them() -> None:
    eu, us = schema("EU"), schema("US")
    assets = [eu, us, table("ORDERS", eu), table("ORDERS", us), column("ID", table("ORDERS", us))]
    found = match(UNITS, assets, rules=mapped(MappingRule("Sales", ("EU", "US"))))
    assert found["container:1"].assets == (assets[2].id, assets[3].id)
    assert found["field:1"].assets == (assets[4].id,)
    assert not found["container:1"].partial
    assert not found["field:1"].partial


@pytest.mark.rule("5.1", PROVED)
@pytest.mark.parametrize(("said", "partial"), [("forbidden", True), ("present", True), ("gone", False)])
def test_of_several_assets_one_out_of_sight_makes_the_rest_partial(said: str, partial: bool) -> None:
    eu, us = schema("EU"), schema("US")
    found = match(
        [STORE, ORDERS, ID],
        [eu, us, table("ORDERS", us, id="us"), column("ID", table("ORDERS", us))],
        rules=mapped(MappingRule("Sales", ("EU", "US"))),
        links={"container:1": ["eu", "us"]},
        presence={"eu": said},
    )
    assert (found["container:1"].bucket, found["container:1"].assets) == ("matched", ("us",))
    assert found["container:1"].partial is partial
    assert found["field:1"].partial is partial


@pytest.mark.rule("5.1", LEAVING)
def test_of_several_assets_one_outside_the_domain_makes_the_rest_partial() -> None:
    eu, us = schema("EU", domain="d1"), schema("US")
    found = match(
        [STORE],
        [eu, us],
        rules=mapped(MappingRule("Sales", ("EU", "US"))),
        domains=[Domain("d1", "Finance")],
        wanted=["Finance"],
    )["datastore:1"]
    assert (found.bucket, found.assets, found.partial) == ("matched", (eu.id,), True)


@pytest.mark.rule("5.1", PROVED)
def test_a_deleted_schema_takes_along_only_what_is_proved_to_be_gone_itself() -> None:
    links = {"datastore:1": ["s"], "container:1": ["t1"], "container:2": ["t2"], "field:1": ["f1"]}
    presence = {"s": "gone", "t1": "gone", "t2": "forbidden", "f1": "present"}
    found = match(UNITS, [], links=links, presence=presence)
    assert found["datastore:1"].gone
    assert found["container:1"].gone
    assert (found["container:2"].bucket, found["container:2"].gone) == ("forbidden", False)
    assert not found["field:1"].gone
    assert found["field:2"].gone, "a column of a deleted table that was never paired"


@pytest.mark.rule("5.1", PROVED)
def test_a_column_of_a_table_that_nobody_remembers_is_gone_by_its_own_proof() -> None:
    presence = {"f1": "gone"}
    found = match([STORE, ORDERS, ID], [schema()], links={"field:1": ["f1"]}, presence=presence)
    assert not found["container:1"].gone
    assert found["field:1"].gone


@pytest.mark.rule("5.1", PROVED)
def test_a_forbidden_table_keeps_its_fields_forbidden() -> None:
    found = match(UNITS, [schema(), T_PEOPLE], links={"container:1": ["t"]}, presence={"t": "forbidden"})
    assert found["container:1"].bucket == found["field:1"].bucket == "forbidden"
    assert not found["field:1"].gone


@pytest.mark.rule("5.1", ADD_UP)
def test_a_field_whose_container_is_not_listed_stands_in_a_bucket_too() -> None:
    found = match([STORE, ID], ASSETS)
    assert found["field:1"].bucket == "absent"
    assert not found["field:1"].gone


@pytest.mark.rule("5.1", "The same name with a new id is a new link")
def test_swapped_tables_take_their_columns_along_by_name() -> None:
    swapped = [
        schema(),
        table("ORDERS", id="was PEOPLE"),
        table("PEOPLE", id="was ORDERS"),
        column("ID", T_ORDERS, id="new id"),
    ]
    links = {"container:1": ["was ORDERS"], "container:2": ["was PEOPLE"], "field:1": ["old id"]}
    found = match(UNITS, swapped, links=links, presence={"old id": "gone"})
    assert found["container:1"].assets == ("was PEOPLE",)
    assert found["container:2"].assets == ("was ORDERS",)
    assert found["field:1"].assets == ("new id",)


table_names = st.sampled_from(["ORDERS", "orders", "Orders", "PEOPLE", "X"])
domain_ids = st.sampled_from([None, None, "d1", "d2"])


@st.composite
def estates(draw: st.DrawFn) -> tuple[list[Unit], list[CatalogAsset]]:
    units: list[Unit] = []
    for n in range(draw(st.integers(1, 2))):
        store = datastore(n, f"D{n}", schema=draw(st.sampled_from(["SALES", "HR", "sales"])))
        units.append(store)
        for m, name in enumerate(draw(st.lists(table_names, max_size=3))):
            odd = draw(st.sampled_from([None, None, None, "computed"]))
            part = container(10 * n + m, name, store, unsupported=odd)
            units.append(part)
            for k, field in enumerate(draw(st.lists(table_names, max_size=2))):
                units.append(column_of(100 * n + 10 * m + k, field, part))
    assets: list[CatalogAsset] = [connection(), database()]
    seen = st.booleans()
    for place in draw(st.lists(st.sampled_from(["SALES", "HR", "EU"]), unique=True)):
        above = schema(place, domain=draw(domain_ids), readable=draw(seen))
        assets.append(above)
        for name in draw(st.lists(table_names, max_size=3, unique=True)):
            one = table(name, above, domain=draw(domain_ids), readable=draw(seen))
            assets.append(one)
            for field in draw(st.lists(table_names, max_size=2, unique=True)):
                assets.append(column(field, one, domain=draw(domain_ids)))
    return units, assets


rule_sets = st.sampled_from(
    [
        MatchRules(same_connector=same_connector),
        MatchRules(same_connector=same_connector, levels=frozenset({"table"})),
        MatchRules(same_connector=same_connector, containers=Patterns(exclude=("PEO*",))),
        mapped(MappingRule("D0", ("EU", "SALES"))),
        mapped(MappingRule("D0", ("X",), container="ORDERS"), MappingRule("D0", ("X",), container="PEOPLE")),
    ]
)


@pytest.mark.rule("5.1", ADD_UP)
@pytest.mark.rule("5.1", ONE_WRITER)
@given(estate=estates(), rules=rule_sets, wanted=st.sampled_from([[], ["Finance"]]), data=st.data())
def test_every_unit_is_in_one_bucket_and_every_asset_has_one_writer(
    estate: tuple[list[Unit], list[CatalogAsset]], rules: MatchRules, wanted: list[str], data: st.DataObject
) -> None:
    units, assets = estate
    ids = [asset.id for asset in assets if asset.level != "connection"]
    memory = st.lists(st.sampled_from([*ids, "unseen"]), max_size=2)
    links = {unit.id: data.draw(memory) for unit in units}
    domains = [Domain("d1", "Finance"), Domain("d2", "People")]
    found = match(units, assets, rules=rules, domains=domains, wanted=wanted, links=links)
    assert set(found) == {unit.id for unit in units}
    assert sum(bucket_counts(found.values()).values()) == len({unit.id for unit in units})
    assert {link.bucket for link in found.values()} <= set(BUCKETS)
    claims = [id_ for link in found.values() if link.bucket == "matched" for id_ in link.assets]
    assert len(claims) == len(set(claims))
    assert all(link.reason for link in found.values() if link.bucket != "matched")
    assert not any(link.gone for link in found.values()), "nobody was asked by id"
    for link in found.values():
        _lands_on_its_level(link, {asset.id: asset for asset in assets})


def _lands_on_its_level(link: Link, by_id: dict[str, CatalogAsset]) -> None:
    level = {"datastore": "schema", "container": "table", "field": "column"}[link.level]
    assert {by_id[id_].level for id_ in link.assets} <= {level}
    if link.bucket == "matched":
        assert link.assets
        assert all(by_id[id_].readable for id_ in link.assets)
