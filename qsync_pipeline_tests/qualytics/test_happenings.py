"""A happening has one name, whoever noticed it."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.qualytics.happenings import (
    anomaly_key,
    check_key,
    delivery_key,
    flow_key,
    moment,
    operation_key,
    tag_change_key,
)


def test_the_keys_are_as_agreed() -> None:
    assert operation_key(789, "success") == "operation:789:success"
    assert operation_key(789, "success", "ORDERS") == "operation:789:success:ORDERS"
    assert anomaly_key(900, "Active", "2026-10-02T10:00:00Z") == "anomaly:900:active:2026-10-02T10:00:00Z"
    assert check_key(100, "archived", "2026-10-02T10:00:00Z") == "check:100:archived:2026-10-02T10:00:00Z"


def test_a_scan_that_a_flow_calls_a_warning_is_the_one_that_the_api_calls_a_success() -> None:
    assert operation_key(789, "warning") == operation_key(789, "success")
    assert operation_key(789, "failure") != operation_key(789, "success")


@given(st.integers(0, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_a_time_is_the_same_however_it_is_written(seconds: int, minutes: int) -> None:
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    elsewhere = at.astimezone(datetime.timezone(datetime.timedelta(minutes=minutes)))
    zulu = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    bare = at.replace(tzinfo=None).isoformat()
    assert moment(zulu) == moment(elsewhere.isoformat()) == moment(bare) == moment(seconds) == zulu


@pytest.mark.parametrize("time", [None, ""])
def test_a_happening_without_a_time_is_named_by_the_rest(time: str | None) -> None:
    assert check_key(100, "archived", time) == "check:100:archived"


def test_what_is_no_time_still_tells_two_happenings_apart() -> None:
    assert anomaly_key(1, "Active", "yesterday") != anomaly_key(1, "Active", "today")


def test_an_audit_entry_of_a_propagated_tag_is_the_webhook_that_tells_of_it() -> None:
    told = tag_change_key("atlan", "6d0c", "CLASSIFICATION_ADD", 1712345678400, 7)
    assert told == tag_change_key("atlan", "6d0c", "PROPAGATED_CLASSIFICATION_ADD", 1712345678400, 7)
    assert told != tag_change_key("atlan", "6d0c", "CLASSIFICATION_ADD", 1712345678400, 8)
    assert told != tag_change_key("second", "6d0c", "CLASSIFICATION_ADD", 1712345678400, 7)


def test_a_flow_that_tells_of_nothing_else_is_named_by_itself_and_when_it_ran() -> None:
    told = flow_key(12, "2026-10-02T10:00:05Z", 42)
    assert told == flow_key(12, "2026-10-02T12:00:05+02:00", 42)
    assert told not in (flow_key(12, "2026-10-02T10:00:06Z", 42), flow_key(12, "2026-10-02T10:00:05Z", 43))


def test_the_same_text_is_a_repetition_only_within_its_stretch_of_time() -> None:
    assert delivery_key("qualytics", b"scan done", 7) == delivery_key("qualytics", b"scan done", 7)
    assert delivery_key("qualytics", b"scan done", 7) != delivery_key("qualytics", b"scan done", 8)
    assert delivery_key("qualytics", b"scan done", 7) != delivery_key("qualytics", b"other", 7)
