"""Each fault in each phase: the user is told, nothing wrong is written, and a later sync settles it.

``docs/faults.md`` is made here, by the whole matrix under ``make soak``; every run of the suite tries a share
of it, and holds the document to what it saw.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from qsync_pipeline_tests.faults.matrix import MISSED, Row, line_of, observe_all, render
from qsync_pipeline_tests.faults.phases import cells

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
HOW = "write it again: pytest -n 0 -m soak qsync_pipeline_tests/faults"

SHARE = (
    ("Atlan: definitions", "time-out after it was carried out, once"),
    ("Atlan: reading the catalog", "slow loris: 400 s for an answer, once"),
    ("Atlan: matching, where absence is proved", "permission withdrawn from here on (403)"),
    ("Atlan: writing quality", "token refused from here on (401)"),
    ("Atlan: all phases", "one item is refused, and every batch that holds it (400)"),
    ("Atlan: all phases", "the systems' clocks are an hour behind"),
    ("Alation: reading the catalog", "a page lost, for good"),
    ("Alation: writing tags", "500 for good"),
    ("Alation: writing values", "refused as a whole (400), for good"),
    ("Alation: background jobs", "every job is stuck"),
    ("Alation: all phases", "the refresh token is revoked in mid-run"),
)
"""Cells of both catalogs, of reading, writing and all at once."""


@contextmanager
def quiet_dagster() -> Iterator[None]:
    """What a failing test needs is in its row."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def observed() -> Mapping[tuple[str, str], Row | str]:
    with quiet_dagster():
        return observe_all(SHARE)


@pytest.mark.parametrize(("title", "fault"), SHARE)
def test_a_fault_is_told_and_settled_as_the_document_says(
    observed: Mapping[tuple[str, str], Row | str], title: str, fault: str
) -> None:
    row = observed[title, fault]
    assert isinstance(row, Row), row
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {title}\n")[2]
    assert line_of(row) in section.partition("\n## ")[0].splitlines(), HOW


def test_the_document_has_a_line_for_every_fault_in_every_phase() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = []
    for section in text.split("\n## ")[1:]:
        head, *lines = section.splitlines()
        shown += [(head, line.split(" | ")[0].strip("| ")) for line in lines if line.startswith("| ")][1:]
    assert sorted(shown) == sorted(cells()), HOW


@pytest.mark.soak
def test_every_fault_in_every_phase_is_told_and_settled() -> None:
    with quiet_dagster():
        found = observe_all(list(cells()))
    rows = {cell: row for cell, row in found.items() if isinstance(row, Row)}
    assert {cell: row for cell, row in found.items() if cell not in rows} == {}
    assert [cell for cell, row in rows.items() if row.message == MISSED] == [], "nothing was struck"
    DOCUMENT.write_text(render([rows[cell] for cell in cells()]), encoding="utf-8")
