"""What people did to tags in a catalog, as events: one call for one tick of a catalog's sensor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from qsync_pipeline.automation.webhooks.places import Places
from qsync_pipeline.automation.webhooks.told import TagChange, Told
from qsync_pipeline.catalogs.base import TagNews, TellsChanges
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.tags_out import SURFACE
from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline.ledger.events import Source
from qsync_pipeline.sync.feeds.looking import MANY

CURSOR = "changes_cursor"
"""Ledger note of an integration: how far its catalog's changes were read. Alation's holds what carries which
tag, which is too much for the cursor of a sensor that is stored at every tick."""


@dataclass(frozen=True)
class CatalogNews:
    """What a tick found: changes by people, events that were new, and whether it was the first tick."""

    changes: int
    events: int
    first: bool


def notice_changes(catalog: TellsChanges, ledger: Ledger, integration: IntegrationConfig) -> CatalogNews:
    """Note an event for every place whose tags people changed; raises what the catalog's calls raise.

    Our own writes are no news: those of an actor that we have been, and tags that the ledger says we put
    there. The events are noted before the cursor is.
    """
    cursor: str | None = ledger.notes.get(integration.name, CURSOR)
    changes = catalog.changes(cursor, propagated=integration.tags.propagated)
    found = _by_people(ledger, integration.name, changes.found)
    noted = ledger.events.note(_events(ledger, integration.name, changes.source, found)) if found else 0
    if changes.cursor != cursor:
        ledger.notes.put(integration.name, CURSOR, changes.cursor)
    return CatalogNews(len(found), noted, first=cursor is None)


def _by_people(ledger: Ledger, integration: str, found: Sequence[TagNews]) -> list[TagNews]:
    actors = frozenset(ledger.notes.get(integration, "actors", []))
    others = [one for one in found if not one.actor or one.actor not in actors]
    added = [one for one in others if one.added and one.tag]
    held = ledger.holdings.by_target(integration, SURFACE, {one.asset for one in added}) if added else {}
    ours = {(asset, holding.key) for asset, rows in held.items() for holding in rows}
    return [one for one in others if not (one.added and (one.asset, tag_key(one.tag)) in ours)]


def _events(ledger: Ledger, integration: str, source: Source, found: Sequence[TagNews]) -> list[Event]:
    """The events of these changes; one for all of a datastore where there would be very many."""
    told = [
        Told(
            changes=(
                TagChange(
                    integration=integration,
                    asset=one.asset,
                    type_name=one.type_name,
                    qualified_name=one.qualified_name,
                    action=one.action,
                    at_ms=one.at_ms,
                ),
            )
        )
        for one in found
    ]
    by_datastore: dict[int, list[Event]] = defaultdict(list)
    for events in Places(ledger, source).events(told):
        for event in events:
            by_datastore[event.datastore_id].append(event)
    return [event for events in by_datastore.values() for event in _fewer(events)]


def _fewer(events: list[Event]) -> list[Event]:
    """One event that covers all of these, if they are of too many containers: for the whole datastore."""
    if len({event.container for event in events}) <= MANY:
        return events
    last = max(events, key=lambda event: event.happened_at)
    return [
        Event(
            key=f"{last.key}:and {len(events)} more",
            source=last.source,
            kind="tags",
            direction="pull",
            integration=last.integration,
            datastore_id=last.datastore_id,
            happened_at=last.happened_at,
        )
    ]
