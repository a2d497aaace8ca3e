"""What pydantic cannot see beside other mistakes: doubles, clashes between fields, files and variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from qsync_pipeline.config.fields import HoldsFiles, MustExist, Unique
from qsync_pipeline.config.messages import seen
from qsync_pipeline.config.problems import Path, Problem
from qsync_pipeline.config.schema import Kind, at, locate, type_name, visit
from qsync_pipeline.config.secrets import SuggestedEnv, Trouble, make_secret, resolve_path
from qsync_pipeline.config.show import did_you_mean, show, show_path
from qsync_pipeline.config.tree import BROKEN, Tree


def settle_types(tree: Tree) -> list[Problem]:
    """Integrations of unknown type; they get the nearest type, so that the rest is still checked."""
    _, kind = locate(("integrations", 0), tree.data)
    known = {type_name(model): model for model in kind.models}
    found: list[Problem] = []
    items = tree.data.get("integrations") if isinstance(tree.data, dict) else None
    for index, item in enumerate(items if isinstance(items, tuple) else ()):
        if not isinstance(item, dict) or item.get("type") in tuple(known):
            continue
        value, path = item.get("type"), ("integrations", index, "type")
        if value is not BROKEN:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            todo = hint or f"Write for example type: {next(iter(known))}"
            found.append(Problem(tree.line(path), path, seen(tree, path, value), ", ".join(known), todo))
        by_fields = sorted(known, key=lambda t: -len(known[t].model_fields.keys() & item.keys()))
        item["type"] = next((t for t in known if t == str(value).lower()), by_fields[0])
    return found


def raw_problems(
    tree: Tree, directory: FilePath, env: Mapping[str, str], check_secrets: bool
) -> list[Problem]:
    """Doubles, clashes, and with ``check_secrets`` what the config names but is not there."""
    found: list[Problem] = []
    for path, kind, value in visit(tree.data):
        if (unique := kind.mark(Unique)) and isinstance(value, tuple):
            found += _doubles(tree, path, value, unique)
        model = kind.model_for(value)
        if model and isinstance(value, dict):
            for clash in model.clashes(value):
                where = (*path, *clash.path)
                found.append(Problem(tree.line(where), where, clash.found, clash.allowed, clash.hint))
        # Looked for in any case: what is there is masked from now on, whoever repeats it in an answer.
        if (trouble := _absent(kind, value, directory, env)) and check_secrets:
            found.append(Problem(tree.line(path), path, *trouble))
    return found


def _doubles(tree: Tree, path: Path, items: tuple[Any, ...], unique: Unique) -> list[Problem]:
    first: dict[str, Path] = {}
    found: list[Problem] = []
    for index, _ in enumerate(items):
        where: Path = (*path, index, unique.by) if unique.by else (*path, index)
        value = at(tree.data, where)
        if not isinstance(value, str):
            continue
        key = value.strip()
        if key in first:
            said = f"{show(key)} for the second time (first in line {tree.line(first[key])})"
            todo = "Choose another name" if unique.by else "Remove one of the two"
            found.append(Problem(tree.line(where), where, said, "each once", todo))
        first.setdefault(key, where)
    return found


def _absent(kind: Kind, value: Any, directory: FilePath, env: Mapping[str, str]) -> Trouble | None:
    """Why a secret or file that the config names cannot be read, or null. Malformed names count as null."""
    try:
        if kind.mark(SuggestedEnv) and isinstance(value, dict):
            return make_secret(value, directory).problem(env)
        if kind.mark(MustExist) and isinstance(value, str) and value.strip():
            file = resolve_path(value, directory)
            if not (file.is_file() and os.access(file, os.R_OK)):
                return Trouble(f"no readable file {show_path(file)}", "a readable file", "Correct the path")
        if kind.mark(HoldsFiles) and isinstance(value, str) and value.strip():
            return _no_directory(resolve_path(value, directory))
    except (ValueError, OSError):
        return None
    return None


def _no_directory(wanted: FilePath) -> Trouble | None:
    """Why no files can be kept there, or null: the nearest path above it that exists decides."""
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    why = "cannot be written to" if there.is_dir() else "is no directory"
    allowed = "a directory that can be written to, or made"
    return Trouble(f"{show_path(there)}, which {why}", allowed, "Correct the path")
