"""Values and times as the commands that look back show them: in tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from qsync_pipeline.outside_text import for_csv, one_line
from qsync_pipeline.transport.redact import redact

WIDTH = 60
"""Characters of a value in a table."""


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
        return ", ".join(f"{name}: {one}" for name, one in value.items() if one is not None) or "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def brief(value: object) -> str:
    """A value for a column of a table."""
    text = harmless(words(value))
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


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
