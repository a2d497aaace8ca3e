"""The real systems behind the server: what the control plane says of them, routes, changes all or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.systems import SYSTEMS
from qsync_pipeline.sandbox.testing import Refused, RunningSandbox, running_sandbox

NAMES = [kind.name for kind in SYSTEMS]
ENTRY = {"id", "name", "kind", "tags", "attributes", "alert", "health", "domains"}
"""The keys of an entry of ``GET /state/{system}/assets`` (DESIGN.md §6)."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5) as running:
        yield running


def test_the_config_that_is_written_loads(sandbox: RunningSandbox) -> None:
    config = load_config(sandbox.config, env={})
    assert config.qualytics.url == sandbox.urls["qualytics"]
    assert {one.name: one.url for one in config.integrations} == {
        name: url for name, url in sandbox.urls.items() if name not in ("qualytics", "control")
    }


@pytest.mark.parametrize("system", NAMES)
def test_every_object_is_found_by_its_name_with_all_that_a_person_sees(
    sandbox: RunningSandbox, system: str
) -> None:
    entries = sandbox.control.state(system, like="%")
    assert entries
    for entry in entries[:20]:
        assert set(entry) >= ENTRY
        assert entry in sandbox.control.state(system, name=entry["name"])


def test_requests_are_logged_by_template_for_answers_and_refusals_alike(sandbox: RunningSandbox) -> None:
    sandbox.control.reset_requests()
    ready = sandbox.ready()
    headers = {"Authorization": f"Bearer {ready['qualytics']['token']}"}
    url = ready["qualytics"]["url"] + "/api/containers/999999"
    assert requests.get(url, headers=headers, timeout=10).status_code == 404
    assert requests.get(url, timeout=10).status_code in (401, 403)
    assert (
        requests.get(ready["qualytics"]["url"] + "/api/nothing/1", headers=headers, timeout=10).status_code
        == 404
    )
    rows = sandbox.control.requests()["requests"]
    assert {row["route"].partition("{")[0] for row in rows if row["route"] != "(unknown)"} == {
        "/api/containers/"
    }
    assert sum(row["count"] for row in rows) == 3


def test_a_list_with_an_impossible_change_touches_no_system(sandbox: RunningSandbox) -> None:
    before = [sandbox.control.state(system, like="%") for system in NAMES]
    catalog = _table(sandbox, "atlan")
    datastore = _table(sandbox, "qualytics")
    with pytest.raises(Refused, match=r"^changes\[2\]: "):
        sandbox.control.mutate(
            {"system": "atlan", "do": "tag", "asset": catalog["name"], "tag": "Newly Made"},
            {"system": "qualytics", "do": "drop", "asset": datastore["name"]},
            {"system": "atlan", "do": "tag", "asset": "NO.SUCH.TABLE", "tag": "Newly Made"},
        )
    assert [sandbox.control.state(system, like="%") for system in NAMES] == before


@pytest.mark.parametrize("system", NAMES)
def test_an_unknown_deed_is_refused(sandbox: RunningSandbox, system: str) -> None:
    with pytest.raises(Refused, match="paint"):
        sandbox.control.mutate({"system": system, "do": "paint", "asset": _table(sandbox, system)["name"]})


def test_a_tag_that_a_person_adds_is_seen(sandbox: RunningSandbox) -> None:
    table = _table(sandbox, "atlan")
    ids = sandbox.control.mutate(
        {"system": "atlan", "do": "tag", "asset": table["name"], "tag": "Seen By All"}
    )
    assert table["id"] in ids
    [entry] = [e for e in sandbox.control.state("atlan", name=table["name"]) if e["id"] == table["id"]]
    assert "Seen By All" in {tag["name"] for tag in entry["tags"]}


def _table(sandbox: RunningSandbox, system: str) -> dict[str, Any]:
    """A table whose name only one object has."""
    entries = sandbox.control.state(system, like="%")
    names = [entry["name"] for entry in entries]
    return next(e for e in entries if e["name"].count(".") == 2 and names.count(e["name"]) == 1)
