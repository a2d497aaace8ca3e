"""A tag definition of Qualytics, by its name and by its id: two that differ by case only, one made anew."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from qsync_pipeline.core.names import fold, tag_key
from qsync_pipeline.core.rows import Held, TagRef, is_left_off

ID = "definition"
"""Word of the ``extra`` of tag lines and holdings: Qualytics' id of the definition that the tag is of."""


class TagDefinition(msgspec.Struct, frozen=True):
    """A tag definition of Qualytics, and what the ledger says of it.

    ``count`` is how many objects carry it, null where the deployment does not tell. ``made_by`` is the
    integration that made it or took it over, ``made`` whether we created it (only then may we delete it).
    """

    name: str
    type: str = "global"
    category: str | None = None
    color: str | None = None
    description: str | None = None
    weight_modifier: int = 0
    count: int | None = None
    made_by: str | None = None
    made: bool = False
    taken_over: bool = False
    """Whether a person made it, and an integration with ``overwrite_tags`` gave it the catalog's look."""
    source_ids: tuple[str, ...] = ()
    """Ids of the catalog's tag that it stands for, by which a rename is recognised."""
    suppliers: tuple[str, ...] = ()
    """Integrations that hold an assignment of it, on whichever object."""
    id: int | None = None
    """Qualytics' id, by which one that was made anew under the same name is told from the one before."""


def by_key(
    definitions: Iterable[TagDefinition], categories: frozenset[str] = frozenset()
) -> dict[str, TagDefinition]:
    """The definition that counts for each key: ours, where people have others that differ by case only.

    Ours is what the ledger says, then what stands in one of our ``categories`` (folded); of several that are
    people's it is the first in order of their names.
    """

    def rank(one: TagDefinition) -> tuple[bool, bool, str]:
        return one.made_by is None, fold(one.category or "") not in categories, one.name

    found: dict[str, TagDefinition] = {}
    for one in sorted(definitions, key=rank):
        found.setdefault(tag_key(one.name), one)
    return found


def is_of(row: Held, tag: TagRef) -> bool:
    """Whether a holding is of the tag of its name that stands on its object: not of another definition's, nor
    left off. One of old tells no definition."""
    return not is_left_off(row) and str(row.extra.get(ID, tag.id)) == tag.id


def variants_among(tags: Iterable[TagRef]) -> list[TagRef]:
    """The tags that differ from another of them by case or blanks only."""
    found: dict[str, list[TagRef]] = {}
    for tag in tags:
        found.setdefault(tag_key(tag.name), []).append(tag)
    return [tag for same in found.values() if len(same) > 1 for tag in same]


def look_of(known: TagDefinition) -> dict[str, str | None]:
    """How a definition looks, as plans and the journal tell it."""
    return {"category": known.category, "color": known.color, "description": known.description}
