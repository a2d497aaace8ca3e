"""Trust flags: which one is shown, and how ours are written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from qsync_pipeline.catalogs.alation.flag_writing import FlagWriter
from qsync_pipeline.catalogs.alation.flags import FlagBook, type_of
from qsync_pipeline.catalogs.alation.models import Flag, Subject
from qsync_pipeline.catalogs.alation.richtext import reason_html
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.config import AlationConfig
from qsync_pipeline.config.parts import AlationAlertsConfig
from qsync_pipeline.core.rows import Change
from qsync_pipeline.sync.rules import alert_rules
from qsync_pipeline.transport.errors import (
    Forbidden,
    NotFound,
    OutsideError,
    Rejected,
    SyncError,
    Throttled,
    TimedOutAfterSend,
)
from qsync_pipeline_tests.catalogs.alation.fake import FLAGS, FakeSession, flag

MARKER = "qsync=alation"
SETTINGS = AlationSettings("http://127.0.0.1:9", "alation", MARKER)
TEXT = f"See https://q.example/1?{MARKER}"
OURS = reason_html("2 active anomalies", TEXT)
ALERT = {"type": "warning", "title": "2 active anomalies", "text": TEXT}


def book(*rows: dict[str, Any]) -> FlagBook:
    return FlagBook([msgspec.convert(row, Flag) for row in rows], MARKER)


def writing(session: FakeSession, *changes: Change) -> list[tuple[str, str]]:
    return [(o.outcome, o.error_class) for o in FlagWriter(session.client(), SETTINGS).write(changes)]


def change(after: Any, target: str = "table:93") -> Change:
    return Change("trust_flags", "update", target, "T", after=after)


def test_the_marker_is_that_of_the_alert_rules() -> None:
    config = AlationConfig.model_construct(name="alation", announcements=True, alerts=None, on_drift="reset")
    config = config.model_copy(update={"alerts": type("A", (), {"type": "warning", "levels": ("table",)})()})
    assert alert_rules(None, config, ()).marker == MARKER  # type: ignore[arg-type]  # only the name is used


def test_a_flag_reads_as_the_alert_that_was_written() -> None:
    alert = book(flag(7, flag_reason=OURS)).alert("table:93")
    assert alert is not None
    assert (alert.type, alert.title, alert.text, alert.by, alert.id) == (
        "warning",
        "2 active anomalies",
        TEXT,
        "Grace (user 42)",
        "7",
    )


def test_ours_is_shown_beside_a_persons_and_a_persons_where_there_is_none_of_ours() -> None:
    person, ours = flag(1, flag_type="DEPRECATION", flag_reason="<p>Old</p>"), flag(2, flag_reason=OURS)
    both = book(person, ours).shown("table:93")
    alone = book(person).shown("table:93")
    assert (both and both.id, alone and alone.id) == (2, 1)
    assert book(person).ours("table:93") is None


def test_a_flag_of_an_integration_with_a_longer_name_is_not_ours() -> None:
    other = flag(1, flag_reason=OURS.replace(MARKER, f"{MARKER}_two"))
    assert book(other).ours("table:93") is None


def test_an_endorsement_is_no_alert() -> None:
    praise = flag(1, flag_type="ENDORSEMENT", flag_reason="")
    assert book(praise).alert("table:93") is None
    session = FakeSession().on("GET", FLAGS, [praise]).on("POST", FLAGS, flag(2))
    assert writing(session, change(ALERT)) == [("applied", "")]
    assert session.count("DELETE") == session.count("PUT") == 0


@pytest.mark.parametrize("id", [93, "93"])
def test_the_id_of_a_flags_subject_is_a_number_or_text(id: int | str) -> None:
    assert book(flag(1, oid=id)).alert("table:93") is not None


@pytest.mark.parametrize("odd", [{"id": "no number"}, {"otype": " "}, {"otype": "table\0"}, {"otype": ""}])
def test_a_subject_that_names_no_object_is_no_answer(odd: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": 93, "otype": "table"} | odd, Subject)


@pytest.mark.rule("5.4", "Alation: WARNING, never DEPRECATION unless configured (it spreads)")
def test_a_flag_is_a_warning_unless_the_config_asks_for_a_deprecation() -> None:
    assert AlationAlertsConfig().type == "warning"
    assert [type_of({"type": name}) for name in ("warning", "deprecation")] == ["WARNING", "DEPRECATION"]


def test_a_new_flag_is_posted_with_the_type_in_capitals() -> None:
    session = FakeSession().on("GET", FLAGS, []).on("POST", FLAGS, flag(2))
    assert writing(session, change(ALERT)) == [("applied", "")]
    assert session.sent("POST", FLAGS) == [
        {"flag_type": "WARNING", "flag_reason": OURS, "subject": {"id": 93, "otype": "table"}}
    ]


def test_another_type_is_another_flag() -> None:
    session = FakeSession().on("GET", FLAGS, [flag(7, flag_reason=OURS)])
    session.on("DELETE", f"{FLAGS}7/", None).on("POST", FLAGS, flag(8))
    assert writing(session, change({**ALERT, "type": "deprecation"})) == [("applied", "")]
    assert [call["method"] for call in session.calls] == ["GET", "DELETE", "POST"]


@pytest.mark.parametrize("error", [Throttled("429"), Forbidden("no"), Rejected("already", status=400)])
def test_where_ours_is_off_and_the_new_one_is_refused_it_is_left_open(error: SyncError) -> None:
    """A refusal takes back what was to be written, and what was there before is there no more."""
    session = FakeSession().on("GET", FLAGS, [flag(7, flag_reason=OURS)])
    session.on("DELETE", f"{FLAGS}7/", None).answers("POST", FLAGS, error)
    assert writing(session, change({**ALERT, "type": "deprecation"})) == [("rejected", "server")]


@pytest.mark.parametrize("error", [Throttled("429"), Forbidden("no")])
def test_a_flag_that_cannot_be_looked_for_after_a_lost_answer_is_left_open(error: SyncError) -> None:
    session = FakeSession().answers("GET", FLAGS, [], error).answers("POST", FLAGS, TimedOutAfterSend("lost"))
    with pytest.raises(OutsideError) as caught:
        writing(session, change(ALERT))
    assert caught.value.rejection_class == "server"


def test_a_flag_that_says_it_already_is_left_alone() -> None:
    session = FakeSession().on("GET", FLAGS, [flag(7, flag_reason=f"<div>{OURS}</div>")])
    assert writing(session, change(ALERT)) == [("unchanged", "")]
    assert session.count("PUT") == 0


def test_a_flag_that_is_gone_already_counts_as_cleared() -> None:
    session = FakeSession().on("GET", FLAGS, [flag(7, flag_reason=OURS)])
    session.answers("DELETE", f"{FLAGS}7/", NotFound("Not found.", status=404))
    assert writing(session, change(None)) == [("unchanged", "")]
    assert writing(FakeSession().on("GET", FLAGS, []), change(None)) == [("unchanged", "")]


def test_after_a_lost_answer_a_flag_is_looked_for_before_it_is_sent_again() -> None:
    lost = TimedOutAfterSend("no answer")
    there = FakeSession().answers("GET", FLAGS, [], [flag(2, flag_reason=OURS)]).answers("POST", FLAGS, lost)
    assert writing(there, change(ALERT)) == [("applied", "")]
    assert there.count("POST") == 1
    missing = FakeSession().answers("GET", FLAGS, [], []).answers("POST", FLAGS, lost, flag(2))
    assert writing(missing, change(ALERT)) == [("applied", "")]
    twice = FakeSession().answers("GET", FLAGS, [], []).answers("POST", FLAGS, lost, lost)
    assert writing(twice, change(ALERT)) == [("rejected", "server")]


def test_one_refused_flag_takes_no_other_with_it() -> None:
    session = FakeSession().on("GET", FLAGS, [])
    session.answers("POST", FLAGS, flag(1), Rejected("already", status=400), Forbidden("no"), flag(2))
    changes = [change(ALERT, f"table:{n}") for n in range(4)]
    assert writing(session, *changes) == [
        ("applied", ""),
        ("rejected", "conflict"),
        ("rejected", "permission"),
        ("applied", ""),
    ]


def test_a_role_that_may_set_no_flags_is_not_asked_for_every_object() -> None:
    session = FakeSession().on("GET", FLAGS, [])
    session.answers("POST", FLAGS, flag(1), *[Forbidden("no")] * 3)
    outcomes = writing(session, *[change(ALERT, f"table:{n}") for n in range(10)])
    assert outcomes == [("applied", ""), *[("rejected", "permission")] * 9]
    assert session.count("POST") == 4


def test_the_flags_of_many_objects_are_listed_once() -> None:
    session = FakeSession().on("GET", FLAGS, []).on("POST", FLAGS, flag(1))
    writing(session, *[change(ALERT, f"table:{n}") for n in range(20)])
    assert session.count("GET") == 1
