"""What the plans of lines, of retiring and of reverting stand on, besides the tables of a reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, TagRef, Unit
from qsync_pipeline.core.steering import Place, steer_tags
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.run import Run


def what_for(run: Run) -> str:
    """What a steered run is about, for people."""
    if run.lines:
        return f"lines of {run.lines}"
    if run.retire:
        return "retired" if run.retire == "all" else "retired: what was left behind"
    return f"reverts run {run.revert}"


def is_matched(link: Link) -> bool:
    """Whether a link names a counterpart."""
    return link.bucket == "matched"


def assets_by_id(run: Run, assets: Table[CatalogAsset], wanted: Iterable[str]) -> Mapping[str, CatalogAsset]:
    """Assets by id as they are now; those that the snapshot does not show are asked for by id.

    The index is no help: it tells where schemas are, not what stands on them.
    """
    shown = {asset.id: asset for asset in assets.rows}
    presence: Mapping[str, str] = assets.meta["presence"]
    unseen = sorted({id_ for id_ in wanted if id_ not in shown and presence.get(id_) != "gone"})
    return {**shown, **run.catalog.reread(unseen)} if unseen else shown


def tags_off_and_on(
    run: Run,
    inventory: Table[Unit],
    links: Table[Link],
    held: Sequence[Holding],
    book: DefinitionBook,
    off: Collection[Place],
    on: Mapping[Place, TagRef],
    reason: str,
) -> list[Change]:
    """The lines that take these tags ``off`` and put those ``on``, whatever the catalog says of them."""
    presence: Mapping[str, str] = inventory.meta["missing"]
    if inventory.meta.get("vanished"):
        presence = {row.target: inventory.meta["vanished"] for row in held}
    names = {link.unit: link.name for link in links.rows}
    return steer_tags(inventory.rows, names, held, book, presence, off, on, lambda place: reason)
