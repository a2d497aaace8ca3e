"""YAML to plain data that remembers its lines.

Lists become tuples, keys stay the text that was written, dates stay text, null stays null. What cannot be
a value (tags, broken numbers) is reported and replaced by :data:`BROKEN`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from qsync_pipeline.config.problems import Path, Problem
from qsync_pipeline.config.show import HIDDEN, show

_TAG = "tag:yaml.org,2002:"
_MAX_VALUES = 50_000
_BAD_TEXT = re.compile("[\ud800-\udfff\x00]")  # lone surrogates from \\u escapes, and NUL
_QUOTED = re.compile(r"('(?:[^'\\]|\\.|<[a-z ]+>)')|'[^']*'")
_SECRET_KEY = re.compile(r"token|secret|password|key$", re.IGNORECASE)


class _Broken:
    def __repr__(self) -> str:
        return "BROKEN"


BROKEN: Final = _Broken()


@dataclass
class Tree:
    """A parsed file. ``texts`` holds each scalar as it was written, ``lines`` each value's line (from 1)."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of the value at ``path``, or of the nearest thing above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _TooMuch(Exception):
    """The file is nested or repeated beyond reason."""


@functools.lru_cache(maxsize=2)
def _composed(text: str) -> yaml.Node | None:
    """The nodes of a text, which nobody changes: each resource of a run opens the same config once more."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def parse(text: str) -> Tree:
    """The tree of a YAML text; syntax errors are its only problem then."""
    tree = Tree()
    try:
        node = _composed(text)
        if node is None:
            tree.problems.append(
                Problem(1, (), "an empty file", "qualytics and integrations", "The README has an example.")
            )
        else:
            tree.data = _Builder(tree).value(node, (), node.start_mark.line + 1)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        tree.problems.append(Problem(line, (), "a control character", "YAML text", "Delete it."))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What YAML quotes from the file may be a secret; single characters and its own <words> cannot.
        why = _QUOTED.sub(lambda quoted: quoted[1] or HIDDEN, error.problem or "")
        hint = f"Parser: {show(why)}. Check indentation, colons and quotes here and on the line above"
        tree.problems.append(Problem(mark.line + 1 if mark else 1, (), "broken YAML", "valid YAML", hint))
    except (_TooMuch, RecursionError):
        tree.data = None
        tree.problems.append(
            Problem(1, (), "values nested or repeated beyond reason", "a plain file", "Remove the aliases.")
        )
    return tree


class _Builder:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._open: set[int] = set()
        self._count = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path, line: int) -> Any:
        self._count += 1
        if self._count > _MAX_VALUES or id(node) in self._open:
            raise _TooMuch
        self._tree.lines[path] = line
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, line)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return tuple(
                    self.value(item, (*path, i), item.start_mark.line + 1)
                    for i, item in enumerate(node.value)
                )
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, path)
        finally:
            self._open.discard(id(node))
        return self._broken(path, line)

    def _broken(self, path: Path, line: int) -> Any:
        self._tree.problems.append(
            Problem(line, path, "a YAML tag", "plain values", "Remove it; a secret is written {env: NAME}.")
        )
        return BROKEN

    def _scalar(self, node: yaml.ScalarNode, path: Path, line: int) -> Any:
        self._tree.texts[path] = text = str(node.value)
        kind = node.tag.removeprefix(_TAG)
        if _BAD_TEXT.search(text):
            self._tree.problems.append(
                Problem(line, path, "a broken character", "text", "Correct the \\ escape.")
            )
            return BROKEN
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return self._constructor.construct_yaml_bool(node)
                case "int":
                    return self._constructor.construct_yaml_int(node)
                case "float":
                    return self._constructor.construct_yaml_float(node)
                case "str" | "timestamp" | "value" | "merge":
                    return text
        except (ValueError, KeyError, IndexError, OverflowError):
            self._tree.problems.append(
                Problem(line, path, "a broken number or truth value", "plain values", "Put text in quotes.")
            )
            return BROKEN
        return self._broken(path, line)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own: set[str] = set()
        for key_node, value_node, merged in self._pairs(node, path):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(
                    line, path, "a list or mapping as a key", "text as a key", "Put a value after it."
                )
                continue
            key = str(key_node.value)
            if _BAD_TEXT.search(key):
                self._problem(line, path, "a broken character in a key", "text", "Correct the \\ escape.")
                continue
            if merged and key in data:
                continue
            if key in own:
                first = self._tree.lines[(*path, key)]
                where = path if any(_SECRET_KEY.search(str(part)) for part in path) else (*path, key)
                found = f"a key for the second time (first in line {first})"
                self._problem(line, where, found, "each key once", "Remove one of the two.")
            if not merged:
                own.add(key)
            data[key] = self.value(value_node, (*path, key), line)
        return data

    def _pairs(self, node: yaml.MappingNode, path: Path) -> list[tuple[yaml.Node, yaml.Node, bool]]:
        """A mapping's own keys, then those merged in by ``<<: *anchor``, nearest first."""
        own: list[tuple[yaml.Node, yaml.Node, bool]] = []
        more: list[tuple[yaml.Node, yaml.Node, bool]] = []
        for key, value in node.value:
            if key.tag != f"{_TAG}merge":
                own.append((key, value, False))
                continue
            for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                self._count += 1
                if self._count > _MAX_VALUES:
                    raise _TooMuch
                if isinstance(other, yaml.MappingNode):
                    more.extend((k, v, True) for k, v, _ in self._pairs(other, path))
                else:
                    line = key.start_mark.line + 1
                    self._problem(
                        line, path, "no mapping after <<", "an alias of a mapping", "Correct the alias."
                    )
        return own + more

    def _problem(self, line: int, path: Path, found: str, allowed: str, hint: str) -> None:
        self._tree.problems.append(Problem(line, path, found, allowed, hint))
