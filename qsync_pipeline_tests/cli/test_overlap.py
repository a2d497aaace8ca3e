"""What two integrations would both do in Qualytics."""

from __future__ import annotations

from qsync_pipeline.cli.overlap import Overlap
from qsync_pipeline.core.rows import Change


def line(surface: str = "external_tags", action: str = "create", target: str = "container:1") -> Change:
    return Change(surface, action, target, "T", "pii", after="PII")


def test_the_second_of_two_plans_has_what_the_first_does_as_skipped() -> None:
    overlap = Overlap()
    both = [line(), line("tag_definitions", target="PII")]
    assert overlap.settle("atlan", both) == (both, [])
    settled, doubles = overlap.settle("alation", [*both, line(target="container:2")])
    assert doubles == both
    assert [(one.status, one.reason) for one in settled] == [
        ("skipped", "in the plan of atlan already"),
        ("skipped", "in the plan of atlan already"),
        ("planned", ""),
    ]


def test_other_acts_on_the_same_tag_and_values_in_the_catalogs_are_no_doubles() -> None:
    overlap = Overlap()
    assert (
        overlap.settle("atlan", [line(), line("custom_metadata"), line(action="note", target="x")])[1] == []
    )
    others = [line(action="remove"), line("custom_metadata"), line(action="note", target="x")]
    assert overlap.settle("second", others) == (others, [])


def test_what_the_first_does_not_write_itself_is_left_to_the_second() -> None:
    overlap = Overlap()
    waiting = Change("external_tags", "create", "container:1", "T", "pii", status="parked")
    overlap.settle("atlan", [waiting])
    assert overlap.settle("alation", [line()]) == ([line()], [])
