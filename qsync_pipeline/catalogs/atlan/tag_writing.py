"""Putting tags on assets, and making the definitions that they need (atlan-api.md §2.5).

A tag goes onto the asset itself and never spreads: ``propagate`` is always sent, because the server takes its
absence for true. Of the ways to write tags this is the one that touches no other tag: appended in bulk, with
what is to come off named one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.atlan.models import MutationAnswer
from qsync_pipeline.catalogs.atlan.reading import TagCache
from qsync_pipeline.catalogs.atlan.types import COLORS
from qsync_pipeline.catalogs.atlan.writing import class_of, outcomes, rejection
from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Change, Outcome, TagRef
from qsync_pipeline.transport.errors import Conflict, Forbidden, NotFound, Rejected, TimedOutAfterSend

UNKNOWN_TAG = "ATLAS-404-00-008"
"""A tag that is not known, or not yet: a new one has to reach every node of the tenant (§1.8)."""
NEW_TAG_WAITS = (1.0, 3.0)
"""Seconds before a write is tried again whose new tag Atlan does not know yet."""

NAMED_COLORS = ("Green", "Yellow", "Red", "Gray")
"""The colours that a tag may have (§2.5)."""


def nearest_color(value: str | None) -> str:
    """The tag colour of Atlan that comes nearest to ``#RRGGBB``; gray for anything else."""
    wanted = _rgb(value)
    if wanted is None:
        return "Gray"

    def distance(name: str) -> int:
        there = _rgb(COLORS[name.lower()]) or wanted
        return sum((one - other) ** 2 for one, other in zip(wanted, there, strict=True))

    return min(NAMED_COLORS, key=distance)


def _rgb(value: str | None) -> tuple[int, int, int] | None:
    text = (value or "").strip().removeprefix("#")
    if len(text) != 6:
        return None
    try:
        return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)
    except ValueError:
        return None


def tag_definition(name: str, look: Mapping[str, Any]) -> dict[str, Any]:
    """A new tag definition, as pyatlan sends one, with a description (tests/oracles)."""
    return {
        "category": "CLASSIFICATION",
        "name": name,
        "displayName": name,
        "description": look.get("description") or "",
        "options": {
            "color": nearest_color(look.get("color")),
            "iconName": "atlanTags",
            "imageID": "",
            "iconType": "icon",
        },
        "skipDisplayNameUniquenessCheck": False,
    }


def tagged_entities(changes: Sequence[tuple[Change, str]]) -> list[dict[str, Any]]:
    """One entity per asset, with the tags that it gets and loses; each change comes with its tag's id."""
    bodies: dict[str, dict[str, Any]] = {}
    for change, type_name in changes:
        named = {
            key: change.extra[word] for key, word in (("name", "name"), ("qualifiedName", "qualified_name"))
        }
        blank = {"typeName": change.kind, "guid": change.target, "attributes": named}
        body = bodies.setdefault(change.target, blank)
        if change.after is None:
            body.setdefault("removeClassifications", []).append({"typeName": type_name})
        else:
            attached = {
                "typeName": type_name,
                "propagate": False,
                "removePropagationsOnEntityDelete": True,
                "restrictPropagationThroughLineage": False,
                "restrictPropagationThroughHierarchy": False,
            }
            body.setdefault("addOrUpdateClassifications", []).append(attached)
    return list(bodies.values())


class TagWriter:
    """Tags of one integration on their way out."""

    def __init__(
        self, client: AtlanClient, tags: TagCache, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._tags = tags
        self._sleep = sleep
        self._refused: dict[str, Outcome] = {}
        """By tag key how the making of a definition ended; it is not tried again in this run."""

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change.

        Raises :class:`~.base.BatchRejected` where the bulk call is refused, or nothing of it could be sent
        because we may not make the tags.
        """
        self._define(changes)
        known = self._known()
        done: dict[int, Outcome] = {}
        sent: list[tuple[Change, str]] = []
        for number, change in enumerate(changes):
            type_name = self._type_of(change, known)
            if type_name is not None:
                sent.append((change, type_name))
            elif change.after is None:
                done[number] = Outcome(change, "unchanged", "its definition is gone, and the tag with it")
            elif (refused := self._refused.get(change.key)) is not None:
                done[number] = Outcome(change, "rejected", refused.reason, refused.error_class)
            else:
                reason = "its definition was deleted meanwhile; the next sync makes it again"
                done[number] = Outcome(change, "skipped", reason, "missing")
        if not sent and done and all(one.error_class == "permission" for one in done.values()):
            raise BatchRejected(done[0].reason, error_class="permission")
        if sent:
            try:
                answer = self._upsert(tagged_entities(sent))
            except (Forbidden, NotFound, Conflict, Rejected) as error:
                raise rejection(error) from error
            settled = iter(outcomes([change for change, _ in sent], answer))
            types = {id(change): type_name for change, type_name in sent}
            for number, change in enumerate(changes):
                if number not in done:
                    one = next(settled)
                    done[number] = _with_id(one, types[id(change)])
        return [done[number] for number in range(len(changes))]

    def _known(self) -> dict[str, TagRef]:
        return {tag_key(tag.name): tag for tag in self._tags.current().tags.values()}

    def _type_of(self, change: Change, known: Mapping[str, TagRef]) -> str | None:
        """The hashed id of a change's tag: the one that was planned if it is still there, else by name."""
        planned = str(change.extra.get("tag_id") or "")
        if planned in self._tags.current().tags:
            return planned
        tag = known.get(change.key) if change.after is not None else None
        return tag.id if tag is not None else None

    def _define(self, changes: Sequence[Change]) -> None:
        """Make the definitions that are missing, each once; after a lost answer it reads, never repeats."""
        known = self._known()
        looks = {
            change.key: (str(change.after), change.extra["look"])
            for change in changes
            if change.after is not None and change.extra.get("look") is not None
        }
        for key, (name, look) in looks.items():
            if key in known or key in self._refused:
                continue
            try:
                self._client.create_tag(tag_definition(name, look))
            except (TimedOutAfterSend, Conflict) as error:
                self._read_again(key, changes, error)
            except (Forbidden, NotFound, Rejected) as error:
                hint = " (making tags needs admin rights)" if isinstance(error, Forbidden) else ""
                self._refuse(key, changes, f"the tag could not be made: {error}{hint}", class_of(error))
            else:
                self._tags.take(self._client.typedefs())

    def _read_again(self, key: str, changes: Sequence[Change], error: TimedOutAfterSend | Conflict) -> None:
        self._tags.take(self._client.typedefs())
        if key not in self._known():
            kind = "conflict" if isinstance(error, Conflict) else "server"
            self._refuse(key, changes, f"the tag could not be made: {error}", kind)

    def _refuse(self, key: str, changes: Sequence[Change], reason: str, kind: Any) -> None:
        change = next(one for one in changes if one.key == key)
        self._refused[key] = Outcome(change, "rejected", reason, kind)

    def _upsert(self, bodies: Sequence[Mapping[str, Any]]) -> MutationAnswer:
        waits = list(NEW_TAG_WAITS)
        while True:
            try:
                return self._client.upsert_tags(bodies)
            except NotFound as error:
                if error.code != UNKNOWN_TAG or not waits:
                    raise
                self._sleep(waits.pop(0))


def _with_id(outcome: Outcome, type_name: str) -> Outcome:
    """The outcome of a change that remembers the tag's id, by which it is known through a rename."""
    change = outcome.change
    named = msgspec.structs.replace(change, extra={**change.extra, "tag_id": type_name})
    return msgspec.structs.replace(outcome, change=named)
