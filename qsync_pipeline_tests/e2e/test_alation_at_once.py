"""Both catalogs sync the same datastores at the same time, while people edit tags in Qualytics.

Two processes of ``qsync sync``, as two people or two clocks would start them, on one ledger. Qualytics
replaces an object's whole list of tags, so whoever writes last without looking loses the others' tags.

What remains is a millisecond or two: an edit of the very object between our reading and our writing it
(docs/learned.md). At 1,000 edits a second on 13 objects one of ten writes hit one; people edit slower, and so
do those of this test, which is a soak all the same: luck has no place in CI. That nothing lies between the
two calls is held by ``sync/test_tag_writes.py`` and ``transport/test_retries.py``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from qsync_pipeline_tests.e2e.alation import both_world
from qsync_pipeline_tests.e2e.harness import SETTLED, World

TAGS = ("Shared", "Também", "a/b #c")
"""What people put on in the catalogs."""
PACE = 1.0
"""Seconds between two edits of people in Qualytics."""
NATIVE = ("Mine", "Yours")
"""What people put on in Qualytics meanwhile, with the level behind it: tags flow down, so none meets a
copy of itself."""


@dataclass
class People:
    """People who edit tags in Qualytics: what each object should carry, by their last word."""

    one: World
    draw: random.Random
    names: list[str]
    said: dict[tuple[str, str], bool] = field(default_factory=dict)

    def edit(self) -> None:
        """Put a tag on an object, or take it off."""
        name, tag = self.draw.choice(self.names), self.draw.choice(NATIVE)
        tag = f"{tag} {name.count('.')}"
        on = not self.said.get((name, tag), False)
        self.one.control.mutate(
            {"system": "qualytics", "do": "tag" if on else "untag", "asset": name, "tag": tag}
        )
        self.said[(name, tag)] = on

    def lost(self) -> list[tuple[str, str, bool]]:
        """Where an object does not carry what was said last; ``True``: the tag was put on and is gone."""
        return [
            (name, tag, on)
            for (name, tag), on in self.said.items()
            if on != (tag in self.one.tags("qualytics", name))
        ]


def start(one: World, integration: str) -> subprocess.Popen[str]:
    """``qsync sync --integration ... --json`` in a process of its own."""
    config = str(one.sandbox.config)
    return subprocess.Popen(
        [sys.executable, "-m", "qsync_pipeline", "sync", "--config", config, "--integration", integration,
         "--json", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip


def finish(process: subprocess.Popen[str], integration: str) -> dict[str, Any]:
    """Its object, once it has ended by itself and in step."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])["integrations"][integration]
    return found


def retag(one: World, draw: random.Random, names: list[str]) -> None:
    """Change tags in both catalogs: on the same objects, partly the same tags."""
    for system in ("atlan", "alation"):
        changes = []
        for name in names:
            there = {tag["name"] for tag in one.state(system, name)["tags"] if tag["origin"] == "person"}
            for tag in draw.sample(TAGS, 2):
                do = "untag" if tag in there else "tag"
                changes.append({"system": system, "do": do, "asset": name, "tag": tag})
        one.control.mutate(*changes)
    one.control.advance(SETTLED)


def rounds(one: World, number: int, seed: int) -> int:
    """So many rounds; answers how often people edited."""
    draw = random.Random(seed)
    tables = one.tables()[:6]
    names = [*tables, *(one.column_of(table) for table in tables)]
    schema = next(e["name"] for e in one.all("qualytics") if e["kind"] == "datastore")
    people = People(one, draw, [*names, schema])
    for tag in NATIVE:
        for level in {name.count(".") for name in people.names}:
            one.control.mutate({"system": "qualytics", "do": "create_tag", "name": f"{tag} {level}"})
    edits = 0
    for _ in range(number):
        retag(one, draw, names)
        both = {name: start(one, name) for name in draw.sample(("atlan", "alation"), 2)}
        while running := [process for process in both.values() if process.poll() is None]:
            people.edit()
            edits += 1
            with suppress(subprocess.TimeoutExpired):
                running[0].wait(timeout=PACE)
        for name, process in both.items():
            finish(process, name)
        assert people.lost() == []
        one.check()
    return edits


@pytest.fixture
def synced() -> Iterator[World]:
    with both_world(seed=6) as one:
        for name in ("atlan", "alation"):
            finish(start(one, name), name)
        one.control.advance(SETTLED)
        yield one
        for name in ("atlan", "alation"):
            again = finish(start(one, name), name)
            assert again["requests"]["qualytics"]["write"] == again["requests"]["catalog"]["write"] == 0


@pytest.mark.soak
def test_two_syncs_at_once_and_people_in_between_lose_nobodys_tag_in_twenty_rounds(synced: World) -> None:
    assert rounds(synced, 20, seed=2) > 100
