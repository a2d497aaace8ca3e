"""Keeps secrets out of every text that leaves this process: messages, logs, metadata, the ledger.

Three nets, because one alone leaks: values that were registered as secrets, shapes that only tokens have
(``Bearer ...``, JWTs, passwords in URLs), and values behind token-like keys in queries and JSON.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping
from urllib.parse import quote

MASK = "***"
_MIN_SECRET = 4
"""Shorter values would mask ordinary words; no system issues tokens that short."""

_KEY = (
    r"(?:api[_-]?(?:access|refresh|service)?[_-]?(?:token|key)|access[_-]?token|refresh[_-]?token|bearer[_-]?token"
    r"|id[_-]?token|token|password|passwd|client[_-]?secret|secret|authorization|apikey|x-qualytics-secret)"
)
_NAMED = re.compile(_KEY, re.IGNORECASE)
_WORDS = ("token", "key", "passw", "secret", "author")
"""Parts of words; one of them is in each of the names above."""
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # "Bearer <anything that could be a token>", in headers, curl lines and reprs
    (("bearer", "bas"), re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    # JSON and Python reprs: "access_token": "...", also where the text breaks off in the value
    (
        _WORDS,
        re.compile(rf"(?im)([\"']{_KEY}[\"']\s*[:=]\s*)([\"'])(?:\\.|(?!\2).)*(?:\2|$)"),
        rf"\1\2{MASK}\2",
    ),
    # query strings and forms: token=...
    (_WORDS, re.compile(rf"(?i)\b({_KEY})=[^&\s\"'<>]+"), rf"\1={MASK}"),
    # https://user:password@host
    (("://",), re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
    # a JWT, whole or cut off behind its header
    (("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}"), MASK),
)
"""Marks, a pattern, what takes its place. What the pattern matches has one of the marks in it when case is
folded (none holds an ``i``, which also matches letters that do not fold to it); to look for these takes a
tenth of the time, and nearly every text has none."""

_lock = threading.Lock()
_secrets: tuple[str, ...] = ()


def register_secret(value: str) -> None:
    """Mask this value wherever it turns up from now on, also URL-quoted or JSON-escaped."""
    value = value.strip()
    if len(value) < _MIN_SECRET:
        return
    global _secrets
    with _lock:
        forms = {value, quote(value, safe=""), json.dumps(value)[1:-1]}
        # Longest first, so that a secret that contains another is masked whole.
        _secrets = tuple(sorted({*_secrets, *forms}, key=len, reverse=True))


def redact(text: str) -> str:
    """``text`` with every secret masked."""
    for secret in _secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    folded = text.casefold()
    for marks, pattern, replacement in _PATTERNS:
        for mark in marks:
            if mark in folded:
                text = pattern.sub(replacement, text)
                break
    return text


def redact_within(content: object) -> object:
    """``content``, such as becomes JSON, with the secrets in its texts masked.

    Masking text that is JSON or CSV already would take its quotes and commas for parts of a secret.
    """
    if content is None or isinstance(content, bool | int | float):
        return content
    if isinstance(content, Mapping):
        return {
            redact(str(key)): MASK
            if isinstance(value, str) and _NAMED.fullmatch(str(key))
            else redact_within(value)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple | set | frozenset):
        return [redact_within(one) for one in content]
    return redact(str(content))


def scrub(error: BaseException) -> None:
    """Mask secrets in the texts of an error, and of those that caused it or that it came up in."""
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(redact(arg) if isinstance(arg, str) else arg for arg in one.args)
        notes = getattr(one, "__notes__", None)
        if notes:
            notes[:] = [redact(str(note)) for note in notes]
        queue += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


class RedactingFilter(logging.Filter):
    """Put this on a logging handler: it masks secrets in the finished line, arguments and traceback text."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
