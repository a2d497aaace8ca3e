"""What of ours stands on columns whose table became another container's (DESIGN.md §5.1).

When two unlike tables swap their names in the catalog, their columns go along. Those that the new container
has too are paired with its fields by name and get its values; those that it lacks would show for ever what a
field of another container once measured. It is known for certain that nothing measures them: the table is
matched, and its container has no such field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import Held, Link, Unit

REASON = "its table stands for another container now, which has no such field"


def displaced(
    held: Iterable[Held], links: Sequence[Link], snapshot: Snapshot, units: Mapping[str, Unit]
) -> frozenset[str]:
    """Ids of the columns among ``held`` on which what stands belongs to a field of another container.

    ``links`` are those of one datastore. A column of a table that is not matched now, or that still belongs
    to the container it was written for, is none of them.
    """
    owners = {
        asset: link.unit
        for link in links
        if link.level == "container" and link.bucket == "matched"
        for asset in link.assets
    }
    claimed = {asset for link in links for asset in link.assets}
    found = set()
    for row in held:
        column = snapshot.by_id.get(row.target)
        if column is None or column.level != "column" or row.target in claimed:
            continue
        table = snapshot.by_name.get(("table", column.parent_id or ""))
        owner = owners.get(table.id) if table is not None else None
        if owner is not None and _container_of(row, units) not in (None, owner):
            found.add(row.target)
    return frozenset(found)


def _container_of(row: Held, units: Mapping[str, Unit]) -> str | None:
    """The container for whose field this was written, as a unit id; null if nothing tells."""
    unit = units.get(str(row.extra.get("unit")))
    if unit is not None and unit.container_id is not None:
        return f"container:{unit.container_id}"
    within = row.extra.get("within")
    return str(within) if within else None
