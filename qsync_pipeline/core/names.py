"""Names: how they are normalised, compared and filtered. Both sides go through the same functions."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser

_BLANKS = re.compile(r"\s+")


def tag_name(text: str) -> str:
    """A tag's name as it is written to Qualytics: NFC, control characters dropped, trimmed, single blanks.

    Nothing else is changed (DESIGN.md §5.2). A control character that is a blank (a tab, a line break)
    counts as a blank first.
    """
    text = _BLANKS.sub(" ", text)
    text = "".join(char for char in text if unicodedata.category(char) != "Cc")
    # Composed last: dropping a control character may bring a letter and its accent together.
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """The key under which two names are the same: case-folded, in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def tag_key(text: str) -> str:
    """The key of a tag: :func:`fold` of its normalised name."""
    return fold(tag_name(text))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"br", "p", "div", "li", "tr"}:
            self.parts.append(" ")
        self.hidden = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False


def reader_text(text: str | None) -> str:
    """Text as a reader sees it: HTML stripped, entities resolved, blanks folded (DESIGN.md §5.3)."""
    if not text:
        return ""
    if "<" in text or "&" in text:
        parser = _Text()
        parser.feed(text)
        parser.close()
        text = "".join(parser.parts)
    return _BLANKS.sub(" ", text).strip()


def host_name(host: str | None) -> str | None:
    """A host for comparison: lower case, without scheme, port, path or final dot; null if there is none."""
    if not host:
        return None
    bare = host.strip().lower()
    bare = bare.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    bare = bare.split(":", 1)[0].rstrip(".")
    return bare or None


def dotted(*parts: str | None) -> str:
    """A readable path of names; only for people, never parsed back."""
    return ".".join(part for part in parts if part)


@dataclass(frozen=True)
class Patterns:
    """Include and exclude globs, compared case-insensitively. A name passes if included and not excluded."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    @cached_property
    def _match(self) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
        return _any_of(self.include), _any_of(self.exclude)

    def allows(self, *names: str) -> bool:
        """Whether one of the spellings of a thing is included and none is excluded."""
        included, excluded = self._match
        return any(map(included, names)) and not any(map(excluded, names))


EVERYTHING = Patterns()
"""Patterns that let every name pass."""


def _any_of(globs: Sequence[str]) -> Callable[[str], bool]:
    if "*" in globs:
        return lambda name: True
    regexes = [re.compile(fnmatch.translate(fold(glob))) for glob in globs]
    return lambda name: any(regex.match(fold(name)) for regex in regexes)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names for a message: the first few, and how many more."""
    unique = sorted(set(names))
    head = ", ".join(f'"{name}"' for name in unique[:most])
    return head if len(unique) <= most else f"{head} and {len(unique) - most} more"
