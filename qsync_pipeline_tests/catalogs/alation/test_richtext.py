"""Text into HTML that survives, and back."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.catalogs.alation.fields import FieldIds, rich_text
from qsync_pipeline.catalogs.alation.models import FieldValue
from qsync_pipeline.catalogs.alation.richtext import plain_lines, reason_html, reason_parts, with_links
from qsync_pipeline.core.quality import same_value
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.transport.errors import Malformed

words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=30)


def well_formed(html: str) -> bool:
    open_: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_.pop() == tag

    parser = Parser()
    parser.feed(html)
    parser.close()
    return not open_


@given(title=words, text=words)
def test_title_and_text_of_a_flag_come_back_from_a_sanitised_reason(title: str, text: str) -> None:
    stored = clean(reason_html(title, f"{text} https://q.example/a?b=1&qsync=alation"), wrap=True)
    assert reason_parts(stored) == (title, f"{text} https://q.example/a?b=1&qsync=alation")


@given(st.text(max_size=60))
def test_links_in_any_text_are_well_formed(text: str) -> None:
    html = with_links(f"{text} https://q.example/x?a=1&b=2, and more")
    assert well_formed(html)
    assert '<a href="https://q.example/x?a=1&amp;b=2">' in html


def test_markup_in_a_name_is_text_and_no_markup() -> None:
    html = reason_html("1 <b>bold</b> anomaly", "on A<B & C")
    assert html == ("<p><strong>1 &lt;b&gt;bold&lt;/b&gt; anomaly</strong></p><p>on A&lt;B &amp; C</p>")


def test_a_reason_of_one_line_has_no_title() -> None:
    assert reason_parts("<p>Late today</p>") == ("", "Late today")
    assert reason_parts(None) == ("", "")
    assert plain_lines("<div>a</div><p></p>b<br/>c") == ["a", "b", "c"]


def test_a_value_reads_the_same_after_the_sanitiser_wrapped_it() -> None:
    for value in (97.3, 0, 100.0, 12, "https://q.example/a?b=1&c=2"):
        stored = clean(rich_text(value), wrap=True)
        assert stored.startswith("<p>")
        assert same_value(value, stored, 1)


def test_only_our_fields_are_values_and_a_cleared_one_is_none() -> None:
    ids = FieldIds.of({"fields": {"URL": 5, "Check Count": 6, "Anomaly Count": 7}})
    row = [
        FieldValue(5, "<p>https://q</p>"), FieldValue(6, ""), FieldValue(7, "<p> </p>"), FieldValue(8, "x"),
    ]  # fmt: skip
    assert ids.values(row) == {"URL": "<p>https://q</p>"}
    assert rich_text(None) == ""
    assert ids.bodies("table", 93, {"Check Count": None}) == [
        {"field_id": 6, "otype": "table", "oid": 93, "value": ""}
    ]


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("odd", [{}, [], [{"otype": "user", "oid": 1}]])
def test_a_value_of_ours_that_is_no_text_was_not_told(odd: object) -> None:
    ids = FieldIds.of({"fields": {"URL": 5}})
    with pytest.raises(Malformed, match="the field 'URL'"):
        ids.values([FieldValue(5, odd)])
    assert ids.values([FieldValue(5, None), FieldValue(6, odd)]) == {}
