"""What people changed in the place of ours stays where the config says ``on_drift: keep``.

Told only of what a run that ended well had put there, and of runs that began with every index up to date:
all else may be no drift to those who look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qsync_pipeline_tests.e2e.reference import rounded
from qsync_pipeline_tests.e2e.trees import tag_key
from qsync_pipeline_tests.histories.driver import Ran
from qsync_pipeline_tests.histories.laws import Seen
from qsync_pipeline_tests.histories.people import People
from qsync_pipeline_tests.histories.scene import plain_name
from qsync_pipeline_tests.histories.world import Json, World


class Keeping:
    """What runs put there over one history, and what became of it."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self._values: set[tuple[str, str]] = set()
        """Attributes (name) of assets (ids)."""
        self._had: set[tuple[str, str, Any]] = set()
        """Values that Qualytics has shown, by name of the object and of the attribute."""
        self._alerts: set[str] = set()
        """Assets (ids) with an alert that was called for ever since."""
        self._tags: set[tuple[str, str, str]] = set()
        """Tags (key) of objects of Qualytics (ids) that a catalog (first) has had on its own ever since."""

    def lost(self, catalog: str, before: Seen, after: Seen, ran: Ran, *, settled: bool) -> list[str]:
        """What a run set again that it should have kept."""
        if self._world.settings[catalog].get("on_drift") != "keep":
            return []
        well = settled and not ran.killed and not ran.failures
        found = [
            *self._set_again(catalog, before, after, well=well),
            *self._shown_again(catalog, before, after, well=well),
            *self._put_again(catalog, before, after, well=well),
        ]
        return found if settled else []

    def _set_again(self, catalog: str, before: Seen, after: Seen, *, well: bool) -> Iterator[str]:
        for unit in before.shown["qualytics"]:
            for name, value in unit["attributes"].items():
                self._had.add((plain_name(unit), name, rounded(value)))
        for entry, now in _both(catalog, before, after):
            had, has = entry["attributes"], now["attributes"]
            for name in {*had, *has}:
                old, new, key = had.get(name), has.get(name), (entry["id"], name)
                if old == new:
                    continue
                theirs = key in self._people.typed and self._people.typed[key] == old
                # What happened to be what Qualytics has was taken up for ours again.
                ours = key not in self._values or (plain_name(entry), name, old) in self._had
                if theirs and not ours and not self._people.has_moved(plain_name(entry)):
                    yield f"{entry['name']}: {name} was {old!r}, a person's, and is {new!r}: on_drift is keep"
                if new is not None and well:
                    self._values.add(key)

    def _shown_again(self, catalog: str, before: Seen, after: Seen, *, well: bool) -> Iterator[str]:
        calm = {
            plain_name(one) for one in before.shown["qualytics"] if not one["attributes"]["Anomaly Count"]
        }
        for entry, now in _both(catalog, before, after):
            old, new, id_, name = entry["alert"], now["alert"], entry["id"], plain_name(entry)
            if name in calm or (old and old["by"] == "person"):
                self._alerts.discard(id_)
            back = old is None and new is not None and id_ in self._alerts & self._people.cleared
            if back and not self._people.has_moved(name):
                yield f"{entry['name']}: an alert that a person cleared is back: on_drift is keep"
            if not well:
                self._alerts.discard(id_)
            elif old is None and new is not None and new["by"] == "integration":
                self._alerts.add(id_)

    def _put_again(self, catalog: str, before: Seen, after: Seen, *, well: bool) -> Iterator[str]:
        asked = {
            (plain_name(one), tag_key(tag["name"])) for one in before.shown[catalog] for tag in one["tags"]
        }
        for entry, now in _both("qualytics", before, after):
            name, id_ = plain_name(entry), entry["id"]
            mine = {one for one in self._tags if one[:2] == (catalog, id_)}
            self._tags -= mine if not well else {one for one in mine if (name, one[2]) not in asked}
            for key in _keys(now) - _keys(entry):
                known = (catalog, id_, key) in self._tags and (id_, key) in self._people.taken
                if known and not self._people.has_moved(name):
                    yield f"{entry['name']}: the tag {key!r}, which a person took off, is back"
                if well and (name, key) in asked:
                    self._tags.add((catalog, id_, key))


def _both(system: str, before: Seen, after: Seen) -> Iterator[tuple[Json, Json]]:
    """Each object as it was and as it is, of those that are there still."""
    now = {entry["id"]: entry for entry in after.shown[system]}
    for entry in before.shown[system]:
        if entry["id"] in now:
            yield entry, now[entry["id"]]


def _keys(entry: Json) -> set[str]:
    return {tag_key(tag["name"]) for tag in entry["tags"]}
