"""The kinds of values that several settings share: URLs, paths, patterns, templates, time zones.

Each is a type annotated with its check and with :class:`Allowed`, the words that messages and the config
reference use for it. Checks raise ``ValueError`` with what to do next, which may be empty.
"""

from __future__ import annotations

import keyword
import re
import string
import warnings
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from qsync_pipeline.config.secrets import directory_of, resolve_path
from qsync_pipeline.config.show import did_you_mean, show

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Allowed:
    """What a field takes, in words."""

    text: str


@dataclass(frozen=True)
class Unique:
    """It holds nothing twice; ``by`` names the field of its items that is compared (empty: the items)."""

    by: str = ""


@dataclass(frozen=True)
class MustExist:
    """The path names a readable file (looked for where secrets are)."""


@dataclass(frozen=True)
class HoldsFiles:
    """The path is a directory that can be written to, or can be made (looked for where secrets are)."""


@dataclass(frozen=True)
class Clash:
    """A mistake that only several fields together show. ``path`` is relative to the mapping it is in."""

    path: tuple[str | int, ...]
    found: str
    allowed: str
    hint: str


class Settings(BaseModel):
    """Base of all settings: frozen, strict, no unknown fields; a field left blank takes its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {k: v for k, v in data.items() if v is not None or k not in cls.written()}

    @classmethod
    def written(cls) -> dict[str, FieldInfo]:
        """The fields by the names that the file has for them (``from`` is no name in Python)."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """Mistakes between fields, found on the raw mapping so that they show beside all others."""
        del raw
        return []


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("Write something, or leave the line out.")
    return value.strip()


def _url(value: str) -> str:
    if re.search(r"[\s\\\x00-\x1f]", value):
        raise ValueError("A URL has no blanks.")
    parts = urlsplit(value)  # raises ValueError on a broken IPv6 host
    if parts.scheme not in ("https", "http"):
        raise ValueError("Begin it with https://")
    if "@" in parts.netloc:
        raise ValueError("Take the user and password out; credentials have fields of their own.")
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise ValueError("Cut it before the ? or #.")
    host = parts.hostname or ""
    try:
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if not re.fullmatch(r"[\w.-]+|[0-9a-f:.]*:[0-9a-f:.]*", host) or not port_is_good:
        raise ValueError("Give it a host, and a port from 1 to 65535 if any.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError("Write https:// instead of http://")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _qualytics_url(value: str) -> str:
    url = _url(value)
    if url.endswith("/api"):
        raise ValueError("Leave /api off: api_path adds it.")
    return url


def _api_path(value: str) -> str:
    path = value.strip().rstrip("/")
    if path and not re.fullmatch(r"(/[\w.~-]+)+", path):
        raise ValueError("Write it like /api")
    return path


def _path(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    if not str(value).strip():
        raise ValueError("Write a path, or leave the line out.")
    return resolve_path(value, directory_of(info))


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def one_as_list(value: Any) -> Any:
    """A single text where a list of them is meant."""
    return (value,) if isinstance(value, str) else value


def _pattern(value: str) -> str:
    pattern = _text(value)
    rest = re.sub(r"\[!?\]?[^\]]*\]", "", pattern)
    if "[" in rest:
        raise ValueError("Close the [ with a ], or write [[] for the character itself.")
    return pattern


@dataclass(frozen=True)
class Template:
    """A ``str.format`` text that may hold the ``known`` placeholders, and must hold the ``needed`` ones."""

    known: tuple[str, ...]
    needed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the field takes, in words."""
        known, needed = (", ".join(f"{{{n}}}" for n in names) for names in (self.known, self.needed))
        return f"text with the placeholders {known}" + (f"; {needed} must be there" if needed else "")

    def check(self, value: str) -> str:
        """The stripped template; plain names only, so that no attribute or index can be reached."""
        try:
            names = [part[1:] for part in string.Formatter().parse(_text(value)) if part[1] is not None]
        except ValueError as error:
            raise ValueError(
                "Close every { with a }; write {{ and }} for the characters themselves."
            ) from error
        for name, spec, conversion in names:
            if name not in self.known or spec or conversion:
                raise ValueError(
                    f"{{{show(name)}}} is none of them. {did_you_mean(str(name), self.known)}".strip()
                )
        for needed in self.needed:
            if needed not in [name for name, _, _ in names]:
                raise ValueError(f"Put {{{needed}}} in.")
        return value.strip()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(did_you_mean(value, zoneinfo.available_timezones())) from error
    return value


