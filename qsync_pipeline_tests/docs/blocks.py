"""Fenced blocks of a Markdown file, with the marker that says how a test treats them.

A marker is a comment on the line before the fence: ``<!-- test: run -->``. Kinds:

- ``run``: commands that end; run in order, each must succeed;
- ``serve``: one command that stays up; started, waited for, stopped;
- ``make``: make targets; they must exist (``make test`` would run this very test);
- ``control``: calls of a sandbox's control plane;
- ``config``: a whole ``qsync.yaml``;
- ``sql``: a query of the ledger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
KINDS = frozenset({"run", "serve", "make", "control", "config", "sql"})

_BLOCK = re.compile(
    r"(?:^<!-- test: (?P<kind>\w+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``kind`` is empty where it has no marker, ``line`` is where it begins."""

    document: Path
    line: int
    language: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks(document: Path, kind: str | None = None) -> list[Block]:
    """The blocks of a document, in order; of one kind, or all."""
    text = document.read_text(encoding="utf-8")
    found = [
        Block(document, text.count("\n", 0, m.start()) + 1, m["language"], m["kind"] or "", m["text"])
        for m in _BLOCK.finditer(text)
    ]
    return [block for block in found if kind is None or block.kind == kind]


def every(kind: str | None = None) -> list[Block]:
    """The blocks of all documents."""
    return [block for document in DOCUMENTS for block in blocks(document, kind)]
