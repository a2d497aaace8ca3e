"""Error bodies of every shape in use."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.transport.answers import EXCERPT, decode_body, error_text, excerpt
from qsync_pipeline.transport.errors import Malformed


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"errorCode": "ATLAS-404-00-005", "errorMessage": "no guid"}, "ATLAS-404-00-005", "no guid"),
        (
            {"errorId": "00ab", "message": "generic", "causes": [{"errorMessage": "the real one"}, "odd"]},
            "",
            "generic; the real one",
        ),
        ({"code": 1006, "message": "gateway"}, "1006", "gateway"),
        ({"status": 404, "message": "heracles", "doc": "x"}, "404", "heracles"),
        ({"detail": "Not Found"}, "", "Not Found"),
        ({"detail": {"message": "Set force_drop_fields=true"}}, "", "Set force_drop_fields=true"),
        (
            {"detail": [{"loc": ["body", 0, "id"], "msg": "missing"}, {"msg": "b"}]},
            "",
            "body.0.id: missing; b",
        ),
        ({"detail": {"odd": 1}}, "", '{"odd":1}'),
        ({"message": "Connection refused"}, "", "Connection refused"),
        ({"unheard": "of"}, "", '{"unheard": "of"}'),
    ],
)
def test_every_attested_shape_is_read(body: dict[str, Any], code: str, text: str) -> None:
    read = error_text(json.dumps(body).encode())
    assert (read.code, read.text, read.worded) == (code, text, True)


def test_bodies_that_are_no_json_object_are_not_worded_by_the_api() -> None:
    assert error_text(b"").worded is False
    assert error_text(b"<html><h1>502</h1>").text == "an HTML page"
    assert error_text(b"upstream   down\n").text == "upstream down"
    assert error_text(b'["a"]').worded is False


@given(st.binary(max_size=400))
def test_no_body_whatever_breaks_the_reader(body: bytes) -> None:
    read = error_text(body)
    assert len(read.text) <= EXCERPT


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["detail", "message", "errorCode", "causes", "msg", "loc", "status"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_whatever_breaks_the_reader(body: Any) -> None:
    assert len(error_text(json.dumps(body).encode()).text) <= EXCERPT


@pytest.mark.parametrize("depth", [300, 600, 900, 100_000])
def test_a_body_that_is_nested_beyond_reason_is_an_answer_like_any_other(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    assert len(error_text(b'{"detail":' + nested + b"}").text) <= EXCERPT
    with pytest.raises(Malformed):
        decode_body("system", "GET /rows", 200, b'{"new":' + nested + b', "items": 1}', dict[str, int])


def test_an_excerpt_is_redacted_before_it_is_cut() -> None:
    token = "eyJ" + "a" * 400
    assert "aaaa" not in excerpt("x" * (EXCERPT - 20) + " " + token)


_LEARNING = """
import sys, threading, types
from qsync_pipeline.transport.answers import decode_body
sys.setswitchinterval(1e-6)
ROWS = '''
from __future__ import annotations
import msgspec
from typing import Generic, TypeVar
T = TypeVar("T")
class Inner(msgspec.Struct):
    a: int = 0
    b: list[str] = []
class Row(msgspec.Struct):
    x: Inner | None = None
    y: dict[str, Inner] = {}
class Page(msgspec.Struct, Generic[T]):
    items: list[T]
'''
for number in range(900):
    module = sys.modules[f"rows{number}"] = types.ModuleType(f"rows{number}")
    exec(ROWS, vars(module))
    together = threading.Barrier(4)
    def learn(kind, body=b'{"items": [{"x": {"a": 1, "b": ["c"]}, "y": {"k": {"a": 2}}}]}'):
        together.wait()
        decode_body("system", "GET /rows", 200, body, kind)
    page, row, inner = module.Page, module.Row, module.Inner
    kinds = [(page[row],), (page[row],), (page[inner],), (row, b'{"x": {"a": 1}}')]
    threads = [threading.Thread(target=learn, args=kind) for kind in kinds]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_that_meet_a_type_for_the_first_time_do_not_crash_the_process() -> None:
    ran = subprocess.run([sys.executable, "-c", _LEARNING], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
