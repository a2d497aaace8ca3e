"""Each cause is told once by each channel, delivered before it is remembered, over real sockets."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.config import EmailConfig, WebhookConfig
from qsync_pipeline.config.secrets import Secret
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.notices.causes import Cause
from qsync_pipeline.notices.channels import TRIES, Email, NotDelivered, Webhook
from qsync_pipeline.notices.message import MOST_LINES, Message, bundle, for_machines, for_slack, test_message
from qsync_pipeline.notices.telling import tell
from qsync_pipeline.transport.redact import register_secret
from qsync_pipeline_tests.notices.mail_server import MailServer, mail_server
from qsync_pipeline_tests.transport.scripted import Reply, serving

HIDDEN = "/hooks/obviously-fake-path-4711"


def cause(number: int = 1, datastore: str = "1-sales", **more: Any) -> Cause:
    given_ = {"title": f"atlan: stage {number} failed", "happened": "no answer", "todo": "Look.", **more}
    return Cause("failed_run", "atlan", f"stage{number}:unreachable", datastore=datastore, **given_)


class Paper:
    """A channel that keeps what it is told; ``broken`` makes it fail."""

    def __init__(self, name: str = "paper") -> None:
        self.name = name
        self.messages: list[Message] = []
        self.broken = False

    def send(self, message: Message) -> str:
        if self.broken:
            raise NotDelivered("out of paper")
        self.messages.append(message)
        return ""

    def check(self) -> str:
        return "there is paper"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as book:
        yield book


def test_a_cause_is_told_once_and_again_when_it_came_back(ledger: Ledger) -> None:
    paper = Paper()
    for standing in ([cause()], [cause()], [], [cause()]):
        tell(ledger, [paper], standing, all_clear=False)
    assert len(paper.messages) == 2


def test_what_was_told_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    paper = Paper()
    for _ in range(2):
        with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as book:
            tell(book, [paper], [cause()], all_clear=False)
    assert len(paper.messages) == 1


def test_what_was_not_delivered_is_told_by_the_next_round_and_to_that_channel_alone(ledger: Ledger) -> None:
    good, bad = Paper("good"), Paper("bad")
    bad.broken = True
    done = tell(ledger, [bad, good], [cause()], all_clear=False)
    assert (done.new, done.failed) == ({"good": 1}, {"bad": "out of paper"})
    bad.broken = False
    done = tell(ledger, [bad, good], [cause()], all_clear=False)
    assert (done.new, done.failed) == ({"bad": 1}, {})
    assert (len(good.messages), len(bad.messages)) == (1, 1)


def test_what_may_go_by_itself_is_neither_told_nor_forgotten(ledger: Ledger) -> None:
    paper = Paper()
    early = cause(early=True)
    tell(ledger, [paper], [early], all_clear=True)
    assert paper.messages == []
    for standing in ([cause()], [early], [cause()]):
        tell(ledger, [paper], standing, all_clear=True)
    assert len(paper.messages) == 1


def test_the_all_clear_is_told_once_and_only_where_it_is_asked_for(ledger: Ledger) -> None:
    paper, silent = Paper("paper"), Paper("silent")
    rounds = [tell(ledger, [paper], standing, all_clear=True) for standing in ([cause()], [], [])]
    assert [one.words for one in rounds] == [
        "Told 1 by paper.",
        "Told 1 over by paper.",
        "Nothing new to tell.",
    ]
    assert [one.subject for one in paper.messages] == ["qsync: 1 thing needs a person", "qsync: 1 is over"]
    assert paper.messages[1].text == "Over: atlan: stage 1 failed (1-sales)"
    for standing in ([cause()], []):
        tell(ledger, [silent], standing, all_clear=False)
    assert len(silent.messages) == 1


def test_a_channel_that_is_configured_no_more_is_forgotten(ledger: Ledger) -> None:
    paper, other = Paper("paper"), Paper("other")
    for channels in ([paper], [other], [paper, other]):
        tell(ledger, channels, [cause()], all_clear=False)
    assert (len(paper.messages), len(other.messages)) == (2, 1)


@settings(max_examples=25)  # each opens a ledger
@given(st.lists(st.tuples(st.frozensets(st.integers(0, 3)), st.booleans()), max_size=12))
def test_every_cause_is_delivered_exactly_once_for_each_time_that_it_stands(
    rounds: list[tuple[frozenset[int], bool]],
) -> None:
    paper, told, expected = Paper(), [], []
    known: set[int] = set()
    with Ledger.open("sqlite://") as book:
        for standing, broken in rounds:
            paper.broken = broken
            tell(book, [paper], [cause(number) for number in sorted(standing)], all_clear=False)
            known &= standing
            if not broken:
                expected += sorted(standing - known)
                known |= standing
        for message in paper.messages:
            told += [int(line.cause.title.split()[2]) for line in message.lines if line.cause]
    assert told == expected


def test_causes_that_differ_in_the_datastore_alone_are_one_line() -> None:
    message = bundle([cause(datastore=f"{n}-ds") for n in range(1, 8)], ui_url="https://dagster.example/")
    assert message.subject == "qsync: 1 thing needs a person"
    assert message.text == (
        "- atlan: stage 1 failed (1-ds, 2-ds, 3-ds, 4-ds, 5-ds and 2 more): no answer. Look."
    )


def test_a_message_is_twenty_lines_at_most_and_counts_the_rest() -> None:
    message = bundle([cause(number) for number in range(30)], ["something else"] * 3)
    shown = for_slack(message)["text"].splitlines()
    assert len(shown) == 20
    assert len(message.text.splitlines()) == MOST_LINES
    assert shown[-1].startswith("... and 14 more")
    assert len(for_machines(message)["causes"]) + message.more == 31
    whole = bundle([cause(number) for number in range(MOST_LINES)])
    assert (whole.more, len(whole.text.splitlines())) == (0, MOST_LINES)


@given(
    st.text(max_size=80) | st.sampled_from(["a\nb: <!channel> @all", "[x](http://e.invalid)\u2028![y](z)"])
)
def test_text_from_outside_stays_on_its_line_and_calls_nobody(text: str) -> None:
    message = bundle([cause(title=text, happened=text, todo=text, datastore=text)])
    slack = for_slack(message)["text"]
    assert len(message.text.splitlines()) == 1
    assert len(slack.splitlines()) == 3
    assert not {"<", ">"} & set(slack)
    assert all(slack[at + 1] == "\u200b" for at, char in enumerate(slack) if char in "@[]!")
    json.dumps(for_machines(message)).encode("ascii")


def test_secrets_are_masked_in_every_form() -> None:
    register_secret("obviously-fake-secret-99")
    message = bundle([cause(happened=f"{'x' * 390} obviously-fake-secret-99", todo="token=abcdef123456")])
    for text in (message.text, json.dumps(for_slack(message)), json.dumps(for_machines(message))):
        assert "fake-secret" not in text
        assert "obviously" not in text
        assert "abcdef" not in text


Hook = Callable[..., Webhook]


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    def make(url: str, **more: Any) -> Webhook:
        (tmp_path / "url").write_text(url)
        return Webhook(WebhookConfig(url=Secret(file=tmp_path / "url"), **more), wait=0.0)

    return make


def test_a_webhook_takes_one_json_object(hook: Hook) -> None:
    with serving([Reply(204)]) as server:
        hook(server.url + HIDDEN).send(bundle([cause(link="/runs/r1")], ui_url="https://dagster.example"))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", HIDDEN)
    assert request.headers["Content-Type"] == "application/json"
    body = json.loads(request.body)
    assert (body["source"], body["version"], body["more"]) == ("qsync", 1, 0)
    (told,) = body["causes"]
    assert told == {
        "kind": "failed_run",
        "about": "atlan",
        "title": "atlan: stage 1 failed",
        "datastores": ["1-sales"],
        "happened": "no answer",
        "todo": "Look.",
        "link": "https://dagster.example/runs/r1",
    }


def test_a_webhook_for_slack_takes_slacks_form(hook: Hook) -> None:
    with serving([Reply(200, b"ok")]) as server:
        hook(server.url + HIDDEN, format="slack").send(bundle([cause(happened="<!here> & more")]))
    body = json.loads(server.requests[0].body)
    assert body["mrkdwn"] is False
    assert "&lt;!\u200bhere&gt; &amp; more" in body["text"]


@pytest.mark.parametrize("reply", [Reply(503), Reply(429), Reply(hang_up=True)], ids=str)
def test_passing_trouble_is_tried_again(hook: Hook, reply: Reply) -> None:
    with serving([reply, Reply(200)]) as server:
        hook(server.url + HIDDEN).send(test_message())
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "tries"),
    [(Reply(500), TRIES), (Reply(404), 1), (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), 1)],
    ids=str,
)
def test_a_refusal_is_a_failure_that_names_no_address(hook: Hook, reply: Reply, tries: int) -> None:
    with serving([reply] * TRIES) as server, pytest.raises(NotDelivered) as caught:
        hook(server.url + HIDDEN).send(test_message())
    assert len(server.requests) == tries
    assert str(reply.status) in str(caught.value)
    assert "obviously" not in str(caught.value)


def test_nobody_there_is_a_failure_that_names_no_address(hook: Hook) -> None:
    with serving([]) as server:
        url = server.url
    actions: list[Callable[[Webhook], str]] = [lambda one: one.send(test_message()), Webhook.check]
    for action in actions:
        with pytest.raises(
            NotDelivered, match=r"no answer from 127\.0\.0\.1:\d+ \(ConnectionError\)"
        ) as caught:
            action(hook(url + HIDDEN))
        assert "obviously" not in str(caught.value)


def test_a_webhook_is_reached_without_sending(hook: Hook) -> None:
    with serving([]) as server:
        assert "is reached (it answered 501)" in hook(server.url + HIDDEN).check()  # it knows no HEAD
    assert server.requests == []


@pytest.fixture
def box() -> Iterator[MailServer]:
    with mail_server(frozenset({"gone@example.com"})) as server:
        yield server


def email(box: MailServer, *to: str, **more: Any) -> Email:
    raw = {"to": to, "from": "qsync@example.com", "host": "127.0.0.1", "port": box.port, "tls": "none"}
    return Email(EmailConfig.model_validate({**raw, **more}))


def test_a_mail_reaches_everybody_as_plain_text(box: MailServer) -> None:
    causes = [cause(happened="größer\n.\nals <b>vorher</b>")]
    assert email(box, "a@example.com", "b@example.com").send(bundle(causes)) == ""
    ((to, mail),) = box.mails
    assert to == ["a@example.com", "b@example.com"]
    assert (mail["Subject"], mail["From"]) == ("qsync: 1 thing needs a person", "qsync@example.com")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip() == (
        "- atlan: stage 1 failed (1-sales): größer . als <b>vorher</b>. Look."
    )


def test_an_address_that_is_refused_keeps_no_mail_from_the_others(box: MailServer) -> None:
    channel = email(box, "gone@example.com", "a@example.com")
    assert channel.send(test_message()) == "1 of 2 addresses were refused"
    assert [to for to, _ in box.mails] == [["a@example.com"]]


def test_a_mail_that_nobody_takes_is_a_failure_without_secrets(box: MailServer) -> None:
    with pytest.raises(NotDelivered, match="nobody here") as caught:
        email(box, "gone@example.com").send(test_message())
    assert "fake-0815" not in str(caught.value)
    box.closed = True
    with pytest.raises(NotDelivered, match="554"):
        email(box, "a@example.com").send(test_message())


def test_a_server_that_cannot_encrypt_gets_nothing(box: MailServer) -> None:
    with pytest.raises(NotDelivered, match="STARTTLS"):
        email(box, "a@example.com", tls="starttls").send(test_message())
    assert not {"MAIL", "DATA"} & set(box.commands)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mails_are_encrypted_for_a_server_whose_certificate_is_trusted(tls: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with mail_server(tls=context, at_once=tls == "tls") as server:
        email(server, "a@example.com", tls=tls, ca_bundle=tmp_path / "ca.pem").send(test_message())
        assert (server.secured, len(server.mails)) == (1, 1)
        with pytest.raises(NotDelivered, match="CERTIFICATE_VERIFY_FAILED"):
            email(server, "a@example.com", tls=tls).send(test_message())
    assert len(server.mails) == 1


def test_a_mail_server_is_reached_without_sending(box: MailServer) -> None:
    assert "is reached" in email(box, "a@example.com").check()
    assert not {"MAIL", "RCPT", "DATA"} & set(box.commands)
    assert box.mails == []
