"""Domains and the rules that say what belongs to them (alation-api.md §2.8, §6 rows 46 to 51)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.sandbox.alation.model import Node


@dataclass(frozen=True, slots=True)
class Rule:
    """What a domain says of one object. A recursive rule holds for all that is below, too."""

    exclude: bool
    recursive: bool


@dataclass(eq=False, slots=True)
class Domain:
    """A domain; ``rules`` has the newest rule for each object that it names."""

    id: int
    title: str
    description: str
    parent: Domain | None
    rules: dict[Node, Rule] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.parent.path}/{self.title}" if self.parent is not None else self.title

    def holds(self, node: Node) -> bool:
        """Whether an object belongs to it: the nearest rule upwards that reaches it decides."""
        if not self.rules:
            return False
        for each in node.upwards():
            rule = self.rules.get(each)
            if rule is not None and (rule.recursive or each is node):
                return not rule.exclude
        return False

    def row(self) -> dict[str, Any]:
        above = self.parent.id if self.parent is not None else None
        return {"id": self.id, "title": self.title, "description": self.description, "parent_id": above}


class Domains:
    """All domains, by id."""

    def __init__(self, first: int) -> None:
        self._next = first
        self.by_id: dict[int, Domain] = {}

    def make(self, title: str, description: str = "", parent: Domain | None = None) -> Domain:
        domain = Domain(self._next, title, description, parent)
        self._next += 1
        self.by_id[domain.id] = domain
        return domain

    def below(self, domain: Domain) -> list[Domain]:
        """A domain and all its descendants."""
        found = [domain]
        for other in found:
            found += [each for each in self.by_id.values() if each.parent is other]
        return found

    def delete(self, domain: Domain, *, children: bool) -> list[Domain]:
        """Delete a domain; its children go with it or move up to the root. Answers those deleted."""
        gone = self.below(domain) if children else [domain]
        for each in gone:
            self.by_id.pop(each.id, None)
        for each in self.by_id.values():
            if each.parent is not None and each.parent.id not in self.by_id:
                each.parent = None
        return gone

    def of(self, node: Node) -> list[Domain]:
        """The domains that an object belongs to by its own rules, or by those of what it lies in."""
        return [domain for domain in self.by_id.values() if domain.holds(node)]
