"""What Alation answers, as far as we read it: typed, tolerant of what else there is (alation-api.md §2).

Rows that come by the ten thousand are of no interest to the garbage collector: JSON has no cycles.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from qsync_pipeline.transport.answers import Id


class RefreshState(msgspec.Struct):
    """A validated refresh token. Times are ISO 8601."""

    user_id: Id | str
    token_expires_at: str | None = None


class AccessToken(msgspec.Struct):
    """An API access token, fresh."""

    api_access_token: str
    created_at: str | None = None
    token_expires_at: str | None = None


class OAuthToken(msgspec.Struct):
    """An access token of the client-credentials flow; ``expires_in`` in seconds."""

    access_token: str
    expires_in: float = 3600.0


class User(msgspec.Struct):
    """A user, as ``userinfo`` and flags show one. The role comes with v2 only."""

    id: Id
    display_name: str | None = None
    role: str | None = None


class DataSource(msgspec.Struct):
    """A data source of either list: v1 rows have ``dbtype``, ``host`` and ``dbname``, v2 rows a ``uri``."""

    id: Id
    title: str | None = None
    uri: str | None = None
    dbtype: str | None = None
    host: str | None = None
    dbname: str | None = None
    deleted: bool = False

    @property
    def shows_type(self) -> bool:
        """Whether it says what kind of source it is, in either way."""
        return bool((self.dbtype or "").strip() or (self.uri or "").strip())


class FieldValue(msgspec.Struct, gc=False):
    """A custom field's value on an object; null is none, and without the key nothing is told."""

    field_id: Id
    value: Any


class SchemaRow(msgspec.Struct, gc=False):
    """A schema. In ``name`` a database may stand before a dot (alation-api.md §2.0)."""

    id: Id
    name: str
    ds_id: Id
    key: str
    custom_fields: list[FieldValue] | None
    """Every row has them, an empty list where there are none (§2.2): without the key nothing is told."""


class TableRow(msgspec.Struct, gc=False):
    """A table or view."""

    id: Id
    name: str
    ds_id: Id
    key: str
    schema_id: Id
    custom_fields: list[FieldValue] | None
    table_type: str | None = None


class ColumnRow(msgspec.Struct, gc=False):
    """A column. Its ``table_name`` is lower-cased and of no use, so it is not read."""

    id: Id
    name: str
    ds_id: Id
    key: str
    schema_id: Id
    table_id: Id
    custom_fields: list[FieldValue] | None


class CustomField(msgspec.Struct):
    """A custom field's definition. Names are not unique (alation-api.md §2.3)."""

    id: Id
    field_type: str
    name_singular: str | None = None


class Tag(msgspec.Struct):
    """A tag; ``number_of_objects_tagged`` counts live objects."""

    id: Id
    name: str
    description: str | None = None
    number_of_objects_tagged: int | None = None


class Subject(msgspec.Struct):
    """What a tag or flag is on. Ids come as numbers or text (alation-api.md §2.7)."""

    id: Id | str
    otype: str

    def __post_init__(self) -> None:
        """A text that is no number names nothing, and no type of object is called by anything but a word."""
        if not str(self.id).isdecimal():
            raise ValueError("id: not a number")
        if not (self.otype.isascii() and self.otype.isidentifier()):
            raise ValueError("otype: not a word")

    @property
    def asset(self) -> str:
        """The asset id: otype and number, because numbers collide between otypes."""
        return f"{self.otype}:{self.id}"


class Tagged(msgspec.Struct, gc=False):
    """One row of a tag's list; the inner property has two names in the wild (alation-api.md §2.6)."""

    subject: Subject | None = None
    object: Subject | None = None

    @property
    def on(self) -> Subject | None:
        return self.subject or self.object


class Flag(msgspec.Struct):
    """A trust flag; ``flag_reason`` is HTML."""

    id: Id
    flag_type: str
    subject: Subject
    flag_reason: str | None = None
    user: User | None = None


class DomainRow(msgspec.Struct):
    """A domain; without a parent it is told so by null."""

    id: Id
    title: str
    parent_id: Id | UnsetType | None = UNSET


class DomainRule(msgspec.Struct):
    """A membership rule. It names one object; with ``recursive`` all below that object follow."""

    domain_id: Id
    otype: str
    oid: Id
    exclude: bool = False
    recursive: bool | UnsetType = UNSET


class HealthValue(msgspec.Struct, gc=False):
    """A data-health value on the object that it was stored on (``hide_related``)."""

    field_key: str
    object_key: str | None = None
    otype: str | None = None
    oid: Id | None = None
    source_otype: str | None = None
    source_oid: Id | None = None
    value_value: Any = None
    value_quality: str | None = None
    value_last_updated: str | None = None
    field_name: str | None = None
    field_description: str | None = None


class JobRow(msgspec.Struct):
    """A background job."""

    status: str
    msg: str | None = None
    result: Any = None
