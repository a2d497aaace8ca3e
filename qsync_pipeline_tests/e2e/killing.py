"""A push in a process of its own, killed by SIGKILL at its n-th write, and what the next push makes of it.

The systems live in this process, the syncing one is a fork of it: its requests come through a pipe, and its
ledger is a file. So a kill takes what a killed process loses (memory, threads, open transactions) and nothing
else. The answers to the killed write never arrive, whether the write was carried out or not.

Each case runs in a fork as well, which starts from a world that somebody has set up once: nothing has to be
put back.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NoReturn
from unittest import mock
from urllib.parse import urlsplit

import requests
import urllib3

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline_tests.e2e.memory import MEMORIES, State, shown
from qsync_pipeline_tests.e2e.synced import READING_POSTS
from qsync_pipeline_tests.histories import world as histories
from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World

CATALOGS = ("atlan", "alation")
Phase = Literal["before", "after"]
"""Whether the write is carried out before its process is killed."""

Told = tuple[float, str, str, dict[str, str], bytes]
"""A request on its way through the pipe: time, method, URL, headers, body."""
_VOLATILE = re.compile(r'"(last_updated|[a-z_]*_(at|time))": *"[^"]*"')


@dataclass
class Pushed:
    """What came of one push: how it ended, and each item that a write held which was carried out."""

    killed: bool = False
    failures: list[str] = field(default_factory=list)
    items: Counter[str] = field(default_factory=Counter)
    writes: int = 0


class Far:
    """The wire of the syncing process: it sends through the pipe, and takes the time from there."""

    def __init__(self, pipe: Connection, clock: Clock) -> None:
        self._pipe = pipe
        self._clock = clock

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        """What requests' own adapter does, over the network."""
        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body or b""
        self._pipe.send(
            (
                self._clock.now,
                request.method,
                request.url,
                headers,
                body.encode() if isinstance(body, str) else body,
            )
        )
        self._clock.now, status, given, content = self._pipe.recv()
        response = requests.Response()
        response.status_code = status
        response.headers.update(given)
        response.raw = urllib3.HTTPResponse(io.BytesIO(content), status=status, preload_content=False)
        response.request, response.url = request, request.url or ""
        return response


