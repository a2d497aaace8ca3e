"""Text from outside (names, tags, descriptions, announcements, answers), made harmless where it is shown.

One function for each place that reads some characters as orders. They only change what is shown: what is
compared, stored and sent stays as it came. Secrets are another matter: :mod:`.transport.redact`.
"""

from __future__ import annotations

import json
import re

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that turn the direction of what follows, so that a line reads as something it is not."""
_UNSEEN = "\u0085\u2028\u2029\ufeff\ud800-\udfff\U000e0000-\U000e007f"
"""Line breaks that editors show and terminals do not, halves of characters, invisible copies of ASCII."""
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_UNSEEN}]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|~:@^$=-])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_CALLS = re.compile(r"[@!\[\]]")
"""What begins a mention, an image or a link in a chat; an unseen blank behind it ends that."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula in a spreadsheet, in its full-width form too."""
_PASSED_OVER = " \u00a0\ufeff"
"""What some spreadsheets pass over before they look for a formula."""


def for_terminal(text: str) -> str:
    """Control, escape and direction characters as visible ``\\x1b``; line breaks and tabs stay."""
    return _CONTROL.sub(_visible, text)


def one_line(text: str) -> str:
    """As :func:`for_terminal`, on a single line: every run of blanks, tabs and line breaks is one blank."""
    return for_terminal(" ".join(text.split()))


def for_markdown(text: str) -> str:
    """On a single line, with nothing left that Markdown or HTML acts on: no link, image, tag or table."""
    return _MARKDOWN.sub(r"\\\1", one_line(text)).translate(_HTML)


def for_chat(text: str) -> str:
    """As :func:`one_line`, for Slack and what takes its messages: no mention, no link with other words on it.

    Slack acts on ``&``, ``<`` and ``>`` alone; Mattermost reads Markdown, and ``@all`` calls everybody.
    """
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLS.sub("\\g<0>\u200b", shown)


def for_csv(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip(_PASSED_OVER).startswith(_FORMULA) else cell


def json_line(content: object) -> str:
    """One line of JSON, readable, with every control character escaped: the same value when it is parsed.

    What JSON has no form for is written as its text.
    """
    return harmless_json(json.dumps(content, ensure_ascii=False, default=str))


def harmless_json(text: str) -> str:
    """JSON text of one line with every control character escaped."""
    return _CONTROL.sub(_escaped, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped(found: re.Match[str]) -> str:
    """JSON writes what lies beyond 16 bits as two escapes."""
    return json.dumps(found[0])[1:-1]