def _cron(value: str) -> str:
    # Dagster judges: what it refuses would fail when the schedule is built. Late import: it takes a second.
    from dagster import ScheduleDefinition

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the schedule itself warns again, by its own name
            ScheduleDefinition(name="probe", job_name="probe", cron_schedule=value)
    except Exception as error:  # its cron parser lets several kinds of errors through
        raise ValueError("Order: minute hour day month weekday.") from error
    return value


# Dagster refuses Python's keywords and these as names of groups and ops; the last line is our own.
RESERVED_NAMES = frozenset(keyword.kwlist) | {
    *("context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"),
    *("int", "str", "float", "bool", "input", "output", "type"),
    *("default", "qsync", "qualytics", "qualytics_inventory", "sandbox"),
}


def _integration_name(value: str) -> str:
    if value in RESERVED_NAMES:
        raise ValueError("This name is reserved; choose another.")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
        slug = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")[:40]
        raise ValueError(f"For example {slug}" if re.fullmatch(r"[a-z][a-z0-9_]*", slug) else "")
    return value


Text = Annotated[str, AfterValidator(_text), Allowed("text")]
Url = Annotated[
    str,
    AfterValidator(_url),
    Allowed("an https:// URL (http:// only for 127.0.0.1, localhost, ::1) without password and query"),
]
QualyticsUrl = Annotated[
    str,
    AfterValidator(_qualytics_url),
    Allowed("an https:// URL (http:// only for 127.0.0.1, localhost, ::1) without /api, password and query"),
]
ApiPath = Annotated[str, AfterValidator(_api_path), Allowed("a path such as /api, or empty for the root")]
ConfigPath = Annotated[
    Path, BeforeValidator(_path), Allowed("a path, relative to the config file"), HoldsFiles()
]
ExistingFile = Annotated[
    Path, BeforeValidator(_path), Allowed("a readable file, relative to the config file"), MustExist()
]
NameOrId = Annotated[
    str, BeforeValidator(_number_as_text), AfterValidator(_text), Allowed("a name, id or key")
]
OneOrMore = Annotated[
    tuple[Text, ...],
    BeforeValidator(one_as_list),
    Allowed("a qualified name or [connection name:]DB.SCHEMA[.TABLE], or a list of them"),
    Unique(),
]
Pattern = Annotated[str, AfterValidator(_pattern), Allowed("a pattern with *, ? and [abc], in any case")]
Zone = Annotated[str, AfterValidator(_zone), Allowed("an IANA time zone such as Europe/Berlin")]
Cron = Annotated[str, AfterValidator(_cron), Allowed("five cron fields such as 0 6 * * *")]
IntegrationName = Annotated[
    str,
    AfterValidator(_integration_name),
    Allowed("a lower-case letter, then up to 39 letters, digits and _"),
]


DatastoreLink = Annotated[str, Template(("ui_url", "datastore_id"), ("datastore_id",))]
ContainerLink = Annotated[str, Template(("ui_url", "datastore_id", "container_id"), ("container_id",))]
FieldLink = Annotated[str, Template(("ui_url", "datastore_id", "container_id", "field_id"), ("field_id",))]
AlertTitle = Annotated[str, Template(("anomalies", "noun", "name", "url"))]
AlertMessage = Annotated[str, Template(("anomalies", "noun", "name", "url"), ("url",))]
"""The link marks an alert as ours (DESIGN.md §5.4), so it cannot be left out."""

Level = Literal["schema", "table", "column"]
Direction = Literal["pull", "push", "both"]
