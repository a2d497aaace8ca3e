"""Secrets stay in their environment variable or file, though the systems give them away in their answers."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
import yaml

from qsync_pipeline import cli
from qsync_pipeline.assets.common import told
from qsync_pipeline.transport.redact import register_secret, scrub
from qsync_pipeline_tests.e2e.alation import QUICK_JOBS
from qsync_pipeline_tests.live.harness import Live, live, until
from qsync_pipeline_tests.security.planted import Planted, answers_of, texts_of
from qsync_pipeline_tests.warm import warm_qsync

HOOK = "obviously-fake-webhook-secret-4711"
OURS = {"system": "qualytics"}
SCORED = {"do": "set_score", "dimension": "completeness", "value": 12.5}
FILES = ("qualytics.token", "atlan.token", "alation.refresh_token", "webhooks.secret")
NOTIFY = "http://127.0.0.1:9/hooks/obviously-fake-notify-path-0815"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("planted"), "small", 5, switches={"alation": QUICK_JOBS}) as one:
        yield one


def gossip(system: str, **more: Any) -> dict[str, Any]:
    """A fault rule: the system repeats what it was asked with, in body and headers."""
    return {"system": system, "echo": True, **more}


def run(world: Live, *arguments: str) -> tuple[int, str]:
    """A command to its end: its status, and all it said."""
    done = subprocess.run(
        [warm_qsync(), *arguments],
        env={**world.env, "QSYNC_NOTIFY_URL": NOTIFY},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def said(world: Live) -> list[tuple[str, str]]:
    """What the commands said: a good sync, a look around, and syncs that failed in many ways."""
    config = world.sandbox.config
    (config.parent / "webhooks.secret").write_text(HOOK)
    settings = yaml.safe_load(config.read_text())
    settings["notify"] = {"webhook": {"url": {"env": "QSYNC_NOTIFY_URL"}}}
    config.write_text("# Written by `qsync sandbox`, edited by a test\n" + yaml.safe_dump(settings))
    control, all_said = world.control, []

    def note(what: str, expected: set[int], *arguments: str) -> None:
        status, text = run(world, *arguments)
        assert status in expected, (what, status, text[-3000:])
        all_said.append((what, text))

    tables = [row["name"] for row in control.state("qualytics", like="%") if row["kind"] == "table"][:8]
    control.mutate(
        *(OURS | SCORED | {"asset": name} for name in tables),
        *(OURS | {"do": "raise_anomaly", "rule": "notNull", "asset": name} for name in tables),
    )  # fmt: skip
    control.advance(300)
    write = ["POST", "PUT", "PATCH", "DELETE"]
    control.faults(
        gossip("atlan", route="/api/meta/entity/bulk*", status=403, method=write),
        gossip("alation", route="/integration/v2/custom_field_value*", status=500, method=write),
        gossip("alation", route="/integration/flag/*", status=400, method=write),
        gossip("qualytics", route="/api/anomalies*", status=503, count=1),
        gossip("qualytics", route="/api/containers*", status=403, skip=2, count=2),
        gossip("atlan", route="/api/meta/search/indexsearch*", status=302, skip=6, count=1),
    )
    note("a sync with refusals", {1, 3}, "sync", "--json")
    control.clear_faults()
    control.faults(gossip("atlan", status=401), gossip("alation", status=401))
    note("a sync with refused credentials", {1, 3}, "sync")
    control.clear_faults()
    control.faults(gossip("qualytics", status=401), gossip("atlan", kind="html", status=200))
    note("a look around", {3}, "doctor", "--json")
    control.clear_faults()
    all_said.append(("the receiver", receiver(world)))
    return all_said


def receiver(world: Live) -> str:
    """What ``qsync webhooks`` says to callers with the right secret, a wrong one, and one in the URL."""
    log = world.directory / "receiver.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "qsync_pipeline", "webhooks", "--port", "0"],
            env={**world.env, "QSYNC_NOTIFY_URL": NOTIFY}, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        url = until(lambda: next((line.split()[-1] for line in log.read_text().splitlines()
                                  if line.startswith("webhooks: ")), None), "the receiver")  # fmt: skip
        for headers, query in (({"Authorization": f"Bearer {HOOK}"}, ""), ({}, f"?secret={HOOK}"),
                               ({"Authorization": "Bearer no"}, ""), ({"X-Hook": HOOK}, "")):  # fmt: skip
            answer = requests.post(
                f"{url}/qualytics{query}", json={"secret": HOOK}, headers=headers, timeout=30
            )
            assert HOOK not in answer.text
    finally:
        process.terminate()
        process.wait(30)
    return log.read_text()


@pytest.fixture(scope="module")
def secrets(world: Live, said: list[tuple[str, str]]) -> dict[str, str]:
    """Every secret that there was, with each access token that Alation ever gave out."""
    ready = world.sandbox.ready()
    alation: Any = world.sandbox.systems["alation"]
    minted = list(alation.world.tokens.access)
    assert len(minted) > 1
    return {
        "Qualytics' token": ready["qualytics"]["token"],
        "Atlan's token": ready["atlan"]["token"],
        "Alation's refresh token": ready["alation"]["refresh_token"],
        **{f"access token {number} of Alation's": text for number, text in enumerate(minted)},
        "the webhooks' secret": HOOK,
        "where to notify": NOTIFY,
    }


@pytest.mark.rule("5.6", "Secrets never reach")
def test_no_command_says_a_secret(said: list[tuple[str, str]], secrets: dict[str, str]) -> None:
    planted = Planted(secrets)
    assert [leak for what, text in said for leak in planted.leaks(what, text)] == []
    text = dict(said)["a sync with refusals"]
    assert "***" in text, "nothing was given away, so nothing is proved"
    assert "403" in text


@pytest.mark.rule("5.6", "Secrets never reach")
def test_no_file_holds_a_secret_but_those_that_the_config_names(
    world: Live, said: list[tuple[str, str]], secrets: dict[str, str]
) -> None:
    """The ledger, Dagster's databases with every event, logs of steps, tables between stages, sync logs."""
    planted = Planted(secrets)
    beside = world.sandbox.config.parent
    own = [
        beside / name
        for name in ("qualytics.token", "atlan.token", "alation.refresh_token", "webhooks.secret")
    ]
    found, seen = [], set()
    for directory in (beside, world.directory):
        for name, text in texts_of(directory, own):
            seen.add(Path(name).suffix)
            found += planted.leaks(name, text)
    assert sorted(set(found)) == []
    assert {".db", ".sqlite", ".parquet", ".csv", ".yaml"} <= seen | {".sqlite" if ".db" in seen else ""}


