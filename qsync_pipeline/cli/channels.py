"""``qsync doctor`` on ``notify``: is there a way to the people who are to be told."""

from __future__ import annotations

from qsync_pipeline.cli import EXIT_UNREACHABLE, EXIT_USAGE
from qsync_pipeline.cli.findings import Findings
from qsync_pipeline.config import NotifyConfig
from qsync_pipeline.notices.channels import NotDelivered, open_channels
from qsync_pipeline.notices.message import test_message


def check_channels(notify: NotifyConfig | None, findings: Findings, *, send: bool) -> None:
    """Reach every channel without sending anything; with ``send``, send each one test message instead."""
    if notify is None and send:
        todo = "Add notify to the config: docs/running.md shows how."
        findings.fail("notify", "test message", "nobody is told of anything", todo, EXIT_USAGE)
    for channel in open_channels(notify):
        try:
            if send:
                remark = channel.send(test_message())
                detail = f"a test message was sent{f'; {remark}' if remark else ''}"
            else:
                detail = channel.check()
        except NotDelivered as problem:
            todo = (
                f"Correct notify.{channel.name} or its secret, and see that it is up and reachable from here."
            )
            findings.fail("notify", channel.name, str(problem), todo, EXIT_UNREACHABLE)
        else:
            findings.ok("notify", channel.name, detail)
