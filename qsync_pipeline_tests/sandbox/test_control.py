"""The control plane over HTTP: state, changes all or none, clock, and clear refusals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from qsync_pipeline.sandbox import rehearsal
from qsync_pipeline.sandbox.testing import Refused, RunningSandbox, running_sandbox
from qsync_pipeline_tests.sandbox.fakes import FAKES, FakeSystem, empty_estate


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with running_sandbox(empty_estate(), kinds=FAKES) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    for system in running.systems.values():
        assert isinstance(system, FakeSystem)
        system.tags = {"DB.S.A": [], "DB.S.B": []}
    running.control.clear_faults()
    return running


def test_the_root_lists_the_systems_and_what_there_is(sandbox: RunningSandbox) -> None:
    index = requests.get(sandbox.urls["control"], timeout=5).json()
    assert index["systems"] == ["qualytics", "atlan"]
    assert "POST /mutate" in index["endpoints"]


def test_state_is_found_by_name_and_by_pattern(sandbox: RunningSandbox) -> None:
    assert [entry["id"] for entry in sandbox.control.state("atlan", name="DB.S.A")] == ["DB.S.A"]
    assert len(sandbox.control.state("atlan", like="%DB.S%")) == 2
    assert sandbox.control.state("atlan", name="DB.S.NONE") == []


def test_a_change_answers_with_the_ids_touched(sandbox: RunningSandbox) -> None:
    changes = [
        _tag("atlan", "DB.S.A", "PII"),
        _tag("qualytics", "DB.S.B", "PII"),
        _tag("atlan", "DB.S.A", "X"),
    ]
    answer = _post(sandbox, "/mutate", {"changes": changes})
    assert answer.json() == {
        "ids": ["DB.S.A", "DB.S.B"],
        "changes": [
            {"system": "atlan", "do": "tag", "ids": ["DB.S.A"]},
            {"system": "qualytics", "do": "tag", "ids": ["DB.S.B"]},
            {"system": "atlan", "do": "tag", "ids": ["DB.S.A"]},
        ],
    }
    assert _tags(sandbox, "atlan", "DB.S.A") == ["PII", "X"]


def test_nothing_is_changed_when_a_later_change_is_impossible(sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused, match=r"changes\[1\]: asset: 'DB.S.NONE' does not exist") as refused:
        sandbox.control.mutate(_tag("atlan", "DB.S.A", "PII"), _tag("qualytics", "DB.S.NONE", "PII"))
    assert refused.value.status == 400
    assert _tags(sandbox, "atlan", "DB.S.A") == []


def test_nothing_is_changed_when_an_earlier_change_makes_a_later_one_impossible(
    sandbox: RunningSandbox,
) -> None:
    with pytest.raises(Refused, match=r"changes\[2\]: asset: 'DB.S.A' does not exist"):
        sandbox.control.mutate(
            _tag("atlan", "DB.S.B", "PII"),
            {"system": "atlan", "do": "drop", "asset": "DB.S.A"},
            _tag("atlan", "DB.S.A", "PII"),
        )
    assert _tags(sandbox, "atlan", "DB.S.A") == []
    assert _tags(sandbox, "atlan", "DB.S.B") == []


def test_a_change_may_build_on_an_earlier_one(sandbox: RunningSandbox) -> None:
    sandbox.control.mutate(
        {"system": "atlan", "do": "create", "asset": "DB.S.NEW"}, _tag("atlan", "DB.S.NEW", "PII")
    )
    assert _tags(sandbox, "atlan", "DB.S.NEW") == ["PII"]


def test_two_assets_swap_their_names_in_one_list(sandbox: RunningSandbox) -> None:
    sandbox.control.mutate(_tag("atlan", "DB.S.A", "was A"))
    sandbox.control.mutate(
        {"system": "atlan", "do": "rename", "asset": "DB.S.A", "to": "DB.S.X"},
        {"system": "atlan", "do": "rename", "asset": "DB.S.B", "to": "DB.S.A"},
        {"system": "atlan", "do": "rename", "asset": "DB.S.X", "to": "DB.S.B"},
    )
    assert _tags(sandbox, "atlan", "DB.S.B") == ["was A"]


def test_a_crash_in_a_rehearsal_changes_nothing(sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused, match="KeyError"):
        sandbox.control.mutate(
            _tag("atlan", "DB.S.A", "PII"), {"system": "atlan", "do": "tag", "asset": "DB.S.B"}
        )
    assert _tags(sandbox, "atlan", "DB.S.A") == []


def test_a_rehearsal_leaves_no_trace_in_this_process() -> None:
    seen: list[int] = []
    assert rehearsal.rehearse(lambda: seen.append(os.getpid())) is None
    assert seen == []


def test_a_rehearsal_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "PATIENCE", 0.05)
    verdict = rehearsal.rehearse(lambda: os.read(os.pipe()[0], 1))
    assert verdict is not None
    assert "took more than" in verdict


def test_the_clock_moves_for_every_system(sandbox: RunningSandbox) -> None:
    clock = sandbox.server.clock
    before = clock.now()
    assert sandbox.control.advance(3600) >= before + 3600
    assert clock.now() >= before + 3600


def test_faults_are_added_replaced_and_cleared(sandbox: RunningSandbox) -> None:
    _post(sandbox, "/faults", {"rules": [{"status": 500}]})
    _post(sandbox, "/faults", {"rules": [{"status": 502}]})
    assert [rule["status"] for rule in sandbox.control.faults_in_force()] == [500, 502]
    requests.put(sandbox.urls["control"] + "/faults", json={"rules": [{"status": 504}]}, timeout=5)
    assert [rule["status"] for rule in sandbox.control.faults_in_force()] == [504]
    sandbox.control.clear_faults()
    assert sandbox.control.faults_in_force() == []


def test_a_wrong_rule_leaves_the_rules_in_force_as_they_are(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"status": 500})
    answer = requests.put(sandbox.urls["control"] + "/faults", json={"rules": [{}, {"share": 2}]}, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "rules[1].share: 2 is not a number from 0 to 1",
    )
    assert len(sandbox.control.faults_in_force()) == 1


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/mutate", {}, "changes: needed, a list of objects"),
        ("/mutate", [], "changes: needed, a list of objects"),
        ("/mutate", {"changes": ["tag"]}, "changes: needed, a list of objects"),
        (
            "/mutate",
            {"changes": [{"do": "tag"}]},
            "changes[0].system: None is not allowed; allowed: qualytics, atlan",
        ),
        ("/mutate", {"changes": [{"system": ["atlan"]}]}, "changes[0].system: ['atlan'] is not allowed"),
        ("/mutate", {"changes": [{"system": "atlan"}]}, "changes[0]: do: None is not allowed; allowed: tag"),
        ("/clock/advance", {}, "seconds: None is not a number of seconds"),
        ("/clock/advance", {"seconds": -1}, "seconds: -1 is not a number of seconds"),
        ("/clock/advance", {"seconds": "9"}, "seconds: '9' is not a number of seconds"),
    ],
)
def test_a_wrong_request_is_told_what_is_allowed(
    sandbox: RunningSandbox, path: str, body: Any, message: str
) -> None:
    answer = _post(sandbox, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)


def test_a_body_that_is_no_json_is_refused(sandbox: RunningSandbox) -> None:
    answer = requests.post(sandbox.urls["control"] + "/mutate", data=b"{", timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "name, like: exactly one of the two is needed"),
        ("?name=a&like=b", "name, like: exactly one of the two is needed"),
        ("?nmae=a", "nmae: unknown parameter; allowed: name, like"),
    ],
)
def test_state_needs_one_name_or_pattern(sandbox: RunningSandbox, query: str, message: str) -> None:
    answer = requests.get(f"{sandbox.urls['control']}/state/atlan/assets{query}", timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, message)


def test_unknown_systems_paths_and_methods_are_named(sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused, match="no system 'collibra'; there are: qualytics, atlan") as refused:
        sandbox.control.state("collibra", name="x")
    assert refused.value.status == 404
    url = sandbox.urls["control"]
    assert requests.get(url + "/nothing", timeout=5).json() == {
        "error": "GET /nothing: there is no such thing; GET / lists what there is"
    }
    assert requests.get(url + "/mutate", timeout=5).status_code == 405


def _tag(system: str, asset: str, tag: str) -> dict[str, str]:
    return {"system": system, "do": "tag", "asset": asset, "tag": tag}


def _tags(sandbox: RunningSandbox, system: str, name: str) -> list[str]:
    [entry] = sandbox.control.state(system, name=name)
    tags: list[str] = entry["tags"]
    return tags


def _post(sandbox: RunningSandbox, path: str, body: Any) -> requests.Response:
    return requests.post(sandbox.urls["control"] + path, json=body, timeout=30)
