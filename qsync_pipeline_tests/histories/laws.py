"""What must hold of every run, however it ended: it touches only its own, and makes nothing worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline_tests.e2e.judging import out_of_scope, problems_of_all
from qsync_pipeline_tests.e2e.memory import MEMORIES
from qsync_pipeline_tests.e2e.trees import tag_key
from qsync_pipeline_tests.histories.driver import Ran
from qsync_pipeline_tests.histories.people import People
from qsync_pipeline_tests.histories.scene import plain_name
from qsync_pipeline_tests.histories.world import Json, World

OURS = {"attributes", "alert", "health"}
"""What a run may change on an asset of a catalog, as people see it."""
SHOWN = ("tags", "attributes", "alert", "health", "domains")


@dataclass
class Seen:
    """All that there is at one moment: what people see, by system, and what the systems hold beside that."""

    shown: dict[str, list[Json]]
    beside: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Seen:
        """As things stand now."""
        seen = cls({system: world.state(system) for system in world.systems})
        for system in world.systems:
            for (_, id_, what), value in MEMORIES[system](world.sandbox).items():
                if system != "qualytics":
                    seen.beside[system, id_, f"memory: {what}"] = repr(value)
                elif what == "definition":
                    seen.beside[system, id_, what] = value
        return seen

    def all(self) -> dict[tuple[str, str, str], Any]:
        """Everything, by system, object and what it is."""
        return self.beside | {
            (system, entry["id"], what): entry[what]
            for system, entries in self.shown.items() for entry in entries for what in SHOWN
        }  # fmt: skip


class Laws:
    """The laws of a world and its people, over the runs of one history."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self._late: set[str] = set()
        """What runs wanted to write that did not end well: it may still arrive, out of a queue over there."""
        self._put: set[tuple[str, str]] = set()
        """Tags of Qualytics' own that runs put on objects (ids)."""
        self._lies_in: dict[str, list[str]] = {}
        """What objects of Qualytics lie in, of those that may be gone now."""

    def broken(
        self, catalog: str, before: Seen, after: Seen, ran: Ran, *, settled: bool, within: str, blind: str
    ) -> list[str]:
        """What a run did that it may not. ``settled`` says whether every index was up to date when it began,
        ``within`` is the name of the one table that it was about, if it kept to one, ``blind`` the system
        that told it of no single object whether that is there."""
        old, new = before.all(), after.all()
        changed = [key for key in {*old, *new} if old.get(key) != new.get(key)]
        names = _names(before, after)
        overwrites = bool(self._world.settings[catalog].get("overwrite_tags"))
        found = [*self._foreign(old, new, changed, ran, overwrites=overwrites), *self._taken(after)]
        if within:
            found += self._beyond(ran, catalog, names, within)
            found += [line for key in changed for line in self._outside(key, old, new, names, within)]
        if blind and not self._people.renamed:
            found += self._unproved(catalog, before, after, blind)
        found += self._denied(before, changed, old, new)
        if settled:
            found += self._thawed(catalog, before, changed, old, new)
            found += self._worse(before, after, ran)
        if ran.killed or ran.failures:
            self._late |= _named(ran)
        self._people.hot = _hot(names, changed, old, new)
        return found

    def changed(self, before: Seen, after: Seen) -> set[str]:
        """Names of what came to look different, up to the moment when somebody acts amid a run."""
        for entry in after.shown["qualytics"]:
            self._lies_in[entry["id"]] = self._above(entry["id"])
        old, new = before.all(), after.all()
        changed = [key for key in {*old, *new} if old.get(key) != new.get(key)]
        return _hot(_names(before, after), changed, old, new)

    def problems(self, seen: Seen) -> list[str]:
        """What the reference finds wrong."""
        judged = [(seen.shown[name], self._people.rules(name)) for name in self._world.catalogs]
        found = problems_of_all(judged, seen.shown["qualytics"])
        return [line for line in found if not line.startswith("nothing matches")]  # so it may well come

    # The laws.

    def _foreign(
        self, old: Any, new: Any, changed: Sequence[Any], ran: Ran, *, overwrites: bool
    ) -> Iterator[str]:
        """Nothing outside the plan, and nothing of a person's; ``overwrites`` is a setting."""
        self._put = {
            one for one in self._put if one[1] in _of_origin("native", old.get(("qualytics", one[0], "tags")))
        }
        named = _named(ran) | self._late
        for key in changed:
            before, now = old.get(key), new.get(key)
            system, id_, what = key
            if system != "qualytics":
                person = what == "alert" and before and before["by"] == "person"
                wrong = what not in OURS or id_ not in named or person
            elif what == "definition":
                person = before and before[-1] == "person"
                taken_over = overwrites and person and now and now[:2] == before[:2] and now[-1] == "person"
                wrong = tag_key(id_) not in named or (person and not taken_over)
            elif what == "tags":
                planned = named & {id_, *self._above(id_)} or _restyled(before, now) <= named
                put, lost = self._native(id_, before, now)
                wrong = (put and not overwrites) or lost or not planned
            else:
                wrong = True
            if wrong:
                yield f"{key}: {before} -> {now}"

    def _native(self, id_: str, before: Any, now: Any) -> tuple[set[str], set[str]]:
        """Which of Qualytics' own tags came to an object, and which went that no run put there."""
        had, has = _of_origin("native", before), _of_origin("native", now)
        self._put |= {(id_, name) for name in has - had}
        return has - had, {name for name in had - has if (id_, name) not in self._put}

    def _taken(self, after: Seen) -> Iterator[str]:
        """What a person put on an object of Qualytics is there."""
        here = {
            (entry["id"], tag_key(tag["name"]))
            for entry in after.shown["qualytics"] for tag in entry["tags"] if tag["origin"] != "propagated"
        }  # fmt: skip
        for id_, tag in self._people.theirs - here:
            yield f"{id_}: the tag {tag}, which a person put there, is gone"

    def _outside(self, key: Any, old: Any, new: Any, names: Any, within: str) -> Iterator[str]:
        """A run over one table writes on it and what is in it, and values on what it is in."""
        system, id_, what = key
        name = names.get((system, id_), "")
        if what not in (*OURS, "tags") or not name or id_ in self._late or self._people.has_moved(name):
            return
        below = f"{name}.".startswith(f"{within}.")
        above = within.startswith(f"{name}.") and what != "tags"
        if not below and not above and (what != "tags" or _uses(old.get(key)) != _uses(new.get(key))):
            yield f"{name}: {what} changed in a run over {within} alone"

    def _beyond(self, ran: Ran, catalog: str, names: Any, within: str) -> Iterator[str]:
        """The plan of a run over one table speaks of that one."""
        for line in ran.lines:
            tags = line.surface == "external_tags"
            name = names.get(("qualytics" if tags else catalog, line.target), "")
            above = within.startswith(f"{name}.") and not tags
            if (
                name
                and not f"{name}.".startswith(f"{within}.")
                and not above
                and not self._people.has_moved(name)
            ):
                yield f"{name}: {line.surface} is planned in a run over {within} alone: {line.reason}"

    def _thawed(
        self, catalog: str, before: Seen, changed: Sequence[Any], old: Any, new: Any
    ) -> Iterator[str]:
        """What is out of sight or outside the domain stays as it is, on both sides."""
        out = out_of_scope(before.shown[catalog], self._people.rules(catalog))
        ids = {entry["id"] for entry in out}
        seen = {plain_name(entry) for entry in before.shown[catalog] if entry["id"] not in ids}
        frozen = {
            name
            for entry in out
            if not self._people.has_moved(name := plain_name(entry)) and name not in seen
        }
        moved = {entry["id"] for entry in out if self._people.has_moved(plain_name(entry))}
        for system, id_, what in changed:
            if system == catalog and id_ in ids - moved and what in OURS and id_ not in self._late:
                yield f"{id_}: {what} changed, out of sight or outside the domain"
        if len(self._world.catalogs) > 1:
            return  # the other one may well take off what is its own
        for entry in before.shown["qualytics"]:
            key = ("qualytics", entry["id"], "tags")
            lost = _of_origin("managed", old[key]) - {tag["name"] for tag in new.get(key) or ()}
            if plain_name(entry) in frozen and lost:
                yield f"{entry['name']}: lost {lost}, and the catalog's object is only out of sight or scope"

    def _unproved(self, catalog: str, before: Seen, after: Seen, blind: str) -> Iterator[str]:
        """What has no counterpart any more keeps what is ours on it, until the counterpart is proved gone."""
        there = {system: set(map(plain_name, entries)) for system, entries in before.shown.items()}
        now = {(system, one["id"]): one for system, entries in after.shown.items() for one in entries}
        for entry in before.shown[catalog] if blind == "qualytics" else ():
            left = now.get((catalog, entry["id"]))
            if plain_name(entry) not in there["qualytics"] and left is not None:
                ours = entry["alert"] and entry["alert"]["by"] == "integration"
                if (entry["attributes"] and not left["attributes"]) or (ours and not left["alert"]):
                    yield f"{entry['name']}: cleared, and nothing proved that its object is gone"
        if blind != catalog or len(self._world.catalogs) > 1:
            return  # another catalog may know better
        for entry in before.shown["qualytics"]:
            left = now.get(("qualytics", entry["id"]))
            if plain_name(entry) not in there[catalog] and left is not None:
                lost = _of_origin("managed", entry["tags"]) - {tag["name"] for tag in left["tags"]}
                if lost:
                    yield f"{entry['name']}: lost {lost}, and nothing proved that its asset is gone"

    def _denied(self, before: Seen, changed: Sequence[Any], old: Any, new: Any) -> Iterator[str]:
        """What Qualytics does not show us stays as it is, on both sides."""
        denied = self._people.denied
        if not denied:
            return
        stores = [one for one in before.shown["qualytics"] if one["id"].startswith("datastore:")]
        names = {plain_name(one) for one in stores if one["id"] in denied}
        names -= {plain_name(one) for one in stores if one["id"] not in denied}
        entries = {(system, one["id"]): one for system, found in before.shown.items() for one in found}
        for system, id_, what in changed:
            entry = entries.get((system, id_))
            if entry is None or what not in (*OURS, "tags") or id_ in self._late:
                continue
            key = (system, id_, what)
            if what == "tags" and _uses(old.get(key)) == _uses(new.get(key)):
                continue  # their definitions look different
            if any(f"{plain_name(entry)}.".startswith(f"{name}.") for name in names):
                yield f"{entry['name']}: {what} changed, and its datastore is out of sight"

    def _worse(self, before: Seen, after: Seen, ran: Ran) -> Iterator[str]:
        """Whatever goes wrong, a run moves towards what the reference predicts, or nothing moves."""
        known = set(self.problems(before))
        held_on = {line.target for line in ran.lines if line.extra.get("held_on")}
        leaving = {
            line.target for line in ran.lines if line.surface == "external_tags" and line.action == "remove"
        }
        shown = after.shown["qualytics"]
        returning = tuple(f"{one['name']}: tag " for one in shown if one["id"] in held_on)
        following = tuple(f"{one['name']}: tag " for one in shown if one["id"] in leaving)
        for line in self.problems(after):
            # A copy that goes with its origin comes back one write later; what another catalog wants, in
            # that one's run. Where a run ends in between, copies outlive their origin until the next.
            missing = line.endswith(" is missing") and "tag " in line
            returns = missing and (len(self._world.catalogs) > 1 or line.startswith(returning))
            # What the other catalog supplied, and dropped since, stays on for it until its own run.
            stays = line.endswith(" is there, and no catalog puts it there") and line.startswith(returning)
            returns |= stays and len(self._world.catalogs) > 1
            ended = ran.killed or bool(ran.failures)
            follows = ended and line.endswith(" is a copy of nothing") and line.startswith(following)
            if line not in known and not returns and not follows:
                yield f"worse than before the run: {line}"

    def _above(self, id_: str) -> list[str]:
        level, _, number = id_.partition(":")
        store = self._world.store
        if id_ in self._lies_in:
            return self._lies_in[id_]
        if level == "field":
            container = store.fields[int(number)].container
            return [f"container:{container.id}", f"datastore:{container.datastore.id}"]
        if level == "container":
            return [f"datastore:{store.containers[int(number)].datastore.id}"]
        return []


