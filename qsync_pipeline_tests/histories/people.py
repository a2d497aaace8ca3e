"""People who do their part of a history."""

from __future__ import annotations

from typing import Any

from qsync_pipeline_tests.histories.acts_in_catalogs import ActsInCatalogs
from qsync_pipeline_tests.histories.acts_in_qualytics import ActsInQualytics
from qsync_pipeline_tests.histories.driver import Ran


class People(ActsInCatalogs, ActsInQualytics):
    """People on all sides, and what has to be remembered of what they did to judge the end by."""

    def saw(self, catalog: str, ran: Ran) -> None:
        """Take note of what a run leaves in the dark; a whole one that ends well, with all in sight, clears
        that up."""
        for line in ran.lines:
            # The new name of a tag of theirs that was taken over keeps its weight (DESIGN.md §5.2), and so
            # does not look like a tag of an integration.
            made = line.surface == "tag_definitions" and line.action == "create"
            if made and line.after["weight_modifier"]:
                self.native.add(line.after["name"])
        if ran.killed or ran.failures:
            self.cut_short |= {
                (catalog, line.target, line.key) for line in ran.lines if line.surface == "external_tags"
            }
        elif not (ran.partial or ran.direction == "push" or self.denied or self.hidden[catalog]):
            self.cut_short = {one for one in self.cut_short if one[0] != catalog}
            self.unseen = {one for one in self.unseen if one[0] != catalog}

    def act(self, side: str, do: str, which: int, what: int) -> list[str]:
        """One act, as far as it is possible; what was done, in the control plane's words."""
        names = self._world.catalogs if side == "catalog" else ("qualytics",)
        system = names[what % len(names)]
        remembered: tuple[set[Any], ...] = (
            self.native, self.theirs, self.open, self.doubted, self.missing, self.hidden[system], self.moved,
            self.cleared, self.taken, self.unseen,
        )  # fmt: skip
        before = [set(one) for one in remembered]
        plan = getattr(self, f"_{do}")(system, which, what)
        words = {"do": do, **(plan or {})}
        if plan is None or not (plan.get("done") or self._world.mutate(system, **words)):
            for one, former in zip(remembered, before, strict=True):
                one.clear()
                one.update(former)
            return []
        self.renamed |= do in ("rename", "create")
        if (side, do) == ("catalog", "rename"):
            self._world.settle()
        for entry in self._world.state("qualytics"):
            self.native.update(tag["name"] for tag in entry["tags"] if tag["origin"] == "native")
        return [f"{system}: {words}"]
