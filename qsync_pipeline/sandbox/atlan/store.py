"""The graph: the newest version of every asset, and the transactions that change it.

Reads by guid or qualified name see a commit at once; the search index and the audit log follow after their
lags (atlan-api.md §1.8, §6.2 rows 5 and 6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.audit import AuditLog, AuditRecord
from qsync_pipeline.sandbox.atlan.fields import Fields
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.index import SearchIndex
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.qnames import QualifiedNames
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.kernel import VirtualClock

Listener = Callable[[AuditRecord, Doc | None], None]


class Store:
    """All assets of one sandbox."""

    def __init__(
        self, clock: VirtualClock, switches: AtlanSwitches, ids: IdSource, set_of: Mapping[str, str]
    ) -> None:
        self.clock = clock
        self.switches = switches
        self.ids = ids
        self.names = QualifiedNames()
        self.audits = AuditLog(switches.audit_lag)
        self.listeners: list[Listener] = []
        self.fields = Fields(
            set_of, lowercase=switches.lowercase_keywords, overrides={"domainGUIDs": self._domain_field}
        )
        self.index = SearchIndex(self.fields, self.names, self.indexed)
        self._docs: dict[str, Doc] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._few: dict[str, dict[str, None]] = {"Connection": {}, "DataDomain": {}}
        self._behind: dict[str, Doc | None] = {}
        """Indexed versions of documents whose newest version is not indexed yet."""
        self._queue: deque[tuple[float, str, Doc | None]] = deque()

    # Reading.

    def get(self, guid: str) -> Doc | None:
        return self._docs.get(guid)

    def indexed(self, guid: str) -> Doc | None:
        """The version that the search index sees."""
        if self._behind and guid in self._behind:
            return self._behind[guid]
        return self._docs.get(guid)

    def find(self, type_name: str, qn: str) -> Doc | None:
        """By (typeName, qualifiedName); an active asset goes before an archived one."""
        archived: Doc | None = None
        for guid in self.names.get(qn):
            doc = self._docs.get(guid)
            if doc is not None and doc.type == type_name and doc.qn == qn:
                if doc.status == "ACTIVE":
                    return doc
                archived = doc
        return archived

    def named(self, qn: str) -> list[Doc]:
        """All assets of this qualified name, whatever their type."""
        docs = [self._docs.get(guid) for guid in self.names.get(qn)]
        return [doc for doc in docs if doc is not None and doc.qn == qn]

    def children(self, guid: str) -> list[Doc]:
        """Direct children that are not archived."""
        found = [self._docs.get(child) for child in self._children.get(guid, ())]
        return [doc for doc in found if doc is not None and doc.status == "ACTIVE"]

    def below(self, guid: str) -> Iterator[Doc]:
        """All descendants, parents before their children."""
        for child in self.children(guid):
            yield child
            yield from self.below(child.guid)

    def docs(self) -> Iterator[Doc]:
        """Every asset, archived ones included."""
        return iter(self._docs.values())

    def docs_of(self, *types: str) -> list[Doc]:
        """Every asset of these types; for the few that there are of connections and domains."""
        return [doc for kind in types for guid in self._few.get(kind, ()) if (doc := self._docs.get(guid))]

    def domain_guids(self, doc: Doc) -> list[str] | None:
        """The asset's domainGUIDs; with the switch of row 20 the nearest above."""
        own: list[str] | None = doc.attrs.get("domainGUIDs")
        if not self.switches.domain_inherits:
            return own
        above: Doc | None = doc
        while above is not None:
            inherited: list[str] | None = above.attrs.get("domainGUIDs")
            if inherited:
                return inherited
            above = self._docs.get(above.scope.parent) if above.scope.parent else None
        return None

    def _domain_field(self, doc: Doc) -> Any:
        found = self.domain_guids(doc)
        return tuple(found) if found else None

    # Writing.

    def load(self, doc: Doc) -> None:
        """Add an asset of the initial estate: indexed at once, without an audit record."""
        self._docs[doc.guid] = doc
        self.names.add(doc.qn, doc.guid)
        if doc.type in self._few:
            self._few[doc.type][doc.guid] = None
        if doc.scope.parent is not None:
            self._children.setdefault(doc.scope.parent, {})[doc.guid] = None
        self.index.load(doc)

    def begin(
        self, actor: str, headers: Mapping[str, str] | None = None, *, at: float | None = None
    ) -> Transaction:
        """``at`` is the moment from which the index counts its lag, where that was before now."""
        now = self.clock.now()
        return Transaction(self, actor, int(now * 1000), headers or {}, now if at is None else at)

    def replace(self, guid: str, new: Doc | None, at: float) -> None:
        """Put a new version in place; null takes the asset out for good. The index follows, counted from
        ``at``."""
        old = self._docs.get(guid)
        if new is None:
            self._docs.pop(guid, None)
        else:
            self._docs[guid] = new
            self.names.add(new.qn, guid)
            if new.type in self._few:
                self._few[new.type][guid] = None
        before = old.scope.parent if old is not None else None
        after = new.scope.parent if new is not None else None
        if before is not None and before != after:
            self._children.get(before, {}).pop(guid, None)
        if after is not None:
            self._children.setdefault(after, {})[guid] = None
        if guid not in self._behind:
            self._behind[guid] = old
        self._queue.append((at + self.switches.index_lag, guid, new))
        if self.switches.index_lag <= 0:
            self.catch_up()

    def catch_up(self) -> None:
        """Index what is due by now."""
        now = self.clock.now()
        while self._queue and self._queue[0][0] <= now:
            _, guid, new = self._queue.popleft()
            old = self._behind.get(guid)
            self.index.apply(old, new)
            newest = self._docs.get(guid)
            if new is newest:
                self._behind.pop(guid, None)
            else:
                self._behind[guid] = new
            if old is not None and all(old.qn != doc.qn for doc in (new, newest) if doc is not None):
                self.names.discard(old.qn, guid)