class Scene:
    """The demo estate with both catalogs, in virtual time."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.world = World(make_estate("demo", seed), CATALOGS, clock)
        # Worlds of one kind share a config, and with it the place of its ledger.
        self.home: Path = self.world.config.path.parent / ".qsync"
        shutil.rmtree(self.home, ignore_errors=True)

    def push(self, catalog: str, kill: int | None = None) -> tuple[Pushed, Told | None]:
        """A push in a process of its own; at its write ``kill`` (from 1) it is killed.

        Returns the write that it was killed at too, which nobody has carried out yet.
        """
        ours, theirs = Pipe()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._sync(catalog, theirs)
        theirs.close()
        pushed = Pushed()
        try:
            while True:
                told = ours.recv()
                if isinstance(told, list):
                    pushed.failures = told
                    return pushed, None
                writing = is_write(told)
                pushed.writes += writing
                if writing and pushed.writes == kill:
                    pushed.killed = True
                    return pushed, told
                ours.send(self.answer(told, pushed))
        finally:
            if pushed.killed:
                os.kill(pid, signal.SIGKILL)
            ours.close()
            _, status = os.waitpid(pid, 0)
            if pushed.killed:
                assert os.WIFSIGNALED(status)
                assert os.WTERMSIG(status) == signal.SIGKILL

    def answer(self, told: Told, pushed: Pushed) -> tuple[float, int, dict[str, str], bytes]:
        """Let the systems carry a request out; the items of a write that went well are counted."""
        now, method, url, headers, body = told
        self.clock.now = max(self.clock.now, now)
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = requests.structures.CaseInsensitiveDict(headers)
        response = self.world.wire.send(request)
        if is_write(told) and response.ok:
            pushed.items += items_of(told)
        return self.clock.now, response.status_code, dict(response.headers), response.content

    def _sync(self, catalog: str, pipe: Connection) -> NoReturn:
        """The forked process: it ends here, whatever happens."""
        failures = ["the process ended early"]
        try:
            far = Far(pipe, self.clock)
            url = self.world.config.ledger.reveal_url()
            # A real process that dies: its claims are taken over because it is gone.
            with (
                wired(lambda: far),  # type: ignore[arg-type,return-value]  # all that is called of a wire
                Ledger.open(url, clock=self.clock.time) as ledger,
                mock.patch.object(histories, "_DEAD_PID", os.getpid() - 1 - self.world._runs),
            ):
                self.world.ledger = ledger
                failures = self.world.sync(catalog, "push").failures
        except BaseException:
            failures = [traceback.format_exc()]
        finally:
            pipe.send(failures)
            os._exit(0)

    def everything(self) -> State:
        """All that the systems hold, but for the times at which rows of health were written."""
        found = shown({system: self.world.state(system) for system in self.world.systems})
        for what in (row for key, value in found.items() if key[2] == "health" for row in value):
            what.pop("last_updated", None)
        for system in self.world.systems:
            found |= MEMORIES[system](self.world.sandbox)
        return found


def is_write(told: Told) -> bool:
    """Whether a request writes anything."""
    path = urlsplit(told[2]).path
    return told[1] != "GET" and not any(word in path for word in READING_POSTS)


def items_of(told: Told) -> Counter[str]:
    """What a write holds, item by item: batches may be cut otherwise from run to run."""
    _, method, url, _, body = told
    path = urlsplit(url).path
    document = json.loads(body) if body else None
    parts = document if isinstance(document, list) else [document]
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list)]
        parts = [one for value in lists for one in value] or parts
    texts = (json.dumps(part, sort_keys=True) for part in parts)
    return Counter(f"{method} {path} {_VOLATILE.sub('', text)}" for text in texts)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def in_fork(work: Callable[[], Any]) -> Any:
    """What ``work`` returns in a fork of this process, where all that it changes in memory stays."""
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        try:
            theirs.send((work(), None))
        except BaseException:
            theirs.send((None, traceback.format_exc()))
        finally:
            os._exit(0)
    theirs.close()
    try:
        result, problem = ours.recv()
    finally:
        ours.close()
        os.waitpid(pid, 0)
    if problem is not None:
        raise AssertionError(problem)
    return result


@dataclass(frozen=True)
class Found:
    """What the push after a killed one did, held against a twin that nobody disturbed."""

    failures: list[str]
    again: Counter[str]
    """Items that were written before already."""
    missing: Counter[str]
    """Items of the twin that were never written."""
    differs: list[str]
    """What the systems show otherwise, at most a few."""
    restless: int
    """Writes of one more push."""


class Act:
    """A first push to one catalog: the world as it stands before, and what comes of it undisturbed."""

    def __init__(self, scene: Scene, catalog: str, saved: Path) -> None:
        self._scene = scene
        self._catalog = catalog
        self._saved = saved
        self._begins = scene.clock.now
        scene.home.mkdir(exist_ok=True)
        shutil.copytree(scene.home, saved)
        self._pushed, self._after = in_fork(self._undisturbed)
        assert self._pushed.failures == []
        self.writes: int = self._pushed.writes

    def _undisturbed(self) -> tuple[Pushed, State]:
        pushed, _ = self._scene.push(self._catalog)
        self._scene.world.settle()
        return pushed, self._scene.everything()

    def killed_at(self, number: int, phases: Sequence[Phase]) -> dict[Phase, Found]:
        """Kill a push at this write (from 1), and look at the next one for each of the phases."""
        found: dict[Phase, Found] = in_fork(lambda: self._killed_at(number, phases))
        return found

    def _killed_at(self, number: int, phases: Sequence[Phase]) -> dict[Phase, Found]:
        self._scene.clock.now = self._begins
        self._restore(self._saved)
        killed, write = self._scene.push(self._catalog, number)
        assert write is not None, f"the push ended before its write {number}"
        left = self._saved.with_name(f"{self._catalog}-left")
        shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(self._scene.home, left)
        found = {}
        for phase in phases:
            self._restore(left)
            arrives = write if phase == "after" else None
            found[phase] = in_fork(partial(self._next_push, killed, number, arrives))
        return found

    def _next_push(self, killed: Pushed, number: int, write: Told | None) -> Found:
        if write is not None:
            self._scene.answer(write, killed)
        if number % 2:
            self._scene.world.settle()
        pushed, _ = self._scene.push(self._catalog)
        self._scene.world.settle()
        now = self._scene.everything()
        then = self._after
        differing = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
        further = self._scene.push(self._catalog)[0].writes if number % 10 == 0 else 0
        return Found(
            pushed.failures,
            again=killed.items + pushed.items - self._pushed.items,
            missing=self._pushed.items - (killed.items + pushed.items),
            differs=[
                f"{key}: {now.get(key)!r}, not {self._after.get(key)!r}" for key in sorted(differing)[:5]
            ],
            restless=further,
        )

    def _restore(self, saved: Path) -> None:
        shutil.rmtree(self._scene.home, ignore_errors=True)
        shutil.copytree(saved, self._scene.home)


@contextmanager
def acts(seed: int, saved: Path) -> Iterator[list[Act]]:
    """A first push to each catalog, one after the other, in virtual time."""
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(virtual_time(clock))
        made: list[Act] = []
        for number, catalog in enumerate(CATALOGS):
            scene = Scene(clock, seed)
            for earlier in CATALOGS[:number]:
                scene.push(earlier)
                scene.world.settle()
            made.append(Act(scene, catalog, saved / catalog))
        yield made
