"""Alation's REST API, the few calls in use, typed (alation-api.md §2).

One call is in flight at a time for each instance, whatever threads ask: that is Alation's rule for every
caller (§1.5). Errors are those of :mod:`qsync_pipeline.transport.errors`; retries, the request budget,
redaction and tokens are the session's business.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import quote

from qsync_pipeline.catalogs.alation.models import (
    ColumnRow,
    CustomField,
    DataSource,
    DomainRow,
    DomainRule,
    Flag,
    HealthValue,
    JobRow,
    SchemaRow,
    Subject,
    TableRow,
    Tag,
    Tagged,
    User,
)
from qsync_pipeline.catalogs.common import chunks
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound
from qsync_pipeline.transport.query import Params
from qsync_pipeline.transport.session import HttpSession, Method

T = TypeVar("T")
Relational = TypeVar("Relational", SchemaRow, TableRow, ColumnRow)
Json = dict[str, Any]

SYSTEM = "alation"
MOST_ROWS = 1000
"""Rows per page: more are not given, whatever is asked for (alation-api.md §1.6)."""
NEXT_PAGE = "X-Next-Page"
IDS_PER_CALL = 100
"""Ids in one query: they make it about 1,000 characters long."""
KEYS_PER_CALL = 25
"""Keys in one query; they are longer."""

AnyRow = SchemaRow | TableRow | ColumnRow

_turns: dict[str, threading.RLock] = {}
_turns_lock = threading.Lock()


class AlationClient:
    """The calls. ``page_size`` is rows per page (2-1,000).

    Alation counts no rows for us (§1.6), so a page that shifted would be missed in silence. Hence each page
    begins with the last row of the one before: where it does not, rows before it went or came meanwhile.
    """

    def __init__(self, session: HttpSession, *, page_size: int = MOST_ROWS) -> None:
        self.session = session
        self.page_size = page_size
        with _turns_lock:
            self._turn = _turns.setdefault(session.base_url, threading.RLock())

    # Who we are

    def userinfo(self) -> User:
        """The token's owner; the cheapest call that proves the token (alation-api.md §2.12)."""
        return self._get("/integration/v1/userinfo/", User)

    def user(self, number: int) -> User | None:
        """A user with its role, or null."""
        found = self._get("/integration/v2/user/", list[User], {"id": number})
        return next((user for user in found if user.id == number), None)

    # Structure

    def data_sources(self) -> list[DataSource]:
        """All data sources: native ones (v1) and those of OCF connectors (v2), ids in one space (§2.1)."""
        params: Params = {"include_hidden": True}
        rows = [
            *self._list("/integration/v1/datasource/", DataSource, params),
            *self._list("/integration/v2/datasource/", DataSource, params),
        ]
        return list({row.id: row for row in rows if not row.deleted}.values())

    def data_source(self, number: int) -> DataSource | None:
        """One data source, or null where neither list has it; ``Forbidden`` says what it means.

        A 404 that Alation itself did not word (a proxy's page) says nothing, and is raised as well.
        """
        refusal: Forbidden | NotFound | None = None
        for version in ("v2", "v1"):
            try:
                return self._get(
                    f"/integration/{version}/datasource/{number}/",
                    DataSource,
                    route=f"/integration/{version}/datasource/{{id}}/",
                )
            except NotFound as error:
                refusal = refusal if error.worded else error
            except Forbidden as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return None

    def schemas(self) -> list[SchemaRow]:
        """All schemas of all data sources."""
        return list(self._keyset("/integration/v2/schema/", SchemaRow, {}))

    def tables(self, schema: int, name: str | None = None) -> list[TableRow]:
        """Tables and views of a schema: all, or those of this name, whatever its case."""
        asked = {"schema_id": schema, "name__iexact": name}
        return list(self._keyset("/integration/v2/table/", TableRow, asked))

    def columns(self, schema: int, tables: Sequence[int] | None = None) -> Iterator[list[ColumnRow]]:
        """Columns of a schema, or of these tables of it only, page by page."""
        if tables is None:
            yield from self._pages("/integration/v2/column/", ColumnRow, {"schema_id": schema})
            return
        for some in chunks(tables, IDS_PER_CALL):
            yield from self._pages("/integration/v2/column/", ColumnRow, {"table_id": some})

    def rows(self, otype: str, numbers: Sequence[int]) -> list[AnyRow]:
        """Schemas, tables or columns (``attribute``) by number; what is not listed is not answered."""
        found: list[AnyRow] = []
        for some in chunks(numbers, IDS_PER_CALL):
            asked = {"id": some}
            if otype == "schema":
                found += self._keyset("/integration/v2/schema/", SchemaRow, asked)
            elif otype == "table":
                found += self._keyset("/integration/v2/table/", TableRow, asked)
            else:
                found += self._keyset("/integration/v2/column/", ColumnRow, asked)
        return found

    # Tags, flags, domains

    def tags(self) -> list[Tag]:
        """All tags."""
        return self._list("/integration/tag/", Tag)

    def tagged(self, tag: str, *, deleted: bool = False) -> list[Tagged]:
        """What carries a tag, with or without ``deleted`` objects. Names are quoted whole, slashes too."""
        return self._list(
            f"/integration/tag/{quote(tag, safe='')}/subject/",
            Tagged,
            {"exclude_deleted": not deleted},
            route="/integration/tag/{name}/subject/",
        )

    def tag_object(self, tag: str, otype: str, number: int) -> Tag:
        """Put a tag on an object; the tag is made where it is missing. Twice is as good as once (§6)."""
        return self._send(
            "POST",
            f"/integration/tag/{quote(tag, safe='')}/subject/",
            {"oid": number, "otype": otype},
            Tag,
            route="/integration/tag/{name}/subject/",
            idempotent=True,
        )

    def untag_object(self, tag: str, otype: str, number: int) -> None:
        """Take a tag off an object; ``NotFound`` where it is not on it."""
        with self._turn:
            self.session.request(
                "DELETE",
                f"/integration/tag/{quote(tag, safe='')}/subject/{otype}/{number}/",
                kind="write",
                route="/integration/tag/{name}/subject/{otype}/{oid}/",
            )

    def describe_tag(self, number: int, description: str) -> Tag:
        """Another description for a tag."""
        path, body = f"/integration/tag/{number}/", {"description": description}
        return self._send("PATCH", path, body, Tag, route="/integration/tag/{id}/", idempotent=True)

    def flags(
        self, otype: str | None = None, number: int | None = None, *, deleted: bool = False
    ) -> list[Flag]:
        """All trust flags, or those of one object; with or without flags on ``deleted`` objects."""
        params: Params = {"otype": otype, "oid": number, "exclude_deleted": not deleted}
        return self._list("/integration/flag/", Flag, params)

    def post_flag(self, body: Json) -> Flag:
        """A new flag. Never repeated by itself: ``TimedOutAfterSend`` means look first."""
        return self._send("POST", "/integration/flag/", body, Flag, idempotent=False)

    def put_flag(self, number: int, reason: str) -> Flag:
        """Another reason for a flag: all that can be changed."""
        path = f"/integration/flag/{number}/"
        return self._send("PUT", path, {"flag_reason": reason}, Flag, route="/integration/flag/{id}/")

    def delete_flag(self, number: int) -> None:
        """Remove a flag."""
        with self._turn:
            self.session.request(
                "DELETE", f"/integration/flag/{number}/", kind="write", route="/integration/flag/{id}/"
            )

    def domains(self) -> list[DomainRow]:
        """All domains."""
        return self._list("/integration/v2/domain/", DomainRow)

    def domain_rules(self, domains: Sequence[int], *, exclude: bool) -> list[DomainRule]:
        """Membership rules, not members (§2.8): what they include, or what they exclude."""
        rules: list[DomainRule] = []
        for some in chunks(domains, IDS_PER_CALL):
            body = {"domain_id": some, "exclude": exclude}
            rules += self._list("/integration/v2/domain/membership/view_rules/", DomainRule, body=body)
        return rules

    # Custom fields

    def custom_fields(self) -> list[CustomField]:
        """All definitions."""
        return self._list("/integration/v2/custom_field/", CustomField)

    def make_fields(self, bodies: Sequence[Json]) -> Json:
        """Make definitions; announces a job. Never repeated by itself: a duplicate is for ever (§2.3)."""
        path = "/integration/v2/custom_field/"
        return self._send("POST", path, list(bodies), Json, idempotent=False)

    def put_values(self, bodies: Sequence[Json]) -> Json:
        """Write field values, at most 10,000, all or nothing; announces a job (§2.4)."""
        return self._send("PUT", "/integration/v2/custom_field_value/async/", list(bodies), Json)

    # Data health

    def health_values(
        self, *, fields: Sequence[str] | None = None, objects: Sequence[str] | None = None
    ) -> list[HealthValue]:
        """Values on the objects they were stored on: all, or those of these fields or object keys."""
        path = "/integration/v1/data_quality/values/"
        if fields is None and objects is None:
            return self._list(path, HealthValue, {"hide_related": True})
        name, keys = ("field_key", fields) if fields is not None else ("object_key", objects)
        found: list[HealthValue] = []
        for some in chunks(keys or (), KEYS_PER_CALL):
            found += self._list(path, HealthValue, {name: some, "hide_related": True})
        return found

    def post_health(self, body: Json) -> Json:
        """Write fields and values; announces a job. Upserts, so safe to repeat (§2.9)."""
        return self._send("POST", "/integration/v1/data_quality/", body, Json, idempotent=True)

    def delete_health(self, body: Json) -> Json:
        """Delete fields or values; announces a job. What is not there is no error."""
        return self._send("DELETE", "/integration/v1/data_quality/", body, Json)

    # Jobs

    def job(self, params: Params) -> JobRow:
        """How far a job is; by ``id`` or by ``name``."""
        return self._get("/api/v1/bulk_metadata/job/", JobRow, params)

    # Below

    def _get(self, path: str, kind: type[T], params: Params | None = None, route: str | None = None) -> T:
        with self._turn:
            return self.session.request("GET", path, kind="read", params=params, decode=kind, route=route)

    def _send(
        self,
        method: Method,
        path: str,
        body: Any,
        kind: type[T],
        *,
        route: str | None = None,
        idempotent: bool | None = None,
    ) -> T:
        with self._turn:
            return self.session.request(
                method, path, kind="write", json=body, decode=kind, route=route, idempotent=idempotent
            )

    def _page(
        self, path: str, kind: type[T], params: Mapping[str, Any], body: Json | None, route: str | None
    ) -> tuple[list[T], bool]:
        """One page, and whether more remain: the header says so (§1.6), and so does a full page."""
        with self._turn:
            rows = self.session.request(
                "GET" if body is None else "POST",
                path,
                kind="read",
                params={**params, "limit": self.page_size},
                json=body,
                decode=list[kind],  # type: ignore[valid-type]  # a type made at run time
                route=route,
            )
            return rows, bool(self.session.last_header(NEXT_PAGE)) or len(rows) >= self.page_size

    def _list(
        self,
        path: str,
        kind: type[T],
        params: Params | None = None,
        *,
        body: Json | None = None,
        route: str | None = None,
    ) -> list[T]:
        """A list read whole by ``skip``. The header's URL is not followed: a token stays with its host."""
        for _ in (1, 2):
            found: list[T] = []
            whole = more = True
            while whole and more:
                at = {**dict(params or {}), "skip": len(found) - 1 if found else None}
                rows, more = self._page(path, kind, at, body, route)
                if found:
                    whole = _goes_on(rows, more) and _identity(rows[0]) == _identity(found[-1])
                    found += rows[1:]
                else:
                    found, whole = rows, bool(rows) or not more
            if not whole:
                problem = "has pages that do not join"
            elif _all_different(found):
                return found
            else:
                problem = "names an object twice"
        # Something came or went while it was read, and shifted the pages; once may happen, twice is no list.
        raise Malformed(f"alation: the list {path} {problem}, twice in a row", system=SYSTEM)

    def _pages(
        self, path: str, kind: type[Relational], params: Mapping[str, Any]
    ) -> Iterator[list[Relational]]:
        """A list read whole by keyset, in the order of ids: rows that come or go shift no page (§1.6)."""
        last: int | None = None
        rows: list[Relational]
        while True:
            rows, more = self._behind(path, kind, params, last)
            if any(one.id >= other.id for one, other in pairwise(rows)) or (
                rows and rows[0].id < (last or 0)
            ):
                raise Malformed(f"alation: the list {path} is not in the order asked for", system=SYSTEM)
            if last is not None:
                rows = [row for row in rows if row.id > last]
            if rows:
                yield rows
                last = rows[-1].id
            elif more:
                raise Malformed(f"alation: the list {path} goes on and gives no more rows", system=SYSTEM)
            if not more:
                return

    def _behind(
        self, path: str, kind: type[Relational], params: Mapping[str, Any], last: int | None
    ) -> tuple[list[Relational], bool]:
        """The page that begins with the row of id ``last``, or behind it where that one went meanwhile."""
        after = last - 1 if last is not None else None
        asked = {**params, "order_by": "id", "id__gt": after}
        for _ in (1, 2):
            rows, more = self._page(path, kind, asked, None, None)
            if last is None or (_goes_on(rows, more) and rows[0].id == last):
                return rows, more
        there, _ = self._page(path, kind, {"id": last}, None, None)
        if any(row.id == last for row in there):
            raise Malformed(f"alation: the list {path} lacks rows, at least that of id {last}", system=SYSTEM)
        return rows, more

    def _keyset(self, path: str, kind: type[Relational], params: Mapping[str, Any]) -> Iterator[Relational]:
        for page in self._pages(path, kind, params):
            yield from page


def _goes_on(rows: Sequence[object], more: bool) -> bool:
    """Whether a page beyond the first holds more than the row that is known already, or is the last one."""
    return len(rows) > 1 or (bool(rows) and not more)


def _all_different(rows: Sequence[object]) -> bool:
    """Whether each row stands for another object, where rows carry an id or name what they are on."""
    keys = [key for row in rows if (key := _identity(row)) is not row]
    return len(set(keys)) == len(keys)


def _identity(row: object) -> object:
    """What tells a row of a list from others: its id, or what it is on; else the row itself."""
    found = row.on if isinstance(row, Tagged) else getattr(row, "id", None)
    found = found.asset if isinstance(found, Subject) else found
    return row if found is None else found
