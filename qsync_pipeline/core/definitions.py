"""Tag definitions in Qualytics: which are needed, whose they are, which are left over (DESIGN.md §5.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

from qsync_pipeline.core.names import fold, reader_text, tag_key, tag_name
from qsync_pipeline.core.rows import Change, Held, TagRef
from qsync_pipeline.core.rules import TagRules
from qsync_pipeline.core.tag_definition import ID, TagDefinition, by_key, look_of

SURFACE = "tag_definitions"

UNREACHABLE = "the deployment does not find this name in a URL"

Standing = Literal["missing", "ours", "external", "native"]


class DefinitionBook:
    """The definitions of the deployment as they will be once the plan so far is carried out."""

    def __init__(
        self,
        definitions: Iterable[TagDefinition],
        rules: TagRules,
        unreachable: Iterable[str] = (),
        variants: Iterable[TagRef] = (),
    ) -> None:
        """``unreachable`` are the keys of names that no URL of the deployment reaches, as it turned out;
        ``variants`` the catalog's tags that differ from another of its own by case or blanks only
        (:func:`variants_among`)."""
        self.rules = rules
        self._variants = {tag_name(tag.name): tag for tag in variants}
        self._unreachable = frozenset(unreachable)
        listed = list(definitions)
        self._known = by_key(listed, rules.ours)
        counting = {one.name for one in self._known.values()}
        self._beside = by_key((one for one in listed if one.name not in counting), rules.ours)
        self._heirs: dict[str, Change] = {}
        self._planned: dict[str, Change] = {}
        self._usage: Counter[str] = Counter()

    def standing(self, key: str) -> Standing:
        """Whose a name is: nobody's, ours (any integration of ours), an external tag's, or a person's."""
        definition = self._known.get(key)
        if definition is None:
            return "missing"
        if definition.made_by or fold(definition.category or "") in self.rules.ours:
            return "ours"
        return "external" if definition.type == "external" else "native"

    def spared(self, key: str) -> bool:
        """Whether people made it and the setting leaves it to them, though another integration of ours may
        have taken it over: ``overwrite_tags`` speaks for its own integration only."""
        known = self._known.get(key)
        theirs = self.standing(key) == "native" or (known is not None and known.taken_over)
        return theirs and not self.rules.overwrite

    def spelling(self, key: str, default: str) -> str:
        """The name as Qualytics spells it; the first spelling is kept."""
        definition = self._known.get(key)
        return definition.name if definition else default

    def id_of(self, key: str) -> int | None:
        """Qualytics' id of the definition of this name, where it is there and known."""
        definition = self._known.get(key)
        return definition.id if definition else None

    def lapsed(self, row: Held, there: TagRef | None) -> bool:
        """Whether a holding is of a definition that is gone, and its assignment with it: what stands there
        under its name, of a definition that was made since, is not ours. ``there`` is the tag that does.

        A holding of old tells no definition: it lapses where what stands there is a person's.
        """
        known, held_of = self._known.get(row.key), row.extra.get(ID)
        if there is None:
            return held_of is not None and (known is None or known.id != held_of)
        if held_of is not None and there.id:
            return there.id != str(held_of)
        return self.standing(row.key) == "native" or there.name != self.spelling(row.key, there.name)

    def cascades(self, key: str) -> bool:
        """Whether assignments of this tag flow down to what lies below (external tags do not)."""
        definition = self._known.get(key)
        return not (definition.type == "external" if definition else self.rules.native)

    def need(self, tag: TagRef, *, held: bool = True) -> tuple[Change, ...]:
        """What must happen to the definition before this catalog tag can be assigned; often nothing.

        ``held`` says whether the assignment is ours, or will be: a person may have made it.
        """
        key = tag_key(tag.name)
        if key in self._planned:
            return ()
        standing = self.standing(key)
        if standing == "missing":
            return self._plan(key, self._create(tag))
        known = self._known[key]
        if self.spared(key):
            return ()
        tag = self._spokesman(known, tag)
        if standing == "native":
            reason = "overwrite_tags is on: the catalog's tag wins"
            return self._plan(key, self._update(known, tag, reason, takes_over=True))
        if standing == "ours" and self._is_mine(known, held=held):
            if not self._gives_the_look(known, tag):
                return ()
            change = self._update(known, tag, "the catalog's tag looks different now", takes_over=False)
            return self._plan(key, change) if change.before != change.after else ()
        return ()

    def inherit(self, key: str, there: TagRef, tag: TagRef) -> None:
        """Keep in mind that a wanted tag stands as ``there``, of a person's definition that differs from ours
        by case only: once nothing carries ours, theirs has the catalog's look (``overwrite_tags``)."""
        known = self._beside.get(key)
        if known is None or known.name != there.name or key in self._heirs or not self.rules.overwrite:
            return
        if known.type != "external" and known.made_by is None:
            reason = "ours, which differed by case only, goes: the catalog's tag wins here"
            change = self._update(known, self._spokesman(known, tag), reason, takes_over=True)
            self._heirs[key] = self._reachable(change)

    def use(self, key: str, by: int) -> None:
        """Count an assignment planned (+1) or a removal planned (-1)."""
        self._usage[key] += by

    def left_over(self) -> list[Change]:
        """Definitions that we made and that no object will carry any more, each followed by its heir.

        Another integration's are among them where this plan takes off their last assignment. What has had
        none before is left to its maker: two plans made side by side would both list it.
        """
        changes = []
        for key, known in self._known.items():
            if not known.made or known.count is None:
                continue
            if not self._usage[key] and self._is_of_another(known) and key not in self._heirs:
                continue
            if key not in self._planned and known.count + self._usage[key] <= 0:
                change = Change(
                    SURFACE,
                    "remove",
                    known.name,
                    known.name,
                    key,
                    before=look_of(known),
                    reason="no object carries it any more",
                    kind=known.type,
                )
                changes.append(self._reachable(change))
                if changes[-1].status == "planned" and key in self._heirs:
                    changes.append(self._heirs[key])
        return changes

    def _reachable(self, change: Change) -> Change:
        """Skip what goes by a path that the deployment is known not to find."""
        if change.key not in self._unreachable or change.action == "create":
            return change
        return msgspec.structs.replace(change, status="skipped", reason=UNREACHABLE)

    def _plan(self, key: str, change: Change) -> tuple[Change, ...]:
        change = self._planned[key] = self._reachable(change)
        if change.action == "create":
            look = change.after
            self._known[key] = TagDefinition(
                change.name, type=change.kind, category=look["category"], made_by=self.rules.integration
            )
        return (change,)

    def _create(self, tag: TagRef) -> Change:
        name, category, weight = tag_name(tag.name), self.rules.category, 0
        former = self._former(tag)
        if former is not None:
            category, weight = former.category or category, former.weight_modifier
        after = {
            "name": name,
            "category": category,
            "color": tag.color,
            "description": reader_text(tag.description) or None,
            "weight_modifier": weight,
        }
        reason = f'renamed from "{former.name}" in the catalog' if former else "the catalog's tag is new here"
        return Change(
            SURFACE,
            "create",
            name,
            name,
            tag_key(tag.name),
            after=after,
            reason=reason,
            kind="external" if self.rules.native else "global",
            extra={"tag_id": tag.id},
        )

    def _former(self, tag: TagRef) -> TagDefinition | None:
        """The definition of the same catalog tag under its name before a rename."""
        if not tag.id:
            return None
        return next((known for known in self._known.values() if tag.id in known.source_ids), None)

    def _update(self, known: TagDefinition, tag: TagRef, reason: str, *, takes_over: bool) -> Change:
        before = look_of(known)
        after = {
            "category": self.rules.category if takes_over or self._from_another(known) else known.category,
            "color": tag.color or known.color,
            "description": reader_text(tag.description) or known.description,
        }
        if (after["color"] or "").lower() == (before["color"] or "").lower():
            after["color"] = before["color"]
        if reader_text(before["description"]) == after["description"]:
            after["description"] = before["description"]
        return Change(
            SURFACE,
            "update",
            known.name,
            known.name,
            tag_key(known.name),
            before=before,
            after=after,
            reason=reason,
            kind=known.type,
            extra={"tag_id": tag.id, "takes_over": takes_over},
        )

    def _is_mine(self, known: TagDefinition, *, held: bool) -> bool:
        """Whether this integration decides how the tag looks: the first in config order that supplies it.

        Those that hold an assignment supply it. Where people made all of them nobody does, and it stays with
        the first that asks: two that both ask would take turns.
        """
        if known.type == "external":
            return (
                False  # the API changes only category and weight of an external tag (qualytics-api.md §2.8)
            )
        if known.made_by:
            supplied_before = any(one in known.suppliers for one in self.rules.earlier)
            if known.suppliers or held:
                return (held or self.rules.integration in known.suppliers) and not supplied_before
            return known.made_by not in self.rules.earlier
        return fold(known.category or "") == fold(self.rules.category)

    def _is_of_another(self, known: TagDefinition) -> bool:
        """Whether another integration made it, one that is in the config still."""
        return known.made_by != self.rules.integration and fold(known.made_by or "") in self.rules.ours

    def _spokesman(self, known: TagDefinition, tag: TagRef) -> TagRef:
        """Of the catalog's tags that differ by case or blanks only, the one whose look a definition has: the
        one spelled like it, whatever carries that, or else the one that was met."""
        return self._variants.get(known.name, tag)

    def _gives_the_look(self, known: TagDefinition, tag: TagRef) -> bool:
        """Of a catalog's tags that differ by case or blanks only, the one spelled like the definition, or the
        one that the definition was made from, gives it its look: always the same one.

        A later integration's is taken over by a tag of just its spelling, or two of ours would take turns.
        """
        if known.made_by is None or tag.name == known.name:
            return True
        if known.made_by == self.rules.integration and known.source_ids:
            return tag.id in known.source_ids
        return tag_name(tag.name) == known.name

    def _from_another(self, known: TagDefinition) -> bool:
        """Whether it stands in the category of another integration, whose turn it is no more."""
        return known.made_by not in (None, self.rules.integration) and (
            fold(known.category or "") in self.rules.ours
        )
