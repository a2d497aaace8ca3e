"""Compact schemas and the laws of sizes and scores."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.sandbox.estate.columns import parse, type_of
from qsync_pipeline.sandbox.estate.large import split
from qsync_pipeline.sandbox.estate.scores import covered, total_of
from qsync_pipeline.sandbox.estate.tagging import suggested

_TEXT = """
orders o_ | order_id status:i
    net_amount
view Top~List | rank title m{08..10}:n @scd
"""


def test_a_compact_schema_gives_tables_with_typed_columns() -> None:
    orders, top = parse(_TEXT, "snowflake")
    assert [(c.name, c.type) for c in orders.columns] == [
        ("o_order_id", "Integral"),
        ("o_status", "Integral"),
        ("o_net_amount", "Fractional"),
    ]
    assert (top.name, top.kind) == ("Top List", "view")
    assert [c.name for c in top.columns][2:6] == ["m08", "m09", "m10", "valid_from"]
    assert orders.columns[0].native_type == "NUMBER(38,0)"


def test_a_style_spells_tables_and_columns() -> None:
    orders, _ = parse(_TEXT, "snowflake", "upper")
    assert (orders.name, orders.columns[0].name) == ("ORDERS", "O_ORDER_ID")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CustomerID", "Integral"),
        ("ShipDate", "Date"),
        ("updated_at", "Timestamp"),
        ("is_active", "Boolean"),
        ("OnlineOrderFlag", "Boolean"),
        ("UNIT_PRICE", "Fractional"),
        ("city", "String"),
    ],
)
def test_a_column_s_name_suggests_its_type(name: str, expected: str) -> None:
    assert type_of(name) == expected


def test_a_column_s_name_suggests_tags() -> None:
    assert suggested("FirstName") == ("PII",)
    assert suggested("customer_email") == ("PII", "GDPR")
    assert suggested("quantity") == ()


@given(parts=st.integers(1, 60), low=st.integers(0, 9), room=st.integers(0, 50), data=st.data())
def test_sizes_add_up_and_keep_their_bounds(parts: int, low: int, room: int, data: st.DataObject) -> None:
    high = low + room
    total = data.draw(st.integers(low * parts, high * parts))
    sizes = split(total, parts, low, high, random.Random(data.draw(st.integers())))
    assert sum(sizes) == total
    assert all(low <= size <= high for size in sizes)


def test_sizes_that_cannot_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        split(100, 3, 1, 10, random.Random(1))


_DIMENSION = st.none() | st.floats(0, 100)


@given(values=st.lists(_DIMENSION, min_size=8, max_size=8))
def test_a_total_lies_among_its_measured_dimensions_and_is_null_without_any(
    values: list[float | None],
) -> None:
    total = total_of(dict(zip(DIMENSIONS, values, strict=True)), 3)
    measured = [value for value in values if value is not None]
    if not measured:
        assert total is None
    else:
        assert total is not None
        assert min(measured) - 0.001 <= total <= max(measured) + 0.001


def test_one_check_gives_a_coverage_of_sixty() -> None:
    assert covered(0) == 0
    assert covered(1) == pytest.approx(60, abs=0.1)
