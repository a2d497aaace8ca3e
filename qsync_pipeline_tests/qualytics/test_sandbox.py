"""The client and the inventory over real HTTP against the sandbox, in every shape it can take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qsync_pipeline.core.quality import active_only
from qsync_pipeline.core.rows import ATTRIBUTES, DIMENSIONS, Unit
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.inventory import read_inventory
from qsync_pipeline.sandbox.systems import SYSTEMS
from qsync_pipeline.sandbox.testing import RunningSandbox, running_sandbox
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.errors import Conflict, Malformed, NotFound, Rejected, Unauthorized
from qsync_pipeline.transport.session import HttpSession

QUALYTICS = tuple(kind for kind in SYSTEMS if kind.name == "qualytics")
SCORE_KEYS = ("total", *DIMENSIONS)


@contextmanager
def qualytics(seed: int = 1, **switches: object) -> Iterator[tuple[RunningSandbox, QualyticsClient]]:
    """A small estate's Qualytics alone, and a client of it."""
    with running_sandbox("small", seed, kinds=QUALYTICS, switches={"qualytics": switches}) as sandbox:
        client = connect(sandbox)
        yield sandbox, client
        client.close()


def connect(sandbox: RunningSandbox, token: str | None = None) -> QualyticsClient:
    access = sandbox.ready()["qualytics"]
    root = str(getattr(sandbox.systems["qualytics"], "switches").api_root)  # noqa: B009 - not in the seam
    base = access["url"] if access["url"].endswith(root) else access["url"] + root
    auth = BearerToken(token or access["token"])
    return QualyticsClient(HttpSession("Qualytics", base, auth=auth, sleep=lambda _: None), page_size=7)


def inventory(client: QualyticsClient, **options: Any) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for datastore in client.datastores():
        found = read_inventory(client, datastore, key=f"{datastore.id}-x", **options)
        units |= {unit.id: unit for unit in found}
    return units


def attributes(unit: Unit) -> dict[str, Any]:
    """What the state of a Qualytics object shows, of the attributes that an inventory knows."""
    scores = {name: unit.scores[key] for name, key in zip(ATTRIBUTES[1:10], SCORE_KEYS, strict=True)}
    return {**scores, "Anomaly Count": unit.anomaly_count, "Check Count": unit.check_count}


def state(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in sandbox.control.state("qualytics", like="%")}


def agree(units: dict[str, Unit], entries: dict[str, dict[str, Any]]) -> None:
    assert set(units) == set(entries)
    for key, entry in entries.items():
        seen = {name: entry["attributes"].get(name) for name in ATTRIBUTES[1:]}
        assert attributes(units[key]) == seen, entry["name"]
        assert sorted(t.name for t in units[key].tags) == sorted(t["name"] for t in entry["tags"])


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"null_lists": True, "strict_query": True},
        {"view_container_type": True, "score_object_when_unscored": True, "text_fingerprints": True},
        {"datastore_score_in_metrics": False, "tag_usage_count": False},
        {"api_root": "", "active_includes_acknowledged": False},
    ],
    ids=lambda switches: "-".join(switches) or "defaults",
)
@pytest.mark.parametrize("seed", [1, 5])
def test_the_inventory_is_what_a_person_sees_on_every_object(seed: int, switches: dict[str, Any]) -> None:
    with qualytics(seed, **switches) as (sandbox, client):
        agree(inventory(client), state(sandbox))


def test_the_inventory_follows_what_people_do() -> None:
    with qualytics() as (sandbox, client):
        before = inventory(client)
        table = next(u for u in before.values() if u.level == "container" and u.checks and u.anomaly_count)
        name = next(e["name"] for e in state(sandbox).values() if e["id"] == table.id)
        on = {"system": "qualytics", "asset": name}
        sandbox.control.mutate(
            {**on, "do": "set_score", "dimension": "accuracy", "value": None},
            {**on, "do": "set_anomaly_status", "id": "all", "status": "Acknowledged"},
            {**on, "do": "tag", "tag": "A Person's Own"},
        )
        after = inventory(client)
        agree(after, state(sandbox))
        assert after[table.id].scores["accuracy"] is None
        counted = after[table.id]
        assert counted.anomaly_count == counted.acknowledged_count == table.anomaly_count
        assert active_only(counted).anomaly_count == 0
        assert all(check.anomalies == 0 for check in active_only(counted).checks)


def test_one_datastore_costs_its_lists_and_one_call_for_each_container() -> None:
    with qualytics() as (sandbox, client):
        datastore = max(client.datastores(), key=lambda d: len(client.containers(d.id)))
        client.page_size = 100
        containers = len(client.containers(datastore.id))
        sandbox.control.reset_requests()
        read_inventory(client, datastore, key="k")
        assert sandbox.control.count("qualytics") == containers + 3


