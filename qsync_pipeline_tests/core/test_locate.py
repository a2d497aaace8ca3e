"""Which schema of the catalog a datastore stands for (DESIGN.md §5.1)."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qsync_pipeline.core.locate import Placement, mapping_line, refers_to
from qsync_pipeline.core.names import Patterns
from qsync_pipeline.core.rules import MappingRule, MatchRules
from qsync_pipeline_tests.core.build import MATCH, connection, datastore, place, same_connector, schema, table

ORDER = "Order: explicit mapping from the config, then names"
ID_RULE = "An id only chooses between several name candidates"
SWAP = "The same name with a new id is a new link"
AGREE = "Candidates agree in connector type and, where both sides show it, host"
NO_DATABASE = "Where one side shows no database"
ONE_WRITER = "A catalog asset has one writer"
SEVERAL = "Two datastores that claim one schema, or one that finds several"
NEAR = "Near misses come with the config line that would settle them"
PROVED = "Before anything is removed because its counterpart is missing"


def mapped(*rules: MappingRule, **more: object) -> MatchRules:
    return MatchRules(same_connector=same_connector, mappings=rules, **more)  # type: ignore[arg-type]  # of the test


def parse(hint: str) -> MappingRule:
    """A hint as the config would read it (its flow style is YAML; quoted as JSON)."""
    inner = hint.removeprefix("mappings: [{").removesuffix("}]")
    parts = dict(part.split(": ", 1) for part in inner.split(", ") if ": " in part)
    values = {key: json.loads(value) for key, value in parts.items()}
    return MappingRule(values["datastore"], (values["catalog"],), values.get("container"))


def test_a_datastore_stands_for_the_schema_of_its_name() -> None:
    found = place([datastore()], [connection(), schema()])["datastore:1"]
    assert (found.bucket, found.how, found.schemas) == ("matched", "exact", (schema().id,))


@pytest.mark.rule("5.1", ORDER)
def test_the_exact_name_wins_over_another_case() -> None:
    exact, other = schema("SALES"), schema("sales")
    found = place([datastore()], [connection(), other, exact])["datastore:1"]
    assert (found.how, found.schemas) == ("exact", (exact.id,))


@pytest.mark.rule("5.1", ORDER)
def test_another_case_will_do_where_it_is_unique() -> None:
    found = place([datastore()], [connection(), schema("sales", "shop")])["datastore:1"]
    assert (found.bucket, found.how) == ("matched", "case")


@pytest.mark.rule("5.1", ORDER)
@pytest.mark.rule("5.1", "Never guess")
def test_two_schemas_that_differ_from_it_by_case_only_are_ambiguous() -> None:
    found = place([datastore()], [connection(), schema("sales"), schema("Sales")])["datastore:1"]
    assert found.bucket == "ambiguous"


@pytest.mark.rule("5.1", ORDER)
def test_an_explicit_mapping_wins_over_the_name() -> None:
    other = schema("OTHER", "ELSEWHERE")
    rules = mapped(MappingRule("Sales", ("ELSEWHERE.OTHER",)))
    found = place([datastore()], [connection(), schema(), other], rules=rules)["datastore:1"]
    assert (found.how, found.schemas) == ("explicit", (other.id,))


@pytest.mark.parametrize("name", ["Sales", "1", "1-sales"])
def test_a_mapping_names_a_datastore_by_name_id_or_key(name: str) -> None:
    rules = mapped(MappingRule(name, (schema("X").qualified_name,)))
    assert place([datastore()], [schema("X")], rules=rules)["datastore:1"].how == "explicit"


@pytest.mark.parametrize(
    "name", ["Warehouse:SHOP.SA.LES", "SHOP.SA.LES", "SA.LES", "default/snowflake/1/SHOP/SA.LES"]
)
def test_a_mapping_names_a_schema_whole_so_that_dots_in_names_are_no_matter(name: str) -> None:
    assert refers_to(name, schema("SA.LES"), "Warehouse")
    assert not refers_to(name, schema("LES"), "Warehouse")


def test_a_mapping_names_a_table_by_any_of_its_paths() -> None:
    orders = table("ORDERS")
    for name in ("SALES.ORDERS", "SHOP.SALES.ORDERS", "Warehouse:SALES.ORDERS", orders.qualified_name):
        assert refers_to(name, orders, "Warehouse")


@pytest.mark.rule("5.1", "Never guess")
def test_a_mapping_that_fits_several_schemas_is_ambiguous_and_one_that_fits_none_absent() -> None:
    twins = [
        connection(),
        connection("Lake", "default/snowflake/2"),
        schema(),
        schema(on="default/snowflake/2"),
    ]
    rules = mapped(MappingRule("Sales", ("SHOP.SALES",)))
    assert place([datastore()], twins, rules=rules)["datastore:1"].bucket == "ambiguous"
    rules = mapped(MappingRule("Sales", ("SHOP.NONE",)))
    assert place([datastore()], twins, rules=rules)["datastore:1"].bucket == "absent"
    rules = mapped(MappingRule("Sales", ("Lake:SHOP.SALES",)))
    assert place([datastore()], twins, rules=rules)["datastore:1"].schemas == (twins[3].id,)


@pytest.mark.rule("5.1", SEVERAL)
def test_a_mapping_may_list_several_schemas() -> None:
    rules = mapped(MappingRule("Sales", ("SHOP.EU", "SHOP.US")), MappingRule("Sales", ("SHOP.EU",)))
    found = place([datastore()], [schema("EU"), schema("US"), schema()], rules=rules)["datastore:1"]
    assert (found.bucket, found.schemas) == ("matched", (schema("EU").id, schema("US").id))


@pytest.mark.rule("5.1", AGREE)
def test_the_same_name_under_another_type_of_source_is_a_kind_mismatch_with_a_way_out() -> None:
    found = place([datastore()], [schema(on="default/postgres/2")])["datastore:1"]
    assert found.bucket == "kind_mismatch"
    assert "postgres" in found.reason
    assert parse(found.hint).catalog == (schema(on="default/postgres/2").qualified_name,)


@pytest.mark.rule("5.1", AGREE)
@pytest.mark.rule("5.1", NEAR)
@pytest.mark.parametrize("db", ["SHOP", None])
@pytest.mark.parametrize("linked", [True, False])
def test_a_source_that_shows_no_type_is_named_with_a_way_out_and_nothing_counts_as_gone(
    db: str | None, linked: bool
) -> None:
    untyped = replace(schema(db=db), connector="")
    elsewhere = schema(on="default/postgres/2")
    links = {"datastore:1": [untyped.id]} if linked else {}
    found = place([datastore()], [connection("Old DWH"), elsewhere, untyped], links=links)["datastore:1"]
    assert (found.bucket, found.gone) == ("kind_mismatch", False)
    assert 'what type of source "Old DWH" is' in found.reason
    assert parse(found.hint).catalog == (untyped.qualified_name,)
    mapping = mapped(MappingRule("Sales", (untyped.qualified_name,)))
    assert place([datastore()], [connection(), untyped], rules=mapping)["datastore:1"].bucket == "matched"


def test_a_source_that_shows_no_type_stands_in_nobodys_way() -> None:
    untyped = replace(schema(id="untyped"), connector="")
    found = place([datastore()], [connection(), schema(), untyped])["datastore:1"]
    assert (found.bucket, found.schemas) == ("matched", (schema().id,))


@pytest.mark.rule("5.1", AGREE)
@pytest.mark.parametrize(
    ("ours", "theirs", "bucket"),
    [
        ("a.example.com", "A.example.com:443", "matched"),
        ("a.example.com", "b.example.com", "absent"),
        (None, "b.example.com", "matched"),
        ("a.example.com", None, "matched"),
    ],
)
def test_hosts_must_agree_where_both_sides_show_one(
    ours: str | None, theirs: str | None, bucket: str
) -> None:
    found = place([datastore(host=ours)], [connection(host=theirs), schema()])["datastore:1"]
    assert found.bucket == bucket
    assert bool(found.hint) == (bucket == "absent")


@pytest.mark.rule("5.1", AGREE)
def test_of_two_schemas_of_one_name_the_one_on_its_host_is_meant() -> None:
    lake = connection("Lake", "default/snowflake/2", host="b.example.com")
    assets = [connection(host="a.example.com"), lake, schema(), schema(on="default/snowflake/2")]
    assert place([datastore(host="b.example.com")], assets)["datastore:1"].schemas == (assets[3].id,)


MYSQL = {"connector": "mysql", "database": "shop", "schema": None}


@pytest.mark.rule("5.1", NO_DATABASE)
def test_a_source_without_databases_is_found_by_its_schema_alone() -> None:
    found = place([datastore(**MYSQL)], [schema("shop", None, on="default/mysql/7")])["datastore:1"]
    assert (found.bucket, found.how) == ("matched", "exact")


@pytest.mark.rule("5.1", NO_DATABASE)
def test_a_catalog_that_invents_a_database_for_such_a_source_is_no_hindrance() -> None:
    found = place([datastore(**MYSQL)], [schema("shop", "def", on="default/mysql/7")])["datastore:1"]
    assert found.bucket == "matched"


@pytest.mark.rule("5.1", NO_DATABASE)
@pytest.mark.rule("5.1", SEVERAL)
@pytest.mark.rule("5.1", NEAR)
def test_two_schemas_of_its_name_make_a_source_without_databases_ambiguous() -> None:
    assets = [schema("shop", None, on="default/mysql/7"), schema("shop", None, on="default/mysql/8")]
    found = place([datastore(**MYSQL)], assets)["datastore:1"]
    assert found.bucket == "ambiguous"
    settled = place([datastore(**MYSQL)], assets, rules=mapped(parse(found.hint)))["datastore:1"]
    assert settled.bucket == "matched"


@pytest.mark.rule("5.1", NO_DATABASE)
@pytest.mark.rule("5.1", SEVERAL)
def test_two_sources_without_databases_of_one_name_are_both_ambiguous() -> None:
    two = [datastore(1, "A", **MYSQL), datastore(2, "B", **MYSQL)]
    found = place(two, [schema("shop", None, on="default/mysql/7")])
    assert {one.bucket for one in found.values()} == {"ambiguous"}


@pytest.mark.rule("5.1", NO_DATABASE)
@pytest.mark.rule("5.1", AGREE)
def test_two_sources_without_databases_of_one_name_are_told_apart_by_their_hosts() -> None:
    hosts = {"default/mysql/7": "one.example.com", "default/mysql/8": "two.example.com"}
    servers = [connection(path, path, host=host) for path, host in hosts.items()]
    schemas = [schema("shop", None, on=path) for path in hosts]
    two = [
        datastore(1, "A", host="one.example.com", **MYSQL),
        datastore(2, "B", host="two.example.com", **MYSQL),
    ]
    found = place(two, [*servers, *schemas])
    assert [found[unit.id].schemas for unit in two] == [(one.id,) for one in schemas]
    # Where one of them shows no host it may be the other: never guess.
    two[1] = datastore(2, "B", **MYSQL)
    found = place(two, [*servers, *schemas])
    assert {one.bucket for one in found.values()} == {"ambiguous"}


@pytest.mark.rule("5.1", NO_DATABASE)
def test_where_both_sides_show_a_database_it_must_agree() -> None:
    found = place([datastore()], [schema("SALES", "ELSEWHERE")])["datastore:1"]
    assert found.bucket == "absent"
    assert parse(found.hint).catalog == (schema("SALES", "ELSEWHERE").qualified_name,)


@pytest.mark.rule("5.1", ONE_WRITER)
@pytest.mark.rule("5.1", SEVERAL)
def test_two_datastores_that_claim_one_schema_are_both_ambiguous_until_a_mapping_names_one() -> None:
    two = [datastore(1, "A"), datastore(2, "B")]
    found = place(two, [schema()])
    assert {one.bucket for one in found.values()} == {"ambiguous"}
    assert '"B"' in found["datastore:1"].reason
    settled = place(two, [schema()], rules=mapped(parse(found["datastore:2"].hint)))
    assert {unit: one.bucket for unit, one in settled.items()} == {
        "datastore:1": "ambiguous",
        "datastore:2": "matched",
    }


@pytest.mark.rule("5.1", ONE_WRITER)
def test_two_mappings_to_one_schema_are_ambiguous() -> None:
    rules = mapped(MappingRule("A", ("SHOP.SALES",)), MappingRule("B", ("SHOP.SALES",)))
    found = place([datastore(1, "A"), datastore(2, "B")], [schema()], rules=rules)
    assert {one.bucket for one in found.values()} == {"ambiguous"}


@pytest.mark.rule("5.1", SEVERAL)
@pytest.mark.rule("5.1", NEAR)
def test_a_datastore_that_finds_several_schemas_is_ambiguous_and_its_hint_settles_it() -> None:
    assets = [
        connection(),
        connection("Lake", "default/snowflake/2"),
        schema(),
        schema(on="default/snowflake/2"),
    ]
    found = place([datastore()], assets)["datastore:1"]
    assert found.bucket == "ambiguous"
    assert "Lake:SHOP.SALES" in found.reason
    assert place([datastore()], assets, rules=mapped(parse(found.hint)))["datastore:1"].how == "explicit"


@pytest.mark.rule("5.1", ID_RULE)
def test_the_remembered_id_chooses_between_several_of_its_name() -> None:
    assets = [schema(), schema(on="default/snowflake/2")]
    found = place([datastore()], assets, links={"datastore:1": [assets[1].id]})["datastore:1"]
    assert (found.how, found.schemas) == ("identity", (assets[1].id,))


@pytest.mark.rule("5.1", ID_RULE)
def test_a_schema_renamed_in_the_catalog_keeps_its_link() -> None:
    found = place([datastore()], [schema("RENAMED", id="s1")], links={"datastore:1": ["s1"]})["datastore:1"]
    assert (found.how, found.schemas) == ("identity", ("s1",))


@pytest.mark.rule("5.1", ID_RULE)
def test_a_datastore_renamed_in_qualytics_keeps_its_link() -> None:
    unit = datastore(schema="NEW")
    assert place([unit], [schema(id="s1")], links={"datastore:1": ["s1"]})["datastore:1"].how == "identity"


@pytest.mark.rule("5.1", ID_RULE)
def test_a_renamed_schema_goes_to_the_datastore_that_has_its_name_now() -> None:
    two = [datastore(1, "A", schema="SALES"), datastore(2, "B", schema="NEW")]
    found = place(two, [schema("NEW", id="s1")], links={"datastore:1": ["s1"]})
    assert (found["datastore:2"].bucket, found["datastore:2"].how) == ("matched", "exact")
    assert found["datastore:1"].bucket == "absent"


@pytest.mark.rule("5.1", ID_RULE)
@pytest.mark.rule("5.1", ONE_WRITER)
def test_two_datastores_that_remember_one_renamed_schema_are_ambiguous() -> None:
    two = [datastore(1, "A", schema="OLD"), datastore(2, "B", schema="OLDER")]
    found = place(two, [schema("NEW", id="s1")], links={"datastore:1": ["s1"], "datastore:2": ["s1"]})
    assert {one.bucket for one in found.values()} == {"ambiguous"}


@pytest.mark.rule("5.1", AGREE)
def test_a_remembered_schema_on_another_host_is_no_candidate() -> None:
    assets = [connection(host="b.example.com"), schema("NEW", id="s1")]
    found = place([datastore(host="a.example.com")], assets, links={"datastore:1": ["s1"]})["datastore:1"]
    assert found.bucket == "absent"


@pytest.mark.rule("5.1", SWAP)
def test_two_swapped_schemas_are_new_links_by_name() -> None:
    two = [datastore(1, "A", schema="A"), datastore(2, "B", schema="B")]
    swapped = [schema("B", id="was A"), schema("A", id="was B")]
    found = place(two, swapped, links={"datastore:1": ["was A"], "datastore:2": ["was B"]})
    assert found["datastore:1"].schemas == ("was B",)
    assert found["datastore:2"].schemas == ("was A",)


@pytest.mark.rule("5.1", PROVED)
@pytest.mark.parametrize(
    ("said", "bucket", "gone"),
    [({"s1": "gone"}, "absent", True), ({"s1": "forbidden"}, "forbidden", False), ({}, "absent", False)],
)
@pytest.mark.parametrize("explicit", [False, True])
def test_a_schema_is_gone_only_when_asking_by_id_says_so(
    said: dict[str, str], bucket: str, gone: bool, explicit: bool
) -> None:
    rules = mapped(MappingRule("Sales", ("SHOP.SALES",))) if explicit else MATCH
    found = place([datastore()], [], rules=rules, links={"datastore:1": ["s1"]}, presence=said)["datastore:1"]
    assert (found.bucket, found.gone) == (bucket, gone)


@pytest.mark.rule("5.1", PROVED)
def test_a_deleted_schema_is_gone_also_where_its_name_stands_on_another_host() -> None:
    found = place(
        [datastore(host="a.example.com")],
        [connection(host="b.example.com"), schema()],
        links={"datastore:1": ["s1"]},
        presence={"s1": "gone"},
    )["datastore:1"]
    assert (found.bucket, found.gone) == ("absent", True)
    assert found.hint


@pytest.mark.rule("5.1", "A limited token sees less without an error")
def test_a_schema_that_the_token_may_not_read_is_forbidden_and_the_missing_permission_is_named() -> None:
    found = place([datastore()], [schema(readable=False)])["datastore:1"]
    assert found.bucket == "forbidden"
    assert "grant it permission to read" in found.reason


@pytest.mark.rule("5.1", "Enrichment datastores, computed and file containers are unsupported")
def test_what_is_unsupported_or_excluded_says_why() -> None:
    unit = datastore(unsupported="an enrichment datastore")
    found = place([unit], [schema()])["datastore:1"]
    assert (found.bucket, found.reason) == ("unsupported", "an enrichment datastore")
    rules = MatchRules(same_connector=same_connector, datastores=Patterns(exclude=("SAL*",)))
    assert place([datastore()], [schema()], rules=rules)["datastore:1"].bucket == "excluded"


def test_a_datastore_that_shows_no_names_is_told_with_what_to_do() -> None:
    found = place([datastore(database=None, schema=None)], [schema()])["datastore:1"]
    assert found.bucket == "absent"
    assert "name its schema under mappings" in found.reason


def test_a_datastore_that_takes_no_part_claims_nothing() -> None:
    two = [datastore(1, "A"), datastore(2, "B", unsupported="an enrichment datastore")]
    assert place(two, [schema()])["datastore:1"].bucket == "matched"


@pytest.mark.rule("5.1", NEAR)
@given(st.text(min_size=1), st.text(min_size=1), st.none() | st.text(min_size=1))
def test_a_hint_is_valid_whatever_the_names_hold(store: str, catalog: str, part: str | None) -> None:
    line = yaml.safe_load(mapping_line(store, catalog, part))
    expected = {"datastore": store, "catalog": catalog} | ({"container": part} if part else {})
    assert line == {"mappings": [expected]}


names = st.sampled_from(["SALES", "sales", "Sales", "HR"])
hosts = st.sampled_from([None, "a", "b"])


@pytest.mark.rule("5.1", ONE_WRITER)
@given(
    stores=st.lists(st.tuples(names, hosts, st.sampled_from([None, "SHOP", "shop"])), max_size=4),
    places=st.lists(
        st.tuples(names, st.integers(1, 2), st.sampled_from([None, "SHOP"]), st.booleans()), max_size=4
    ),
    memory=st.dictionaries(st.integers(1, 4), st.lists(st.integers(0, 3), max_size=2)),
)
def test_no_schema_ever_has_two_writers(
    stores: list[tuple[str, str | None, str | None]],
    places: list[tuple[str, int, str | None, bool]],
    memory: dict[int, list[int]],
) -> None:
    units = [
        datastore(n, f"D{n}", schema=name, host=host, database=db)
        for n, (name, host, db) in enumerate(stores, 1)
    ]
    assets = [connection("C1", host="a"), connection("C2", "default/snowflake/2")]
    assets += [
        schema(name, db, on=f"default/snowflake/{on}", id=f"s{n}", readable=readable)
        for n, (name, on, db, readable) in enumerate(places)
    ]
    links = {f"datastore:{unit}": [f"s{n}" for n in ids] for unit, ids in memory.items()}
    found: dict[str, Placement] = place(units, assets, links=links)
    assert set(found) == {unit.id for unit in units}
    claimed = [id_ for one in found.values() if one.bucket == "matched" for id_ in one.schemas]
    assert len(claimed) == len(set(claimed))
    assert not any(one.gone for one in found.values()), "nobody was asked by id"
