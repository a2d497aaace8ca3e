"""What people are told of: from what the ledger and Dagster know to causes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from qsync_pipeline.config import Config, load_config
from qsync_pipeline.ledger import Ledger, Report
from qsync_pipeline.notices.causes import DAY, Cause, Facts, TokenLife, causes_of, token_causes
from qsync_pipeline.notices.crashes import Crash, standing_crashes
from qsync_pipeline.notices.gathering import gather, token_lives
from qsync_pipeline.sync import mapping, planning, pull, push
from qsync_pipeline.sync.run import CREDENTIALS
from qsync_pipeline_tests.sync.fakes import config_in

A, B = "1-sales", "2-crm"
DONE = {"outcome": {"custom_metadata": {"applied": 3}}}
PARKED = {"outcome": {"custom_metadata": {"applied": 3, "parked": 40}}}
MATCHED = {"buckets": {"matched": 5}}


class Clock:
    """Moves a second with every look, so that later reports are later."""

    now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger.open("sqlite://", clock=Clock())


Put = Callable[..., None]


@pytest.fixture
def put(ledger: Ledger) -> Put:
    """A report of a stage on a datastore."""

    def put_(
        stage: str, key: str, run: str = "run1", error: str = "", kind: str = "", **more: object
    ) -> None:
        ledger.reports.put(
            Report(run, "atlan", key, stage, not error, error, kind, **more)  # type: ignore[arg-type]  # by name
        )

    return put_


def causes(
    ledger: Ledger, config: Config, *crashes: Crash, at_work: frozenset[str] = frozenset()
) -> list[Cause]:
    return causes_of(gather(ledger, config.integration("atlan"), crashes, at_work))


def kinds(found: list[Cause]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.key, one.datastore) for one in found]


def test_an_estate_in_step_needs_nobody(ledger: Ledger, config: Config, put: Put) -> None:
    put(mapping.STAGE, A, counts=MATCHED)
    put(planning.QUALITY_STAGE, A)
    put(push.STAGE, A, counts=DONE)
    assert causes(ledger, config) == []


def test_a_failed_datastore_is_told_with_its_reason_its_run_and_what_to_do(
    ledger: Ledger, config: Config, put: Put
) -> None:
    put(push.STAGE, A, "run1", "Atlan: 401, the token was refused", "unauthorized")
    (one,) = causes(ledger, config)
    assert (one.kind, one.datastore, one.link) == ("failed_run", A, "/runs/run1")
    assert "refused" in one.happened
    assert "Make a new token" in one.todo
    put(push.STAGE, A, "run2", "the token was refused: make a new one and update TOKEN", "unauthorized")
    (one,) = causes(ledger, config)
    assert "new" not in one.todo.split("whether")[0], "said already"


def test_a_later_run_that_fails_alike_is_the_same_cause(ledger: Ledger, config: Config, put: Put) -> None:
    put(push.STAGE, A, "run1", "no answer", "unreachable")
    (first,) = causes(ledger, config)
    put(push.STAGE, A, "run2", "no answer either", "unreachable")
    (second,) = causes(ledger, config)
    assert first.id == second.id
    put(push.STAGE, A, "run3", counts=DONE)
    assert causes(ledger, config) == []


def test_a_dry_run_tells_nothing(ledger: Ledger, config: Config, put: Put) -> None:
    put(push.STAGE, A, "run1", "no answer", "unreachable", dry_run=True)
    assert causes(ledger, config) == []


def test_an_integration_that_matches_nothing_is_a_red_check(ledger: Ledger, config: Config, put: Put) -> None:
    put(mapping.STAGE, A, counts={"buckets": {"absent": 5}})
    (one,) = causes(ledger, config)
    assert (one.kind, one.key) == ("red_check", "coverage")
    assert one.link == "/assets/atlan/asset_mapping?view=checks"


def test_a_parked_scope_comes_with_the_code_that_lets_it_through_until_it_was_approved(
    ledger: Ledger, config: Config, put: Put
) -> None:
    put(push.STAGE, A, counts=PARKED)
    ledger.parked.put(
        "atlan", A, "custom_metadata", ["T1", "T2"], "40 of 60 would go", "run1", code="c0de42", lines=["l1"]
    )
    (one,) = causes(ledger, config)
    assert (one.kind, one.datastore) == ("parked_scope", A)
    assert one.todo.endswith("qsync approve c0de42")
    assert one.link == "/assets/atlan/quality_metadata?view=checks"
    ledger.parked.approve("c0de42")
    assert causes(ledger, config) == []  # the next sync lets it through; nobody is needed any more


def test_first_contact_says_how_the_first_write_is_asked_for(config: Config) -> None:
    facts = Facts("atlan", behind={push.STAGE: [A, B]}, first_contact=True)
    assert {one.todo.rpartition(": ")[2] for one in causes_of(facts)} == {"qsync sync --first-write."}
    assert len(causes_of(facts)) == 2


def test_what_a_run_is_at_is_not_told_yet(ledger: Ledger, config: Config, put: Put) -> None:
    put(planning.QUALITY_STAGE, A)  # planned, and not written so far
    (one,) = causes(ledger, config, at_work=frozenset({A}))
    assert one.early
    (one,) = causes(ledger, config)
    assert (one.kind, one.early) == ("red_check", False)


def test_a_datastore_that_failed_is_not_told_of_again_for_being_out_of_step(
    ledger: Ledger, config: Config, put: Put
) -> None:
    put(planning.QUALITY_STAGE, A)
    put(planning.QUALITY_STAGE, B)
    put(push.STAGE, A, error="refused", kind="rejected")
    assert kinds(causes(ledger, config)) == [
        ("failed_run", f"{push.STAGE}:rejected", A),
        ("red_check", f"in_step:{push.STAGE}", B),
    ]


RUN = Crash("dead", "both", (A, B), 100.0)


def whole(**at: float) -> dict[str, dict[str, Report]]:
    keys = {"a": A, "b": B}
    reports = {
        keys[name]: Report("later", "atlan", keys[name], "", True, at=when) for name, when in at.items()
    }
    return {pull.STAGE: reports, push.STAGE: reports}


def test_a_run_that_died_is_told_until_a_later_one_got_through_each_datastore() -> None:
    (crash,) = standing_crashes([RUN], [], whole(a=99.0))
    assert crash.datastores == (A, B)
    (crash,) = standing_crashes([RUN], [], whole(a=101.0, b=99.0))
    assert crash.datastores == (B,)
    assert standing_crashes([RUN], [], whole(a=101.0, b=102.0)) == []


def test_a_run_that_reported_its_failure_is_no_crash() -> None:
    reported = Report("dead", "atlan", A, push.STAGE, False, "no answer", "unreachable")
    assert standing_crashes([RUN], [reported], {}) == []
    assert standing_crashes([RUN], [replace(reported, ok=True)], {}) == [RUN]


def test_a_run_that_failed_after_its_last_write_is_told_until_a_later_run(ledger: Ledger) -> None:
    own = {key: Report("dead", "atlan", key, "", True, at=101.0) for key in (A, B)}
    (crash,) = standing_crashes([RUN], [], {pull.STAGE: own, push.STAGE: own})
    assert crash.datastores == ("",)
    assert standing_crashes([RUN], [], whole(a=110.0, b=110.0)) == []


def test_crashes_of_the_same_datastore_are_one_cause_with_the_newest_run() -> None:
    newest, older = Crash("new", "push", (A,), 9.0, "out of memory"), Crash("old", "push", (A,), 8.0)
    (one,) = causes_of(Facts("atlan", crashes=[newest, older]))
    assert (one.link, one.happened) == ("/runs/new", "out of memory")


@pytest.mark.parametrize(("days", "told"), [(14.1, False), (13.9, True), (-1.0, True)])
def test_a_token_is_told_of_from_fourteen_days_before_it_lapses(days: float, told: bool) -> None:
    found = list(token_causes([TokenLife("atlan", 100 * DAY + days * DAY, "Renew it.")], 100 * DAY))
    assert [one.todo for one in found] == (["Renew it."] if told else [])
    assert all(("has lapsed" in one.title) == (days < 0) for one in found)


def test_a_new_token_is_a_new_cause() -> None:
    first, second = (
        next(token_causes([TokenLife("atlan", days * DAY, "")], 100 * DAY)) for days in (101.0, 102.0)
    )
    assert first.id != second.id


def test_the_life_of_tokens_is_what_the_runs_noted_and_what_qualytics_token_shows(
    ledger: Ledger, config: Config, tmp_path: Path
) -> None:
    ledger.notes.put(
        "atlan", CREDENTIALS, {"lapses_at": 5.0, "renewal": "ask for a new one", "asked_at": 1.0}
    )
    ledger.notes.put("second", CREDENTIALS, {"lapses_at": None, "renewal": "", "asked_at": 1.0})
    assert token_lives(ledger, config) == [TokenLife("atlan", 5.0, "Ask for a new one.")]
    (tmp_path / "token").write_text("e30.eyJleHAiOjQyfQ.c2ln")  # {"exp": 42}
    shown = token_lives(ledger, load_config(config.path))
    assert [(one.system, one.lapses_at) for one in shown] == [("qualytics", 42.0), ("atlan", 5.0)]


def test_facts_of_one_integration_are_not_those_of_another(ledger: Ledger, config: Config, put: Put) -> None:
    put(push.STAGE, A, error="no answer", kind="unreachable")
    other = gather(ledger, config.integration("second"))
    assert causes_of(other) == []
    assert len(causes(ledger, config)) == 1
