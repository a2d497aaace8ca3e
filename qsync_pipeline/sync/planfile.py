"""Plans in a file: what ``qsync plan --out`` saves and ``qsync apply`` carries out.

JSON lines, so that lines can be read, searched, and taken out by hand. The first line says what the file is
(``{"qsync_plan": 1, "kind", "direction", "made_at", "made_by"}``), each other one is a line of a plan: where
it belongs (integration, datastore, stage) and its :class:`~qsync_pipeline.core.rows.Change`. The definitions
of a catalog belong to no datastore.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from qsync_pipeline.config.show import show
from qsync_pipeline.core.rows import Change
from qsync_pipeline.outside_text import harmless_json
from qsync_pipeline.transport.errors import ConfigError

VERSION = 1

Kind = Literal["plan", "retire", "revert"]
STAGES = ("definitions", "tag_plan", "quality_plan")

KEY = re.compile(r"[0-9]+-[a-z0-9_-]+")
"""What a key looks like (DESIGN.md §3): it becomes a partition, and the name of files."""


class Header(msgspec.Struct, frozen=True):
    """The first line. ``made_at`` is an ISO time in UTC, ``made_by`` the version of qsync."""

    qsync_plan: int = VERSION
    kind: Kind = "plan"
    direction: Literal["pull", "push", "both"] = "both"
    made_at: str = ""
    made_by: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line of a plan, with where it belongs."""

    integration: str
    datastore: str
    stage: str
    change: Change


def write_plan(path: Path, header: Header, lines: Iterable[Line]) -> int:
    """Write a plan aside and rename it; returns the number of its lines. Raises ``ConfigError``."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    encoder = msgspec.json.Encoder()
    number = 0
    try:
        with aside.open("wb") as file:
            file.write(encoder.encode(header) + b"\n")
            for line in lines:
                file.write(harmless_json(encoder.encode(line).decode()).encode() + b"\n")
                number += 1
        aside.replace(path)
    except OSError as wrong:
        raise ConfigError(f"{path}: cannot be written: {wrong.strerror}") from wrong
    finally:
        aside.unlink(missing_ok=True)
    return number


class PlanFile:
    """A plan that was saved. Lines are kept as they stand in the file, and decoded again when asked for."""

    def __init__(self, path: Path) -> None:
        """Read it; raises ``ConfigError`` where it cannot be read, or a line is none of a plan."""
        self.path = path
        self._lines: dict[tuple[str, str, str], list[bytes]] = {}
        try:
            with path.open("rb") as file:
                self.header = _header(path, file.readline())
                for number, raw in enumerate(file, start=2):
                    if raw.strip():
                        line = _decode(path, number, raw)
                        if line.stage not in STAGES:
                            raise ConfigError(f"{path}: line {number}: no such stage: {show(line.stage)}")
                        wanted = not line.datastore if line.stage == "definitions" else line.datastore
                        if not wanted or (line.datastore and not KEY.fullmatch(line.datastore)):
                            raise ConfigError(
                                f"{path}: line {number}: no key of a datastore: {show(line.datastore)}"
                            )
                        key = (line.integration, line.stage, line.datastore)
                        self._lines.setdefault(key, []).append(raw)
        except OSError as wrong:
            raise ConfigError(f"{path}: cannot be read: {wrong.strerror}") from wrong

    @property
    def integrations(self) -> list[str]:
        """The integrations that it has lines of, in the order of the file."""
        return list(dict.fromkeys(integration for integration, _, _ in self._lines))

    def datastores(self, integration: str) -> list[str]:
        """The datastores (keys) that it has lines of for an integration."""
        return list(dict.fromkeys(key for name, _, key in self._lines if name == integration and key))

    def of(self, integration: str, stage: str, datastore: str) -> list[Change]:
        """The lines of one stage and datastore."""
        return [_LINE.decode(one).change for one in self._lines.get((integration, stage, datastore), ())]


_HEADER = msgspec.json.Decoder(Header)
_LINE = msgspec.json.Decoder(Line)


def _header(path: Path, raw: bytes) -> Header:
    try:
        header = _HEADER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        header = None
    if header is None or b'"qsync_plan"' not in raw:
        raise ConfigError(f"{path}: no plan; make one with qsync plan --out FILE")
    if header.qsync_plan != VERSION:
        raise ConfigError(
            f"{path}: a plan of version {header.qsync_plan}, and this qsync reads version {VERSION}; make it "
            "anew with qsync plan --out FILE"
        )
    return header


def _decode(path: Path, number: int, raw: bytes) -> Line:
    try:
        return _LINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{path}: line {number}: no line of a plan: {wrong}") from wrong


def lines_of(integration: str, stage: str, tables: Iterable[tuple[str, Iterable[Change]]]) -> Iterator[Line]:
    """The lines of a stage's plans, by datastore."""
    for datastore, changes in tables:
        for change in changes:
            yield Line(integration, datastore, stage, change)
