"""All data sources, schemas, tables and columns: by id, by key, and in lists that are kept between pages.

Reading 600,000 columns takes 600 calls: the ids that a filter finds are remembered until the next change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from random import Random

from qsync_pipeline.sandbox.alation.keys import split
from qsync_pipeline.sandbox.alation.model import OTYPES, Node, Otype
from qsync_pipeline.sandbox.alation.switches import AlationSwitches

_REMEMBERED = 32
"""Lists kept at once; each holds references only."""


class Store:
    """The objects of one instance. ``revision`` rises with every change of what there is or may be seen."""

    def __init__(self, switches: AlationSwitches, seed: int) -> None:
        self._switches = switches
        # Each otype counts by itself, so that the same number names several objects (§4, mistake 1).
        self._next: dict[str, int] = dict.fromkeys(OTYPES, Random(f"alation-ids-{seed}").randint(1, 40))
        self.nodes: dict[str, dict[int, Node]] = {otype: {} for otype in OTYPES}
        self.revision = 0
        self._lists: OrderedDict[Hashable, list[Node]] = OrderedDict()
        self._listed_at = -1
        self._siblings: dict[Node, dict[tuple[str, ...], list[Node]]] = {}

    # Making and changing.

    def add(self, otype: Otype, name: str, parent: Node | None = None) -> Node:
        """A new object with the next id of its otype, below its parent."""
        node = Node(self._next[otype], otype, name, parent)
        self._next[otype] += 1
        self.nodes[otype][node.id] = node
        if parent is not None:
            parent.children.append(node)
            self._siblings.pop(parent, None)
        self.revision += 1
        return node

    def rename(self, node: Node, name: str) -> None:
        node.rename(name)
        if node.parent is not None:
            self._siblings.pop(node.parent, None)
        self.revision += 1

    def drop(self, node: Node) -> list[Node]:
        """Mark an object and all below it as deleted; answers them."""
        gone = [node, *node.below()]
        for each in gone:
            each.deleted = True
            if each.parent is not None:
                self._siblings.pop(each.parent, None)
        self.revision += 1
        return gone

    # Finding.

    def get(self, otype: str, number: object) -> Node | None:
        """By otype and id; a numeric text will do. Deleted objects are found as well."""
        if isinstance(number, str) and number.isdecimal():
            number = int(number)
        found = self.nodes.get(otype, {})
        return found.get(number) if isinstance(number, int) else None

    def sources(self) -> Iterator[Node]:
        return (node for node in self.nodes["data"].values() if not node.deleted)

    def resolve(self, key: str) -> Node | None:
        """The object of a key: the whole key, whatever its case, quotes honoured (§2.0)."""
        names = split(key)
        if not names or not names[0].isdecimal():
            return None
        source = self.get("data", names[0])
        if source is None or source.deleted:
            return None
        return self.descend(source, names[1:])

    def descend(self, node: Node, names: tuple[str, ...]) -> Node | None:
        """The object below a node by the names of the rest of its key."""
        if not names:
            return node
        # A schema has one name or two, its database's first; all others have one.
        for length in (2, 1) if node.otype == "data" else (1,):
            child = self._child(node, names[:length])
            if child is not None:
                return self.descend(child, names[length:])
        return None

    def _child(self, node: Node, names: tuple[str, ...]) -> Node | None:
        found = self._table_of(node).get(tuple(name.lower() for name in names), [])
        if self._switches.exact_key_first:
            for child in found:
                if child.parts == names:
                    return child
        return found[0] if found else None

    def _table_of(self, node: Node) -> dict[tuple[str, ...], list[Node]]:
        table = self._siblings.get(node)
        if table is None:
            table = {}
            for child in node.children:
                if not child.deleted:
                    table.setdefault(tuple(name.lower() for name in child.parts), []).append(child)
            if len(self._siblings) > 4096:
                self._siblings.clear()
            self._siblings[node] = table
        return table

    def beside(self, node: Node, name: str) -> bool:
        """Whether a sibling of this very name exists."""
        if node.parent is None:
            return any(other.name == name for other in self.sources() if other is not node)
        return any(
            child.parts == (*node.parts[:-1], name)
            for child in node.parent.children
            if child is not node and not child.deleted
        )

    # Lists.

    def remembered(self, what: Hashable, make: Callable[[], list[Node]]) -> list[Node]:
        """The list made before for the same question, if nothing has changed since."""
        if self._listed_at != self.revision:
            self._lists.clear()
            self._listed_at = self.revision
        found = self._lists.get(what)
        if found is None:
            found = self._lists[what] = make()
            if len(self._lists) > _REMEMBERED:
                self._lists.popitem(last=False)
        else:
            self._lists.move_to_end(what)
        return found
