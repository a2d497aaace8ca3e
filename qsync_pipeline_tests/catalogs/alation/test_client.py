"""The calls: paging, one at a time, and errors of every family."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.transport.errors import (
    Forbidden,
    Malformed,
    NotFound,
    OutsideError,
    Rejected,
    TimedOutAfterSend,
)
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.catalogs.alation.fake import FLAGS, FakeSession, flag
from qsync_pipeline_tests.transport.scripted import Clock, Reply, Request, serving


class Open:
    """No credentials."""

    def headers(self) -> dict[str, str]:
        return {}

    def refresh(self) -> bool:
        return False

    def advice(self) -> str:
        return "make a new token"


def client(url: str, **more: Any) -> AlationClient:
    clock = Clock()
    return AlationClient(HttpSession("alation", url, auth=Open(), sleep=clock.sleep, clock=clock), **more)


def table(number: int) -> dict[str, Any]:
    return {
        "id": number, "name": f"T{number}", "ds_id": 6, "schema_id": 5, "key": f"6.S.T{number}",
        "custom_fields": [],
    }  # fmt: skip


def test_tables_are_paged_by_the_last_id_not_by_their_place_and_each_page_begins_with_that_row() -> None:
    session = FakeSession()

    def page(call: Any) -> Any:
        after = call["params"]["id__gt"] or 0
        session.next_page = "/somewhere" if after < 4 else None
        return [table(n) for n in (1, 2, 4, 7, 9) if n > after][:3]

    session.on("GET", "/integration/v2/table/", page)
    assert [row.id for row in session.client(page_size=3).tables(5)] == [1, 2, 4, 7, 9]
    asked = [call["params"] for call in session.calls]
    assert [p["id__gt"] for p in asked] == [None, 3, 8]
    assert {(p["order_by"], p["limit"], p["schema_id"]) for p in asked} == {("id", 3, 5)}


@pytest.mark.parametrize("gone", [True, False])
def test_a_page_that_begins_otherwise_lacks_rows_unless_the_row_it_should_begin_with_went(gone: bool) -> None:
    session = FakeSession()
    left = [n for n in (4, 7, 9) if not (gone and n == 4)]

    def page(call: Any) -> Any:
        asked = call["params"]
        if "id" in asked:
            return [table(n) for n in left if n == asked["id"]]
        return [table(n) for n in ((7, 9) if asked["id__gt"] else (1, 2, 4))]

    session.on("GET", "/integration/v2/table/", page)
    if gone:
        assert [row.id for row in session.client(page_size=3).tables(5)] == [1, 2, 4, 7, 9]
    else:
        with pytest.raises(Malformed, match="lacks rows, at least that of id 4"):
            session.client(page_size=3).tables(5)


@pytest.mark.parametrize("first", [[0], []])
@pytest.mark.parametrize("later", [[0], []])
def test_a_list_that_says_it_goes_on_and_gives_nothing_is_no_list(first: list[int], later: list[int]) -> None:
    session = FakeSession()

    def page(call: Any) -> Any:
        session.next_page = "/somewhere"
        return [flag(n) for n in (later if call["params"]["skip"] is not None else first)]

    session.on("GET", FLAGS, page)
    with pytest.raises(Malformed, match="has pages that do not join, twice in a row"):
        session.client().flags()


def test_full_pages_of_rows_that_nothing_tells_apart_come_to_an_end() -> None:
    session = FakeSession().on("GET", "/integration/tag/PII/subject/", [{"id": 1}, {"id": 2}])
    with pytest.raises(Malformed, match="has pages that do not join, twice in a row"):
        session.client(page_size=2).tagged("PII")


def test_tables_that_are_said_to_go_on_and_give_nothing_are_no_list() -> None:
    session = FakeSession()

    def page(call: Any) -> Any:
        session.next_page = "/somewhere"
        return [table(1)] if "id__gt" in call["params"] and call["params"]["id__gt"] is None else []

    session.on("GET", "/integration/v2/table/", page)
    with pytest.raises(Malformed, match="goes on and gives no more rows"):
        session.client().tables(5)


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("level", ["schema", "table", "column"])
@pytest.mark.parametrize("left_out", ["custom_fields", "value"])
def test_a_row_that_leaves_out_its_values_is_not_one_without_values(level: str, left_out: str) -> None:
    row: dict[str, Any] = {**table(1), "table_id": 1, "custom_fields": [{"field_id": 5, "value": None}]}
    del (row if left_out == "custom_fields" else row["custom_fields"][0])[left_out]
    with serving(lambda request: Reply(body=[row])) as server:
        api = client(server.url)
        read: dict[str, Callable[[], object]] = {
            "schema": api.schemas,
            "table": lambda: api.tables(5),
            "column": lambda: list(api.columns(5)),
        }
        with pytest.raises(Malformed, match=f"missing required field `{left_out}`"):
            read[level]()


def test_a_server_that_gives_less_than_was_asked_for_is_believed_when_it_says_there_is_more() -> None:
    """The cap of a page is an administrator's setting, and silent (alation-api.md §1.6)."""
    session = FakeSession()

    def page(call: Any) -> Any:
        skip = call["params"]["skip"] or 0
        session.next_page = f"/integration/flag/?skip={skip + 3}" if skip < 6 else None
        return [flag(n) for n in range(skip, min(skip + 3, 8))]

    session.on("GET", FLAGS, page)
    assert [row.id for row in session.client().flags()] == list(range(8))


