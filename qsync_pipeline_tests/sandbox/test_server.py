"""The server around the systems: ports, request log, latency, start and stop."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from qsync_pipeline.sandbox.server import SandboxServer
from qsync_pipeline.sandbox.testing import RunningSandbox, running_sandbox
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.sandbox.fakes import FAKES, FakeSystem, empty_estate, fake_kind


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(empty_estate(), kinds=FAKES) as running:
        yield running


@pytest.fixture(autouse=True)
def _start_counting_anew(sandbox: RunningSandbox) -> None:
    sandbox.control.reset_requests()


def test_every_system_and_the_control_plane_have_a_loopback_port_of_their_own(
    sandbox: RunningSandbox,
) -> None:
    assert set(sandbox.urls) == {"qualytics", "atlan", "control"}
    assert len(set(sandbox.urls.values())) == 3
    assert all(url.startswith("http://127.0.0.1:") for url in sandbox.urls.values())
    assert requests.get(sandbox.urls["atlan"] + "/health", timeout=5).status_code == 200


def test_the_ready_content_holds_urls_credentials_and_the_config(sandbox: RunningSandbox) -> None:
    assert sandbox.ready() == {
        "qualytics": {"url": sandbox.urls["qualytics"], "token": "fake-token-of-qualytics"},
        "atlan": {"url": sandbox.urls["atlan"], "token": "fake-token-of-atlan"},
        "control": {"url": sandbox.urls["control"]},
        "config": str(sandbox.config),
    }


def test_each_system_learns_its_own_url(sandbox: RunningSandbox) -> None:
    atlan = sandbox.systems["atlan"]
    assert isinstance(atlan, FakeSystem)
    assert atlan.url == sandbox.urls["atlan"]


def test_a_system_added_to_the_table_is_served_and_named_in_the_ready_content() -> None:
    with SandboxServer(empty_estate(), kinds=(*FAKES, fake_kind("alation"))) as server:
        assert server.ready()["alation"] == {
            "url": server.urls["alation"],
            "user_id": "7",
            "refresh_token": "fake-refresh",
        }


def test_requests_are_counted_by_route_template_with_the_mount_prefix(sandbox: RunningSandbox) -> None:
    url = sandbox.urls["atlan"]
    for item in (1, 2, 3):
        requests.get(f"{url}/api/items/{item}", timeout=5)
    requests.post(f"{url}/api/items", json={}, timeout=5)
    requests.delete(f"{url}/api/items", timeout=5)
    requests.get(f"{url}/api/items/none", timeout=5)
    requests.get(f"{url}/elsewhere", timeout=5)
    assert sandbox.control.requests()["requests"] == [
        _row("atlan", "DELETE", "/api/items", 405, 1),
        _row("atlan", "GET", "(unknown)", 404, 2),
        _row("atlan", "GET", "/api/items/{item_id}", 200, 3),
        _row("atlan", "POST", "/api/items", 200, 1),
    ]


def test_a_crash_is_logged_as_the_500_that_the_client_sees(sandbox: RunningSandbox) -> None:
    assert requests.get(sandbox.urls["atlan"] + "/api/crash", timeout=5).status_code == 500
    assert sandbox.control.requests()["requests"] == [_row("atlan", "GET", "/api/crash", 500, 1)]


def test_control_requests_are_not_part_of_the_log(sandbox: RunningSandbox) -> None:
    requests.get(sandbox.urls["control"] + "/", timeout=5)
    assert sandbox.control.requests() == {"requests": [], "peak_in_flight": {}}


def test_the_peak_of_concurrent_requests_is_kept_per_system() -> None:
    with running_sandbox(empty_estate(), kinds=FAKES, latency_ms=150) as sandbox:
        url = sandbox.urls["atlan"] + "/api/items"
        with ThreadPoolExecutor(4) as pool:
            assert [answer.status_code for answer in pool.map(_get, [url] * 4)] == [200] * 4
        _get(sandbox.urls["qualytics"] + "/api/items")
        assert sandbox.control.requests()["peak_in_flight"] == {"atlan": 4, "qualytics": 1}


def test_latency_is_added_to_every_vendor_request() -> None:
    with running_sandbox(empty_estate(), kinds=FAKES, latency_ms=80) as sandbox:
        assert _get(sandbox.urls["atlan"] + "/health").elapsed.total_seconds() >= 0.08


def test_connections_stay_open_between_requests(sandbox: RunningSandbox) -> None:
    address = sandbox.urls["atlan"].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=5)
    with contextlib.closing(connection):
        ports = set()
        for _ in range(3):
            connection.request("GET", "/api/items")
            assert connection.getresponse().read()
            ports.add(connection.sock.getsockname()[1])
        assert len(ports) == 1


def test_a_taken_port_is_named_and_the_others_are_given_back() -> None:
    base = _free_ports(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        with pytest.raises(ConfigError, match=f"port {base + 1} on 127.0.0.1, for atlan, cannot be opened"):
            SandboxServer(empty_estate(), port_base=base, kinds=FAKES).start()
    assert _can_bind(base)


def test_ports_count_up_from_the_base_and_the_control_plane_is_the_fourth() -> None:
    base = _free_ports(4)
    with SandboxServer(empty_estate(), port_base=base, kinds=FAKES) as server:
        assert server.urls == {
            "qualytics": f"http://127.0.0.1:{base}",
            "atlan": f"http://127.0.0.1:{base + 1}",
            "control": f"http://127.0.0.1:{base + 3}",
        }


def test_after_stop_nothing_listens_and_the_temporary_config_is_gone() -> None:
    with running_sandbox(empty_estate(), kinds=FAKES) as sandbox:
        url, config = sandbox.urls["atlan"], sandbox.config
        assert config.is_file()
    with pytest.raises(requests.ConnectionError):
        _get(url)
    assert not config.parent.exists()


def test_an_unknown_estate_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="'huge'"):
        SandboxServer("huge", kinds=FAKES).start()


def test_stop_ends_a_wait_that_a_fault_imposes() -> None:
    rule = {"rules": [{"kind": "timeout", "seconds": 60}]}
    server = SandboxServer(empty_estate(), kinds=FAKES, faults=rule).start()
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(_get, server.urls["atlan"] + "/health")
        while "atlan" not in server.log.as_dict()["peak_in_flight"]:
            time.sleep(0.005)  # until the request has arrived; no event tells
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 5
        with pytest.raises(requests.ConnectionError):
            hanging.result()


def _free_ports(count: int) -> int:
    """The first of so many free ports in a row, below those that the system hands out by itself."""
    base = random.randrange(20_000, 30_000)
    while not all(_can_bind(base + offset) for offset in range(count)):
        base += count
    return base


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _get(url: str) -> requests.Response:
    return requests.get(url, timeout=30)


def _row(system: str, method: str, route: str, status: int, count: int) -> dict[str, Any]:
    return {"system": system, "method": method, "route": route, "status": status, "count": count}
