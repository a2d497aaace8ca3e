"""Ids and object keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.catalogs.alation.keys import (
    asset_id,
    database_and_schema,
    key_parts,
    numbers_by_otype,
    split_id,
)
from qsync_pipeline.sandbox.alation.keys import join

names = st.text(min_size=1, max_size=12).filter(lambda name: name.strip() == name)


@given(st.lists(names, min_size=1, max_size=4))
def test_the_names_in_a_key_come_back_whatever_they_hold(parts: list[str]) -> None:
    assert key_parts(join(parts)) == parts


@given(names, names)
def test_a_database_and_its_schema_are_told_apart_by_the_bare_dot_between_them(
    database: str, schema: str
) -> None:
    key = f"6.{join([database, schema])}"
    for name in (f"{database}.{schema}", join([database, schema])):
        assert database_and_schema(key, name) == (database, schema)


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        ("6.EDW.PUBLIC", "EDW.PUBLIC", ("EDW", "PUBLIC")),
        ("7.shop", "shop", (None, "shop")),
        ('7."HR.2017"', "HR.2017", (None, "HR.2017")),
        ('7.EDW."HR.2017"', 'EDW."HR.2017"', ("EDW", "HR.2017")),
        ('7.EDW."HR.2017"', "EDW.HR.2017", ("EDW", "HR.2017")),
        ("7.hive.sales.raw", "hive.sales.raw", ("hive.sales", "raw")),
        ("7.A.B", "something else", (None, "something else")),
    ],
)
def test_only_a_dot_between_names_divides_a_schema_key(
    key: str, name: str, found: tuple[str | None, str]
) -> None:
    assert database_and_schema(key, name) == found


def test_the_same_number_of_another_type_is_another_object() -> None:
    ids = [
        asset_id("table", 93),
        asset_id("attribute", 93),
        asset_id("table", "93"),
        "guid-of-atlan",
        "table:x",
    ]
    assert len(set(ids[:3])) == 2
    assert numbers_by_otype(ids) == {"table": [93], "attribute": [93]}
    assert split_id("guid-of-atlan") is None
