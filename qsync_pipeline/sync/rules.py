"""From the configuration to the rules of the core."""

from __future__ import annotations

from collections.abc import Iterable

from qsync_pipeline.config import Config, IntegrationConfig, PatternsConfig, QualyticsConfig
from qsync_pipeline.core.names import Patterns, fold
from qsync_pipeline.core.rows import Unit
from qsync_pipeline.core.rules import (
    AlertRules,
    Bounds,
    GuardRules,
    HealthRules,
    MappingRule,
    MatchRules,
    QualityRules,
    TagRules,
    TagsOutRules,
)


def patterns(settings: PatternsConfig) -> Patterns:
    """Include and exclude globs of a settings group."""
    return Patterns(settings.include, settings.exclude)


def link_to(unit: Unit, qualytics: QualyticsConfig, integration: IntegrationConfig) -> str:
    """The unit's page in Qualytics: the one place where links are made (qualytics-api.md §2.12)."""
    template = getattr(integration.links, unit.level)
    return str(template).format(
        ui_url=qualytics.ui,
        datastore_id=unit.datastore_id,
        container_id=unit.container_id,
        field_id=unit.field_id,
    )


def match_rules(integration: IntegrationConfig, same_connector: object) -> MatchRules:
    """How units and assets are paired."""
    mappings = tuple(
        MappingRule(
            str(one.datastore),
            tuple(str(name) for name in one.catalog),
            None if one.container is None else str(one.container),
        )
        for one in integration.mappings
    )
    return MatchRules(
        same_connector=same_connector,  # type: ignore[arg-type]  # a bound method of the catalog
        mappings=mappings,
        datastores=patterns(integration.datastores),
        containers=patterns(integration.containers),
        levels=frozenset(integration.levels),
    )


def tag_rules(
    config: Config, integration: IntegrationConfig, *, native: bool, adopt: bool = False
) -> TagRules:
    """How tags come in. ``native``: the deployment lets us create tags of type external."""
    names = [one.name for one in config.integrations]
    return TagRules(
        integration=integration.name,
        category=integration.name,
        ours=frozenset(fold(name) for name in names),
        native=native,
        overwrite=integration.overwrite_tags,
        allowed=patterns(integration.tags),
        propagated=integration.tags.propagated,
        from_connection=integration.tags.from_connection,
        from_database=integration.tags.from_database,
        on_drift=integration.on_drift,
        earlier=tuple(names[: names.index(integration.name)]),
        adopt=adopt,
    )


def tags_out_rules(
    config: Config,
    integration: IntegrationConfig,
    *,
    made: Iterable[str],
    shared: Iterable[str],
    pulled: Iterable[tuple[str, str]],
    adopt: bool = False,
) -> TagsOutRules:
    """How Qualytics' own tags go out; ``made``, ``shared`` and ``pulled`` are what the ledger knows."""
    return TagsOutRules(
        ours=frozenset(fold(one.name) for one in config.integrations),
        made=frozenset(made),
        shared=frozenset(shared),
        pulled=frozenset(pulled),
        overwrite=integration.overwrite_tags,
        allowed=patterns(integration.tags),
        cascaded=integration.tags.cascaded,
        on_drift=integration.on_drift,
        adopt=adopt,
    )


def quality_rules(config: Config, integration: IntegrationConfig, *, adopt: bool = False) -> QualityRules:
    """What goes out, and how it is compared."""
    return QualityRules(
        link=lambda unit: link_to(unit, config.qualytics, integration),
        attributes=tuple(integration.attributes.wanted()),
        decimals=integration.decimals,
        on_drift=integration.on_drift,
        adopt=adopt,
    )


def health_rules(integration: IntegrationConfig, *, adopt: bool = False) -> HealthRules:
    """How data-health rows are kept."""
    return HealthRules(on_drift=integration.on_drift, adopt=adopt)


def alert_rules(
    config: Config, integration: IntegrationConfig, actors: Iterable[str], *, adopt: bool = False
) -> AlertRules:
    """When and how an alert stands. ``actors`` are the names under which the catalog has known us."""
    marker = f"qsync={integration.name}"

    def render(unit: Unit) -> tuple[str, str]:
        link = link_to(unit, config.qualytics, integration)
        # The marker rides on the link, so that whoever reads the alert sees nothing but a link.
        marked = f"{link}{'&' if '?' in link else '?'}{marker}"
        noun = "anomaly" if unit.anomaly_count == 1 else "anomalies"
        values = {"anomalies": unit.anomaly_count, "noun": noun, "name": unit.name, "url": marked}
        return integration.alerts.title.format(**values), integration.alerts.message.format(**values)

    return AlertRules(
        render=render,
        marker=marker,
        enabled=integration.announcements,
        type=integration.alerts.type,
        levels=frozenset(integration.alerts.levels),
        actors=frozenset(actors),
        adopt=adopt,
        on_drift=integration.on_drift,
    )


def guard_rules(integration: IntegrationConfig) -> GuardRules:
    """How much may be removed, overwritten or cleared without asking."""
    guards = integration.guards
    return GuardRules(
        guards.share,
        guards.items,
        overwrites=Bounds(guards.overwrites.share, guards.overwrites.items),
        clearings=Bounds(guards.cleared_alerts.share, guards.cleared_alerts.items),
    )
