"""Reading: shared reads and their gaps, unknown tags, narrowing, and proof by id."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.atlan.lanes import side_by_side
from qsync_pipeline.catalogs.atlan.queries import contents, groups
from qsync_pipeline.catalogs.atlan.reading import Reader
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound, ServerError, Unauthorized
from qsync_pipeline_tests.catalogs.atlan.fake import BULK, CONN, SEARCH, TYPEDEFS, FakeSession, pages, row

PII = {"name": "hPII", "displayName": "PII", "options": {"color": "Red"}}
NEW = {"name": "hNew", "displayName": "New"}
SCHEMA = CatalogAsset(
    id="s",
    level="schema",
    kind="Schema",
    name="S",
    qualified_name=f"{CONN}/DB/S",
    connection=CONN,
    connector="snowflake",
    database="DB",
    schema="S",
    host="acme.example",
)


def typedefs(*tags: dict[str, Any]) -> dict[str, Any]:
    return {"classificationDefs": list(tags), "businessMetadataDefs": []}


def reader(session: FakeSession, page_size: int = 100) -> Reader:
    return Reader(session.client(page_size), AtlanSettings(url="https://acme.example"))


def tagged(number: int, *ids: str) -> dict[str, Any]:
    guid = f"guid-{number:04}"
    return row(number, classifications=[{"typeName": id, "entityGuid": guid} for id in ids])


def asked_types(call: dict[str, Any]) -> list[str]:
    filters = call["json"]["dsl"]["query"]["bool"]["filter"]
    return next((f["terms"]["__typeName.keyword"] for f in filters if "terms" in f), [])


def tenant(structure: list[dict[str, Any]], domains: Any = ()) -> FakeSession:
    def search(call: dict[str, Any]) -> Any:
        if asked_types(call) == ["DataDomain"]:
            if isinstance(domains, Exception):
                raise domains
            return pages(domains)(call)
        return pages(structure)(call)

    return FakeSession().on("POST", SEARCH, search).on("GET", TYPEDEFS, typedefs(PII))


STRUCTURE = [
    row(1, "Connection", attributes={"name": "WH", "qualifiedName": CONN, "host": "acme.example"}),
    row(2, "Database", attributes={"name": "DB", "qualifiedName": f"{CONN}/DB"}),
    row(
        3,
        "Schema",
        attributes={"name": "S", "qualifiedName": f"{CONN}/DB/S", "databaseName": None, "domainGUIDs": ["d"]}
        | {"databaseQualifiedName": f"{CONN}/DB"},
    ),
]
DOMAIN = row(
    9, "DataDomain", guid="d", attributes={"name": "Finance", "qualifiedName": "default/domain/x/super"}
)


def test_the_index_knows_where_everything_is_in_three_calls() -> None:
    session = tenant(STRUCTURE, [DOMAIN])
    index = reader(session).index()
    (schema,) = index.schemas
    assert [c.host for c in index.connections] == ["acme.example"]
    assert (schema.database, schema.schema, schema.host, schema.domain) == ("DB", "S", "acme.example", "d")
    assert [d.name for d in index.domains] == ["Finance"]
    assert index.gaps == ()
    assert len(session.calls) == 3


def test_a_domain_tree_that_cannot_be_read_is_a_gap_not_an_empty_tree() -> None:
    index = reader(tenant(STRUCTURE, ServerError("503"))).index()
    assert len(index.schemas) == 1
    assert any(gap.startswith("domain tree") for gap in index.gaps)


def test_a_domain_in_use_that_the_tree_lacks_is_a_gap() -> None:
    assert any("not visible" in gap for gap in reader(tenant(STRUCTURE, [])).index().gaps)


def test_type_definitions_that_cannot_be_read_are_a_gap_and_spoil_tagged_assets() -> None:
    session = tenant([*STRUCTURE[:2], tagged(3, "hPII") | {"typeName": "Schema"}])

    def refuse(call: dict[str, Any]) -> Any:
        raise Forbidden("no")

    session.on("GET", TYPEDEFS, refuse)
    index = reader(session).index()
    assert any(gap.startswith("type definitions") for gap in index.gaps)
    assert [s.complete for s in index.schemas] == [False]
    assert [c.complete for c in index.connections] == [True]
    assert session.count("GET", TYPEDEFS) == 1


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_tag_that_does_not_say_where_it_was_put_is_no_copy() -> None:
    untold = row(3, classifications=[{"typeName": "hPII"}])
    session = FakeSession().on("GET", TYPEDEFS, typedefs(PII)).on("GET", BULK, {"entities": [row(1), untold]})
    with pytest.raises(Malformed, match="without the asset that it was put on"):
        reader(session).reread(["guid-0001", "guid-0003"])
    with pytest.raises(Malformed, match="without the asset that it was put on"):
        reader(tenant([*STRUCTURE[:2], untold | {"typeName": "Schema"}])).index()


def half_told(number: int, **more: Any) -> dict[str, Any]:
    """A search row that names its tags and does not say where they were put."""
    return row(number, classificationNames=["hPII"], **more)


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("places", [{}, {"classifications": None}, {"classifications": []}])
def test_a_row_that_names_tags_without_their_places_is_read_by_id(places: dict[str, Any]) -> None:
    session = FakeSession().on("GET", TYPEDEFS, typedefs(PII))
    session.on("POST", SEARCH, pages([tagged(1, "hPII"), half_told(2, **places), half_told(3, **places)]))
    session.on("GET", BULK, {"entities": [tagged(2, "hPII"), row(3, classifications=[])]})
    found = list(reader(session).read([SCHEMA]))
    assert [[tag.name for tag in asset.tags] for asset in found] == [["PII"], ["PII"], []]
    assert all(asset.complete for asset in found)
    assert session.count("GET", BULK) == 1


def test_a_row_that_places_its_tags_without_naming_them_is_whole() -> None:
    session = FakeSession().on("GET", TYPEDEFS, typedefs(PII)).on("POST", SEARCH, pages([tagged(1, "hPII")]))
    (asset,) = reader(session).read([SCHEMA])
    assert ([tag.name for tag in asset.tags], asset.complete) == (["PII"], True)
    assert session.count("GET", BULK) == 0


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_tag_whose_place_the_graph_does_not_tell_either_fails_the_reading_by_name() -> None:
    session = FakeSession().on("GET", TYPEDEFS, typedefs(PII)).on("POST", SEARCH, pages([half_told(1)]))
    session.on("GET", "/api/meta/entity/guid/guid-0001", {"entity": row(1)})
    with pytest.raises(Malformed, match="DB/S/T1: tags were named without the asset"):
        list(reader(session).read([SCHEMA]))
    above = tenant([*STRUCTURE[:2], half_told(3) | {"typeName": "Schema"}])
    above.on("GET", "/api/meta/entity/guid/guid-0003", {"entity": row(3)})
    with pytest.raises(Malformed, match="tags were named without the asset"):
        reader(above).index()
    session.on("GET", BULK, {"entities": [half_told(1), row(2)]})
    with pytest.raises(Malformed, match="tags were named without the asset"):
        reader(session).reread(["guid-0001", "guid-0002"])


@pytest.mark.parametrize(("state", "shown"), [("gone", []), ("deleted", []), ("forbidden", [False])])
def test_what_the_graph_says_of_a_row_without_places_counts(state: str, shown: list[bool]) -> None:
    graph = Graph(a=state)
    graph.session.on("POST", SEARCH, pages([half_told(1, guid="a")]))
    assert [asset.readable for asset in reader(graph.session).read([SCHEMA])] == shown


def test_a_lost_token_stops_the_index() -> None:
    with pytest.raises(Unauthorized):
        reader(tenant(STRUCTURE, Unauthorized("401"))).index()


def test_an_unknown_tag_is_looked_up_once_and_then_named() -> None:
    answers = iter([typedefs(PII), typedefs(PII, NEW)])
    session = FakeSession().on("POST", SEARCH, pages([tagged(1, "hPII", "hNew"), tagged(2, "hNew")]))
    session.on("GET", TYPEDEFS, lambda call: next(answers))
    found = list(reader(session).read([SCHEMA]))
    assert [[t.name for t in a.tags] for a in found] == [["New", "PII"], ["New"]]
    assert all(a.complete for a in found)
    assert session.count("GET", TYPEDEFS) == 2


def test_a_tag_that_stays_unknown_costs_one_more_call_and_not_one_per_page() -> None:
    rows = [tagged(n, "hGone") for n in range(6)]
    session = FakeSession().on("POST", SEARCH, pages(rows)).on("GET", TYPEDEFS, typedefs(PII))
    found = list(reader(session, page_size=2).read([SCHEMA]))
    assert [a.complete for a in found] == [False] * 6
    assert session.count("GET", TYPEDEFS) == 2


def test_names_missing_on_a_row_come_from_the_schema_that_was_asked_for() -> None:
    bare = row(1, attributes={"databaseName": None, "schemaName": None})
    session = FakeSession().on("POST", SEARCH, pages([bare])).on("GET", TYPEDEFS, typedefs())
    (asset,) = reader(session).read([SCHEMA])
    assert (asset.database, asset.schema, asset.host) == ("DB", "S", "acme.example")


def test_a_narrowed_read_compares_names_by_case_fold_and_keeps_the_schema() -> None:
    column = {"name": "id", "tableName": "Orders"}
    rows = [
        row(1, "Schema", attributes={"name": "S", "qualifiedName": SCHEMA.qualified_name}),
        row(2, attributes={"name": "ORDERS"}),
        row(3, attributes={"name": "ORDERS_OLD"}),
        row(4, "Column", attributes=column),
        row(5, "Column", attributes=column | {"tableName": "OTHER"}),
    ]
    session = FakeSession().on("POST", SEARCH, pages(rows)).on("GET", TYPEDEFS, typedefs())
    found = reader(session).read([SCHEMA], {"orders"})
    assert [a.id for a in found] == ["guid-0001", "guid-0002", "guid-0004"]


def test_a_narrowed_query_asks_for_the_names_in_every_case() -> None:
    text = str(contents(["q"], {"Orders"}))
    assert "'name.keyword': ['ORDERS', 'Orders', 'orders']" in text
    assert "'tableName.keyword': ['ORDERS', 'Orders', 'orders']" in text
    assert "'viewName.keyword': ['ORDERS', 'Orders', 'orders']" in text


def test_many_schemas_share_queries_and_a_few_keep_the_lanes_busy() -> None:
    names = [f"s{n}" for n in range(200)]
    assert [len(g) for g in groups(names)] == [20] * 10
    assert [len(g) for g in groups(names[:3])] == [1, 1, 1]
    assert [len(g) for g in groups(names[:7])] == [2, 2, 2, 1]
    assert groups([]) == []


def test_lanes_keep_the_order_and_stop_at_the_first_failure() -> None:
    done: list[int] = []

    def work(item: int) -> int:
        if item == 5:
            raise ValueError(item)
        done.append(item)
        return item * 2

    assert list(side_by_side(work, [1, 2, 3, 4])) == [2, 4, 6, 8]
    done.clear()
    with pytest.raises(ValueError, match="5"):
        list(side_by_side(work, range(5, 100)))
    assert len(done) < 20


class Graph:
    """Assets by guid: 'present', 'gone', 'forbidden', 'deleted' or 'scrubbed'."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.session = FakeSession().on("GET", BULK, self._many).on("GET", TYPEDEFS, typedefs(PII))
        self.session.on("POST", SEARCH, self._search)
        for guid in states:
            self.session.on(
                "GET", f"/api/meta/entity/guid/{guid}", lambda c, g=guid: {"entity": self._one(g)}
            )

    def _one(self, guid: str) -> dict[str, Any]:
        state = self.states[guid]
        if state == "gone":
            raise NotFound("404", status=404, code="ATLAS-404-00-005", worded=True)
        if state == "forbidden":
            raise Forbidden("403", status=403, code="ATLAS-403-00-001")
        found = row(1, guid=guid, status="DELETED" if state == "deleted" else "ACTIVE")
        found |= {"classifications": [{"typeName": "hPII", "entityGuid": guid}]}
        return found | ({"scrubbed": True} if state == "scrubbed" else {})

    def _many(self, call: dict[str, Any]) -> Any:
        return {"entities": [self._one(guid) for guid in call["params"]["guid"]]}

    def _search(self, call: dict[str, Any]) -> Any:
        (asked,) = call["json"]["dsl"]["query"]["bool"]["filter"]
        rows = [
            row(n, guid=guid, scrubbed=self.states[guid] == "forbidden")
            for n, guid in enumerate(asked["terms"]["__guid"])
            if self.states[guid] != "gone"
        ]
        return pages(rows)(call)