def _names(*seen: Seen) -> dict[tuple[str, str], str]:
    return {
        (system, entry["id"]): plain_name(entry)
        for one in seen for system, entries in one.shown.items() for entry in entries
    }  # fmt: skip


def _hot(names: Mapping[Any, str], changed: Sequence[Any], old: Any, new: Any) -> set[str]:
    """Names of what a run changed itself: copies of tags that came along do not count."""
    return {
        names[key[:2]]
        for key in changed
        if key[2] in OURS or (key[2] == "tags" and _own(old.get(key)) != _own(new.get(key)))
    }


def _named(ran: Ran) -> set[str]:
    return {line.target for line in ran.lines} | {tag_key(line.key) for line in ran.lines}


def _of_origin(origin: str, tags: Sequence[Json] | None) -> set[str]:
    return {tag["name"] for tag in tags or () if tag["origin"] == origin}


def _uses(tags: Sequence[Json] | None) -> set[tuple[str, str]]:
    return {(tag["name"], tag["origin"]) for tag in tags or ()}


def _own(tags: Sequence[Json] | None) -> set[str]:
    return {tag["name"] for tag in tags or () if tag["origin"] != "propagated"}


def _restyled(old: Sequence[Json] | None, new: Sequence[Json] | None) -> set[str]:
    """Keys of the tags that only look different, as their definitions do; no key at all where tags came or
    went."""
    if _uses(old) != _uses(new):
        return {"tags came or went"}
    return {tag_key(tag["name"]) for tag in new or () if tag not in (old or ())}
