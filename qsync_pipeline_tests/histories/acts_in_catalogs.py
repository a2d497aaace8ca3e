"""What people do in catalogs only."""

from __future__ import annotations

from qsync_pipeline_tests.histories.acts import Acts
from qsync_pipeline_tests.histories.estates import DOMAINS, TAGS
from qsync_pipeline_tests.histories.scene import level_of
from qsync_pipeline_tests.histories.world import Json


class ActsInCatalogs(Acts):
    """Tags, banners, values, and who may see what."""

    def _undo(self, system: str, which: int, what: int) -> Json | None:
        """A tag is taken off again where the last run brought it to."""
        plan = self._untag(system, 2 * which + 1, what)
        return None if plan is None else {"do": "untag", **plan}

    def _rename_tag(self, system: str, which: int, what: int) -> Json | None:
        there = sorted({tag["name"] for one in self._world.state(system) for tag in one["tags"]})
        if not there:
            return None
        return {"from": there[which % len(there)], "to": (*TAGS, "Renamed")[what % (len(TAGS) + 1)]}

    def _set_alert(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1)
        return None if entry is None else {"asset": entry["name"], "text": f"Note {what}"}

    def _clear_alert(self, system: str, which: int, what: int) -> Json | None:
        there = [one for one in self._world.state(system) if one["alert"]]
        entry = self._one(there, which)
        if entry is None:
            return None
        self.cleared |= {one["id"] for one in there if one["name"] == entry["name"]}
        return {"asset": entry["name"]}

    def _set_attribute(self, system: str, which: int, what: int) -> Json | None:
        entry = self._one([one for one in self._world.state(system) if one["attributes"]], which)
        if entry is None:
            return None
        name = "Quality Score Total" if what % 2 else "Anomaly Count"
        value = None if what % 3 == 0 else what
        same = [one["id"] for one in self._world.state(system) if one["name"] == entry["name"]]
        self.typed.update({(id_, name): value for id_ in same})
        return {"asset": entry["name"], "name": name, "value": value}

    def _forbid(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        return None if entry is None else self._hide(system, entry)

    def _hide(self, system: str, entry: Json) -> Json:
        self._doubt(entry)
        self.hidden[system].add(entry["name"])
        return {"do": "forbid", "asset": entry["name"]}

    def _forbid_tagged(self, system: str, which: int, what: int) -> Json | None:
        """A table with a tag on it or on a column of it, and beside which there are others."""
        tagged = [f"{one['name']}." for one in self._in_company(system) if one["tags"]]
        tables = [one for one in self._in_company(system) if level_of(one) == 1]
        there = [one for one in tables if any(name.startswith(f"{one['name']}.") for name in tagged)]
        entry = self._one(there, which)
        return None if entry is None else self._hide(system, entry)

    def _tag_inside(self, system: str, which: int, what: int) -> Json | None:
        """A tag on a table or column, of which there are others beside it."""
        entry = self._one(self._in_company(system), which)
        return None if entry is None else {"do": "tag", "asset": entry["name"], "tag": "PII"}

    def _drop_tagged(self, system: str, which: int, what: int) -> Json | None:
        entry = self._one([one for one in self._in_company(system) if one["tags"]], which)
        if entry is None:
            return None
        self._move(entry)
        self._lose_proof(system, entry)
        return {"do": "drop", "asset": entry["name"]}

    def _allow(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None or entry["name"] not in self.hidden[system]:
            return None
        # What is said of a schema takes the place of what was said of its tables.
        self.hidden[system] -= {
            one for one in self.hidden[system] if f"{one}.".startswith(f"{entry['name']}.")
        }
        read_only = any(f"{entry['name']}.".startswith(f"{one}.") for one in self.read_only[system])
        return {"asset": entry["name"], "mode": "read" if read_only else "write"}

    def _set_domain(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None or not self._world.domains:
            return None
        self._doubt(entry)
        return {"asset": entry["name"], "domain": (*DOMAINS, None)[what % (len(DOMAINS) + 1)]}
