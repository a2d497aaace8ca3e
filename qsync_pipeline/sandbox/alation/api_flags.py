"""Trust flag endpoints (alation-api.md §2.7)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import ApiError, by_field, forbidden
from qsync_pipeline.sandbox.alation.flags import TYPES, Flag
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.richtext import clean, plain
from qsync_pipeline.sandbox.alation.world import World


def missing() -> ApiError:
    """The 404 of flags has no code (§1.4)."""
    return ApiError(404, {"detail": "Not found."})


class FlagsApi:
    """Single flags; there is no bulk call."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        one = "/integration/flag/{id}/"
        return [
            ("GET", "/integration/flag/", self._list),
            ("POST", "/integration/flag/", self._create),
            ("GET", one, lambda call: self._row(self._flag(call))),
            ("PUT", one, self._update),
            ("DELETE", one, self._delete),
        ]

    def _row(self, flag: Flag) -> dict[str, Any]:
        return self._world.flags.row(flag)

    def _list(self, call: Call) -> Reply:
        """All flags, also of deleted subjects unless ``exclude_deleted`` says no (row 45)."""
        oid, otype = call.one("oid"), call.one("otype")
        flags = [
            flag
            for flag in self._world.flags.by_id.values()
            if (oid is None or str(flag.subject.id) == oid)
            and (otype is None or flag.subject.otype == otype)
            and not (flag.subject.deleted and call.flag("exclude_deleted"))
            and self._world.access.sees(call.user, flag.subject)
        ]
        return call.page(flags, self._row)

    def _flag(self, call: Call) -> Flag:
        number = call.number("id")
        flag = self._world.flags.by_id.get(number) if number is not None else None
        if flag is None or not self._world.access.sees(call.user, flag.subject):
            raise missing()
        return flag

    def _create(self, call: Call) -> Reply:
        require(call.user, "COMPOSER")
        world, body = self._world, call.object()
        kind, subject = body.get("flag_type"), body.get("subject")
        if kind not in TYPES:
            raise by_field(flag_type=f'"{kind}" is not a valid choice.')
        if not isinstance(subject, dict) or "id" not in subject:
            raise by_field(subject="This field is required.")
        if subject.get("otype") not in world.store.nodes:
            raise by_field(subject="Invalid otype")
        node = world.subject(call.user, subject["otype"], subject["id"])
        if node is None:
            raise missing()
        if not world.access.writes(call.user, node):
            raise forbidden()
        reason = self._reason(call, kind)
        present = world.flags.in_the_way(kind, node, call.user)
        if present is None:
            flag = world.flags.add(kind, reason, node, call.user, world.clock.now())
            return Reply(201, self._row(flag))
        if call.switches.second_flag == "update" and present.owner is call.user:
            present.reason, present.updated = reason, world.clock.now()
            return Reply(201, self._row(present))
        raise by_field(non_field_errors=f"This object is already flagged with {kind}.")

    def _reason(self, call: Call, kind: str) -> str:
        """Required for warnings and deprecations, forbidden for endorsements (§2.7, rows 42 and 43)."""
        given = call.object().get("flag_reason")
        if given is not None and not isinstance(given, str):
            raise by_field(flag_reason="Not a valid string.")
        reason = clean(given or "", wrap=True)
        if kind == "ENDORSEMENT" and plain(reason):
            raise by_field(flag_reason="A reason is not allowed for an endorsement.")
        if kind != "ENDORSEMENT" and not plain(reason):
            raise by_field(flag_reason="This field is required.")
        return "" if kind == "ENDORSEMENT" else reason

    def _owned(self, call: Call) -> Flag:
        """The flag of the path, if the caller may touch it (row 40)."""
        require(call.user, "COMPOSER")
        flag = self._flag(call)
        alien = flag.owner is not call.user and not call.user.may("SERVER_ADMIN")
        if (alien and call.switches.flag_owners_only) or not self._world.access.writes(
            call.user, flag.subject
        ):
            raise forbidden()
        return flag

    def _update(self, call: Call) -> dict[str, Any]:
        """Another reason; nothing else can change, and an endorsement not at all (row 41)."""
        flag = self._owned(call)
        if flag.type == "ENDORSEMENT":
            raise by_field(flag_type="An endorsement cannot be changed.")
        flag.reason, flag.updated = self._reason(call, flag.type), self._world.clock.now()
        return self._row(flag)

    def _delete(self, call: Call) -> None:
        self._world.flags.remove(self._owned(call))
