"""The parts of ``docs/`` that are made from the code: the config reference and the sandbox's switches.

A generated part stands between two marks in its file; what is around them is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from qsync_pipeline.config import example_config, reference_rows
from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline.sandbox.control import ENDPOINTS
from qsync_pipeline.sandbox.systems import SYSTEMS

DOCS = Path(__file__).parents[2] / "docs"
_NAMES = ", ".join(ATTRIBUTES)
_PART = re.compile(
    r"(<!-- generated: (?P<name>\S+), by make docs -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL
)

SECTIONS = {
    "qualytics": "`qualytics`",
    "integrations[]": "`integrations[]`: every catalog",
    "integrations[type=atlan]": "`integrations[]`: Atlan alone",
    "integrations[type=alation]": "`integrations[]`: Alation alone",
    "ledger": "`ledger`",
    "storage": "`storage`",
    "webhooks": "`webhooks`: the receiver",
    "notify": "`notify`",
}
"""Heading of each section of the config reference, by the beginning of its paths."""


def config_reference() -> str:
    """A table per section of ``qsync.yaml``."""
    parts = []
    for section, rows in groupby(sorted(reference_rows(), key=_rank), key=lambda row: _section(row[0])):
        parts.append(f"### {SECTIONS[section]}\n\n| field | allowed | default | meaning |\n|---|---|---|---|")
        for path, allowed, default, meaning in rows:
            name = path.removeprefix(f"{section}.")
            allowed = allowed.replace(_NAMES, "names of the twelve attributes")
            shown = f"`{default}`" if default not in ("required", "none") else default
            parts.append(f"| `{name}` | {_cell(allowed)} | {_cell(shown)} | {_cell(meaning)} |")
        parts.append("")
    return "\n".join(parts)


def config_example() -> str:
    """The complete example, as the package carries it."""
    return f"```yaml\n{example_config().strip()}\n```\n"


def switches() -> str:
    """A table of switches per sandbox system, with what their docstrings say."""
    parts = []
    for kind in SYSTEMS:
        made = kind.switches()
        said = field_docs(made)
        hints = get_type_hints(made)
        parts.append(
            f"### {kind.name}\n\n| switch | allowed | default | what it decides |\n|---|---|---|---|"
        )
        for one in fields(made):
            default = json.dumps(one.default) if one.default is not MISSING else "none"
            allowed = _allowed(hints[one.name])
            parts.append(f"| `{one.name}` | {_cell(allowed)} | `{default}` | {_cell(said[one.name])} |")
        parts.append("")
    return "\n".join(parts)


def endpoints() -> str:
    """What the control plane offers."""
    lines = ["| endpoint | what it does or takes |", "|---|---|"]
    lines += [f"| `{_cell(name)}` | {_code(text)} |" for name, text in ENDPOINTS.items()]
    return "\n".join([*lines, ""])


PARTS: Mapping[str, Callable[[], str]] = {
    "config-reference": config_reference,
    "config-example": config_example,
    "switches": switches,
    "endpoints": endpoints,
}


def field_docs(made: type[Any]) -> dict[str, str]:
    """The docstring below each field of a class, on one line; empty where there is none."""
    body = ast.parse(textwrap.dedent(inspect.getsource(made))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    name = ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = " ".join(str(node.value.value).split())
            name = ""
    return found


def refreshed(text: str) -> str:
    """A document with its generated parts as they should be now."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part['name']]().strip()}\n\n{part[3]}", text)


def generated_files() -> list[Path]:
    """The documents that have a generated part."""
    return [path for path in sorted(DOCS.glob("*.md")) if _PART.search(path.read_text(encoding="utf-8"))]


def write() -> list[Path]:
    """Bring every generated part up to date; returns the files that changed."""
    changed = []
    for path in generated_files():
        before = path.read_text(encoding="utf-8")
        after = refreshed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def _section(path: str) -> str:
    return next(s for s in sorted(SECTIONS, key=len, reverse=True) if path == s or path.startswith(f"{s}."))


def _rank(row: tuple[str, str, str, str]) -> int:
    return list(SECTIONS).index(_section(row[0]))


def _allowed(hint: Any) -> str:
    options = get_args(hint)
    if get_origin(hint) is Literal:
        return ", ".join(map(str, options))
    if options:
        return " or ".join(_allowed(option) for option in options)
    words = {bool: "true, false", int: "a whole number", float: "a number", str: "text", type(None): "none"}
    return words[hint]


def _code(text: str) -> str:
    """Requests bodies are code, the rest is prose."""
    body, closing, rest = text.partition("}: ") if text.startswith("{") else ("", "", text)
    if not closing and text.startswith("{"):
        return f"`{text}`"
    return f"`{body}}}`: {rest}" if closing else _cell(rest)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
