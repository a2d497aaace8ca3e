"""What becomes of HTML that is written to a rich text field or into a flag's reason (alation-api.md §3, §6).

Alation's own list of what it lets through could not be read. This one lets through what vendors' output is
known to show (p, div, br, strong, a, lists, tables with width, border and bgcolor) and strips scripts,
frames, event handlers, foreign URL schemes and everything else [inferred].
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "div", "ul", "ol", "table", "h1", "h2", "h3", "h4", "pre", "blockquote", "hr"})
_VOID = frozenset({"br", "hr"})
_ALLOWED = (
    _BLOCKS
    | _VOID
    | frozenset({"strong", "b", "em", "i", "u", "s", "a", "li", "span", "code", "sub", "sup"})
    | frozenset({"thead", "tbody", "tr", "td", "th"})
)
_SILENT = frozenset({"script", "style", "iframe", "object", "embed", "template", "noscript", "title", "head"})
"""Dropped with all that is in them; of other unknown elements only the tags go."""
_ATTRIBUTES = frozenset({"href", "target", "title", "width", "border", "bgcolor", "colspan", "rowspan"})
_SCHEMES = ("http://", "https://", "mailto:", "/", "#")
_STYLES = ("border", "width", "text-align", "background-color", "color")


def clean(text: str, *, wrap: bool) -> str:
    """The text as it is stored. ``wrap`` puts it into a paragraph where it has no block element."""
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    made = cleaner.finish()
    if wrap and made and not cleaner.blocks:
        return f"<p>{made}</p>"
    return made


@lru_cache(maxsize=4096)  # what people see is asked for again and again, and changes little in between
def plain(text: str) -> str:
    """What a reader sees: no tags, blanks folded; cells and paragraphs are set apart by a blank."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return " ".join("".join(reader.pieces).split())


def only_link(text: str) -> str | None:
    """The target of a text that is one link and nothing else."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    outside = "".join(reader.outside).strip()
    return reader.links[0] if len(reader.links) == 1 and not outside else None


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks = False
        self._out: list[str] = []
        self._open: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        if self._silent or tag not in _ALLOWED:
            return
        self.blocks = self.blocks or tag in _BLOCKS
        kept = "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if _kept(name, value))
        self._out.append(f"<{tag}{kept}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            return
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        if tag not in self._open:
            return
        while True:
            last = self._open.pop()
            self._out.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._out.append(escape(data, quote=False))

    def finish(self) -> str:
        """What was let through, with every element closed."""
        self._out += [f"</{tag}>" for tag in reversed(self._open)]
        return "".join(self._out)


def _kept(name: str, value: str | None) -> bool:
    given = (value or "").strip().lower()
    if name == "href":
        return given.startswith(_SCHEMES)
    if name == "style":
        rules = [rule.split(":")[0].strip() for rule in given.split(";") if rule.strip()]
        return "(" not in given and all(rule.startswith(_STYLES) for rule in rules)
    return name in _ATTRIBUTES


class _Reader(HTMLParser):
    """Collects text, links, and the text outside links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.outside: list[str] = []
        self.links: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS or tag in ("br", "li", "td", "th", "tr"):
            self.pieces.append(" ")
        if tag == "a":
            self._depth += 1
            self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS or tag in ("li", "td", "th", "tr"):
            self.pieces.append(" ")
        if tag == "a" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
        if not self._depth:
            self.outside.append(data)
