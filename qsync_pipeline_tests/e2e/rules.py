"""What the reference is told beside the state of the systems: the config, and what only people know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rules:
    """What the config says, in the reference's words.

    ``connections`` is schema name -> connection name in the catalog; ``native`` are names of Qualytics' own
    tags; ``hidden`` and ``left_out`` are names of schemas or tables that take no part (unreadable, excluded);
    ``domains`` are the names that count, subdomains included (null: all).
    """

    connections: Mapping[str, str] = field(default_factory=dict)
    native: frozenset[str] | set[str] = frozenset()
    overwrite: bool = False
    hidden: frozenset[str] | set[str] = frozenset()
    read_only: frozenset[str] | set[str] = frozenset()
    """Schemas in the catalog on which the token may not write: nothing of ours is there."""
    left_out: Callable[[str, str], bool] = lambda level, name: False
    domains: frozenset[str] | set[str] | None = None
    announcements: bool = True
    tags: Callable[[str], bool] = lambda name: True
    frozen: bool = False
    """Something was synced that has left the scope since: what is beside the pairs is not judged."""
    pull: bool = True
    push: bool = True
    external: bool = False
    """The deployment takes external tags: those are what we make, and they do not cascade."""
    checks: Mapping[str, Sequence[tuple[str, int, str]]] | None = None
    """Active checks by the id of their container: rule, open anomalies, description. Null: no health rows."""
    theirs: frozenset[tuple[str, str]] = frozenset()
    """Tags of ours (key) that a person put on objects of Qualytics (id) as well: those stay."""
    typed: frozenset[tuple[str, str]] = frozenset()
    """Attributes (name) of the catalog's objects (id) whose value a person changed: those are theirs."""
    doubted: frozenset[str] = frozenset()
    """Objects (ids) whose past may count for more than their names: without a pair they are not judged."""
    denied: frozenset[str] = frozenset()
    """Datastores (ids) that Qualytics does not show us: they and what belongs to them stay as they are."""
    emptied_waits: bool = False
    """Where nothing of a schema matches, what is ours there may wait for approval."""
    alert_levels: frozenset[str] = frozenset({"table"})
    decimals: int = 1
    dropped: frozenset[str] = frozenset()
    """Attributes that do not go out."""
    propagated: bool = False
    """Tags that the catalog spread by itself count like those of people."""
    from_connection: bool = True
    counts: Mapping[str, int] | None = None
    """Anomalies that count, by the id of an object of Qualytics that was scanned; null: as it shows them."""
    kept_values: frozenset[tuple[str, str]] = frozenset()
    """Attributes (name) of the catalog's objects (id) that stay as people left them; so with the next two."""
    kept_alerts: frozenset[str] = frozenset()
    kept_tags: frozenset[tuple[str, str]] = frozenset()
    """Tags (key) that people took off objects of Qualytics (id)."""
    domains_inherited: bool = True
    """What has no domain of its own has that of what it lies in; else the catalog says it of each object."""
