"""What carries a tag: a list that holds fewer objects than the tag counts is not believed at once."""

from __future__ import annotations

import pytest

from qsync_pipeline.catalogs.alation.tags import read_tags
from qsync_pipeline_tests.catalogs.alation.fake import FakeSession

TAGS, PII = "/integration/tag/", "/integration/tag/PII/subject/"
BOTH = [{"subject": {"id": number, "otype": "table"}} for number in (1, 2)]


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize(
    ("counted", "lists", "tagged"),
    [
        (2, [BOTH], {"table:1", "table:2"}),
        (2, [BOTH[:1], BOTH], {"table:1", "table:2"}),
        (2, [[], BOTH], {"table:1", "table:2"}),
        (3, [BOTH, BOTH], {"table:1", "table:2"}),  # the third is out of our sight
        (3, [BOTH, BOTH[:1]], {"table:1", "table:2"}),
        (None, [BOTH[:1]], {"table:1"}),
    ],
)
def test_a_list_that_is_shorter_than_the_tag_says_is_read_once_more(
    counted: int | None, lists: list[list[object]], tagged: set[str]
) -> None:
    tag = {"id": 7, "name": "PII", "number_of_objects_tagged": counted}
    session = FakeSession().on("GET", TAGS, [tag]).answers("GET", PII, *lists)
    assert set(read_tags(session.client()).tags) == tagged
    assert session.count("GET", PII) == len(lists)
