"""Which file is read, what its defaults are, and what the docs say about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from qsync_pipeline.config import (
    AlationConfig,
    AtlanConfig,
    Config,
    example_config,
    load_config,
    reference_rows,
)
from qsync_pipeline.config.parts import AttributeName
from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.config.conftest import ENV, GOOD, Write

EXAMPLE_ENV = {
    "QUALYTICS_TOKEN": "fake-q",
    "ATLAN_API_KEY": "fake-a",
    "ALATION_REFRESH_TOKEN": "fake-r",
    "QSYNC_WEBHOOK_SECRET": "fake-w",
    "QSYNC_NOTIFY_URL": "fake-n",
    "QSYNC_MAIL_PASSWORD": "fake-m",
}


def test_the_argument_goes_before_the_variable_before_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("qsync.yaml", "variable.yaml", "argument.yaml"):
        (tmp_path / name).write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    variable = {**ENV, "QSYNC_CONFIG": "variable.yaml"}
    assert load_config("argument.yaml", env=variable).path == tmp_path / "argument.yaml"
    assert load_config(env=variable).path == tmp_path / "variable.yaml"
    assert load_config(env=ENV).path == tmp_path / "qsync.yaml"


def test_without_any_config_the_sandbox_is_used_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(env={}, check_secrets=False)
    atlan, alation = config.integrations
    urls = (config.qualytics.url, atlan.url, alation.url)
    assert urls == ("http://127.0.0.1:8710", "http://127.0.0.1:8711", "http://127.0.0.1:8712")
    assert config.qualytics.token.file == tmp_path / ".qsync/sandbox/qualytics.token"
    assert config.directory == tmp_path
    assert atlan.first_write
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_neither_a_config_nor_a_sandbox_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_config(env={})
    assert str(caught.value) == (
        f"{tmp_path}/qsync.yaml: found no such file, no --config, no QSYNC_CONFIG, and no sandbox that was "
        "started here; allowed: one of them. Write it (the README has an example), or run qsync sandbox."
    )


def test_paths_start_at_the_directory_of_the_config(write: Write, tmp_path: Path) -> None:
    config = load_config(write(GOOD), env=ENV)
    assert config.directory == tmp_path
    assert config.storage == tmp_path / ".qsync/tables"
    assert config.ledger.reveal_url() == f"sqlite:///{tmp_path}/.qsync/ledger.sqlite"
    absolute = load_config(write(f"{GOOD}ledger: {{url: 'sqlite:////var/l.db'}}\nstorage: /var/t\n"), env=ENV)
    assert (absolute.ledger.url, absolute.storage) == ("sqlite:////var/l.db", Path("/var/t"))


def test_a_setting_left_blank_takes_its_default(write: Write) -> None:
    assert load_config(write(f"{GOOD}    domains:\n    tags:\n"), env=ENV) == load_config(
        write(GOOD), env=ENV
    )


def test_integrations_may_share_settings_by_a_yaml_anchor(write: Write) -> None:
    text = GOOD.replace("- name", "- &first\n    name") + "  - {<<: *first, name: other, decimals: 2}\n"
    first, second = load_config(write(text), env=ENV).integrations
    assert second == first.model_copy(update={"name": "other", "decimals": 2})


def test_links_and_api_follow_the_url_unless_said_otherwise(write: Write) -> None:
    plain = load_config(write(GOOD), env=ENV).qualytics
    assert (plain.api_url, plain.ui) == ("https://acme.qualytics.io/api", "https://acme.qualytics.io")
    more = GOOD.replace(
        "  token: {env: Q}", "  token: {env: Q}\n  api_path: ''\n  ui_url: https://ui.acme.io/"
    )
    split = load_config(write(more), env=ENV).qualytics
    assert (split.api_url, split.ui) == ("https://acme.qualytics.io", "https://ui.acme.io")


def test_a_mapping_takes_ids_names_and_one_asset_or_several(write: Write) -> None:
    rows = "{datastore: 42, catalog: A.B}, {datastore: m, container: t, catalog: [x, y]}"
    text = f"{GOOD}    mappings: [{rows}]\n"
    one, two = load_config(write(text), env=ENV).integrations[0].mappings
    assert (one.datastore, one.container, one.catalog) == ("42", None, ("A.B",))
    assert (two.datastore, two.container, two.catalog) == ("m", "t", ("x", "y"))


def test_attributes_go_out_under_their_own_the_configured_or_the_prefixed_name(write: Write) -> None:
    text = f"{GOOD}    attributes: {{names: {{Check Count: Checks}}, drop: [URL]}}\n"
    atlan = load_config(write(text), env=ENV).integrations[0].attributes.wanted()
    assert list(atlan) == [name for name in ATTRIBUTES if name != "URL"]
    assert (atlan["Check Count"], atlan["Anomaly Count"]) == ("Checks", "Anomaly Count")
    alation = GOOD.replace("type: atlan", "type: alation\n    user_id: 1").replace(
        "    token", "    refresh_token"
    )
    wanted = load_config(write(alation), env=ENV).integrations[0].attributes.wanted()
    assert wanted["URL"] == "Qualytics URL"


def test_tags_of_databases_are_refused_for_alation_which_knows_none(write: Write) -> None:
    text = GOOD.replace("type: atlan", "type: alation\n    user_id: 1").replace(
        "    token", "    refresh_token"
    )
    assert load_config(write(text), env=ENV).integrations[0].tags.from_connection
    with pytest.raises(ConfigError, match="from_database: found true, and Alation knows no databases"):
        load_config(write(text + "    tags: {from_database: true}\n"), env=ENV)


def test_an_alation_takes_a_refresh_token_with_its_user_or_an_oauth_client(write: Write) -> None:
    head = GOOD.replace("type: atlan", "type: alation").replace("    token: {env: A}\n", "")
    (token,) = load_config(
        write(f"{head}    refresh_token: {{env: A}}\n    user_id: 7\n"), env=ENV
    ).integrations
    (client,) = load_config(
        write(f"{head}    client_id: app\n    client_secret: {{env: A}}\n"), env=ENV
    ).integrations
    assert isinstance(token, AlationConfig)
    assert isinstance(client, AlationConfig)
    assert (token.user_id, token.client_id) == (7, None)
    assert (client.client_id, client.refresh_token) == ("app", None)
    assert (token.requests_per_minute, token.page_size, token.job_timeout_seconds) == (600, 1000, 900)


def test_the_config_speaks_of_the_attributes_of_the_core() -> None:
    assert get_args(AttributeName) == ATTRIBUTES


@pytest.fixture
def example(write: Write) -> Config:
    return load_config(write(example_config()), env=EXAMPLE_ENV)


def test_the_example_loads_and_has_one_integration_of_each_type(example: Config) -> None:
    assert [type(one) for one in example.integrations] == [AtlanConfig, AlationConfig]


def test_the_example_shows_every_setting_of_the_reference() -> None:
    raw: dict[str, Any] = yaml.safe_load(example_config())
    kinds = {one["type"]: one for one in raw["integrations"]}
    for path, *_ in reference_rows():
        where: Any = raw
        for part in path.split("."):
            if part == "integrations[]":
                where = kinds["atlan"]
            elif part.startswith("integrations[type="):
                where = kinds[part.removeprefix("integrations[type=").removesuffix("]")]
            else:
                assert part.removesuffix("[]") in where, path
                where = where[part.removesuffix("[]")]
                where = where[-1] if part.endswith("[]") else where


def test_the_example_shows_defaults_where_it_does_not_say_otherwise(example: Config, write: Write) -> None:
    told = {
        "name",
        "type",
        "url",
        "token",
        "domains",
        "schedule",
        "objective_minutes",
        "attributes",
        "mappings",
        "datastores",
        "containers",
    }
    plain = load_config(write(GOOD), env=ENV).integrations[0]
    atlan = example.integrations[0]
    assert atlan.model_dump(exclude=told) == plain.model_dump(exclude=told)


def test_the_reference_names_each_setting_once_with_type_default_and_description() -> None:
    rows = reference_rows()
    assert len({row[0] for row in rows}) == len(rows)
    assert all(all(row) for row in rows)
    table = {row[0]: row[1:3] for row in rows}
    assert table["qualytics.page_size"] == ("a whole number from 1 to 100", "100")
    assert table["integrations[].name"][1] == "required"
    assert table["integrations[].type"] == ("atlan, alation", "required")
    assert table["integrations[].tags.propagated"] == ("true or false", "false")
    assert table["integrations[type=alation].user_id"] == ("a whole number from 1", "none")
    assert table["integrations[type=alation].job_timeout_seconds"][1] == "900"
    assert table["integrations[type=atlan].token"] == ("{env: NAME} or {file: PATH}", "required")
    assert table["storage"][1] == ".qsync/tables"
