"""Secrets are named, not written; they are read late, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsync_pipeline.config import Secret, load_config
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.config.conftest import ENV, GOOD, Mistakes, Write

LITERAL = "fake-literal-secret"


def test_a_literal_secret_is_refused_with_the_line_that_would_be_right(mistakes: Mistakes) -> None:
    text = GOOD.replace("{env: A}", LITERAL).replace("{env: Q}", LITERAL)
    assert mistakes(text) == [
        (
            "qsync.yaml:3: qualytics.token: found a literal secret; allowed: {env: NAME} or {file: PATH}. "
            "Write instead: token: {env: QUALYTICS_TOKEN}."
        ),
        (
            "qsync.yaml:8: integrations[0].token: found a literal secret; allowed: {env: "
            "NAME} or {file: PATH}. "
            "Write instead: token: {env: ATLAN_API_KEY}."
        ),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "{hunter2}",
        "{hunter2: hunter2}",
        "{hunter2: 1, hunter2: 2}",
        "[hunter2]",
        "{env: hunter2, file: hunter2}",
        "{env: [hunter2]}",
        "{env: hunter-2/hunter2}",
        "*hunter2",
        "'hunter2",
        "!hunter2 x",
        "{env: 'hunter2}",
    ],
)
def test_a_secret_in_the_wrong_form_is_not_repeated(mistakes: Mistakes, value: str) -> None:
    assert "hunter" not in "\n".join(mistakes(GOOD.replace("{env: A}", value)))


def test_a_variable_that_is_missing_or_empty_is_reported_at_load(write: Write) -> None:
    path = write(GOOD)
    with pytest.raises(ConfigError) as caught:
        load_config(path, env={"Q": " \n"})
    assert str(caught.value).split("\n") == [
        (
            f"{path}:3: qualytics.token: found an empty environment variable Q; allowed: one line of text. "
            "Give Q its value."
        ),
        (
            f"{path}:8: integrations[0].token: found no environment variable A; allowed: a "
            f"variable that is set. "
            "Set it before starting: export A=..."
        ),
    ]


def test_a_secret_file_starts_at_the_directory_of_the_config(write: Write, tmp_path: Path) -> None:
    path = write(GOOD.replace("{env: A}", "{file: keys/atlan}"))
    with pytest.raises(
        ConfigError, match=f"no readable file {tmp_path}/keys/atlan .No such file or directory."
    ):
        load_config(path, env=ENV)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "atlan").write_text("fake-from-file\r\n")
    assert load_config(path, env=ENV).integrations[0].token.reveal() == "fake-from-file"  # type: ignore[union-attr]  # it is Atlan's


def test_definitions_load_before_their_secrets_are_there(write: Write) -> None:
    config = load_config(write(GOOD + "    ca_bundle: later.pem\n"), env={}, check_secrets=False)
    with pytest.raises(ConfigError, match="found no environment variable Q;"):
        config.qualytics.token.reveal({})
    assert config.qualytics.token.reveal(ENV) == "fake-qualytics-token"


@pytest.mark.parametrize("content", [b"", b"\n", b"fake one\nfake two", b"\xff\xfe"])
def test_a_file_without_one_line_of_text_is_no_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Secret(file=tmp_path / "t").reveal()
    assert "fake" not in str(caught.value)


def test_no_repr_holds_a_secret(write: Write) -> None:
    config = load_config(write(GOOD), env=ENV)
    assert "Secret(env='A', file=None)" in repr(config)
    assert not any(value in repr(config) + str(config) + config.model_dump_json() for value in ENV.values())


def test_a_secret_has_one_source() -> None:
    with pytest.raises(ValueError, match="a secret is"):
        Secret()


@pytest.mark.parametrize("url", ["postgresql://u:fake-pw@h/x", "postgresql://h/x?password=fake-pw"])
def test_a_ledger_url_with_a_password_has_to_come_from_elsewhere(mistakes: Mistakes, url: str) -> None:
    assert mistakes(f"{GOOD}ledger: {{url: '{url}'}}\n") == [
        (
            "qsync.yaml:9: ledger.url: found a URL with a password; allowed: sqlite:///PATH or "
            "postgresql://USER@HOST/NAME; with a password {env: NAME} or {file: PATH}. "
            "A URL with a password is a secret. Write instead: url: {env: QSYNC_LEDGER_URL}."
        )
    ]


def test_a_ledger_url_from_a_variable_is_read_and_checked_late(write: Write) -> None:
    url = "postgresql://u:fake-pw@h/x"
    ledger = load_config(write(f"{GOOD}ledger: {{url: {{env: L}}}}\n"), env={**ENV, "L": url}).ledger
    assert ledger.reveal_url({"L": url}) == url
    with pytest.raises(ConfigError, match="found something else in environment variable L;"):
        ledger.reveal_url({"L": "mongodb://fake-pw@h"})


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "postgres://h/x", "postgresql://h", "ledger.db"]
)
def test_a_ledger_that_would_not_last_or_is_of_another_kind_is_refused(mistakes: Mistakes, url: str) -> None:
    (message,) = mistakes(f"{GOOD}ledger: {{url: '{url}'}}\n")
    assert message.startswith(
        "qsync.yaml:9: ledger.url: found a URL that cannot be used; allowed: sqlite:///PATH"
    )
