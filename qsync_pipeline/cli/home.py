"""The Dagster instance that the command line runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from qsync_pipeline.cli.databases import kept_open
from qsync_pipeline.config import Config
from qsync_pipeline.config.show import show_path
from qsync_pipeline.definitions import config_path
from qsync_pipeline.transport.errors import ConfigError

HOME_VARIABLE = "DAGSTER_HOME"
SETTINGS = "dagster.yaml"


@dataclass(frozen=True)
class Home:
    """An instance's directory. ``ours``: made by us, because the variable named none."""

    path: Path
    ours: bool


def dagster_home(config: Config, env: Mapping[str, str] | None = None) -> Home:
    """What ``DAGSTER_HOME`` names, else ``.qsync/dagster_home`` beside the config.

    For the package's own config that is beside the one which the sandbox writes, and goes with its world.
    Raises ``ConfigError`` where the variable names no directory; Dagster wants an absolute path.
    """
    named = (os.environ if env is None else env).get(HOME_VARIABLE, "").strip()
    if not named:
        beside = config.directory if config_path(config) else config.storage.parent.parent
        return Home(beside.absolute() / ".qsync" / "dagster_home", ours=True)
    path = Path(named).expanduser()
    if not path.is_absolute():
        raise ConfigError(
            f"{HOME_VARIABLE}: found {show_path(path)}; allowed: an absolute path. "
            f"Write {show_path(path.absolute())}, or unset it."
        )
    if not path.is_dir():
        raise ConfigError(
            f"{HOME_VARIABLE}: found {show_path(path)}, which is no directory; make it, or unset it."
        )
    return Home(path, ours=False)


def furnish(directory: Path) -> Path:
    """Make an instance directory of ours, with settings unless it has some; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / SETTINGS
    if not settings.exists():
        template = resources.files("qsync_pipeline") / SETTINGS
        with resources.as_file(template) as source:
            shutil.copyfile(source, settings)
    return directory


@contextmanager
def open_instance(home: Home) -> Iterator[DagsterInstance]:
    """The instance of a directory, closed at the end. Raises ``ConfigError`` for settings that it refuses."""
    try:
        if home.ours:
            furnish(home.path)
        with ExitStack() as stack:
            stack.enter_context(kept_open(home.path))
            instance = stack.enter_context(DagsterInstance.from_config(str(home.path)))
            keep = stack.pop_all()
    except (dg.DagsterError, OSError) as problem:
        said = " ".join(str(problem).split())
        raise ConfigError(
            f"{show_path(home.path)}: Dagster cannot use it as its home: {said[:300]}"
        ) from None
    with keep:
        yield instance
