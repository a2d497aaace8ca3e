"""What an integration that is retired takes back: tags, their definitions, values and alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from qsync_pipeline.core import tags
from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.definitions_back import given_back, stays
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import TagDefinition, by_key
from qsync_pipeline.core.withdrawal import Ground, withdraw
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.ground import assets_by_id, is_matched, tags_off_and_on
from qsync_pipeline.sync.rules import alert_rules
from qsync_pipeline.sync.run import Run

REASON = "the integration is retired"


def withdrawn(run: Run, held: Iterable[Holding], assets: Table[CatalogAsset], reason: str) -> list[Change]:
    """The lines that take back these holdings in the catalog."""
    rows = list(held)
    ground = Ground(
        assets=assets_by_id(run, assets, [row.target for row in rows]),
        presence=assets.meta["presence"],
        decimals=run.integration.decimals,
        alerts=alert_rules(run.config, run.integration, run.actors),
    )
    changes: list[Change] = []
    for surface in run.catalog.surfaces:
        mine = [row for row in rows if row.surface == surface.name]
        changes += withdraw(surface.name, surface.role, mine, ground, reason)
    return changes


def retired_tags(
    run: Run,
    inventory: Table[Unit],
    links: Table[Link],
    held: Sequence[Holding],
    book: DefinitionBook,
) -> list[Change]:
    """All tags of ours, or those on what has left the scope, with the copies that go along."""
    matched = {link.unit for link in links.rows if is_matched(link)}
    mine = [row for row in held if row.integration == run.name]
    off = {(row.target, row.key) for row in mine if run.retire == "all" or row.target not in matched}
    return tags_off_and_on(run, inventory, links, held, book, off, {}, REASON)


def retired_definitions(
    run: Run, book: DefinitionBook, deployment: Table[TagDefinition], ends: Sequence[str]
) -> list[Change]:
    """What becomes of the tag definitions: those that nothing carries go, those taken over are given back.

    What people or other integrations still need is named; what we need elsewhere is left alone. Those of an
    integration that is no more, or that was retired before, go with the last that needed them.
    """
    records = run.ledger.tag_definitions.all()
    known = by_key(deployment.rows)
    lines = book.left_over()
    if run.retire == "left_behind":
        return lines
    leaving = {change.key for change in lines}
    elsewhere, others = _still_held(run, ends)
    staying = {name for name, held in run.ledger.holdings.counts().items() if tags.SURFACE in held}
    for key, record in records.items():
        there = known.get(key)
        if there is None or key in leaving or key in elsewhere or not _is_of(run, record.made_by, staying):
            continue
        if record.made:
            lines.append(stays(there))
        elif key not in others and (line := given_back(record, there, REASON)):
            lines.append(line)
    return lines


def _is_of(run: Run, made_by: str, staying: Collection[str]) -> bool:
    """Whether a definition is this integration's to clear away: its own, or of one that is no more.

    Such a one is not in the config, or has no tag anywhere (``staying`` have): it was retired.
    """
    names = {fold(one.name) for one in run.config.integrations if one.name in staying}
    return made_by == run.name or fold(made_by) not in names


def _still_held(run: Run, ends: Sequence[str]) -> tuple[set[str], set[str]]:
    """Keys of tags that this integration holds on other datastores than these, and others hold anywhere."""
    elsewhere: set[str] = set()
    others: set[str] = set()
    for key in run.ledger.datastores.keys().values():
        for row in run.ledger.holdings.of(key, surface=tags.SURFACE):
            if row.integration != run.name:
                others.add(row.key)
            elif key not in ends:
                elsewhere.add(row.key)
    return elsewhere, others
