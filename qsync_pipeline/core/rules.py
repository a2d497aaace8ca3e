"""The settings of one integration as the core needs them: plain values, no secrets, no config classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from qsync_pipeline.core.names import EVERYTHING, Patterns
from qsync_pipeline.core.rows import ATTRIBUTES, AssetLevel, Level, Unit

LEVEL_OF: dict[Level, AssetLevel] = {"datastore": "schema", "container": "table", "field": "column"}
"""Where a Qualytics object lands in a catalog."""


@dataclass(frozen=True)
class MappingRule:
    """One explicit mapping: a datastore (name, id or key), perhaps one container of it, and catalog names."""

    datastore: str
    catalog: tuple[str, ...]
    container: str | None = None

    def names(self, unit: Unit) -> bool:
        """Whether the rule speaks of this unit's datastore."""
        return self.datastore in (unit.datastore, str(unit.datastore_id)) or (
            unit.level == "datastore" and self.datastore == unit.name
        )


@dataclass(frozen=True)
class MatchRules:
    """How units and assets are paired (DESIGN.md §5.1)."""

    same_connector: Callable[[str, str], bool]
    """(catalog's connector, Qualytics' connector) -> the same kind of source."""
    mappings: tuple[MappingRule, ...] = ()
    datastores: Patterns = EVERYTHING
    containers: Patterns = EVERYTHING
    levels: frozenset[AssetLevel] = frozenset({"schema", "table", "column"})


@dataclass(frozen=True)
class TagRules:
    """How tags come in (DESIGN.md §5.2)."""

    integration: str
    category: str
    """The category of the definitions that we make: the integration's name."""
    ours: frozenset[str]
    """The categories of all integrations of this config, in any spelling of theirs."""
    native: bool = False
    """The deployment lets us create tags of type external."""
    overwrite: bool = False
    allowed: Patterns = EVERYTHING
    propagated: bool = False
    from_connection: bool = True
    from_database: bool = False
    on_drift: Literal["reset", "keep"] = "reset"
    earlier: tuple[str, ...] = ()
    """Integrations before this one in the config: the definition of a shared tag is theirs to decide."""
    adopt: bool = False
    """Take up what carries our category and is not in the ledger (a lost ledger, by command)."""


@dataclass(frozen=True)
class TagsOutRules:
    """How Qualytics' own tags go out (``push_tags``)."""

    ours: frozenset[str] = frozenset()
    """The categories of all integrations of this config, folded: tags in them came from a catalog."""
    made: frozenset[str] = frozenset()
    """Keys of the definitions in Qualytics that an integration of ours made."""
    shared: frozenset[str] = frozenset()
    """Keys of people's definitions that an integration of ours took over (``overwrite_tags``): what people
    put on objects by them is still theirs."""
    pulled: frozenset[tuple[str, str]] = frozenset()
    """Assignments in Qualytics (unit id, tag key) that an integration of ours made."""
    overwrite: bool = False
    """Put the catalog's own tag of the same name on assets, too."""
    allowed: Patterns = EVERYTHING
    cascaded: bool = False
    """Put a tag also on what lies below the object that carries it."""
    on_drift: Literal["reset", "keep"] = "reset"
    adopt: bool = False
    """Take up tags whose definition is ours and that are not in the ledger (a lost ledger, by command)."""


@dataclass(frozen=True)
class QualityRules:
    """What goes out and how it is compared (DESIGN.md §5.3)."""

    link: Callable[[Unit], str]
    attributes: tuple[str, ...] = ATTRIBUTES
    decimals: int = 1
    on_drift: Literal["reset", "keep"] = "reset"
    adopt: bool = False
    """Take up values that stand in our attributes and are not in the ledger (a lost ledger, by command)."""


@dataclass(frozen=True)
class HealthRules:
    """How data-health rows of ours are kept (DESIGN.md §5.3)."""

    on_drift: Literal["reset", "keep"] = "reset"
    adopt: bool = False
    """Take up rows that carry our key prefix and are not in the ledger (a lost ledger, by command)."""


@dataclass(frozen=True)
class AlertRules:
    """When and how an alert stands on an asset (DESIGN.md §5.4)."""

    render: Callable[[Unit], tuple[str, str]]
    """Title and text for a unit with open anomalies; the text holds the marker link."""
    marker: str
    """What every text of ours contains and nobody else writes."""
    enabled: bool = True
    type: str = "warning"
    levels: frozenset[AssetLevel] = frozenset({"table"})
    actors: frozenset[str] = field(default_factory=frozenset)
    """Actors that we recorded as ourselves, over all tokens ever used."""
    adopt: bool = False
    """Take up alerts that carry our marker, whoever wrote them (a lost ledger, by command)."""
    on_drift: Literal["reset", "keep"] = "reset"


@dataclass(frozen=True)
class Bounds:
    """Limits that are exceeded together or not at all: a share of what stands there, and a number."""

    share: float
    items: int


@dataclass(frozen=True)
class GuardRules:
    """Lines of a scope above both limits are parked: removals, and two more kinds (DESIGN.md §5.5)."""

    share: float = 0.3
    items: int = 25
    overwrites: Bounds = Bounds(0.3, 25)
    """Values that people changed and ours would overwrite."""
    clearings: Bounds = Bounds(0.5, 25)
    """Alerts that would be cleared."""
