"""What waits for approval: let through once, not table by table, and only what is proved gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from qsync_pipeline.core.guards import Parked
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.core.rules import Bounds, GuardRules
from qsync_pipeline.ledger import Holding, Ledger
from qsync_pipeline.sync.parking import guarded, note_parked, park_vanished, waiting_removals
from qsync_pipeline.sync.rules import guard_rules
from qsync_pipeline.sync.run import Run
from qsync_pipeline_tests.sync.fakes import KEY, config_in, run_on

TAGS = "external_tags"
GUARDED = "Parked for approval: removals above 30 % *and* 25 items of a scope"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Ledger.open("sqlite://") as ledger:
        yield run_on(config_in(tmp_path), ledger)


def removals(count: int, since: int = 0) -> list[Change]:
    numbers = range(since, since + count)
    return [Change(TAGS, "remove", f"field:{n}", f"F{n}", "pii", before="PII") for n in numbers]


def planned(
    run: Run, changes: Sequence[Change], *, scoped: bool = False, noted: bool = True
) -> tuple[list[str], list[Parked]]:
    """The names of the lines that go, and what is parked; noted as a plan does."""
    lines, parked = guarded(run, KEY, changes, {TAGS: 30}, (), scoped=scoped)
    if noted:
        note_parked(run, KEY, [TAGS], lines, parked, scoped=scoped)
    return [line.name for line in lines if line.status == "planned"], parked


@pytest.mark.rule("5.5", GUARDED)
def test_what_was_approved_passes_once(run: Run) -> None:
    going, (parked,) = planned(run, removals(30))
    assert not going
    assert run.ledger.parked.approve(parked.code)
    going, _ = planned(run, removals(30))
    assert len(going) == 30
    assert planned(run, []) == ([], []), "all of it was carried out"
    going, (again,) = planned(run, removals(30))
    assert not going, "the same lines later wait again"
    assert again.lines == parked.lines


def test_every_limit_is_that_of_the_config(run: Run) -> None:
    guards = run.integration.guards
    limits = {
        "share": 0.1,
        "items": 1,
        "overwrites": guards.overwrites.model_copy(update={"share": 0.2, "items": 2}),
        "cleared_alerts": guards.cleared_alerts.model_copy(update={"share": 0.3, "items": 3}),
    }
    given = run.integration.model_copy(update={"guards": guards.model_copy(update=limits)})
    assert guard_rules(given) == GuardRules(0.1, 1, overwrites=Bounds(0.2, 2), clearings=Bounds(0.3, 3))


def test_what_waits_is_not_let_go_table_by_table(run: Run) -> None:
    planned(run, removals(30))
    few = removals(3)
    going, (parked,) = planned(run, few, scoped=True)
    assert not going
    assert parked.items == 30
    waiting = run.ledger.parked.get(run.name, KEY, TAGS)
    assert waiting is not None
    assert len(waiting.lines) == 30, "and a run of a few tables takes nothing off the list"
    assert planned(run, removals(2, since=40), scoped=True)[0] == ["F40", "F41"], "what is new goes"
    assert planned(run, few)[0] == ["F0", "F1", "F2"], "a whole run finds that there is little left"
    assert run.ledger.parked.get(run.name, KEY, TAGS) is None


def test_a_dry_run_notes_nothing_and_uses_up_no_approval(run: Run) -> None:
    _, (parked,) = planned(run, removals(30))
    run.ledger.parked.approve(parked.code)
    known = run.ledger.parked.get(run.name, KEY, TAGS)
    run.dry_run = True
    planned(run, [])
    assert run.ledger.parked.get(run.name, KEY, TAGS) == known


def test_what_is_held_and_waits_to_go_is_told_by_its_place(run: Run) -> None:
    held = [Change(TAGS, "create", f"field:{n}", f"F{n}", "pii", after="PII") for n in range(31)]
    run.ledger.settle("run-0", run.name, KEY, [Outcome(change, "applied") for change in held])
    assert waiting_removals(run, [run.name], TAGS) == set()
    planned(run, removals(30))
    waiting = {(run.name, f"field:{n}", "pii") for n in range(30)}
    assert waiting_removals(run, [run.name], TAGS) == waiting
    assert waiting_removals(run, [run.name], "tags") == set()
    assert waiting_removals(run, ["alation"], TAGS) == set()


def test_what_only_is_out_of_sight_is_not_unwanted(run: Run) -> None:
    create = Change(TAGS, "create", "field:1", "F1", "pii", after="PII")
    run.ledger.settle("run-0", run.name, KEY, [Outcome(create, "applied")])
    for gone in (False, True):
        waiting, parked, _ = park_vanished(run, KEY, run.ledger.holdings.of(KEY), gone=gone)
        note_parked(run, KEY, [TAGS], waiting, parked, scoped=False)
        assert bool(waiting_removals(run, [run.name], TAGS)) is gone


@pytest.mark.rule("5.5", GUARDED)
@pytest.mark.parametrize("gone", [True, False])
def test_of_a_vanished_datastore_only_what_is_proved_gone_can_be_approved(run: Run, gone: bool) -> None:
    held = [
        Holding(
            integration=run.name, surface=TAGS, target="field:1", key="pii", datastore=KEY, value="PII",
            run_id="run-0", set_at=1.0,
        )
    ]  # fmt: skip
    waiting, (parked,), approved = park_vanished(run, KEY, held, gone=True)
    note_parked(run, KEY, [TAGS], waiting, [parked], scoped=False)
    assert (len(waiting), approved) == (1, [])
    assert run.ledger.parked.approve(parked.code)
    waiting, (parked,), approved = park_vanished(run, KEY, held, gone=gone)
    assert approved == (held if gone else [])
    assert [line.status for line in waiting] == ([] if gone else ["parked"])
    if not gone:
        assert parked.code == "", "nothing to approve it by"


@pytest.mark.parametrize("gone", [True, False])
def test_what_is_left_off_on_a_vanished_datastore_waits_for_nobody(run: Run, gone: bool) -> None:
    memory = Holding(
        integration=run.name, surface=TAGS, target="field:1", key="pii", datastore=KEY, run_id="run-0",
        set_at=1.0, extra={"left_off": True},
    )  # fmt: skip
    assert park_vanished(run, KEY, [memory], gone=gone) == ([], [], [memory] if gone else [])
