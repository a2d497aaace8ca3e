"""Definitions: what is made, what is adopted, and what stops us; nothing is ever made twice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from qsync_pipeline.catalogs.atlan.definitions import plan_set
from qsync_pipeline.catalogs.atlan.making import DefinitionMaker
from qsync_pipeline.catalogs.atlan.reading import TagCache
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.base import DefinitionPlan
from qsync_pipeline.core.rows import ATTRIBUTES, Outcome
from qsync_pipeline.transport.errors import Conflict, Forbidden, Malformed, TimedOutAfterSend
from qsync_pipeline_tests.catalogs.atlan.fake import BULK, CONN, SEARCH, TYPEDEFS, FakeSession

OTHER = {
    "category": "BUSINESS_METADATA",
    "name": "otherSet",
    "guid": "g-other",
    "displayName": "Governance",
    "attributeDefs": [{"name": "o1", "displayName": "Check Count", "typeName": "string"}],
}


class Tenant:
    """The sets and badges of a tenant, and what happens to a write."""

    def __init__(self, *sets: dict[str, Any]) -> None:
        self.sets = [copy.deepcopy(OTHER), *map(copy.deepcopy, sets)]
        self.badges: list[dict[str, Any]] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.session = (
            FakeSession()
            .on("GET", TYPEDEFS, lambda call: {"classificationDefs": [], "businessMetadataDefs": self.sets})
            .on("POST", TYPEDEFS, self._write)
            .on("PUT", TYPEDEFS, self._write)
            .on("POST", SEARCH, self._search)
            .on("POST", BULK, self._bulk)
        )

    def _write(self, call: dict[str, Any]) -> Any:
        self.before()
        (sent,) = copy.deepcopy(call["json"]["businessMetadataDefs"])
        for number, attribute in enumerate(sent["attributeDefs"]):
            attribute["name"] = attribute["name"] or f"a{number}-{len(self.sets)}"
        if call["method"] == "POST":
            sent.update(name="ourSet", guid="g-ours")
            self.sets.append(sent)
        else:
            self.sets = [sent if s["guid"] == sent["guid"] else s for s in self.sets]
        self.after()
        return {"businessMetadataDefs": [sent]}

    def _search(self, call: dict[str, Any]) -> Any:
        rows = [
            {"guid": f"b{n}", "typeName": "Badge", "createTime": n, "attributes": badge["attributes"]}
            for n, badge in enumerate(self.badges)
        ]
        return {"searchParameters": {}, "approximateCount": len(rows), "entities": rows}

    def _bulk(self, call: dict[str, Any]) -> Any:
        self.badges += call["json"]["entities"]
        return {"mutatedEntities": {"CREATE": [{"guid": f"b{n}"} for n in range(len(self.badges))]}}

    def ours(self) -> dict[str, Any]:
        return next(s for s in self.sets if s["name"] != "otherSet")

    def maker(self, **settings: Any) -> DefinitionMaker:
        client = self.session.client(100)
        return DefinitionMaker(
            client, AtlanSettings(url="https://acme.example", **settings), TagCache(client)
        )

    def settle(
        self, *connections: str, handle: dict[str, object] | None = None, **settings: Any
    ) -> tuple[DefinitionPlan, list[Outcome]]:
        """Plan and make, checking that no more is written than was planned."""
        plan = self.maker(**settings).plan(connections or (CONN,), handle or {})
        assert self.writes() == 0, "planning only reads"
        done, outcomes = self.maker(**settings).make(plan)
        assert self.writes() <= len(plan.changes)
        assert len(outcomes) == len(plan.changes)
        self.session.calls.clear()
        return done, outcomes

    def writes(self) -> int:
        s = self.session
        return s.count("POST", TYPEDEFS) + s.count("PUT", TYPEDEFS) + s.count("POST", BULK)


def attribute(name: str, type_name: str = "float", **options: Any) -> dict[str, Any]:
    return {"name": f"id {name}", "displayName": name, "typeName": type_name, "options": options}


def full_set(**changed: Any) -> dict[str, Any]:
    """A set of somebody else's making with all twelve attributes, except as told."""
    kinds = dict.fromkeys(ATTRIBUTES, "float") | {
        "URL": "string",
        "Anomaly Count": "int",
        "Check Count": "int",
    }
    options = {"applicableConnections": f'["{CONN}"]', "applicableEntityTypes": '["Asset"]'}
    attributes = [
        attribute(name, changed.get(name, kind), **options)
        for name, kind in kinds.items()
        if changed.get(name, kind)
    ]
    return {"name": "ourSet", "guid": "g-ours", "displayName": "Qualytics", "attributeDefs": attributes}


