"""Text from outside is shown, and never obeyed: by a terminal, Markdown, HTML, a spreadsheet."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console
from rich.text import Text

import qsync_pipeline
from qsync_pipeline.assets.reporting import table
from qsync_pipeline.cli.echo import SafeConsole, say, say_json
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.outside_text import for_chat, for_csv, for_markdown, for_terminal, json_line, one_line
from qsync_pipeline.tables_io import TableIOManager

SOURCES = Path(qsync_pipeline.__file__).parent

NASTY = (
    "\x1b[2J\x1b]0;owned\x07",  # clears the screen, sets the window's title
    "\x9b31m red",  # the same escape in one character
    "\x1b]8;;http://evil.invalid\x1b\\click\x1b]8;;\x1b\\",
    "[red]markup[/red] [link=http://evil.invalid]x[/link]",
    "paid \u202egpj.exe",  # reads as something else
    "line\r\nOK everything is fine\x0b\x0c\x85\u2028",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![beacon](http://evil.invalid/x.png) [a](javascript:alert(1)) `code` **bold** ~~gone~~ | a | b |",
    "# title\n- item\n> quote\n1. one\n---\n\tcode\n&lt;b&gt;",
    "=HYPERLINK(\"http://evil.invalid\")", "@SUM(1)", "+1", "-1", "\t=1", " =1", "＝1",
    "half \ud800 a character",
)  # fmt: skip

WRITERS = {"click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write", "Console"}

HARMLESS = {"harmless", "as_json", "as_csv"}

TEXTS = st.text(max_size=60) | st.text(alphabet="\\`*_{}[]()#+-.!|<>~&:=@\"' \n\t\x1b\u202eab1", max_size=30)


Test = TypeVar("Test", bound=Callable[..., None])


def nasty(test: Test) -> Test:
    for text in NASTY:
        test = example(text)(test)
    return test


def controls(text: str) -> list[str]:
    """What a terminal would obey."""
    return [char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]


@nasty
@given(TEXTS)
def test_a_terminal_gets_nothing_that_it_would_obey(text: str) -> None:
    shown = for_terminal(text)
    assert controls(shown) == []
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028")
    assert len(one_line(text).splitlines()) <= 1
    shown.encode("utf-8")


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_ordinary_text_in_any_script_is_shown_as_it_is(text: str) -> None:
    assert for_terminal(text) == one_line(text) == text


@nasty
@given(TEXTS)
def test_markdown_of_it_is_that_text_and_nothing_else(text: str) -> None:
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for wrapped in (for_markdown(text), f"- 3 x {for_markdown(text)}"):
        inline = [token for token in renderer.parse(wrapped) if token.type == "inline"]
        kinds = {child.type for token in inline for child in token.children or ()}
        assert kinds <= {"text", "text_special"}
        words = "".join(child.content for token in inline for child in token.children or ())
        assert words.removeprefix("3 x").strip() == one_line(text).strip()


@nasty
@given(TEXTS)
def test_a_chat_shows_one_line_that_calls_nobody_and_hides_no_link(text: str) -> None:
    shown = for_chat(text)
    assert controls(shown) == []
    assert len(shown.splitlines()) <= 1
    assert not {"<", ">"} & set(shown)  # Slack's own mentions and links
    inline = [token for token in MarkdownIt("commonmark").parse(f"- {shown}") if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert not kinds & {"link_open", "image", "html_inline"}
    assert all(shown[at + 1] == "\u200b" for at, char in enumerate(shown) if char == "@")
    entities = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "\u200b": ""}
    assert re.sub("&amp;|&lt;|&gt;|\u200b", lambda found: entities[found[0]], shown) == one_line(
        text
    ).replace("\u200b", "")


@nasty
@given(TEXTS)
def test_no_cell_is_a_formula_and_each_reads_back(text: str) -> None:
    cell = for_csv(text)
    assert cell in (text, f"'{text}")
    assert cell.lstrip(" \u00a0\ufeff")[:1] not in tuple("=+-@\t\r\n＝＋－＠") or cell.startswith("'")


@nasty
@given(TEXTS)
def test_json_for_a_terminal_is_one_harmless_line_of_the_same_value(text: str) -> None:
    line = json_line({"name": text, text: [text]})
    assert controls(line) == []
    assert "\n" not in line
    assert json.loads(line) == {"name": text, text: [text]}


def test_a_console_prints_names_and_neither_markup_nor_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    screen = io.StringIO()
    watched = SafeConsole(file=screen, force_terminal=True, width=200, highlight=False, markup=False)
    unwatched = SafeConsole(file=screen, force_terminal=False, color_system=None, width=100_000, markup=False)
    ours = io.StringIO()
    reference = Console(file=ours, force_terminal=True, width=200, highlight=False, markup=False)
    for text in NASTY:
        for target in (watched, unwatched):
            target.print(text)
            target.print(Text(text))
            show_table(target, ("object", "n"), [(text, "1")], numbers=True)
        show_table(reference, ("object", "n"), [("plain", "1")], numbers=True)
        say(text)
        say_json({"name": text})
    allowed = set(ours.getvalue())  # rich's own escapes, for the head of a table in bold
    said = capsys.readouterr().out
    shown = screen.getvalue()
    assert controls(said) == []
    assert set(controls(shown)) <= allowed
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown
    assert "\\x1b[2J" in shown
    assert "[red]markup[/red]" in shown


def _made_harmless(call: ast.Call) -> bool:
    inner = call.args[0] if call.args else None
    return isinstance(inner, ast.Call) and ast.unparse(inner.func) in HARMLESS


def test_commands_write_through_the_one_function_that_makes_text_harmless() -> None:
    """What the sandbox and the demo print are their own words and addresses."""
    own = {"echo.py", "sandbox.py", "demo.py"}
    found = []
    for path in sorted((SOURCES / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or path.name in own:
                continue
            words = ast.unparse(node.func)
            if words in WRITERS and not _made_harmless(node):
                found.append(f"{path.name}:{node.lineno}: {words}")
    assert found == []


def test_cells_of_a_metadata_table_are_single_lines() -> None:
    whole = [text.replace("\ud800", "") for text in NASTY]
    rows = [{"object": text, "after": {"a": text}} for text in whole]
    for record in table(rows).records:
        for cell in record.data.values():
            assert controls(str(cell)) == []
            assert "\n" not in str(cell)


def test_the_sync_log_holds_no_formula(tmp_path: Path) -> None:
    manager = TableIOManager(str(tmp_path))
    rows = [{"object": text.replace("\ud800", ""), "reason": ""} for text in NASTY]
    path = manager.write_log(dg.AssetKey(["atlan", "asset_mapping"]), "1-sales", rows)
    with path.open(newline="", encoding="utf-8") as file:
        cells = [row["object"] for row in csv.DictReader(file)]
    assert len(cells) == len(rows)
    assert [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝")] == []
