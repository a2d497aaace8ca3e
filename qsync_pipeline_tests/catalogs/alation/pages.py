"""A server that only sends bytes which are ready, in a process of its own: the least to wait for."""

from __future__ import annotations

import multiprocessing
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Page(NamedTuple):
    """An answer, and the path of the page after it (the header ``X-Next-Page``), if there is one."""

    body: bytes
    following: str = ""


Pages = Mapping[str, Page]
"""Answers by ``path after``: after which id the page begins, or how many rows it skips, or nothing."""

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_EMPTY = Page(b"[]")


@contextmanager
def serving_pages(make: Callable[[], Pages]) -> Iterator[str]:
    """Serve what ``make`` makes (it must be picklable) on a free port; yields the base URL."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(make, there), daemon=True)
    process.start()
    there.close()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        here.close()
        process.kill()  # SIGTERM may be ignored, as it is by what a shell runs in its background
        process.join()


def _serve(make: Callable[[], Pages], out: Connection) -> None:
    found = make()
    listener = socket.create_server(("127.0.0.1", 0))
    out.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, found), daemon=True).start()


def _talk(connection: socket.socket, found: Pages) -> None:
    with connection, connection.makefile("rb") as requests:
        while line := requests.readline():
            length = 0
            while (header := requests.readline()) not in (b"\r\n", b""):
                if told := _LENGTH.match(header):
                    length = int(told.group(1))
            requests.read(length)
            page = _page(found, line.split()[1].decode())
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(page.body)}\r\n"
            )
            if page.following:
                head += f"X-Next-Page: {page.following}\r\n"
            connection.sendall(head.encode() + b"\r\n" + page.body)


def _page(found: Pages, target: str) -> Page:
    """The page of a request; what is not there is an empty list."""
    parts = urlsplit(target)
    asked = parse_qs(parts.query)
    after = asked.get("id__gt") or asked.get("skip") or [""]
    return found.get(f"{parts.path} {after[0]}", _EMPTY)
