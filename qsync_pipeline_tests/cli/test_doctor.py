"""``qsync doctor``: what is there, what is not, and what to do about it."""

from __future__ import annotations

import json
from typing import Any

from qsync_pipeline.ledger.schema import HEAD
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline_tests.cli.conftest import Qsync, Said, edited, files, world


def findings(said: Said) -> dict[tuple[str, str], dict[str, Any]]:
    """The lines by system and check; of several, the first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in json.loads(said.out)["findings"]:
        found.setdefault((one["area"], one["what"]), one)
    return found


def test_a_sound_installation(qsync: Qsync, sandbox: RunningSandbox) -> None:
    before, on_disk = world(sandbox), files(sandbox.config.parent)
    said = qsync("doctor", "--config", sandbox.config, "--json")
    assert said.status == 0, said.err
    found = findings(said)
    assert {one["verdict"] for one in found.values()} == {"ok"}
    assert str(sandbox.config) in found["config", "valid"]["detail"]
    assert "not there yet" in found["ledger", "reachable"]["detail"]
    assert "build " in found["qualytics", "reachable"]["detail"]
    assert "expires 2" in found["qualytics", "credentials"]["detail"]
    assert found["qualytics", "datastores"]["detail"].startswith("3 ")
    assert found["qualytics", "tag mode"]["detail"].startswith("managed: ")
    assert "a minute" in found["qualytics", "requests"]["detail"]
    assert sandbox.urls["atlan"] in found["atlan", "reachable"]["detail"]
    assert "expires 2" in found["atlan", "credentials"]["detail"]
    assert "5 connections, 6 schemas" in found["atlan", "domains"]["detail"]
    assert found["atlan", "placement"]["detail"] == "3 matched"
    assert "300 a minute" in found["atlan", "requests"]["detail"]
    assert world(sandbox) == before
    assert files(sandbox.config.parent) == on_disk  # not even a ledger
    for one in sandbox.ready().values():
        if isinstance(one, dict) and "token" in one:
            assert one["token"] not in said.out + said.err


def test_the_ledgers_schema_is_named_once_there_is_one(qsync: Qsync, sandbox: RunningSandbox) -> None:
    qsync("sync", "--config", sandbox.config, "--quiet", "--direction", "push")
    said = qsync("doctor", "--config", sandbox.config)
    assert "ok       ledger: reachable: sqlite:///" in said.out
    assert f"schema {HEAD}" in said.out
    assert "\x1b" not in said.out


def test_every_configured_domain_is_found_by_its_path(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, "domains: []", "domains: [Sales, Risk, Innovation Lab]")
    said = qsync("doctor", "--config", config)
    assert said.status == 0
    assert "ok       atlan: domain: Sales, with 1 subdomains: 3 schemas" in said.out
    assert "atlan: domain: Finance/Risk: 0 schemas" in said.out  # a table in it, no schema
    assert "warning  atlan: domain: Innovation Lab: 0 schemas" in said.out


def test_an_unknown_domain_is_the_configs_fault(qsync: Qsync, sandbox: RunningSandbox) -> None:
    said = qsync("doctor", "--config", edited(sandbox, "domains: []", "domains: [Nowhere]"))
    assert said.status == 2
    assert 'domain "Nowhere"' in said.out
    assert "Innovation Lab" in said.out  # what there is


def test_one_system_out_of_reach_leaves_the_other_examined(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, sandbox.urls["qualytics"], "http://127.0.0.1:1")
    said = qsync("doctor", "--config", config, "--json")
    assert said.status == 3
    found = findings(said)
    broken = found["qualytics", "reachable"]
    assert broken["verdict"] == "failed"
    assert "Connection refused" in broken["detail"]
    assert broken["todo"].startswith("Check that the URL in the config is right")
    assert ("qualytics", "credentials") not in found
    assert found["atlan", "credentials"]["verdict"] == "ok"


def test_an_expired_token(qsync: Qsync, sandbox: RunningSandbox) -> None:
    sandbox.systems["qualytics"].expire_token()  # type: ignore[attr-defined]  # that system's own hook
    said = qsync("doctor", "--config", sandbox.config, "--json")
    assert said.status == 3
    broken = findings(said)["qualytics", "credentials"]
    assert broken["verdict"] == "failed"
    assert "qualytics.token" in broken["detail"] + broken["todo"]


def test_a_datastore_without_a_place_comes_with_the_reason(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, "domains: []", "mappings: [{datastore: CRM, catalog: [crm.nowhere]}]")
    said = qsync("doctor", "--config", config)
    assert said.status == 0
    assert "ok       atlan: placement: 2 matched, 1 absent" in said.out
    assert 'warning  atlan: placement: 2-crm: absent: the mapping names "crm.nowhere"' in said.out


def test_native_tags_that_the_deployment_does_not_offer(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, "qualytics:\n", "qualytics:\n  external_tags: native\n")
    said = qsync("doctor", "--config", config)
    assert said.status == 1
    assert "failed   qualytics: tag mode: native is configured" in said.out
    assert "-> Set qualytics.external_tags to auto or managed." in said.out


def test_native_tags_where_they_are_offered(qsync: Qsync) -> None:
    with running_sandbox(
        "small", switches={"qualytics": {"external_tags": "true"}}, kinds=ATLAN_ONLY
    ) as sandbox:
        said = qsync("doctor", "--config", sandbox.config)
    assert "tag mode: native: this deployment's API lets external tags be created" in said.out
