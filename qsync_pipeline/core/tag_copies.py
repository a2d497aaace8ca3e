"""Which tags below an object of ours are copies that came down, and which are not (DESIGN.md §5.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.rows import Held, Unit, is_left_off


def is_unfinished_copy(row: Held) -> bool:
    """A copy that a run which died was about to take off: noted, but no assignment of ours."""
    return row.value is None and bool(row.extra.get("copy_of")) and not is_left_off(row)


def is_but_a_copy(row: Held) -> bool:
    """What is held, but nobody wrote: it came down, and goes with its origin where nothing puts it back."""
    return is_unfinished_copy(row) or bool(row.extra.get("came_down"))


class Copies:
    """The objects of one datastore, what lies above and below each, and what came down from where.

    ``present`` are the tags on every object by key, none of those that a person spelled otherwise; ``rows``
    the holdings by object and key, of all integrations. Columns that are gone but listed count as objects:
    copies come down to them too.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        present: Mapping[str, Collection[str]],
        rows: Mapping[tuple[str, str], Sequence[Held]],
        book: DefinitionBook,
    ) -> None:
        self._present = present
        self._rows = rows
        self._book = book
        self._above = _ancestors(units)
        self._below: dict[str, list[str]] = defaultdict(list)
        for unit_id, ancestors in self._above.items():
            for ancestor in ancestors:
                self._below[ancestor].append(unit_id)

    def above(self, unit: str, key: str) -> tuple[str, ...]:
        """What this tag would come down from, the nearest first; nothing for one that does not cascade."""
        return self._above.get(unit, ()) if self._book.cascades(key) else ()

    def origins(self, unit: str, key: str) -> list[Held]:
        """The assignments of ours above of which this is a cascade copy, the nearest first; often none.

        Whichever integration made them: a copy goes with the last.
        """
        return [
            row
            for ancestor in self.above(unit, key)
            for row in self._rows.get((ancestor, key), ())
            if unit not in row.extra.get("already", ()) and not is_unfinished_copy(row)
        ]

    def others_below(self, unit: str, key: str) -> list[str]:
        """What lies below and has this tag neither from us nor as a copy of ours."""
        return [
            id_
            for id_ in self._below.get(unit, ())
            if key in self._present[id_] and not self._rows.get((id_, key)) and not self.origins(id_, key)
        ]


def _ancestors(units: Sequence[Unit]) -> dict[str, tuple[str, ...]]:
    datastore = next((unit.id for unit in units if unit.level == "datastore"), "")
    above: dict[str, tuple[str, ...]] = {}
    for unit in units:
        if unit.level == "container":
            above[unit.id] = (datastore,)
            above |= {one.id: (unit.id, datastore) for one in unit.withered}
        elif unit.level == "field":
            above[unit.id] = (f"container:{unit.container_id}", datastore)
    return above
