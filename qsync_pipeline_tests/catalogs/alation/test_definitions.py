"""Custom fields: found, adopted, made once; never a duplicate."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.definitions import DefinitionMaker
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.base import DefinitionPlan
from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline.transport.errors import Forbidden, Rejected, TimedOutAfterSend
from qsync_pipeline_tests.catalogs.alation.fake import FIELDS, JOB, FakeSession, job
from qsync_pipeline_tests.transport.scripted import Clock

SETTINGS = AlationSettings("http://127.0.0.1:9", "alation", "qsync=alation")


def field(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "field_type": "RICH_TEXT", "name_singular": name, **more}


ALL = [field(10_000 + n, f"Qualytics {name}") for n, name in enumerate(ATTRIBUTES)]


def maker(session: FakeSession, settings: AlationSettings = SETTINGS) -> DefinitionMaker:
    return DefinitionMaker(session.client(), session.jobs(Clock()), settings)


def made(session: FakeSession, plan: DefinitionPlan) -> tuple[DefinitionPlan, list[str]]:
    after, outcomes = maker(session).make(plan)
    return after, [outcome.outcome for outcome in outcomes]


@pytest.mark.rule("5.3", 'Alation\'s custom fields carry the same names after "Qualytics "')
def test_missing_fields_are_one_change_each_and_one_request() -> None:
    session = FakeSession().answers("GET", FIELDS, ALL[:2], ALL[:2], ALL)
    session.on("POST", FIELDS, {"job_id": 1})
    session.on("GET", JOB, job(result=['{"msg": "Finished", "data": {"field_ids": [1]}}']))
    plan = maker(session).plan(["6"], {})
    assert [change.key for change in plan.changes] == list(ATTRIBUTES[2:])
    after, outcomes = made(session, plan)
    assert outcomes == ["applied"] * 10
    (body,) = session.sent("POST", FIELDS)
    assert [one["name_singular"] for one in body] == [f"Qualytics {name}" for name in ATTRIBUTES[2:]]
    assert {one["field_type"] for one in body} == {"RICH_TEXT"}
    assert after.changes == ()
    fields = after.handle["fields"]
    assert isinstance(fields, dict)
    assert fields["URL"] == 10_000


@pytest.mark.rule("5.1", "A scrubbed row, a page that failed, a tag id that cannot be resolved")
def test_what_an_answer_does_not_show_stays_known_until_it_was_made_anew() -> None:
    known = dict(maker(FakeSession().on("GET", FIELDS, ALL)).plan(["6"], {}).handle)
    session = FakeSession().on("GET", FIELDS, ALL[:2])
    session.answers("POST", FIELDS, Forbidden("403", status=403))
    plan = maker(session).plan(["6"], known)
    after, outcomes = made(session, plan)
    assert (outcomes, plan.handle, after.handle) == (["rejected"] * 10, known, known)


def test_what_stands_there_is_adopted() -> None:
    session = FakeSession().on("GET", FIELDS, ALL)
    plan = maker(session).plan(["6"], {})
    assert (plan.changes, plan.problems, len(plan.handle["fields"])) == ((), (), 12)  # type: ignore[arg-type]  # opaque


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([field(1, "Qualytics URL"), field(2, "Qualytics URL")], "is there 2 times (ids 1, 2)"),
        ([field(1, "Qualytics URL", field_type="PICKER")], "is of type PICKER, but RICH_TEXT is needed"),
    ],
)
def test_a_doubtful_name_stops_all_and_gives_the_config_line(others: Any, words: str) -> None:
    session = FakeSession().on("GET", FIELDS, others)
    plan = maker(session).plan(["6"], {})
    assert plan.changes == ()
    (problem,) = plan.problems
    assert 'attributes: {names: {"URL": "<another name>"}}' in problem
    assert words in problem


def test_names_are_compared_exactly() -> None:
    session = FakeSession().on("GET", FIELDS, [field(1, "qualytics url")])
    assert len(maker(session).plan(["6"], {}).changes) == 12


def test_a_field_renamed_in_alation_is_known_by_its_id() -> None:
    renamed = [field(10_000, "Link"), *ALL[1:]]
    session = FakeSession().on("GET", FIELDS, renamed)
    handle = {"fields": {"URL": 10_000}, "names": {"URL": "Qualytics URL"}}
    assert maker(session).plan(["6"], handle).changes == ()
    assert len(maker(session).plan(["6"], {}).changes) == 1


def test_after_a_lost_answer_it_reads_and_never_repeats() -> None:
    session = FakeSession().answers("GET", FIELDS, [], [], ALL)
    session.answers("POST", FIELDS, TimedOutAfterSend("no answer"))
    plan = maker(session).plan(["6"], {})
    assert made(session, plan)[1] == ["applied"] * 12
    assert session.count("POST") == 1


def test_a_job_that_failed_having_made_some_leaves_the_rest_for_the_next_run() -> None:
    session = FakeSession().answers("GET", FIELDS, [], [], ALL[:5]).on("POST", FIELDS, {"job_id": 1})
    session.on("GET", JOB, job("failed"))
    after, outcomes = made(session, maker(session).plan(["6"], {}))
    assert outcomes == ["applied"] * 5 + ["rejected"] * 7
    assert len(after.changes) == 7


@pytest.mark.parametrize(
    ("error", "kind"), [(Forbidden("no"), "permission"), (Rejected("bad", status=400), "validation")]
)
def test_a_refusal_is_told_with_its_kind(error: Exception, kind: str) -> None:
    session = FakeSession().on("GET", FIELDS, []).answers("POST", FIELDS, error)
    _, outcomes = maker(session).make(maker(session).plan(["6"], {}))
    assert {(one.outcome, one.error_class) for one in outcomes} == {("rejected", kind)}


def test_somebody_else_made_them_meanwhile() -> None:
    session = FakeSession().answers("GET", FIELDS, [], ALL)
    after, outcomes = made(session, maker(session).plan(["6"], {}))
    assert outcomes == ["unchanged"] * 12
    assert session.count("POST") == 0
    assert len(after.handle["fields"]) == 12  # type: ignore[arg-type]  # opaque


def test_without_sources_in_use_nothing_is_asked_for() -> None:
    session = FakeSession()
    assert maker(session).plan([], {"fields": {}}) == DefinitionPlan((), handle={"fields": {}})
    assert session.calls == []


def test_renamed_and_dropped_attributes_make_the_fields_that_the_config_names() -> None:
    settings = AlationSettings("", "alation", "", attributes={"URL": "DQ Link"})
    session = FakeSession().on("GET", FIELDS, [])
    assert [change.name for change in maker(session, settings).plan(["6"], {}).changes] == ["DQ Link"]
