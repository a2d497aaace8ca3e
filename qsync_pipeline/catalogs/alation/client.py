"""Alation's REST API, the few calls in use, typed (alation-api.md §2).

Errors are those of :mod:`qsync_pipeline.transport.errors`; how lists are read whole, and one call at a time,
is in :mod:`.calls`; retries, the request budget, redaction and tokens are the session's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from qsync_pipeline.catalogs.alation.calls import MOST_ROWS, Calls
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
    TableRow,
    Tag,
    Tagged,
    User,
)
from qsync_pipeline.catalogs.common import chunks
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound
from qsync_pipeline.transport.query import Params
from qsync_pipeline.transport.session import HttpSession

Json = dict[str, Any]

IDS_PER_CALL = 100
"""Ids in one query: they make it about 1,000 characters long."""
KEYS_PER_CALL = 25
"""Keys in one query; they are longer."""

AnyRow = SchemaRow | TableRow | ColumnRow


class AlationClient:
    """The calls by name. ``page_size`` is rows per page (2-1,000)."""

    def __init__(self, session: HttpSession, *, page_size: int = MOST_ROWS) -> None:
        self.session = session
        self.calls = Calls(session, page_size)

    # Who we are

    def userinfo(self) -> User:
        """The token's owner; the cheapest call that proves the token (alation-api.md §2.12)."""
        return self.calls.get("/integration/v1/userinfo/", User)

    def user(self, number: int) -> User | None:
        """A user with its role, or null."""
        found = self.calls.get("/integration/v2/user/", list[User], {"id": number})
        return next((user for user in found if user.id == number), None)

    # Structure

    def data_sources(self) -> list[DataSource]:
        """All data sources: native ones (v1) and those of OCF connectors (v2), ids in one space (§2.1)."""
        params: Params = {"include_hidden": True}
        rows = [
            *self.calls.by_skip("/integration/v1/datasource/", DataSource, params),
            *self.calls.by_skip("/integration/v2/datasource/", DataSource, params),
        ]
        return list({row.id: row for row in rows if not row.deleted}.values())

    def data_source(self, number: int) -> DataSource | None:
        """One data source, or null where neither list has it; ``Forbidden`` says what it means.

        A 404 that Alation itself did not word (a proxy's page) says nothing, and is raised as well.
        """
        refusal: Forbidden | NotFound | None = None
        for version in ("v2", "v1"):
            try:
                found = self.calls.get(
                    f"/integration/{version}/datasource/{number}/",
                    DataSource,
                    route=f"/integration/{version}/datasource/{{id}}/",
                )
            except NotFound as error:
                refusal = refusal if error.worded else error
            except Forbidden as error:
                refusal = error
            else:
                if found.id != number:
                    raise Malformed(f"alation: data source {number} was answered with another one")
                return found
        if refusal is not None:
            raise refusal
        return None

    def schemas(self) -> list[SchemaRow]:
        """All schemas of all data sources."""
        return list(self.calls.by_key("/integration/v2/schema/", SchemaRow, {}))

    def tables(self, schema: int, name: str | None = None) -> list[TableRow]:
        """Tables and views of a schema: all, or those of this name, whatever its case."""
        asked = {"schema_id": schema, "name__iexact": name}
        return list(self.calls.by_key("/integration/v2/table/", TableRow, asked))

    def columns(self, schema: int, tables: Sequence[int] | None = None) -> Iterator[list[ColumnRow]]:
        """Columns of a schema, or of these tables of it only, page by page."""
        if tables is None:
            yield from self.calls.pages("/integration/v2/column/", ColumnRow, {"schema_id": schema})
            return
        for some in chunks(tables, IDS_PER_CALL):
            yield from self.calls.pages("/integration/v2/column/", ColumnRow, {"table_id": some})

    def rows(self, otype: str, numbers: Sequence[int]) -> list[AnyRow]:
        """Schemas, tables or columns (``attribute``) by number; what is not listed is not answered."""
        found: list[AnyRow] = []
        for some in chunks(numbers, IDS_PER_CALL):
            asked = {"id": some}
            if otype == "schema":
                found += self.calls.by_key("/integration/v2/schema/", SchemaRow, asked)
            elif otype == "table":
                found += self.calls.by_key("/integration/v2/table/", TableRow, asked)
            else:
                found += self.calls.by_key("/integration/v2/column/", ColumnRow, asked)
        return found

    # Tags, flags, domains

    def tags(self) -> list[Tag]:
        """All tags."""
        return self.calls.by_skip("/integration/tag/", Tag)

    def tagged(self, tag: str, *, deleted: bool = False) -> list[Tagged]:
        """What carries a tag, with or without ``deleted`` objects. Names are quoted whole, slashes too."""
        return self.calls.by_skip(
            f"/integration/tag/{quote(tag, safe='')}/subject/",
            Tagged,
            {"exclude_deleted": not deleted},
            route="/integration/tag/{name}/subject/",
        )

    def tag_object(self, tag: str, otype: str, number: int) -> Tag:
        """Put a tag on an object; the tag is made where it is missing. Twice is as good as once (§6)."""
        return self.calls.send(
            "POST",
            f"/integration/tag/{quote(tag, safe='')}/subject/",
            {"oid": number, "otype": otype},
            Tag,
            route="/integration/tag/{name}/subject/",
            idempotent=True,
        )

    def untag_object(self, tag: str, otype: str, number: int) -> None:
        """Take a tag off an object; ``NotFound`` where it is not on it."""
        with self.calls.turn:
            self.session.request(
                "DELETE",
                f"/integration/tag/{quote(tag, safe='')}/subject/{otype}/{number}/",
                kind="write",
                route="/integration/tag/{name}/subject/{otype}/{oid}/",
            )

    def describe_tag(self, number: int, description: str) -> Tag:
        """Another description for a tag."""
        path, body = f"/integration/tag/{number}/", {"description": description}
        return self.calls.send("PATCH", path, body, Tag, route="/integration/tag/{id}/", idempotent=True)

    def flags(
        self, otype: str | None = None, number: int | None = None, *, deleted: bool = False
    ) -> list[Flag]:
        """All trust flags, or those of one object; with or without flags on ``deleted`` objects."""
        params: Params = {"otype": otype, "oid": number, "exclude_deleted": not deleted}
        return self.calls.by_skip("/integration/flag/", Flag, params)

    def post_flag(self, body: Json) -> Flag:
        """A new flag. Never repeated by itself: ``TimedOutAfterSend`` means look first."""
        return self.calls.send("POST", "/integration/flag/", body, Flag, idempotent=False)

    def put_flag(self, number: int, reason: str) -> Flag:
        """Another reason for a flag: all that can be changed."""
        path = f"/integration/flag/{number}/"
        return self.calls.send("PUT", path, {"flag_reason": reason}, Flag, route="/integration/flag/{id}/")

    def delete_flag(self, number: int) -> None:
        """Remove a flag."""
        with self.calls.turn:
            self.session.request(
                "DELETE", f"/integration/flag/{number}/", kind="write", route="/integration/flag/{id}/"
            )

    def domains(self) -> list[DomainRow]:
        """All domains."""
        return self.calls.by_skip("/integration/v2/domain/", DomainRow)

    def domain_rules(self, domains: Sequence[int], *, exclude: bool) -> list[DomainRule]:
        """Membership rules, not members (§2.8): what they include, or what they exclude."""
        rules: list[DomainRule] = []
        for some in chunks(domains, IDS_PER_CALL):
            body = {"domain_id": some, "exclude": exclude}
            rules += self.calls.by_skip(
                "/integration/v2/domain/membership/view_rules/", DomainRule, body=body
            )
        return rules

    # Custom fields

    def custom_fields(self) -> list[CustomField]:
        """All definitions."""
        return self.calls.by_skip("/integration/v2/custom_field/", CustomField)

    def make_fields(self, bodies: Sequence[Json]) -> Json:
        """Make definitions; announces a job. Never repeated by itself: a duplicate is for ever (§2.3)."""
        path = "/integration/v2/custom_field/"
        return self.calls.send("POST", path, list(bodies), Json, idempotent=False)

    def put_values(self, bodies: Sequence[Json]) -> Json:
        """Write field values, at most 10,000, all or nothing; announces a job (§2.4)."""
        return self.calls.send("PUT", "/integration/v2/custom_field_value/async/", list(bodies), Json)

    # Data health

    def health_values(
        self, *, fields: Sequence[str] | None = None, objects: Sequence[str] | None = None
    ) -> list[HealthValue]:
        """Values on the objects they were stored on: all, or those of these fields or object keys."""
        path = "/integration/v1/data_quality/values/"
        if fields is None and objects is None:
            return self.calls.by_skip(path, HealthValue, {"hide_related": True})
        name, keys = ("field_key", fields) if fields is not None else ("object_key", objects)
        found: list[HealthValue] = []
        for some in chunks(keys or (), KEYS_PER_CALL):
            found += self.calls.by_skip(path, HealthValue, {name: some, "hide_related": True})
        return found

    def post_health(self, body: Json) -> Json:
        """Write fields and values; announces a job. Upserts, so safe to repeat (§2.9)."""
        return self.calls.send("POST", "/integration/v1/data_quality/", body, Json, idempotent=True)

    def delete_health(self, body: Json) -> Json:
        """Delete fields or values; announces a job. What is not there is no error."""
        return self.calls.send("DELETE", "/integration/v1/data_quality/", body, Json)

    # Jobs

    def job(self, params: Params) -> JobRow:
        """How far a job is; by ``id`` or by ``name``."""
        return self.calls.get("/api/v1/bulk_metadata/job/", JobRow, params)