def test_presence_is_proved_by_id() -> None:
    graph = Graph(a="present", b="gone", c="forbidden", d="deleted", e="scrubbed")
    assert reader(graph.session).presence(["a", "b", "c", "d", "e", "-1:hidden"]) == {
        "a": "present",
        "b": "gone",
        "c": "forbidden",
        "d": "gone",
        "e": "forbidden",
        "-1:hidden": "forbidden",
    }


def test_a_forbidden_connection_is_not_asked_for_asset_by_asset() -> None:
    graph = Graph(**{f"g{n}": "forbidden" for n in range(40)})
    assert set(reader(graph.session).presence(list(graph.states)).values()) == {"forbidden"}
    assert len(graph.session.calls) == 2


def test_a_404_that_atlan_did_not_word_proves_nothing() -> None:
    session = FakeSession()
    session.on("GET", "/api/meta/entity/guid/a", _page_of_a_proxy)
    assert reader(session).presence(["a"]) == {"a": "forbidden"}


def _page_of_a_proxy(call: dict[str, Any]) -> Any:
    raise NotFound("an HTML page", status=404)


def test_only_the_graph_proves_that_an_asset_is_gone() -> None:
    graph = Graph(a="present", b="gone")
    reader(graph.session).presence(["a", "b"])
    assert graph.session.count("GET", "/api/meta/entity/guid/b") == 1