@pytest.mark.rule("5.6", "Secrets never reach")
def test_the_uis_api_tells_no_secret(
    world: Live, said: list[tuple[str, str]], secrets: dict[str, str]
) -> None:
    world.env["QSYNC_NOTIFY_URL"] = NOTIFY
    world.start("webserver")

    def loaded() -> bool | None:
        try:
            data = world.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except (requests.RequestException, ValueError):
            return None
        return bool(data["repositoriesOrError"].get("nodes")) or None

    until(loaded, "the webserver")
    planted = Planted(secrets)
    found, failures = [], 0
    for where, text in answers_of(world.ask):
        found += planted.leaks(where, text)
        failures += text.count('"FAILURE"') + text.count("***")
    assert sorted(set(found)) == []
    assert failures > 5, "nothing failed, so nothing is proved"


@pytest.mark.rule("5.6", "Secrets never reach")
def test_a_fault_of_our_own_keeps_no_secret_in_what_dagster_stores_of_it() -> None:
    register_secret(HOOK)

    class Stub:
        def flush_requests(self) -> None:
            pass

    @dg.op
    def crash() -> None:
        with told(Stub(), "catalog_assets"):  # type: ignore[arg-type]  # all that the error's way needs
            try:
                raise KeyError(f"inner {HOOK}")
            except KeyError as error:
                error.add_note(f"noted {HOOK}")
                raise ValueError(f"outer {HOOK}") from error

    @dg.job
    def failing() -> None:
        crash()

    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False)
        events = [dg.serialize_value(event) for event in result.all_events]
        logs = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    assert not result.success
    stored = "\n".join([*events, *logs])
    assert "outer ***" in stored
    assert "inner ***" in stored
    assert HOOK not in stored


def test_a_command_that_crashes_shows_no_secret_and_obeys_no_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "planted-of-a-crash-0123456789"
    register_secret(secret)

    def crash(arguments: list[str]) -> int:
        raise RuntimeError(f"asked with {secret}\x1b[31m")

    monkeypatch.setattr(cli, "run", crash)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "RuntimeError: asked with ***\\x1b[31m" in said
    assert secret not in said


def test_masking_an_error_goes_through_groups_and_circles() -> None:
    register_secret(HOOK)
    first, second = ValueError(f"a {HOOK}", 7), RuntimeError(HOOK)
    first.__context__, second.__context__ = second, first
    scrub(ExceptionGroup("several", [first]))
    assert first.args == ("a ***", 7)
    assert second.args == ("***",)


@pytest.mark.rule("5.6", "Secrets never reach")
def test_a_secret_in_the_text_of_a_crash_is_masked_in_python_logs_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    register_secret(HOOK)
    with caplog.at_level(logging.INFO, "qsync"):
        logging.getLogger("qsync").info("%s", json.dumps({"url": f"https://x/?t={HOOK}"}))
    assert HOOK not in caplog.text
