"""Measure whole syncs, and reading a catalog beside the vendor's own SDK.

Each figure is one run on a local sandbox that answers from memory: a real tenant adds the network and its
rate limit. ``--estate large`` takes most of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.testing import RunningSandbox, running_sandbox
from qsync_pipeline_tests.catalogs.alation import speed, warehouse
from qsync_pipeline_tests.catalogs.alation.pages import serving_pages


def main() -> None:
    """Run the benches and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--estate", choices=("small", "demo", "large"), default="demo")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        url = serve(Path(directory), chosen.estate)
        syncs(url["config"], chosen.estate)
    with running_sandbox(estate="demo", seed=1, rate_limit_scale=100) as sandbox:
        readers(sandbox)
    alation_readers()


def serve(directory: Path, estate: str) -> dict[str, Any]:
    """A sandbox in a process of its own, so that it does not share our processor time; ends with us."""
    ready = directory / "ready.json"
    command = [
        sys.executable,
        "-m",
        "qsync_pipeline",
        "sandbox",
        "--estate",
        estate,
        "--ready-file",
        str(ready),
    ]
    server = subprocess.Popen([*command, "--rate-limit-scale", "100"], stdout=subprocess.DEVNULL)
    while not ready.exists():
        if server.poll() is not None:
            raise SystemExit("the sandbox did not start")
        time.sleep(0.2)
    result: dict[str, Any] = json.loads(ready.read_text())
    return result


def syncs(config: str, estate: str) -> None:
    """``qsync sync`` as a whole process: cold, then with nothing changed."""
    table = Table(
        "run", "seconds", "CPU s", "peak MB", "Atlan r/w", "Qualytics r/w", title=f"qsync sync, {estate}"
    )
    for name in ("first", "nothing changed"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "qsync_pipeline", "sync", "--config", config, "--json", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"},
        )
        seconds = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        requests = json.loads(done.stdout.strip().splitlines()[-1])["integrations"]["atlan"]["requests"]
        table.add_row(
            name,
            f"{seconds:.1f}",
            f"{cpu:.1f}",
            f"{after.ru_maxrss // 1024}",
            *(
                f"{requests[system]['read']} / {requests[system]['write']}"
                for system in ("catalog", "qualytics")
            ),
        )
    Console().print(table)


Read = Callable[[], int]
"""Reads all tables and columns of the estate, and says how many."""


def readers(sandbox: RunningSandbox) -> None:
    """Our client beside pyatlan, v9 and classic; imports and set-up are not timed."""
    table = Table("reader", "assets", "seconds", "assets/s", title="reading Atlan, demo, page 300")
    for name, prepare in (("qsync", ours), ("pyatlan_v9", pyatlan_v9), ("pyatlan", pyatlan_classic)):
        read = prepare(sandbox)
        begun = time.perf_counter()
        assets = read()
        seconds = time.perf_counter() - begun
        table.add_row(name, str(assets), f"{seconds:.2f}", f"{assets / seconds:,.0f}")
    Console().print(table)


def ours(sandbox: RunningSandbox) -> Read:
    """Everything that a snapshot holds: tags, values, announcements too."""
    catalog = open_catalog(load_config(sandbox.config).integrations[0])

    def read() -> int:
        schemas = [schema for schema in catalog.index().schemas if schema.readable]
        return sum(1 for asset in catalog.read(schemas) if asset.level in ("table", "column"))

    return read


def alation_readers() -> None:
    """Our Alation adapter beside allie-sdk: columns with twelve values each, from pages that are ready."""
    table = Table(
        "reader", "columns", "seconds", "CPU s", "columns/s", title="reading Alation, page 1,000, best of 5"
    )
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with serving_pages(partial(warehouse.pages, 50_000, speed.VALUES)) as url:
            found = {
                "qsync, rows": speed.ours(url, place, speed.columns_alone),
                "qsync, a whole datastore": speed.ours(url, place, speed.whole_datastore),
            }
        with serving_pages(partial(warehouse.pages, 5_000, speed.VALUES)) as url:
            found["allie-sdk, rows"] = speed.allie_sdk(url)
    for name, one in found.items():
        rate = one.columns / one.seconds
        table.add_row(name, f"{one.columns:,}", f"{one.seconds:.2f}", f"{one.used:.2f}", f"{rate:,.0f}")
    Console().print(table)


def pyatlan_v9(sandbox: RunningSandbox) -> Read:
    """The SDK's newer client."""
    from pyatlan_v9.client.atlan import AtlanClient
    from pyatlan_v9.model.fluent_search import FluentSearch

    return _searching(AtlanClient, FluentSearch, sandbox)


def pyatlan_classic(sandbox: RunningSandbox) -> Read:
    """The SDK that most people use."""
    from pyatlan.client.atlan import AtlanClient
    from pyatlan.model.fluent_search import FluentSearch

    return _searching(AtlanClient, FluentSearch, sandbox)


def _searching(client: Callable[..., Any], search: Callable[..., Any], sandbox: RunningSandbox) -> Read:
    from pyatlan.model.assets import Asset

    ready = sandbox.ready()["atlan"]
    atlan = client(base_url=ready["url"], api_key=ready["token"])
    kinds = ["Table", "View", "MaterialisedView", "SnowflakeDynamicTable", "Column"]
    query = search().where(Asset.TYPE_NAME.within(kinds)).page_size(300)
    request = query.include_on_results(Asset.ANNOUNCEMENT_TITLE).to_request()
    return lambda: sum(1 for _ in atlan.asset.search(request))


if __name__ == "__main__":
    main()
