"""``qsync apply``, ``approve``, ``revert`` and ``retire`` as commands: what they ask, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync, files, world

IN_MEMORY = pytest.mark.usefixtures("in_memory")


def test_what_cannot_be_meant_is_a_matter_of_usage(
    qsync: Qsync, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    config = ("--config", sandbox.config)
    no_plan = tmp_path / "no.plan"
    no_plan.write_text("hello\n", encoding="utf-8")
    for words, said in (
        (("apply", no_plan), "no plan"),
        (("apply", tmp_path / "absent"), "cannot be read"),
        (("approve", "c0dec0de"), "nothing waits under c0dec0de"),
        (("revert", "00000000"), "the journal has no run"),
        (("revert", "00000000-aaaa-4bbb-8ccc-0123456789ab"), "no run 00000000-aaaa-4bbb-8ccc-0123456789ab"),
        (("retire", "nobody"), "found no"),
    ):
        answer = qsync(*words, *config)
        assert answer.status == 2, words
        assert said in answer.err, words


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
def test_a_ledger_that_knows_of_nothing_retires_nothing_and_says_so(
    qsync: Qsync, sandbox: RunningSandbox
) -> None:
    answer = qsync("retire", "atlan", "--yes", "--quiet", "--config", sandbox.config)
    assert answer.status == 1
    assert "qsync sync --adopt" in answer.err


def test_what_waits_is_counted_by_lines_and_not_by_objects(qsync: Qsync, sandbox: RunningSandbox) -> None:
    with Ledger.open(load_config(sandbox.config).ledger.reveal_url()) as ledger:
        ledger.parked.put(
            "atlan", "1-x", "external_tags", ["T"], "why", "r", code="c1", lines=["a", "b", "c"]
        )
        (shown,) = json.loads(qsync("approve", "--config", sandbox.config, "--json").out)["parked"]
        ledger.parked.clear("atlan", "1-x")
    assert (shown["code"], shown["lines"]) == ("c1", 3)


@IN_MEMORY
def test_without_anybody_to_ask_nothing_is_done(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ("--config", sandbox.config)
    assert qsync("approve", *config).out == "nothing waits for approval\n"
    assert qsync("sync", *config, "--quiet").status == 0
    sandbox.control.advance(5)
    before, on_disk = world(sandbox), files(sandbox.config.parent / ".qsync" / "tables")
    answer = qsync("retire", "atlan", *config, "--quiet")
    assert answer.status == 2
    assert "--yes" in answer.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda question, err: False)
    answer = qsync("retire", "atlan", *config, "--quiet")
    assert answer.status == 1
    assert "nothing was done" in answer.err
    assert world(sandbox) == before
    assert files(sandbox.config.parent / ".qsync" / "tables") == on_disk
