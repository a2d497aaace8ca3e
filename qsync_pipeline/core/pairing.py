"""Pairing the children of one scope by name: containers of a datastore, fields of a container.

The order of DESIGN.md §5.1: exact name, case-folded name where that is unique, then the ids of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qsync_pipeline.core.names import fold, listed
from qsync_pipeline.core.rows import Bucket, CatalogAsset


@dataclass(frozen=True)
class Child:
    """A unit to be paired: its id, name, and whether it is a view (which only breaks ties)."""

    id: str
    name: str
    view: bool = False


@dataclass(frozen=True)
class Pair:
    """What became of a child: a bucket, how it was matched, and with which asset."""

    bucket: Bucket
    how: str = ""
    asset: str | None = None
    reason: str = ""
    near: str | None = None
    """Id of the asset that would be meant, for a hint."""
    gone: bool = False


def pair(
    children: Sequence[Child],
    assets: Sequence[CatalogAsset],
    links: Mapping[str, Collection[str]],
    presence: Mapping[str, str],
) -> dict[str, Pair]:
    """Pair every child with at most one asset of the same scope, and every asset with at most one child."""
    by_name: dict[str, list[CatalogAsset]] = defaultdict(list)
    by_fold: dict[str, list[CatalogAsset]] = defaultdict(list)
    for asset in assets:
        by_name[asset.name].append(asset)
        by_fold[fold(asset.name)].append(asset)
    rivals: dict[str, list[Child]] = defaultdict(list)
    for child in children:
        rivals[fold(child.name)].append(child)

    result: dict[str, Pair] = {}
    open_children: list[Child] = []
    for child in children:
        key = fold(child.name)
        found = _exact(child, by_name.get(child.name, ()), links.get(child.id, ()))
        if found is None and by_fold.get(key):
            found = _by_case(child, by_fold[key], rivals[key], links)
        if found is None:
            open_children.append(child)
        else:
            result[child.id] = found
    _one_writer(result, "several objects of Qualytics have this very name")

    taken = {asset.id for asset in assets if fold(asset.name) in rivals}
    by_id = {asset.id: asset for asset in assets}
    kept = {
        child.id: _by_identity(links.get(child.id, ()), by_id, taken, presence) for child in open_children
    }
    _one_writer(kept, "several objects of Qualytics were paired with this asset before")
    return {child.id: (result | kept)[child.id] for child in children}


def _one_writer(pairs: dict[str, Pair], reason: str) -> None:
    """An asset that several claim belongs to none of them."""
    claims: dict[str, list[str]] = defaultdict(list)
    for child, found in pairs.items():
        if found.asset is not None:
            claims[found.asset].append(child)
    for asset, rivals in claims.items():
        if len(rivals) > 1:
            pairs.update(dict.fromkeys(rivals, Pair("ambiguous", reason=reason, near=asset)))


def _exact(child: Child, candidates: Sequence[CatalogAsset], linked: Collection[str]) -> Pair | None:
    if not candidates:
        return None
    if len(candidates) == 1:
        return seen(candidates[0], "exact")
    for narrowed in (
        [asset for asset in candidates if ("view" in asset.kind.lower()) == child.view],
        [asset for asset in candidates if asset.id in linked],
    ):
        if len(narrowed) == 1:
            return seen(narrowed[0], "exact")
    kinds = listed(asset.kind for asset in candidates)
    return Pair(
        "ambiguous",
        reason=f"{len(candidates)} assets of the catalog have exactly this name ({kinds})",
        near=candidates[0].id,
    )


def _by_case(
    child: Child,
    candidates: Sequence[CatalogAsset],
    rivals: Sequence[Child],
    links: Mapping[str, Collection[str]],
) -> Pair:
    if len(candidates) == 1 and len(rivals) == 1:
        return seen(candidates[0], "case")
    exact = {rival.name for rival in rivals}
    others = {id_ for rival in rivals if rival.id != child.id for id_ in links.get(rival.id, ())}
    linked = set(links.get(child.id, ())) - others
    known = [asset for asset in candidates if asset.id in linked and asset.name not in exact]
    if len(known) == 1:
        return seen(known[0], "identity")
    names = listed([asset.name for asset in candidates] + [rival.name for rival in rivals])
    return Pair(
        "ambiguous",
        reason=f"the name differs in case only from several: {names}",
        near=candidates[0].id,
    )


def _by_identity(
    linked: Collection[str],
    by_id: Mapping[str, CatalogAsset],
    taken: set[str],
    presence: Mapping[str, str],
) -> Pair:
    kept = [by_id[id_] for id_ in linked if id_ in by_id and id_ not in taken]
    if len(kept) == 1:
        return seen(kept[0], "identity")
    states = {presence.get(id_, "present") for id_ in linked}
    if "forbidden" in states:
        return Pair("forbidden", reason="its asset is still there, out of the token's sight")
    if linked and states == {"gone"}:
        return Pair("absent", reason="its asset was deleted in the catalog", gone=True)
    return Pair("absent", reason="the catalog shows nothing of this name here")


def seen(asset: CatalogAsset, how: str) -> Pair:
    """A match with an asset, unless the token may not read it."""
    if not asset.readable:
        return Pair("forbidden", how=how, asset=asset.id, reason="the token may not read it")
    return Pair("matched", how=how, asset=asset.id)