def results(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(o.change.key, o.outcome) for o in outcomes]


def test_an_absent_set_is_made_once_with_its_badges() -> None:
    tenant = Tenant()
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("set", "applied"), ("badges", "applied")]
    assert done.changes == ()
    assert done.handle["set"] == "ourSet"
    assert list(done.handle["attributes"]) == list(ATTRIBUTES)  # type: ignore[call-overload]  # opaque
    assert [a["displayName"] for a in tenant.ours()["attributeDefs"]] == list(ATTRIBUTES)
    again, outcomes = tenant.settle(handle=dict(done.handle))
    assert (outcomes, again.handle) == ([], done.handle)


def test_the_set_has_an_icon_descriptions_and_fitting_types() -> None:
    tenant = Tenant()
    tenant.settle(CONN, "default/mysql/2")
    made = tenant.ours()
    assert made["options"]["logoType"] == "emoji"
    assert made["description"]
    by_name = {a["displayName"]: a for a in made["attributeDefs"]}
    assert all(a["description"] for a in made["attributeDefs"])
    assert (by_name["URL"]["typeName"], by_name["URL"]["options"]["customType"]) == ("string", "url")
    assert by_name["Quality Score Accuracy"]["typeName"] == "float"
    assert by_name["Anomaly Count"]["typeName"] == "int"
    options = by_name["Check Count"]["options"]
    assert options["customMetadataVersion"] == "v2"
    assert options["applicableEntityTypes"] == '["Asset"]'
    assert msgspec.json.decode(options["applicableConnections"]) == [CONN, "default/mysql/2"]
    assert {"Schema", "Table", "View", "MaterialisedView", "SnowflakeDynamicTable", "Column"} == set(
        msgspec.json.decode(options["assetTypesList"])
    )


def test_badges_are_named_by_ids_and_green_comes_first() -> None:
    tenant = Tenant()
    done, _ = tenant.settle()
    total = tenant.badges[0]["attributes"]
    id = done.handle["attributes"]["Quality Score Total"]  # type: ignore[index]  # opaque
    assert total["qualifiedName"] == f"badges/global/ourSet.{id}"
    assert total["badgeMetadataAttribute"] == f"ourSet.{id}"
    assert [
        (c["badgeConditionOperator"], c["badgeConditionValue"], c["badgeConditionColorhex"])
        for c in total["badgeConditions"]
    ] == [("gte", "80", "#047960"), ("gte", "60", "#F7B43D"), ("lt", "60", "#BF1B1B")]


def test_badges_that_a_person_removed_are_not_made_again() -> None:
    tenant = Tenant()
    done, _ = tenant.settle()
    tenant.badges.clear()
    assert tenant.settle(handle=dict(done.handle))[1] == []


def test_badges_that_stand_there_are_found_after_a_lost_ledger() -> None:
    tenant = Tenant()
    tenant.settle()
    done, outcomes = tenant.settle()
    assert outcomes == []
    assert len(done.handle["badges"]) == 3  # type: ignore[arg-type]  # opaque


def test_badges_that_the_index_does_not_show_yet_are_not_made_again() -> None:
    tenant = Tenant()
    tenant.settle()
    made = {badge["attributes"]["qualifiedName"] for badge in tenant.badges}
    tenant.badges.clear()
    tenant.session.on(
        "GET",
        "/api/meta/entity/uniqueAttribute/type/Badge",
        lambda call: {
            "entity": {"status": "ACTIVE" if call["params"]["attr:qualifiedName"] in made else "DELETED"}
        },
    )
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("badges", "unchanged")]
    assert set(done.handle["badges"]) == made  # type: ignore[call-overload]  # opaque
    assert tenant.badges == []


def test_a_fitting_set_is_adopted_without_touching_it() -> None:
    tenant = Tenant(full_set())
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("badges", "applied")]
    assert tenant.ours() == full_set()
    assert done.handle["attributes"]["Check Count"] == "id Check Count"  # type: ignore[index]  # opaque


