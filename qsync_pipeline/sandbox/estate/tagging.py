"""Catalog tags by what a column's name suggests, and native tags that people put on things."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import pairwise

from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.columns import words
from qsync_pipeline.sandbox.estate.model import TableSpec, TagUse

STEWARDS = ("ada.lovelace", "grace.hopper", "edgar.codd", "hedy.lamarr")

_BY_WORD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("email", "phone", "ssn", "passport", "birthdate", "birthday", "dob"), ("PII", "GDPR")),
    **dict.fromkeys(("firstname", "lastname", "surname", "street", "address", "drivers", "maiden"), ("PII",)),
    **dict.fromkeys(("card", "iban", "cvv"), ("PCI DSS", vocabulary.SAME_NAME)),
    **dict.fromkeys(("diagnosis", "patient", "reasondescription"), ("HIPAA",)),
    **dict.fromkeys(("salary", "wage", "bonus"), (vocabulary.CASE_NAME,)),
}
_NATIVE_AT_WILL = ("High Priority", "Nightly", "Customer", "Raw to Gold")


@lru_cache(maxsize=4096)
def use(name: str, by: str = STEWARDS[0], value: str | None = None) -> TagUse:
    """A direct use of a tag; equal ones are one object."""
    return TagUse(name, by=by, value=value)


@lru_cache(maxsize=8192)
def suggested(column: str) -> tuple[str, ...]:
    """Tags that the name of a column suggests; a first or last name counts as one word."""
    parts = words(column)
    joined = [a + b for a, b in pairwise(parts)]
    return tuple(dict.fromkeys(tag for word in [*parts, *joined] for tag in _BY_WORD.get(word, ())))


def add(uses: tuple[TagUse, ...], *more: TagUse) -> tuple[TagUse, ...]:
    """The uses with more, each tag at most once."""
    names = {each.name for each in uses}
    return uses + tuple(each for each in more if each.name not in names)


def tag_table(table: TableSpec, rng: random.Random) -> None:
    """Tags for a table and its columns on both sides, drawn anew."""
    if table.in_catalog:
        if rng.random() < 0.35:
            names = rng.sample(vocabulary.TABLE_TAGS, rng.choice((1, 1, 2)))
            table.tags = tuple(use(name, rng.choice(STEWARDS)) for name in names)
        for column in table.columns:
            found = suggested(column.name)
            if found and column.in_catalog and rng.random() < 0.75:
                column.tags = tuple(use(name) for name in found)
    if table.in_qualytics and rng.random() < 0.06:
        table.native_tags = (rng.choice(_NATIVE_AT_WILL),)
        if rng.random() < 0.5 and table.columns[0].in_qualytics:
            table.columns[0].native_tags = (rng.choice(_NATIVE_AT_WILL),)
