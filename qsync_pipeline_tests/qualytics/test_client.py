"""What the client sends, and how it reads answers that are awkward (qualytics-api.md §1-§2)."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.models import Datastore, GlobalTag
from qsync_pipeline.qualytics.tags import BULK
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.errors import Conflict, Malformed, NotFound, Rejected, TimedOutAfterSend
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.transport.scripted import Reply, Request, Server, serving


def client(server: Server, **options: Any) -> QualyticsClient:
    auth = BearerToken("fake-token-000222")
    http = HttpSession("Qualytics", f"{server.url}/api", auth=auth, sleep=lambda _: None)
    return QualyticsClient(http, **options)


def envelope(items: list[Any], request: Request) -> Reply:
    query = dict(request.query)
    page, size = int(query["page"]), int(query["size"])
    part = items[(page - 1) * size : page * size]
    pages = -(-len(items) // size)
    return Reply(body={"items": part, "total": len(items), "page": page, "size": size, "pages": pages})


SCORE = dict.fromkeys(("total", *DIMENSIONS), 50.0)
METRICS = {"quality_score": SCORE, "last_scanned": None, "last_profiled": None}


PLACE = {"store_type": "jdbc", "type": "snowflake", "database": "SHOP", "schema": "SALES"}


def whole(number: int, **own: Any) -> dict[str, Any]:
    return {"id": number, "name": f"T{number}", "metrics": METRICS, "global_tags": [], **own}


def test_containers_are_read_page_by_page_and_archived_ones_left_out() -> None:
    rows = [whole(n) for n in range(1, 6)] + [whole(6, deleted_at="2026-01-01T00:00:00Z")]
    with serving(lambda request: envelope(rows, request)) as server:
        found = client(server, page_size=2).containers(42)
    assert [row.id for row in found] == [1, 2, 3, 4, 5]
    assert {dict(r.query)["datastore"] for r in server.requests} == {"42"}
    assert sorted(dict(r.query)["page"] for r in server.requests) == ["1", "1", "2", "3", "3"]  # ends again


def test_light_rows_are_read_again_one_by_one() -> None:
    def script(request: Request) -> Reply:
        if request.path == "/api/containers":
            return envelope([{"id": 1, "name": "T1"}, whole(2)], request)
        assert request.path == "/api/containers/1"
        return Reply(body=whole(1, global_tags=[{"id": 3, "name": "PII"}]))

    with serving(script) as server:
        first, second = client(server).containers(42)
    assert [tag.name for tag in first.tags] == ["PII"]
    assert second.tags == []


def test_a_field_that_is_listed_without_its_tags_is_read_again() -> None:
    def script(request: Request) -> Reply:
        if request.path == "/api/containers/9/fields":
            return Reply(body=[{"id": 1, "name": "A", **scored}, {**scored, **untagged}])
        assert request.path == "/api/fields/1"
        return Reply(body={"id": 1, "name": "A", "global_tags": [{"id": 3, "name": "PII"}], **scored})

    scored, untagged = {"quality_score": SCORE}, {"id": 2, "name": "B", "global_tags": None}

    with serving(script) as server:
        assert [[tag.name for tag in field.tags] for field in client(server).fields(9)] == [["PII"], []]


@pytest.mark.parametrize("kind", ["datastore", "container", "field"])
def test_an_object_without_its_tags_is_no_object_with_none(kind: str) -> None:
    bare = Reply(body={"id": 1, "name": "A", "metrics": METRICS, "quality_score": None})
    told = f"{kind} 1 was answered without its global_tags"
    with serving([bare]) as server, pytest.raises(Malformed, match=told):
        getattr(client(server), kind)(1)


def _less(whole: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name != key}


@pytest.mark.rule("5.3", "Null means not measured")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("datastore", {"metrics": {"quality_score": _less(SCORE, "coverage")}}),
        ("container", {"metrics": METRICS | {"quality_score": _less(SCORE, "total")}}),
        ("container", {"metrics": _less(METRICS, "quality_score")}),
        ("container", {"metrics": _less(METRICS, "last_scanned")}),
        ("field", {"quality_score": _less(SCORE, "accuracy")}),
        ("field", {}),
    ],
)
def test_a_score_that_is_not_told_is_no_score_that_went_away(kind: str, body: dict[str, Any]) -> None:
    reply = Reply(body={"id": 1, "name": "A", "global_tags": [], **PLACE, **body})
    with serving([reply]) as server, pytest.raises(Malformed, match=f"{kind} 1 was answered without its"):
        getattr(client(server), kind)(1)


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize(
    ("lost", "place"),
    [
        *[(key, PLACE) for key in PLACE],
        ("schema", {"store_type": "native", "type": "hive_native", "schema": "sales"}),
    ],
)
def test_a_datastore_that_does_not_tell_its_schema_has_not_none(lost: str, place: dict[str, Any]) -> None:
    def script(request: Request) -> Reply:
        if request.path == "/api/datastores":
            return envelope([_less(row, lost)], request)
        return Reply(body=row if known else _less(row, lost))

    row: dict[str, Any] = {"id": 1, "name": "A", "global_tags": [], **place}
    known = True
    with serving(script) as server:
        (found,) = client(server).datastores()
        assert found.schema == place["schema"]
        known = False
        with pytest.raises(Malformed, match="datastore 1 was answered without its type, database or schema"):
            client(server).datastores()


def test_null_is_no_schema_and_file_stores_have_none() -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "name": "A", "global_tags": [], **PLACE, "schema": None}]
    rows += [{"id": 2, "name": "B", "global_tags": [], "store_type": "dfs", "type": "s3"}]
    with serving(partial(envelope, rows)) as server:
        assert [one.schema for one in client(server).datastores()] == [None, None]


def test_a_history_that_lacks_a_dimension_is_malformed() -> None:
    rows = [{"date": "2026-10-01", **SCORE}, {"date": "2026-10-02", **_less(SCORE, "volumetrics")}]
    with serving([Reply(body=rows)]) as server, pytest.raises(Malformed, match="all its dimensions"):
        client(server).quality_scores(42)


@pytest.mark.parametrize("failed", [{}, {"failed_checks": [{"message": "17 rows had none"}]}])
def test_an_anomaly_that_does_not_tell_its_checks_is_malformed(failed: dict[str, Any]) -> None:
    rows = [{"id": 1, "status": "Active", "container": {"id": 9}, **failed}]
    with serving(partial(envelope, rows)) as server, pytest.raises(Malformed, match="its failed checks"):
        client(server).anomalies(42)


def test_a_check_that_does_not_tell_its_fields_is_malformed() -> None:
    rows = [{"id": 1, "status": "Active", "container": {"id": 9}}]
    with serving(partial(envelope, rows)) as server, pytest.raises(Malformed, match="without its fields"):
        client(server).checks(42)


def test_rows_of_another_datastore_are_dropped_where_the_filter_was_ignored() -> None:
    rows = [whole(1, datastore={"id": 42}), whole(2, datastore={"id": 43})]
    with serving(lambda request: envelope(rows, request)) as server:
        assert [row.id for row in client(server).containers(42)] == [1]


def test_enrichment_datastores_are_asked_for_beside_the_others() -> None:
    def script(request: Request) -> Reply:
        enrichment = ("enrichment_only", "true") in request.query
        row = {"id": 9, "name": "enrich", "enrichment_only": True} if enrichment else {"id": 2, "name": "wh"}
        return envelope([{**row, **PLACE, "global_tags": None}], request)

    with serving(script) as server:
        found = client(server).datastores()
    assert [(d.id, d.is_enrichment) for d in found] == [(2, False), (9, True)]


@pytest.mark.rule("5.3", "Counts, alerts and health come from the listings")
def test_open_anomalies_are_asked_for_with_repeated_keys() -> None:
    rows = [
        {"id": 1, "status": "Active", "container": {"id": 9}, "failed_checks": None},
        {"id": 2, "status": "Acknowledged", "container": {"id": 9}, "failed_checks": []},
        {"id": 3, "status": "Resolved", "container": {"id": 9}, "failed_checks": []},
    ]
    with serving(lambda request: envelope(rows, request)) as server:
        qualytics = client(server)
        assert [a.id for a in qualytics.anomalies(42)] == [1, 2]
        assert [a.id for a in qualytics.anomalies(42, ("Active",))] == [1]
    assert [v for k, v in server.requests[0].query if k == "status"] == ["Acknowledged", "Active"]
    assert all(k != "archived" for request in server.requests for k, _ in request.query)


def test_archived_statuses_are_refused() -> None:
    with serving([]) as server, pytest.raises(ValueError, match="Resolved"):
        client(server).anomalies(42, ("Active", "Resolved"))


def test_only_active_checks_count_and_templates_do_not() -> None:
    rows = [
        {"id": 1, "status": "Active", "fields": None, "rule_type": "brandNew", "container": {"id": 9}},
        {"id": 2, "status": "Draft"},
        {"id": 3, "status": "Active", "is_template": True, "container": None},
    ]
    with serving(lambda request: envelope(rows, request)) as server:
        (check,) = client(server).checks(42)
    assert (check.rule_type, check.field_names) == ("brandNew", ())


def test_history_is_newest_first_whatever_its_order() -> None:
    rows = [{**SCORE, "date": "2026-10-01", "total": 1.0}, {**SCORE, "date": "2026-10-02", "total": 2}]
    with serving([Reply(body=rows)]) as server:
        assert [row.total for row in client(server).quality_scores(42)] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("reply", "presence"),
    [
        (Reply(body=whole(5)), "present"),
        (Reply(body=whole(5, deleted_at="2026-01-01T00:00:00Z")), "gone"),
        (Reply(status=404, body={"detail": "Container id: 5 was not found"}), "gone"),
        (Reply(status=403, body={"detail": "You must have ..."}), "forbidden"),
        (Reply(status=404, body=b"<html>no such backend</html>"), "forbidden"),
        (Reply(status=404, body=b""), "forbidden"),
    ],
)
def test_absence_is_proved_by_the_api_itself(reply: Reply, presence: str) -> None:
    with serving([reply, reply]) as server:
        qualytics = client(server)
        assert qualytics.presence("container", 5) == presence
        assert qualytics.container_exists(5) == (presence == "present")


@pytest.mark.parametrize(
    ("status", "presence"), [("active", "present"), ("masked", "present"), ("missing", "missing")]
)
def test_a_field_that_the_source_lost_is_missing_though_it_answers(status: str, presence: str) -> None:
    with serving([Reply(body={"id": 5, "name": "ID", "status": status})]) as server:
        assert client(server).presence("field", 5) == presence


def test_what_we_are_allowed_to_changes_with_role_team_and_the_teams_permission() -> None:
    def rights(role: str, teams: Reply) -> str:
        me = Reply(body={"id": 1, "role": role, "teams": [{"id": 1, "name": "Public"}]})
        with serving([me, teams]) as server:
            return client(server).rights()

    def team(permission: str) -> Reply:
        rows = [{"id": 1, "permission": permission}, {"id": 2, "permission": "Editor"}]
        return Reply(body={"items": rows, "total": 2, "page": 1, "size": 100, "pages": 1})

    before = rights("Member", team("Reporter"))
    assert rights("Member", team("Reporter")) == before
    assert rights("Member", team("Editor")) != before
    assert rights("Manager", team("Reporter")) != before
    hidden = Reply(status=403, body={"detail": "no"})
    assert rights("Member", hidden) == rights("Member", hidden) != rights("Manager", hidden)


def test_re_reading_by_id_leaves_out_what_is_not_there() -> None:
    def script(request: Request) -> Reply:
        number = int(request.path.rpartition("/")[2])
        told = {"id": number, "name": "x", "global_tags": [], "quality_score": None}
        return Reply(status=404) if number == 2 else Reply(body=told)

    with serving(script) as server:
        assert sorted(client(server).fields_by_id([1, 2, 3])) == [1, 3]


def test_a_tag_is_created_with_weight_zero() -> None:
    made = {"id": 3, "name": "PII", "type": "global"}
    with serving([Reply(body=made)]) as server:
        tag = client(server).create_tag("PII", color="#BF1B1B", category="atlan")
    assert tag.id == 3
    assert json.loads(server.requests[0].body) == {
        "type": "global",
        "name": "PII",
        "weight_modifier": 0,
        "color": "#BF1B1B",
        "category": "atlan",
    }


@pytest.mark.parametrize(("status", "error"), [(409, Conflict), (422, Rejected)])
def test_a_tag_that_cannot_be_created_says_so(status: int, error: type[Exception]) -> None:
    with serving([Reply(status=status, body={"detail": "no"})]) as server, pytest.raises(error):
        client(server).create_tag("PII")


def defined(number: int, name: str, **more: Any) -> dict[str, Any]:
    """A row of the list of definitions."""
    nothing = dict.fromkeys(("color", "description", "category", "weight_modifier"))
    return {"id": number, "name": name, "type": "global", **nothing, **more}


@pytest.mark.parametrize("made", [True, False])
def test_after_a_lost_answer_the_list_is_read_and_the_tag_not_made_twice(made: bool) -> None:
    def script(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(hang_up=True)
        return envelope([defined(3, "PII", count=0)] if made else [], request)

    with serving(script) as server:
        if made:
            assert client(server).create_tag("PII").id == 3
        else:
            with pytest.raises(TimedOutAfterSend):
                client(server).create_tag("PII")
    assert [r.method for r in server.requests] == ["POST", "GET"]


def test_usage_counts_come_from_the_listing_where_the_list_lacks_them() -> None:
    def script(request: Request) -> Reply:
        if request.path.endswith("/listing"):
            return Reply(body=[{"id": 3, "name": "PII", "count": 4}])
        return envelope([defined(5, "New"), defined(3, "PII")], request)

    with serving(script) as server:
        assert [(t.name, t.count) for t in client(server).global_tags()] == [("PII", 4), ("New", None)]


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("left_out", ["type", "color", "description", "category", "weight_modifier"])
def test_a_definition_that_is_not_told_whole_is_none_to_update(left_out: str) -> None:
    row = defined(3, "PII")
    del row[left_out]
    with (
        serving(lambda request: envelope([row], request)) as server,
        pytest.raises(Malformed, match=f"missing required field `{left_out}`"),
    ):
        client(server).global_tags()


TAG = GlobalTag(
    id=3, name="Finance Tier 1", color="#111111", description="d", category="c", weight_modifier=2
)


def test_an_update_carries_the_whole_definition() -> None:
    with serving([Reply(body={})]) as server:
        assert client(server).update_tag(TAG, color="#222222", description=None) is True
    (request,) = server.requests
    assert (request.method, request.path) == ("PUT", "/api/global-tags/Finance%20Tier%201")
    assert json.loads(request.body) == {
        "type": "global",
        "name": "Finance Tier 1",
        "color": "#222222",
        "description": None,
        "category": "c",
        "weight_modifier": 2,
    }


@pytest.mark.rule("5.2", "The Qualytics API replaces the whole list")
def test_an_external_tag_takes_category_and_weight_only() -> None:
    with serving([Reply(body={})]) as server:
        client(server).update_tag(
            msgspec.structs.replace(TAG, type="external"), color="#222222", category="x"
        )
    assert json.loads(server.requests[0].body) == {"type": "external", "category": "x", "weight_modifier": 2}


def test_a_name_that_no_url_reaches_is_reported_and_never_hits_another_path() -> None:
    with serving(lambda _: Reply(status=404, body={"detail": "Not Found"})) as server:
        qualytics = client(server)
        assert qualytics.delete_tag("Finance/Tier 1") is False
        assert qualytics.update_tag(msgspec.structs.replace(TAG, name="a/b"), color="#1") is False
        for name in ("", ".", ".."):
            assert qualytics.delete_tag(name) is False
    assert [r.path for r in server.requests] == [
        "/api/global-tags/Finance%2FTier%201",
        "/api/global-tags/a%2Fb",
    ]


def test_a_definition_that_is_gone_is_not_found() -> None:
    with serving([Reply(status=404)]) as server, pytest.raises(NotFound):
        client(server).delete_tag("PII")


def test_bulk_assignments_go_out_in_bounded_bodies() -> None:
    def script(request: Request) -> Reply:
        assert (request.method, request.path) == ("PATCH", "/api/containers")
        return Reply(body=[{"id": row["id"], "name": "x"} for row in json.loads(request.body)])

    with serving(script) as server:
        updated = client(server).set_container_tags([(n, ["PII"]) for n in range(BULK + 1)])
    assert len(updated) == BULK + 1
    assert json.loads(server.requests[1].body) == [{"id": BULK, "tags": ["PII"]}]


def test_an_empty_answer_to_a_bulk_update_is_no_failure() -> None:
    with serving([Reply(status=204)]) as server:
        assert client(server).set_field_tags([(1, [])]) == []


def test_rows_of_another_shape_in_the_answer_to_a_bulk_update_tell_nothing() -> None:
    answer = [{"id": 1, "name": "A", "global_tags": []}, {"id": "x"}, None, {"id": 2, "name": "B"}]
    with serving(lambda request: Reply(body=answer)) as server:
        rows = client(server).set_field_tags([(1, []), (2, [])])
    assert [(row.id, row.shows_tags) for row in rows] == [(1, True), (2, False)]


def test_native_datastores_name_their_connection_type_beside_the_tags() -> None:
    row = {"id": 4, "name": "lake", "store_type": "native", "type": "unity_native"}
    with serving([Reply(body=row), Reply(body={**row, "store_type": "jdbc"})]) as server:
        qualytics = client(server)
        lake = qualytics.set_datastore_tags(msgspec.convert(row, Datastore), ["PII"])
        qualytics.set_datastore_tags(msgspec.structs.replace(lake, store_type="jdbc"), [])
    assert json.loads(server.requests[0].body) == {"tags": ["PII"], "connection": {"type": "unity_native"}}
    assert json.loads(server.requests[1].body) == {"tags": []}


def test_a_page_without_its_envelope_is_malformed() -> None:
    with serving([Reply(body={"items": []})]) as server, pytest.raises(Malformed, match="total"):
        client(server).containers(42)


def api(create: dict[str, Any], prefix: str = "/api") -> dict[str, Any]:
    post = {"requestBody": {"content": {"application/json": {"schema": create}}}}
    tag = {"properties": {"type": {"const": "global"}, "name": {"type": "string"}}}
    kinds = {"enum": ["external", "entity"], "type": "string"}
    return {
        "info": {"version": "20260910-sandbox"},
        "paths": {f"{prefix}/global-tags": {"get": {}, "post": post}, f"{prefix}/global-tags/{{name}}": {}},
        "components": {
            "schemas": {
                "GlobalCreate": tag,
                "ExternalCreate": {"properties": {"type": {"$ref": "#/components/schemas/Kind"}}},
                "Kind": kinds,
                "Loop": {"anyOf": [{"$ref": "#/components/schemas/Loop"}]},
            }
        },
    }


@pytest.mark.parametrize(
    ("create", "offered"),
    [
        ({"$ref": "#/components/schemas/GlobalCreate"}, False),
        ({"oneOf": [{"$ref": "#/components/schemas/GlobalCreate"}]}, False),
        ({"anyOf": [{"$ref": "#/components/schemas/ExternalCreate"}]}, True),
        ({"properties": {"type": {"const": "external"}}}, True),
        ({"discriminator": {"mapping": {"external": "#/x"}}}, True),
        ({"$ref": "#/components/schemas/Loop"}, False),
        ({"$ref": "#/components/schemas/Nowhere"}, False),
        ({"properties": {"name": {"const": "external"}}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("prefix", ["/api", ""])
def test_external_tags_are_offered_where_the_schema_of_creation_says_so(
    create: dict[str, Any], offered: bool, prefix: str
) -> None:
    with serving([Reply(body=api(create, prefix))]) as server:
        qualytics = client(server)
        assert qualytics.offers_external_tags() is offered
        assert qualytics.version() == "20260910-sandbox"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"discriminator": 1.5},
        {"properties": {"type": {"enum": True}}},
        {"properties": {"type": {"$ref": "#/components/schemas/Itself"}}},
    ],
)
def test_a_document_that_is_not_built_as_the_standard_says_decides_nothing(odd: dict[str, Any]) -> None:
    document = api(odd, "/api")
    document["components"]["schemas"]["Itself"] = {"$ref": "#/components/schemas/Itself"}
    with serving([Reply(body=document)]) as server, pytest.raises(Malformed):
        client(server).offers_external_tags()


@pytest.mark.parametrize("post", [1.5, ["a"]])
def test_a_path_that_is_none_of_the_standards_decides_nothing(post: Any) -> None:
    document = {"info": {"version": "1"}, "paths": {"/api/global-tags": {"post": post}}}
    with serving([Reply(body=document)]) as server, pytest.raises(Malformed):
        client(server).offers_external_tags()


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("kind", ["datastore", "container", "field"])
def test_an_answer_about_another_object_is_none(kind: str) -> None:
    other = {"id": 2, "name": "A", "global_tags": [], "metrics": METRICS, "quality_score": None, **PLACE}
    with serving([Reply(body=other), Reply(body=other)]) as server:
        for ask in (partial(getattr(client(server), kind), 1), partial(client(server).presence, kind, 1)):
            with pytest.raises(Malformed, match=f"{kind} 1 was answered with another one"):
                ask()


@pytest.mark.rule("5.3", "Null means not measured")
@pytest.mark.parametrize("points", [-1, 101, 2**70])
def test_a_number_that_is_no_score_is_not_shown_as_one(points: float) -> None:
    odd = {"id": 1, "name": "A", "global_tags": [], "quality_score": SCORE | {"total": points}}
    with serving([Reply(body=odd)]) as server, pytest.raises(Malformed, match="of another shape"):
        client(server).field(1)


def test_status_and_me_are_tolerant() -> None:
    replies = [
        Reply(body={"database_connection": "OK", "new": 1}),
        Reply(body={"name": "svc", "role": "Member"}),
    ]
    with serving(replies) as server:
        qualytics = client(server)
        assert qualytics.status().database_connection == "OK"
        assert qualytics.me().name == "svc"
