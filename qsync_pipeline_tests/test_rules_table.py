"""``docs/rules.md`` says which tests hold which rule of the design, and it is true."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests import rules_table
from qsync_pipeline_tests.rules_table import GATHERED, RULES, TABLE, find, named_in, render, sentences

HOW = "write it again: pytest --collect-only -n 0 --write-rules"

ALL = sentences(RULES.read_text(encoding="utf-8"))


def test_every_mark_names_one_sentence_of_the_design(request: pytest.FixtureRequest) -> None:
    assert request.config.stash[GATHERED].unknown == []


def test_the_table_lists_every_rule_and_is_up_to_date(request: pytest.FixtureRequest) -> None:
    """Judged on the files that this run collected whole: a run of one folder judges that folder's lines."""
    gathered = request.config.stash[GATHERED]
    shown = named_in(TABLE.read_text(encoding="utf-8"))
    assert list(shown) == ALL, HOW
    for rule in ALL:
        here = {test for test in shown[rule] if test.split("::")[0] in gathered.files}
        held = {test for test in gathered.held.get(rule, ()) if test.split("::")[0] in gathered.files}
        assert here == held, f"{rule[1]}: {HOW}"


def test_the_table_names_only_files_that_exist() -> None:
    named = {test.split("::")[0] for tests in named_in(TABLE.read_text("utf-8")).values() for test in tests}
    assert [file for file in sorted(named) if not (rules_table.HERE / file).is_file()] == [], HOW


def test_no_sentence_is_listed_twice() -> None:
    assert len(set(ALL)) == len(ALL)
    assert {section for section, _ in ALL} == set(rules_table.SECTIONS)


def test_a_rule_is_found_by_its_words_or_its_first_words() -> None:
    rules = [("5.1", "Never guess"), ("5.1", "Never write"), ("5.2", "Never guess")]
    assert find("5.1", "Never guess.", rules) == ("5.1", "Never guess")
    assert find("5.1", "Never w", rules) == ("5.1", "Never write")
    assert find("5.1", "Never", rules) is None
    assert find("5.1", "", rules) is None


def test_a_rule_that_no_test_holds_is_shown_as_such() -> None:
    rules = [("5.1", "Held | twice"), ("5.1", "Not held")]
    held = {rules[0]: {"a/test_a.py::test_x", "b/test_b.py::test_y"}}
    table = render(rules, held)
    assert "| Not held | *not yet* |" in table
    assert "Held: 1 of 2." in table
    assert named_in(table) == {rules[0]: held[rules[0]], rules[1]: set()}
