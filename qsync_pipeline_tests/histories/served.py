"""A history over HTTP: the sandbox serves, and runs are ``qsync sync`` with a ledger of its own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from random import Random
from typing import Any

from qsync_pipeline import cli
from qsync_pipeline.sandbox.testing import Refused, RunningSandbox, kinds_of, running_sandbox
from qsync_pipeline_tests.e2e.judging import problems_of_all
from qsync_pipeline_tests.e2e.synced import READING_POSTS
from qsync_pipeline_tests.histories.estates import PLACES, SHAPES, estate_of
from qsync_pipeline_tests.histories.people import People
from qsync_pipeline_tests.histories.steps import IN_CATALOGS, IN_QUALYTICS, WRITES
from qsync_pipeline_tests.histories.world import SETTLED, Json

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "count": 2},
    {"kind": "status", "status": 503, "count": 2},
    {"kind": "status", "status": 500, "phase": "after", "method": WRITES, "count": 1},
    {"kind": "reset", "phase": "after", "count": 1},
    {"kind": "truncate", "method": WRITES, "count": 1},
    {"kind": "html", "count": 1},
)
"""Such as take no more than a few real seconds."""


class Served:
    """The :class:`~.steps.Scene` of a sandbox that serves."""

    domains = ()

    def __init__(self, sandbox: RunningSandbox, catalogs: Sequence[str]) -> None:
        self.sandbox = sandbox
        self.catalogs = tuple(catalogs)
        self.settings: dict[str, Json] = {name: {} for name in catalogs}
        self.systems = sandbox.systems

    @property
    def store(self) -> Any:
        """What Qualytics holds."""
        return self.systems["qualytics"].store  # type: ignore[attr-defined]  # the sandbox's own

    def mutate(self, system: str, do: str, **words: Any) -> bool:
        """One change by a person; false where it is not possible as things stand."""
        try:
            self.sandbox.control.mutate({"system": system, "do": do, **words})
        except Refused:
            return False
        return True

    def state(self, system: str) -> list[Json]:
        """What a person sees on every object of a system."""
        return self.sandbox.control.state(system, like="%")

    def settle(self) -> None:
        """Let every index catch up."""
        self.sandbox.control.advance(SETTLED)

    def sync(self, *arguments: str) -> tuple[int, str]:
        """``qsync sync`` with the sandbox's config; its exit status and what it said."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = cli.run(["sync", "--config", str(self.sandbox.config), *arguments])
        return status, said.getvalue()

    def writes(self) -> list[Json]:
        """Requests that wrote, since they were last counted."""
        return [
            row
            for row in self.sandbox.control.requests()["requests"]
            if row["method"] != "GET" and not any(word in row["route"] for word in READING_POSTS)
        ]


def served_history(which: int, catalogs: Sequence[str]) -> None:
    """One history, always the same for the same ``which``."""
    draw = Random(which)
    places = [
        (draw.choice(PLACES), draw.sample(sorted(SHAPES), draw.randint(1, 3)))
        for _ in range(draw.randint(1, 2))
    ]
    estate = estate_of(places)
    kinds = kinds_of("qualytics", *catalogs)
    told: list[str] = [str(places)]
    with running_sandbox(estate, kinds=kinds, rate_limit_scale=100) as sandbox:
        scene = Served(sandbox, catalogs)
        people = People(scene, estate)
        for _ in range(2):
            for _ in range(draw.randint(0, 5)):
                side = draw.choice(["catalog", "qualytics"])
                do = draw.choice(IN_CATALOGS if side == "catalog" else IN_QUALYTICS)
                told += people.act(side, do, draw.randrange(12), draw.randrange(12))
            rule = {**draw.choice(FAULTS), "skip": draw.randrange(40)}
            sandbox.control.faults(rule)
            direction = draw.choice(["both", "pull", "push"])
            status, _ = scene.sync("--direction", direction)
            sandbox.control.clear_faults()
            told.append(f"{rule}; sync {direction}: {status}")
        scene.settle()
        _, said = scene.sync()
        scene.settle()
        judged = [(scene.state(name), people.rules(name)) for name in catalogs]
        found = problems_of_all(judged, scene.state("qualytics"))
        found = [line for line in found if not line.startswith("nothing matches")]
        assert not found, "\n".join([*told, *found, said])
        sandbox.control.reset_requests()
        _, said = scene.sync()
        assert not scene.writes(), "\n".join([*told, str(scene.writes()), said])
