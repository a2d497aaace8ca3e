"""From pydantic's errors to our lines: what was found, what is allowed, what to do."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from qsync_pipeline.config.problems import Path, Problem
from qsync_pipeline.config.schema import Kind, at, default_text, locate
from qsync_pipeline.config.secrets import Secret, SuggestedEnv
from qsync_pipeline.config.show import did_you_mean, show
from qsync_pipeline.config.tree import Tree


def explain(tree: Tree, detail: ErrorDetails) -> Problem | None:
    """One error of pydantic in our words; null where it only follows from another."""
    path, kind = locate(detail["loc"], tree.data)
    name = show(str(path[-1])) if path else ""
    value = at(tree.data, path)
    line = tree.line(path)
    secret: SuggestedEnv | None = kind.mark(SuggestedEnv)
    hint = str(detail.get("ctx", {}).get("error", "")) if detail["type"] == "value_error" else ""
    if detail["type"] == "too_short" and value:
        return None  # pydantic counts the good items only, and the bad ones are told already
    if detail["type"] == "missing":
        add = f"{{env: {secret.name}}}" if secret else "..."
        return Problem(tree.line(path[:-1]), path, "nothing", kind.words, f"Add {name}: {add}")
    if detail["type"] == "extra_forbidden":
        _, parent = locate(detail["loc"][:-1], tree.data)
        model = parent.model_for(at(tree.data, path[:-1]))
        names = sorted(model.written()) if model else []
        todo = did_you_mean(name, names) or "Remove it, or move it to where it belongs"
        return Problem(line, path, "an unknown field", ", ".join(names), todo)
    if detail["loc"][-1:] == ("[key]",):
        todo = did_you_mean(name, kind.options) or "Take one of these"
        return Problem(line, path, "an unknown name", kind.words, todo)
    if secret:
        return _about_secret(line, path, kind, value, secret, hint)
    return Problem(line, path, seen(tree, path, value), kind.words, hint or _advice(kind, value))


def _about_secret(line: int, path: Path, kind: Kind, value: Any, secret: SuggestedEnv, hint: str) -> Problem:
    """A secret field that holds something else; what it holds is not repeated."""
    found = "a literal secret"
    if isinstance(value, (dict, tuple)):
        found = "a mapping of another form" if isinstance(value, dict) else "a list"
    elif isinstance(value, str) and kind.bare is not Secret:  # the ledger's URL: fine without a password
        if "password" not in hint:
            return Problem(line, path, "a URL that cannot be used", kind.words, hint)
        found = "a URL with a password"
    instead = f"Write instead: {path[-1]}: {{env: {secret.name}}}"
    return Problem(line, path, found, kind.words, f"{hint} {instead}".strip())


def seen(tree: Tree, path: Path, value: Any) -> str:
    """The value as it was written, fit to be shown."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list" if value else "an empty list"
    raw = tree.texts.get(path, "")
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"'{show(raw)}'"
    return f"{show(raw)} (read as {str(value).lower()})" if isinstance(value, bool) else show(raw)


def _advice(kind: Kind, value: Any) -> str:
    """What to do about a value of the wrong type or outside its bounds."""
    if isinstance(value, str) and (near := did_you_mean(value, kind.options)):
        return near
    if kind.bare is str and isinstance(value, (bool, int, float)):
        return "Put it in quotes"
    if kind.item and isinstance(value, str) and value.strip():
        return f"Write a list: [{show(value)}]"
    if kind.bare in (int, float) and isinstance(value, str):
        return "Write digits without quotes and units"
    default = default_text(kind) if not kind.models else ""
    return f"Leave it out for the default: {default}" if default else "Correct the value"