def test_a_scope_reads_the_fields_of_its_containers_only() -> None:
    with qualytics() as (sandbox, client):
        datastore = max(client.datastores(), key=lambda d: len(client.containers(d.id)))
        name = client.containers(datastore.id)[0].name
        sandbox.control.reset_requests()
        units = read_inventory(client, datastore, key="k", containers=[name])
        assert {u.container.casefold() for u in units if u.container} == {name.casefold()}
        whole = read_inventory(client, datastore, key="k")
        assert units[0] == whole[0]


def test_a_definition_lives_and_dies() -> None:
    with qualytics() as (_, client):
        made = client.create_tag("PII / EU?", color="#BF1B1B", category="Atlan", description="d")
        assert (made.type, made.weight_modifier) == ("global", 0)
        with pytest.raises(Conflict):
            client.create_tag("PII / EU?")
        assert client.delete_tag("PII / EU?") is False  # a slash: no URL reaches it
        tag = client.create_tag("50% #1 ä?&", color="#BF1B1B", category="Atlan")
        assert client.update_tag(tag, color="#047960", description="new") is True
        (now,) = [t for t in client.global_tags() if t.id == tag.id]
        assert (now.color, now.description, now.category, now.count) == ("#047960", "new", "Atlan", 0)
        assert client.delete_tag(tag.name) is True
        with pytest.raises(NotFound):
            client.delete_tag(tag.name)


@pytest.mark.parametrize("offered", [False, True])
def test_external_tags_can_be_created_exactly_where_they_are_offered(offered: bool) -> None:
    with qualytics(external_tags=offered) as (_, client):
        assert client.offers_external_tags() is offered
        if offered:
            assert client.create_tag("PII", type="external", category="Atlan").type == "external"
        else:
            with pytest.raises(Rejected, match="external"):
                client.create_tag("PII", type="external", category="Atlan")


@pytest.mark.rule("5.2", "The Qualytics API replaces the whole list")
def test_assignments_replace_the_list_on_every_level() -> None:
    with qualytics() as (sandbox, client):
        client.create_tag("PII", category="Atlan")
        datastore = next(d for d in client.datastores() if d.store_type == "jdbc" and not d.is_enrichment)
        row = client.containers(datastore.id)[0]
        field = client.fields(row.id)[0]
        assert [t.name for t in client.set_datastore_tags(datastore, ["PII"]).tags] == ["PII"]
        assert [c.id for c in client.set_container_tags([(row.id, ["PII"])])] == [row.id]
        client.set_field_tags([(field.id, ["PII"])])
        assert "PII" in [t.name for t in client.fields_by_id([field.id])[field.id].tags]
        client.set_field_tags([(field.id, [])])
        client.set_container_tags([(row.id, [])])
        assert client.fields_by_id([field.id])[field.id].tags == []
        assert client.containers_by_id([row.id])[row.id].tags == []
        agree(inventory(client), state(sandbox))


def test_what_was_dropped_is_gone_and_what_is_there_is_present() -> None:
    with qualytics() as (sandbox, client):
        units = [u for u in inventory(client).values() if u.level == "container"]
        names = {entry["id"]: entry["name"] for entry in state(sandbox).values()}
        counts = [list(names.values()).count(names[u.id]) for u in units]
        unit = next(u for u, n in zip(units, counts, strict=True) if n == 1)
        assert unit.container_id is not None
        assert client.presence("container", unit.container_id) == "present"
        sandbox.control.mutate({"system": "qualytics", "do": "drop", "asset": names[unit.id]})
        assert client.presence("container", unit.container_id) == "gone"
        assert client.presence("datastore", unit.datastore_id) == "present"
        assert client.presence("field", 10**6) == "gone"


def test_the_deployment_introduces_itself() -> None:
    with qualytics() as (_, client):
        assert client.version() == "20260910-sandbox"
        assert client.status().database_connection == "OK"
        assert client.me().name


def test_a_refused_token_stops_at_the_first_call() -> None:
    with qualytics() as (sandbox, _):
        stranger = connect(sandbox, token="eyJhbGciOiJIUzI1NiJ9.e30.ZmFrZQ")  # a JWT, of nobody
        with pytest.raises(Unauthorized, match="make a new one"):
            stranger.me()


@pytest.mark.parametrize(
    "fault",
    [{"kind": "html"}, {"kind": "truncate"}, {"kind": "drop_key"}, {"kind": "drop_key", "key": "pages"}],
    ids=["html", "truncated", "no-items", "no-pages"],
)
def test_half_an_answer_is_no_empty_list(fault: dict[str, Any]) -> None:
    with qualytics() as (sandbox, client):
        sandbox.control.faults({"system": "qualytics", "route": "*/datastores", **fault})
        with pytest.raises(Malformed, match="GET /datastores"):
            client.datastores()


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "truncate", "close": True}, {"status": 503}])
def test_passing_trouble_leaves_no_gap(fault: dict[str, Any]) -> None:
    with qualytics() as (sandbox, client):
        sandbox.control.faults({"system": "qualytics", "method": "GET", "share": 0.2, **fault})
        found = inventory(client)
        sandbox.control.clear_faults()
        agree(found, state(sandbox))
