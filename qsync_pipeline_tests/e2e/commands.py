"""``qsync`` called on a world, as its users call it."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import dataclass
from typing import Any
from unittest import mock

from qsync_pipeline import cli
from qsync_pipeline.cli import rehearsing, sync
from qsync_pipeline_tests.e2e.harness import World
from qsync_pipeline_tests.instances import quick_instance


@dataclass(frozen=True)
class Answer:
    """What a command line came to: its status, the object of ``--json``, and what it said beside that."""

    status: int
    object: dict[str, Any]
    said: str

    def outcome(self, integration: str, surface: str) -> dict[str, int]:
        """The outcomes of a surface, without zeros."""
        row = self.object["integrations"][integration]["outcome"][surface]
        return {name: number for name, number in row.items() if number}

    @property
    def run_id(self) -> str:
        """The run of the one integration."""
        [one] = self.object["integrations"].values()
        [run_id] = one["runs"]
        return str(run_id)


def qsync(world: World, *arguments: object) -> Answer:
    """Run a command with ``--json`` on the world's own instance, and let the search index catch up.

    An instance on disk, as users have one, costs seconds more for each call; the tests of the command line
    have those.
    """
    out, err = io.StringIO(), io.StringIO()
    words = [*map(str, arguments), "--config", str(world.sandbox.config), "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sync, "open_instance", return_value=contextlib.nullcontext(world.instance)),
        mock.patch.object(rehearsing.DagsterInstance, "ephemeral", quick_instance),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = cli.run(words)
    world.control.advance(5)
    lines = out.getvalue().splitlines()
    return Answer(status, json.loads(lines[-1]) if lines else {}, err.getvalue())
