"""Which tests hold which rule of the design, and the table of it in ``docs/rules.md``.

A pytest plugin (loaded by ``conftest.py``). Tests carry ``@pytest.mark.rule(section, sentence)``; the marks
are gathered when tests are collected, so every worker of a distributed run knows them all. ``pytest
--collect-only -n 0 --write-rules`` writes the table; ``test_rules_table.py`` fails when it is out of date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RULES = HERE / "rules.txt"
TABLE = HERE.parent / "docs" / "rules.md"

SECTIONS = {
    "3": "Running on Dagster",
    "5.1": "Matching",
    "5.2": "Tags",
    "5.3": "Quality",
    "5.4": "Alerts",
    "5.5": "Writes",
    "5.6": "Outside systems",
}
NOT_YET = "*not yet*"
HEAD = """\
# The rules, and the tests that hold them

Made by the test run (`pytest --collect-only -n 0 --write-rules`), never by hand. Each line is a sentence of
the design, with the tests that fail when it is broken; "not yet" means that no test claims it.
A part of the suite may be named here and be skipped on a machine that lacks what it needs.
"""

Rule = tuple[str, str]
"""Section and sentence."""


@dataclass
class Gathered:
    """The marks of one collection. ``files`` are the test files it saw whole, relative to the suite."""

    held: dict[Rule, set[str]] = field(default_factory=lambda: defaultdict(set))
    files: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


GATHERED = pytest.StashKey[Gathered]()


def sentences(text: str) -> list[Rule]:
    """The rules of ``rules.txt``, in order."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(section.strip(), rule.strip()) for section, _, rule in (line.partition("|") for line in lines)]


def find(section: str, words: str, rules: Sequence[Rule]) -> Rule | None:
    """The one rule of this section that is, or begins with, these words; null if none or several do."""
    plain = words.strip().rstrip(".")
    if (section, plain) in rules:
        return section, plain
    hits = [rule for rule in rules if rule[0] == section and rule[1].startswith(plain)]
    return hits[0] if plain and len(hits) == 1 else None


def render(rules: Sequence[Rule], held: Mapping[Rule, Iterable[str]]) -> str:
    """The table as Markdown."""
    parts = [HEAD]
    total = sum(1 for rule in rules if held.get(rule))
    parts.append(f"Held: {total} of {len(rules)}.\n")
    for section, title in SECTIONS.items():
        parts += [f"## {section} {title}\n", "| rule | held by |", "|---|---|"]
        for rule in rules:
            if rule[0] == section:
                tests = "<br>".join(f"`{test}`" for test in sorted(held.get(rule, ()))) or NOT_YET
                parts.append(f"| {rule[1].replace('|', chr(92) + '|')} | {tests} |")
        parts.append("")
    return "\n".join(parts)


def named_in(table: str) -> dict[Rule, set[str]]:
    """The inverse of :func:`render`: which tests a table names, by rule."""
    found: dict[Rule, set[str]] = {}
    section = ""
    for line in table.splitlines():
        if line.startswith("## "):
            section = line.split()[1]
        elif line.startswith("| ") and section and line != "| rule | held by |":
            sentence, _, tests = line.strip("| ").replace("\\|", "\0").rpartition(" | ")
            names = {test.strip("`") for test in tests.split("<br>")} - {NOT_YET}
            found[(section, sentence.replace("\0", "|"))] = names
    return found


def gather(items: Sequence[pytest.Item], rules: Sequence[Rule]) -> Gathered:
    """The marks of these tests; each test is named ``folder/file.py::test``, without its parameters."""
    gathered = Gathered()
    for item in items:
        file = item.path.relative_to(HERE).as_posix()
        gathered.files.add(file)
        inner = item.nodeid.split("::", 1)[1].split("[", 1)[0]
        for mark in item.iter_markers("rule"):
            rule = find(*mark.args, rules) if len(mark.args) == 2 else None
            if rule is None:
                gathered.unknown.append(f"{file}::{inner}: {mark.args}")
            else:
                gathered.held[rule].add(f"{file}::{inner}")
    return gathered


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--write-rules``."""
    parser.addoption("--write-rules", action="store_true", help="write docs/rules.md from the rule marks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Gather before anything is deselected, and write the table when asked to."""
    rules = sentences(RULES.read_text(encoding="utf-8"))
    gathered = gather([item for item in items if item.path.is_relative_to(HERE)], rules)
    if any("::" in argument for argument in config.args):
        gathered.files.clear()  # files seen in part prove nothing about the rest of them
    config.stash[GATHERED] = gathered
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    if config.getoption("--write-rules") and worker == "gw0":
        missing = {path.relative_to(HERE).as_posix() for path in HERE.rglob("test_*.py")} - gathered.files
        if missing:
            left_out = ", ".join(sorted(missing))
            raise pytest.UsageError(f"--write-rules needs the whole suite; not collected: {left_out}")
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(render(rules, gathered.held), encoding="utf-8")
