"""The search index: what is found how fast, behind the graph by the index lag (atlan-api.md §1.8)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from qsync_pipeline.sandbox.atlan.attributes import SCOPE_QN
from qsync_pipeline.sandbox.atlan.errors import query_rejected
from qsync_pipeline.sandbox.atlan.fields import TYPE_NAME, Fields
from qsync_pipeline.sandbox.atlan.model import SUPER_TYPES, TYPE_OF_FOLDED, Doc
from qsync_pipeline.sandbox.atlan.ordering import Found, order
from qsync_pipeline.sandbox.atlan.qnames import QualifiedNames
from qsync_pipeline.sandbox.atlan.query import Compiler, Plan

_CACHED = 24
_SPARSE = frozenset(
    {"domainGUIDs", "announcementType", "__traitNames", "__propagatedTraitNames", "parentDomainQualifiedName",
     "superDomainQualifiedName", "certificateStatus", "badgeMetadataAttribute"}
)  # fmt: skip
"""Fields that few assets have: an index of them answers ``exists`` as well as ``term``."""


class Postings:
    """Value -> guids of one field, built when first asked for and kept up to date from then on."""

    def __init__(self, read: Callable[[Doc], Any], docs: Iterable[Doc], *, values: bool = True) -> None:
        self._read = read
        self._values = values
        self.by_value: dict[Any, set[str]] = {}
        self.present: set[str] = set()
        for doc in docs:
            self.add(doc)

    def _items(self, doc: Doc) -> tuple[Any, ...]:
        found = self._read(doc)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def add(self, doc: Doc) -> None:
        items = self._items(doc)
        if not items:
            return
        if not self._values:
            self.present.add(doc.guid)
            return
        for item in items:
            self.by_value.setdefault(item, set()).add(doc.guid)

    def discard(self, doc: Doc) -> None:
        self.present.discard(doc.guid)
        if self._values:
            for item in self._items(doc):
                if (guids := self.by_value.get(item)) is not None:
                    guids.discard(doc.guid)


class SearchIndex:
    """Indexes over the indexed versions of all documents."""

    def __init__(self, fields: Fields, names: QualifiedNames, current: Callable[[str], Doc | None]) -> None:
        self._fields = fields
        self._names = names
        self._current = current
        self._types: dict[str, dict[str, None]] = {}
        self._misfits: set[str] = set()
        self._postings: dict[str, Postings] = {}
        self._cache: OrderedDict[bytes, Found] = OrderedDict()
        self._compiler = Compiler(fields, self)

    def all_docs(self) -> Iterator[Doc]:
        """Every indexed document."""
        for guids in self._types.values():
            for guid in guids:
                if (doc := self._current(guid)) is not None:
                    yield doc

    def load(self, doc: Doc) -> None:
        """Take in a document of the initial estate."""
        guids = self._types.get(doc.type)
        if guids is None:
            guids = self._types[doc.type] = {}
        guids[doc.guid] = None

    def apply(self, old: Doc | None, new: Doc | None) -> None:
        """Move one document from its old to its new indexed version."""
        self._cache.clear()
        for postings in self._postings.values():
            if old is not None:
                postings.discard(old)
            if new is not None:
                postings.add(new)
        if old is not None and (new is None or new.qn != old.qn):
            self._misfits.discard(old.guid)
        if new is None:
            if old is not None:
                self._types[old.type].pop(old.guid, None)
            return
        self.load(new)
        scope = new.scope
        for above in (scope.connection_qn, scope.database_qn, scope.schema_qn, scope.table_qn):
            if above is not None and not new.qn.startswith(above + "/"):
                self._misfits.add(new.guid)

    # What the compiler asks (query.Planner).

    def term(self, field: str, value: Any) -> Plan | None:
        if field == "__guid":
            return 1, lambda: (value,)
        if field in ("qualifiedName", "qualifiedName.keyword"):
            return 1, lambda: self._names.get(str(value))
        if field in TYPE_NAME:
            guids = self._types.get(TYPE_OF_FOLDED.get(str(value).lower(), str(value)), {})
            return len(guids), lambda: guids
        if field in ("__superTypeNames", "__superTypeNames.keyword"):
            return self._super_type(value)
        if field in SCOPE_QN:
            prefix = f"{value}/"
            size = self._names.count(prefix) + len(self._misfits)
            return size, lambda: chain(self._names.under(prefix), self._misfits)
        if field == "name.keyword" or field in _SPARSE:
            found = self._posting(field).by_value.get(value, set())
            return len(found), lambda: list(found)
        return self.exists(field)

    def _super_type(self, value: Any) -> Plan | None:
        if value in ("Asset", "Referenceable"):
            return None
        sets = [guids for name, guids in self._types.items() if value in SUPER_TYPES.get(name, ())]
        return sum(map(len, sets)), lambda: [guid for guids in sets for guid in guids]

    def prefix(self, field: str, value: str) -> Plan | None:
        if field in ("qualifiedName", "qualifiedName.keyword"):
            return self._names.count(value), lambda: self._names.under(value)
        if field in SCOPE_QN:
            size = self._names.count(value) + len(self._misfits)
            return size, lambda: chain(self._names.under(value), self._misfits)
        return None

    def exists(self, field: str) -> Plan | None:
        if field in _SPARSE:
            by_value = self._posting(field).by_value
            guids = set().union(*by_value.values()) if by_value else set()
            return len(guids), lambda: guids
        if self._fields.is_custom(field):
            present = self._posting(field, values=False).present
            return len(present), lambda: list(present)
        return None

    def _posting(self, field: str, *, values: bool = True) -> Postings:
        found = self._postings.get(field)
        if found is None:
            found = self._postings[field] = Postings(self._fields(field).read, self.all_docs(), values=values)
        return found

    # Searching.

    def search(
        self, query: Any, sort: Any, *, variant: str = "", keep: Callable[[Doc], bool] | None = None
    ) -> Found:
        """All hits in order. ``keep`` is a further filter whose name for the cache is ``variant``."""
        key = msgspec.json.encode([query, sort, variant])
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        try:
            docs = list(self._hits(query, keep))
            found = order(docs, sort, self._fields)
        except (TypeError, ValueError, AttributeError) as error:
            raise query_rejected(f"malformed query: {error}") from error
        self._cache[key] = found
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return found

    def _hits(self, query: Any, keep: Callable[[Doc], bool] | None) -> Iterator[Doc]:
        compiled = self._compiler.compile(query)
        test = compiled.test
        docs: Iterable[Doc | None] = (
            self.all_docs()
            if compiled.plan is None
            else map(self._current, dict.fromkeys(compiled.plan[1]()))
        )
        for doc in docs:
            if doc is not None and test(doc) and (keep is None or keep(doc)):
                yield doc

    def aggregate(self, docs: list[Doc], aggregations: Mapping[str, Any]) -> dict[str, Any]:
        """``terms`` aggregations (§2.2); other kinds are answered without buckets."""
        answer: dict[str, Any] = {}
        for name, body in aggregations.items():
            terms = body.get("terms") if isinstance(body, Mapping) else None
            if terms is None:
                answer[name] = {}
                continue
            field = str(terms["field"])
            # Buckets of types are spelled as the types are (§2.2), although the field is folded.
            read = _type_name if field in TYPE_NAME else self._fields(field).read
            counts: dict[Any, int] = {}
            for doc in docs:
                found = read(doc)
                for item in () if found is None else found if isinstance(found, tuple) else (found,):
                    counts[item] = counts.get(item, 0) + 1
            ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
            size = int(terms.get("size", 10))
            answer[name] = {
                "doc_count_error_upper_bound": 0,
                "sum_other_doc_count": sum(count for _, count in ranked[size:]),
                "buckets": [{"key": key, "doc_count": count} for key, count in ranked[:size]],
            }
        return answer


def _type_name(doc: Doc) -> str:
    return doc.type
