"""Values and times as the commands that look back show them: in tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from qsync_pipeline.core.names import reader_text
from qsync_pipeline.outside_text import for_csv, one_line
from qsync_pipeline.transport.redact import redact

WIDTH = 60
"""Characters of a value in a table."""
FIRST = ("title", "text", "rule", "object", "status", "value")
"""Parts of a value that people look for, in this order; the rest follows as it stands."""
_WRAPPED = re.compile(r"\s*<(p|div)\b[^>]*>.*</\1>\s*", re.DOTALL)
"""Rich text as Alation stores it. Other text in angle brackets is somebody's, and shown as it is."""
_PLACES = {name: place for place, name in enumerate(FIRST)} | {"by": len(FIRST) + 1}


def harmless(text: str) -> str:
    """One line without secrets and without characters that act instead of being shown."""
    return one_line(redact(text))


def cell(value: object) -> str:
    """A value for CSV: harmless, and no formula in a spreadsheet."""
    return for_csv(harmless(words(value))) if value is not None else ""


def words(value: object) -> str:
    """A value in words: the parts of a dict that have one, a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        told = sorted(value.items(), key=lambda part: _PLACES.get(part[0], len(FIRST)))
        return ", ".join(f"{name}: {one}" for name, one in told if one is not None) or "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def brief(value: object) -> str:
    """A value for a column of a table; of rich text what a reader sees."""
    text = harmless(words(_as_seen(value))) or "-"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def _as_seen(value: object) -> object:
    if isinstance(value, dict):
        return {name: _as_seen(one) for name, one in value.items()}
    return reader_text(value) if isinstance(value, str) and _WRAPPED.fullmatch(value) else value


def brief_change(before: object, after: object) -> str:
    """Both sides of a change, for a column of a table; of values in parts only the parts that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        every = {**before, **after}
        parts = [name for name in every if before.get(name) != after.get(name)] or every
        before = {name: one for name, one in before.items() if name in parts}
        after = {name: one for name, one in after.items() if name in parts}
    return f"{brief(before)} -> {brief(after)}"


def when(at: float | None) -> str:
    """A time (seconds since the epoch), in UTC."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(at: float | None) -> str | None:
    """A time for machines."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV text with a head line."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return file.getvalue()
