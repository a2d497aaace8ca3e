"""A sandbox with its own directory, and ``qsync`` called in this process as its users call it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from qsync_pipeline import cli
from qsync_pipeline.assets import reading
from qsync_pipeline.cli import rehearsing, sync
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline_tests.instances import quick_instance


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    status: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The object of ``--json``: the last line, and the only one on standard output."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    @property
    def atlan(self) -> dict[str, Any]:
        """The one integration of a sandbox."""
        found: dict[str, Any] = self.object["integrations"]["atlan"]
        return found


Qsync = Callable[..., Said]


@pytest.fixture
def qsync(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Qsync:
    """Run a command line where no variable and no file of the machine names a config."""
    for name in ("QSYNC_CONFIG", "DAGSTER_HOME", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One Dagster instance in memory for the whole test, and no plots.

    For tests that ask nothing of an instance in files, which costs seconds for each command.
    """
    monkeypatch.setattr(reading, "coverage_plot", lambda buckets: dg.MetadataValue.md(""))
    with quick_instance() as instance:
        monkeypatch.setattr(sync, "open_instance", lambda home: contextlib.nullcontext(instance))
        monkeypatch.setattr(rehearsing.DagsterInstance, "ephemeral", quick_instance)
        yield


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """The small estate with one catalog, and a directory that this test may look into."""
    with running_sandbox("small", directory=tmp_path / "sandbox", kinds=ATLAN_ONLY) as running:
        yield running


def world(sandbox: RunningSandbox) -> dict[str, Any]:
    """Everything that people see on every object of every system."""
    return {name: sandbox.control.state(name, like="%") for name in sandbox.systems}


def files(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, with its content."""
    return {
        str(one.relative_to(directory)): one.read_bytes() for one in directory.rglob("*") if one.is_file()
    }


def edited(sandbox: RunningSandbox, old: str, new: str) -> Path:
    """The sandbox's config with one piece replaced, beside the original."""
    text = sandbox.config.read_text(encoding="utf-8")
    assert old in text
    path = sandbox.config.with_name("edited.yaml")
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path