class Transaction:
    """All changes of one request: they become visible together in :meth:`commit`, or never (row 13)."""

    def __init__(self, store: Store, actor: str, now_ms: int, headers: Mapping[str, str], at: float) -> None:
        self.store = store
        self.at = at
        self.actor = actor
        self.now_ms = now_ms
        self.drafts: dict[str, Doc | None] = {}
        self._headers = headers
        self._records: list[AuditRecord] = []
        self._after: list[Callable[[], None]] = []

    def get(self, guid: str) -> Doc | None:
        return self.drafts[guid] if guid in self.drafts else self.store.get(guid)

    def find(self, type_name: str, qn: str) -> Doc | None:
        for doc in self.drafts.values():
            if doc is not None and doc.qn == qn and doc.type == type_name:
                return doc
        found = self.store.find(type_name, qn)
        return None if found is not None and found.guid in self.drafts else found

    def edit(self, guid: str, *, touch: bool = True) -> Doc:
        """The draft of an asset; ``touch`` records who changed it and when."""
        draft = self.drafts.get(guid)
        if draft is None:
            current = self.store.get(guid)
            if current is None:
                raise KeyError(guid)
            draft = self.drafts[guid] = current.copy()
        if touch:
            draft.updated, draft.updated_by = self.now_ms, self.actor
        return draft

    def create(self, doc: Doc) -> None:
        self.drafts[doc.guid] = doc

    def remove(self, guid: str) -> None:
        self.drafts[guid] = None

    def audit(self, action: str, doc: Doc, detail: dict[str, Any]) -> None:
        """Note something for the activity log; written on commit, with the x-atlan headers (§1.2)."""
        self._records.append(
            AuditRecord(
                action,
                doc.guid,
                doc.type,
                doc.qn,
                doc.updated,
                self.now_ms,
                self.actor,
                detail,
                self._headers,
            )
        )

    def then(self, action: Callable[[], None]) -> None:
        """Do this once the changes are in place."""
        self._after.append(action)

    def commit(self) -> None:
        for guid, draft in self.drafts.items():
            self.store.replace(guid, draft, self.at)
        self.store.audits.extend(self._records)
        for listener in self.store.listeners:
            for record in self._records:
                listener(record, self.store.get(record.guid))
        for action in self._after:
            action()
