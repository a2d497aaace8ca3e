"""Plans in a file: what comes out is what went in, and what is none is refused by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from qsync_pipeline.core.rows import Change
from qsync_pipeline.sync.planfile import VERSION, Header, Line, PlanFile, write_plan
from qsync_pipeline.transport.errors import ConfigError

ONE = Change(
    "external_tags", "create", "field:1", "Größe = 'x'", "pii", after="PII", extra={"already": ["field:2"]}
)
TWO = Change(
    "custom_metadata", "update", "guid", "a/b", before={"URL": None}, after={"URL": "u"}, status="parked"
)


def lines() -> list[Line]:
    return [
        Line("atlan", "", "definitions", TWO),
        Line("atlan", "1-x", "tag_plan", ONE),
        Line("atlan", "2-y", "quality_plan", TWO),
        Line("second", "2-y", "tag_plan", ONE),
    ]


def test_lines_come_out_where_they_belong_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    assert write_plan(path, Header(kind="retire", direction="pull"), lines()) == 4
    plan = PlanFile(path)
    assert (plan.header.kind, plan.header.direction) == ("retire", "pull")
    assert plan.integrations == ["atlan", "second"]
    assert (plan.datastores("atlan"), plan.datastores("second")) == (["1-x", "2-y"], ["2-y"])
    assert plan.of("atlan", "tag_plan", "1-x") == [ONE]
    assert plan.of("atlan", "definitions", "") == [TWO]
    assert plan.of("atlan", "tag_plan", "2-y") == []
    assert list(tmp_path.iterdir()) == [path], "nothing is left aside"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no plan"),
        ("{}\n", "no plan"),
        ("not json\n", "no plan"),
        (f'{{"qsync_plan": {VERSION + 1}}}\n', f"version {VERSION + 1}"),
        (f'{{"qsync_plan": {VERSION}}}\n{{"integration": "a"}}\n', "line 2"),
    ],
)
def test_what_is_no_plan_of_this_version_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        PlanFile(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"change": {}}, "no line of a plan"),
        ({"change": {"surface": "x", "action": "explode", "target": "t", "name": "n"}}, "explode"),
        ({"stage": "nostage"}, "nostage"),
        ({"datastore": ""}, "no key of a datastore"),
        ({"datastore": "../x"}, "no key of a datastore"),
        ({"stage": "definitions"}, "no key of a datastore"),
    ],
)
def test_one_line_that_is_none_refuses_the_whole_file_before_anything_is_done(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    good = {"integration": "a", "datastore": "1-x", "stage": "tag_plan", "change": msgspec.to_builtins(ONE)}
    path = tmp_path / "plan.jsonl"
    rows = [{"qsync_plan": 1}, good, good | changed]
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in rows))
    with pytest.raises(ConfigError, match=rf"line 3: .*{said}"):
        PlanFile(path)


def test_what_would_act_in_an_editor_is_escaped_and_read_again_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    evil = "a\u202egnp.exe\u2066\u2028b\x85\x1b[31m\U000e0041"
    change = msgspec.structs.replace(ONE, name=evil, after=evil)
    write_plan(path, Header(), [Line("atlan", "1-x", "tag_plan", change)])
    written = path.read_text(encoding="utf-8")
    assert not [one for one in written if not one.isprintable() and one != "\n"]
    assert PlanFile(path).of("atlan", "tag_plan", "1-x") == [change]


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        PlanFile(tmp_path / "absent")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_plan(tmp_path / "absent" / "plan", Header(), [])
