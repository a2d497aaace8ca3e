"""The channels that carry messages: a webhook and e-mail.

What a channel says of a failure names the host and never the address: who knows that can write there.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from qsync_pipeline import __version__
from qsync_pipeline.config import EmailConfig, NotifyConfig, WebhookConfig
from qsync_pipeline.notices.message import Message, for_machines, for_slack
from qsync_pipeline.outside_text import one_line
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline.transport.redact import redact

TRIES = 2
"""Tries of one delivery. A tick has a minute for everything, and the next one tries again."""
CONNECT_SECONDS = 5.0


class NotDelivered(Exception):
    """A channel could not deliver, or could not be reached; says why, without any secret."""


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """``webhook`` or ``email``."""

    def send(self, message: Message) -> str:
        """Deliver; returns a remark where it was delivered in part. Raises :class:`NotDelivered`."""

    def check(self) -> str:
        """Reach the other side, sending nothing; says what was found. Raises :class:`NotDelivered`."""


def open_channels(notify: NotifyConfig | None) -> list[Channel]:
    """The channels that are configured; none without ``notify``."""
    found: list[Channel] = []
    if notify is not None and notify.webhook is not None:
        found.append(Webhook(notify.webhook))
    if notify is not None and notify.email is not None:
        found.append(Email(notify.email))
    return found


class _Passing(NotDelivered):
    """Worth another try at once."""


class Webhook:
    """POSTs messages to an address."""

    name = "webhook"

    def __init__(self, config: WebhookConfig, wait: float = 1.0) -> None:
        self._config = config
        self._wait = wait

    def send(self, message: Message) -> str:
        """Post the message; anything but a 2xx is a failure. 429, 5xx and no answer are tried again."""
        body = for_slack(message) if self._config.format == "slack" else for_machines(message)
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_random_exponential(max=self._wait),
            retry=retry_if_exception_type(_Passing),
            reraise=True,
        )
        host, status = tries(self._ask, "POST", body)
        if not 200 <= status < 300:
            raise NotDelivered(f"{host} answered {status}")
        return ""

    def check(self) -> str:
        """Ask for the address' head: any answer shows that it is reached, and nothing is sent."""
        host, status = self._ask("HEAD", None)
        return f"{host} is reached (it answered {status})"

    def _ask(self, method: str, body: object) -> tuple[str, int]:
        """Host and status. The errors of ``requests`` show the whole address, so none is passed on."""
        try:
            url = self._config.reveal_url()
        except ConfigError as problem:
            raise NotDelivered(str(problem)) from None
        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            with requests.request(
                method,
                url,
                json=body,
                headers={"User-Agent": f"qsync/{__version__}"},
                timeout=(CONNECT_SECONDS, self._config.timeout_seconds),
                allow_redirects=False,
                verify=str(self._config.ca_bundle) if self._config.ca_bundle else True,
                stream=True,  # the body is nobody's business, and may be endless
            ) as answer:
                status = answer.status_code
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            kind = NotDelivered if isinstance(error, requests.exceptions.SSLError) else _Passing
            raise kind(f"no answer from {host} ({type(error).__name__})") from None
        except (requests.exceptions.RequestException, ValueError) as error:
            raise NotDelivered(f"{host} could not be asked ({type(error).__name__})") from None
        if body is not None and (status == 429 or status >= 500):
            raise _Passing(f"{host} answered {status}")
        return host, status


class Email:
    """Sends messages through a mail server."""

    name = "email"

    def __init__(self, config: EmailConfig) -> None:
        self._config = config

    def send(self, message: Message) -> str:
        """Send one mail to everybody; addresses that the server refuses, others taken, are a remark."""
        mail = self._mail(message)
        with self._explained(), self._connected() as server:
            refused = server.send_message(mail)
        return f"{len(refused)} of {len(self._config.to)} addresses were refused" if refused else ""

    def check(self) -> str:
        """Connect, encrypt and log in, and say good-bye."""
        with self._explained(), self._connected() as server:
            server.noop()
        login = f", logged in as {self._config.user}" if self._config.login else ""
        return f"{self._where} is reached ({self._config.tls}{login})"

    @property
    def _where(self) -> str:
        return f"{self._config.host}:{self._config.at_port}"

    def _mail(self, message: Message) -> EmailMessage:
        """Plain text only: nothing in it can be clicked that does not show where it leads."""
        mail = EmailMessage()
        mail["From"] = self._config.sender
        mail["To"] = ", ".join(self._config.to)
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._config.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        mail.set_content(f"{message.text}\n")
        return mail

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        config = self._config
        timeout = float(config.timeout_seconds)
        if config.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.at_port, timeout=timeout, context=self._trust()
            )
        else:
            server = smtplib.SMTP(config.host, config.at_port, timeout=timeout)
        with server:
            if config.tls == "starttls":
                server.starttls(context=self._trust())
            if config.login is not None:
                user, password = config.login
                server.login(user, password.reveal())
            yield server

    def _trust(self) -> ssl.SSLContext:
        bundle = self._config.ca_bundle
        return ssl.create_default_context(cafile=str(bundle) if bundle else None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """``smtplib`` raises errors of its own, of sockets and of encodings, with the server's texts."""
        try:
            yield
        except (OSError, ValueError, ConfigError) as error:
            why = one_line(redact(str(error) or type(error).__name__))[:300]
            raise NotDelivered(f"{self._where}: {why}") from None
