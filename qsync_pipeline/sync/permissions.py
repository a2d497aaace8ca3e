"""What the credentials may do on each connection in use: the ground of ``qsync doctor``'s section on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qsync_pipeline.catalogs.base import READ
from qsync_pipeline.core.locate import Placement
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.core.tables import Table
from qsync_pipeline.sync.refusals import Refusal, refusals
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.snapshot import place_datastores, read_index

State = Literal["ok", "read only", "hidden", "unknown"]


@dataclass(frozen=True)
class ConnectionRights:
    """One connection in use.

    ``datastores`` are the keys that live there, ``sampled`` the names of the assets that were asked about:
    the schemas of these datastores, and what was refused last. ``missing`` are the actions that we lack on
    any of them, in the catalog's words. ``todo`` says what a person has to do, and is empty when all is well.
    """

    connection: str
    name: str
    datastores: tuple[str, ...]
    sampled: tuple[str, ...]
    missing: tuple[str, ...]
    state: State
    todo: str


@dataclass
class ConnectionInUse:
    """A connection that datastores of ours live in, as far as names tell: its schemas by datastore key."""

    asset: CatalogAsset
    schemas: dict[str, list[CatalogAsset]] = field(default_factory=lambda: defaultdict(list))


def connections_with_schemas(
    index: Table[CatalogAsset], placed: Mapping[str, Placement]
) -> list[ConnectionInUse]:
    """Connections that a datastore stands in, hidden ones too, in the order of their names."""
    by_id = {asset.id: asset for asset in index.rows if asset.level == "schema"}
    connections = {one.qualified_name: one for one in index.rows if one.level == "connection"}
    used: dict[str, ConnectionInUse] = {}
    for key, placement in placed.items():
        for schema in (by_id[id_] for id_ in placement.schemas if id_ in by_id):
            above = connections.get(schema.connection, schema)
            used.setdefault(schema.connection, ConnectionInUse(above)).schemas[key].append(schema)
    return sorted(used.values(), key=lambda one: (one.asset.name, one.asset.qualified_name))


def inspect(run: Run, placed: Mapping[str, Placement] | None = None) -> list[ConnectionRights]:
    """What we may do on every connection in use. Reads only; one question for all of them.

    A catalog that cannot tell leaves a connection ``unknown``, unless it hides its assets or has refused us
    before. ``placed`` is where the datastores stand, if that is known already.
    """
    index = read_index(run)
    used = connections_with_schemas(index, place_datastores(run, index) if placed is None else placed)
    refused = refusals(run.ledger, run.name)
    samples = {one.asset.qualified_name: _sample(one, refused) for one in used}
    everything = {asset.id: asset for sample in samples.values() for asset in sample}
    said = run.catalog.permissions(list(everything.values())) if everything else {}
    return [
        _rights(one, samples[one.asset.qualified_name], said, refused.get(one.asset.qualified_name))
        for one in used
    ]


def _sample(one: ConnectionInUse, refused: Mapping[str, Refusal]) -> list[CatalogAsset]:
    schemas = [schema for group in one.schemas.values() for schema in group]
    refusal = refused.get(one.asset.qualified_name)
    return [*schemas, refusal.asset] if refusal else schemas


def _rights(
    one: ConnectionInUse,
    sample: Sequence[CatalogAsset],
    said: Mapping[str, frozenset[str]] | None,
    refusal: Refusal | None,
) -> ConnectionRights:
    answers = [said[asset.id] for asset in sample if asset.id in said] if said is not None else []
    missing = sorted(frozenset().union(*answers))
    hidden = any(word.startswith(READ) for word in missing) or any(not asset.readable for asset in sample)
    state: State = "ok"
    if hidden:
        state = "hidden"
    elif missing or (not answers and refusal is not None and not refusal.granted):
        state = "read only"
    elif not answers:
        state = "unknown"
    return ConnectionRights(
        connection=one.asset.qualified_name,
        name=one.asset.name,
        datastores=tuple(one.schemas),
        sampled=tuple(asset.qualified_name for asset in sample),
        missing=tuple(missing),
        state=state,
        todo=_todo(one.asset.name, missing, state),
    )


def _todo(name: str, missing: Sequence[str], state: State) -> str:
    if state == "ok":
        return ""
    if state == "unknown":
        return "This catalog cannot tell beforehand; qsync doctor --canary tries a write and takes it back."
    if missing:
        return f"Grant the token's policies on {name}: {', '.join(missing)}."
    rights = "reading and writing" if state == "hidden" else "writing"
    return f"Grant the token's policies on {name} {rights}, custom metadata included."