@pytest.mark.rule("5.3", "Missing attributes are added")
def test_a_missing_attribute_is_added_and_all_ids_are_resent() -> None:
    before = full_set(**{"Quality Score Accuracy": None})
    tenant = Tenant(before)
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("set", "applied"), ("badges", "applied")]
    after = tenant.ours()["attributeDefs"]
    assert after[: len(before["attributeDefs"])] == before["attributeDefs"]
    assert [a["displayName"] for a in after[len(before["attributeDefs"]) :]] == ["Quality Score Accuracy"]
    assert len(done.handle["attributes"]) == 12  # type: ignore[arg-type]  # opaque


def test_an_archived_attribute_is_as_good_as_absent_and_stays() -> None:
    before = full_set()
    before["attributeDefs"][-1]["options"]["isArchived"] = "true"
    tenant = Tenant(before)
    tenant.settle()
    assert [a["displayName"] for a in tenant.ours()["attributeDefs"]].count("Check Count") == 2


@pytest.mark.rule("5.3", "Missing attributes are added")
def test_a_connection_that_the_set_does_not_apply_to_is_added() -> None:
    tenant = Tenant(full_set())
    _, outcomes = tenant.settle(CONN, "default/postgres/9")
    assert results(outcomes)[0] == ("set", "applied")
    assert outcomes[0].change.after["connections"] == ["default/postgres/9"]
    for one in tenant.ours()["attributeDefs"]:
        assert msgspec.json.decode(one["options"]["applicableConnections"]) == [CONN, "default/postgres/9"]


def test_asset_types_that_the_set_does_not_apply_to_are_added() -> None:
    before = full_set()
    before["attributeDefs"][0]["options"]["assetTypesList"] = '["Table"]'
    tenant = Tenant(before)
    tenant.settle()
    types = msgspec.json.decode(tenant.ours()["attributeDefs"][0]["options"]["assetTypesList"])
    assert types[0] == "Table"
    assert "Column" in types


@pytest.mark.parametrize(
    ("name", "type_name"),
    [
        ("URL", "float"),
        ("Quality Score Total", "string"),
        ("Quality Score Total", "int"),
        ("Check Count", "boolean"),
        ("Check Count", "array<int>"),
    ],
)
def test_a_wrong_type_stops_everything_and_names_the_line(name: str, type_name: str) -> None:
    tenant = Tenant(full_set(**{name: type_name, "Quality Score Accuracy": None}))
    plan = tenant.maker().plan((CONN,), {})
    assert plan.changes == ()
    assert len(plan.problems) == 1
    assert f'names: {{"{name}":' in plan.problems[0]
    assert "attributes: {set:" in plan.problems[0]


def test_two_sets_of_the_name_stop_everything() -> None:
    second = {**full_set(), "name": "second", "guid": "g2"}
    plan = Tenant(full_set(), second).maker().plan((CONN,), {})
    assert plan.changes == ()
    assert plan.handle == {}
    assert "2 custom-metadata sets named 'Qualytics'" in plan.problems[0]


def test_of_two_sets_of_the_name_the_ledger_knows_ours() -> None:
    tenant = Tenant({**full_set(), "name": "second", "guid": "g2"}, full_set())
    handle = {"set": "ourSet", "set_name": "Qualytics"}
    assert tenant.maker().plan((CONN,), handle).handle["set"] == "ourSet"


def test_a_set_that_was_renamed_in_atlan_is_still_ours() -> None:
    tenant = Tenant()
    done, _ = tenant.settle()
    tenant.ours()["displayName"] = "Data Quality"
    tenant.ours()["attributeDefs"][3]["displayName"] = "Covered"
    assert tenant.settle(handle=dict(done.handle))[1] == []


def test_another_name_in_the_config_is_another_set() -> None:
    tenant = Tenant()
    done, _ = tenant.settle()
    plan = tenant.maker(attribute_set="DQ").plan((CONN,), done.handle)
    assert [(c.action, c.target) for c in plan.changes] == [("create", "DQ"), ("create", "DQ")]


def test_names_are_mapped_and_dropped_attributes_left_out() -> None:
    tenant = Tenant()
    done, _ = tenant.settle(attributes={"Check Count": "Checks", "URL": "URL"})
    assert [a["displayName"] for a in tenant.ours()["attributeDefs"]] == ["Checks", "URL"]
    assert set(done.handle["attributes"]) == {"Check Count", "URL"}  # type: ignore[call-overload]  # opaque


def test_other_sets_are_never_touched() -> None:
    tenant = Tenant(full_set(**{"Quality Score Accuracy": None}))
    tenant.settle(CONN, "default/postgres/9")
    assert tenant.sets[0] == OTHER


