"""What changed between a plan and its write, as far as a push looks again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.push import apply_quality
from qsync_pipeline.sync.write_permissions import Permissions
from qsync_pipeline_tests.sync.fakes import KEY, FakeCatalog, config_in, plan_of, run_on
from qsync_pipeline_tests.sync.test_quality_writes import announce, assets, score


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as one:
        yield one


@pytest.mark.rule("3", "Starts that bypass the queue")
def test_what_was_planned_before_a_wait_is_written_only_where_it_is_still_due(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qsync_pipeline.sync.claiming.time.sleep", lambda seconds: None)
    done, due, gone = assets(3)
    catalog = FakeCatalog([done, due])
    run = run_on(config_in(tmp_path), ledger, catalog=catalog)
    claim = ledger.claims.acquire(run.name, KEY, "the other run", host="there", pid=1)
    assert claim is not None
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        catalog.assets[done.id] = replace(done, attributes={"Quality Score Total": 1.0})
        ledger.claims.release(claim)

    run.say = say
    tally = apply_quality(run, KEY, plan_of(*map(score, [done, due, gone])), Permissions())
    assert "the other run" in said[0]
    assert catalog.written == [(due.id,)]
    counts = tally.counts["custom_metadata"]
    assert (counts["applied"], counts["unchanged"], counts["skipped"]) == (1, 1, 1)


def test_an_alert_that_somebody_cleared_since_the_plan_is_not_cleared_again(
    tmp_path: Path, ledger: Ledger
) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    run = run_on(config_in(tmp_path), ledger, catalog=catalog)
    clear = replace(announce(asset), action="update", after=None)
    tally = apply_quality(run, KEY, plan_of(clear), Permissions())
    assert tally.counts["announcements"]["unchanged"] == 1
    assert catalog.written == []
