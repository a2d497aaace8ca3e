"""What users of such products complain about, and the tests that fail if it could be said of this one.

The list is ``complaints.txt``; ``docs/complaints.md`` is made of it by ``make docs``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LIST = HERE / "complaints.txt"
TABLE = HERE.parent / "docs" / "complaints.md"
HEAD = """\
# What people complain about elsewhere

Made by `make docs` from `qsync_pipeline_tests/complaints.txt`, never by hand. Each line is something that
users of comparable products report, with where, and the tests that fail if it were true here.

| | complaint | where | held by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Complaint:
    """A complaint, where it was made, and ``tests`` as ``folder/file.py::test``."""

    number: str
    text: str
    source: str
    tests: tuple[str, ...]


def complaints() -> list[Complaint]:
    """The list."""
    return list(_blocks(LIST.read_text(encoding="utf-8")))


def _blocks(text: str) -> Iterator[Complaint]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for place, line in enumerate(lines):
        if line.startswith(" "):
            continue
        number, words, source = (part.strip() for part in line.split(" | "))
        tests = []
        for below in lines[place + 1 :]:
            if not below.startswith(" "):
                break
            tests.append(below.strip())
        yield Complaint(number, words, source, tuple(tests))


def render() -> str:
    """The table as Markdown."""
    rows = [
        f"| {one.number} | {one.text} | {one.source} | {'<br>'.join(f'`{test}`' for test in one.tests)} |"
        for one in complaints()
    ]
    return HEAD + "\n".join(rows) + "\n"


def write() -> bool:
    """Bring the document up to date; whether it changed."""
    text = render()
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == text:
        return False
    TABLE.write_text(text, encoding="utf-8")
    return True
