"""Runs the sandbox: each system and the control plane on a loopback port of its own, in one event loop.

In a thread of the calling process, so that tests and the command line share it.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Scope

from qsync_pipeline.sandbox.configfile import Served, remove_former, webhook_secret, write_config
from qsync_pipeline.sandbox.control import ControlPlane
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.faults import FaultBook, parse_rules
from qsync_pipeline.sandbox.kernel import KnowsItsUrl, RequestLog, System, VirtualClock
from qsync_pipeline.sandbox.layers import FaultLayer, LogLayer, RouteTemplates
from qsync_pipeline.sandbox.outbox import Receiver, TellsOthers
from qsync_pipeline.sandbox.systems import SYSTEMS, Plot, SwitchValues, SystemKind, read_switches
from qsync_pipeline.transport.errors import ConfigError, SyncError

HOST = "127.0.0.1"
CONTROL_PORT = 3
"""Offset of the control plane from ``port_base``: after the three systems that may exist."""

_KEEP_ALIVE = 300  # seconds; a client that pauses must not meet a closing connection by accident


class SandboxServer:
    """A sandbox over one estate; use :meth:`start` and :meth:`stop`, or as a context manager.

    ``estate`` is a generator's name (``small``, ``demo``, ``large``) or an estate; ``port_base`` null takes
    free ports; ``latency_ms`` is added to every vendor request; ``faults`` is a document of :mod:`.faults`;
    ``switches`` are by system and name; ``directory`` receives the config (null: a temporary one, removed by
    :meth:`stop`) and is emptied of an earlier sandbox if ``fresh``; ``kinds`` are the systems to run;
    ``webhooks`` is the URL of a ``qsync webhooks`` that they tell of what happens.
    Raises :class:`ConfigError` for a taken port, an unknown estate or a bad switch, :class:`ControlError` for
    a bad fault rule.
    """

    def __init__(
        self,
        estate: str | Estate,
        seed: int = 1,
        *,
        port_base: int | None = None,
        latency_ms: float = 0,
        rate_limit_scale: float = 1.0,
        faults: object | None = None,
        switches: SwitchValues | None = None,
        directory: Path | None = None,
        fresh: bool = False,
        kinds: Sequence[SystemKind] = SYSTEMS,
        webhooks: str | None = None,
    ) -> None:
        self._estate = estate
        self._seed = seed
        self._port_base = port_base
        self._latency_ms = latency_ms
        self._rate_limit_scale = rate_limit_scale
        self._switches = switches or {}
        self._directory = directory
        self._fresh = fresh
        self._kinds = kinds
        self._webhooks = webhooks
        self._temporary: Path | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[uvicorn.Server] = []
        self._crash: BaseException | None = None
        self.clock = VirtualClock()
        self.log = RequestLog()
        self.faults = FaultBook(seed)
        self.systems: dict[str, System] = {}
        self.urls: dict[str, str] = {}
        """System name or ``control`` -> base URL, once started."""
        self.config: Path | None = None
        """The ``qsync.yaml`` of this sandbox, once started."""
        if faults is not None:
            self.faults.add(parse_rules(faults, [kind.name for kind in kinds]))

    def start(self) -> Self:
        """Build the systems, open all ports, write the config. Returns when every port serves."""
        sockets = self._open_ports()
        try:
            # First what can be wrong and costs nothing to check, then what takes a minute for a large estate.
            switches = {
                kind.name: read_switches(kind.name, kind.switches(), self._switches.get(kind.name, {}))
                for kind in self._kinds
            }
            estate = self._estate if isinstance(self._estate, Estate) else _make(self._estate, self._seed)
            plots = {
                name: Plot(estate, self.clock, chosen, self._seed, self._rate_limit_scale)
                for name, chosen in switches.items()
            }
            for kind in self._kinds:
                self.systems[kind.name] = kind.build(plots[kind.name])
            for name, listener in sockets.items():
                self.urls[name] = f"http://{HOST}:{listener.getsockname()[1]}"
            for name, system in self.systems.items():
                if isinstance(system, KnowsItsUrl):
                    system.set_base_url(self.urls[name])
            self.config = self._write_config(plots)
            self._tell_receiver()
            self._serve(sockets)
        except BaseException:
            for listener in sockets.values():
                listener.close()
            self._forget_temporary()
            raise
        return self

    def stop(self) -> None:
        """Close all ports and connections. Waits that faults impose end at once."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._forget_temporary()

    def ready(self) -> dict[str, Any]:
        """The content of the ready file (DESIGN.md §6)."""
        content: dict[str, Any] = {
            name: {"url": self.urls[name], **system.credentials()} for name, system in self.systems.items()
        }
        content["control"] = {"url": self.urls["control"]}
        content["config"] = str(self.config)
        return content

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_ports(self) -> dict[str, socket.socket]:
        offsets = {kind.name: offset for offset, kind in enumerate(self._kinds)} | {"control": CONTROL_PORT}
        sockets: dict[str, socket.socket] = {}
        for name, offset in offsets.items():
            port = 0 if self._port_base is None else self._port_base + offset
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sockets[name] = listener
            try:
                listener.bind((HOST, port))
                listener.listen(1024)
            except (OSError, OverflowError) as problem:
                for opened in sockets.values():
                    opened.close()
                raise ConfigError(
                    f"port {port} on {HOST}, for {name}, cannot be opened ({problem}); "
                    "stop what uses it, or choose another --port-base"
                ) from None
        return sockets

    def _write_config(self, plots: Mapping[str, Plot]) -> Path:
        if self._directory is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="qsync-sandbox-"))
        served = [
            Served(
                kind.name,
                self.urls[kind.name],
                self.systems[kind.name].credentials(),
                kind.settings(plots[kind.name]),
            )
            for kind in self._kinds
        ]
        directory = (self._directory or self._temporary or Path()).absolute()
        estate = next(iter(plots.values())).estate
        title = f"the estate {estate.name}, seed {estate.seed}"
        if self._fresh:
            remove_former(directory)
        secret = webhook_secret(self._seed)
        return write_config(
            directory, served, domains=estate.domains_of_interest, title=title, webhook_secret=secret
        )

    def _tell_receiver(self) -> None:
        """Make qsync's receiver known to every system that tells others. It need not be up yet."""
        if self._webhooks is None:
            return
        for name, system in self.systems.items():
            if isinstance(system, TellsOthers):
                path = "qualytics" if name == "qualytics" else f"{name}/{name}"
                url = f"{self._webhooks.rstrip('/')}/{path}"
                system.subscribe(Receiver(url, webhook_secret(self._seed)), validate=False)

    def _forget_temporary(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _serve(self, sockets: Mapping[str, socket.socket]) -> None:
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(sockets, started), name="qsync-sandbox", daemon=True
        )
        self._thread.start()
        started.wait()
        if self._crash is not None:
            raise SyncError(f"the sandbox did not start: {self._crash}") from self._crash

    def _run(self, sockets: Mapping[str, socket.socket], started: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._main(sockets, started))
        except BaseException as problem:  # handed to the thread that waits in start()
            self._crash = problem
        finally:
            started.set()

    async def _main(self, sockets: Mapping[str, socket.socket], started: threading.Event) -> None:
        closing = asyncio.Event()
        control = ControlPlane(self.systems, log=self.log, faults=self.faults, clock=self.clock)
        apps: dict[str, ASGIApp] = {"control": control.app}
        for name, system in self.systems.items():
            apps[name] = self._wrap(name, system.app, closing)
        self._servers = [_server(apps[name]) for name in sockets]
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, sockets.values(), strict=True)
        ]
        while not all(server.started for server in self._servers):
            for task in serving:
                if task.done():
                    task.result()
            await asyncio.sleep(0.001)
        started.set()
        telling = [system for system in self.systems.values() if isinstance(system, TellsOthers)]
        while not any(server.should_exit for server in self._servers):
            await asyncio.sleep(0.02)
            for system in telling:
                if system.outbox().receivers:
                    system.pump()
        closing.set()
        for system in telling:
            system.outbox().close()
        await asyncio.gather(*serving)

    def _wrap(self, name: str, app: Starlette, closing: asyncio.Event) -> ASGIApp:
        templates = RouteTemplates(app.routes)
        faulty = FaultLayer(app, name, self.faults, templates, drop=self._drop, closing=closing)
        return LogLayer(faulty, name, self.log, templates, latency_ms=self._latency_ms)

    def _drop(self, scope: Scope, flush: bool) -> None:
        """End the connection that a request came in on; see :data:`.layers.Drop`."""
        for server in self._servers:
            for connection in server.server_state.connections:
                peer: Any = connection  # uvicorn's protocol classes share these fields, but no base class
                if (peer.client, peer.server) == (scope["client"], scope["server"]):
                    transport = peer.transport
                    if flush:
                        transport.close()
                        return
                    # Closing with a linger time of zero sends a reset instead of a polite end.
                    handle = transport.get_extra_info("socket")
                    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    transport.abort()
                    return


def _make(name: str, seed: int) -> Estate:
    # Imported here: only a sandbox that generates its estate pays for the generator.
    from qsync_pipeline.sandbox.estate.generate import EstateName, make_estate

    try:
        return make_estate(cast(EstateName, name), seed)
    except ValueError as problem:
        raise ConfigError(str(problem)) from None


def _server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=2,
        )
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed; it is no dependency of ours."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