def test_a_next_page_on_another_host_is_not_followed() -> None:
    def answer(request: Request) -> Reply:
        skip = int(dict(request.query).get("skip", "0"))
        more = {"X-Next-Page": "http://evil.example/integration/flag/"} if skip == 0 else {}
        return Reply(body=[flag(skip), flag(skip + 1)], headers=more)

    with serving(answer) as server:
        assert [row.id for row in client(server.url).flags()] == [0, 1, 2]


@pytest.mark.parametrize("name", ["PII", "a/b", "#1 & more?", "Données 客户", "100%", "x y"])
def test_any_tag_name_stands_whole_in_its_path(name: str) -> None:
    with serving(lambda request: Reply(body=[])) as server:
        client(server.url).tagged(name)
    (request,) = server.requests
    assert request.path.startswith("/integration/tag/")
    assert request.path.endswith("/subject/")
    assert "/" not in request.path.removeprefix("/integration/tag/").removesuffix("/subject/")


@pytest.mark.rule("5.6", "Alation: one call in flight at a time")
def test_one_call_is_in_flight_at_a_time_whatever_threads_ask() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def answer(request: Request) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)  # long enough for an overlap to be seen
        with lock:
            now -= 1
        return Reply(body={"id": 1})

    with serving(answer) as server:
        clients = [client(server.url) for _ in range(3)]
        threads = [threading.Thread(target=one.userinfo) for one in clients for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(server.requests), most) == (6, 1)


FAMILIES: list[tuple[int, Any, type[OutsideError], str]] = [
    (403, {"detail": "Authentication credentials were not provided.", "code": "403000"}, Forbidden, "403000"),
    (400, {"detail": "Invalid query parameters: [ids]", "code": "400006"}, Rejected, "ids"),
    (404, {"detail": "Not found."}, NotFound, "Not found"),
    (
        400,
        {
            "title": "Invalid Payload", "detail": "See errors.", "code": "400000",
            "errors": [{"non_field_errors": ["Object not found: attribute:99."]}],
        },
        Rejected,
        "Object not found: attribute:99",
    ),
    (
        400,
        {
            "detail": "Incorrect input data.", "code": "400010",
            "errors": [{"key": ["400068: API Key is required"]}],
        },
        Rejected,
        "400068",
    ),
    (400, {"subject": ["Invalid otype"]}, Rejected, "Invalid otype"),
    (400, [{"field_type": ["is no choice"]}], Rejected, "is no choice"),
    (400, {"Entry": 1, "Message": "field_key is required"}, Rejected, "field_key is required"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "words"), FAMILIES)
def test_every_family_of_errors_keeps_its_words(
    status: int, body: Any, kind: type[OutsideError], words: str
) -> None:
    with serving([Reply(status, body)]) as server, pytest.raises(kind) as caught:
        client(server.url).put_values([{}])
    assert words in str(caught.value)


def test_a_login_page_is_an_error_and_never_an_empty_list() -> None:
    with serving([Reply(200, b"<html>Log in</html>")]) as server, pytest.raises(Malformed, match="HTML"):
        client(server.url).flags()


def test_a_gateway_page_is_waited_out_for_reads_and_never_repeated_for_a_new_flag() -> None:
    page = Reply(503, b"<html>Paused</html>")
    with serving([page, page, Reply(body=[])]) as server:
        assert client(server.url).flags() == []
    with serving([page]) as server, pytest.raises(TimedOutAfterSend):
        client(server.url).post_flag({})


def test_both_lists_of_data_sources_are_one() -> None:
    session = FakeSession()
    session.on("GET", "/integration/v1/datasource/", [{"id": 1, "title": "a", "dbtype": "mysql"}])
    session.on(
        "GET",
        "/integration/v2/datasource/",
        [{"id": 1, "uri": "x://h"}, {"id": 2, "uri": "snowflake://h"}, {"id": 3, "deleted": True}],
    )
    assert sorted(row.id for row in session.client().data_sources()) == [1, 2]


def test_a_data_source_is_gone_only_where_neither_list_hides_it() -> None:
    session = FakeSession()
    assert session.client().data_source(4) is None
    session.on("GET", "/integration/v1/datasource/4/", _refuse)
    with pytest.raises(Forbidden):
        session.client().data_source(4)


def test_a_404_that_alation_did_not_word_says_nothing_of_a_data_source() -> None:
    session = FakeSession()
    session.on("GET", "/integration/v2/datasource/4/", _page_of_a_proxy)
    with pytest.raises(NotFound):
        session.client().data_source(4)


def _page_of_a_proxy(call: Any) -> Any:
    raise NotFound("an HTML page", status=404)


def _refuse(call: Any) -> Any:
    raise Forbidden("no", status=403)
