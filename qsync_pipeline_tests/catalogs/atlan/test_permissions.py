"""What the token lacks on assets, in the words of a persona's policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline.catalogs.atlan.permissions import ACTIONS, ASSETS_PER_CALL, missing_actions
from qsync_pipeline.catalogs.base import READ, Catalog
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline.transport.errors import Forbidden, ServerError
from qsync_pipeline_tests.catalogs.atlan.fake import FakeSession

PATH = "/api/meta/entity/evaluator"
UPDATES = {"Update (persona-asset-update)", "Update custom metadata (persona-business-update-metadata)"}
ALL = UPDATES | {"Read (persona-asset-read)"}


def asset(number: int, **more: Any) -> CatalogAsset:
    fields = {"id": f"g{number}", "qualified_name": f"default/x/1/D/S/T{number}", **more}
    return CatalogAsset(
        level="table", kind="Table", name="T", connection="default/x/1", connector="x", **fields
    )


def answered(call: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{**question, "allowed": True, **more} for question in call["json"]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY) as running:
        yield running


@pytest.fixture
def catalog(sandbox: RunningSandbox) -> Iterator[Catalog]:
    (config,) = (one for one in load_config(sandbox.config).integrations if one.type == "atlan")
    opened = open_catalog(config)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("connection", "missing"),
    [("Snowflake Production", set()), ("Snowflake Archive", UPDATES), ("HR PostgreSQL", ALL)],
)
def test_each_connection_lacks_what_its_policy_does_not_grant(
    catalog: Catalog, connection: str, missing: set[str]
) -> None:
    index = catalog.index()
    (found,) = (one for one in index.connections if one.name == connection)
    below = [one for one in index.schemas if one.connection == found.qualified_name]
    said = catalog.permissions([found, *below])
    assert said == dict.fromkeys((one.id for one in (found, *below)), frozenset(missing))
    assert any(one.startswith(READ) for one in missing) == (connection == "HR PostgreSQL")


def test_all_assets_are_asked_for_in_one_call_that_counts_as_a_read(
    sandbox: RunningSandbox, catalog: Catalog
) -> None:
    schemas = catalog.index().schemas
    sandbox.control.reset_requests()
    assert len(catalog.permissions(schemas) or ()) == len(schemas) > 3
    assert sandbox.control.count("atlan") == sandbox.control.count("atlan", "POST", route=PATH) == 1


def test_more_assets_than_a_call_carries_take_several() -> None:
    session = FakeSession().on("POST", PATH, answered)
    assets = [asset(number) for number in range(ASSETS_PER_CALL + 1)]
    said = missing_actions(session.client(), assets, "set")
    assert said == {one.id: frozenset() for one in assets}
    assert [len(call["json"]) for call in session.calls] == [3 * ASSETS_PER_CALL, 3]
    assert session.calls[0]["kind"] == "read"


def test_the_question_names_our_custom_metadata_set_once_there_is_one() -> None:
    session = FakeSession().on("POST", PATH, answered)
    missing_actions(session.client(), [asset(1)], "")
    missing_actions(session.client(), [asset(1)], "set")
    named = [[one.get("businessMetadata") for one in call["json"]] for call in session.calls]
    assert named == [[None, None, None], [None, None, "set"]]


def test_a_row_whose_guid_is_hidden_is_asked_for_by_name() -> None:
    session = FakeSession().on("POST", PATH, lambda call: answered(call, allowed=False))
    hidden = asset(1, id="-1:default/x/1/D/S/T1")
    assert missing_actions(session.client(), [hidden]) == {hidden.id: frozenset(ACTIONS.values())}
    assert {one["entityId"] for one in session.calls[0]["json"]} == {hidden.qualified_name}


def test_an_asset_that_is_gone_is_left_out() -> None:
    def answer(call: dict[str, Any]) -> list[dict[str, Any]]:
        gone = {"allowed": False, "errorCode": "ATLAS-404-00-005"}
        return [
            {**one, "allowed": True, **(gone if one["entityGuid"] == "g1" else {})} for one in call["json"]
        ]

    session = FakeSession().on("POST", PATH, answer)
    assert missing_actions(session.client(), [asset(1), asset(2)]) == {"g2": frozenset()}


def test_an_older_build_cannot_tell() -> None:
    with running_sandbox(
        "small", seed=5, switches={"atlan": {"evaluator": False}}, kinds=ATLAN_ONLY
    ) as sandbox:
        (config,) = (one for one in load_config(sandbox.config).integrations if one.type == "atlan")
        catalog = open_catalog(config)
        assert catalog.permissions(catalog.index().connections) is None
        catalog.close()
    assert AtlanSwitches().evaluator, "newer builds are the default"


@pytest.mark.parametrize("error", [Forbidden("no", status=403), ServerError("down", status=503)])
def test_a_question_that_fails_is_no_more_than_not_knowing(error: Exception) -> None:
    def answer(call: dict[str, Any]) -> Any:
        raise error

    assert missing_actions(FakeSession().on("POST", PATH, answer).client(), [asset(1)]) is None


def test_an_answer_that_lacks_an_action_is_not_taken_for_a_permission() -> None:
    session = FakeSession().on("POST", PATH, lambda call: answered(call)[:2])
    assert missing_actions(session.client(), [asset(1)]) is None
