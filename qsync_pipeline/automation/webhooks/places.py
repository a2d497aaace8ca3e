"""Where a message's news is: which datastore and container, by the links that the last runs left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qsync_pipeline.automation.webhooks.told import Look, TagChange, Told
from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline.ledger.events import Source
from qsync_pipeline.ledger.jsontext import plain_text
from qsync_pipeline.ledger.links import Pairing
from qsync_pipeline.qualytics.happenings import tag_change_key

_ABOVE = frozenset({"Connection", "Database"})
"""Types of assets that stand above schemas; a datastore takes their tags too (DESIGN.md §5.1)."""


class Places:
    """Turns what messages say into events. One transaction's worth of reading for any number of messages."""

    def __init__(self, ledger: Ledger, source: Source = "webhook") -> None:
        self._ledger = ledger
        self._source: Source = source

    def events(self, messages: Sequence[Told]) -> list[list[Event]]:
        """The events of each message; none where it concerns nothing that was ever matched."""
        ids = {key: id_ for id_, key in self._ledger.datastores.keys().items()}
        changes = [change for told in messages for change in told.changes]
        paired = self._paired(changes)
        finder = _Finder(self._ledger, self._source, ids, paired)
        return [
            [
                *(finder.looked(look) for look in told.looks),
                *(event for change in told.changes for event in finder.changed(change)),
            ]
            for told in messages
        ]

    def _paired(self, changes: Sequence[TagChange]) -> dict[tuple[str, str], list[Pairing]]:
        found: dict[tuple[str, str], list[Pairing]] = {}
        for integration in dict.fromkeys(change.integration for change in changes):
            assets = {change.asset for change in changes if change.integration == integration}
            for asset, pairings in self._ledger.links.by_assets(integration, assets).items():
                found[integration, asset] = pairings
        return found


class _Finder:
    """What was read of the ledger for one call of :meth:`Places.events`; links are read once each."""

    def __init__(
        self,
        ledger: Ledger,
        source: Source,
        ids: Mapping[str, int],
        paired: Mapping[tuple[str, str], list[Pairing]],
    ) -> None:
        self._ledger = ledger
        self._source: Source = source
        self._ids = ids
        self._paired = paired
        self._links: dict[tuple[str, str], dict[str, Pairing]] = {}
        self._names: dict[int, str] = {}

    def looked(self, look: Look) -> Event:
        """An event of Qualytics: it concerns every integration."""
        container = look.container
        if not container and look.container_id is not None:
            container = self._container_name(look.container_id)
        return Event(
            key=plain_text(look.key),
            source=self._source,
            kind=look.kind,
            direction="push",
            datastore_id=look.datastore_id,
            container=container,
            happened_at=look.happened_at,
        )

    def changed(self, change: TagChange) -> Iterator[Event]:
        """The events of a change in a catalog: one for each datastore that the asset has to do with."""
        for datastore, container in sorted(self._where(change)):
            if datastore in self._ids:
                id_ = self._ids[datastore]
                key = tag_change_key(change.integration, change.asset, change.action, change.at_ms, id_)
                yield Event(
                    key=f"{key}:{container}" if container else key,
                    source=self._source,
                    kind="tags",
                    direction="pull",
                    integration=change.integration,
                    datastore_id=id_,
                    container=container,
                    happened_at=change.at_ms / 1000,
                )

    def _where(self, change: TagChange) -> set[tuple[str, str]]:
        if change.type_name in _ABOVE and change.qualified_name:
            below = self._ledger.links.datastores_below(change.integration, f"{change.qualified_name}/")
            return {(datastore, "") for datastore in below}
        found: set[tuple[str, str]] = set()
        for pairing in self._paired.get((change.integration, change.asset), ()):
            links = self._of(pairing.integration, pairing.datastore)
            found |= {(pairing.datastore, name) for name in containers_of(pairing, links)}
        return found

    def _of(self, integration: str, datastore: str) -> dict[str, Pairing]:
        key = (integration, datastore)
        if key not in self._links:
            self._links[key] = self._ledger.links.of(integration, datastore)
        return self._links[key]

    def _container_name(self, container_id: int) -> str:
        """The name behind an id, or nothing (which means the whole datastore) for one never matched."""
        if container_id not in self._names:
            pairing = self._ledger.links.of_unit(f"container:{container_id}")
            links = self._of(pairing.integration, pairing.datastore) if pairing else {}
            names = containers_of(pairing, links) if pairing else []
            self._names[container_id] = names[0] if len(names) == 1 else ""
        return self._names[container_id]


def containers_of(pairing: Pairing, links: Mapping[str, Pairing]) -> list[str]:
    """The container that a unit is or belongs to, by the names that its datastore's links keep; ``""`` for
    the datastore itself.

    Units are called ``datastore.container.field`` there, and dots may stand in each part: so a field's
    container is one whose own name, and whose asset's qualified name, the field's begin with. Where two would
    fit, both are given; where none does, the datastore.
    """
    level = pairing.unit.partition(":")[0]
    own = next((one.unit_name for unit, one in links.items() if unit.startswith("datastore:")), None)
    if level == "datastore" or own is None:
        return [""]
    if level == "container":
        return [pairing.unit_name.removeprefix(f"{own}.")]
    above = [
        one.unit_name.removeprefix(f"{own}.")
        for unit, one in links.items()
        if unit.startswith("container:")
        and pairing.unit_name.startswith(f"{one.unit_name}.")
        and pairing.asset_name.startswith(f"{one.asset_name}/")
    ]
    return above or [""]
