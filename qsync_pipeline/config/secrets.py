"""Secrets are named in the config, never written there; they are read when somebody needs them.

``{env: NAME}`` or ``{file: PATH}``. A :class:`Secret` holds only where to look, so it may be printed and
pickled; :meth:`Secret.reveal` is the one way to the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import PlainValidator, ValidationInfo

from qsync_pipeline.config.show import show, show_path
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline.transport.redact import register_secret

FORM_OF_SECRETS = "{env: NAME} or {file: PATH}"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class SuggestedEnv:
    """Marks a field as secret; ``name`` is the variable that messages propose for it."""

    name: str


class Trouble(NamedTuple):
    """Why something that the config names cannot be used: what was found, what is allowed, what to do."""

    found: str
    allowed: str
    todo: str


@dataclass(frozen=True)
class Secret:
    """Where a secret is to be found: an environment variable or a file, exactly one of the two."""

    env: str | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError(f"a secret is {FORM_OF_SECRETS}")

    @property
    def source(self) -> str:
        """``environment variable NAME`` or ``file PATH``, for messages."""
        return (
            f"environment variable {show(self.env)}"
            if self.env
            else f"file {show_path(Path(str(self.file)))}"
        )

    def _read(self, env: Mapping[str, str] | None) -> tuple[str, Trouble | None]:
        """The value, and what is wrong with it. From here on it is masked wherever it turns up."""
        if self.env is not None:
            raw = (os.environ if env is None else env).get(self.env)
            if raw is None:
                todo = f"Set it before starting: export {show(self.env)}=..."
                return "", Trouble(f"no {self.source}", "a variable that is set", todo)
            todo = f"Give {show(self.env)} its value"
        else:
            try:
                raw = Path(str(self.file)).read_text(encoding="utf-8-sig")
            except UnicodeDecodeError:
                return "", Trouble(
                    f"{self.source} that is not UTF-8 text", "one line of text", "Write it anew"
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "not a usable path"
                todo = "Write the secret there, or correct the path, which starts at the config's directory"
                return "", Trouble(f"no readable {self.source} ({why})", "a file that holds the secret", todo)
            todo = "Write the secret there"
        value = raw.rstrip("\r\n")
        if not value.strip():
            return "", Trouble(f"an empty {self.source}", "one line of text", todo)
        if any(ord(letter) < 32 for letter in value):
            return "", Trouble(
                f"several lines or control characters in {self.source}", "one line of text", todo
            )
        register_secret(value)
        return value, None

    def problem(self, env: Mapping[str, str] | None = None) -> Trouble | None:
        """What keeps the secret from being read now, or null. ``env`` as in :meth:`reveal`."""
        return self._read(env)[1]

    def reveal(self, env: Mapping[str, str] | None = None) -> str:
        """The secret itself, without a newline at its end. ``env`` stands in for the process's environment.

        Raises :class:`ConfigError` that names the source, never the value.
        """
        value, trouble = self._read(env)
        if trouble:
            raise ConfigError(f"secret: found {trouble.found}; allowed: {trouble.allowed}. {trouble.todo}.")
        return value


def make_secret(value: Any, directory: Path) -> Secret:
    """A :class:`Secret` from ``{env: NAME}`` or ``{file: PATH}``.

    Raises ``ValueError`` with what to do, which may be empty and never repeats what was found.
    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("")
    kind, name = next(iter(value.items()))
    if kind not in ("env", "file"):
        raise ValueError("")
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"Give {kind} a name.")
    if kind == "file":
        return Secret(file=resolve_path(name, directory))
    if not _ENV_NAME.fullmatch(name):
        raise ValueError("The name of a variable has letters, digits and underscores only.")
    return Secret(env=name)


def directory_of(info: ValidationInfo) -> Path:
    """Where relative paths start: the validation context's ``directory``, else the current one."""
    return Path((info.context or {}).get("directory", ""))


def parse_secret(value: Any, info: ValidationInfo) -> Secret:
    """:func:`make_secret` as a validator."""
    return make_secret(value, directory_of(info))


def resolve_path(value: str | Path, directory: Path) -> Path:
    """``value`` from ``directory``, with ``~`` expanded."""
    try:
        return directory / Path(value).expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError("There is no such home directory.") from error


SecretField = Annotated[Secret, PlainValidator(parse_secret)]
"""A field that takes ``{env: NAME}`` or ``{file: PATH}``; add :class:`SuggestedEnv` where it is used."""
