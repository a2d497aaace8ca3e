"""What the whole suite shares."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from hypothesis import settings

pytest_plugins = ["qsync_pipeline_tests.rules_table"]

# A shared machine may hold up any example for a while.
settings.register_profile("qsync", deadline=None)
settings.load_profile("qsync")

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 2**30
"""Bytes that must be free there; a whole run needs a tenth of it."""
_OURS = "QSYNC_TESTS_IN_MEMORY"
"""Set by the process that made the directory, for the workers and children that inherit it."""

COSTLY = (
    "docs/test_readme.py",
    "live/test_dagster.py",
    "e2e/test_alation_beside_atlan.py",
    "histories/",
    "e2e/test_kill.py",
    "e2e/test_steps_in_between.py",
    "security/test_planted_secrets.py",
    "cli/test_demo.py",
    "faults/",
    "e2e/",
    "cli/",
)
"""Files and folders to begin with: a long file that is handed out last leaves the other core idle."""


def _work_in_memory() -> None:
    """Temporary files go to memory, where there is some: databases then wait for no disk at each commit.

    Half of the time of a sync that is a process of its own is such waiting. Who names a ``TMPDIR`` keeps it,
    and with it what tests leave behind.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        return
    made = tempfile.mkdtemp(prefix="qsync-tests-", dir=_MEMORY)
    os.chmod(made, 0o711)  # PostgreSQL, which does not run as root, has its directory in it
    os.environ[_OURS] = os.environ["TMPDIR"] = made
    tempfile.tempdir = None  # asked for anew


def _keep_bytecode() -> None:
    """Compiled modules are kept, where the environment says otherwise too (images of containers often do).

    Else each worker rewrites the assertions of all test modules anew, which takes it longer than all else
    until its first test, and every process that a test starts compiles the package.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_ROOM_OF_FRAMES = 16_000
"""Places for values in the frame of :func:`_with_room`; what it calls gets as much again at least."""


def _call(work: Callable[[], None]) -> None:
    work()


_with_room = FunctionType(_call.__code__.replace(co_stacksize=_ROOM_OF_FRAMES), globals())
"""Calls, with room for all the frames of a test in one piece.

Python keeps frames in pieces of 16 KB. A piece is asked of the system when a call does not fit into the last
one, and given back when that call returns; where the calls of a loop meet the end of a piece, each does both.
Whether they do is the luck of the depth: it took the histories up to a quarter of their time (measured).
"""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test has that room."""
    # A wrapper around a hook is a generator, beside the stack: only a call in between gives room.
    item.runtest = functools.partial(_with_room, item.runtest)  # type: ignore[method-assign]  # on purpose


_work_in_memory()
_keep_bytecode()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has its background jobs ignore it. Dagster then ignores SIGTERM as well, and so would every
    # process that a test starts and stops.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each worker begins with other test modules than its fellows, and then finds theirs compiled.

    They all collect in one order: in a fresh clone each would rewrite every module just as the others do.
    """
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not name.startswith("gw"):
        return
    number, workers = int(name[2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    package = Path(__file__).resolve().parent
    for folder in (Path(argument).resolve() for argument in session.config.args):
        inside_ours = folder.is_dir() and folder.is_relative_to(package)
        files = sorted(folder.rglob("test_*.py")) if inside_ours else []
        for file in files[number::workers]:
            inside = file.relative_to(package).with_suffix("")
            with suppress(Exception, pytest.skip.Exception):  # the collection tells what is wrong with it
                import_module(".".join([package.name, *inside.parts]))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing in memory; the workers of xdist end before the process that started them."""
    made = os.environ.get(_OURS)
    if made and not hasattr(config, "workerinput"):
        shutil.rmtree(made, ignore_errors=True)


@pytest.hookimpl(trylast=True)  # the table of rules lists the tests as they were collected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The costly files first, in this order (``--no-loadscope-reorder`` keeps it)."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return next((place for place, prefix in enumerate(COSTLY) if name.startswith(prefix)), len(COSTLY))

    items.sort(key=place)
