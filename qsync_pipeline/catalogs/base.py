"""What a catalog must offer. The seam behind which Atlan and Alation differ.

Everything above this module speaks of assets, tags, attributes, alerts and changes
(:mod:`qsync_pipeline.core.rows`); everything vendor-specific stays below it. An adapter reads what is there
and writes what it is told; it never decides what should be there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from qsync_pipeline.core.rows import CatalogAsset, Change, Domain, Outcome, RejectionClass, TagRef

Role = Literal["attributes", "alerts", "health", "tags"]
"""What goes onto a surface."""

Presence = Literal["present", "gone", "forbidden"]
"""What asking for an asset by its id proves (DESIGN.md §5.1, absence is proved)."""

LAPSES_SOON = 14.0
"""Days before credentials lapse from which on that is a warning."""

READ = "Read"
"""How the name of the action that reads an asset begins, in every catalog's answer to ``permissions``."""


@dataclass(frozen=True)
class Surface:
    """A place the catalog offers for quality.

    ``name`` is the vendor's own word (``custom_metadata``, ``announcements``) and the key of its counts;
    ``role`` is what goes there, so that the core knows which planner fills it.

    The rest tells what writing costs, for forecasts: surfaces of one ``call`` go in one call, asset by asset
    (without that word each line counts), ``per_call`` of them at a time, and such a call starts a job that
    is asked after so many times (``polls``). ``needs`` says to people which permission a write takes.
    """

    name: str
    role: Role
    call: str = ""
    per_call: int = 1
    polls: int = 0
    needs: str = "it lacks the permission to write there"


@dataclass(frozen=True)
class CatalogIndex:
    """The light part of a catalog, read whole once per run: where things are, not what is on them.

    ``gaps`` names every shared read that was incomplete (type definitions, domain tree): nothing that
    depends on it may be removed. ``tags`` are the definitions of all tags, those that nothing carries
    included; null where they could not be read.
    """

    connections: tuple[CatalogAsset, ...]
    databases: tuple[CatalogAsset, ...]
    schemas: tuple[CatalogAsset, ...]
    domains: tuple[Domain, ...]
    gaps: tuple[str, ...] = ()
    tags: tuple[TagRef, ...] | None = None


@dataclass(frozen=True)
class Identity:
    """Who the credentials are: the actor's name as the catalog records it, and the catalog's version."""

    actor: str
    version: str | None = None
    expires_at: float | None = None
    """Seconds since the epoch at which the credentials lapse, where that can be known."""
    renewal: str = ""
    """What a person does before that, for a message; empty where nothing but the obvious is known."""

    def days_left(self, now: float) -> float | None:
        """Days until the credentials lapse, or null where that is not known."""
        return None if self.expires_at is None else (self.expires_at - now) / 86400


@dataclass(frozen=True)
class DefinitionPlan:
    """What the definitions step has found and would do.

    ``changes`` are of surface ``definitions``; ``problems`` are messages about what stands in the way (a
    wrong type, several of the name), each with the config line that settles it. ``handle`` is what
    :meth:`Catalog.read` and :meth:`Catalog.write` need to translate names (opaque, JSON-able).
    """

    changes: tuple[Change, ...]
    problems: tuple[str, ...] = ()
    handle: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TagNews:
    """The tags of one asset changed.

    ``at_ms`` is by the catalog's clock, in milliseconds. ``actor`` and ``tag`` (its name) are empty where the
    catalog does not tell. ``added``: the tag was put on, and not taken off or altered.
    """

    asset: str
    type_name: str
    qualified_name: str
    action: str
    at_ms: int
    actor: str = ""
    tag: str = ""
    added: bool = False


@dataclass(frozen=True)
class Changes:
    """What changed since a cursor, and the cursor after it. ``source`` is the word of the ledger's events."""

    found: tuple[TagNews, ...]
    cursor: str
    source: Literal["audit", "poll"]


@runtime_checkable
class TellsChanges(Protocol):
    """A catalog that can tell which assets' tags changed; to be asked again and again."""

    def changes(self, cursor: str | None, *, propagated: bool) -> Changes:
        """Changes since ``cursor`` (opaque, from the last call), a bounded number of them per call.

        Without a cursor, or with one that is not understood, there are none: the cursor after it stands for
        how things are now. ``propagated``: copies that a catalog's own propagation made count as well.
        """


