"""Names: both sides go through the same functions (DESIGN.md §5.2, §5.3)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qsync_pipeline.core.names import (
    EVERYTHING,
    Patterns,
    dotted,
    fold,
    host_name,
    listed,
    reader_text,
    tag_key,
    tag_name,
)

NAMES = "Names: NFC, trimmed, inner blanks single, control characters dropped, nothing else changed"
EQUAL = "Equal means what a reader sees"
HTML = "Descriptions lose their HTML"
PATTERNS = "Config also takes include/exclude patterns"

anything = st.text(st.characters(exclude_categories=["Cs"]))
awkward = st.text("eE\u0301\u00e9 \t\n\x00\x1f\u2003\u0130\u00df\u0345\u03b1aA/", max_size=8)


@pytest.mark.rule("5.2", NAMES)
@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("  PII ", "PII"),
        ("Tier \t 1", "Tier 1"),
        ("Tier\n1", "Tier 1"),
        ("P\x00I\x07I", "PII"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("Cafe\x00\u0301", "Caf\u00e9"),
        ("Finance/Tier 1", "Finance/Tier 1"),
        ("a\u200db — “x” %20", "a\u200db — “x” %20"),
        ("\x00 \t", ""),
    ],
)
def test_a_tag_name_is_composed_trimmed_and_free_of_control_characters(written: str, name: str) -> None:
    assert tag_name(written) == name


@pytest.mark.rule("5.2", NAMES)
@given(anything | awkward)
@example("e\x00\u0301")
def test_normalising_a_tag_name_twice_changes_nothing(text: str) -> None:
    name = tag_name(text)
    assert tag_name(name) == name
    assert unicodedata.is_normalized("NFC", name)
    assert "  " not in name
    assert name == name.strip()
    assert not any(unicodedata.category(char) == "Cc" for char in name)


@pytest.mark.rule("5.2", NAMES)
@given(anything | awkward)
def test_names_that_differ_by_case_or_form_only_have_one_key(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFC", text).casefold()) == fold(text)
    assert tag_key(unicodedata.normalize("NFD", text)) == tag_key(text)
    assert tag_key(tag_name(text)) == tag_key(text)


@pytest.mark.rule("5.2", NAMES)
def test_pii_and_pii_in_small_letters_are_one_tag() -> None:
    assert tag_key(" PII") == tag_key("pii ")
    assert tag_key("Straße") == tag_key("STRASSE")


@pytest.mark.rule("5.2", HTML)
@pytest.mark.rule("5.3", EQUAL)
@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        (None, ""),
        ("<p>Personal <b>data</b></p>", "Personal data"),
        ("line one<br/>line two", "line one line two"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("R&amp;D &lt;3", "R&D <3"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("a < b and b > c", "a < b and b > c"),
        ("  two \n blanks\u00a0here ", "two blanks here"),
        ("a<script>alert(1)</script>b<style>p {}</style>", "ab"),
    ],
)
def test_text_is_read_without_markup_and_with_single_blanks(stored: str | None, seen: str) -> None:
    assert reader_text(stored) == seen


@pytest.mark.rule("5.3", EQUAL)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<&")))
def test_plain_text_reads_as_itself_but_for_its_blanks(text: str) -> None:
    assert reader_text(text) == " ".join(text.split())
    assert reader_text(f"<p>{text}</p>") == reader_text(text)


@pytest.mark.rule("5.1", "Candidates agree in connector type")
@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("DB.Example.com:5432", "db.example.com"),
        ("jdbc:postgresql://db.example.com/x", "db.example.com"),
        ("https://user@db.example.com./", "db.example.com"),
        ("", None),
        (None, None),
        ("  ", None),
    ],
)
def test_hosts_are_compared_without_scheme_port_and_path(written: str | None, host: str | None) -> None:
    assert host_name(written) == host


@pytest.mark.rule("5.1", PATTERNS)
def test_a_pattern_includes_then_excludes_in_any_case() -> None:
    patterns = Patterns(include=("sales_*", "Ref"), exclude=("*_TMP",))
    assert patterns.allows("SALES_EU")
    assert patterns.allows("ref")
    assert not patterns.allows("sales_tmp")
    assert not patterns.allows("hr")
    assert EVERYTHING.allows("anything at all")


@pytest.mark.rule("5.1", PATTERNS)
@given(anything, anything)
def test_one_spelling_includes_a_thing_and_any_spelling_excludes_it(one: str, other: str) -> None:
    assert Patterns(exclude=("*",)).allows(one, other) is False
    assert Patterns(include=()).allows(one) is False
    assert EVERYTHING.allows(one, other)


def test_messages_show_a_few_names_and_how_many_more() -> None:
    assert listed(["b", "a", "a"]) == '"a", "b"'
    assert listed("abcdefg", most=2) == '"a", "b" and 5 more'
    assert dotted("db", None, "t") == "db.t"
