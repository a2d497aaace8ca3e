"""``qsync doctor`` on the channels of ``notify``: reached without sending, or with one test message each."""

from __future__ import annotations

import json
from pathlib import Path

from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync
from qsync_pipeline_tests.cli.test_doctor import findings
from qsync_pipeline_tests.notices.mail_server import MailServer, mail_server
from qsync_pipeline_tests.transport.scripted import Reply, Server, serving


def notifying(sandbox: RunningSandbox, server: Server, box: MailServer) -> Path:
    directory = sandbox.config.parent
    (directory / "hook").write_text(f"{server.url}/hooks/obviously-fake-path-0815")
    path = directory / "notifying.yaml"
    path.write_text(
        sandbox.config.read_text(encoding="utf-8")
        + "notify:\n  webhook: {url: {file: hook}}\n"
        + "  email: {to: a@example.com, from: qsync@example.com, host: 127.0.0.1, tls: none, "
        + f"port: {box.port}}}\n",
        encoding="utf-8",
    )
    return path


def test_the_channels_are_reached_without_sending_and_tried_when_asked(
    qsync: Qsync, sandbox: RunningSandbox
) -> None:
    with serving([Reply(204)]) as server, mail_server() as box:
        config = notifying(sandbox, server, box)
        said = qsync("doctor", "--config", config, "--json")
        assert said.status == 0
        assert "is reached" in findings(said)["notify", "webhook"]["detail"]
        assert f"127.0.0.1:{box.port} is reached" in findings(said)["notify", "email"]["detail"]
        assert (server.requests, box.mails) == ([], [])
        said = qsync("doctor", "--config", config, "--json", "--notify-test")
        assert said.status == 0
        assert findings(said)["notify", "webhook"]["detail"] == "a test message was sent"
        assert json.loads(server.requests[0].body)["test"] is True
        ((to, mail),) = box.mails
        assert (to, mail["Subject"]) == (["a@example.com"], "qsync: a test message")


def test_a_channel_that_nobody_answers_on_is_unreachable(qsync: Qsync, sandbox: RunningSandbox) -> None:
    with serving([]) as server, mail_server() as box:
        config = notifying(sandbox, server, box)
    for flags in ((), ("--notify-test",)):
        said = qsync("doctor", "--config", config, "--json", *flags)
        assert said.status == 3
        for channel in ("webhook", "email"):
            found = findings(said)["notify", channel]
            assert found["verdict"] == "failed"
            assert f"notify.{channel}" in found["todo"]
        assert "fake-path" not in said.out + said.err


def test_a_test_message_to_nobody_is_a_mistake(qsync: Qsync, sandbox: RunningSandbox) -> None:
    said = qsync("doctor", "--config", sandbox.config, "--notify-test")
    assert said.status == 2
    assert "failed   notify: test message: nobody is told of anything" in said.out
