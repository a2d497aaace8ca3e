"""Alation behind the seam of :mod:`qsync_pipeline.catalogs.base`.

What an administrator has to do, since no API does it (:data:`NOTES`, also told by ``qsync doctor``): put the
custom fields on the templates of schemas, tables and columns; give the service user a role that may write;
make a new refresh token before the old one lapses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from qsync_pipeline.catalogs.alation import connectors
from qsync_pipeline.catalogs.alation.calls import SYSTEM
from qsync_pipeline.catalogs.alation.changes import read_changes
from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.definitions import DefinitionMaker
from qsync_pipeline.catalogs.alation.fields import FieldIds
from qsync_pipeline.catalogs.alation.flags import actor
from qsync_pipeline.catalogs.alation.jobs import Jobs
from qsync_pipeline.catalogs.alation.keys import split_id
from qsync_pipeline.catalogs.alation.reading import Reader
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.alation.tokens import (
    AlationAuth,
    NoToken,
    OAuthSource,
    RefreshTokenSource,
    Source,
    client_advice,
    refresh_advice,
)
from qsync_pipeline.catalogs.alation.writing import (
    CUSTOM_FIELDS,
    DATA_HEALTH,
    TAGS,
    TRUST_FLAGS,
    Writer,
    fits,
)
from qsync_pipeline.catalogs.base import (
    Catalog,
    CatalogIndex,
    Changes,
    DefinitionPlan,
    Identity,
    Presence,
    Role,
    Surface,
)
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.patience import OnWait
from qsync_pipeline.transport.session import HttpSession

if TYPE_CHECKING:
    from qsync_pipeline.config import AlationConfig

__all__ = ["AlationCatalog", "open_catalog"]

NOTES = (
    (
        "Custom fields show only where the template has them: in Alation's admin settings, Customize Catalog,"
        " Custom Templates, insert the fields {fields} into the templates Schema, Table and Column, best in"
        " one group. Values are written either way."
    ),
    (
        "The account needs to be a catalog admin to write fields and data health, and a server admin to see"
        " private data sources and to tell a deleted object from one that is out of its sight."
    ),
)


class AlationCatalog(Catalog):
    """One Alation integration, opened for one run; see :class:`~qsync_pipeline.catalogs.base.Catalog`.

    Safe to use from several threads; the calls themselves go one after the other.
    """

    surfaces: tuple[Surface, ...] = (CUSTOM_FIELDS, TRUST_FLAGS, DATA_HEALTH)
    light_reads_omit: frozenset[Literal["tags", "domain"]] = frozenset({"tags", "domain"})
    lists_at_once: bool = True  # objects are re-read from the very lists that a snapshot is made of
    writes_carry_names: bool = False

    def __init__(
        self,
        settings: AlationSettings,
        session: HttpSession,
        auth: AlationAuth,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._session = session
        self._auth = auth
        self._now = now
        self.client = AlationClient(session, page_size=settings.page_size)
        jobs = Jobs(self.client, settings.job_seconds, sleep=sleep, clock=monotonic)
        self._reader = Reader(self.client, settings)
        self._writer = Writer(self.client, jobs, settings, now)
        self._maker = DefinitionMaker(self.client, jobs, settings)
        if settings.push_tags:
            self.surfaces = (*self.surfaces, TAGS)

    def fits(self, assets: Sequence[Sequence[Change]]) -> int:
        """See :meth:`.base.Catalog.fits`: so many that their values fill one request of 10,000."""
        return fits(assets)

    def identity(self) -> Identity:
        """The token's owner, as trust flags name it, and when the refresh token lapses."""
        expires_at = self._auth.source.expires_at()
        return Identity(
            actor=actor(self.client.userinfo()) or "",
            expires_at=expires_at,
            renewal=self._auth.source.renewal(),
        )

    def notes(self) -> Sequence[str]:
        """What an administrator has to do by hand."""
        names = ", ".join(f'"{name}"' for name in self._settings.attributes.values())
        return tuple(note.format(fields=names) for note in NOTES)

    def lasting(self) -> Sequence[str]:
        """Alation's API deletes no custom field and no tag (alation-api.md §2.4, §2.6)."""
        names = ", ".join(self._settings.attributes.values())
        where = "a catalog admin deletes them under Settings, Customize catalog"
        kept = [f"the custom fields {names}, without values: {where}"]
        if self._settings.push_tags:
            kept.append("tags that were made in Alation for push_tags: an administrator deletes them")
        return kept

    def index(self) -> CatalogIndex:
        """See :meth:`.base.Catalog.index`; tags, domains, flags and health rows are read afresh from here."""
        return self._reader.index()

    def connector_matches(self, connector: str, unit_connector: str) -> bool:
        """See :data:`.connectors.FAMILIES`."""
        return connectors.connector_matches(connector, unit_connector)

    def read(
        self,
        schemas: Sequence[CatalogAsset],
        tables: Collection[str] | None = None,
        *,
        quality_only: bool = False,
    ) -> Iterator[CatalogAsset]:
        """See :meth:`.base.Catalog.read`; each schema is handed on once it was read whole."""
        return self._reader.read(schemas, tables, quality_only=quality_only)

    def tags_unread(self) -> str:
        """See :meth:`.base.Catalog.tags_unread`."""
        return "; ".join(gap for gap in self._reader.shared.gaps if gap.startswith("tags"))

    def reread(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> dict[str, CatalogAsset]:
        """See :meth:`.base.Catalog.reread`; without tags where this catalog has not read them."""
        return self._reader.reread(ids, roles=roles)

    def reread_costs(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> int:
        """See :meth:`.base.Catalog.reread_costs`."""
        return self._reader.reread_costs(ids, roles=roles)

    def presence(self, ids: Sequence[str]) -> dict[str, Presence]:
        """See :meth:`.base.Catalog.presence`; what counts as proof: :meth:`.reading.Reader.presence`."""
        return self._reader.presence(ids)

    def permissions(self, assets: Sequence[CatalogAsset]) -> dict[str, frozenset[str]] | None:
        """Null: Alation has no call that tells what a token may do to an object (alation-api.md §1.1)."""
        del assets
        return None

    def plan_definitions(self, connections: Sequence[str], handle: Mapping[str, object]) -> DefinitionPlan:
        """See :meth:`.base.Catalog.plan_definitions`.

        The handle is ``{"fields": {canonical: id}, "names": {canonical: name}}``.
        """
        return self._maker.plan(connections, handle)

    def make_definitions(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, Sequence[Outcome]]:
        """See :meth:`.base.Catalog.make_definitions`."""
        return self._maker.make(plan)

    def use_definitions(self, handle: Mapping[str, object]) -> None:
        """See :meth:`.base.Catalog.use_definitions`."""
        self._reader.ids = FieldIds.of(handle)

    def write(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Values in one request, flags and tags one by one, health rows in batches; see :mod:`.writing`."""
        try:
            return self._writer.write(changes, self._reader.ids, self._reader.shared.touched)
        finally:
            self._reader.shared.forget_what_we_write()

    def changes(self, cursor: str | None, *, propagated: bool) -> Changes:
        """See :meth:`.base.TellsChanges.changes`: by comparison; Alation propagates no tags (§2.6)."""
        del propagated
        return read_changes(self.client, cursor)

    def asset_url(self, asset: CatalogAsset) -> str:
        """The object's page."""
        otype, number = split_id(asset.id) or (asset.level, 0)
        return f"{self._settings.url.rstrip('/')}/{otype}/{number}/"

    def close(self) -> None:
        """Close the HTTP session."""
        self._session.close()


def open_catalog(
    config: AlationConfig,
    *,
    budget: Budget | None = None,
    counter: RequestCounter | None = None,
    on_wait: OnWait | None = None,
) -> AlationCatalog:
    """The adapter for one configured integration; its secret is read here, and nothing is sent yet."""

    def session(auth: AlationAuth | NoToken) -> HttpSession:
        return HttpSession(
            SYSTEM,
            config.url,
            auth=auth,
            budget=budget,
            limit_per_minute=config.requests_per_minute,
            one_at_a_time=True,
            timeout=(10.0, float(config.timeout_seconds)),
            verify=str(config.ca_bundle) if config.ca_bundle else True,
            on_wait=on_wait,
            counter=counter,
        )

    auth = AlationAuth(_source(config, session))
    settings = AlationSettings(
        url=config.url,
        integration=config.name,
        # The marker of sync.rules.alert_rules, by which a flag of ours is known among several on an object.
        marker=f"qsync={config.name}",
        page_size=config.page_size,
        domains=tuple(config.domains),
        attributes=config.attributes.wanted(),
        job_seconds=float(config.job_timeout_seconds),
        push_tags=config.push_tags,
        flag_otypes=tuple("attribute" if level == "column" else level for level in config.alerts.levels),
    )
    return AlationCatalog(settings, session(auth), auth)


def _source(config: AlationConfig, session: Callable[[NoToken], HttpSession]) -> Source:
    """Where access tokens come from; the config has seen to it that exactly one way is there."""
    if config.client_id is not None and config.client_secret is not None:
        where = config.client_secret.source
        form = NoToken(client_advice(where), "application/x-www-form-urlencoded")
        return OAuthSource(session(form), config.client_id, config.client_secret.reveal(), where)
    assert config.refresh_token is not None
    assert config.user_id is not None
    where = config.refresh_token.source
    plain = NoToken(refresh_advice(config.url, where))
    return RefreshTokenSource(session(plain), config.refresh_token.reveal(), config.user_id, where)
