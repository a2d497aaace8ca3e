"""Encrypted connections are trusted for a reason: a known authority, or the one that the config names."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.transport.errors import Malformed, Unreachable

TOKEN = "obviously-fake-token-0001"


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes what reached it and says no to everything, in JSON."""

    def _do(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]  # set by serving()
        redirect = self.server.redirect  # type: ignore[attr-defined]  # set by serving()
        self.send_response(302 if redirect else 418)
        if redirect:
            self.send_header("Location", redirect + self.path)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _do  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(certificate: trustme.LeafCert, redirect: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An encrypted server; yields its URL and the headers of what reached it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    class Server(http.server.ThreadingHTTPServer):
        seen: list[dict[str, str]] = []

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up on us is what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    server.seen, server.redirect = [], redirect  # type: ignore[attr-defined]  # read by the handler
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", server.seen
    finally:
        server.shutdown()
        server.server_close()


def config(directory: Path, url: str, ca: bool) -> Path:
    """A config of all three systems at one address."""
    (directory / "token").write_text(TOKEN)
    bundle = "ca_bundle: ca.pem" if ca else "timeout_seconds: 20"
    path = directory / "qsync.yaml"
    path.write_text(
        f"qualytics: {{url: '{url}', token: {{file: token}}, {bundle}}}\n"
        "integrations:\n"
        f"  - {{name: atlan, type: atlan, url: '{url}', token: {{file: token}}, {bundle}}}\n"
        f"  - {{name: alation, type: alation, url: '{url}', refresh_token: {{file: token}}, user_id: 1,"
        f" {bundle}}}\n"
    )
    return path


def ask_all(path: Path) -> list[str]:
    """Call each of the three systems; what each said."""
    settings = load_config(path)
    said = []
    for opened, call in (
        (lambda: open_qualytics(settings.qualytics), "version"),
        (lambda: open_catalog(settings.integration("atlan")), "identity"),
        (lambda: open_catalog(settings.integration("alation")), "identity"),
    ):
        client = opened()
        try:
            getattr(client, call)()
            said.append("answered")
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
        finally:
            client.close()
    return said


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


def test_an_unknown_authority_is_refused_before_anything_is_sent(
    tmp_path: Path, authority: trustme.CA
) -> None:
    with serving(authority.issue_cert("127.0.0.1")) as (url, seen):
        said = ask_all(config(tmp_path, url, ca=False))
    assert [one.split(":")[0] for one in said] == [Unreachable.__name__] * 3
    assert all("ca_bundle" in one for one in said), said
    assert seen == []


def test_ca_bundle_names_an_authority_for_each_system(tmp_path: Path, authority: trustme.CA) -> None:
    with serving(authority.issue_cert("127.0.0.1")) as (url, seen):
        said = ask_all(config(tmp_path, url, ca=True))
    assert all("418" in one for one in said), said
    assert len(seen) >= 3


@pytest.mark.parametrize("case", ["another host", "lapsed"])
def test_ca_bundle_does_not_trust_another_hosts_or_a_lapsed_certificate(
    tmp_path: Path, authority: trustme.CA, case: str
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        authority.issue_cert("elsewhere.example")
        if case == "another host"
        else authority.issue_cert("127.0.0.1", not_after=yesterday)
    )
    with serving(certificate) as (url, seen):
        said = ask_all(config(tmp_path, url, ca=True))
    assert [one.split(":")[0] for one in said] == [Unreachable.__name__] * 3
    assert seen == []


def test_a_redirect_to_another_host_is_refused_and_no_token_travels(
    tmp_path: Path, authority: trustme.CA
) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    with serving(certificate) as (other, strayed), serving(certificate, redirect=other) as (url, seen):
        said = ask_all(config(tmp_path, url, ca=True))
    assert [one.split(":")[0] for one in said] == [Malformed.__name__] * 3
    assert all("refused redirect" in one and TOKEN not in one for one in said)
    assert seen
    assert strayed == []
