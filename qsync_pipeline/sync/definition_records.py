"""Whose a tag definition in Qualytics is, by the ledger's records.

A record names the definition by Qualytics' id. Without one it was asked for, by a run that did not learn
whether it was made: what stands there under that name is ours only if it looks as we asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.core.names import fold, reader_text, tag_key
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import ID, TagDefinition
from qsync_pipeline.core.tags import SURFACE
from qsync_pipeline.ledger import TagDefinition as Record
from qsync_pipeline.qualytics.models import GlobalTag
from qsync_pipeline.sync.parking import waiting_removals
from qsync_pipeline.sync.run import Run


def read_definitions(run: Run) -> Table[TagDefinition]:
    """All tag definitions of the deployment, with what the ledger knows of those that are ours.

    What is there settles what was asked for; a record whose definition somebody has made anew is dropped. An
    integration of which all that it holds waits for approval to go supplies a tag no more: another one that
    does gives it its look at once.
    """
    listed = run.qualytics.global_tags()
    ours = _ours(run, listed)
    names = [one.name for one in run.config.integrations]
    holders = _holders(run, names) if len(names) > 1 else {}
    rows = []
    for tag in listed:
        record = ours.get(tag.name)
        rows.append(
            TagDefinition(
                name=tag.name,
                type=tag.type,
                category=tag.category,
                color=tag.color,
                description=tag.description,
                weight_modifier=tag.weight_modifier or 0,
                count=tag.count,
                made_by=record.made_by if record else None,
                made=bool(record and record.made),
                taken_over=bool(record and record.taken_over and not record.made),
                source_ids=tuple((record.before or {}).get("tag_ids", ())) if record else (),
                suppliers=tuple(
                    sorted({who for who, of in holders.get(tag_key(tag.name), ()) if of in (None, tag.id)})
                ),
                id=tag.id,
            )
        )
    return Table(TagDefinition, rows)


def _holders(run: Run, names: Sequence[str]) -> dict[str, set[tuple[str, Any]]]:
    waiting = waiting_removals(run, names, SURFACE)
    return run.ledger.holdings.holders(SURFACE, names, ID, waiting)


def adopt_definitions(run: Run) -> None:
    """After a lost ledger: take the definitions in our category for ours again, as we make them."""
    known = run.ledger.tag_definitions.all()
    for tag in run.qualytics.global_tags():
        ours = fold(tag.category or "") == fold(run.name) and not tag.weight_modifier
        if ours and tag_key(tag.name) not in known:
            run.ledger.tag_definitions.put(
                Record(tag.name, tag_key(tag.name), made_by=run.name, made=True, definition_id=tag.id)
            )


def record_of(
    run: Run,
    change: Change,
    definition_id: int | None,
    *,
    made: bool,
    before: object = None,
    taken_over: bool = False,
) -> Record:
    """What to remember of a definition that ``change`` makes or takes over; no id: it is only asked for."""
    tag_id = change.extra.get("tag_id")
    return Record(
        name=change.name,
        folded=change.key,
        made_by=run.name,
        made=made,
        taken_over=taken_over,
        before={"look": before, "set": change.after, "tag_ids": [tag_id] if tag_id else []},
        definition_id=definition_id,
    )


def speaks_of(record: Record, tag: GlobalTag) -> bool:
    """Whether a record is about this very definition, and not about one that went before it."""
    if record.definition_id is not None:
        return record.definition_id == tag.id
    return record.name == tag.name and _as_asked(record, tag)


def _ours(run: Run, listed: Sequence[GlobalTag]) -> dict[str, Record]:
    """The records that speak of a definition which is there, by its exact name."""
    records = run.ledger.tag_definitions.all()
    names = {tag.name for tag in listed}
    book = None if run.dry_run or run.ledger.read_only else run.ledger.tag_definitions
    found: dict[str, Record] = {}
    for tag in listed:
        record = records.get(tag_key(tag.name))
        if record is None or (record.name != tag.name and record.name in names):
            continue  # a person's, which may differ from ours by case only
        if not speaks_of(record, tag):
            if book and record.name == tag.name:
                book.disown(record)
            continue
        if book and record.definition_id is None:
            book.confirm(record.folded, tag.id)
        found[tag.name] = replace(record, definition_id=tag.id)
    return found


def _as_asked(record: Record, tag: GlobalTag) -> bool:
    """Whether a definition stands in our category, or looks in all as it was asked for.

    A colour that was not asked for is the deployment's choice.
    """
    if fold(tag.category or "") == fold(record.made_by):
        return True
    asked = (record.before or {}).get("set") or {}
    color = asked.get("color")
    return (
        fold(tag.category or "") == fold(asked.get("category") or "")
        and (not color or color.lower() == (tag.color or "").lower())
        and reader_text(tag.description) == reader_text(asked.get("description"))
    )
