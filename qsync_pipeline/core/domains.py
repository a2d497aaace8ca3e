"""Domains: which part of a catalog an integration takes part in (DESIGN.md §5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qsync_pipeline.core.names import fold, listed
from qsync_pipeline.core.rows import CatalogAsset, Domain


class UnknownDomains(Exception):
    """Domains that the config names and the catalog does not have, or has several of."""


@dataclass(frozen=True)
class DomainScope:
    """The domains that count, subdomains included. With none named, everything counts."""

    wanted: frozenset[str]
    everything: bool
    names: dict[str, str]

    def covers(self, chain: Sequence[CatalogAsset | None]) -> bool:
        """Whether an asset is in scope; ``chain`` is the asset first, then what it lies in, upwards.

        The nearest own domain upwards decides.
        """
        if self.everything:
            return True
        for asset in chain:
            if asset is not None and asset.domain:
                return asset.domain in self.wanted
        return False

    def name(self, domain: str | None) -> str:
        """The path of a domain, for messages."""
        return self.names.get(domain or "", domain or "no domain")


def domain_scope(domains: Sequence[Domain], wanted: Sequence[str]) -> DomainScope:
    """Resolve the configured names (``Sales`` or a path, ``Finance/Risk``) against the catalog's tree.

    Raises :class:`UnknownDomains`, naming each word that fits none or several, and what there is.
    """
    by_id = {domain.id: domain for domain in domains}
    paths = {domain.id: _path(domain, by_id) for domain in domains}
    chosen: set[str] = set()
    problems: list[str] = []
    for word in wanted:
        exact = [id_ for id_, path in paths.items() if fold(path) == fold(word)]
        hits = exact or [domain.id for domain in domains if fold(domain.name) == fold(word)]
        if not hits:
            problems.append(
                f'domain "{word}": the catalog has none of that name; '
                f"it has {listed(paths.values(), 12) or 'no domains at all'}"
            )
        elif len(hits) > 1:
            several = listed(paths[hit] for hit in hits)
            problems.append(f'domain "{word}": several have that name; write the path, one of {several}')
        chosen.update(hits)
    if problems:
        raise UnknownDomains("; ".join(problems))
    children: dict[str, list[str]] = {}
    for domain in domains:
        if domain.parent:
            children.setdefault(domain.parent, []).append(domain.id)
    frontier = list(chosen)
    while frontier:
        for child in children.get(frontier.pop(), ()):
            if child not in chosen:
                chosen.add(child)
                frontier.append(child)
    return DomainScope(frozenset(chosen), not wanted, paths)


def _path(domain: Domain, by_id: dict[str, Domain]) -> str:
    names, seen, current = [domain.name], {domain.id}, domain
    while current.parent and current.parent in by_id and current.parent not in seen:
        current = by_id[current.parent]
        seen.add(current.id)
        names.append(current.name)
    return "/".join(reversed(names))
