"""Who is told of what needs a person: a webhook, e-mail, or both."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from qsync_pipeline.config.fields import (
    LOOPBACK,
    Allowed,
    Clash,
    ExistingFile,
    Settings,
    Text,
    Unique,
    Url,
    one_as_list,
)
from qsync_pipeline.config.secrets import Secret, SecretField, SuggestedEnv
from qsync_pipeline.transport.errors import ConfigError

CauseKind = Literal["failed_run", "red_check", "parked_scope", "expiring_token"]
CAUSE_KINDS: tuple[CauseKind, ...] = get_args(CauseKind)

_ADDRESS = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")
_HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value.strip()):
        raise ValueError("Write the bare address, without a name.")
    return value.strip()


def _host(value: str) -> str:
    if "://" in value:
        raise ValueError("Leave the scheme off; tls says how the connection is encrypted.")
    if not _HOST.fullmatch(value.strip()):
        raise ValueError("The port has a field of its own." if ":" in value else "")
    return value.strip()


Address = Annotated[str, AfterValidator(_address), Allowed("an e-mail address such as data@example.com")]
Host = Annotated[str, AfterValidator(_host), Allowed("a host name or address")]


class WebhookConfig(Settings):
    """An address that takes messages by HTTP POST."""

    url: Annotated[SecretField, SuggestedEnv("QSYNC_NOTIFY_URL")] = Field(
        description="Where to post; a secret, because whoever knows such an address can write there."
    )
    format: Literal["json", "slack"] = Field(
        default="json",
        description="json: one object with all causes; slack: a message for Slack, Mattermost and the like.",
    )
    timeout_seconds: int = Field(default=10, ge=1, le=15, description="How long one try may take.")
    ca_bundle: ExistingFile | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )

    def reveal_url(self) -> str:
        """The address itself. Raises :class:`ConfigError` where it is a secret of no use."""
        url = self.url.reveal().strip()
        try:
            parts = urlsplit("" if re.search(r"\s", url) else url)
        except ValueError:  # a broken IPv6 host
            parts = urlsplit("")
        scheme, host = parts.scheme, parts.hostname or ""
        if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
            raise ConfigError(
                f"notify.webhook.url: found something else in {self.url.source}; allowed: an https:// URL "
                "(http:// only for 127.0.0.1, localhost, ::1). Correct it there."
            )
        return url


class EmailConfig(Settings):
    """A mail server and the people behind it."""

    to: Annotated[
        tuple[Address, ...],
        BeforeValidator(one_as_list),
        Allowed("an e-mail address, or a list of them"),
        Unique(),
    ] = Field(min_length=1, max_length=50, description="Who gets the mails.")
    sender: Address = Field(alias="from", description="The address that they come from.")
    host: Host = Field(description="The mail server.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Its port; without one 587, 465 or 25, by `tls`."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection is encrypted: after its beginning, from its beginning, or not.",
    )
    user: Text | None = Field(default=None, description="Name to log in with, where the server asks for one.")
    password: Annotated[SecretField, SuggestedEnv("QSYNC_MAIL_PASSWORD")] | None = Field(
        default=None, description="Password of `user`."
    )
    timeout_seconds: int = Field(default=10, ge=1, le=15, description="How long one answer may take.")
    ca_bundle: ExistingFile | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )

    @property
    def at_port(self) -> int:
        """The port in use."""
        return self.port or _PORTS[self.tls]

    @property
    def login(self) -> tuple[str, Secret] | None:
        """User and password, or null where none are needed."""
        return (self.user, self.password) if self.user and self.password else None

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """Half a log-in, and a password that would cross the network in the clear."""
        user, password = raw.get("user") is not None, raw.get("password") is not None
        if user != password:
            there, missing = ("user", "password") if user else ("password", "user")
            return [Clash((there,), f"no {missing} beside it", "both or neither", f"Add {missing}")]
        if user and raw.get("tls") == "none" and raw.get("host") not in LOOPBACK:
            hint = "Encrypt the connection, or leave user and password out"
            return [Clash(("tls",), "none together with a password", "starttls or tls", hint)]
        return []


class NotifyConfig(Settings):
    """Who is told, and of what."""

    webhook: WebhookConfig | None = Field(default=None, description="Tell by webhook.")
    email: EmailConfig | None = Field(default=None, description="Tell by e-mail.")
    causes: Annotated[tuple[CauseKind, ...], Unique()] = Field(
        default=CAUSE_KINDS, min_length=1, description="What people are told of."
    )
    all_clear: bool = Field(default=False, description="Also tell when a cause has gone.")
    ui_url: Url | None = Field(
        default=None, description="Where people reach Dagster's UI; messages then link to the run or check."
    )

    @classmethod
    def clashes(cls, raw: dict[str, Any]) -> list[Clash]:
        """Nobody to tell."""
        if raw.get("webhook") is None and raw.get("email") is None:
            hint = "Add one of them, or leave notify out"
            return [Clash((), "neither webhook nor email", "at least one of the two", hint)]
        return []