class BatchRejected(Exception):
    """A write that is all-or-nothing was refused; nothing of the batch was written.

    The write engine splits the batch until the bad item is alone. ``culprit`` is the asset id that the
    answer names, where it does.
    """

    def __init__(
        self,
        reason: str,
        *,
        error_class: RejectionClass,
        culprit: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error_class = error_class
        self.culprit = culprit
        self.status = status


class Catalog(Protocol):
    """One integration's catalog, opened for one run. Errors are those of ``transport.errors``."""

    surfaces: tuple[Surface, ...]

    light_reads_omit: frozenset[Literal["tags", "domain"]]
    """What a ``quality_only`` read leaves out because it costs calls of its own; empty where it is free."""

    lists_at_once: bool
    """Whether what people see is never behind what :meth:`reread` shows: no index lies in between."""

    writes_carry_names: bool
    """Whether a write repeats the asset's name: with an old one it would undo a person's rename."""

    def fits(self, assets: Sequence[Sequence[Change]]) -> int:
        """How many of these assets, each with all its changes, one :meth:`write` may carry now: the first so
        many, at least one. It may change from write to write."""

    def identity(self) -> Identity:
        """Prove that the credentials work; the cheapest call there is."""

    def notes(self) -> Sequence[str]:
        """What somebody has to do in the catalog by hand: no call does it or checks it. Sends nothing."""

    def lasting(self) -> Sequence[str]:
        """What qsync makes in the catalog and never deletes, in words for people. Sends nothing."""

    def index(self) -> CatalogIndex:
        """Connections, databases, schemas and domains, all of them."""

    def tags_unread(self) -> str:
        """Why not all tags could be read since :meth:`index`, which :meth:`read` finds out as well; empty
        where they could. Assets with tags that cannot be told are not ``complete``. Sends nothing."""

    def connector_matches(self, connector: str, unit_connector: str) -> bool:
        """Whether the catalog's connector type and Qualytics' are the same kind of source."""

    def read(
        self,
        schemas: Sequence[CatalogAsset],
        tables: Collection[str] | None = None,
        *,
        quality_only: bool = False,
    ) -> Iterator[CatalogAsset]:
        """Every table-like asset and column of these schemas, with tags, attributes and alerts.

        ``tables`` narrows to table-like assets of these names (compared by case-fold) and their columns.
        The schemas themselves come as well, re-read with their attributes. An incomplete answer raises;
        it is never shortened. With ``quality_only`` the rows may lack what :attr:`light_reads_omit` names;
        the caller fills it from what it knows.
        """

    def reread(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> dict[str, CatalogAsset]:
        """The same assets by id from the strongly consistent store; missing ids were not readable.

        ``roles`` names the surfaces that matter to the caller: what stands on the others may be left out,
        where it costs calls of its own.
        """

    def reread_costs(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> int:
        """About how many requests :meth:`reread` would take. Sends nothing."""

    def presence(self, ids: Sequence[str]) -> dict[str, Presence]:
        """For each id: is it there, gone (404 or deleted), or out of our sight."""

    def permissions(self, assets: Sequence[CatalogAsset]) -> dict[str, frozenset[str]] | None:
        """For each asset (by id) the actions that our credentials lack on it; an empty set means all is well.

        The names are the vendor's, such that a person can grant them; the one for reading begins with
        :data:`READ`. Asks in as few calls as the catalog allows and carries nothing out. Assets that are gone
        are left out. Null where the catalog cannot tell; a refused or failed question is no more than that.
        """

    def plan_definitions(self, connections: Sequence[str], handle: Mapping[str, object]) -> DefinitionPlan:
        """What is missing of the attribute definitions for these connections; reads only.

        ``handle`` is what the ledger remembers of them (empty at first).
        """

    def make_definitions(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, Sequence[Outcome]]:
        """Carry out a definition plan; after a time-out reads, never repeats.

        Returns the plan as it now stands.
        """

    def use_definitions(self, handle: Mapping[str, object]) -> None:
        """Translate attribute names by this handle from now on."""

    def write(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Write these changes in as few calls as the catalog allows, one outcome each, same order.

        All changes of one asset are in one call of this method, except that changes of tags come in calls of
        their own: who may not tag may still write the rest. ``Change.after`` is, by the surface's role:
        attributes, a dict of canonical names to values (null clears) of the *changed* ones only (those beside
        them are ``Change.extra["stands"]``, for a catalog that replaces them all); alerts, an
        :class:`~qsync_pipeline.core.rows.Alert` as a dict, or null to clear; tags, the tag's name, or null to
        take off what ``before`` and ``Change.extra["tag_id"]`` name. A tag whose ``extra`` has a ``look``
        (colour, description) has no definition yet, and the write makes it.
        Raises :class:`BatchRejected` where the catalog refuses a batch as a whole.
        """

    def asset_url(self, asset: CatalogAsset) -> str:
        """The asset's page in the catalog's UI."""

    def close(self) -> None:
        """Close the HTTP session."""
