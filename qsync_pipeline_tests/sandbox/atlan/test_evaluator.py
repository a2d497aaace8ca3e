"""What a token may do, asked beforehand (docs/learned.md), under the access rules of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from qsync_pipeline.sandbox.atlan import AtlanSystem
from qsync_pipeline.sandbox.atlan.evaluator import ENTITY_ACTIONS, PATH, TAG_ACTIONS
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline_tests.sandbox.atlan.estate import tiny_estate

Json = dict[str, Any]


class Tenant:
    """The tiny estate, as its first token sees it."""

    def __init__(self, **switches: Any) -> None:
        self.system = AtlanSystem(tiny_estate(), VirtualClock(), switches=AtlanSwitches(**switches), seed=1)
        self.http = TestClient(self.system.app)
        self.headers = {"authorization": f"Bearer {self.system.credentials()['token']}"}

    def ask(self, *questions: Any) -> Any:
        """The answer's body, or its status where that is not 200."""
        answer = self.http.post(PATH, json=list(questions), headers=self.headers)
        return answer.json() if answer.status_code == 200 else answer.status_code

    def id(self, name: str) -> str:
        return str(self.system.state(name=name)[0]["id"])

    def may(self, name: str) -> set[str]:
        """The actions that are allowed on the asset of this name."""
        guid = self.id(name)
        asked = [{"typeName": "Table", "entityGuid": guid, "action": one} for one in sorted(ENTITY_ACTIONS)]
        answers = self.ask(*asked)
        assert [one["action"] for one in answers] == sorted(ENTITY_ACTIONS)
        assert {one.get("errorCode") for one in answers if not one["allowed"]} <= {"ATLAS-403-00-001"}
        return {one["action"] for one in answers if one["allowed"]}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.mark.parametrize(
    ("asset", "allowed"),
    [
        ("SALES.PUBLIC.ORDERS", ENTITY_ACTIONS),
        ("OLD.S.T", {"ENTITY_READ"}),
        ("HR.S.T", set()),
    ],
)
def test_the_answer_agrees_with_the_access_to_the_connection(
    tenant: Tenant, asset: str, allowed: set[str]
) -> None:
    assert tenant.may(asset) == allowed


def test_what_is_withdrawn_and_given_back_shows_at_once(tenant: Tenant) -> None:
    tenant.system.mutate({"do": "forbid", "asset": "SALES.PUBLIC.ORDERS", "mode": "read"})
    assert tenant.may("SALES.PUBLIC.ORDERS") == {"ENTITY_READ"}
    assert tenant.may("SALES.PUBLIC.DYN") == ENTITY_ACTIONS
    tenant.system.mutate({"do": "forbid", "asset": "SALES.PUBLIC.ORDERS"})
    assert tenant.may("SALES.PUBLIC.ORDERS") == set()
    tenant.system.mutate({"do": "allow", "asset": "SALES.PUBLIC.ORDERS"})
    assert tenant.may("SALES.PUBLIC.ORDERS") == ENTITY_ACTIONS


@pytest.mark.parametrize("name", ["SALES.PUBLIC.ORDERS", "OLD.S.T", "HR.S.T"])
def test_what_it_says_of_an_update_is_what_the_update_meets(tenant: Tenant, name: str) -> None:
    guid = tenant.id(name)
    (said,) = tenant.ask({"typeName": "Table", "entityGuid": guid, "action": "ENTITY_UPDATE"})
    body = {"classification": {"typeName": "x"}, "entityGuids": [guid]}
    done = tenant.http.post("/api/meta/entity/bulk/classification", json=body, headers=tenant.headers)
    assert said["allowed"] == (done.status_code != 403)


def test_answers_come_in_the_order_of_the_questions_and_unknown_actions_have_none(tenant: Tenant) -> None:
    guid = tenant.id("SALES.PUBLIC.ORDERS")
    actions = ["ENTITY_UPDATE", "ENTITY_FLY", "ENTITY_READ"]
    answers = tenant.ask(*({"typeName": "Table", "entityGuid": guid, "action": one} for one in actions))
    assert answers == [
        {"typeName": "Table", "entityGuid": guid, "action": "ENTITY_UPDATE", "allowed": True},
        {"typeName": "Table", "entityGuid": guid, "action": "ENTITY_READ", "allowed": True},
    ]
    assert tenant.ask() == []


def test_a_set_and_a_tag_are_given_back_with_the_answer(tenant: Tenant) -> None:
    guid = tenant.id("OLD.S.T")
    asset = {"typeName": "Table", "entityGuid": guid}
    asked = [{**asset, "action": one, "classification": "t"} for one in sorted(TAG_ACTIONS)]
    asked.append({**asset, "action": "ENTITY_UPDATE_BUSINESS_METADATA", "businessMetadata": "s"})
    refused = {"allowed": False, "errorCode": "ATLAS-403-00-001"}
    assert tenant.ask(*asked) == [{**one, **refused} for one in asked]


@pytest.mark.parametrize(
    "question", [{"action": None}, {}, {"action": "ENTITY_ADD_CLASSIFICATION"}, "ENTITY_READ"]
)
def test_a_question_that_cannot_be_read_is_refused_with_all_others(tenant: Tenant, question: Any) -> None:
    good = {"typeName": "Table", "entityGuid": tenant.id("OLD.S.T"), "action": "ENTITY_READ"}
    assert (
        tenant.ask(good, question if isinstance(question, str) else {**good, "action": None, **question})
        == 400
    )


@pytest.mark.parametrize(
    ("asset", "code"),
    [
        ({"entityGuid": "nobody"}, "ATLAS-404-00-005"),
        ({"typeName": "Tabel", "entityId": "default/x"}, "ATLAS-404-00-001"),
        ({"entityId": "default/x"}, "ATLAS-400-00-029"),
    ],
)
def test_an_asset_that_cannot_be_found_is_that_answers_own_trouble(
    tenant: Tenant, asset: Json, code: str
) -> None:
    (answer,) = tenant.ask({**asset, "action": "ENTITY_READ"})
    assert (answer["allowed"], answer["errorCode"]) == (False, code)


def test_a_qualified_name_will_do_also_of_what_is_not_there_yet(tenant: Tenant) -> None:
    store = tenant.system.store
    for name, allowed in (("SALES.PUBLIC.ORDERS", True), ("OLD.S.T", False)):
        doc = store.get(tenant.id(name))
        assert doc is not None
        for qualified in (doc.qn, f"{doc.scope.schema_qn}/NEW"):
            (said,) = tenant.ask({"typeName": "Table", "entityId": qualified, "action": "ENTITY_CREATE"})
            assert (said["entityId"], said["allowed"]) == (qualified, allowed)


def test_an_older_build_has_no_such_route() -> None:
    assert Tenant(evaluator=False).ask() == 404


def test_a_caller_without_a_token_is_told_nothing(tenant: Tenant) -> None:
    assert tenant.http.post(PATH, json=[]).status_code == 401