@pytest.mark.rule("5.3", "Definitions are made by one unpartitioned step")
def test_a_lost_answer_is_read_not_repeated() -> None:
    tenant = Tenant()

    def lose() -> None:
        raise TimedOutAfterSend("sent, no answer")

    tenant.after = lose
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("set", "applied"), ("badges", "applied")]
    assert done.handle["set"] == "ourSet"


@pytest.mark.rule("5.3", "Definitions are made by one unpartitioned step")
def test_a_lost_request_is_left_to_the_next_run() -> None:
    tenant = Tenant()

    def lose() -> None:
        raise TimedOutAfterSend("sent, no answer")

    tenant.before = lose
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("set", "rejected"), ("badges", "skipped")]
    assert outcomes[0].error_class == "server"
    assert done.handle == {}


def test_a_set_that_somebody_made_meanwhile_is_adopted() -> None:
    tenant = Tenant()

    def overtake() -> None:
        tenant.sets.append(full_set())
        raise Conflict("409", status=409, code="ATLAS-409-00-012")

    tenant.before = overtake
    done, outcomes = tenant.settle()
    assert results(outcomes) == [("set", "unchanged"), ("badges", "applied")]
    assert done.handle["attributes"]["URL"] == "id URL"  # type: ignore[index]  # opaque


def test_a_set_that_the_token_may_not_see_is_a_conflict() -> None:
    tenant = Tenant()

    def refuse() -> None:
        raise Conflict("409", status=409, code="ATLAS-409-00-012")

    tenant.before = refuse
    _, outcomes = tenant.settle()
    assert (outcomes[0].outcome, outcomes[0].error_class) == ("rejected", "conflict")


def test_without_the_right_to_make_definitions_nothing_is_made() -> None:
    tenant = Tenant()

    def refuse() -> None:
        raise Forbidden("403", status=403)

    tenant.before = refuse
    _, outcomes = tenant.settle()
    assert (outcomes[0].outcome, outcomes[0].error_class) == ("rejected", "permission")
    assert "admin" in outcomes[0].reason


@pytest.mark.rule("5.1", "A scrubbed row, a page that failed, a tag id that cannot be resolved")
def test_what_an_answer_does_not_show_stays_known_until_it_was_made_anew() -> None:
    tenant = Tenant()
    done, _ = tenant.settle()
    known = dict(done.handle)
    (stands,) = (one for one in tenant.sets if one["name"] == "ourSet")

    def refuse() -> None:
        raise Conflict("409", status=409, code="ATLAS-409-00-012")

    tenant.before = refuse
    for shown in ([], [{**stands, "attributeDefs": stands["attributeDefs"][3:]}]):
        tenant.sets = [copy.deepcopy(OTHER), *shown]
        plan, outcomes = tenant.settle(handle=known)
        assert outcomes[0].outcome == "rejected"
        assert {word: plan.handle[word] for word in ("set", "attributes", "names")} == {
            word: known[word] for word in ("set", "attributes", "names")
        }


@pytest.mark.parametrize(
    "odd",
    [
        {"displayName": None},
        {"name": ""},
        {"attributeDefs": ["text"]},
        {"attributeDefs": [{"name": "id URL"}]},
        {"attributeDefs": [{"displayName": "URL"}]},
        {"attributeDefs": [{"name": "id URL", "displayName": "URL", "options": "none"}]},
    ],
)
def test_a_definition_that_does_not_say_what_it_is_is_not_made_a_second_time(odd: dict[str, Any]) -> None:
    tenant = Tenant({**full_set(), **odd})
    with pytest.raises(Malformed, match="without its id, name or options"):
        tenant.maker().plan((CONN,), {})


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("untold", [None, {}, ""])
def test_a_list_of_definitions_that_is_not_told_is_not_an_empty_one(untold: object) -> None:
    tenant = Tenant({**full_set(), "attributeDefs": untold})
    with pytest.raises(Malformed, match=r"without the list of each attribute of 'Qualytics'"):
        tenant.maker().plan((CONN,), {})
    with pytest.raises(Malformed, match="without the list of each custom-metadata set"):
        plan_set(None, (CONN,), {}, AtlanSettings(url="https://acme.example"))


def test_without_connections_nothing_is_needed() -> None:
    tenant = Tenant()
    plan = tenant.maker().plan((), {})
    assert plan.changes == ()
    assert tenant.session.calls == []
