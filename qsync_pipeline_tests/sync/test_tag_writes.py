"""How tags are written, when the API replaces whole lists and knows no versions (DESIGN.md §5.2, §5.5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.claiming import ALL_INTEGRATIONS, claimed
from qsync_pipeline.sync.first_contact import ForeignChange
from qsync_pipeline.sync.planning import TRANSIENT
from qsync_pipeline.sync.pull import apply_tags
from qsync_pipeline.sync.refusals import NO_CONNECTION, granted_again
from qsync_pipeline.sync.replacing import FEW
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotTheSystem, SyncError, Throttled
from qsync_pipeline_tests.sync.fakes import KEY, FakeQualytics, config_in, plan_of, run_on

SERIALISED = "So: tag writes are serialised per Qualytics"
FIRST = "One object is then written, read back and restored before the rest"
RETRY = "A rejected item is tried again when its payload or our permissions changed"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as one:
        yield one


def put(number: int, name: str = "PII", action: str = "create") -> Change:
    """A tag that is to go onto a field, or off it."""
    before, after = (None, name) if action == "create" else (name, None)
    return Change(
        "external_tags",
        action,  # type: ignore[arg-type]  # one of the two words
        f"field:{number}",
        f"Sales.T.F{number}",
        name.casefold(),
        before=before,
        after=after,
        kind="field",
    )


@pytest.mark.rule("5.2", SERIALISED)
def test_what_a_person_put_there_since_the_plan_stays(tmp_path: Path, ledger: Ledger) -> None:
    qualytics = FakeQualytics("PII", "Old", "Mine")
    qualytics.on = {1: ["Old", "Mine"]}
    tally = apply_tags(
        run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(put(1), put(1, "Old", "remove"))
    )
    assert qualytics.on[1] == ["Mine", "PII"]
    assert tally.counts["external_tags"]["applied"] == 2


@pytest.mark.rule("5.2", SERIALISED)
def test_what_is_put_on_tells_its_definition_and_what_another_was_made_for_since_stays(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("Mine", "PII")
    qualytics.on = {1: []}
    run = run_on(config_in(tmp_path), ledger, qualytics)
    apply_tags(run, KEY, plan_of(put(1)))
    (row,) = ledger.holdings.of(KEY)
    assert row.extra["definition"] == qualytics.definitions["PII"].id
    off = replace(put(1, action="remove"), extra={"definition": row.extra["definition"]})
    qualytics.definitions["PII"] = replace(qualytics.definitions["PII"], id=77)
    tally = apply_tags(run, KEY, plan_of(off))
    assert (qualytics.on[1], ledger.holdings.of(KEY)) == (["PII"], [])
    assert tally.counts["external_tags"]["unchanged"] == 1


@pytest.mark.rule("5.2", SERIALISED)
def test_a_name_whose_definition_went_meanwhile_is_dropped_and_makes_no_stray_tag(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("Mine")
    qualytics.on = {1: ["Mine", "Ghost"], 2: []}
    changes = plan_of(put(1), put(2), put(1, "Mine", "remove"))
    tally = apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, changes)
    assert set(qualytics.definitions) == {"Mine"}, "neither PII nor Ghost came into being"
    assert qualytics.writes == [(1, [])]
    assert tally.counts["external_tags"]["skipped"] == 2


@pytest.mark.rule("5.2", SERIALISED)
def test_what_is_not_there_when_it_is_read_back_counts_as_rejected(tmp_path: Path, ledger: Ledger) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on, qualytics.swallows = {1: []}, True
    tally = apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(put(1)))
    assert tally.counts["external_tags"]["rejected"] == 1
    assert ledger.holdings.of(KEY) == []


@pytest.mark.rule("5.2", SERIALISED)
@pytest.mark.rule("3", "Starts that bypass the queue")
def test_two_integrations_write_one_datastore_one_after_the_other(tmp_path: Path) -> None:
    config, waiting = config_in(tmp_path), threading.Event()
    qualytics, said = FakeQualytics("PII", "By The First"), []
    qualytics.on = {1: []}
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite") as ledger:
        first = run_on(config, ledger, qualytics, run_id="the first")
        second = run_on(config, ledger, qualytics, integration=1, run_id="the second")

        def say(line: str) -> None:
            said.append(line)
            waiting.set()

        second.say = say
        work = threading.Thread(target=apply_tags, args=(second, KEY, plan_of(put(1))))
        with claimed(first, ALL_INTEGRATIONS, KEY):
            work.start()
            assert waiting.wait(10)
            assert (qualytics.writes, qualytics.reads) == ([], []), "nor does it read what may change yet"
            qualytics.on[1] = ["By The First"]
        work.join(10)
    assert "the first" in said[0]
    assert qualytics.on[1] == ["By The First", "PII"]


# First contact


@pytest.mark.rule("5.5", FIRST)
def test_before_the_first_tags_one_is_written_read_back_and_taken_off_again(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII", "Mine")
    qualytics.on = {1: ["Mine"], 2: []}
    run = run_on(config_in(tmp_path), ledger, qualytics, contact=True)
    tally = apply_tags(run, KEY, plan_of(put(1), put(2)))
    trial, back, *rest = qualytics.writes
    assert (trial, back) == ((1, ["Mine", "PII"]), (1, ["Mine"]))
    assert rest == [(1, ["Mine", "PII"]), (2, ["PII"])]
    # The two writes beside the plan are told: in the journal, and among the reasons of the run.
    assert [entry.outcome for entry in ledger.outcomes.of_run("run-1")] == ["skipped", "applied", "applied"]
    assert any("two writes of their own" in reason for reason in tally.reasons)
    assert tally.counts["external_tags"] == {
        "applied": 2, "unchanged": 0, "skipped": 0, "rejected": 0, "parked": 0
    }  # fmt: skip
    qualytics.writes.clear()
    apply_tags(run, KEY, plan_of(put(2, "PII", "remove"), put(1)))
    assert qualytics.writes == [(2, [])], "once per integration"


@pytest.mark.rule("5.5", FIRST)
def test_what_a_person_puts_there_while_the_first_tag_is_tried_stays(tmp_path: Path, ledger: Ledger) -> None:
    qualytics = FakeQualytics("PII", "Theirs")
    qualytics.on = {1: []}

    def tagged(row: object) -> None:
        if len(qualytics.writes) == 1:
            qualytics.on[1].append("Theirs")

    qualytics.foreign = tagged
    run = run_on(config_in(tmp_path), ledger, qualytics, contact=True)
    apply_tags(run, KEY, plan_of(put(1)))
    assert sorted(qualytics.on[1]) == ["PII", "Theirs"]


@pytest.mark.rule("5.5", FIRST)
@pytest.mark.parametrize(
    "odd",
    [{"id": 2}, {"id": None}, {"global_tags": 1.5}, {"global_tags": [{"id": 3}]}, {"global_tags": ["PII"]}],
)
def test_an_object_that_is_answered_amiss_is_left_alone(
    tmp_path: Path, ledger: Ledger, odd: dict[str, Any]
) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on = {1: ["Theirs"], 2: []}
    answered = qualytics.request
    qualytics.request = lambda *words, **more: answered(*words, **more) | odd  # type: ignore[method-assign]  # of the test
    run = run_on(config_in(tmp_path), ledger, qualytics, contact=True)
    with pytest.raises(Malformed, match="without its id or its global_tags, and left alone"):
        apply_tags(run, KEY, plan_of(put(1)))
    assert qualytics.writes == []


@pytest.mark.rule("5.5", FIRST)
def test_where_a_tag_write_changes_something_foreign_the_pull_stops_with_the_difference(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on = {1: [], 2: []}
    qualytics.foreign = lambda row: row.update(description=row["description"] + "!")
    run = run_on(config_in(tmp_path), ledger, qualytics, contact=True)
    for described in ("Theirs", "Theirs!!"):
        qualytics.writes.clear()
        with pytest.raises(ForeignChange, match=f"description: '{described}' before, '{described}!' after"):
            apply_tags(run, KEY, plan_of(put(1), put(2)))
        assert qualytics.writes == [(1, ["PII"]), (1, [])]
    assert ledger.holdings.of(KEY) == []


# Refused for lack of permission


@pytest.mark.rule("5.5", RETRY)
def test_tags_that_qualytics_refused_are_tried_again_once_we_may_do_something_else(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on, qualytics.refuses = {1: []}, Forbidden("You must have editor permission", status=403)
    run = run_on(config_in(tmp_path), ledger, qualytics)
    tally = apply_tags(run, KEY, plan_of(put(1)))
    assert tally.counts["external_tags"]["rejected"] == 1
    assert granted_again(run, [KEY]) == frozenset()
    qualytics.allowed = "1|Manager|1:Editor"
    assert granted_again(run, [KEY]) == {NO_CONNECTION}
    assert granted_again(run, ["2-other"]) == frozenset(), "where nothing stands rejected nothing is asked"


@pytest.mark.rule("5.5", RETRY)
def test_an_answer_that_cannot_be_read_is_the_servers_trouble_and_tried_again_in_the_next_run(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on, qualytics.refuses = {1: []}, NotTheSystem("HTML instead of JSON", status=200)
    apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(put(1)))
    (rejection,) = ledger.outcomes.latest_rejections("atlan", KEY).values()
    assert rejection.error_class in TRANSIENT


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("refused", [False, True])
def test_what_is_put_back_for_another_integration_is_noted_with_its_holding_until_it_is_there(
    tmp_path: Path, ledger: Ledger, refused: bool, wanted: bool
) -> None:
    """Also where this one wants it there itself."""
    qualytics = FakeQualytics("PII")
    qualytics.on = {1: []}
    ledger.settle("run-0", "second", KEY, [Outcome(put(1), "applied")])
    if refused:
        qualytics.refuses = Forbidden("You must have editor permission", status=403)
    back = replace(put(1), extra={"held_on": ["container:1"], "hold": wanted, "held_by": ["second"]})
    apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(back))
    held = {row.integration: row for row in ledger.holdings.of(KEY)}
    assert held.keys() == ({"atlan", "second"} if wanted and not refused else {"second"})
    assert (held["second"].value, held["second"].has_pending) == ("PII", refused)
    assert not any("held_by" in row.extra for row in held.values())
    assert qualytics.on[1] == ([] if refused else ["PII"])


def test_without_a_refusal_qualytics_is_not_asked_what_we_may(tmp_path: Path, ledger: Ledger) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on = {1: []}
    run = run_on(config_in(tmp_path), ledger, qualytics)
    apply_tags(run, KEY, plan_of(put(1)))
    assert granted_again(run, [KEY]) == frozenset()
    assert qualytics.asked == 0


# People who tag meanwhile


@pytest.mark.rule("5.2", SERIALISED)
def test_nothing_but_its_own_write_lies_between_reading_an_object_and_writing_it(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII")
    qualytics.on = {number: [] for number in range(1, FEW + 1)}
    apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(*map(put, qualytics.on)))
    assert qualytics.log == [step for n in qualytics.on for step in (f"read {n}", f"write {n}")]


@pytest.mark.rule("5.2", SERIALISED)
def test_a_write_that_was_accepted_without_an_answer_counts_as_ours_when_it_shows(
    tmp_path: Path, ledger: Ledger
) -> None:
    qualytics = FakeQualytics("PII", "Theirs")
    qualytics.on, qualytics.answers_lost = {1: []}, 1
    qualytics.meanwhile = lambda: qualytics.on[1].append("Theirs")
    tally = apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(put(1)))
    assert qualytics.on[1] == ["PII", "Theirs"]
    assert tally.counts["external_tags"]["applied"] == 1
    assert [held.key for held in ledger.holdings.of(KEY)] == ["pii"]


@pytest.mark.parametrize("error", [Throttled("429", status=429), Forbidden("no", status=403)])
def test_what_was_written_without_an_answer_and_cannot_be_read_is_left_open(
    tmp_path: Path, ledger: Ledger, error: SyncError
) -> None:
    """It may be there: the next run finds out, and takes what it finds for ours."""
    qualytics = FakeQualytics("PII")
    qualytics.on, qualytics.answers_lost = {1: []}, 1
    qualytics.meanwhile = lambda: setattr(qualytics, "unreadable", error)
    tally = apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, plan_of(put(1)))
    assert tally.counts["external_tags"]["rejected"] == 1
    assert [(held.value, held.pending) for held in ledger.holdings.of(KEY)] == [(None, "PII")]


@pytest.mark.rule("5.2", "Names: NFC, trimmed")
def test_tags_of_a_person_that_differ_by_case_only_both_stay(tmp_path: Path, ledger: Ledger) -> None:
    qualytics = FakeQualytics("PII", "pii", "Old")
    qualytics.on = {1: ["PII", "pii", "Old"], 2: ["PII", "pii"]}
    changes = plan_of(put(1, "Old", "remove"), put(2, "pii", "remove"))
    tally = apply_tags(run_on(config_in(tmp_path), ledger, qualytics), KEY, changes)
    assert qualytics.on == {1: ["PII", "pii"], 2: ["PII"]}
    assert tally.counts["external_tags"]["applied"] == 2
