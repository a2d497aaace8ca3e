"""Carrying out changes of tag definitions in Qualytics."""

from __future__ import annotations

import msgspec

from qsync_pipeline.core.definitions import UNREACHABLE
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import TagDefinition as Record
from qsync_pipeline.qualytics.models import GlobalTag
from qsync_pipeline.sync.definition_records import record_of, speaks_of
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import Conflict, NotFound, OutsideError, Unauthorized, Unreachable
from qsync_pipeline.transport.redact import redact

UNREACHABLE_NOTE = "unreachable_tags"
"""Ledger note, of no integration: names that no URL of the deployment reaches, with the time of the try."""

ANOTHER = "somebody has made a definition of this name anew meanwhile"
STILL_THERE = "ours, which differs by case only, is still there"


def unreachable_names(run: Run) -> list[str]:
    """Keys of names whose path call answered 404 lately: trying again at every run would help nobody."""
    oldest = run.ledger.clock() - 3600.0 * run.integration.retry_rejected_after_hours
    tried: dict[str, float] = run.ledger.notes.get("", UNREACHABLE_NOTE, {})
    return [key for key, at in tried.items() if at > oldest]


def apply_definition(run: Run, change: Change) -> Outcome:
    """Create, update or delete one definition, and remember in the ledger whose it is."""
    journal = _journal(change)
    try:
        if change.action == "create":
            return _create(run, change, journal)
        if change.action == "update":
            return _update(run, change, journal)
        return _delete(run, change, journal)
    except (Unauthorized, Unreachable):
        raise
    except OutsideError as error:
        return Outcome(journal, "rejected", redact(str(error)), error.rejection_class)


def _create(run: Run, change: Change, journal: Change) -> Outcome:
    look = change.after
    before = run.ledger.tag_definitions.all().get(change.key)
    # Noted before the call: if this run dies after it, the next must know for ours what was asked for here.
    run.ledger.tag_definitions.put(record_of(run, change, None, made=True))
    try:
        tag = run.qualytics.create_tag(
            look["name"],
            color=look["color"],
            description=look["description"],
            category=look["category"],
            weight_modifier=look["weight_modifier"],
            type=change.kind,
        )
    except Conflict:
        if _find(run, change) is None:
            run.ledger.tag_definitions.drop(change.key)
            raise
        # Whoever made it meanwhile may be another integration of ours, which has noted it as its own.
        now = run.ledger.tag_definitions.all().get(change.key)
        if before is not None:
            run.ledger.tag_definitions.put(before)
        elif now is not None and now.made_by == run.name:
            run.ledger.tag_definitions.drop(change.key)
        return Outcome(journal, "unchanged", "somebody made it meanwhile")
    except OutsideError:
        if _find(run, change) is None:
            run.ledger.tag_definitions.drop(change.key)
        raise
    run.ledger.tag_definitions.put(record_of(run, change, tag.id, made=True))
    return Outcome(journal, "applied", change.reason)


def _update(run: Run, change: Change, journal: Change) -> Outcome:
    tag = _find(run, change)
    if tag is None:
        return Outcome(journal, "skipped", "its definition was deleted meanwhile", "missing")
    look = change.after
    known = run.ledger.tag_definitions.all().get(change.key)
    takes_over = bool(change.extra.get("takes_over"))
    if takes_over:
        listed = run.qualytics.global_tags() if known else []
        if any(known and one.id != tag.id and speaks_of(known, one) for one in listed):
            return Outcome(journal, "skipped", STILL_THERE)
    elif known and not speaks_of(known, tag):
        return Outcome(journal, "skipped", ANOTHER)
    asked = record_of(run, change, None, made=False, before=change.before, taken_over=True)
    if takes_over:
        # Noted before the call, as a new one is: it stands in our category afterwards, and is a person's.
        run.ledger.tag_definitions.put(asked)
    try:
        reached = run.qualytics.update_tag(
            tag, color=look["color"], description=look["description"], category=look["category"]
        )
    except OutsideError:
        now = _find(run, change) if takes_over else None
        if takes_over and not (now and speaks_of(asked, now)):
            _put_back(run, change, known)
        raise
    if not reached:
        if takes_over:
            _put_back(run, change, known)
        return _not_reached(run, change, journal)
    if change.extra.get("gives_back"):
        run.ledger.tag_definitions.drop(change.key)
        return Outcome(journal, "applied", change.reason)
    made = bool(known and known.made and not takes_over)
    before = change.before if takes_over else (known.before or {}).get("look") if known else None
    # What is in our category without a record (a lost ledger) is no person's for that.
    taken_over = takes_over or (not made and bool(known and known.taken_over))
    run.ledger.tag_definitions.put(
        record_of(run, change, tag.id, made=made, before=before, taken_over=taken_over)
    )
    return Outcome(journal, "applied", change.reason)


def _delete(run: Run, change: Change, journal: Change) -> Outcome:
    tag = _find(run, change)
    if tag is None:
        run.ledger.tag_definitions.drop(change.key)
        return Outcome(journal, "unchanged", "already gone")
    known = run.ledger.tag_definitions.all().get(change.key)
    if known and not speaks_of(known, tag):
        return Outcome(journal, "skipped", ANOTHER)
    if tag.count:
        return Outcome(journal, "unchanged", f"{tag.count} objects carry it again")
    try:
        reached = run.qualytics.delete_tag(tag.name)
    except NotFound:
        reached = True
    if not reached:
        return _not_reached(run, change, journal)
    run.ledger.tag_definitions.drop(change.key)
    return Outcome(journal, "applied", change.reason)


def _put_back(run: Run, change: Change, known: Record | None) -> None:
    """What was asked for has not come about: the ledger says what it said before."""
    if known is None:
        run.ledger.tag_definitions.drop(change.key)
    else:
        run.ledger.tag_definitions.put(known)


def _not_reached(run: Run, change: Change, journal: Change) -> Outcome:
    tried = {**run.ledger.notes.get("", UNREACHABLE_NOTE, {}), change.key: run.ledger.clock()}
    run.ledger.notes.put("", UNREACHABLE_NOTE, tried)
    return Outcome(journal, "skipped", UNREACHABLE)


def _find(run: Run, change: Change) -> GlobalTag | None:
    """The definition of exactly this name: one that differs by case only is a person's."""
    return next((tag for tag in run.qualytics.global_tags() if tag.name == change.name), None)


def _journal(change: Change) -> Change:
    """The same change, kept out of the holdings: definitions have a table of their own."""
    return msgspec.structs.replace(change, extra={"hold": False})
