"""The values that go out: what is null, how scores are rounded, what counts as equal (DESIGN.md §5.3)."""

from __future__ import annotations

from dataclasses import replace as with_rules
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.config.integration import BaseIntegration
from qsync_pipeline.core.quality import active_only, attributes_of, rounded, same_value
from qsync_pipeline.core.rows import ATTRIBUTES, DIMENSIONS, CheckRow, Unit
from qsync_pipeline_tests.core.build import container, datastore
from qsync_pipeline_tests.core.catalog_world import QUALITY, link_to

NULL = "Null means not measured and is never written as 0"
NEVER = "Never scanned is null; scanned with none is 0"
ROUNDED = "Scores are rounded half-even to one decimal (a setting)"
EQUAL = "Equal means what a reader sees"
TWELVE = "The twelve attributes, in Atlan's custom-metadata set"
DROPPED = "The config can map or drop each"
LINKS = "Links come from one function with templates in the config"
TOTAL = "Quality Score Total"


def orders(**more: Any) -> Unit:
    values = {"scores": {"total": 87.25, "accuracy": 90.0}, "check_count": 3, "anomaly_count": 0} | more
    return container(1, "ORDERS", datastore(), **values)


@pytest.mark.rule("5.3", TWELVE)
def test_the_twelve_attributes_are_these() -> None:
    unit = orders(scores={"total": 50.0} | dict.fromkeys(DIMENSIONS, 75.0))
    values = attributes_of(unit, QUALITY)
    assert tuple(values) == ATTRIBUTES
    assert len(ATTRIBUTES) == 12
    assert (values[TOTAL], values["Check Count"], values["Anomaly Count"]) == (50.0, 3, 0)
    assert {values[f"Quality Score {name.capitalize()}"] for name in DIMENSIONS} == {75.0}


@pytest.mark.rule("5.3", LINKS)
def test_the_url_is_what_the_link_function_says() -> None:
    assert attributes_of(orders(), QUALITY)["URL"] == link_to(orders())


@pytest.mark.rule("5.3", DROPPED)
def test_an_attribute_that_the_config_drops_is_not_sent() -> None:
    rules = with_rules(QUALITY, attributes=("URL", "Check Count"))
    assert list(attributes_of(orders(), rules)) == ["URL", "Check Count"]


@pytest.mark.rule("5.3", NULL)
@pytest.mark.rule("5.3", NEVER)
def test_what_was_not_measured_is_null_and_what_was_found_to_be_none_is_zero() -> None:
    never = attributes_of(orders(scores={}, anomaly_count=None, check_count=0), QUALITY)
    assert never[TOTAL] is None
    assert never["Anomaly Count"] is None
    assert never["Check Count"] == 0
    assert attributes_of(orders(scores={"total": 0.0}), QUALITY)[TOTAL] == 0.0


@pytest.mark.rule("5.3", ROUNDED)
@pytest.mark.parametrize(
    ("score", "decimals", "shown"),
    [
        (87.25, 1, 87.2),
        (87.35, 1, 87.4),
        (0.05, 1, 0.0),
        (0.15, 1, 0.2),
        (99.95, 1, 100.0),
        (2.5, 0, 2.0),
        (3.5, 0, 4.0),
        (33.333, 2, 33.33),
        (None, 1, None),
    ],
)
def test_scores_are_rounded_half_even(score: float | None, decimals: int, shown: float | None) -> None:
    assert rounded(score, decimals) == shown


scores = st.floats(0, 100)


@pytest.mark.rule("5.3", ROUNDED)
@given(scores, st.integers(0, 4))
def test_rounding_is_exact_idempotent_and_within_half_a_unit(score: float, decimals: int) -> None:
    shown = rounded(score, decimals)
    assert shown is not None
    step = Decimal(1).scaleb(-decimals)
    assert shown == float(Decimal(repr(score)).quantize(step, rounding=ROUND_HALF_EVEN))
    assert rounded(shown, decimals) == shown
    assert same_value(score, shown, decimals)


@pytest.mark.rule("5.3", ROUNDED)
@given(scores, scores, st.integers(0, 4))
def test_rounding_keeps_the_order(low: float, high: float, decimals: int) -> None:
    low, high = sorted((low, high))
    assert rounded(low, decimals) <= rounded(high, decimals)  # type: ignore[operator]  # neither is null


@pytest.mark.rule("5.3", EQUAL)
@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (87.2, 87.2, True),
        (87.2, 87.25, True),
        (87.2, 87.15, True),
        (87.2, 87.26, False),
        (87.2, "87.20", True),
        (87, "<b>87</b>", True),
        (3, 4, False),
        (0, None, False),
        (None, None, True),
        (None, "  ", True),
        ("https://x/1", "<a>https://x/1</a> ", True),
        ("https://x/1", "https://x/2", False),
        ("a  b", "a\nb", True),
        (87.2, "n/a", False),
        (87.2, "NaN", False),
        (87.2, "Infinity", False),
        ("NaN", "nan", False),
    ],
)
def test_two_values_are_the_same_if_a_reader_sees_no_difference(left: Any, right: Any, same: bool) -> None:
    assert same_value(left, right, 1) is same
    assert same_value(right, left, 1) is same


values = (
    st.none()
    | st.integers(0, 10**6)
    | st.floats(-1e6, 1e6)
    | st.text(max_size=6)
    | st.sampled_from(["NaN", "sNaN", "-Infinity", "1e400", "1_0", "٣", ""])
)


@pytest.mark.rule("5.3", EQUAL)
@given(values, values, st.integers(0, 3))
def test_sameness_is_reflexive_and_symmetric_whatever_stands_there(
    left: Any, right: Any, decimals: int
) -> None:
    assert same_value(left, left, decimals)
    assert same_value(left, right, decimals) == same_value(right, left, decimals)


@pytest.mark.rule("5.3", NULL)
@given(values)
def test_null_is_the_same_as_nothing_else_that_can_be_seen(value: Any) -> None:
    blank = value is None or (isinstance(value, str) and not value.split())
    if isinstance(value, str) and ("<" in value or "&" in value):
        return
    assert same_value(None, value, 1) == blank


@pytest.mark.rule("5.3", "`count_acknowledged` is a setting (on)")
def test_acknowledged_anomalies_count_unless_the_setting_leaves_them_out() -> None:
    check = CheckRow(7, "notNull", "", anomalies=3, acknowledged=2)
    unit = container(1, "ORDERS", datastore(), anomaly_count=5, acknowledged_count=4, checks=(check,))
    assert attributes_of(unit, QUALITY)["Anomaly Count"] == 5
    fewer = active_only(unit)
    assert (fewer.anomaly_count, fewer.checks[0].anomalies) == (1, 1)
    never = container(2, "NEVER", datastore())
    assert active_only(never).anomaly_count is None, "never scanned stays null"
    assert BaseIntegration.model_fields["count_acknowledged"].default is True
