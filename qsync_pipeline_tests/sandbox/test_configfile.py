"""The qsync.yaml that a sandbox writes: it loads, its secrets are in files, a person's is left alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.configfile import Served, remove_former, write_config
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.systems import SYSTEMS, Plot
from qsync_pipeline.sandbox.testing import ALATION_ONLY, running_sandbox
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.sandbox.fakes import FAKES, empty_estate, fake_kind

SERVED = (
    Served("qualytics", "http://127.0.0.1:8001", {"token": "fake-q"}, {"api_path": "/gateway/api"}),
    Served("atlan", "http://127.0.0.1:8002", {"token": "fake-a"}, {"requests_per_minute": 600}),
    Served("alation", "http://127.0.0.1:8003", {"user_id": "7", "refresh_token": "fake-r"}),
)
DOMAINS = ("Sales", 'Finance/Risk: "EU" & #1', "Größe")


@pytest.mark.rule("5.5", "The sandbox's config sets")
def test_the_config_loads_and_says_what_the_sandbox_serves(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path, SERVED, domains=DOMAINS, title="a test"), env={})
    assert config.qualytics.api_url == "http://127.0.0.1:8001/gateway/api"
    assert config.qualytics.token.reveal({}) == "fake-q"
    atlan, alation = config.integrations
    assert (atlan.name, atlan.type, atlan.url) == ("atlan", "atlan", "http://127.0.0.1:8002")
    assert (alation.type, alation.domains) == ("alation", DOMAINS)
    assert atlan.domains == DOMAINS
    assert (atlan.first_write, atlan.event_driven, atlan.announcements, atlan.overwrite_tags) == (
        True,
        True,
        True,
        False,
    )


def test_secrets_stand_in_files_of_their_own_that_only_the_owner_may_read(tmp_path: Path) -> None:
    text = write_config(tmp_path, SERVED, domains=(), title="a test").read_text(encoding="utf-8")
    assert "fake-" not in text
    document = yaml.safe_load(text)
    assert document["integrations"][0]["token"] == {"file": "atlan.token"}
    assert document["integrations"][1]["user_id"] == 7
    secrets = {path.name: path for path in tmp_path.iterdir() if path.suffix != ".yaml"}
    assert set(secrets) == {"qualytics.token", "atlan.token", "alation.refresh_token"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.values()} == {0o600}


def test_a_config_may_be_written_again_with_other_secrets(tmp_path: Path) -> None:
    write_config(tmp_path, SERVED, domains=(), title="one")
    (tmp_path / "atlan.token").chmod(0o644)
    write_config(tmp_path, SERVED, domains=(), title="two")
    assert stat.S_IMODE((tmp_path / "atlan.token").stat().st_mode) == 0o600


def test_a_config_that_a_person_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "qsync.yaml").write_text("qualytics: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not written by a sandbox"):
        write_config(tmp_path, SERVED, domains=(), title="a test")
    remove_former(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["qsync.yaml"]


def test_a_fresh_directory_has_no_ledger_of_an_earlier_sandbox(tmp_path: Path) -> None:
    place = tmp_path / "place"
    write_config(place, SERVED, domains=(), title="earlier")
    (place / ".qsync").mkdir()
    with running_sandbox(empty_estate(), kinds=FAKES, directory=place, fresh=True) as sandbox:
        assert sandbox.config == place / "qsync.yaml"
        assert not (place / ".qsync").exists()
    assert sandbox.config.is_file()


def test_a_running_sandbox_writes_the_domains_of_its_estate() -> None:
    kinds = (*FAKES, fake_kind("alation"))
    with running_sandbox(empty_estate(), kinds=kinds) as sandbox:
        config = load_config(sandbox.config, env={})
        assert [one.url for one in config.integrations] == [sandbox.urls["atlan"], sandbox.urls["alation"]]
        assert config.integrations[0].domains == ("Sales & Co: EU",)


@pytest.mark.parametrize(("scale", "budget"), [(1.0, 300), (0.1, 30), (100.0, 10_000), (0.001, 1)])
def test_the_budget_for_atlan_follows_the_rate_limit_scale(scale: float, budget: int) -> None:
    atlan = next(kind for kind in SYSTEMS if kind.name == "atlan")
    plot = Plot(empty_estate(), VirtualClock(), switches=None, rate_limit_scale=scale)
    assert atlan.settings(plot) == {"requests_per_minute": budget}


@pytest.mark.parametrize(("throttling", "budget"), [("off", 10_000), ("documented", 600)])
def test_nobody_waits_for_an_alation_that_does_not_throttle(throttling: str, budget: int) -> None:
    switches = {"alation": {"throttling": throttling}}
    with running_sandbox(empty_estate(), kinds=ALATION_ONLY, switches=switches) as sandbox:
        [alation] = load_config(sandbox.config, env={}).integrations
        assert alation.requests_per_minute == budget
