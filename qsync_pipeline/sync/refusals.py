"""Who refused us, and whether they would still (DESIGN.md §5.5): connections of the catalog, and Qualytics.

A rejected item is tried again when its payload or our permissions changed. That our permissions changed is
known from other credentials, from the catalog's own word where it gives one, from our role and teams in
Qualytics, or from a check that a person asked for (``qsync doctor``); never from the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from qsync_pipeline.core.rows import AssetLevel, CatalogAsset, Change
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.run import Run

PREFIX = "refused_as:"
"""A note for each connection, so that runs side by side do not overwrite each other's."""

QUALYTICS = "qualytics_refused_as"
"""A note of what we were allowed to in Qualytics when it last refused us a write."""

NO_CONNECTION = ""
"""The connection of changes in Qualytics, which has none."""

_LEVELS: dict[str, AssetLevel] = {"datastore": "schema", "container": "table", "field": "column"}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The last refusal of a write on a connection.

    ``asset`` is what the write was on. ``missing`` is what the catalog then said we lack: null where it could
    not tell, empty where it saw nothing missing and refused all the same; in that case its word is no ground
    for another try. ``granted`` is set by a check that found the connection open.
    """

    credentials: str
    at: float
    asset: CatalogAsset
    missing: tuple[str, ...] | None = None
    granted: bool = False


def refusals(ledger: Ledger, integration: str) -> dict[str, Refusal]:
    """The standing refusals, by connection."""
    return {
        name.removeprefix(PREFIX): msgspec.convert(value, Refusal)
        for name, value in ledger.notes.of(integration).items()
        if name.startswith(PREFIX)
    }


def ask_what_is_missing(run: Run, change: Change) -> tuple[str, ...] | None:
    """What we lack on the asset of a refused change; null where the catalog cannot tell."""
    asset = _asset_of(change)
    said = run.catalog.permissions([asset])
    return None if said is None or asset.id not in said else tuple(sorted(said[asset.id]))


def remember_refusal(run: Run, change: Change, missing: tuple[str, ...] | None) -> None:
    """Note that a connection refused this change."""
    refusal = Refusal(
        credentials=run.credentials, at=run.ledger.clock(), asset=_asset_of(change), missing=missing
    )
    _put(run.ledger, run.name, change.connection, refusal)


def forget_refusals(run: Run, noted: dict[str, Refusal], written: Iterable[str]) -> None:
    """Drop the notes whose asset has been written since; ``noted`` is brought up to date."""
    ids = frozenset(written)
    for connection in [name for name, refusal in noted.items() if refusal.asset.id in ids]:
        run.ledger.notes.drop(run.name, PREFIX + connection)
        del noted[connection]


def mark_granted(ledger: Ledger, integration: str, connections: Iterable[str]) -> list[str]:
    """Note that these connections were found open: the next sync tries again what they refused.

    Returns those that had refused us.
    """
    noted = refusals(ledger, integration)
    open_again = sorted(name for name in set(connections) & noted.keys() if not noted[name].granted)
    for name in open_again:
        _put(ledger, integration, name, msgspec.structs.replace(noted[name], granted=True))
    return open_again


def remember_qualytics_refusal(run: Run) -> None:
    """Note what we are allowed to in Qualytics, now that it has refused a write."""
    run.ledger.notes.put(run.name, QUALYTICS, run.qualytics.rights())


def granted_again(run: Run, datastores: Collection[str]) -> frozenset[str]:
    """Connections whose rejected items are worth another try; :data:`NO_CONNECTION` for those in Qualytics.

    Part of the reading stage: it may ask the catalog, in one call for all connections, and Qualytics for our
    role and teams. It does so only while something in these datastores stands rejected for lack of
    permission.
    """
    noted = refusals(run.ledger, run.name)
    rights = run.ledger.notes.get(run.name, QUALYTICS)
    if not (noted or rights) or not run.ledger.outcomes.stands_rejected(run.name, "permission", datastores):
        return frozenset()
    again = {NO_CONNECTION} if rights is not None and rights != run.qualytics.rights() else set()
    again |= {name for name, one in noted.items() if one.granted or one.credentials != run.credentials}
    doubtful = {name: one.asset for name, one in noted.items() if name not in again and one.missing != ()}
    said = run.catalog.permissions(list(doubtful.values())) if doubtful else None
    again |= {
        name for name, asset in doubtful.items() if said is not None and said.get(asset.id) == frozenset()
    }
    return frozenset(again)


def _put(ledger: Ledger, integration: str, connection: str, refusal: Refusal) -> None:
    ledger.notes.put(integration, PREFIX + connection, msgspec.to_builtins(refusal))


def _asset_of(change: Change) -> CatalogAsset:
    """As much of the asset as a question about permissions needs."""
    return CatalogAsset(
        id=change.target,
        level=_LEVELS.get(change.source.partition(":")[0], "table"),
        kind=change.kind,
        name=str(change.extra.get("name") or change.name),
        qualified_name=str(change.extra.get("qualified_name") or change.name),
        connection=change.connection,
        connector="",
    )
