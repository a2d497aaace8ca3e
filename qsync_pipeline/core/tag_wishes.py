"""What a catalog wants on the objects of Qualytics: the tags of their assets (DESIGN.md §5.1, §5.2)."""

from __future__ import annotations

from collections.abc import Sequence

from qsync_pipeline.core.left import ABOVE, MORE, UNTOLD
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import tag_key, tag_name
from qsync_pipeline.core.rows import CatalogAsset, Link, TagRef, Unit
from qsync_pipeline.core.rules import TagRules


class Wishes:
    """The catalog's tags as the rules let them through."""

    def __init__(self, snapshot: Snapshot, rules: TagRules) -> None:
        self._snapshot = snapshot
        self._rules = rules

    def of(self, unit: Unit, link: Link) -> tuple[dict[str, TagRef], str]:
        """The tags that the catalog puts on a unit, by key, and why that is not all there is to know; empty
        where it is."""
        assets = [self._snapshot.by_id[id_] for id_ in link.assets]
        why = MORE if link.partial else ""
        if unit.level == "datastore":
            upper = self._upper(assets)
            why = why or (ABOVE if None in upper else "")
            assets += [asset for asset in upper if asset is not None]
        wanted: dict[str, TagRef] = {}
        for asset in assets:
            for tag in asset.tags:
                name = tag_name(tag.name)
                if tag.origin == "propagated" and not self._rules.propagated:
                    continue
                if name and self._rules.allowed.allows(name):
                    wanted.setdefault(tag_key(name), tag)
        whole = all(asset.complete and asset.readable for asset in assets)
        return wanted, why or ("" if whole else UNTOLD)

    def _upper(self, schemas: Sequence[CatalogAsset]) -> list[CatalogAsset | None]:
        """What lies above these schemas and counts for them; null where the catalog does not show it."""
        upper: list[CatalogAsset | None] = []
        for schema in schemas:
            if self._rules.from_database and schema.database:
                upper.append(self._snapshot.databases.get((schema.connection, schema.database)))
            if self._rules.from_connection:
                upper.append(self._snapshot.connections.get(schema.connection))
        return upper
