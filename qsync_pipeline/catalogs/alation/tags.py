"""Tags by inverted index: per tag what carries it, never per object what it carries (alation-api.md §2.6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.keys import OTYPES
from qsync_pipeline.catalogs.alation.models import Tag, Tagged
from qsync_pipeline.core.rows import TagRef
from qsync_pipeline.transport.errors import Malformed, NotFound


@dataclass(frozen=True)
class TagIndex:
    """Tags by asset id; ``known`` are all tags that there are, those that nothing carries included."""

    tags: Mapping[str, tuple[TagRef, ...]] = field(default_factory=dict)
    known: tuple[TagRef, ...] = ()

    def on(self, tag: Tag, assets: Iterable[str]) -> TagIndex:
        """The index with this tag on these assets and on no others."""
        ref = next((one for one in self.known if one.id == str(tag.id)), None) or _ref(tag)
        found = {
            asset: kept
            for asset, tags in self.tags.items()
            if (kept := tuple(t for t in tags if t.id != ref.id))
        }
        for asset in assets:
            found[asset] = (*found.get(asset, ()), ref)
        known = self.known if any(one.id == ref.id for one in self.known) else (*self.known, ref)
        return TagIndex(found, known)

    def of(self, asset: str) -> tuple[TagRef, ...]:
        """The tags of an asset."""
        return self.tags.get(asset, ())


def read_tags(client: AlationClient) -> TagIndex:
    """The whole index: one list of tags, and one of objects for every tag that is in use."""
    found: dict[str, list[TagRef]] = {}
    known: list[TagRef] = []
    for tag in client.tags():
        ref = _ref(tag)
        known.append(ref)
        if tag.number_of_objects_tagged == 0:
            continue
        for asset in _assets(_as_many_as_counted(client, tag)):
            found.setdefault(asset, []).append(ref)
    return TagIndex({asset: tuple(tags) for asset, tags in found.items()}, tuple(known))


def _as_many_as_counted(client: AlationClient, tag: Tag) -> list[Tagged]:
    """What carries a tag. The tag itself tells how many objects that is, the list does not: one that holds
    fewer is read once more. Fewer for good are objects out of our sight."""
    rows = _tagged(client, tag)
    if len(rows) < (tag.number_of_objects_tagged or 0):
        again = _tagged(client, tag)
        rows = again if len(again) > len(rows) else rows
    return rows


def read_again(client: AlationClient, index: TagIndex, tags: Iterable[Tag]) -> TagIndex:
    """The index with what carries these tags read anew, one list for each."""
    for tag in tags:
        index = index.on(tag, _assets(_tagged(client, tag)))
    return index


def deleted_subjects(client: AlationClient, assets: Collection[str]) -> set[str]:
    """Which of these assets Alation itself calls deleted.

    An object that a tag or flag is on is listed with the deleted ones and not without them: that proves it.
    One that is out of our sight is in both lists or in neither. Objects without tag and flag cannot be told.
    """
    asked = set(assets)
    found = asked & {flag.subject.asset for flag in client.flags(deleted=True)}
    if found:
        found -= {flag.subject.asset for flag in client.flags()}
    for tag in client.tags():
        if hits := (asked - found).intersection(_assets(_tagged(client, tag, deleted=True))):
            found |= hits.difference(_assets(_tagged(client, tag)))
    return found


def _ref(tag: Tag) -> TagRef:
    return TagRef(name=tag.name, id=str(tag.id), description=tag.description or None)


def _tagged(client: AlationClient, tag: Tag, *, deleted: bool = False) -> list[Tagged]:
    try:
        return client.tagged(tag.name, deleted=deleted)
    except NotFound:
        if any(other.id == tag.id and other.name == tag.name for other in client.tags()):
            raise
        return []  # it went while we read, or has another name now: the next run sees


def _assets(rows: Iterable[Tagged]) -> list[str]:
    """The ids of what a tag is on, as far as it is anything of ours."""
    subjects = [row.on for row in rows]
    if None in subjects:
        raise Malformed("alation: a tag's list holds an entry that names no object", system="alation")
    return list(dict.fromkeys(one.asset for one in subjects if one is not None and one.otype in OTYPES))
