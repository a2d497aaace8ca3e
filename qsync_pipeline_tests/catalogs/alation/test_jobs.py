"""Waiting for Alation's background jobs."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.jobs import JobFailed, address, parts_of
from qsync_pipeline.transport.errors import Forbidden, Malformed, Rejected, SyncError, Throttled
from qsync_pipeline_tests.catalogs.alation.fake import JOB, FakeSession, job
from qsync_pipeline_tests.transport.scripted import Clock


@pytest.mark.parametrize(
    ("announcement", "asked"),
    [
        ({"job_id": 1}, {"id": "1"}),
        ({"job_id": 1, "href": "/api/v1/bulk_metadata/job/?id=1"}, {"id": "1"}),
        ({"task": {"id": 1, "type": "x"}}, {"id": "1"}),
        ({"job": {"id": 1}}, {"id": "1"}),
        ({"job_name": "BulkMetadata#1"}, {"name": "BulkMetadata#1"}),
    ],
)
def test_a_job_is_found_by_every_shape_of_announcement(announcement: Any, asked: Any) -> None:
    session = FakeSession().on("GET", JOB, job())
    assert session.jobs(Clock()).finish(announcement).whole
    assert session.calls[0]["params"] == asked


def test_an_answer_that_names_no_job_is_not_taken_for_success() -> None:
    with pytest.raises(Malformed):
        address({"detail": "accepted"})


def test_waits_grow_from_a_fifth_of_a_second_to_five() -> None:
    session, clock = FakeSession(), Clock()
    session.answers("GET", JOB, *[job("running")] * 7, job())
    session.jobs(clock).finish({"job_id": 1})
    assert clock.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_job_that_is_over_at_once_costs_no_wait() -> None:
    session, clock = FakeSession(), Clock()
    session.on("GET", JOB, job())
    session.jobs(clock).finish({"job_id": 1})
    assert clock.slept == []


def test_a_job_that_never_ends_is_given_up_at_its_deadline() -> None:
    session, clock = FakeSession(), Clock()
    session.on("GET", JOB, job("running"))
    with pytest.raises(JobFailed, match="still running after 60 s"):
        session.jobs(clock, patience=60).finish({"job_id": 1})
    assert sum(clock.slept) == pytest.approx(60)


def test_a_partial_success_is_an_end_and_no_whole_one() -> None:
    session = FakeSession().on("GET", JOB, job("partially_successful"))
    assert not session.jobs(Clock()).finish({"job_id": 1}).whole


def test_a_failed_job_says_why() -> None:
    session = FakeSession().on("GET", JOB, job("failed", "out of disk", "Job failed."))
    with pytest.raises(JobFailed, match=r"Job failed\. out of disk"):
        session.jobs(Clock()).finish({"job_id": 1})


def test_a_job_that_alation_no_longer_knows_is_a_failure() -> None:
    with pytest.raises(JobFailed, match="not known any more"):
        FakeSession().jobs(Clock()).finish({"job_id": 1})


@pytest.mark.parametrize("error", [Forbidden("no right to jobs", status=403), Rejected("what?", status=400)])
def test_a_job_that_may_not_be_asked_for_is_a_failure_and_no_refusal_of_the_write(error: SyncError) -> None:
    session = FakeSession().answers("GET", JOB, error)
    with pytest.raises(JobFailed, match=r"does not tell how it ended .*; what it did has to be read"):
        session.jobs(Clock()).finish({"job_id": 1})


def test_a_job_for_which_there_is_no_budget_left_leaves_open_what_it_did() -> None:
    session = FakeSession().answers("GET", JOB, Throttled("429", status=429))
    with pytest.raises(Throttled, match="what job 1 did has to be read") as caught:
        session.jobs(Clock()).finish({"job_id": 1})
    assert caught.value.rejection_class == "server"


SENTENCE = "Start bulk upsert... Legacy(Rosemeta) write job_id (can be tracked using jobs API): 7637"


def test_the_second_job_of_a_cloud_write_is_waited_for() -> None:
    session = FakeSession().answers("GET", JOB, job(result=[SENTENCE, "Finished"]), job("running"), job())
    assert session.jobs(Clock()).finish({"job_id": 1}).whole
    assert [call["params"]["id"] for call in session.calls] == ["1", "7637", "7637"]


def test_a_second_job_that_fails_fails_the_write() -> None:
    session = FakeSession().answers("GET", JOB, job(result=[SENTENCE]), job("failed"))
    with pytest.raises(JobFailed, match="job 7637 failed"):
        session.jobs(Clock()).finish({"job_id": 1})


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (None, ()),
        ({"a": 1}, ({"a": 1},)),
        ('{"a": 1}', ({"a": 1},)),
        (["words", '{"a": 1}'], ("words", {"a": 1})),
        ([{"a": 1}], ({"a": 1},)),
        ("[1, 2]", (1, 2)),
        ("{broken", ("{broken",)),
        ("words", ("words",)),
    ],
)
def test_every_shape_of_result_is_read(result: Any, parts: Any) -> None:
    assert parts_of(result) == parts
