"""Rich text: plain text into HTML that survives Alation's sanitiser, and back (alation-api.md §3).

Only ``p``, ``br``, ``strong`` and ``a href`` are written: vendors' output shows that they are kept.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

_LINK = re.compile(r"https?://[^\s<>\"']+")
_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4"})
_TRAILING = ".,;:!?)"


def with_links(text: str) -> str:
    """Plain text as HTML; web addresses become links that show the address."""
    pieces: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        url = found.group().rstrip(_TRAILING)
        pieces.append(escape(text[end : found.start()], quote=False))
        pieces.append(f'<a href="{escape(url)}">{escape(url, quote=False)}</a>')
        end = found.start() + len(url)
    pieces.append(escape(text[end:], quote=False))
    return "".join(pieces).replace("\n", "<br/>")


def reason_html(title: str, text: str) -> str:
    """A trust flag's reason: a title line and a text, both plain."""
    heading = f"<p><strong>{escape(title, quote=False)}</strong></p>" if title.strip() else ""
    return f"{heading}<p>{with_links(text)}</p>"


def reason_parts(html: str | None) -> tuple[str, str]:
    """Title and text of a reason, plain. The first of several lines is the title, whatever marked it up."""
    lines = plain_lines(html)
    return (lines[0], "\n".join(lines[1:])) if len(lines) > 1 else ("", "\n".join(lines))


def plain_lines(html: str | None) -> list[str]:
    """The lines that a reader sees, without blank ones."""
    parser = _Lines()
    parser.feed(html or "")
    parser.close()
    return [line for raw in parser.lines if (line := " ".join("".join(raw).split()))]


class _Lines(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[list[str]] = [[]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _BLOCKS:
            self.lines.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.lines.append([])

    def handle_data(self, data: str) -> None:
        self.lines[-1].append(data)
