"""A mail server on loopback that keeps what it gets: as much SMTP as one client needs."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """``mails`` with their recipients. ``refused`` are addresses that it does not take; ``closed``: it takes
    none. ``secured`` counts encrypted connections."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    closed: bool = False
    secured: int = 0
    commands: list[str] = field(default_factory=list)


@contextmanager
def mail_server(
    refused: frozenset[str] = frozenset(), *, tls: ssl.SSLContext | None = None, at_once: bool = False
) -> Iterator[MailServer]:
    """Serve on an ephemeral port; with ``tls`` after STARTTLS, or ``at_once``."""
    box = MailServer(refused=refused)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if tls is not None and at_once:
                self.encrypt(tls)
            self.say("554 no service" if box.closed else "220 ready")
            to: list[str] = []
            while line := self.rfile.readline().decode("ascii").strip():
                word = line.split()[0].upper()
                box.commands.append(word)
                if word == "QUIT":
                    self.say("221 bye")
                    return
                if word == "EHLO":
                    self.say("250-here\r\n250 STARTTLS" if tls is not None else "250 here")
                    continue
                if word == "STARTTLS" and tls is not None:
                    self.say("220 go on")
                    self.encrypt(tls)
                    continue
                if word == "DATA":
                    self.say("354 go on")
                    box.mails.append((to, self.mail()))
                elif word == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    if address in box.refused:
                        self.say("550 nobody here, password=obviously-fake-0815")
                        continue
                    to.append(address)
                self.say("250 ok")

        def mail(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return message_from_bytes(b"".join(lines), policy=policy.default)

        def encrypt(self, context: ssl.SSLContext) -> None:
            self.finish()
            self.request = context.wrap_socket(self.request, server_side=True)
            self.setup()
            box.secured += 1

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode("ascii"))

    class Server(socketserver.ThreadingTCPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up, as one does that trusts no certificate, is no news."""

        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
