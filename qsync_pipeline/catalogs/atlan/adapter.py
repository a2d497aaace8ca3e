"""Atlan behind the seam of :mod:`qsync_pipeline.catalogs.base`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from qsync_pipeline.catalogs.atlan import connectors
from qsync_pipeline.catalogs.atlan.chain import SYSTEM
from qsync_pipeline.catalogs.atlan.changes import read_changes
from qsync_pipeline.catalogs.atlan.client import (
    GUIDS_PER_CALL,
    HEADERS,
    REQUEST_ID_HEADER,
    RETRY,
    AtlanClient,
)
from qsync_pipeline.catalogs.atlan.making import DefinitionMaker
from qsync_pipeline.catalogs.atlan.permissions import missing_actions
from qsync_pipeline.catalogs.atlan.reading import Reader
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.atlan.tag_writing import TagWriter
from qsync_pipeline.catalogs.atlan.types import AttributeIds
from qsync_pipeline.catalogs.atlan.writing import ANNOUNCEMENTS, CUSTOM_METADATA, TAGS, Writer
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
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import Malformed
from qsync_pipeline.transport.patience import OnWait
from qsync_pipeline.transport.session import HttpSession

if TYPE_CHECKING:
    from qsync_pipeline.config import AtlanConfig

__all__ = ["AtlanCatalog", "open_catalog"]


class AtlanCatalog(Catalog):
    """One Atlan integration, opened for one run; see :class:`~qsync_pipeline.catalogs.base.Catalog`.

    Thread-safe for reading; one :meth:`write` at a time.
    """

    surfaces: tuple[Surface, ...] = (CUSTOM_METADATA, ANNOUNCEMENTS)
    light_reads_omit: frozenset[Literal["tags", "domain"]] = frozenset()
    lists_at_once: bool = False  # search lags behind the graph that is re-read
    writes_carry_names: bool = True

    def __init__(self, settings: AtlanSettings, session: HttpSession) -> None:
        self._settings = settings
        self._session = session
        self.client = AtlanClient(session, page_size=settings.page_size)
        self._reader = Reader(self.client, settings)
        self._writer = Writer(self.client, settings.batch_size)
        self._tag_writer = TagWriter(self.client, self._reader.tags)
        self._maker = DefinitionMaker(self.client, settings, self._reader.tags)
        if settings.push_tags:
            self.surfaces = (*self.surfaces, TAGS)

    def fits(self, assets: Sequence[Sequence[Change]]) -> int:
        """See :meth:`.base.Catalog.fits`; it halves when Atlan takes over five seconds, and grows again."""
        return min(len(assets), self._writer.batch_size.current)

    def identity(self) -> Identity:
        """The actor's name as ``announcementUpdatedBy`` shows it, and when the token lapses."""
        user = self.client.current_user()
        if not user.username:
            raise Malformed(
                "Atlan: the current user was answered without a username", system=self._session.system
            )
        return Identity(actor=user.username, expires_at=self._settings.expires_at)

    def notes(self) -> Sequence[str]:
        """None: what Atlan needs is made by calls, or can be checked by one."""
        return ()

    def lasting(self) -> Sequence[str]:
        """Type definitions: other tools may build on them, and deleting one takes its values everywhere."""
        name = self._settings.attribute_set
        where = "an administrator deletes them under Governance, Custom metadata"
        kept = [f'the custom-metadata set "{name}", empty, and its number badges: {where}']
        if self._settings.push_tags:
            kept.append("tags that were made in Atlan for push_tags: an administrator deletes them")
        return kept

    def index(self) -> CatalogIndex:
        """See :meth:`.base.Catalog.index`."""
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
        """See :meth:`.base.Catalog.read`; every ``schemas`` group is handed on once it was read whole."""
        return self._reader.read(schemas, tables)

    def tags_unread(self) -> str:
        """See :meth:`.base.Catalog.tags_unread`."""
        return self._reader.tags.gap or ""

    def reread_costs(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> int:
        """See :meth:`.base.Catalog.reread_costs`: an entity alone, or many in one call."""
        return -(-len(ids) // GUIDS_PER_CALL)

    def reread(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> dict[str, CatalogAsset]:
        """See :meth:`.base.Catalog.reread`: an entity comes with everything that is on it."""
        del roles
        return self._reader.reread(ids)

    def presence(self, ids: Sequence[str]) -> dict[str, Presence]:
        """See :meth:`.base.Catalog.presence`."""
        return self._reader.presence(ids)

    def permissions(self, assets: Sequence[CatalogAsset]) -> dict[str, frozenset[str]] | None:
        """See :meth:`.base.Catalog.permissions`; the actions are those of a persona's metadata policy."""
        tag = next(iter(self._reader.tags.current().tags), "") if self._settings.push_tags else ""
        return missing_actions(self.client, assets, self._reader.ids.set_id, tag)

    def plan_definitions(self, connections: Sequence[str], handle: Mapping[str, object]) -> DefinitionPlan:
        """See :meth:`.base.Catalog.plan_definitions`.

        The handle is ``{"set": id, "set_name": text, "attributes": {canonical: id}, "names": {canonical:
        display}, "badges": [qualified names]}``.
        """
        return self._maker.plan(connections, handle)

    def make_definitions(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, Sequence[Outcome]]:
        """See :meth:`.base.Catalog.make_definitions`."""
        return self._maker.make(plan)

    def use_definitions(self, handle: Mapping[str, object]) -> None:
        """See :meth:`.base.Catalog.use_definitions`."""
        self._reader.ids = AttributeIds.of(handle)

    def write(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """One bulk call; ``kind`` is the asset's type, ``extra`` its name and qualified name as read."""
        if changes and changes[0].surface == TAGS.name:
            return self._tag_writer.write(changes)
        return self._writer.write(changes, self._reader.ids)

    def changes(self, cursor: str | None, *, propagated: bool) -> Changes:
        """See :meth:`.base.TellsChanges.changes`: from the activity log, at the cost of one request."""
        return read_changes(self.client, cursor, propagated=propagated)

    def asset_url(self, asset: CatalogAsset) -> str:
        """The asset's overview page."""
        return f"{self._settings.url.rstrip('/')}/assets/{quote(asset.id, safe='')}/overview"

    def close(self) -> None:
        """Close the HTTP session."""
        self._session.close()


def open_catalog(
    config: AtlanConfig,
    *,
    budget: Budget | None = None,
    counter: RequestCounter | None = None,
    on_wait: OnWait | None = None,
) -> AtlanCatalog:
    """The adapter for one configured integration; its token is read here, and nothing is sent yet."""
    auth = BearerToken(config.token.reveal(), source=config.token.source)
    session = HttpSession(
        SYSTEM,
        config.url,
        auth=auth,
        budget=budget,
        limit_per_minute=config.requests_per_minute,
        headers=HEADERS,
        timeout=(10.0, float(config.timeout_seconds)),
        retry=RETRY,
        verify=str(config.ca_bundle) if config.ca_bundle else True,
        request_id_header=REQUEST_ID_HEADER,
        on_wait=on_wait,
        counter=counter,
    )
    settings = AtlanSettings(
        url=config.url,
        page_size=config.page_size,
        batch_size=config.batch_size,
        attribute_set=config.attributes.set,
        attributes=config.attributes.wanted(),
        push_tags=config.push_tags,
        expires_at=auth.expires_at,
    )
    return AtlanCatalog(settings, session)
