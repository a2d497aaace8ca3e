"""A PostgreSQL server for the length of a test session, from the binaries of Debian's package."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """The newest installed server's programs, or null."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def why_not() -> str | None:
    """Why no server can be started here; null if one can."""
    if binaries() is None:
        return "no PostgreSQL server under /usr/lib/postgresql/*/bin"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL refuses to run as root, and setpriv is missing"
    return None


@contextmanager
def server() -> Iterator[str]:
    """Start a server on a free port of 127.0.0.1, and yield the URL of it, without a database."""
    programs = binaries()
    assert programs is not None
    home = Path(tempfile.mkdtemp(prefix="qsync-pg-"))
    # Root may not run the server: the package's own user does, else nobody.
    user = _unprivileged()
    if user is not None:
        os.chown(home, user.pw_uid, user.pw_gid)
    data, log = home / "data", home / "log"

    def run(*command: str) -> None:
        _run([*_as(user), *command], home)

    try:
        run(
            f"{programs}/initdb",
            "-D",
            str(data),
            "-U",
            "qsync",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        )
        port = _free_port()
        options = f"-h 127.0.0.1 -p {port} -k {home} -F -c synchronous_commit=off"
        run(f"{programs}/pg_ctl", "-D", str(data), "-l", str(log), "-o", options, "-w", "start")
        try:
            yield f"postgresql://qsync@127.0.0.1:{port}"
        finally:
            run(f"{programs}/pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as(user: pwd.struct_passwd | None) -> list[str]:
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _run(command: Sequence[str], home: Path) -> None:
    # pg_ctl leaves the server behind with whatever pipes it was given: hence a file, not a pipe.
    with (home / "output").open("wb") as output:
        done = subprocess.run(
            command,
            cwd=home,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, (home / "output").read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
