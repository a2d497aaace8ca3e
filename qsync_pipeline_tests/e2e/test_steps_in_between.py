"""Plan files, reverting and retiring, when something else happens in between. One world, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from qsync_pipeline.core.rows import Change
from qsync_pipeline_tests.e2e.commands import Answer, qsync
from qsync_pipeline_tests.e2e.harness import World
from qsync_pipeline_tests.e2e.test_leaving import WORLDS, lasting

TOTAL = "Quality Score Total"
WRITES = {"atlan": "/api/meta/entity/bulk", "alation": "/integration/v2/custom_field_value/async/"}
REFUSAL = {"errorCode": "ATLAS-400-00-09D", "errorMessage": "it does not fit", "code": "400", "title": "no"}


@pytest.fixture(scope="module", params=sorted(WORLDS))
def one(request: pytest.FixtureRequest) -> Iterator[World]:
    made: AbstractContextManager[World] = WORLDS[request.param]()
    with made as opened:
        yield opened


def name_of(one: World) -> str:
    return one.catalogs[0]


def outcomes(answer: Answer, outcome: str) -> int:
    """How many lines ended so, over all surfaces."""
    [integration] = answer.object["integrations"].values()
    return sum(row.get(outcome, 0) for row in integration["outcome"].values())


def explained(one: World, asset: str) -> list[dict[str, Any]]:
    """What is told of each tag and value of an object."""
    answer = qsync(one, "explain", asset)
    assert answer.status == 0
    return [line for each in answer.object["explanations"] for line in each["lines"]]


def change(one: World, score: float, tag: str) -> str:
    """A score and a tag on the first table, as a scan and a person make them; returns the table."""
    table = one.tables(catalog=name_of(one))[0]
    one.qualytics("set_score", table, dimension="total", value=score)
    one.mutate({"system": name_of(one), "do": "tag", "asset": table, "tag": tag})
    return table


def test_lines_on_a_datastore_that_vanished_since_are_refused_and_the_rest_is_done(
    one: World, tmp_path: Path
) -> None:
    file = tmp_path / "plan.jsonl"
    assert qsync(one, "plan", "--out", file).status == 0
    lines = sum('"datastore":""' not in line for line in file.read_text("utf-8").splitlines()[1:])
    there = set(one.keys().values())
    one.qualytics("drop", "shop")
    (gone,) = there - set(one.keys().values())
    done = qsync(one, "apply", file)
    assert done.status == 1
    assert 0 < outcomes(done, "rejected") < lines
    assert outcomes(done, "applied") > 0
    assert "refused: " in done.said
    assert "gone or out of sight" in done.said
    with one.ledger() as ledger:
        assert ledger.holdings.of(gone) == []
    after = qsync(one, "sync")
    assert after.status == 0, "no run comes to that datastore again, so nothing stays red for it"
    one.quiet()


def test_a_key_that_can_be_no_datastore_is_no_line_of_a_plan(one: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.jsonl"
    assert qsync(one, "plan", "--out", file).status == 0
    change_ = {"surface": "external_tags", "action": "create", "target": "container:1", "name": "x"}
    line = {"integration": name_of(one), "datastore": "../../x", "stage": "tag_plan", "change": change_}
    file.write_text(file.read_text("utf-8").splitlines()[0] + "\n" + json.dumps(line), encoding="utf-8")
    refused = qsync(one, "apply", file)
    assert refused.status == 2
    assert "line 2: no key of a datastore" in refused.said


def test_a_revert_that_is_reverted_brings_back_what_the_run_had_made(one: World) -> None:
    table = change(one, 33.3, "To And Fro")
    ran = qsync(one, "sync")
    made = one.whole_state()
    back = qsync(one, "revert", ran.run_id, "--yes")
    assert back.status == 0
    assert explained(one, table)
    reverted = one.whole_state()
    assert reverted != made
    forth = qsync(one, "revert", back.run_id, "--yes")
    assert forth.status == 0
    assert {key for key in one.changed(made) if key[2] in ("attributes", "alert")} == set()
    assert "To And Fro" in one.tags("qualytics", table)
    assert one.attributes(table, name_of(one))[TOTAL] == 33.3
    assert qsync(one, "revert", forth.run_id, "--yes").status == 0
    assert "To And Fro" not in one.tags("qualytics", table)
    one.control.advance(5)
    assert one.sync().ok
    one.quiet()


def test_what_a_run_that_died_was_writing_is_reverted_where_it_arrived(one: World) -> None:
    table = change(one, 33.4, "Half Way")
    ran = qsync(one, "sync")
    arrived, lost = one.tables(catalog=name_of(one))[1:3]
    with one.ledger() as ledger:
        id_ = one.state("qualytics", table)["id"]
        held = ledger.holdings.get(name_of(one), "external_tags", id_, "half way")
        assert held is not None
        for other in (arrived, lost):
            id_ = one.state("qualytics", other)["id"]
            tag = Change("external_tags", "create", id_, other, "half way", after="Half Way")
            ledger.intend(ran.run_id, name_of(one), held.datastore, [tag])
    one.qualytics("tag", arrived, tag="Half Way")
    assert qsync(one, "revert", ran.run_id, "--yes").status == 0
    assert not any("Half Way" in one.tags("qualytics", other) for other in (table, arrived, lost))
    one.mutate({"system": name_of(one), "do": "untag", "asset": table, "tag": "Half Way"})
    one.control.advance(5)
    assert one.sync().ok
    one.quiet()


def test_a_plan_is_applied_and_reverted_with_other_tokens_than_it_was_made_with(
    one: World, tmp_path: Path
) -> None:
    file = tmp_path / "plan.jsonl"
    before = one.attributes(one.tables(catalog=name_of(one))[0], name_of(one))[TOTAL]
    table = change(one, 44.5, "Rotated")
    assert qsync(one, "plan", "--out", file).status == 0
    one.rotate("qualytics")
    one.rotate(name_of(one), "qsync")
    done = qsync(one, "apply", file)
    assert done.status == 0, done.said
    assert one.attributes(table, name_of(one))[TOTAL] == 44.5
    assert qsync(one, "revert", done.run_id, "--yes").status == 0
    assert one.attributes(table, name_of(one))[TOTAL] == before
    assert qsync(one, "sync").status == 0


def test_a_retirement_takes_along_what_stands_rejected_and_what_was_said_before_it(
    one: World, tmp_path: Path
) -> None:
    name, file = name_of(one), tmp_path / "plan.jsonl"
    table = change(one, 55.5, "Left Alone")
    assert qsync(one, "plan", "--out", file).status == 0
    one.control.faults(
        {"system": name, "method": ["POST", "PUT"], "route": WRITES[name], "status": 400, "body": REFUSAL}
    )
    assert qsync(one, "sync").status == 1
    one.control.clear_faults()
    assert qsync(one, "rejected", "list").object["rejected"]
    done = qsync(one, "retire", name, "--yes")
    assert done.status == 0, done.said
    assert qsync(one, "rejected", "list").object["rejected"] == []
    assert one.attributes(table, name) == {}
    late = qsync(one, "apply", file)
    assert late.status == 1, "what stood there when it was planned is gone"
    assert outcomes(late, "rejected") > 0
    assert one.attributes(table, name) == {}
    again = qsync(one, "retire", name, "--yes")
    assert again.status == 0

    retired = one.whole_state()
    back = qsync(one, "revert", done.run_id, "--yes")
    assert back.status == 0, back.said
    assert one.attributes(table, name)
    assert explained(one, table)
    assert qsync(one, "retire", name, "--yes").status == 0
    assert lasting(one.changed(retired)) == set()
