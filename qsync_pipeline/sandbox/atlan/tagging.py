"""Attaching and removing tags, and their propagation (atlan-api.md §2.5, rows 10, 11, 17, 21)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.errors import AtlasError, invalid_parameters, unknown_tag
from qsync_pipeline.sandbox.atlan.model import Doc, Tag
from qsync_pipeline.sandbox.atlan.store import Store, Transaction
from qsync_pipeline.sandbox.atlan.typedefs import TypeDefs
from qsync_pipeline.sandbox.atlan.views import classification


class Tagging:
    """Writes tags of one sandbox. Propagation is queued and done by :meth:`propagate`."""

    def __init__(self, store: Store, types: TypeDefs) -> None:
        self._store = store
        self._types = types
        self._queue: deque[tuple[float, str, str]] = deque()

    def parse(self, body: Mapping[str, Any], guid: str) -> Tag:
        """A direct tag from its JSON; ``propagate`` is true when absent (row 10)."""
        type_name = body.get("typeName")
        definition = self._types.tag(type_name)
        if definition is None:
            raise unknown_tag(type_name)
        doc_types = definition.get("entityTypes") or []
        if doc_types:
            doc = self._store.get(guid)
            if doc is not None and doc.type not in doc_types:
                raise AtlasError(400, "ATLAS-400-00-055", f"{type_name} cannot be applied to {doc.type}")
        return Tag(
            str(type_name),
            guid,
            propagate=_flag(body, "propagate", default=True),
            remove_on_delete=_flag(body, "removePropagationsOnEntityDelete", default=True),
            restrict_lineage=_flag(body, "restrictPropagationThroughLineage", default=False),
            restrict_hierarchy=_flag(body, "restrictPropagationThroughHierarchy", default=False),
            attributes=body.get("attributes") or None,
        )

    def set_direct(self, txn: Transaction, doc: Doc, wanted: Iterable[Tag]) -> bool:
        """Make these the asset's direct tags, leaving propagated ones alone. False: nothing changed."""
        before = {tag.type_name: tag for tag in doc.direct()}
        after = {tag.type_name: tag for tag in wanted}
        if before == after:
            return False
        draft = txn.edit(doc.guid)
        kept = tuple(tag for tag in draft.tags if tag.origin != doc.guid)
        draft.tags = (*after.values(), *kept)
        for name, tag in after.items():
            if name not in before:
                txn.audit("CLASSIFICATION_ADD", draft, classification(tag))
            elif before[name] != tag:
                txn.audit("CLASSIFICATION_UPDATE", draft, classification(tag))
        for name in before.keys() - after.keys():
            txn.audit("CLASSIFICATION_DELETE", draft, {"typeName": name})
        spread = [
            name for name in {**before, **after} if _spreads(before.get(name)) or _spreads(after.get(name))
        ]
        for name in spread:
            self._queue_after(txn, doc.guid, name)
        return True

    def add(self, txn: Transaction, doc: Doc, bodies: Iterable[Mapping[str, Any]], *, strict: bool) -> bool:
        """Attach tags, updating the flags of those already there; ``strict`` refuses these (POST, §2.5)."""
        direct = {tag.type_name: tag for tag in doc.direct()}
        for body in bodies:
            tag = self.parse(body, doc.guid)
            if strict and tag.type_name in direct:
                raise invalid_parameters(f"classification {tag.type_name} is already attached", doc.guid)
            direct[tag.type_name] = tag
        return self.set_direct(txn, doc, direct.values())

    def update(self, txn: Transaction, doc: Doc, bodies: Iterable[Mapping[str, Any]]) -> bool:
        """Change flags of tags that are there; 400 ATLAS-400-00-06D for others."""
        direct = {tag.type_name: tag for tag in doc.direct()}
        for body in bodies:
            tag = self.parse(body, doc.guid)
            if tag.type_name not in direct:
                raise not_attached(tag.type_name, doc.guid)
            direct[tag.type_name] = tag
        return self.set_direct(txn, doc, direct.values())

    def remove(self, txn: Transaction, doc: Doc, type_name: str) -> None:
        """Take a direct tag off; its propagated copies follow."""
        if self._types.tag(type_name) is None:
            raise unknown_tag(type_name)
        direct = doc.direct()
        if all(tag.type_name != type_name for tag in direct):
            raise not_attached(type_name, doc.guid)
        self.set_direct(txn, doc, [tag for tag in direct if tag.type_name != type_name])

    # Propagation.

    def inherit(self, txn: Transaction, doc: Doc) -> None:
        """Queue what a new asset gets from its parent. What came to that from an asset beyond this estate is
        settled: nobody is there to be asked whether it still spreads."""
        parent = txn.get(doc.scope.parent) if doc.scope.parent is not None else None
        for tag in parent.tags if parent is not None else ():
            if tag.spreads and self._store.get(tag.origin) is not None:
                self._queue_after(txn, tag.origin, tag.type_name)

    def release(self, txn: Transaction, doc: Doc) -> None:
        """Queue the end of what an asset that is deleted spread."""
        for tag in doc.direct():
            if tag.propagate and tag.remove_on_delete:
                self._queue_after(txn, doc.guid, tag.type_name)

    def queued(self, type_name: str) -> bool:
        return any(name == type_name for _, _, name in self._queue)

    def _queue_after(self, txn: Transaction, guid: str, type_name: str) -> None:
        due = self._store.clock.now() + self._store.switches.propagation_lag

        def queue() -> None:
            self._queue.append((due, guid, type_name))
            if self._store.switches.propagation_lag <= 0:
                self.propagate()

        txn.then(queue)

    def propagate(self, *, everything: bool = False) -> None:
        """Do the queued propagation that is due by now, or all of it."""
        now = at = self._store.clock.now()
        tasks: dict[tuple[str, str], None] = {}
        while self._queue and (everything or self._queue[0][0] <= now):
            due, guid, type_name = self._queue.popleft()
            at = min(due, now)
            tasks[(guid, type_name)] = None
        if not tasks:
            return
        # Nobody may have asked since: what was due long ago is long in the index too.
        txn = self._store.begin("atlan-propagation", at=at)
        lost: dict[tuple[str, str], Tag | None] = {}
        for guid, type_name in tasks:
            source = self._store.get(guid)
            active = source is not None and source.status == "ACTIVE"
            tag = (
                next((tag for tag in source.direct() if tag.type_name == type_name), None) if source else None
            )
            lost[(guid, type_name)] = None
            if active and tag is not None and tag.spreads:
                lost[(guid, type_name)] = tag
                self._spread(txn, guid, tag)
        self._withdraw(txn, lost)
        txn.commit()

    def _spread(self, txn: Transaction, guid: str, tag: Tag) -> None:
        for child in self._store.below(guid):
            have = txn.get(child.guid) or child
            same = [one for one in have.tags if one.type_name == tag.type_name and one.origin == guid]
            if same == [tag]:
                continue
            draft = txn.edit(child.guid, touch=self._store.switches.propagated_tag_bumps)
            rest = tuple(one for one in draft.tags if one not in same)
            draft.tags = (*rest, tag)
            action = "PROPAGATED_CLASSIFICATION_UPDATE" if same else "PROPAGATED_CLASSIFICATION_ADD"
            txn.audit(action, draft, classification(tag))

    def _withdraw(self, txn: Transaction, tasks: Mapping[tuple[str, str], Tag | None]) -> None:
        """Take off the copies whose origin no longer spreads the tag, wherever they are."""
        gone = {key for key, tag in tasks.items() if tag is None}
        if not gone:
            return
        for doc in list(self._store.docs()):
            if not any((tag.origin, tag.type_name) in gone and tag.origin != doc.guid for tag in doc.tags):
                continue
            draft = txn.edit(doc.guid, touch=self._store.switches.propagated_tag_bumps)
            for tag in [one for one in draft.tags if (one.origin, one.type_name) in gone]:
                draft.tags = tuple(one for one in draft.tags if one is not tag)
                txn.audit("PROPAGATED_CLASSIFICATION_DELETE", draft, {"typeName": tag.type_name})


def not_attached(type_name: str, guid: str) -> AtlasError:
    return AtlasError(
        400, "ATLAS-400-00-06D", f"classification {type_name} is not associated with entity", guid=guid
    )


def _spreads(tag: Tag | None) -> bool:
    return tag is not None and tag.propagate


def _flag(body: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = body.get(key)
    return default if value is None else value is True or str(value).lower() == "true"
