"""Putting tags on objects: one call for each, there is none for many (alation-api.md §2.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.keys import split_id
from qsync_pipeline.catalogs.alation.models import Tag
from qsync_pipeline.catalogs.alation.one_by_one import one_by_one
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.transport.errors import Forbidden, NotFound, Rejected, Throttled

Touched = Callable[[Tag], None]


class TagWriter:
    """Tags of one integration on their way out. A name that no tag has is made by its first use."""

    def __init__(self, client: AlationClient) -> None:
        self._client = client
        self._described: set[str] = set()

    def write(self, changes: Sequence[Change], touched: Touched) -> list[Outcome]:
        """One outcome per change; ``touched`` is told of every tag whose objects are others now.

        ``Forbidden`` is raised where the very first one is refused.
        """
        return one_by_one(
            changes,
            lambda change: (self._take_off if change.after is None else self._put)(change, touched),
            rejected="validation",
        )

    def _put(self, change: Change, touched: Touched) -> Outcome:
        otype, number = _parts(change)
        tag = self._client.tag_object(str(change.after), otype, number)
        touched(tag)
        look = change.extra.get("look")
        if look is not None and change.key not in self._described:
            # The call that makes a tag takes no description, and ours says whose the tag is.
            self._described.add(change.key)
            try:
                if not tag.description:
                    self._client.describe_tag(tag.id, str(look["description"]))
            except (Throttled, Forbidden, NotFound, Rejected) as error:
                # The tag itself is on: as after an answer that was lost, it is found there by the next run.
                return Outcome(change, "rejected", f"it is on, but not described: {error}", "server")
        extra = {**change.extra, "tag_id": str(tag.id)}
        return Outcome(msgspec.structs.replace(change, extra=extra), "applied")

    def _take_off(self, change: Change, touched: Touched) -> Outcome:
        otype, number = _parts(change)
        name, tag_id = str(change.before), str(change.extra.get("tag_id") or "")
        try:
            self._client.untag_object(name, otype, number)
        except NotFound:
            return Outcome(change, "unchanged", "already off")
        touched(Tag(id=int(tag_id) if tag_id.isdigit() else 0, name=name))
        return Outcome(change, "applied")


def _parts(change: Change) -> tuple[str, int]:
    parts = split_id(change.target)
    if parts is None:
        raise Rejected(f"not an Alation object: {change.target}")
    return parts
