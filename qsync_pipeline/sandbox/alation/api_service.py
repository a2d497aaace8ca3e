"""Jobs, users, object types, templates, version (alation-api.md §2.0, §2.5, §2.10, §2.12).

``/full_version`` and ``/api/v1/license`` are not in the dossier; Alation's AI-agent SDK reads
``ALATION_RELEASE_NAME`` and ``is_cloud`` from them.
"""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.alation.errors import not_found
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.users import User
from qsync_pipeline.sandbox.alation.world import World

_OTYPES = (
    "article", "attribute", "business_policy", "data", "domain", "glossary_term", "glossary_v3",
    "groupprofile", "policy_group", "query", "schema", "table", "tag", "user",
)  # fmt: skip
_TEMPLATES = (("Data Source", "data"), ("Schema", "schema"), ("Table", "table"), ("Column", "attribute"))


class ServiceApi:
    """Small endpoints beside the catalog itself."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        return [
            ("GET", "/api/v1/bulk_metadata/job/", self._job),
            ("GET", "/integration/v1/user/", lambda call: self._users(call, User.row)),
            ("GET", "/integration/v2/user/", lambda call: self._users(call, User.long_row)),
            ("GET", "/integration/v1/user/{id}/", lambda call: self._user(call).row()),
            ("GET", "/integration/v2/user/{id}/", lambda call: self._user(call).long_row()),
            ("GET", "/integration/v1/userinfo/", lambda call: call.user.row()),
            ("GET", "/integration/v1/group/", lambda call: call.page([])),
            ("GET", "/integration/v1/otype/", lambda call: [{"name": name} for name in _OTYPES]),
            ("GET", "/integration/v1/custom_template/", self._templates),
            ("GET", "/integration/v1/custom_template/{id}/", self._template),
        ]

    def public_routes(self) -> Routes:
        """Those that need no token."""
        return [
            ("GET", "/full_version", lambda call: {"ALATION_RELEASE_NAME": call.switches.release}),
            ("GET", "/api/v1/license", lambda call: {"is_cloud": call.switches.deployment == "cloud"}),
        ]

    def _job(self, call: Call) -> dict[str, Any]:
        return self._world.jobs.row(call.one("id"), call.one("name"))

    # Users.

    def _users(self, call: Call, row: Any) -> Reply:
        ops = ("", "__contains", "__icontains")
        texts = ("display_name", "email")
        call.known("id", "profile_id", *(name + op for name in texts for op in ops))
        users = [
            user
            for user in self._world.users.by_id.values()
            if all(user.id in call.numbers(name) for name in ("id", "profile_id") if call.many(name))
            and all(_fits(getattr(user, name), call, name) for name in texts)
        ]
        return call.page(users, row)

    def _user(self, call: Call) -> User:
        user = self._world.users.by_id.get(call.number("id") or 0)
        if user is None:
            raise not_found()
        return user

    # Templates: which fields show on which pages. New fields are on none (§2.5).

    def _rows(self) -> list[dict[str, Any]]:
        fields = [field.row() for field in self._world.fields.by_id.values() if field.builtin is not None]
        return [
            {
                "id": number,
                "title": title,
                "builtin_name": title.lower().replace(" ", "_"),
                "layout_otype": otype,
                "visual_config_id": number,
                "fields": fields,
            }
            for number, (title, otype) in enumerate(_TEMPLATES, start=1)
        ]

    def _templates(self, call: Call) -> Reply:
        titles = call.many("title")
        return call.page([row for row in self._rows() if not titles or row["title"] in titles])

    def _template(self, call: Call) -> dict[str, Any]:
        for row in self._rows():
            if row["id"] == call.number("id"):
                return row
        raise not_found()


def _fits(text: str, call: Call, name: str) -> bool:
    exact, inside, anyhow = (call.many(name + op) for op in ("", "__contains", "__icontains"))
    return (
        (not exact or text in exact)
        and (not inside or any(each in text for each in inside))
        and (not anyhow or any(each.lower() in text.lower() for each in anyhow))
    )
