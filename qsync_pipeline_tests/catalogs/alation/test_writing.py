"""Field values and health rows: batches, refusals, and what a job really did."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.catalogs.alation.fields import FieldIds
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.alation.writing import (
    CUSTOM_FIELDS,
    DATA_HEALTH,
    MOST_OTHERS,
    TAGS,
    TRUST_FLAGS,
    Writer,
    fits,
)
from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.rows import ATTRIBUTES, Change
from qsync_pipeline.transport.errors import Forbidden, Rejected, SyncError, Throttled
from qsync_pipeline_tests.catalogs.alation.fake import (
    FLAGS,
    HEALTH,
    HEALTH_VALUES,
    JOB,
    VALUES,
    FakeSession,
    flag,
    job,
)
from qsync_pipeline_tests.transport.scripted import Clock

NOW = 1_780_000_000.0
SETTINGS = AlationSettings("http://127.0.0.1:9", "alation", "qsync=alation")
IDS = FieldIds.of({"fields": {name: 10_000 + n for n, name in enumerate(ATTRIBUTES)}})
ANNOUNCED = {"job_id": 1}
SECOND = "Legacy(Rosemeta) write job_id (can be tracked using jobs API): 2"


NO_BUDGET = Throttled("429", status=429)


def no_budget(call: Any) -> None:
    raise NO_BUDGET


def writer(session: FakeSession) -> Writer:
    session.handlers.setdefault(("GET", HEALTH_VALUES), lambda call: [])
    return Writer(session.client(), session.jobs(Clock()), SETTINGS, lambda: NOW)


def wrote(session: FakeSession, *changes: Change) -> list[tuple[str, str]]:
    return [(o.outcome, o.error_class) for o in writer(session).write(changes, IDS)]


def values(target: str = "table:93", **after: Any) -> Change:
    return Change("custom_fields", "update", target, "T", after=after or {"Check Count": 3})


def row(number: int, target: str = "table:93", before: Any = None, **after: Any) -> Change:
    said = {"rule": "notNull", "object": "T", "status": "Alert", "value": 2, "description": "d", **after}
    key = f"6.S.T{target.partition(':')[2]}"
    extra = {"qualified_name": key}
    return Change("data_health", "update", target, "T", f"check:{number}", before, said, extra=extra)


ROW = row(1)


def gone(number: int) -> Change:
    extra = {"qualified_name": "6.S.T93"}
    return Change("data_health", "remove", "table:93", "T", f"check:{number}", {"rule": "x"}, extra=extra)


def attached(*changes: Change, failures: int = 0, sample: Any = ()) -> dict[str, Any]:
    """What a health job says of that many new values."""
    return {
        "values": {"created": {"count": len(changes) - failures}, "updated": {"count": 0}},
        "created_object_attribution": {
            "success_count": len(changes) - failures,
            "failure_count": failures,
            "failure_sample": list(sample),
        },
    }


def shown(change: Change) -> dict[str, Any]:
    """A value as it is read back."""
    return {
        "field_key": f"qsync.alation.{change.key}",
        "object_key": change.extra["qualified_name"].lower(),
        "otype": "table",
        "oid": 93,
        "value_quality": "ALERT",
        "value_value": change.after["value"],
    }


# Field values


def test_ten_thousand_values_go_in_one_request() -> None:
    session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job())
    changes = [values(f"attribute:{n}") for n in range(10_000)]
    assert fits([(change,) for change in changes]) == 10_000
    assert set(wrote(session, *changes)) == {("applied", "")}
    (body,) = session.sent("PUT", VALUES)
    assert len(body) == 10_000
    assert body[0] == {"field_id": IDS.ids["Check Count"], "otype": "attribute", "oid": 0, "value": "3"}


@pytest.mark.parametrize(
    ("objects", "each", "requests"),
    [
        (25_000, 1, [10_000, 10_000, 5_000]),
        (2_000, 12, [9_996, 9_996, 4_008]),
        (10_001, 1, [10_000, 1]),
        (4_000, 5, [10_000, 10_000]),
    ],
)
def test_a_bigger_plan_takes_as_few_requests_as_there_may_be(
    objects: int, each: int, requests: list[int]
) -> None:
    """As the write engine goes about it: as many objects at a time as one write takes."""
    session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job())
    after = dict.fromkeys(ATTRIBUTES[:each], 1)
    groups = [(values(f"attribute:{n}", **after),) for n in range(objects)]
    while groups:
        some = fits(groups)
        assert {result for result, _ in wrote(session, *(one for (one,) in groups[:some]))} == {"applied"}
        groups = groups[some:]
    assert [len(body) for body in session.sent("PUT", VALUES)] == requests


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 400)), min_size=1, max_size=1200))
def test_what_fits_is_never_too_much_for_one_request_and_never_less_than_would_do(
    sizes: list[tuple[int, int]],
) -> None:
    groups = [
        (values(f"table:{n}", **dict.fromkeys(ATTRIBUTES[:size], 1)), *([ROW] * rows))
        for n, (size, rows) in enumerate(sizes)
    ]
    some = fits(groups)

    def held(number: int) -> tuple[int, int]:
        return sum(size for size, _ in sizes[:number]), sum(rows for _, rows in sizes[:number])

    assert 1 <= some <= len(groups)
    assert some == 1 or (held(some)[0] <= 10_000 and held(some)[1] <= MOST_OTHERS)
    assert some == len(groups) or held(some + 1)[0] > 10_000 or held(some + 1)[1] > MOST_OTHERS


def test_more_values_than_that_are_divided_between_objects() -> None:
    session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job())
    changes = [values(f"attribute:{n}", **dict.fromkeys(ATTRIBUTES, 1)) for n in range(1000)]
    wrote(session, *changes)
    assert [len(body) for body in session.sent("PUT", VALUES)] == [9_996, 2_004]


def test_a_write_whose_second_job_fails_is_sent_again() -> None:
    session = FakeSession().on("PUT", VALUES, ANNOUNCED)
    session.answers("GET", JOB, job(result=[SECOND]), job("failed"), job(result=[SECOND]), job())
    assert wrote(session, values()) == [("applied", "")]
    assert session.count("PUT") == 2


@pytest.mark.parametrize("end", ["failed", "partially_successful"])
def test_a_write_that_fails_again_is_rejected_as_their_trouble(end: str) -> None:
    session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job(end))
    assert wrote(session, values()) == [("rejected", "server")]
    assert session.count("PUT") == 2


def test_a_refused_batch_names_the_object_at_fault() -> None:
    error = Rejected("x", status=400, detail="Invalid. Object not found: attribute:99.")
    session = FakeSession().answers("PUT", VALUES, error)
    with pytest.raises(BatchRejected) as caught:
        wrote(session, values("attribute:98"), values("attribute:99"))
    assert (caught.value.culprit, caught.value.error_class) == ("attribute:99", "missing")


def test_values_refused_on_one_object_leave_its_flag_and_its_rows() -> None:
    session = FakeSession().answers("PUT", VALUES, Rejected("too long", status=400))
    session.on("GET", FLAGS, []).on("POST", FLAGS, flag(1)).on("POST", HEALTH, ANNOUNCED)
    session.on("GET", JOB, job(result=attached(row(1))))
    alert = Change("trust_flags", "create", "table:93", "T", after={"type": "warning", "text": "x"})
    assert wrote(session, row(1), values(), alert) == [
        ("applied", ""),
        ("rejected", "validation"),
        ("applied", ""),
    ]


def test_a_forbidden_first_write_rejects_the_batch_so_that_the_connection_is_learned() -> None:
    session = FakeSession().answers("PUT", VALUES, Forbidden("no", status=403))
    with pytest.raises(BatchRejected) as caught:
        wrote(session, values())
    assert caught.value.error_class == "permission"


@pytest.mark.parametrize("error", [NO_BUDGET, Forbidden("no", status=403), Rejected("no", status=400)])
def test_a_repetition_that_is_refused_says_nothing_of_what_the_first_has_written(error: SyncError) -> None:
    session = FakeSession().answers("PUT", VALUES, ANNOUNCED, error)
    session.on("GET", JOB, job("partially_successful"))
    assert wrote(session, values()) == [("rejected", "server")]


def test_what_was_written_before_the_budget_was_used_up_counts_as_written() -> None:
    session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job())
    session.on("GET", FLAGS, []).answers("POST", FLAGS, NO_BUDGET).on("POST", HEALTH, no_budget)
    alerts = [
        Change("trust_flags", "create", f"table:{n}", "T", after={"type": "warning", "text": "x"})
        for n in (93, 94)
    ]
    assert wrote(session, row(1), values(), *alerts) == [
        ("rejected", "throttle"),
        ("applied", ""),
        ("rejected", "throttle"),
        ("rejected", "throttle"),
    ]
    assert session.count("POST") == 2, "one for flags, one for rows: nothing more is tried"


def test_where_nothing_was_written_for_lack_of_budget_the_run_hears_of_it() -> None:
    session = FakeSession().answers("PUT", VALUES, NO_BUDGET)
    with pytest.raises(Throttled):
        wrote(session, values())


def test_more_values_than_one_request_takes_for_which_there_is_no_budget_leave_the_others_written() -> None:
    session = FakeSession().answers("PUT", VALUES, ANNOUNCED, NO_BUDGET).on("GET", JOB, job())
    changes = [values(f"attribute:{n}", **dict.fromkeys(ATTRIBUTES, 1)) for n in range(1000)]
    assert Counter(wrote(session, *changes)) == {("applied", ""): 833, ("rejected", "throttle"): 167}


def test_what_a_write_needs_is_told_in_the_words_of_alation() -> None:
    for surface in (CUSTOM_FIELDS, TRUST_FLAGS, DATA_HEALTH, TAGS):
        assert "Catalog Admin" in surface.needs
        assert "persona" not in surface.needs


def test_without_definitions_nothing_is_sent() -> None:
    session = FakeSession()
    with pytest.raises(BatchRejected, match="run the definitions step first"):
        Writer(session.client(), session.jobs(Clock()), SETTINGS, lambda: NOW).write([values()], FieldIds())
    assert session.calls == []


# Health rows


def test_a_row_is_a_rule_and_a_value_in_one_request_with_the_time_of_the_write() -> None:
    session = FakeSession().on("POST", HEALTH, ANNOUNCED).on("GET", JOB, job(result=attached(row(1))))
    assert wrote(session, row(1)) == [("applied", "")]
    assert session.sent("POST", HEALTH) == [
        {
            "fields": [
                {
                    "field_key": "qsync.alation.check:1",
                    "name": "notNull",
                    "type": "NUMERIC",
                    "description": "d",
                }
            ],
            "values": [
                {
                    "field_key": "qsync.alation.check:1",
                    "object_key": "6.S.T93",
                    "object_type": "TABLE",
                    "status": "ALERT",
                    "value": 2,
                    "last_updated": "2026-05-28T20:26:40Z",
                }
            ],
        }
    ]


def test_a_rule_is_defined_again_only_where_it_says_something_else() -> None:
    before = {"rule": "notNull", "description": "d", "value": 1}
    session = FakeSession().on("POST", HEALTH, ANNOUNCED).on("GET", JOB, job(result=attached(row(1))))
    wrote(session, row(1, before=before))
    wrote(session, row(1, before={**before, "description": "old"}))
    assert ["fields" in body for body in session.sent("POST", HEALTH)] == [False, True]


def test_a_new_row_that_landed_on_an_object_of_another_case_is_taken_off_and_rejected() -> None:
    mine, strayed, old = row(1), row(2, "table:94"), row(3, "table:95", before={"rule": "notNull"})
    session = FakeSession().on("POST", HEALTH, ANNOUNCED).on("DELETE", HEALTH, ANNOUNCED)
    session.on("GET", JOB, job(result=[attached(mine, strayed, old)]))
    session.on("GET", HEALTH_VALUES, [shown(mine), {**shown(strayed), "oid": 93}])
    first, second, third = writer(session).write([mine, strayed, old], IDS)
    assert [first.outcome, second.outcome, third.outcome] == ["applied", "rejected", "applied"]
    assert "on table:93, whose key differs" in second.reason
    (body,) = session.sent("DELETE", HEALTH)
    assert body == {"values": [{"field_key": "qsync.alation.check:2", "object_key": "6.s.t94"}]}
    asked = [call["params"]["object_key"] for call in session.calls if call["path"] == HEALTH_VALUES]
    assert asked == [["6.S.T93", "6.S.T94"]], "only new rows are in doubt"


def test_rows_go_a_thousand_at_a_time() -> None:
    changes = [row(n) for n in range(2500)]
    session = FakeSession().on("POST", HEALTH, ANNOUNCED)
    session.answers("GET", JOB, *[job(result=attached(*changes[:n])) for n in (1000, 1000, 500)])
    assert set(wrote(session, *changes)) == {("applied", "")}
    assert [len(body["values"]) for body in session.sent("POST", HEALTH)] == [1000, 1000, 500]


def test_the_bad_row_of_a_refused_batch_is_found_by_splitting() -> None:
    def answer(call: Any) -> Any:
        if any(one["field_key"].endswith(":5") for one in call["json"]["values"]):
            raise Rejected('{"Entry": 6, "Message": "value is required"}', status=400)
        return ANNOUNCED

    session = FakeSession().on("POST", HEALTH, answer)
    session.on("GET", JOB, job(result=attached(*[row(n) for n in range(8)])))
    outcomes = wrote(session, *[row(n) for n in range(8)])
    assert [n for n, (name, _) in enumerate(outcomes) if name == "rejected"] == [5]


def test_rows_that_the_sample_names_are_rejected_and_the_others_applied() -> None:
    bad = {"field_key": "qsync.alation.check:2", "object_key": "6.s.t94"}
    known = {"rule": "notNull"}
    changes = [row(1, before=known), row(2, "table:94", before=known), row(3, before=known)]
    session = FakeSession().on("POST", HEALTH, ANNOUNCED)
    session.on("GET", JOB, job(result=attached(*changes, failures=1, sample=[bad])))
    assert wrote(session, *changes) == [("applied", ""), ("rejected", "missing"), ("applied", "")]
    assert session.count("GET", HEALTH_VALUES) == 0


def test_where_the_sample_is_not_all_the_rows_are_read_back() -> None:
    changes = [row(n) for n in range(4)]
    bad = {"field_key": "qsync.alation.check:0", "object_key": "6.S.T93"}
    session = FakeSession().on("POST", HEALTH, ANNOUNCED)
    session.on("GET", JOB, job(result=attached(*changes, failures=2, sample=[bad])))
    session.on("GET", HEALTH_VALUES, [shown(changes[1]), shown(changes[3])])
    assert [name for name, _ in wrote(session, *changes)] == ["rejected", "applied", "rejected", "applied"]


@pytest.mark.parametrize("result", [None, {}, ["done"]])
def test_a_job_that_does_not_tell_is_not_believed(result: Any) -> None:
    session = FakeSession().on("POST", HEALTH, ANNOUNCED).on("GET", JOB, job(result=result))
    session.on("GET", HEALTH_VALUES, [])
    assert wrote(session, row(1)) == [("rejected", "missing")]


@pytest.mark.parametrize("error", [NO_BUDGET, Forbidden("no", status=403)])
def test_rows_that_cannot_be_looked_for_once_they_are_written_are_left_open(error: SyncError) -> None:
    """The job tells of no rows, and reading them is refused: they may be there, or gone."""
    for change in (row(1), gone(2)):
        session = FakeSession().on("PUT", VALUES, ANNOUNCED).on("GET", JOB, job())
        session.on("POST", HEALTH, ANNOUNCED).on("DELETE", HEALTH, ANNOUNCED)
        session.answers("GET", HEALTH_VALUES, error)
        assert wrote(session, values(), change) == [("applied", ""), ("rejected", "server")]


def test_rows_of_archived_checks_go_with_their_rules() -> None:
    session = FakeSession().on("DELETE", HEALTH, ANNOUNCED).on("GET", JOB, job()).on("GET", HEALTH_VALUES, [])
    assert wrote(session, gone(1), gone(2)) == [("applied", "")] * 2
    assert session.sent("DELETE", HEALTH) == [
        {"values": [{"field_key": f"qsync.alation.check:{n}", "object_key": "6.S.T93"} for n in (1, 2)]},
        {"fields": ["qsync.alation.check:1", "qsync.alation.check:2"]},
    ]


def test_a_rule_that_stands_on_another_object_stays() -> None:
    other = {"field_key": "qsync.alation.check:1", "object_key": "6.s.other", "otype": "table", "oid": 5}
    session = FakeSession().on("DELETE", HEALTH, ANNOUNCED).on("GET", JOB, job())
    session.on("GET", HEALTH_VALUES, [other])
    assert wrote(session, gone(1)) == [("applied", "")]
    assert session.count("DELETE") == 1
