"""Noticing that the ledger was restored from an older copy, and what then must not be taken from it.

Beside the tables between the steps lies a file that says how far the ledger had come. A ledger that is
behind it is an older copy: it may call something ours that we have taken off since, and that a person has
put there. So in the first whole comparison of each datastore after that, tags are not removed on its word:
they are let go, stay where they are, and count as unowned, as after a lost ledger. What is wanted and there
is ours as before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from qsync_pipeline.core.names import fold, tag_key
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.tag_definition import TagDefinition
from qsync_pipeline.sync.run import Run

FILE = "_ledger.json"
REASON = "the ledger was restored from an older copy: left alone, and no longer counted as ours"


def leave(run: Run) -> None:
    """Write down how far the ledger has come; after every settlement."""
    id_, number = run.ledger.epoch.get()
    known = _known(run)
    if not id_ or known.get(id_, 0) >= number:
        return
    path = _path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.write_text(json.dumps({**known, id_: number}), encoding="utf-8")
    aside.replace(path)


def look(run: Run) -> None:
    """Note it in the ledger when it turns out to be an older copy; before a run writes anything."""
    if run.ledger.read_only or run.dry_run or not _is_older(run):
        return
    run.ledger.epoch.doubt(_known(run)[run.ledger.epoch.get()[0]])
    run.say("the ledger is an older copy of itself: tags that only it calls ours are not removed")


def in_doubt(run: Run, stage: str, key: str) -> bool:
    """Whether a datastore was not yet compared whole since the ledger turned out to be an older copy.

    ``stage`` is the one whose plans show that it was.
    """
    at = run.ledger.epoch.doubted_at()
    if at is None:
        return run.ledger.read_only and _is_older(run)
    compared = run.ledger.reports.latest(run.name, stage, whole=True).get(key)
    return compared is None or compared.at <= at


def released(changes: Iterable[Change], surfaces: Sequence[str]) -> tuple[list[Change], list[Change]]:
    """A plan that lets go instead of removing from these surfaces, and the removals that it does without.

    Copies further down, which are held by nobody, stay as they are.
    """
    kept: list[Change] = []
    dropped: list[Change] = []
    for change in changes:
        if change.action != "remove" or change.surface not in surfaces:
            kept.append(change)
            continue
        dropped.append(change)
        if not change.extra.get("copy_of"):
            kept.append(
                msgspec.structs.replace(
                    change, action="note", after=None, reason=REASON, extra={"release": True}
                )
            )
    return kept, dropped


def trusted_definitions(
    run: Run, rows: Sequence[TagDefinition], categories: frozenset[str], *, doubted: bool
) -> Sequence[TagDefinition]:
    """The definitions; while in doubt, without the older copy's word for those that carry none of our
    categories (folded). That word is forgotten for good, unless this run writes nothing."""
    if not doubted:
        return rows
    trusted: list[TagDefinition] = []
    for row in rows:
        if row.made_by and row.type != "external" and fold(row.category or "") not in categories:
            if not run.dry_run and not run.ledger.read_only:
                run.ledger.tag_definitions.drop(tag_key(row.name))
            trusted.append(msgspec.structs.replace(row, made_by=None, made=False))
        else:
            trusted.append(row)
    return trusted


def _is_older(run: Run) -> bool:
    id_, number = run.ledger.epoch.get()
    return bool(id_) and _known(run).get(id_, 0) > number


def _known(run: Run) -> dict[str, int]:
    try:
        found = json.loads(_path(run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: number for name, number in found.items() if isinstance(number, int)}


def _path(run: Run) -> Path:
    return run.config.storage / FILE
