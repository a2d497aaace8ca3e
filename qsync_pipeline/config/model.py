"""The whole of ``qsync.yaml`` as frozen settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, PlainValidator, PrivateAttr, ValidationInfo

from qsync_pipeline.config.fields import (
    Allowed,
    ApiPath,
    ConfigPath,
    ExistingFile,
    QualyticsUrl,
    Settings,
    Unique,
    Url,
)
from qsync_pipeline.config.integration import IntegrationConfig
from qsync_pipeline.config.notify import NotifyConfig
from qsync_pipeline.config.receiver import ReceiverConfig
from qsync_pipeline.config.secrets import (
    Secret,
    SecretField,
    SuggestedEnv,
    directory_of,
    parse_secret,
    resolve_path,
)
from qsync_pipeline.config.show import did_you_mean, show
from qsync_pipeline.transport.errors import ConfigError

LEDGER_FORM = "sqlite:///PATH or postgresql://USER@HOST/NAME; with a password {env: NAME} or {file: PATH}"
_POSTGRES = re.compile(r"postgresql(\+psycopg2)?")


def _ledger_url(value: Any, info: ValidationInfo) -> str | Secret:
    if not isinstance(value, str):
        return parse_secret(value, info)
    scheme, mark, rest = value.strip().partition("://")
    if scheme == "sqlite" and mark:
        path = rest.removeprefix("/")
        if not path or rest == path or "?" in path or path == ":memory:":
            raise ValueError(
                "Name a file: the ledger has to last. For example sqlite:///.qsync/ledger.sqlite"
            )
        return f"sqlite:///{resolve_path(path, directory_of(info))}"
    if not mark or not _POSTGRES.fullmatch(scheme):
        raise ValueError("Write postgresql:// in full." if scheme == "postgres" else "")
    parts = urlsplit(value.strip())
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise ValueError("A URL with a password is a secret.")
    if not parts.path.strip("/"):
        raise ValueError("Name the database at its end.")
    return value.strip()


class QualyticsConfig(Settings):
    """The Qualytics deployment."""

    url: QualyticsUrl = Field(description="The deployment's address, as in the browser.")
    token: Annotated[SecretField, SuggestedEnv("QUALYTICS_TOKEN")] = Field(
        description="Personal or service token."
    )
    api_path: ApiPath = Field(default="/api", description="Where the API is below `url`.")
    ui_url: Url | None = Field(default=None, description="Where links point to, if not to `url`.")
    external_tags: Literal["auto", "managed", "native"] = Field(
        default="auto",
        description="How catalog tags are kept: as definitions of ours (managed) or as external tags "
        "(native); auto: native where the deployment lets them be created, managed elsewhere.",
    )
    requests_per_minute: int = Field(
        default=3000, ge=1, le=100000, description="Request budget (the usual ingress allows 50 a second)."
    )
    parallel: int = Field(default=8, ge=1, le=64, description="Calls in flight at a time.")
    page_size: int = Field(default=100, ge=1, le=100, description="Items per page read.")
    timeout_seconds: int = Field(default=60, ge=1, le=600, description="How long one call may take.")
    ca_bundle: ExistingFile | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )

    @property
    def api_url(self) -> str:
        """Root of the API, without a slash at its end."""
        return self.url + self.api_path

    @property
    def ui(self) -> str:
        """Root of the links into the UI, without a slash at its end."""
        return self.ui_url or self.url


class LedgerConfig(Settings):
    """Where outcomes and ownership are kept."""

    url: Annotated[
        str | Secret, PlainValidator(_ledger_url), Allowed(LEDGER_FORM), SuggestedEnv("QSYNC_LEDGER_URL")
    ] = Field(
        default="sqlite:///.qsync/ledger.sqlite",
        validate_default=True,
        description="Database of the ledger, as a URL.",
    )

    keep_days: int = Field(
        default=400,
        ge=1,
        le=36500,
        description="How long the journal and the accounts of runs are kept; ownership has no age.",
    )

    def reveal_url(self, env: Mapping[str, str] | None = None) -> str:
        """The SQLAlchemy URL. Raises :class:`ConfigError` where it is a secret of no use."""
        if isinstance(self.url, str):
            return self.url
        url = self.url.reveal(env)
        scheme, mark, _ = url.partition("://")
        if not mark or (scheme != "sqlite" and not _POSTGRES.fullmatch(scheme)):
            raise ConfigError(
                f"ledger.url: found something else in {self.url.source}; allowed: sqlite:///PATH or "
                "postgresql://USER:PASSWORD@HOST/NAME. Correct it there."
            )
        return url


class Config(Settings):
    """Everything that ``qsync.yaml`` says."""

    qualytics: QualyticsConfig = Field(description="The Qualytics deployment.")
    integrations: Annotated[
        tuple[Annotated[IntegrationConfig, Field(discriminator="type")], ...], Unique("name")
    ] = Field(min_length=1, description="The catalogs.")
    ledger: LedgerConfig = Field(
        default_factory=dict, validate_default=True, description="Where outcomes and ownership are kept."
    )
    storage: ConfigPath = Field(
        default=Path(".qsync/tables"),
        validate_default=True,
        description="Directory of the tables between steps.",
    )
    webhooks: ReceiverConfig = Field(
        default=ReceiverConfig(), description="The webhook receiver, `qsync webhooks`."
    )
    notify: NotifyConfig | None = Field(
        default=None, description="Who is told of what needs a person; without it nobody."
    )

    _path: Path = PrivateAttr(default=Path("qsync.yaml"))
    _directory: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any, /) -> None:
        """Remember the file, which is no field of its own."""
        self._path = Path((context or {}).get("path", self._path))
        self._directory = Path((context or {}).get("directory", self._directory))

    @property
    def path(self) -> Path:
        """The file that this was loaded from."""
        return self._path

    @property
    def directory(self) -> Path:
        """Where relative paths start: the file's directory; the current one for the sandbox's own config."""
        return self._directory

    def integration(self, name: str) -> IntegrationConfig:
        """The integration of that name; :class:`ConfigError` where there is none."""
        names = [one.name for one in self.integrations]
        for one in self.integrations:
            if one.name == name:
                return one
        raise ConfigError(
            f"{self.path}: integrations: found no {show(name)}; allowed: {', '.join(names)}. "
            f"{did_you_mean(name, names)}".rstrip()
        )
