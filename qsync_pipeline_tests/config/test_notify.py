"""Mistakes under ``notify``, and what its settings come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsync_pipeline.config import EmailConfig, NotifyConfig, WebhookConfig, load_config
from qsync_pipeline.config.notify import CAUSE_KINDS
from qsync_pipeline.config.secrets import Secret
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.config.conftest import ENV, GOOD, Mistakes, Write

ADDRESS = "an e-mail address such as data@example.com"
MAIL = "to: a@example.com, from: q@example.com, host: smtp.example.com"


def notify_of(write: Write, text: str) -> NotifyConfig:
    notify = load_config(write(f"{GOOD}notify: {text}\n"), env=ENV).notify
    assert notify is not None
    return notify


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{all_clear: true}",
            (
                "notify: found neither webhook nor email; allowed: at least one of the two. "
                "Add one of them, or leave notify out."
            ),
        ),
        (
            "{webhook: {url: https://hooks.example.com/obviously-fake}}",
            (
                "notify.webhook.url: found a literal secret; allowed: {env: NAME} or {file: PATH}. "
                "Write instead: url: {env: QSYNC_NOTIFY_URL}."
            ),
        ),
        (
            "{webhook: {url: {env: A}}, causes: [failed_runs]}",
            (
                "notify.causes[0]: found 'failed_runs'; allowed: failed_run, red_check, parked_scope, "
                "expiring_token. Did you mean failed_run?"
            ),
        ),
        (
            "{webhook: {url: {env: A}, format: slak}}",
            "notify.webhook.format: found 'slak'; allowed: json, slack. Did you mean slack?",
        ),
        (
            "{email: {to: a@example.com, host: smtp.example.com}}",
            f"notify.email.from: found nothing; allowed: {ADDRESS}. Add from: ...",
        ),
        (
            "{email: {to: Ann <a@example.com>, from: q@example.com, host: smtp.example.com}}",
            (
                f"notify.email.to: found 'Ann <a@example.com>'; allowed: {ADDRESS}. "
                "Write the bare address, without a name."
            ),
        ),
        (
            "{email: {to: [a@example.com, a@example.com], from: q@example.com, host: smtp.example.com}}",
            (
                "notify.email.to[1]: found a@example.com for the second time (first in line 9); allowed: "
                "each once. Remove one of the two."
            ),
        ),
        (
            "{email: {to: a@example.com, from: q@example.com, host: 'smtp.example.com:25'}}",
            (
                "notify.email.host: found 'smtp.example.com:25'; allowed: a host name or address. "
                "The port has a field of its own."
            ),
        ),
        (
            f"{{email: {{{MAIL}, sender: x@example.com}}}}",
            (
                "notify.email.sender: found an unknown field; allowed: ca_bundle, from, host, password, "
                "port, timeout_seconds, tls, to, user."
            ),
        ),
        (
            f"{{email: {{{MAIL}, user: qsync}}}}",
            "notify.email.user: found no password beside it; allowed: both or neither. Add password.",
        ),
        (
            f"{{email: {{{MAIL}, password: {{env: A}}}}}}",
            "notify.email.password: found no user beside it; allowed: both or neither. Add user.",
        ),
        (
            f"{{email: {{{MAIL}, tls: none, user: qsync, password: {{env: A}}}}}}",
            (
                "notify.email.tls: found none together with a password; allowed: starttls or tls. "
                "Encrypt the connection, or leave user and password out."
            ),
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(mistakes: Mistakes, text: str, message: str) -> None:
    (found,) = mistakes(f"{GOOD}notify: {text}\n")
    assert found.startswith(f"qsync.yaml:9: {message}")


def test_no_line_break_can_be_put_into_a_mails_head(mistakes: Mistakes) -> None:
    for field in ("to", "from"):
        raw = {"to": "a@example.com", "from": "q@example.com"} | {field: r"a@example.com\nBcc: x@example.com"}
        text = f'{{email: {{to: "{raw["to"]}", from: "{raw["from"]}", host: smtp.example.com}}}}'
        (found,) = mistakes(f"{GOOD}notify: {text}\n")
        assert f"notify.email.{field}" in found


def test_without_more_everything_is_told_and_mails_are_encrypted(write: Write) -> None:
    notify = notify_of(write, f"{{email: {{{MAIL}}}}}")
    assert (notify.causes, notify.all_clear, notify.webhook) == (CAUSE_KINDS, False, None)
    assert notify.email is not None
    assert (notify.email.to, notify.email.sender) == (("a@example.com",), "q@example.com")
    assert (notify.email.tls, notify.email.at_port, notify.email.login) == ("starttls", 587, None)


@pytest.mark.parametrize(("more", "port"), [("tls: tls", 465), ("tls: none", 25), ("port: 2525", 2525)])
def test_the_port_follows_from_the_encryption_unless_it_is_named(write: Write, more: str, port: int) -> None:
    email = notify_of(write, f"{{email: {{{MAIL}, {more}}}}}").email
    assert isinstance(email, EmailConfig)
    assert email.at_port == port


def test_a_password_may_stay_in_the_clear_on_this_machine(write: Write) -> None:
    text = "to: a@example.com, from: q@example.com, host: 127.0.0.1, tls: none, user: u, password: {env: A}"
    email = notify_of(write, f"{{email: {{{text}}}}}").email
    assert email is not None
    assert email.login is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/obviously-fake-4711",
        "ftp://hooks.example.com/obviously-fake-4711",
        "https:///obviously-fake-4711",
        "https://[hooks/obviously-fake-4711",
        "obviously-fake-4711",
        "https://hooks.example.com/obviously fake 4711",
    ],
)
def test_a_secret_that_is_no_address_is_named_by_its_place_alone(tmp_path: Path, url: str) -> None:
    (tmp_path / "url").write_text(url)
    with pytest.raises(ConfigError, match=r"notify\.webhook\.url: .* https:// URL") as caught:
        WebhookConfig(url=Secret(file=tmp_path / "url")).reveal_url()
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://hooks.example.com/a/b?sig=c", "http://127.0.0.1:8080/a"])
def test_an_address_may_carry_a_query_and_be_plain_on_this_machine(tmp_path: Path, url: str) -> None:
    (tmp_path / "url").write_text(f"{url}\n")
    assert WebhookConfig(url=Secret(file=tmp_path / "url")).reveal_url() == url
