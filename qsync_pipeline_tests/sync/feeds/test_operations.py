"""Which operations matter, and what they took in."""

from __future__ import annotations

import pytest

from qsync_pipeline.qualytics.feeds import OperationProgress, OperationRow
from qsync_pipeline.qualytics.models import Container, ContainerMetrics, Stub
from qsync_pipeline.sync.feeds.looking import MANY, operation_events
from qsync_pipeline.sync.feeds.operations import covered, ended, matters
from qsync_pipeline_tests.sync.feeds.fakes import START, text


def operation(kind: str = "scan", result: str | None = "success", analyzed: int = 0) -> OperationRow:
    return OperationRow(
        id=9,
        type=kind,
        created=text(START - 5),
        start_time=text(START),
        end_time=text(START + 60),
        result=result,
        datastore=Stub(7),
        status=OperationProgress(3, analyzed),
    )


def container(number: int, scanned: float | None = None, profiled: float | None = None) -> Container:
    metrics = ContainerMetrics(
        last_scanned=text(scanned) if scanned else None, last_profiled=text(profiled) if profiled else None
    )
    return Container(id=number, name=f"T{number}", metrics=metrics, global_tags=[])


@pytest.mark.parametrize(
    ("kind", "result", "analyzed", "wanted"),
    [
        ("scan", "success", 0, True),
        ("external_scan", "success", 0, True),
        ("profile", "success", 0, True),
        ("sync", "success", 0, True),
        ("catalog", "success", 0, True),
        ("scan", "aborted", 2, True),
        ("scan", "failure", 2, True),
        ("scan", "failure", 0, False),
        ("scan", "aborted", 0, False),
        ("scan", None, 0, False),
        ("export", "success", 0, False),
        ("something new", "success", 0, False),
    ],
)
def test_operations_matter_that_changed_something_that_is_synced(
    kind: str, result: str | None, analyzed: int, wanted: bool
) -> None:
    assert matters(operation(kind, result, analyzed)) is wanted


def test_a_scan_took_in_what_was_scanned_while_it_ran() -> None:
    rows = [container(1, START + 30), container(2, START - 30), container(3, START + 90), container(4)]
    assert covered(operation(), rows) == ["T1"]


def test_a_profile_goes_by_the_time_of_the_profile() -> None:
    rows = [container(1, scanned=START + 30), container(2, profiled=START + 30)]
    assert covered(operation("profile"), rows) == ["T2"]


@pytest.mark.parametrize("kind", ["sync", "catalog"])
def test_a_sync_of_qualytics_concerns_everything(kind: str) -> None:
    assert covered(operation(kind), [container(1, START + 1), container(2)]) is None


def test_what_cannot_be_told_is_everything() -> None:
    bare = Container(id=1, name="T1")
    assert covered(operation(), [bare]) is None
    assert covered(operation(), [container(1, START + 1), container(2, START + 1)]) is None


def test_a_neighbours_tables_that_were_told_of_before_are_left_out() -> None:
    rows = [container(1, START + 30), container(2, START + 31), container(3)]
    assert covered(operation(), rows, differing={2}) == ["T2"]
    assert covered(operation(), rows, differing={3}) == ["T1", "T2"]


def test_operations_that_ended_are_those_no_longer_running_and_not_new() -> None:
    assert ended([1, 2, 3], [2], [3]) == [1]


def test_an_operation_over_very_many_tables_is_one_event() -> None:
    rows = [container(number, START + 1) for number in range(1, MANY + 2)]
    (event,) = operation_events(operation(), [*rows, container(999)])
    assert (event.container, event.key) == ("", "operation:9:success")
