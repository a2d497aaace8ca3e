"""A sandbox Atlan behind real HTTP on a free port of 127.0.0.1, for the vendor's own SDK."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from qsync_pipeline.sandbox.atlan import AtlanSystem


@contextmanager
def served(system: AtlanSystem) -> Iterator[str]:
    """Serve from a thread; yields the base URL."""
    config = uvicorn.Config(system.app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=5)
