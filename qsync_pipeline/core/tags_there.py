"""What stands on the objects of a datastore by tag, and whose it is (DESIGN.md §5.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Held, TagRef, Unit, is_left_off
from qsync_pipeline.core.tag_copies import Copies, is_but_a_copy


class TagsThere:
    """The tags on every object by key, beside what the ledger holds of them.

    ``mine`` are the holdings of the integration that plans, ``rows`` those of all, by object and key; without
    what ``lapsed`` with its definition; ``rows`` without what is left off, too. ``present`` are the tags on
    objects, ``withered`` those on columns that are gone but listed.
    """

    def __init__(
        self, units: Sequence[Unit], held: Iterable[Held], book: DefinitionBook, integration: str
    ) -> None:
        self._book = book
        self._integration = integration
        self.mine: dict[str, dict[str, Held]] = defaultdict(dict)
        self.lapsed: dict[str, dict[str, Held]] = defaultdict(dict)
        self.rows: dict[tuple[str, str], list[Held]] = defaultdict(list)
        self._others: dict[tuple[str, str], list[Held]] = defaultdict(list)
        self.present = {unit.id: self._by_key(unit.tags) for unit in units}
        self.withered = {one.id: self._by_key(one.tags) for unit in units for one in unit.withered}
        everywhere = {**self.present, **self.withered}
        for row in held:
            place = (row.target, row.key)
            left_off = is_left_off(row)
            lapsed = not left_off and book.lapsed(row, everywhere.get(row.target, {}).get(row.key))
            if row.integration == integration:
                (self.lapsed if lapsed else self.mine)[row.target][row.key] = row
            if lapsed or left_off:
                continue
            self.rows[place].append(row)
            if row.integration != integration and (row.value is not None or row.pending is not None):
                # Another's run that died may have written it: either value is its own (ledger/holding.py).
                self._others[place].append(row)
        ours = {
            id_: [key for key, tag in tags.items() if self.is_our_spelling(key, tag)]
            for id_, tags in everywhere.items()
        }
        self.copies = Copies(units, ours, self.rows, book)

    def is_our_spelling(self, key: str, tag: TagRef) -> bool:
        """Whether a tag is of the definition of its key that counts, and none that a person has beside it."""
        return tag.name == self._book.spelling(key, tag.name)

    def holders(self, unit: str, key: str) -> str:
        """Other integrations that hold a tag here; empty where none does."""
        return ", ".join(self.held_by(unit, key))

    def held_by(self, unit: str, key: str) -> list[str]:
        """The same, one by one."""
        return [one.integration for one in self._others.get((unit, key), ())]

    def other_owners(self, unit: str, key: str) -> str:
        """Other integrations that put a tag here, or above, from where it came down as a copy."""
        rows = [*self._others.get((unit, key), ()), *self.copies.origins(unit, key)]
        return ", ".join(sorted({row.integration for row in rows} - {self._integration}))

    def is_but_a_copy(self, unit: str, key: str) -> bool:
        """Whether nobody of ours put it here: it may be there as a copy only."""
        return all(map(is_but_a_copy, self.rows.get((unit, key), ())))

    def already(self, unit: str, key: str, *, taken_up: bool) -> list[str]:
        """What lies below and had the tag before any of ours came: no copies of ours.

        Known once, with the first assignment: later there is no telling. (Nothing said keeps what the
        holding says.) After a lost ledger what is ``taken_up`` counts as ours, copies too.
        """
        if rows := self.rows.get((unit, key)):
            if any(row.integration == self._integration for row in rows):
                return []
            return sorted({id_ for row in rows for id_ in row.extra.get("already", ())})
        return [] if taken_up else self.copies.others_below(unit, key)

    def _by_key(self, tags: Sequence[TagRef]) -> dict[str, TagRef]:
        """Tags by key. Of several that differ by case only it is ours, as the definition is spelled; the
        others are people's."""
        found: dict[str, TagRef] = {}
        for tag in tags:
            key = tag_key(tag.name)
            if key not in found or self.is_our_spelling(key, tag):
                found[key] = tag
        return found
