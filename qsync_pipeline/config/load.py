"""From a file to a :class:`Config`, or to every mistake in it at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qsync_pipeline.config.checks import raw_problems, settle_types
from qsync_pipeline.config.messages import explain
from qsync_pipeline.config.model import Config
from qsync_pipeline.config.problems import Path as ValuePath
from qsync_pipeline.config.problems import Problem, WrongConfig
from qsync_pipeline.config.schema import at
from qsync_pipeline.config.show import show
from qsync_pipeline.config.tree import BROKEN, Tree, parse

CONFIG_VARIABLE = "QSYNC_CONFIG"
DEFAULT_NAME = "qsync.yaml"
_README = "The README has an example"


def load_config(
    path: Path | str | None = None, *, env: Mapping[str, str] | None = None, check_secrets: bool = True
) -> Config:
    """Read and check a config.

    ``path``, else what the variable ``QSYNC_CONFIG`` names, else ``qsync.yaml`` in the current directory,
    else the config of the local sandbox that comes with the package. Relative paths inside it start at the
    file's directory (the sandbox's: at the current one). ``env`` stands in for the process's environment.
    With ``check_secrets`` off, variables and files that the config names need not be there yet. Secrets
    that are there are made known to redaction, and kept nowhere else; :meth:`Secret.reveal` reads them.

    Raises :class:`WrongConfig`, a ``ConfigError``, with every mistake: one line each, sorted by line, and
    never a secret's value.
    """
    environment = os.environ if env is None else env
    file, directory, origin = _choose(path, environment)
    text = _read(file, origin)
    tree = parse(text)
    context = {"directory": directory, "path": file.absolute()}
    config: Config | None = None
    found = list(tree.problems)
    if tree.data is not None or not found:
        found += settle_types(tree)
        broken = [p.path for p in found if at(tree.data, p.path) is BROKEN]
        config, wrong = _validate(tree, context)
        found += [
            p
            for p in wrong + raw_problems(tree, directory, environment, check_secrets)
            if not _inside(p, broken)
        ]
    if found and path is None and file == _sandbox_config():
        raise WrongConfig(str(directory / DEFAULT_NAME), [_no_config()])
    if found or config is None:
        raise WrongConfig(str(file), found)
    return config


def example_config() -> str:
    """A complete ``qsync.yaml`` with every setting, commented."""
    return (resources.files("qsync_pipeline.config") / "example.yaml").read_text(encoding="utf-8")


def _choose(path: Path | str | None, env: Mapping[str, str]) -> tuple[Path, Path, str]:
    """The file, the directory that its relative paths start at, and who named it."""
    named = env.get(CONFIG_VARIABLE, "").strip()
    try:
        if path is not None or named:
            file, origin = Path(path or named), "" if path is not None else f" (named by {CONFIG_VARIABLE})"
            return file, file.absolute().parent, origin
        if Path(DEFAULT_NAME).exists():
            return Path(DEFAULT_NAME), Path.cwd(), ""
        return _sandbox_config(), Path.cwd(), ""
    except (OSError, ValueError) as error:
        raise WrongConfig(show(str(path or named)), [_unreadable(error, "")]) from error


def _sandbox_config() -> Path:
    """The config that stands in where nobody named one. Only its secrets, the sandbox's, can be missing."""
    return Path(str(resources.files("qsync_pipeline.sandbox") / "default.yaml"))


def _no_config() -> Problem:
    found = f"no such file, no --config, no {CONFIG_VARIABLE}, and no sandbox that was started here"
    return Problem(0, (), found, "one of them", "Write it (the README has an example), or run qsync sandbox")


def _read(file: Path, origin: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = Problem(0, (), "bytes that are not UTF-8", "UTF-8 text", "Save the file as UTF-8.")
        raise WrongConfig(str(file), [wrong]) from error
    except (OSError, ValueError) as error:
        raise WrongConfig(str(file), [_unreadable(error, origin)]) from error


def _unreadable(error: Exception, origin: str) -> Problem:
    why = getattr(error, "strerror", None) or "not a usable path"
    hint = f"Correct the path, or write the file. {_README}"
    return Problem(0, (), f"no readable file{origin}: {why}", "a YAML file", hint)


def _inside(problem: Problem, broken: Iterable[ValuePath]) -> bool:
    """Whether the value is known to be broken, or part of one that is: one line is enough."""
    return any(problem.path[: len(path)] == path for path in broken)


def _validate(tree: Tree, context: dict[str, Any]) -> tuple[Config | None, list[Problem]]:
    try:
        return Config.model_validate(tree.data, context=context), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [problem for detail in details if (problem := explain(tree, detail))]
