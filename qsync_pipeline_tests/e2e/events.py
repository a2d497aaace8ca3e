"""Ticks of the sensors in a test: what Dagster's daemon does, in this process and without waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import dagster as dg
import pytest

from qsync_pipeline.automation import dispatch
from qsync_pipeline.automation.ranges import keys_between
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline_tests.e2e.harness import World


@dataclass
class Daemon:
    """The sensors of a world, with their cursors. Runs are carried out when they are asked for."""

    world: World
    cursors: dict[str, str | None] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)
    """Runs that were started, by datastore."""
    scopes: list[Mapping[str, list[str]]] = field(default_factory=list)
    ok: bool = True
    built_from: str = ""
    built: dg.Definitions | None = None

    def tick(self, *sensors: str) -> int:
        """Evaluate these sensors once, in this order, and carry out what they ask for; says how many runs."""
        definitions = self._definitions()
        started = 0
        for name in sensors:
            sensor = definitions.get_sensor_def(name)
            needed = {key: (definitions.resources or {})[key] for key in sensor.required_resource_keys}
            context = dg.build_sensor_context(
                instance=self.world.instance, cursor=self.cursors.get(name), resources=needed
            )
            with context:
                data = sensor.evaluate_tick(context)
            self.cursors[name] = data.cursor
            for request in data.run_requests or ():
                started += 1
                self._run(definitions, request)
        return started

    def _definitions(self) -> dg.Definitions:
        """Of the config as it stands: built once for each state of it."""
        text = self.world.sandbox.config.read_text(encoding="utf-8")
        if text != self.built_from:
            self.built_from, self.built = text, build_definitions(self.world.config())
        assert self.built is not None
        return self.built

    def _run(self, definitions: dg.Definitions, request: dg.RunRequest) -> None:
        order = self.world.instance.get_dynamic_partitions("datastores")
        self.runs.update(keys_between(order, request.tags))
        settings = request.run_config["resources"]["settings"]["config"]
        self.scopes.append(settings["scope"])
        job = definitions.get_job_def(str(request.job_name))
        result = job.execute_in_process(
            instance=self.world.instance,
            tags=dict(request.tags),
            run_config=dict(request.run_config),
            raise_on_error=False,
        )
        self.ok &= result.success


def without_waiting(patch: pytest.MonkeyPatch) -> None:
    """Bursts end at once, and no tick waits."""
    patch.setattr(dispatch, "LINGER", 0.0)
    patch.setattr("qsync_pipeline.automation.pending.QUIET", 0.0)
