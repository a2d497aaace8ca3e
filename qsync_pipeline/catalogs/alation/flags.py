"""Trust flags: which one counts as the alert of an object, and which are ours (alation-api.md §2.7).

An object may carry several flags. Endorsements are praise, no alerts: they neither stand in the way of ours
nor are they ever touched. Of warnings and deprecations ours is handed on where it stands, else a person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from qsync_pipeline.catalogs.alation.models import Flag, User
from qsync_pipeline.catalogs.alation.richtext import plain_lines, reason_html, reason_parts
from qsync_pipeline.core.rows import Alert

ALERTING = frozenset({"WARNING", "DEPRECATION"})


def actor(user: User | None) -> str | None:
    """How a user is named: with the id, because names are not unique."""
    if user is None:
        return None
    return f"{user.display_name} (user {user.id})" if user.display_name else f"user {user.id}"


class FlagBook:
    """The alerting flags of many objects, by asset id, which is otype *and* number.

    ``marker`` is what the text of every flag of this integration contains, whatever token wrote it.
    """

    def __init__(self, flags: Iterable[Flag], marker: str) -> None:
        # Not that of an integration whose name only begins like ours.
        self._marker = re.compile(re.escape(marker) + r"(?!\w)")
        self._by_asset: dict[str, list[Flag]] = {}
        for flag in flags:
            if flag.flag_type.upper() in ALERTING:
                self._by_asset.setdefault(flag.subject.asset, []).append(flag)

    def ours(self, asset: str) -> Flag | None:
        """The flag of ours on an asset."""
        return next((flag for flag in self._by_asset.get(asset, ()) if self._is_ours(flag)), None)

    def shown(self, asset: str) -> Flag | None:
        """The flag that counts as the alert of an asset."""
        flags = self._by_asset.get(asset)
        return None if flags is None else self.ours(asset) or flags[0]

    def alert(self, asset: str) -> Alert | None:
        """The same as an alert."""
        flag = self.shown(asset)
        return None if flag is None else alert_of(flag)

    def _is_ours(self, flag: Flag) -> bool:
        return self._marker.search("\n".join(plain_lines(flag.flag_reason))) is not None


def alert_of(flag: Flag) -> Alert:
    """A flag as an alert: plain texts, as a reader sees them."""
    title, text = reason_parts(flag.flag_reason)
    return Alert(type=flag.flag_type.lower(), title=title, text=text, by=actor(flag.user), id=str(flag.id))


def flag_body(otype: str, number: int, alert: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a new flag."""
    return {
        "flag_type": type_of(alert),
        "flag_reason": reason_of(alert),
        "subject": {"id": number, "otype": otype},
    }


def type_of(alert: Mapping[str, Any]) -> str:
    """The flag type of a planned alert."""
    return str(alert["type"]).upper()


def reason_of(alert: Mapping[str, Any]) -> str:
    """The reason of a planned alert, as HTML."""
    return reason_html(str(alert.get("title") or ""), str(alert.get("text") or ""))
