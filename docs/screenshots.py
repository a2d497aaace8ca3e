"""Makes the pictures in ``docs/images``: a demo sandbox, one sync, Dagster's UI, headless Chromium.

``python docs/screenshots.py [NAME ...]`` (from a checkout that was set up; needs Chromium on the PATH) makes
all of them, or those that are named. ``--keep-open`` leaves everything running, to look around by hand.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from qsync_pipeline.sandbox.server import SandboxServer

ROOT = Path(__file__).parents[1]
IMAGES = Path(__file__).with_name("images")
LIMIT = 250_000
"""Bytes that a picture may have."""

SEED = 7
"""That of ``qsync demo``, so that readers see what the pictures show."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)

BUSY = ("Loading", "fetching statuses")
"""Texts that go once a page has everything."""


@dataclass(frozen=True)
class Picture:
    """A page of the UI. ``wait`` is a text that must be on it; ``scripts`` then run, one after the other."""

    name: str
    path: str
    wait: str
    width: int = 1440
    height: int = 900
    scripts: tuple[str, ...] = ()
    settle: float = 2.0
    clip: tuple[int, int, int, int] | None = None
    """Left, top, width, height of the part that is kept."""


def click(text: str) -> str:
    """A script that clicks the innermost element whose text is this."""
    return f"{_innermost(text)}?.click()"


def scroll_to(text: str) -> str:
    """A script that brings the innermost element with this text to the top."""
    return f"{_innermost(text)}?.scrollIntoView({{block: 'start'}})"


def _innermost(text: str) -> str:
    return f"[...document.querySelectorAll('*')].filter(e => e.textContent.trim() === {text!r}).pop()"


PICTURES = (
    Picture(
        "asset-graph",
        "/asset-groups?expanded=global%40global%3Aqualytics,global%40global%3Aatlan",
        "12 partitions",
        width=1900,
        height=1300,
        clip=(590, 215, 1260, 910),
    ),
    Picture(
        "partition",
        "/assets/atlan/quality_metadata?view=partitions&partition=31-northwind-erp",
        "not written, and why",
        height=950,
        scripts=(click("[Show Markdown]"),),
    ),
    Picture(
        "plan",
        "/assets/atlan/tag_plan?view=partitions&partition=35-lakehouse-gold",
        "Show schema",
        width=2300,
        height=950,
        scripts=(scroll_to("plan"),),
        clip=(775, 152, 1480, 720),
    ),
    Picture(
        "mapping",
        "/assets/atlan/asset_mapping?view=partitions&partition=35-lakehouse-gold",
        "Show schema",
        width=2300,
        height=950,
        scripts=(scroll_to("not mapped"),),
        clip=(775, 152, 1480, 720),
    ),
    Picture(
        "launchpad",
        "/locations/qsync/jobs/atlan_sync/playground",
        "dry_run",
        height=800,
    ),
    Picture(
        "sensors",
        "/automation",
        "qualytics_changes",
        height=720,
    ),
    Picture(
        "alation",
        "/assets/alation/quality_metadata?view=partitions&partition=27-retail-tpc-ds",
        "custom_fields applied",
        height=800,
    ),
    Picture(
        "checks",
        "/assets/atlan/quality_metadata?view=checks&checkDetail=rejected",
        "in_step",
        height=700,
        scripts=(click("rejected"),),
    ),
)


@dataclass
class Demo:
    """What is running: the UI's address."""

    url: str


