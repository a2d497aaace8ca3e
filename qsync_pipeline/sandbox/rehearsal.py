"""Lists of changes that are carried out whole or not at all.

Systems can check and carry out one change, not take one back; and whether a change is possible may hang on
those before it (create a table, then tag it; swap two names). So a list is first carried out for real in a
forked copy of the process, which shares no memory with the server and then ends. Only if that went well is
it carried out here. Forking costs milliseconds even on the large estate; a copy of its state, a minute.
Nothing else happens in between: both run without a pause on the server's event loop.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsync_pipeline.sandbox.kernel import ControlError, System

Change = Mapping[str, Any]

PATIENCE = 60.0
"""Seconds after which a rehearsal counts as stuck."""


def mutate_all(systems: Mapping[str, System], changes: Sequence[Change]) -> list[list[str]]:
    """Carry out all changes, or none and raise :class:`ControlError`. Returns the ids touched by each."""
    for index, change in enumerate(changes):
        name = change.get("system")
        if not isinstance(name, str) or name not in systems:
            raise ControlError(
                f"changes[{index}].system: {name!r} is not allowed; allowed: {', '.join(systems)}"
            )
    if len(changes) > 1:
        problem = rehearse(lambda: _carry_out(systems, changes))
        if problem is not None:
            raise ControlError(problem)
    return _carry_out(systems, changes)


def _carry_out(systems: Mapping[str, System], changes: Sequence[Change]) -> list[list[str]]:
    ids = []
    for index, change in enumerate(changes):
        system = systems[change["system"]]
        try:
            system.check(change)
            ids.append(list(system.mutate(change)))
        except ControlError as problem:
            raise ControlError(f"changes[{index}]: {problem}") from problem
    return ids


def rehearse(work: Callable[[], object]) -> str | None:
    """Do ``work`` in a forked copy of this process. Returns null, or why it failed."""
    if not hasattr(os, "fork"):
        return "changes: this platform cannot rehearse a list of them; send one at a time"
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of forking beside threads, for the locks that those may hold. The copy takes
        # none: it changes plain objects, writes to a pipe and ends; and it is not waited for without end.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _perform(work, writing)
    os.close(writing)
    try:
        return _verdict(reading, child)
    finally:
        os.close(reading)
        os.waitpid(child, 0)


def _perform(work: Callable[[], object], writing: int) -> None:
    """The copy's part: never returns, and runs none of the clean-up that belongs to the original."""
    verdict = "the rehearsal ended early"
    try:
        gc.disable()  # a collection would touch, and so copy, every page of the state
        work()
        verdict = ""
    except ControlError as problem:
        verdict = str(problem)
    except BaseException as crash:
        verdict = f"the sandbox failed: {crash!r}"
    finally:
        try:
            os.write(writing, json.dumps(verdict[:2000]).encode())
        finally:
            os._exit(0)


def _verdict(reading: int, child: int) -> str | None:
    deadline = time.monotonic() + PATIENCE
    said = b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            return f"changes: the rehearsal took more than {PATIENCE:.0f} seconds; nothing was changed"
        piece = os.read(reading, 4096)
        if not piece:
            break
        said += piece
    if not said:
        return "changes: the rehearsal ended without a verdict; nothing was changed"
    return str(json.loads(said)) or None
