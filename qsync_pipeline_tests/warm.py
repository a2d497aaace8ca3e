"""``qsync`` as a command on a path, in processes that have their modules loaded already.

Loading Dagster and pandas takes longer than most commands do. So a server loads them once and forks itself
for each command: same entry point, arguments, directory, environment, streams and exit status, a process of
its own each time. What the real command adds to that is the loading; tests that start it stay (the first
command and the services of ``docs``, ``e2e/test_kill.py``).
"""

from __future__ import annotations

import array
import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_CLIENT = """\
#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    words = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    streams = array.array("i", [0, 1, 2])
    server.sendmsg([len(words).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    server.sendall(words)
    status = server.recv(1)
sys.exit(status[0] if status else 70)
"""


@functools.cache
def warm_qsync() -> Path:
    """The command's path, in a directory of its own; its server runs until this process ends."""
    directory = Path(tempfile.mkdtemp(prefix="warm-"))
    address = str(directory / "socket")
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    atexit.register(server.stdin.close)  # which ends it; so does the end of this process, whatever its cause
    assert server.stdout.readline() == b"ready\n"
    command = directory / "qsync"
    command.write_text(_CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
    command.chmod(0o755)
    return command


def _load() -> None:
    """Everything that a command may load later; no threads, or a fork would lose them."""
    import qsync_pipeline

    left_out = ("qsync_pipeline.__main__", "qsync_pipeline.sandbox", "qsync_pipeline.ledger.migrations.")
    for module in pkgutil.walk_packages(qsync_pipeline.__path__, "qsync_pipeline."):
        if not module.name.startswith(left_out):
            importlib.import_module(module.name)
    for name in ("matplotlib.backends.backend_agg", "dagster._core.storage.sqlite_storage"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # as the command does; else a child that collects copies all there is


def _serve(address: str) -> None:
    """A child for each caller, until standard input ends."""
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the keepers ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
                return
            caller, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _keep(caller)
            caller.close()


def _keep(caller: socket.socket) -> None:
    """Take one command, have a child carry it out, and tell its exit status; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, control, _, _ = caller.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i", control[0][2])
    words = b""
    while len(words) < int.from_bytes(head, "big"):
        words += caller.recv(65536)
    child = os.fork()
    if child == 0:
        caller.close()
        arguments, directory, environment = json.loads(words)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["qsync", *arguments]
        from qsync_pipeline.cli import main

        main()  # ends this child by SystemExit, past every frame above
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    caller.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
