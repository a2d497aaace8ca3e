"""What people may do on all sides, and how the object that they do it to is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qsync_pipeline_tests.e2e.trees import folded, tag_key
from qsync_pipeline_tests.histories.estates import TAGS
from qsync_pipeline_tests.histories.memory import Memory
from qsync_pipeline_tests.histories.scene import level_of, plain_name
from qsync_pipeline_tests.histories.world import Json


class Acts(Memory):
    """Each act answers what the control plane is to be told, or None where it is not possible."""

    # Choosing.

    def _some(self, system: str, which: int, *levels: int) -> Json | None:
        return self._one([one for one in self._world.state(system) if level_of(one) in levels], which)

    def _one(self, entries: Sequence[Json], which: int) -> Json | None:
        """One of these; with an odd number one that the last run changed, if there is any."""
        hot = [one for one in entries if plain_name(one) in self.hot] if which % 2 else ()
        chosen = hot or entries
        return chosen[which // 2 % len(chosen)] if chosen else None

    def _in_company(self, system: str) -> list[Json]:
        """Tables and columns that are not alone in what they lie in: else what goes leaves that empty, and
        then all waits (DESIGN.md §5.5)."""
        there = [(one, plain_name(one).rpartition(".")[0]) for one in self._world.state(system)]
        there = [(one, above) for one, above in there if level_of(one) in (1, 2)]
        company = Counter(above for _, above in there)
        return [one for one, above in there if company[above] > 1]

    # On all sides.

    def _tag(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1, 2)
        if entry is None:
            return None
        tag = TAGS[what % len(TAGS)]
        if system == "qualytics":
            self._put_by_hand(entry, tag)
        return {"asset": entry["name"], "tag": tag}

    def _put_by_hand(self, entry: Json, name: str) -> None:
        """A tag of ours on an object where we had not put it is its person's."""
        for one in self._world.state("qualytics"):
            if one["name"] != entry["name"]:
                continue
            origin = next((tag["origin"] for tag in one["tags"] if tag["name"] == name), None)
            defined = self._world.store.tags.by_name.get(name)
            if origin not in (None, "propagated"):
                continue
            place = one["id"], tag_key(name)
            if defined is None or defined.maker == "person":
                self.native.add(name)
            elif origin is None and place not in {one[1:] for one in self.cut_short | self.unseen}:
                self.theirs.add(place)
            else:
                # The API cannot tell it from a copy of ours, which goes with its origin, nor from what a run
                # that was cut short may have written, nor from what was there all along: it may go or stay.
                self.open.add(place)

    def _untag(self, system: str, which: int, what: int) -> Json | None:
        tagged = [one for one in self._world.state(system) if level_of(one) >= 0 and one["tags"]]
        entry = self._one(tagged, which)
        if entry is None:
            return None
        shown = entry["tags"][what % len(entry["tags"])]
        tag = shown["name"]
        if system == "qualytics":
            same = {one["id"] for one in self._world.state("qualytics") if one["name"] == entry["name"]}
            if shown["origin"] == "managed":
                self.unseen |= {(one, id_, tag_key(tag)) for one in self._world.catalogs for id_ in same}
            self.theirs -= {(id_, tag_key(tag)) for id_ in same}
            if same & {id_ for _, id_, key in self.cut_short if key == tag_key(tag)}:
                # Whether what is left below are copies of ours, nothing tells any more.
                self.open |= {(id_, tag_key(tag)) for id_ in self._below(entry["name"])}
            self.taken |= {(id_, tag_key(tag)) for id_ in self._below(entry["name"])}
        return {"asset": entry["name"], "tag": tag}

    def _rename(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        self._doubt(entry)
        to = ("T1", "t2", "T3", "A", "New name")[what % 5]
        self._move(entry, to)
        if system == "qualytics":
            old, new = entry["name"], f"{entry['name'].rpartition('.')[0]}.{to}"
            lost = [name for name in self.missing if f"{name}.".startswith(f"{old}.")]
            self.missing |= {f"{new}{name.removeprefix(old)}" for name in lost}
        return {"asset": entry["name"], "to": to}

    def _drop(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        self._move(entry)
        if system == "qualytics":
            below = self._below(entry["name"])
            self.theirs -= {one for one in self.theirs if one[0] in below}
            how = ("delete", "archive" if level_of(entry) == 1 else "missing")[what % 2]
            if how == "missing":
                self.missing.add(entry["name"])
            return {"asset": entry["name"], "how": how}
        self._lose_proof(system, entry)
        return {"asset": entry["name"]}

    def _lose_proof(self, system: str, entry: Json) -> None:
        """Only a tag or a flag proves of something in Alation that it was deleted (DESIGN.md §5.1)."""
        for one in self._world.state(system) if system == "alation" else ():
            below = f"{one['name']}.".startswith(f"{entry['name']}.")
            if below and not one["tags"] and one["alert"] is None:
                self._doubt(one)

    def _below(self, name: str) -> set[str]:
        entries = self._world.state("qualytics")
        return {one["id"] for one in entries if one["name"] == name or one["name"].startswith(f"{name}.")}

    def _create(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None:
            return None
        name = ("T1", "t2", "T3", "A", "C")[what % 5]
        self.moved.add(f"{plain_name(entry)}.{folded(name)}")
        return {"asset": f"{entry['name']}.{name}"}
