"""What people and scans do in Qualytics only."""

from __future__ import annotations

from qsync_pipeline_tests.e2e.trees import tag_key
from qsync_pipeline_tests.histories.acts import Acts
from qsync_pipeline_tests.histories.estates import TAGS
from qsync_pipeline_tests.histories.scene import level_of, plain_name
from qsync_pipeline_tests.histories.world import Json


class ActsInQualytics(Acts):
    """Teams, definitions of tags, anomalies, checks and scores."""

    def _deny(self, system: str, which: int, what: int) -> Json | None:
        """An administrator takes our token's team out of a datastore."""
        return self._team(which, denied=True)

    def _admit(self, system: str, which: int, what: int) -> Json | None:
        return self._team(which, denied=False)

    def _team(self, which: int, *, denied: bool) -> Json | None:
        stores = [one for one in self._world.state("qualytics") if one["id"].startswith("datastore:")]
        entry = self._one([one for one in stores if (one["id"] in self.denied) != denied], which)
        if entry is None:
            return None
        self._world.systems["qualytics"].deny_datastore(  # type: ignore[attr-defined]  # the sandbox's own
            int(entry["id"].partition(":")[2]), denied
        )
        (self.denied.add if denied else self.denied.discard)(entry["id"])
        return {"asset": entry["name"], "done": True}

    def _create_tag(self, system: str, which: int, what: int) -> Json | None:
        name = TAGS[what % len(TAGS)]
        if name not in self._world.store.tags.by_name:
            self.native.add(name)
        return {"name": name}

    def _delete_tag(self, system: str, which: int, what: int) -> Json | None:
        """A definition is cleared away, whoever made it, and goes from all that carries it."""
        name = TAGS[what % len(TAGS)]
        if name not in self._world.store.tags.by_name:
            return None
        self.native.discard(name)
        self.theirs -= {one for one in self.theirs if one[1] == tag_key(name)}
        self.taken |= {(one["id"], tag_key(name)) for one in self._world.state("qualytics")}
        return {"name": name}

    def _raise_anomaly(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        rule = "volumetric" if level_of(entry) == 1 else "notNull"
        return {"asset": entry["name"], "rule": rule, "count": 1 + what % 2}

    def _set_anomaly_status(self, system: str, which: int, what: int) -> Json | None:
        status = ("Acknowledged", "Resolved", "Resolved", "Active")[what % 4]
        there = [one for one in self._world.state(system) if level_of(one) < 2]
        open_ones = [one for one in there if one["attributes"]["Anomaly Count"]]
        entry = self._one(there if status == "Active" else open_ones, which)
        return None if entry is None else {"asset": entry["name"], "id": "all", "status": status}

    def _resolve(self, system: str, which: int, what: int) -> Json | None:
        """The anomalies of a table are dealt with, there first where an alert of ours tells of them."""
        shown = {
            plain_name(one) for catalog in self._world.catalogs for one in self._world.state(catalog)
            if one["alert"] and one["alert"]["by"] == "integration"
        }  # fmt: skip
        tables = [one for one in self._world.state("qualytics") if level_of(one) == 1]
        open_ones = [one for one in tables if one["attributes"]["Anomaly Count"]]
        entry = self._one([one for one in open_ones if plain_name(one) in shown] or open_ones, which)
        words = {"do": "set_anomaly_status", "id": "all", "status": "Resolved"}
        return None if entry is None else {"asset": entry["name"], **words}

    def _archive_check(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1)
        return None if entry is None else {"asset": entry["name"], "delete_anomalies": what % 2 == 0}

    def _edit_check(self, system: str, which: int, what: int) -> Json | None:
        ids = sorted(self._world.store.checks)
        return {"id": ids[which % len(ids)], "description": f"Text {what}"} if ids else None

    def _set_score(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1, 2)
        if entry is None:
            return None
        dimension = ("total", "coverage", "accuracy")[what % 3]
        return {"asset": entry["name"], "dimension": dimension, "value": (None, 12.35, 0.0, 99.999)[what % 4]}

    def _lose_column(self, system: str, which: int, what: int) -> Json | None:
        """The last profile does not find a column any more."""
        entry = self._some(system, which, 2)
        if entry is None:
            return None
        self._move(entry)
        self.theirs -= {one for one in self.theirs if one[0] == entry["id"]}
        self.missing.add(entry["name"])
        return {"do": "drop", "asset": entry["name"], "how": "missing"}

    def _finish_scan(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        return None if entry is None else {"asset": entry["name"]}
