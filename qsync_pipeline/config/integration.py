"""The settings of an integration: what all catalogs share, then one class per catalog.

A new catalog is one more class here, named in :data:`IntegrationConfig`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from qsync_pipeline.config.fields import (
    Clash,
    ExistingFile,
    IntegrationName,
    Level,
    Settings,
    Text,
    Unique,
    Url,
)
from qsync_pipeline.config.parts import (
    AlationAlertsConfig,
    AlationAttributesConfig,
    AlertsConfig,
    AtlanAlertsConfig,
    AtlanAttributesConfig,
    AttributesConfig,
    GuardsConfig,
    LinksConfig,
    MappingConfig,
    PatternsConfig,
    ScheduleConfig,
    TagsConfig,
)
from qsync_pipeline.config.secrets import SecretField, SuggestedEnv
from qsync_pipeline.config.show import show


class BaseIntegration(Settings):
    """One catalog and how it is kept in step. The first lines are the fields of the vendor's form."""

    name: IntegrationName = Field(description="Name of the integration: begins its asset keys and job names.")
    type: str = Field(description="The kind of catalog.")
    url: Url = Field(description="The catalog's address, as in the browser.")
    domains: Annotated[tuple[Text, ...], Unique()] = Field(
        default=(),
        description="Only assets in these domains take part, by name or path (`Finance/Risk`); none: all.",
    )
    event_driven: bool = Field(
        default=True, description="Sync by itself after operations and after archived anomalies and checks."
    )
    pull_on_change: bool = Field(
        default=False, description="Pull by itself when people change tags in the catalog."
    )
    overwrite_tags: bool = Field(
        default=False,
        description="On a name that both sides have the catalog's tag wins; off: the duplicate is skipped.",
    )
    push_tags: bool = Field(
        default=False,
        description="Put tags that people made in Qualytics on the catalog's assets (README, Tags outwards).",
    )
    announcements: bool = Field(
        default=True, description="Show alerts in the catalog (announcements, trust flags)."
    )
    schedule: ScheduleConfig | None = Field(
        default=None, description="A clock; without one, by hand and by event."
    )
    full_compare_hours: int | None = Field(
        default=24,
        ge=1,
        le=720,
        description="With events on, every datastore is compared whole once in so many hours, a share each "
        "hour: that repairs what events lost. null: never by itself.",
    )
    attributes: AttributesConfig = Field(
        default=AttributesConfig(), description="The quality attributes on the catalog's assets."
    )
    connections: PatternsConfig = Field(
        default=PatternsConfig(), description="Connections (data sources) of the catalog, by name."
    )
    mappings: tuple[MappingConfig, ...] = Field(
        default=(), description="Pairs that the names alone do not settle."
    )
    datastores: PatternsConfig = Field(default=PatternsConfig(), description="Datastores, by name.")
    containers: PatternsConfig = Field(
        default=PatternsConfig(), description="Containers, by `name` or `datastore.name`."
    )
    tags: TagsConfig = Field(default=TagsConfig(), description="Tags of the catalog, by name.")
    levels: Annotated[tuple[Level, ...], Unique()] = Field(
        default=("schema", "table", "column"), min_length=1, description="Levels of assets that take part."
    )
    links: LinksConfig = Field(default=LinksConfig(), description="Links into Qualytics.")
    alerts: AlertsConfig = Field(default=AlertsConfig(), description="What alerts look like.")
    decimals: int = Field(default=1, ge=0, le=3, description="Decimal places of scores.")
    count_acknowledged: bool = Field(default=True, description="Acknowledged anomalies count as active.")
    on_drift: Literal["reset", "keep"] = Field(
        default="reset", description="What happens to our value when a person changed it in the catalog."
    )
    guards: GuardsConfig = Field(
        default=GuardsConfig(), description="Removals beyond these bounds wait for approval."
    )
    first_write: bool = Field(
        default=False,
        description="Write on first contact without being asked (an empty ledger otherwise only plans).",
    )
    coexist: bool = Field(default=False, description="Work beside a second writer on the same catalog.")
    retry_rejected_after_hours: int = Field(
        default=24, ge=1, le=8760, description="When a rejected item is tried again though nothing changed."
    )
    read_back: Literal["all", "sample", "none"] = Field(
        default="sample", description="How much of what was written is read back."
    )
    objective_minutes: int | None = Field(
        default=None,
        ge=1,
        le=43200,
        description="How soon a score is to be seen in the catalog; the check `freshness` warns beyond it. "
        "null: 15 with `event_driven`, else a day.",
    )
    timeout_seconds: int = Field(default=60, ge=1, le=600, description="How long one call may take.")
    ca_bundle: ExistingFile | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )

    @property
    def objective_seconds(self) -> float:
        """How soon a score is to be seen in the catalog."""
        return 60.0 * (self.objective_minutes or (15 if self.event_driven else 24 * 60))

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """Two mappings for the same datastore and container."""
        mappings = raw.get("mappings")
        seen: dict[tuple[str, str], int] = {}
        found: list[Clash] = []
        for index, one in enumerate(mappings if isinstance(mappings, tuple) else ()):
            if not isinstance(one, dict) or not isinstance(one.get("datastore"), (str, int)):
                continue
            container = one.get("container")
            key = (str(one["datastore"]).strip(), "" if container is None else str(container).strip())
            if key in seen:
                what = " / ".join(show(part) for part in key if part)
                found.append(
                    Clash(
                        ("mappings", index, "datastore"),
                        f"a second mapping for {what}",
                        "one for each datastore and container",
                        f"List its assets in mappings[{seen[key]}].catalog.",
                    )
                )
            seen.setdefault(key, index)
        return found


