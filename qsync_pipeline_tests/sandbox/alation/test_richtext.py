"""Sanitising of rich text (alation-api.md §3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.sandbox.alation.richtext import clean, only_link, plain

TEXTS = st.text(st.sampled_from("ab <>&\"'/=p\nscript"), max_size=60) | st.text(max_size=40)


@given(TEXTS, st.booleans())
def test_what_is_clean_stays_as_it_is(text: str, wrap: bool) -> None:
    once = clean(text, wrap=wrap)
    assert clean(once, wrap=wrap) == once


@given(st.text(st.characters(exclude_characters="<>&\r\x00", exclude_categories=["Cs", "Cc"])))
def test_a_reader_sees_the_same_text_before_and_after(text: str) -> None:
    assert plain(clean(text, wrap=True)) == " ".join(text.split())


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("ok", "<p>ok</p>"),
        ("", ""),
        ("<p>ok</p>", "<p>ok</p>"),
        ("a & b < c", "<p>a &amp; b &lt; c</p>"),
        ("<script>alert(1)</script>x", "<p>x</p>"),
        ('<p onclick="x()">y</p>', "<p>y</p>"),
        ('<a href="javascript:x()">y</a>', "<p><a>y</a></p>"),
        (
            '<a href="https://q.example/1?a=1&amp;b=2">y</a>',
            '<p><a href="https://q.example/1?a=1&amp;b=2">y</a></p>',
        ),
        ("<p>open <b>both", "<p>open <b>both</b></p>"),
        ("<blink>old</blink>", "<p>old</p>"),
        ("x<br/>y", "<p>x<br>y</p>"),
        ("<iframe src='https://x'>z</iframe>", ""),
        ('<td style="width: 1px; border: 0">1</td>', '<p><td style="width: 1px; border: 0">1</td></p>'),
        ('<td style="background: url(x)">1</td>', "<p><td>1</td></p>"),
    ],
)
def test_tables_and_links_stay_and_what_could_harm_goes(given_: str, kept: str) -> None:
    assert clean(given_, wrap=True) == kept


def test_a_value_that_is_one_link_is_known_by_where_it_leads() -> None:
    assert only_link('<p><a href="https://q/1">Open</a></p>') == "https://q/1"
    assert only_link('<p>See <a href="https://q/1">this</a></p>') is None
