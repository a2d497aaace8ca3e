"""Estates are deterministic, of the promised size, and all their references resolve."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.sandbox.estate.furnish import containers_of
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.estate.large import all_tables, count_columns, make_large
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline_tests.sandbox.estate import views
from qsync_pipeline_tests.sandbox.estate.views import estate_of, every_estate

Kind = tuple[str, int]

_DIGEST = """
import hashlib
from qsync_pipeline.sandbox.estate.generate import make_estate
print(hashlib.sha256(repr([make_estate("small", 5), make_estate("demo", 5)]).encode()).hexdigest())
"""


@pytest.mark.parametrize("name", ["small", "demo"])
def test_the_same_seed_makes_the_same_estate(name: str) -> None:
    assert make_estate(name, 7) == make_estate(name, 7)  # type: ignore[arg-type]  # a plain string


def test_an_estate_does_not_depend_on_the_process_that_makes_it() -> None:
    here = hashlib.sha256(repr([make_estate("small", 5), make_estate("demo", 5)]).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run([sys.executable, "-c", _DIGEST], env=environment, capture_output=True, text=True)
    assert there.stdout.strip() == here


def _cases(estate: Estate) -> dict[str, set[str]]:
    tables = views.everyday_tables(estate)
    return {
        "tagged": {t.name for t in tables if t.tags},
        "scores": {f"{t.name} {t.scores['total']}" for t in tables if t.scores},
        "anomalies": {t.name for t in tables if t.anomalies},
        "one-sided": {t.name for t in tables if not (t.in_catalog and t.in_qualytics)},
        "unprofiled": {t.name for t in tables if not t.profiled},
        "banner": {t.name for t in tables if t.banner},
        "spelled": {t.name for t in tables if t.catalog_name},
    }


@pytest.mark.parametrize("name", ["small", "demo"])
def test_other_seeds_put_every_case_elsewhere(name: str) -> None:
    seen = [_cases(estate_of(name, seed)) for seed in range(4)]
    for case in seen[0]:
        assert len({frozenset(each[case]) for each in seen}) > 1, case


def test_small_is_small() -> None:
    for seed in range(12):
        estate = estate_of("small", seed)
        assert len(estate.datastores) == 3
        assert 12 <= len(views.matched_tables(estate)) <= 20


def test_demo_has_the_promised_size() -> None:
    for seed in range(4):
        estate = estate_of("demo", seed)
        assert len(estate.datastores) == 12
        assert 230 <= len(list(all_tables(estate))) <= 270
        assert 3_200 <= count_columns(estate) <= 3_800
        connectors = {datastore.type for datastore in estate.datastores}
        assert {"snowflake", "postgresql", "sqlserver", "bigquery", "databricks", "mysql", "s3"} <= connectors


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(min_value=0),
    datastores=st.integers(12, 30),
    tables=st.integers(12, 20),
    width=st.integers(24, 34),
)
def test_large_has_exactly_the_promised_size(seed: int, datastores: int, tables: int, width: int) -> None:
    count = datastores * tables
    estate = make_large(seed, datastores=datastores, tables=count, columns=count * width)
    assert len(estate.datastores) == datastores
    assert len(list(all_tables(estate))) == count
    assert count_columns(estate) == count * width


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'huge': unknown, there are small, demo, large"):
        make_estate("huge", 1)  # type: ignore[arg-type]  # a wrong name is the point


@every_estate
def test_every_datastore_stands_on_a_schema_or_is_a_file_store(kind: Kind) -> None:
    estate = estate_of(*kind)
    for datastore in estate.datastores:
        behind = estate.schema_of(datastore)
        if datastore.store_type == "dfs":
            assert behind is None
        else:
            assert behind is not None
            assert behind[0].connector == datastore.type


@every_estate
def test_domains_and_tags_that_are_used_are_defined(kind: Kind) -> None:
    estate = estate_of(*kind)
    domains = {None, *(domain.path for domain in estate.domains)}
    for connection in estate.connections:
        assert connection.domain in domains
        for database in connection.databases:
            assert database.domain in domains
    for schema in views.all_schemas(estate):
        assert schema.domain in domains
        for table in schema.tables:
            assert table.domain in domains
            assert {column.domain for column in table.columns} <= domains
    assert {use.name for use in views.tag_uses(estate)} <= {tag.name for tag in estate.tags}
    native = {tag.name for tag in estate.native_tags}
    assert {name for datastore in estate.datastores for name in datastore.native_tags} <= native
    for table in all_tables(estate):
        assert set(table.native_tags) <= native
        assert {name for column in table.columns for name in column.native_tags} <= native


@every_estate
def test_no_object_carries_one_tag_twice(kind: Kind) -> None:
    for table in all_tables(estate_of(*kind)):
        for uses in (table.tags, *(column.tags for column in table.columns)):
            names = [use.name for use in uses]
            assert len(names) == len(set(names))


@every_estate
def test_foreign_values_belong_to_defined_sets(kind: Kind) -> None:
    estate = estate_of(*kind)
    known = {each.name for each in estate.foreign_sets}
    assert all(set(table.foreign_values) <= known for table in all_tables(estate))


@every_estate
def test_checks_name_fields_of_their_container_and_anomalies_its_checks(kind: Kind) -> None:
    for table in views.containers(estate_of(*kind)):
        fields = {column.name for column in table.columns if column.in_qualytics}
        assert all(set(check.fields) <= fields for check in table.checks)
        for anomaly in table.anomalies:
            assert anomaly.checks
            assert all(0 <= index < len(table.checks) for index in anomaly.checks)


@every_estate
def test_rules_of_a_whole_container_name_no_fields_and_others_do(kind: Kind) -> None:
    whole = {"volumetric", "freshness", "fieldCount", "expectedSchema"}
    for check in views.checks(estate_of(*kind)):
        assert (check.rule_type in whole) == (not check.fields)
        assert check.description


@every_estate
def test_what_qualytics_does_not_show_has_no_quality(kind: Kind) -> None:
    for table in all_tables(estate_of(*kind)):
        if not table.in_qualytics:
            assert not table.profiled
            assert not table.scanned
            assert not table.checks
            assert not table.anomalies
        if not table.profiled:
            assert table.scores is None
            assert all(column.scores is None for column in table.columns)


@every_estate
def test_names_are_unique_where_they_must_be(kind: Kind) -> None:
    estate = estate_of(*kind)
    for group in (
        [connection.name for connection in estate.connections],
        [connection.host for connection in estate.connections],
        [datastore.name for datastore in estate.datastores],
        [tag.name.casefold() for tag in estate.tags],
        [domain.path for domain in estate.domains],
    ):
        assert len(group) == len(set(group))
    for datastore in estate.datastores:
        tables = containers_of(estate, datastore)
        assert len({table.name for table in tables}) == len(tables)
    for schema in views.all_schemas(estate):
        for spelling in ([t.name for t in schema.tables], [t.catalog_name or t.name for t in schema.tables]):
            assert len(spelling) == len(set(spelling))
    for table in all_tables(estate):
        assert table.columns
        assert len({column.name.casefold() for column in table.columns}) == len(table.columns)


@every_estate
def test_the_whole_catalog_takes_part_by_default(kind: Kind) -> None:
    assert estate_of(*kind).domains_of_interest == ()
