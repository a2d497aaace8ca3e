"""The calls to Qualytics that we use (qualytics-api.md §1-§2), typed, and nothing else.

Everything here may raise the errors of :mod:`qsync_pipeline.transport.errors`; methods name only what is
special. Lists are read whole or not at all. Filters are sent and checked again on the rows, because the
platform ignores query keys that it does not know (§1.5).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import NoReturn, TypeVar

from msgspec import UNSET

from qsync_pipeline.qualytics.models import (
    Anomaly,
    Check,
    Container,
    Datastore,
    Field,
    Integration,
    Presence,
    ScoreRow,
    Status,
    Team,
    User,
)
from qsync_pipeline.qualytics.openapi import OpenApi, offers_external_tags
from qsync_pipeline.qualytics.tags import TagCalls
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound
from qsync_pipeline.transport.paging import each_once, parallel_map
from qsync_pipeline.transport.query import Scalar
from qsync_pipeline.transport.session import HttpSession

R = TypeVar("R")
T = TypeVar("T", Datastore, Container, Field)

OPEN_ANOMALIES: tuple[str, ...] = ("Active", "Acknowledged")
"""The statuses of anomalies that are not archived (§2.7)."""


class QualyticsClient(TagCalls):
    """One deployment. ``session``'s base URL ends with the API root (``https://acme.qualytics.io/api``).

    Thread-safe. ``parallel`` bounds the calls in flight of each method; ``page_size`` is at most 100 (§1.5).
    Tag definitions and assignments are in :class:`~qsync_pipeline.qualytics.tags.TagCalls`.
    """

    def __init__(self, session: HttpSession, *, parallel: int = 8, page_size: int = 100) -> None:
        super().__init__(session, parallel=parallel, page_size=page_size)
        self._api: OpenApi | None = None
        self._api_lock = threading.Lock()

    # The deployment

    def openapi(self) -> OpenApi:
        """``GET /openapi.json``, read once (§1.1)."""
        with self._api_lock:
            if self._api is None:
                self._api = self.session.request("GET", "/openapi.json", kind="read", decode=OpenApi)
            return self._api

    def version(self) -> str:
        """The build id, ``YYYYMMDD-<git7>`` (§1.1)."""
        return self.openapi().info.version

    def offers_external_tags(self) -> bool:
        """Whether this deployment lets a caller create tags of type external (DESIGN.md §5.2)."""
        return offers_external_tags(self.openapi())

    def status(self) -> Status:
        """``GET /status``: the deployment's own health; proves nothing about the token (§1.2)."""
        return self.session.request("GET", "/status", kind="read", decode=Status)

    def me(self) -> User:
        """``GET /users/me``: proves the token (§1.2). Raises ``Unauthorized``."""
        return self.session.request("GET", "/users/me", kind="read", decode=User)

    def rights(self) -> str:
        """What we are allowed to, as far as the deployment tells: our role, our teams, what they permit.

        For comparing with another time only. The permission of a team is in early generated models and on no
        page of the manual (§2.14): where it is not shown, a change of role or team is all that can be seen.
        """
        me = self.me()
        mine = {team.id for team in me.teams or ()}
        try:
            teams = [team for team in self.pages("/teams", Team) if not mine or team.id in mine]
        except (Forbidden, NotFound):
            teams = me.teams or []
        permitted = ",".join(sorted(f"{team.id}:{team.permission or '?'}" for team in teams))
        return f"{me.id}|{me.role}|{permitted}"

    def integrations(self) -> list[Integration] | None:
        """The platform's own integrations; null where the token may not see them (§2.9: Manager) or an older
        build has no such route."""
        try:
            return self.pages("/integrations", Integration)
        except (Forbidden, NotFound):
            return None

    # Datastores

    def datastores(self) -> list[Datastore]:
        """All datastores that the token sees, enrichment ones too, by id (§2.1).

        The list comes in two halves, because ``enrichment_only`` defaults to false. Datastores of other teams
        are silently absent (§2.14): never read absence as deletion, ask :meth:`presence`.
        """
        found = {d.id: d for d in self.pages("/datastores", Datastore, [])}
        for datastore in self.pages("/datastores", Datastore, [("enrichment_only", True)]):
            found.setdefault(datastore.id, datastore)
        rows = [found[number] for number in sorted(found)]
        return parallel_map(
            lambda row: row if row.is_whole else self.datastore(row.id), rows, parallel=self.parallel
        )

    def datastore(self, number: int) -> Datastore:
        """One datastore. Raises ``NotFound``, or ``Forbidden`` where the token's teams may not see it."""
        return self._whole("datastore", number, Datastore)

    def quality_scores(self, datastore: int) -> list[ScoreRow]:
        """The daily history of a datastore's score, at most ten rows, newest first; empty without a score."""
        rows = self.session.request(
            "GET",
            f"/datastores/{datastore}/quality-scores",
            kind="read",
            route="/datastores/{id}/quality-scores",
            decode=list[ScoreRow],
        )
        if not all(row.is_whole for row in rows):
            self._lacks("scores", "all its dimensions")
        return sorted(rows, key=lambda row: row.when, reverse=True)

    # Containers and fields

    def containers(self, datastore: int) -> list[Container]:
        """All containers of a datastore that are not archived, with tags and metrics, by id (§2.2).

        Rows that a build lists without tags or metrics are read again one by one.
        """
        rows = self.pages("/containers", Container, [("datastore", datastore)])
        mine = [
            row
            for row in rows
            if row.deleted_at is None and (row.datastore is None or row.datastore.id == datastore)
        ]
        mine.sort(key=lambda row: row.id)
        return parallel_map(
            lambda row: row if row.is_whole else self.container(row.id), mine, parallel=self.parallel
        )

    def container(self, number: int) -> Container:
        """One container. Raises ``NotFound`` or ``Forbidden``."""
        return self._whole("container", number, Container)

    def fields(self, container: int) -> list[Field]:
        """All fields of a container, missing ones too, in the platform's order: a bare array (§2.2).

        Rows that a build lists without tags or a whole score are read again one by one.
        """
        rows = self.session.request(
            "GET",
            f"/containers/{container}/fields",
            kind="read",
            route="/containers/{id}/fields",
            decode=list[Field],
        )
        listed = each_once(rows, lambda row: row.id, what="fields", system=self.session.system)
        return [row if row.is_whole else self.field(row.id) for row in listed]

    def field(self, number: int) -> Field:
        """One field. Raises ``NotFound`` or ``Forbidden``."""
        return self._whole("field", number, Field)

    def _one(self, level: str, number: int, row: type[T]) -> T:
        found = self.session.request(
            "GET", f"/{level}s/{number}", kind="read", route=f"/{level}s/{{id}}", decode=row
        )
        if found.id != number:
            system = self.session.system
            raise Malformed(
                f"{system}: {level} {number} was answered with another one", system=system, status=200
            )
        return found

    def _whole(self, level: str, number: int, row: type[T]) -> T:
        """The object, if its answer tells all that hangs on it: a list of tags is replaced by what was read,
        so that one without the key (not null, which is none) must never pass for an empty one."""
        one = self._one(level, number, row)
        if not one.is_whole:
            raise Malformed(
                f"{self.session.system}: {level} {number} was answered without its {one.lacks}, "
                "and left alone",
                system=self.session.system,
                status=200,
            )
        return one

    def containers_by_id(self, numbers: Collection[int]) -> dict[int, Container]:
        """The containers that are there and may be seen, read one by one; archived ones are left out."""
        found = parallel_map(lambda n: self._or_none(self.container, n), numbers, parallel=self.parallel)
        return {c.id: c for c in found if c is not None and c.deleted_at is None}

    def fields_by_id(self, numbers: Collection[int]) -> dict[int, Field]:
        """The fields that are there and may be seen, read one by one."""
        found = parallel_map(lambda n: self._or_none(self.field, n), numbers, parallel=self.parallel)
        return {f.id: f for f in found if f is not None}

    # Quality

    def checks(self, datastore: int) -> list[Check]:
        """The Active checks of a datastore, by id (§2.6); no drafts, archived ones or templates."""
        rows = self.pages("/quality-checks", Check, [("datastore", datastore), ("status", "Active")])
        active = [c for c in rows if c.status in (None, "Active") and not c.is_template]
        self._placed("checks", active)
        if any(check.fields is UNSET for check in active):
            self._lacks("checks", "its fields")
        return sorted(active, key=lambda check: check.id)

    def anomalies(self, datastore: int, statuses: Collection[str] = OPEN_ANOMALIES) -> list[Anomaly]:
        """The anomalies of a datastore in these *open* statuses, by id (§2.7).

        Archived statuses would need ``archived=only`` beside them (§1.6) and are refused.
        """
        if archived := set(statuses) - set(OPEN_ANOMALIES):
            raise ValueError(f"archived statuses: {', '.join(sorted(archived))}")
        params: list[tuple[str, Scalar]] = [("datastore", datastore)]
        params += [("status", status) for status in sorted(statuses)]
        rows = self.pages("/anomalies", Anomaly, params)
        self._placed("anomalies", rows)
        if any(row.status is None for row in rows):
            self._lacks("anomalies", "a status")
        if not all(row.tells_checks for row in rows):
            self._lacks("anomalies", "its failed checks")
        return sorted((a for a in rows if a.status in statuses), key=lambda anomaly: anomaly.id)

    # Absence

    def presence(self, level: str, number: int) -> Presence:
        """Ask for an object by its id: ``level`` is datastore, container or field (DESIGN.md §5.1).

        404 and archived are gone, 403 is forbidden. A 404 that the API itself did not word (a proxy's page,
        an empty body) proves nothing and is read as forbidden. A field that the source no longer has keeps
        its id and its tags and is ``missing`` (§2.2, §2.3): nothing measures it any more.
        """
        try:
            if level == "datastore":
                self._one("datastore", number, Datastore)
            elif level == "container":
                return "present" if self._one("container", number, Container).deleted_at is None else "gone"
            elif level == "field":
                return "missing" if self._one("field", number, Field).status == "missing" else "present"
            else:
                raise ValueError(f"level: {level}")
        except NotFound as error:
            return "gone" if error.worded else "forbidden"
        except Forbidden:
            return "forbidden"
        return "present"

    def container_exists(self, number: int) -> bool:
        """Whether a container is certainly there."""
        return self.presence("container", number) == "present"

    def _placed(self, what: str, rows: Sequence[Check] | Sequence[Anomaly]) -> None:
        """A listing's row that names no container would be counted nowhere."""
        if any(row.container is None for row in rows):
            self._lacks(what, "its container")

    def _lacks(self, what: str, part: str) -> NoReturn:
        system = self.session.system
        raise Malformed(
            f"{system}: the list of {what} has an entry without {part}; nothing of it was used", system=system
        )

    def _or_none(self, read: Callable[[int], R], number: int) -> R | None:
        try:
            return read(number)
        except (NotFound, Forbidden):
            return None

    def close(self) -> None:
        """Close the HTTP session."""
        self.session.close()
