"""A message: several causes bundled, as plain text, for a chat, or as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qsync_pipeline.notices.causes import Cause
from qsync_pipeline.outside_text import for_chat, one_line
from qsync_pipeline.transport.redact import redact

MOST_LINES = 18
"""Lines of a message; with its subject and the blank line below that, twenty. The rest is counted."""
MOST_NAMES = 5
MOST_TEXT = 400


@dataclass(frozen=True)
class Line:
    """Causes that differ in their datastore alone, or (without one) something that is over."""

    text: str
    cause: Cause | None = None
    datastores: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True)
class Message:
    """What one channel is told at once. Every text in it is redacted and fit for a single line."""

    subject: str
    lines: tuple[Line, ...]
    more: int = 0
    test: bool = False

    @property
    def text(self) -> str:
        """The message in plain text, without its subject."""
        rest = f"... and {self.more} more: see the checks and runs in Dagster." if self.more else ""
        return "\n".join(filter(None, (*(one.text for one in self.lines), rest)))


def bundle(causes: Sequence[Cause], gone: Sequence[str] = (), ui_url: str = "") -> Message:
    """A message of these causes, in their order, and of titles of those that have gone.

    What differs in the datastore alone becomes one line. ``ui_url`` is where the links begin; without it
    there are none.
    """
    groups: dict[tuple[str, ...], list[Cause]] = {}
    for cause in causes:
        same = (cause.kind, cause.about, cause.title, cause.happened, cause.todo)
        groups.setdefault(same, []).append(cause)
    lines = [_line(alike, ui_url) for alike in groups.values()]
    over = [Line(f"Over: {_clean(title)}") for title in dict.fromkeys(gone)]
    parts = []
    if lines:
        parts.append(f"{len(lines)} thing{' needs' if len(lines) == 1 else 's need'} a person")
    if over:
        parts.append(f"{len(over)} {'is' if len(over) == 1 else 'are'} over")
    everything = [*lines, *over]
    shown = len(everything) if len(everything) <= MOST_LINES else MOST_LINES - 1
    return Message(f"qsync: {', '.join(parts)}", tuple(everything[:shown]), len(everything) - shown)


def test_message() -> Message:
    """What ``qsync doctor --notify-test`` sends."""
    text = "Failed runs, red checks, parked scopes and tokens about to lapse will be told here."
    return Message("qsync: a test message", (Line(text),), test=True)


def for_slack(message: Message) -> dict[str, Any]:
    """A Slack message; the switch turns bold and the like off, which names with ``_`` and ``*`` set off."""
    rows = [for_chat(row) for row in message.text.splitlines()]
    text = "\n".join([message.subject, "", *rows])
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def for_machines(message: Message) -> dict[str, Any]:
    """The message as one JSON object, for whatever takes webhooks."""
    return {
        "source": "qsync",
        "version": 1,
        "test": message.test,
        "subject": message.subject,
        "causes": [
            {
                "kind": line.cause.kind,
                "about": line.cause.about,
                "title": line.cause.title,
                "datastores": list(line.datastores),
                "happened": line.cause.happened,
                "todo": line.cause.todo,
                "link": line.link or None,
            }
            for line in message.lines
            if line.cause is not None
        ],
        "over": [
            line.text.removeprefix("Over: ") for line in message.lines if line.text.startswith("Over: ")
        ],
        "more": message.more,
        "text": message.text,
    }


def title_of(cause: Cause) -> str:
    """A cause in a few words, with its datastore: what is remembered of it until it is over."""
    return _clean(f"{cause.title} ({cause.datastore})" if cause.datastore else cause.title)


def _line(alike: Sequence[Cause], ui_url: str) -> Line:
    first = alike[0]
    cause = replace(
        first, title=_clean(first.title), happened=_clean(first.happened), todo=_clean(first.todo)
    )
    keys = tuple(dict.fromkeys(_clean(one.datastore) for one in alike if one.datastore))
    more = len(keys) - MOST_NAMES
    names = ", ".join(keys[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    what = f"{cause.title} ({names})" if names else cause.title
    link = f"{ui_url.rstrip('/')}{first.link}" if ui_url and first.link else ""
    happened = cause.happened if cause.happened.endswith((".", "!", "?")) else f"{cause.happened}."
    return Line(" ".join(filter(None, (f"- {what}: {happened}", cause.todo, link))), cause, keys, link)


def _clean(text: str) -> str:
    """Text from outside on one line, redacted before it is cut short."""
    shown = one_line(redact(text))
    return shown if len(shown) <= MOST_TEXT else f"{shown[: MOST_TEXT - 3]}..."
