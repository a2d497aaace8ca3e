"""Index fields of a search: how a field name of the DSL is read from a document (atlan-api.md §2.1).

A reader answers null, one value, or a tuple of values. Keyword fields with a lower-casing normaliser fold
both sides; text fields are sets of lower-case words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.atlan.attributes import Getter, plain_getter
from qsync_pipeline.sandbox.atlan.model import FOLDED_TYPES, SUPER_TYPES, Doc

_WORDS = re.compile(r"\w+")
TEXT = frozenset(
    {"name", "displayName", "description", "userDescription", "databaseName", "schemaName", "tableName",
     "viewName", "announcementTitle", "announcementMessage", "certificateStatusMessage"}
)  # fmt: skip
"""Fields that are analysed text when named bare; their ``.keyword`` is the exact one."""
LOWERED = frozenset(
    {"name.keyword", "displayName.keyword", "databaseName.keyword", "schemaName.keyword", "tableName.keyword",
     "viewName.keyword", "certificateStatus", "certificateStatus.keyword", "dataType", "dataType.keyword"}
)  # fmt: skip
TYPE_NAME = frozenset({"__typeName", "__typeName.keyword"})


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable field. ``folds``: query values are lower-cased too; ``total``: no value is null."""

    name: str
    read: Callable[[Any], Any]
    folds: bool = False
    total: bool = False


def _tags(doc: Doc, *, direct: bool) -> tuple[str, ...] | None:
    found = tuple(tag.type_name for tag in doc.tags if (tag.origin == doc.guid) is direct)
    return found or None


def _super_types(doc: Doc) -> tuple[str, ...]:
    return SUPER_TYPES.get(doc.type, ())


_SYSTEM: dict[str, tuple[Getter, bool]] = {
    "__guid": (lambda doc: doc.guid, True),
    "__state": (lambda doc: doc.status, True),
    "__typeName": (lambda doc: doc.type, True),
    "__typeName.keyword": (lambda doc: doc.type, True),
    "__superTypeNames": (_super_types, False),
    "__superTypeNames.keyword": (_super_types, False),
    "__timestamp": (lambda doc: doc.created, True),
    "__modificationTimestamp": (lambda doc: doc.updated, True),
    "__createdBy": (lambda doc: doc.created_by, True),
    "__modifiedBy": (lambda doc: doc.updated_by, True),
    "__traitNames": (lambda doc: _tags(doc, direct=True) if doc.tags else None, False),
    "__propagatedTraitNames": (lambda doc: _tags(doc, direct=False) if doc.tags else None, False),
    "__meanings": (lambda doc: None, False),
    "__labels": (lambda doc: doc.labels or None, False),
    "qualifiedName": (lambda doc: doc.qn, True),
    "qualifiedName.keyword": (lambda doc: doc.qn, True),
}


def _words(value: Any) -> tuple[str, ...] | None:
    """Tokens of a text, and the whole of it: v9 of the SDK sends exact names to the bare ``name`` field."""
    if value is None:
        return None
    whole = str(value).lower()
    return (*_WORDS.findall(whole), whole)


class Fields:
    """Resolves field names. ``set_of`` maps a custom-metadata attribute id to its set's id (live view)."""

    def __init__(
        self,
        set_of: Mapping[str, str],
        *,
        lowercase: bool = True,
        overrides: Mapping[str, Getter] | None = None,
    ) -> None:
        self._set_of = set_of
        self._lowercase = lowercase
        self._overrides = dict(overrides or {})

    def __call__(self, name: str) -> Field:
        if (override := self._overrides.get(name)) is not None:
            return Field(name, override)
        if name in TYPE_NAME and self._lowercase:
            # The SDK asks for "CONNECTION" here and finds connections, so this field is normalised as well.
            return Field(name, lambda doc: FOLDED_TYPES.get(doc.type, doc.type), folds=True, total=True)
        if (system := _SYSTEM.get(name)) is not None:
            return Field(name, system[0], total=system[1])
        base = name.removesuffix(".keyword")
        if (set_id := self._set_of.get(base.split(".")[0])) is not None:
            return self._custom(name, set_id, base.split(".")[0])
        if name in TEXT or name.endswith((".text", ".stemmed")):
            text = plain_getter(name.removesuffix(".text").removesuffix(".stemmed"))
            return Field(name, lambda doc: _words(text(doc)), folds=True)
        if name == "qualifiedName.hierarchy":
            return Field(name, _hierarchy)
        read = plain_getter(base)
        if name in LOWERED and self._lowercase:
            return Field(name, lambda doc: _lower(read(doc)), folds=True)
        return Field(name, lambda doc: _tupled(read(doc)))

    def is_custom(self, name: str) -> bool:
        """Whether the field is a custom-metadata attribute: its id alone, without the set (§2.1)."""
        return name.split(".")[0] in self._set_of

    def _custom(self, name: str, set_id: str, attribute_id: str) -> Field:
        fold = self._lowercase

        def read(doc: Doc) -> Any:
            values = doc.cm.get(set_id)
            value = None if values is None else values.get(attribute_id)
            return _lower(value) if fold else _tupled(value)

        return Field(name, read, folds=fold)


def _hierarchy(doc: Doc) -> tuple[str, ...]:
    parts = doc.qn.split("/")
    return tuple("/".join(parts[: end + 1]) for end in range(len(parts)))


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _lower(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return tuple(_lower(item) for item in value)
    return value
