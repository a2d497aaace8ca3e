"""Domains: from membership rules to the domain of each object (alation-api.md §2.8).

Alation tells rules, not members: an include or an exclude on one object, which with ``recursive`` holds for
all below. An object is in every domain whose nearest rule upwards includes it, at each level the exclusions
first (DESIGN.md §5.1): what a domain of its own says takes it out of no other.

The core knows one domain per asset and lets what has none inherit from above. So a domain is handed on where
it differs from that of the asset above, and :data:`NO_DOMAIN` where an asset is in none although the one
above is. Of several the nearest that the config names is handed on, else the nearest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from qsync_pipeline.catalogs.alation.keys import asset_id
from qsync_pipeline.catalogs.alation.models import DomainRow, DomainRule
from qsync_pipeline.core.domains import UnknownDomains, domain_scope
from qsync_pipeline.core.rows import Domain
from qsync_pipeline.transport.errors import Malformed

NO_DOMAIN = "none"
"""In no domain, whatever the asset above is in (excluded, or included above without ``recursive``)."""


@dataclass
class Rules:
    """What is said of one object: domain to whether it holds for all below as well."""

    include: dict[str, bool] = field(default_factory=dict)
    exclude: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Membership:
    """All rules by asset id, and the domains that the config names."""

    rules: Mapping[str, Rules] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()

    def domain(self, chain: Sequence[str]) -> str | None:
        """The domain of an asset; ``chain`` is its id, then those of what it lies in, upwards."""
        nearest: dict[str, bool] = {}
        for depth, asset in enumerate(chain):
            rules = self.rules.get(asset)
            if rules is None:
                continue
            for included, said in ((False, rules.exclude), (True, rules.include)):
                for domain, recursive in said.items():
                    if recursive or depth == 0:
                        nearest.setdefault(domain, included)
        held = [domain for domain, included in nearest.items() if included]
        return next((domain for domain in held if domain in self.wanted), held[0] if held else None)

    def shown(self, chain: Sequence[str]) -> str | None:
        """What to hand on for an asset: its domain where it differs from the one above it, else null."""
        own, above = self.domain(chain), self.domain(chain[1:])
        return None if own == above else own or NO_DOMAIN


def membership(rules: Iterable[DomainRule], domains: Sequence[Domain], wanted: Sequence[str]) -> Membership:
    """The rules by object. Names in ``wanted`` that fit no domain are told elsewhere, and ignored here."""
    found: dict[str, Rules] = {}
    for rule in rules:
        on = found.setdefault(asset_id(rule.otype, rule.oid), Rules())
        (on.exclude if rule.exclude else on.include)[str(rule.domain_id)] = bool(rule.recursive)
    try:
        scope = domain_scope(domains, wanted).wanted if wanted else frozenset()
    except UnknownDomains:
        scope = frozenset()
    return Membership(found, scope)


def domain_tree(rows: Collection[DomainRow]) -> tuple[Domain, ...]:
    """The domains; a parent that is not listed counts as none (:func:`without_parent` counts them)."""
    known = {row.id for row in rows}
    return tuple(
        Domain(
            id=str(row.id),
            name=row.title,
            parent=str(row.parent_id) if row.parent_id in known and row.parent_id is not None else None,
        )
        for row in rows
    )


def without_parent(rows: Collection[DomainRow]) -> int:
    """How many domains name one above them that is not listed: it is out of sight."""
    known = {None, *(row.id for row in rows)}
    return sum(1 for row in rows if row.parent_id not in known)


def refuse_untold(rows: Iterable[DomainRow], rules: Iterable[DomainRule]) -> None:
    """Raise where a domain does not say what it lies in, or a rule whether it holds for all below."""
    if any(row.parent_id is UNSET for row in rows) or any(rule.recursive is UNSET for rule in rules):
        raise Malformed(
            "alation: a domain was answered without its parent, or a rule without its reach",
            system="alation",
        )
