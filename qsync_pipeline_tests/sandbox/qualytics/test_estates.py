"""A deployment over generated estates: everything is served, whatever the switches say."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.kernel import System, VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSwitches, QualyticsSystem
from qsync_pipeline_tests.sandbox.qualytics.conftest import Api

FLIPPED = [
    (field.name, not field.default) for field in fields(QualyticsSwitches) if isinstance(field.default, bool)
]


def walk(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, 1000):
        answer = api.get(path, page=page, size=100, **query)
        found += answer["items"]
        if page >= answer["pages"]:
            break
    return found


def agree(api: Api) -> None:
    """What a careful client would count from the listings is what the control plane says."""
    entries = {entry["id"]: entry for entry in api.system.state()}
    seen = set()
    for datastore in walk(api, "/datastores") + walk(api, "/datastores", enrichment_only=True):
        seen.add(f"datastore:{datastore['id']}")
        checks = walk(api, "/quality-checks", datastore=datastore["id"], status="Active")
        anomalies = walk(api, "/anomalies", datastore=datastore["id"], status=["Active", "Acknowledged"])
        for container in walk(api, "/containers", datastore=datastore["id"]):
            unit = f"container:{container['id']}"
            seen.add(unit)
            values = entries[unit]["attributes"]
            assert values["Check Count"] == sum(c["container"]["id"] == container["id"] for c in checks)
            count = sum(a["container"]["id"] == container["id"] for a in anomalies)
            scanned = container["metrics"]["last_scanned"] is not None
            assert values["Anomaly Count"] == (count if scanned else None)
            score = container["metrics"]["quality_score"] or {}
            assert values["Quality Score Total"] == score.get("total")
            tags = {tag["name"] for tag in container["global_tags"] or []}
            assert tags == {tag["name"] for tag in entries[unit]["tags"]}
            columns = api.get(f"/containers/{container['id']}/fields")
            seen |= {f"field:{column['id']}" for column in columns}
    assert seen == set(entries)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_listings_and_control_plane_agree_for_every_seed(seed: int) -> None:
    agree(Api(QualyticsSystem(make_estate("small", seed), VirtualClock(), seed=seed)))


@pytest.mark.parametrize(("switch", "value"), FLIPPED)
def test_the_small_estate_is_served_with_every_switch_flipped(switch: str, value: bool) -> None:
    flipped: dict[str, Any] = {switch: value}
    switches = QualyticsSwitches(**flipped)
    agree(Api(QualyticsSystem(make_estate("small", 5), VirtualClock(), switches=switches, seed=5)))


def test_the_same_seed_gives_the_same_ids_and_another_one_others() -> None:
    first, second, other = (
        {entry["id"] for entry in QualyticsSystem(make_estate("small", 1), VirtualClock(), seed=seed).state()}
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_it_is_a_system() -> None:
    system: System = QualyticsSystem(make_estate("small", 1), VirtualClock())
    assert system.name == "qualytics"
    assert set(system.credentials()) == {"token"}
