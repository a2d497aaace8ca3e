"""Tag definitions of Qualytics on their way back: withdrawn, or as they were before a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from qsync_pipeline.core.definitions import SURFACE
from qsync_pipeline.core.names import reader_text, tag_key
from qsync_pipeline.core.reverting import CHANGED, Undo
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.tag_definition import TagDefinition, look_of

STILL_CARRIED = "objects carry it still, put there by people or by another integration: it stays"
LOOKS_OTHERWISE = "somebody changed how it looks: it stays"


class Record(Protocol):
    """What the ledger knows of a definition that an integration of ours made or took over."""

    @property
    def name(self) -> str: ...
    @property
    def folded(self) -> str: ...
    @property
    def taken_over(self) -> bool: ...
    @property
    def made(self) -> bool: ...
    @property
    def before(self) -> Any: ...


def same_look(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether a reader sees no difference between two looks: category, colour, description."""
    return all(
        reader_text(left.get(word)).casefold() == reader_text(right.get(word)).casefold()
        for word in ("category", "color", "description")
    )


def given_back(record: Record, known: TagDefinition, reason: str) -> Change | None:
    """The line that gives a definition that we took over its look back; null where it has it already."""
    kept: Mapping[str, Any] = record.before or {}
    look, ours = kept.get("look") or {}, kept.get("set")
    now = look_of(known)
    if same_look(now, look):
        return None
    if ours is not None and not same_look(now, ours):
        return _definition(known, "update", now, look, LOOKS_OTHERWISE, skipped=True)
    extra = {"gives_back": True}
    return _definition(known, "update", now, look, reason, extra=extra)


def stays(known: TagDefinition) -> Change:
    """The line that names a definition of ours which something still carries."""
    return _definition(known, "remove", look_of(known), None, STILL_CARRIED, skipped=True)


def undo_definitions(
    undone: Iterable[Undo],
    known: Mapping[str, TagDefinition],
    records: Mapping[str, Record],
    removable: Mapping[str, Change],
    reason: str,
) -> list[Change]:
    """The lines that undo what a run made or altered. ``removable`` are those that nothing will carry.

    What it deleted is made again by the book of definitions, like anything that is needed.
    """
    lines: list[Change] = []
    for undo in undone:
        there = known.get(undo.key)
        if undo.was is None and there is not None:
            gone = removable.get(undo.key)
            lines.append(gone if gone is not None else stays(there))
        elif undo.was is not None and undo.now is not None and there is not None:
            now = look_of(there)
            if same_look(now, undo.was):
                continue
            if not same_look(now, undo.now):
                lines.append(_definition(there, "update", now, undo.was, CHANGED, skipped=True))
                continue
            record = records.get(undo.key)
            first = ((record.before or {}).get("look") or {}) if record is not None else {}
            ours_no_more = record is not None and record.taken_over and same_look(first, undo.was)
            extra = {"gives_back": True} if ours_no_more else {}
            lines.append(_definition(there, "update", now, undo.was, reason, extra=extra))
    return lines


def _definition(
    known: TagDefinition,
    action: Any,
    before: Any,
    after: Any,
    reason: str,
    *,
    extra: dict[str, Any] | None = None,
    skipped: bool = False,
) -> Change:
    return Change(
        SURFACE,
        action,
        known.name,
        known.name,
        tag_key(known.name),
        before=before,
        after=after,
        reason=reason,
        status="skipped" if skipped else "planned",
        kind=known.type,
        extra=extra or {},
    )
