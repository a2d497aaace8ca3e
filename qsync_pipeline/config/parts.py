"""The groups of settings inside an integration: attributes, patterns, links, alerts, guards, schedule."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from qsync_pipeline.config.fields import (
    AlertMessage,
    AlertTitle,
    Clash,
    ContainerLink,
    Cron,
    DatastoreLink,
    Direction,
    FieldLink,
    Level,
    NameOrId,
    OneOrMore,
    Pattern,
    Settings,
    Text,
    Unique,
    Zone,
)
from qsync_pipeline.config.show import show
from qsync_pipeline.core.rows import ATTRIBUTES

AttributeName = Literal[
    "URL",
    "Quality Score Total",
    "Quality Score Completeness",
    "Quality Score Coverage",
    "Quality Score Conformity",
    "Quality Score Consistency",
    "Quality Score Precision",
    "Quality Score Timeliness",
    "Quality Score Volumetrics",
    "Quality Score Accuracy",
    "Anomaly Count",
    "Check Count",
]
"""The canonical names, spelled out for ``Literal``; a test holds them equal to ``ATTRIBUTES``."""


class PatternsConfig(Settings):
    """Names that take part: those that ``include`` fits, without those that ``exclude`` fits.

    :class:`qsync_pipeline.core.names.Patterns` compares them.
    """

    include: Annotated[tuple[Pattern, ...], Unique()] = Field(
        default=("*",), min_length=1, description="Names that take part."
    )
    exclude: Annotated[tuple[Pattern, ...], Unique()] = Field(
        default=(), description="Names that stay out, also where `include` fits."
    )


class TagsConfig(PatternsConfig):
    """Which catalog tags become tags in Qualytics."""

    propagated: bool = Field(
        default=False, description="Take tags that the catalog propagated (by lineage or hierarchy), too."
    )
    cascaded: bool = Field(
        default=False,
        description="With `push_tags`: also tag what lies below the object that carries the tag.",
    )
    from_connection: bool = Field(
        default=True, description="A datastore also takes the tags of the connection above its schema."
    )
    from_database: bool = Field(
        default=False, description="A datastore also takes the tags of the database above its schema."
    )


class AttributesConfig(Settings):
    """Which of the twelve attributes go out, and under which name."""

    prefix: ClassVar[str] = ""
    """What the catalog's name of an attribute begins with unless ``names`` says otherwise."""

    names: dict[AttributeName, Text] = Field(
        default_factory=dict, description="Other names in the catalog, by attribute (`Check Count: Checks`)."
    )
    drop: Annotated[tuple[AttributeName, ...], Unique()] = Field(
        default=(), description="Attributes that do not go out."
    )

    def wanted(self) -> dict[str, str]:
        """Canonical name to catalog name of every attribute that goes out, in the order of ``ATTRIBUTES``."""
        names: dict[Any, str] = dict(self.names)
        return {a: names.get(a, self.prefix + a) for a in ATTRIBUTES if a not in self.drop}

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """A renamed attribute that is also dropped; two attributes that would share a name."""
        drop, names = raw.get("drop"), raw.get("names")
        dropped = [d for d in drop if isinstance(d, str)] if isinstance(drop, tuple) else []
        renamed = {k: v for k, v in names.items() if isinstance(v, str)} if isinstance(names, dict) else {}
        found: list[Clash] = []
        taken = {cls.prefix + a: a for a in ATTRIBUTES if a not in dropped and a not in renamed}
        for attribute, name in renamed.items():
            where = ("names", attribute)
            if attribute in dropped:
                found.append(
                    Clash(
                        where,
                        "a name for a dropped attribute",
                        "one of the two",
                        "Remove it here or in drop.",
                    )
                )
            elif name.strip() in taken:
                other = show(taken[name.strip()])
                found.append(
                    Clash(where, f"the name that {other} has", "a name of its own", "Choose another name.")
                )
            else:
                taken[name.strip()] = attribute
        return found


class AtlanAttributesConfig(AttributesConfig):
    """The attributes as properties of a custom-metadata set."""

    set: Text = Field(
        default="Qualytics", description="Name of the custom-metadata set that holds the attributes."
    )


class AlationAttributesConfig(AttributesConfig):
    """The attributes as custom fields, which share one name space: hence the prefix."""

    prefix: ClassVar[str] = "Qualytics "


class MappingConfig(Settings):
    """A pair that the names alone do not settle."""

    datastore: NameOrId = Field(description="The datastore: its name, id or key.")
    container: NameOrId | None = Field(
        default=None, description="The container in it; without one the datastore is meant."
    )
    catalog: OneOrMore = Field(min_length=1, description="The asset or assets in the catalog.")


class LinksConfig(Settings):
    """Templates of the links into Qualytics (qualytics-api.md §2.12; that of a field is inferred)."""

    datastore: DatastoreLink = Field(
        default="{ui_url}/datastores/{datastore_id}", description="Link to a datastore."
    )
    container: ContainerLink = Field(
        default="{ui_url}/datastores/{datastore_id}/containers/{container_id}/overview",
        description="Link to a container.",
    )
    field: FieldLink = Field(
        default="{ui_url}/datastores/{datastore_id}/containers/{container_id}/fields/{field_id}/overview",
        description="Link to a field.",
    )


class AlertsConfig(Settings):
    """What an alert looks like, and where it stands. Types differ by catalog."""

    levels: Annotated[tuple[Level, ...], Unique()] = Field(
        default=("table",), min_length=1, description="Levels of assets that get alerts."
    )
    title: AlertTitle = Field(default="{anomalies} active {noun}", description="Title of an alert.")
    message: AlertMessage = Field(
        default="Qualytics shows {anomalies} active {noun} on {name}: {url}",
        description="Text of an alert.",
    )


class AtlanAlertsConfig(AlertsConfig):
    """Announcements."""

    type: Literal["information", "warning", "issue"] = Field(
        default="warning", description="Type of the announcement."
    )


class AlationAlertsConfig(AlertsConfig):
    """Trust flags."""

    type: Literal["warning", "deprecation"] = Field(
        default="warning",
        description="The trust flag. A deprecation spreads to what is below and downstream.",
    )


class OverwritesConfig(Settings):
    """Values that people changed and ours would overwrite (`on_drift: reset`), per datastore and surface."""

    share: float = Field(default=0.3, ge=0, le=1, description="Share of what stands there, 0 to 1.")
    items: int = Field(default=25, ge=0, description="Number of values.")


class ClearedAlertsConfig(Settings):
    """Alerts that would be cleared at once, per datastore and surface."""

    share: float = Field(default=0.5, ge=0, le=1, description="Share of the alerts that stand, 0 to 1.")
    items: int = Field(default=25, ge=0, description="Number of alerts.")


class GuardsConfig(Settings):
    """What goes beyond both bounds, per datastore and surface, waits for `qsync approve`."""

    share: float = Field(default=0.3, ge=0, le=1, description="Share of what stands there, 0 to 1.")
    items: int = Field(default=25, ge=0, description="Number of removals.")
    overwrites: OverwritesConfig = Field(
        default=OverwritesConfig(), description="The same for values that people changed."
    )
    cleared_alerts: ClearedAlertsConfig = Field(
        default=ClearedAlertsConfig(), description="The same for alerts that are cleared."
    )


class ScheduleConfig(Settings):
    """A clock for the integration's job."""

    cron: Cron = Field(description="When to sync.")
    timezone: Zone = Field(default="UTC", description="Time zone of `cron`.")
    direction: Direction = Field(default="both", description="What to sync.")
    runs: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Into how many runs a tick splits the datastores: more where several workers share them.",
    )
