"""The generated parts of ``docs/`` agree with the code."""

from __future__ import annotations

from dataclasses import fields

import pytest

from qsync_pipeline.sandbox.systems import SYSTEMS
from qsync_pipeline_tests.docs.generate import PARTS, field_docs, generated_files, refreshed


@pytest.mark.parametrize("path", generated_files(), ids=lambda path: path.name)
def test_a_generated_part_is_up_to_date(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert refreshed(text) == text, "out of date: run make docs"


def test_every_generated_part_stands_in_some_document() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in generated_files())
    assert [name for name in PARTS if f"<!-- generated: {name}, by make docs -->" not in text] == []


@pytest.mark.parametrize("kind", SYSTEMS, ids=lambda kind: kind.name)
def test_every_switch_says_what_it_decides(kind) -> None:
    made = kind.switches()
    said = field_docs(made)
    assert [one.name for one in fields(made) if not said.get(one.name)] == []
