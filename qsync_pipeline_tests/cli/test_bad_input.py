"""Bad input: a message that names the offending word, the right exit status, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync, edited, world

IN_MEMORY = pytest.mark.usefixtures("in_memory")

COMMANDS = ("sync", "plan")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_usage(qsync: Qsync, command: str) -> None:
    said = qsync(command, "--wat")
    assert said.status == 2
    assert "--wat" in said.err


def test_a_direction_that_is_none_is_usage(qsync: Qsync) -> None:
    said = qsync("sync", "--direction", "sideways")
    assert said.status == 2
    assert "sideways" in said.err


@pytest.mark.parametrize("command", [*COMMANDS, "doctor"])
def test_a_config_that_is_not_there(qsync: Qsync, command: str, tmp_path: Path) -> None:
    said = qsync(command, "--config", tmp_path / "nowhere.yaml")
    assert said.status == 2
    assert "nowhere.yaml" in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [*COMMANDS, "doctor"])
def test_without_a_config_and_without_a_sandbox_it_is_said_what_to_do(qsync: Qsync, command: str) -> None:
    said = qsync(command)
    assert said.status == 2
    assert all(word in said.out + said.err for word in ("qsync.yaml", "QSYNC_CONFIG", "qsync sandbox"))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("domains: []", "domians: []", "domians"),
        ("announcements: true", "announcements: perhaps", "perhaps"),
        ("{file: atlan.token}", "{env: ATLAN_KEY_THAT_IS_NOT_SET}", "ATLAN_KEY_THAT_IS_NOT_SET"),
        ("{file: atlan.token}", "sooner-or-later", "literal secret"),
        ("{file: atlan.token}", "{file: no.token}", "no.token"),
        ("http://127.0.0.1", "ftp://127.0.0.1", "ftp://127.0.0.1"),
        ("type: atlan", "type: collibra", "collibra"),
    ],
)
def test_a_wrong_config_is_told_with_file_and_line(
    qsync: Qsync, sandbox: RunningSandbox, old: str, new: str, word: str
) -> None:
    config = edited(sandbox, old, new)
    said = qsync("sync", "--config", config, "--json")
    assert said.status == 2
    assert word in said.err
    assert f"{config}:" in said.err
    assert "sooner-or-later" not in said.err + said.out
    assert said.object["integrations"] == {}
    assert word in said.object["error"]
    assert not (config.parent / ".qsync").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_integration_is_named_with_those_there_are(
    qsync: Qsync, sandbox: RunningSandbox, command: str
) -> None:
    said = qsync(command, "--config", sandbox.config, "--integration", "atlas")
    assert said.status == 2
    assert "atlas" in said.err
    assert "Did you mean atlan?" in said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_datastore_is_named_with_those_there_are(
    qsync: Qsync, sandbox: RunningSandbox, command: str
) -> None:
    said = qsync(command, "--config", sandbox.config, "--datastore", "2-crn")
    assert said.status == 2
    assert said.err.strip() == (
        "qsync: --datastore: found no 2-crn; there are: 1-sales-warehouse, 2-crm, 3-web-shop. "
        "Did you mean 2-crm?"
    )


@pytest.mark.parametrize("code", ["ed436abe", ""])
def test_a_code_under_which_nothing_waits_is_no_approval(
    qsync: Qsync, sandbox: RunningSandbox, code: str
) -> None:
    before = world(sandbox)
    said = qsync("sync", "--config", sandbox.config, "--approve", code)
    assert said.status == 2
    assert f"nothing waits under {code or repr('')}; codes there are: none" in said.err
    assert world(sandbox) == before


@IN_MEMORY
@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_domain_is_the_configs_fault(qsync: Qsync, sandbox: RunningSandbox, command: str) -> None:
    before = world(sandbox)
    config = edited(sandbox, "domains: []", "domains: [Sales, Nowhere]")
    said = qsync(command, "--config", config, "--json")
    assert said.status == 2
    [failed] = said.atlan["failed"]
    assert '"Nowhere"' in failed["reason"]
    assert "Sales/Retail" in failed["reason"]
    assert world(sandbox) == before


@pytest.mark.parametrize("system", ["qualytics", "atlan"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreachable_system(qsync: Qsync, sandbox: RunningSandbox, command: str, system: str) -> None:
    before = world(sandbox)
    nobody = "http://127.0.0.1:1"  # the port of tcpmux, where nobody listens
    said = qsync(command, "--config", edited(sandbox, sandbox.urls[system], nobody), "--json")
    assert said.status == 3
    assert "127.0.0.1:1 cannot be reached" in said.err
    assert said.object["integrations"] == {} or said.atlan["failed"]
    assert world(sandbox) == before


@IN_MEMORY
@pytest.mark.parametrize("system", ["qualytics", "atlan"])
@pytest.mark.rule("5.6", "401 stops the run")
def test_an_expired_token_says_what_to_do(qsync: Qsync, sandbox: RunningSandbox, system: str) -> None:
    before = world(sandbox)
    token = sandbox.ready()[system]["token"]
    expire = sandbox.systems[system].expire_token  # type: ignore[attr-defined]  # each system's own hook
    expire(token) if system == "atlan" else expire()
    said = qsync("sync", "--config", sandbox.config, "--json")
    assert said.status == 3
    assert "make a new one and update" in said.err
    assert f"{system}.token" in said.err
    assert token not in said.err + said.out
    assert world(sandbox) == before


@IN_MEMORY
@pytest.mark.parametrize(
    ("system", "route"), [("qualytics", "/api/datastores"), ("atlan", "/api/meta/search/indexsearch")]
)
@pytest.mark.rule("5.6", "A 200 with HTML is an error")
def test_html_instead_of_json_is_no_empty_list(
    qsync: Qsync, sandbox: RunningSandbox, system: str, route: str
) -> None:
    before = world(sandbox)
    sandbox.control.faults({"system": system, "route": route, "kind": "html"})
    said = qsync("sync", "--config", sandbox.config, "--json")
    assert said.status == 3
    assert system in said.err
    assert "HTML" in said.err
    assert "Traceback" not in said.err
    assert world(sandbox) == before


@IN_MEMORY
def test_a_page_without_its_envelope_is_no_empty_list(qsync: Qsync, sandbox: RunningSandbox) -> None:
    sandbox.control.faults(
        {"system": "qualytics", "route": "/api/datastores", "kind": "drop_key", "key": "items"}
    )
    said = qsync("sync", "--config", sandbox.config, "--json")
    assert said.status == 1
    assert "/datastores" in said.object["error"]


@pytest.mark.parametrize(
    ("home", "word"), [("relative/home", "an absolute path"), ("/no/such/home", "no directory")]
)
def test_a_dagster_home_that_is_none(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, home: str, word: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    said = qsync("sync", "--config", sandbox.config)
    assert said.status == 2
    assert "DAGSTER_HOME" in said.err
    assert word in said.err


@pytest.mark.parametrize(
    ("url", "status", "word"),
    [
        ("postgresql://qsync@127.0.0.1:1/qsync", 3, "127.0.0.1:1/qsync"),
        ("sqlite:///atlan.token", 2, "atlan.token: file is not a database"),
        ("sqlite:///.", 2, "unable to open"),
    ],
)
@pytest.mark.parametrize("command", [*COMMANDS, "history"])
def test_a_ledger_that_cannot_be_opened(
    qsync: Qsync, sandbox: RunningSandbox, command: str, url: str, status: int, word: str
) -> None:
    before = world(sandbox)
    said = qsync(
        command, "--config", edited(sandbox, "integrations:", f"ledger: {{url: '{url}'}}\nintegrations:")
    )
    assert said.status == status
    assert word in said.err
    assert "Traceback" not in said.err
    assert world(sandbox) == before


def test_settings_that_dagster_refuses(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetri: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    said = qsync("sync", "--config", sandbox.config)
    assert said.status == 2
    assert "telemetri" in said.err
    assert "Traceback" not in said.err
