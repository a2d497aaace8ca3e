"""Processes that a command starts end with it, however impatient the person in front of it is."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from qsync_pipeline.cli.children import Child, Children

STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
)


def stubborn(children: Children, log: Path) -> Child:
    """A process that does not stop when it is asked to, and is up."""
    child = children.start("it", [sys.executable, "-c", STUBBORN], env=dict(os.environ), log=log)
    children.wait_until(lambda: "up" in log.read_text(), "it", 60)
    return child


def test_a_second_interrupt_waits_for_none_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = Children()
    elder, younger = (stubborn(children, tmp_path / name) for name in ("elder", "younger"))
    wait, graces = younger.process.wait, []

    def waiting(timeout: float | None = None) -> Any:
        graces.append(timeout)
        if len(graces) == 1:
            raise KeyboardInterrupt
        return wait(timeout)

    monkeypatch.setattr(younger.process, "wait", waiting)
    children.stop()
    assert {elder.process.poll(), younger.process.poll()} == {-signal.SIGKILL}
    assert [bool(grace) for grace in graces[:2]] == [True, False], "asked nicely first, and then no more"