@contextlib.contextmanager
def demo(directory: Path) -> Iterator[Demo]:
    """A demo sandbox, synced once by the command line, with Dagster's UI over it."""
    home = directory / "dagster_home"
    home.mkdir(parents=True)
    shutil.copyfile(ROOT / "qsync_pipeline" / "dagster.yaml", home / "dagster.yaml")
    with SandboxServer("demo", SEED, directory=directory / "sandbox") as server:
        config = str(server.config)
        env = {**os.environ, "DAGSTER_HOME": str(home), "QSYNC_CONFIG": config}
        qsync = [sys.executable, "-c", "from qsync_pipeline.cli import main; main()"]
        done = subprocess.run([*qsync, "sync", "--quiet"], env=env, cwd=directory, check=False)  # noqa: S603  # our own program
        if done.returncode not in (0, 1):  # 1: the demo has a connection that may not be written
            raise SystemExit(f"qsync sync ended with {done.returncode}")
        port = _free_port()
        webserver = [sys.executable, "-m", "dagster_webserver", "-w", str(ROOT / "workspace.yaml")]
        process = subprocess.Popen(  # noqa: S603  # a program that we name
            [*webserver, "-h", "127.0.0.1", "-p", str(port)],
            env=env,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/server_info")
            yield Demo(url)
        finally:
            process.terminate()
            process.wait()


class Tab:
    """A browser tab over the DevTools protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)

    def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """One command, and its result."""
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._connection.recv(timeout=60))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: Mapping[str, Any] = answer["result"]
                return result

    def run(self, script: str) -> Any:
        """Evaluate a script in the page."""
        return self.call("Runtime.evaluate", expression=script)["result"].get("value")

    def take(self, picture: Picture, base: str) -> bytes:
        """Open a page, wait for it, and photograph it."""
        size = {"width": picture.width, "height": picture.height}
        self.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=base + picture.path)
        deadline = time.monotonic() + 60
        text = ""
        while picture.wait not in text or any(word in text for word in BUSY):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{picture.name}: {picture.wait!r} never appeared on {picture.path}")
            time.sleep(0.3)
            text = self.run("document.body.innerText") or ""
        time.sleep(picture.settle)
        for script in picture.scripts:
            self.run(script)
            time.sleep(picture.settle)
        what: dict[str, Any] = {"format": "png"}
        if picture.clip is not None:
            what["clip"] = dict(zip(("x", "y", "width", "height"), picture.clip, strict=True), scale=1)
        return base64.b64decode(self.call("Page.captureScreenshot", **what)["data"])


@contextlib.contextmanager
def browser(directory: Path) -> Iterator[Tab]:
    """Headless Chromium with one tab."""
    program = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if program is None:
        raise SystemExit("Chromium is not on the PATH; install it first")
    profile = directory / "profile"
    process = subprocess.Popen(  # noqa: S603  # a program that we name
        [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        told = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (told.exists() and told.read_text().count("\n")):
            if time.monotonic() > deadline:
                raise SystemExit("Chromium did not start")
            time.sleep(0.1)
        port = told.read_text().splitlines()[0]
        pages = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=10).json()
        page = next(one for one in pages if one["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None) as connection:
            tab = Tab(connection)
            yield tab
            tab.call("Browser.close")
    finally:
        process.terminate()
        process.wait()


def main(arguments: Sequence[str]) -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--keep-open", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--directory", type=Path, help="for what it writes; shows in the pictures")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what was started is stopped on the way out
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qsync-pictures-", ignore_cleanup_errors=True) as name:
        directory = options.directory or Path(name)
        with demo(directory) as running, browser(Path(name)) as tab:
            for picture in PICTURES:
                if options.names and picture.name not in options.names:
                    continue
                content = tab.take(picture, running.url)
                if len(content) > LIMIT:
                    raise SystemExit(f"{picture.name}: {len(content)} bytes, more than {LIMIT}")
                (IMAGES / f"{picture.name}.png").write_bytes(content)
                sys.stdout.write(f"{picture.name}: {len(content) // 1000} kB\n")
            if options.keep_open:
                sys.stdout.write(f"Dagster's UI: {running.url}\n")
                sys.stdout.flush()
                with contextlib.suppress(KeyboardInterrupt):
                    while True:
                        time.sleep(3600)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
            return
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


if __name__ == "__main__":
    main(sys.argv[1:])
