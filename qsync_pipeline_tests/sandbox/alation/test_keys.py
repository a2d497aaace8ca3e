"""Object keys (alation-api.md §2.0)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.sandbox.alation.keys import join, part, split

NAMES = st.text(st.characters(codec="utf-8", exclude_characters='."\\'), min_size=1) | st.text(
    st.sampled_from('a."\\ /'), min_size=1
)


@given(st.lists(NAMES, min_size=1))
def test_what_is_joined_is_split_again(names: list[str]) -> None:
    # A leading quote alone decides that a part is quoted, and such names are always quoted.
    assert split(join(names)) == tuple(names)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ORDERS", "ORDERS"),
        ("Postal Code", "Postal Code"),
        ("HR.2017", '"HR.2017"'),
        ('the "VIP" list', '"the \\"VIP\\" list"'),
        ("in/out.balance", '"in/out.balance"'),
    ],
)
def test_only_dots_and_quotes_make_a_part_quoted(name: str, written: str) -> None:
    assert part(name) == written


def test_an_escaped_period_is_read_too() -> None:
    assert split('7."a\\.b".c') == ("7", "a.b", "c")


@pytest.mark.parametrize("key", ['7."open', '7."a"b.c', '7."'])
def test_a_malformed_key_names_nothing(key: str) -> None:
    assert split(key) is None
