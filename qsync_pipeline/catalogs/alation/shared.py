"""What Alation keeps beside its objects: data sources, tags, domain rules, flags, health values.

It is read once for all, never object by object (DESIGN.md §5.1: a part that cannot be read is a gap).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from msgspec import structs

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.domains import (
    Membership,
    domain_tree,
    membership,
    refuse_untold,
    without_parent,
)
from qsync_pipeline.catalogs.alation.flags import FlagBook
from qsync_pipeline.catalogs.alation.health import HealthBook, prefix_of
from qsync_pipeline.catalogs.alation.models import DataSource, Tag
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.alation.tags import TagIndex, read_again, read_tags
from qsync_pipeline.core.rows import Domain
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound, Rejected, ServerError

T = TypeVar("T")

SHARED_READ_ERRORS = (Forbidden, NotFound, Rejected, ServerError, Malformed)
"""A shared read that ends like this is a gap; lost credentials or connections stop the run instead."""


class Shared:
    """What is read once for all objects, each part when it is first needed."""

    def __init__(self, client: AlationClient, settings: AlationSettings) -> None:
        self._client = client
        self._settings = settings
        self.gaps: list[str] = []
        self._sources: dict[int, DataSource] | None = None
        self._tags: TagIndex | None = None
        self._domains: tuple[tuple[Domain, ...], Membership] | None = None
        self._flags: FlagBook | None = None
        self._health: HealthBook | None = None
        self._touched: dict[int, Tag] = {}
        self._partial = TagIndex()

    @property
    def sources(self) -> dict[int, DataSource]:
        """Data sources by number. One whose row does not say of what kind it is is asked for by id."""
        if self._sources is None:
            self._sources = {
                row.id: row if row.shows_type else self._in_full(row) for row in self._client.data_sources()
            }
        return self._sources

    def look_for(self, numbers: Collection[int]) -> None:
        """Ask by id for data sources that schemas name and no list shows; one out of sight stays unknown."""
        for number in sorted(set(numbers) - self.sources.keys()):
            found = self._by_id(number)
            if found is not None:
                self.sources[number] = found

    def _in_full(self, row: DataSource) -> DataSource:
        found = self._by_id(row.id)
        if found is None:
            return row
        return structs.replace(
            row,
            uri=found.uri or row.uri,
            dbtype=found.dbtype or row.dbtype,
            host=found.host or row.host,
            dbname=found.dbname or row.dbname,
        )

    def _by_id(self, number: int) -> DataSource | None:
        try:
            found = self._client.data_source(number)
        except (Forbidden, NotFound):
            return None
        return None if found is None or found.deleted else found

    @property
    def tags(self) -> TagIndex:
        """All tags; where they cannot be read, none, and a gap."""
        if self._tags is None:
            self._tags = self._or_gap("tags", lambda: read_tags(self._client), TagIndex())
        return self._tags

    def touched(self, tag: Tag) -> None:
        """A tag was put on an object or taken off one."""
        self._touched[tag.id] = tag

    def tags_now(self) -> TagIndex:
        """The tags as far as they have been read, with those that we put or took off read again."""
        index = self._tags if self._tags is not None else self._partial
        if self._touched:
            index = read_again(self._client, index, self._touched.values())
            self._touched.clear()
            if self._tags is not None:
                self._tags = index
            else:
                self._partial = index
        return index

    @property
    def known_sources(self) -> dict[int, DataSource]:
        """Data sources, if they have been read."""
        return self._sources or {}

    @property
    def known_membership(self) -> Membership:
        """What lies in which domain, if that has been read."""
        return self._domains[1] if self._domains is not None else Membership()

    @property
    def domains(self) -> tuple[tuple[Domain, ...], Membership]:
        """All domains, and what lies in which."""
        if self._domains is None:
            nothing: tuple[tuple[Domain, ...], Membership] = ((), Membership())
            self._domains = self._or_gap("domains", self._read_domains, nothing)
        return self._domains

    @property
    def flags(self) -> FlagBook:
        """All flags. A failure is no gap: what stands there must be known before anything is planned."""
        if self._flags is None:
            self._flags = FlagBook(self._client.flags(), self._settings.marker)
        return self._flags

    @property
    def health(self) -> HealthBook:
        """Our health rows."""
        if self._health is None:
            self._health = HealthBook(self._client.health_values(), prefix_of(self._settings.integration))
        return self._health

    def forget_what_we_write(self) -> None:
        """After a write: flags and health rows are others now."""
        self._flags = self._health = None

    @property
    def complete(self) -> bool:
        """Whether all tags are known."""
        return self._tags is not None and not any(gap.startswith("tags") for gap in self.gaps)

    def _read_domains(self) -> tuple[tuple[Domain, ...], Membership]:
        rows = self._client.domains()
        tree = domain_tree(rows)
        numbers = [row.id for row in rows]
        rules = [
            structs.replace(rule, exclude=exclude)  # as it was asked for, whatever the row repeats
            for exclude in (False, True)
            for rule in self._client.domain_rules(numbers, exclude=exclude)
        ]
        refuse_untold(rows, rules)
        if hidden := without_parent(rows):
            self.gaps.append(f"domains: {hidden} lie in domains that are hidden from this token")
        return tree, membership(rules, tree, self._settings.domains)

    def _or_gap(self, what: str, read: Callable[[], T], nothing: T) -> T:
        try:
            return read()
        except SHARED_READ_ERRORS as error:
            self.gaps.append(f"{what}: {error}")
            return nothing