class AtlanConfig(BaseIntegration):
    """An Atlan tenant."""

    type: Literal["atlan"] = Field(description="The kind of catalog.")
    token: Annotated[SecretField, SuggestedEnv("ATLAN_API_KEY")] = Field(
        description="API token; its persona decides what takes part."
    )
    webhook_secret: Annotated[SecretField | None, SuggestedEnv("ATLAN_WEBHOOK_SECRET")] = Field(
        default=None,
        description="Signing secret of Atlan's webhook, shown once when it is saved; without it, "
        "`webhooks.secret`.",
    )
    attributes: AtlanAttributesConfig = Field(
        default=AtlanAttributesConfig(), description="The quality attributes on the catalog's assets."
    )
    alerts: AtlanAlertsConfig = Field(
        default=AtlanAlertsConfig(), description="What announcements look like."
    )
    requests_per_minute: int = Field(
        default=300, ge=1, le=10000, description="Our share of the tenant's 400 requests a minute."
    )
    page_size: int = Field(default=300, ge=20, le=1000, description="Assets per page read.")
    batch_size: int = Field(default=50, ge=1, le=100, description="Assets per write.")


class AlationConfig(BaseIntegration):
    """An Alation instance, by a user's refresh token or by an OAuth client."""

    type: Literal["alation"] = Field(description="The kind of catalog.")
    refresh_token: Annotated[SecretField | None, SuggestedEnv("ALATION_REFRESH_TOKEN")] = Field(
        default=None, description="Refresh token from the profile settings; it comes with `user_id`."
    )
    user_id: int | None = Field(
        default=None, ge=1, description="Id of the user that the refresh token belongs to."
    )
    client_id: Text | None = Field(
        default=None, description="OAuth client application (Alation Cloud), instead of a refresh token."
    )
    client_secret: Annotated[SecretField | None, SuggestedEnv("ALATION_CLIENT_SECRET")] = Field(
        default=None, description="Secret of the OAuth client."
    )
    attributes: AlationAttributesConfig = Field(
        default=AlationAttributesConfig(), description="The quality attributes on the catalog's assets."
    )
    alerts: AlationAlertsConfig = Field(
        default=AlationAlertsConfig(), description="What trust flags look like."
    )
    requests_per_minute: int = Field(
        default=600, ge=1, le=10000, description="Request budget (where Alation throttles: 20 a second)."
    )
    page_size: int = Field(default=1000, ge=20, le=1000, description="Objects per page read.")
    job_timeout_seconds: int = Field(
        default=900, ge=10, le=86400, description="How long a background job of Alation may take."
    )

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """Beside those of every integration: no credentials, half a pair, or both pairs."""
        token, client = ("refresh_token", "user_id"), ("client_id", "client_secret")
        given = [name for name in (*token, *client) if raw.get(name) is not None]
        whole = "refresh_token and user_id, or client_id and client_secret"
        found = super().clashes(raw)
        tags = raw.get("tags")
        if isinstance(tags, dict) and tags.get("from_database") is True:
            why = "true, and Alation knows no databases as objects"
            found.append(Clash(("tags", "from_database"), why, "false", "Remove it"))
        if not given:
            hint = "Add refresh_token: {env: ALATION_REFRESH_TOKEN} and user_id"
            found.append(Clash(("refresh_token",), "no credentials", whole, hint))
        for pair, other in ((token, client), (client, token)):
            missing = [name for name in pair if name not in given]
            if len(missing) == 1:
                said = f"nothing, and {next(name for name in pair if name in given)} alone is no use"
                found.append(Clash((missing[0],), said, whole, f"Add {missing[0]}"))
            elif not missing and pair is client and any(name in given for name in other):
                said = "an OAuth client beside a refresh token"
                found.append(Clash(("client_id",), said, whole, "Remove one of the two pairs"))
        return found


IntegrationConfig = AtlanConfig | AlationConfig
"""Any integration; ``type`` tells which. The one place where a catalog's settings are registered."""
