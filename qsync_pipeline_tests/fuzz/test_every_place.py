"""Whole syncs, with one place of one answer left out: each plans what it always does, or says what is wrong.

The readings alone are altered by the ten thousand in :mod:`.test_malformed`; here it is told what becomes of
that which a reading lets pass.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from qsync_pipeline.sandbox.testing import ALATION_ONLY, ATLAN_ONLY
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.e2e.synced import Synced
from qsync_pipeline_tests.fuzz.mutations import Spot
from qsync_pipeline_tests.fuzz.recording import Answer, Key, Tape, altering, recording

KINDS = {"qualytics": ATLAN_ONLY, "atlan": ATLAN_ONLY, "alation": ALATION_ONLY}
OURS_AGAIN = {"announcements": {"update"}}
"""Planned without a red check: an announcement of ours without its type or title is written once more."""


class Place(NamedTuple):
    """A key of the answers to one kind of request: ids in URLs and between keys are all one."""

    method: str
    path: str
    keys: tuple[str, ...]

    @property
    def told(self) -> str:
        return f"{self.method} {self.path} {'.'.join(self.keys)}"


def kind_of(key: Key) -> tuple[str, str]:
    return key[0], re.sub(r"/\d+(?=/|$)", "/<id>", urlsplit(key[1]).path)


def spots(document: Any) -> Mapping[tuple[str, ...], list[Spot]]:
    """Every value of an object, by the keys that lead to it."""
    found: dict[tuple[str, ...], list[Spot]] = defaultdict(list)
    stack: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    while stack:
        node, above = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                keys = (*above, "<id>" if re.fullmatch(r"[0-9a-f-]{36}|\d+", key) else key)
                found[keys].append((node, key))
                stack.append((value, keys))
        elif isinstance(node, list):
            stack += [(value, (*above, "[]")) for value in node]
    return found


def parsed(answer: Answer) -> Any:
    """What an answer says; null where it is no JSON, which has no places."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


class LeavesOut:
    """Takes one place out of the answers: wherever it is, or once only."""

    def __init__(self, place: Place, *, once: bool) -> None:
        self._place, self._once = place, once
        self._done = False
        self._lock = Lock()

    def __call__(self, key: Key, answer: Answer) -> Answer:
        document = parsed(answer) if kind_of(key) == self._place[:2] else None
        found = spots(document).get(self._place.keys, [])
        with self._lock:
            if not found or self._done:
                return answer
            self._done = self._once
        for node, name in found[-1:] if self._once else found:
            del node[name]
        return Answer(answer.status, answer.headers, json.dumps(document).encode())


def places_of(one: World, system: str) -> list[Place]:
    """What a sync reads of one system, but for the description of its interface and tokens."""
    config = one.config()
    url = config.qualytics.url if system == "qualytics" else config.integration(system).url
    host = urlsplit(str(url)).netloc
    tape = Tape()
    with recording(tape):
        one.sync(dry_run=True)
    read = {key: answer for key, answer in tape.answers.items() if urlsplit(key[1]).netloc == host}
    found = {Place(*kind_of(key), keys) for key, answer in read.items() for keys in spots(parsed(answer))}
    return sorted(one for one in found if "openapi" not in one.path and "AccessToken" not in one.path)


def wrong(usual: Synced, done: Synced) -> str | None:
    """What a sync did on the strength of an answer that told less; null where it did nothing, or said so."""
    removals = {name: row["remove"] for name, row in done.planned.items() if "remove" in row}
    if removals:
        return f"would remove {removals}"
    news = [name for name, told in done.checks.items() if not told[0] and usual.checks.get(name) != told]
    if news or done.failures or not done.ok:
        return None
    planned = {
        name: row for name, row in done.planned.items() if not row.keys() <= OURS_AGAIN.get(name, set())
    }
    if planned or done.buckets != usual.buckets:
        return f"green, and would do {planned}; {dict(usual.buckets)} became {dict(done.buckets)}"
    return None


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def found_wrong(one: World, places: Sequence[Place], *, once: bool) -> list[str]:
    usual = one.sync(dry_run=True)
    found = []
    for place in places:
        try:
            with altering(LeavesOut(place, once=once)):
                done = one.sync(dry_run=True)
        except SyncError:  # of the list of the datastores, without which no run is started
            continue
        if told := wrong(usual, done):
            found.append(f"{place.told}: {told}")
    return found


@pytest.mark.soak
@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("once", [False, True], ids=["everywhere", "once"])
@pytest.mark.parametrize("system", KINDS)
def test_whatever_is_left_out_of_an_answer_a_sync_in_step_plans_nothing_or_a_check_is_red(
    system: str, once: bool
) -> None:
    with world("small", 3, kinds=KINDS[system]) as one:
        one.settled()
        places = places_of(one, system)
        assert len(places) > 50
        found = found_wrong(one, places, once=once)
    assert found == [], "\n".join([f"{len(found)} of {len(places)} places:", *found[:20]])
