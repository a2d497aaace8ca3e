"""``docs/complaints.md`` is true: what it names is there, and it is made of the list."""

from __future__ import annotations

import ast

from qsync_pipeline_tests.complaints import HERE, TABLE, complaints, render


def test_every_test_that_a_complaint_names_is_there() -> None:
    missing = []
    for named in {test for one in complaints() for test in one.tests}:
        file, _, name = named.partition("::")
        path = HERE / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(named)
    assert missing == []


def test_twenty_complaints_and_rangers_four_holes_are_held() -> None:
    numbers = [one.number for one in complaints()]
    assert len(set(numbers)) == len(numbers)
    assert len([number for number in numbers if not number.startswith("Ranger")]) >= 20
    assert [number for number in numbers if number.startswith("Ranger")] == [
        f"Ranger {n}" for n in range(1, 5)
    ]
    assert all(one.tests for one in complaints())


def test_the_document_is_up_to_date() -> None:
    assert TABLE.read_text(encoding="utf-8") == render(), "write it again: make docs"
