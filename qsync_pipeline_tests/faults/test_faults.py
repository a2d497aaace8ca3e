"""Each fault in each phase: the user is told, nothing wrong is written, and a later sync settles it.

``docs/faults.md`` is made here, by the whole matrix under ``make soak``; every run of the suite tries a share
of it, and holds the document to what it saw.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsync_pipeline_tests.faults.matrix import cells, line_of, observe, render

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
HOW = "write it again: pytest -n 0 -m soak qsync_pipeline_tests/faults"

SHARE = (
    ("definitions", "time-out after it was carried out, once"),
    ("reading Qualytics", "a row lost from a page, for good"),
    ("reading the catalog", "slow loris: 400 s for an answer, once"),
    ("matching, where absence is proved", "permission withdrawn from here on (403)"),
    ("writing tags", "500 for good"),
    ("writing tags", "truncated JSON for good"),
    ("writing quality", "token refused from here on (401)"),
    ("Alation's background jobs", "every job is stuck"),
    ("all phases", "the systems' clocks are an hour behind"),
)
"""A cell of every phase."""


@pytest.fixture(autouse=True)
def quiet_dagster() -> Iterator[None]:
    """What a failing test needs is in its row."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(("phase", "fault"), SHARE)
def test_a_fault_is_told_and_settled_as_the_document_says(phase: str, fault: str) -> None:
    row = observe(phase, fault)
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {phase[0].upper()}{phase[1:]}\n")[2]
    assert line_of(row) in section.partition("\n## ")[0].splitlines(), HOW


def test_the_document_has_a_line_for_every_fault_in_every_phase() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = []
    for section in text.split("\n## ")[1:]:
        head, *lines = section.splitlines()
        shown += [(head, line.split(" | ")[0].strip("| ")) for line in lines if line.startswith("| ")][1:]
    expected = [(f"{phase[0].upper()}{phase[1:]}", fault) for phase, fault in cells()]
    assert shown == expected, HOW


@pytest.mark.soak
def test_every_fault_in_every_phase_is_told_and_settled() -> None:
    rows, broken = [], []
    for phase, fault in cells():
        try:
            rows.append(observe(phase, fault))
        except AssertionError as problem:
            broken.append(f"{phase}: {fault}: {problem}")
    assert broken == []
    DOCUMENT.write_text(render(rows), encoding="utf-8")