def test_a_reread_returns_what_is_readable_and_leaves_the_rest_out() -> None:
    graph = Graph(a="present", b="gone", c="forbidden", d="deleted", e="scrubbed", f="present")
    found = reader(graph.session).reread(list(graph.states))
    assert set(found) == {"a", "f"}
    assert [t.origin for t in found["a"].tags] == ["direct"]


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_an_asset_that_is_read_by_id_without_its_tags_has_not_none() -> None:
    session = FakeSession().on("GET", TYPEDEFS, typedefs(PII))
    session.on("GET", BULK, {"entities": [row(1), row(2, classifications=[]), tagged(3, "hPII")]})
    found = reader(session).reread([f"guid-000{n}" for n in (1, 2, 3)])
    assert [asset.complete for asset in found.values()] == [False, True, True]


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_domains_that_are_no_list_are_not_none() -> None:
    odd = row(1, attributes={"domainGUIDs": "d"})
    session = FakeSession().on("GET", TYPEDEFS, typedefs()).on("POST", SEARCH, pages([odd]))
    with pytest.raises(Malformed, match="something else than its domains"):
        list(reader(session).read([SCHEMA]))


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("lost", ["typeName", "attributes", "status", "guid"])
def test_an_asset_that_does_not_say_what_it_is_is_not_out_of_sight(lost: str) -> None:
    rows = [row(1), {name: value for name, value in row(2).items() if name != lost}]
    session = FakeSession().on("GET", TYPEDEFS, typedefs()).on("GET", BULK, {"entities": rows})
    session.on("GET", "/api/meta/entity/guid/guid-0002", {"entity": rows[1]})
    with pytest.raises(Malformed, match="an asset was answered without its"):
        reader(session).reread(["guid-0001", "guid-0002"])


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_an_asset_of_a_type_that_was_not_asked_for_is_not_left_out() -> None:
    session = (
        FakeSession().on("GET", TYPEDEFS, typedefs()).on("POST", SEARCH, pages([row(1), row(2, "tAbLe")]))
    )
    session.on("GET", BULK, {"entities": [row(1, "tAbLe")]})
    with pytest.raises(Malformed, match="not asked for"):
        list(reader(session).read([SCHEMA]))
    with pytest.raises(Malformed, match="not asked for"):
        reader(session).reread(["guid-0001", "guid-0002"])


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize(
    ("answered", "why"),
    [(row(2, status="DELETED"), "with another one"), (row(1, status=" "), "without its id or a status")],
)
def test_an_answer_about_another_asset_or_without_a_status_proves_nothing(
    answered: dict[str, Any], why: str
) -> None:
    session = FakeSession().on("GET", TYPEDEFS, typedefs())
    session.on("GET", "/api/meta/entity/guid/guid-0001", {"entity": answered})
    with pytest.raises(Malformed, match=why):
        reader(session).presence(["guid-0001"])


def test_a_reread_takes_at_most_fifty_ids_a_call() -> None:
    graph = Graph(**{f"g{n}": "present" for n in range(120)})
    assert len(reader(graph.session).reread(list(graph.states))) == 120
    assert [len(c["params"]["guid"]) for c in graph.session.calls if c["path"] == BULK] == [50, 50, 20]
