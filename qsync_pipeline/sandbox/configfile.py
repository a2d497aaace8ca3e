"""The ``qsync.yaml`` of a sandbox, with its secrets in files beside it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qsync_pipeline.transport.errors import ConfigError

FILE_NAME = "qsync.yaml"
MARK = "# Written by `qsync sandbox`"
"""First words of every config written here. A config without them is somebody's own and is left alone."""

WEBHOOKS_SECRET = "webhooks.secret"
"""The file with what ``qsync webhooks`` asks for, and ``qsync sandbox --webhooks`` shows."""
_SECRETS = ("token", "refresh_token")


@dataclass(frozen=True)
class Served:
    """A system as the config sees it; ``settings`` are those that differ from their defaults."""

    name: str
    url: str
    credentials: Mapping[str, str]
    settings: Mapping[str, object] = field(default_factory=dict)


def webhook_secret(seed: int) -> str:
    """What a sandbox shows to ``qsync webhooks`` with its own config."""
    return f"sandbox-webhooks-{hashlib.sha256(f'webhooks-{seed}'.encode()).hexdigest()[:24]}"


def write_config(
    directory: Path,
    served: Sequence[Served],
    *,
    domains: Sequence[str],
    title: str,
    webhook_secret: str | None = None,
) -> Path:
    """Write ``qsync.yaml`` and one file (mode 0600) per secret into ``directory``; returns the path.

    ``title`` says which sandbox this is. The ledger is left to its default place, ``.qsync/`` beside it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    if path.exists() and not _is_ours(path):
        raise ConfigError(f"{path}: not written by a sandbox, so it is left alone; choose another directory")
    lines = [
        f"{MARK} for {title}.",
        "# Good while that sandbox runs; the next one writes it anew. Try: qsync sync --config THIS_FILE",
        "",
    ]
    for system in served:
        if system.name == "qualytics":
            lines += ["qualytics:", *_connection(directory, system, indent="  "), ""]
    if webhook_secret is not None:
        _write_secret(directory / WEBHOOKS_SECRET, webhook_secret)
        lines += ["# For qsync webhooks.", "webhooks:", f"  secret: {{file: {WEBHOOKS_SECRET}}}", ""]
    lines.append("integrations:")
    for system in served:
        if system.name != "qualytics":
            lines += _integration(directory, system, domains)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def remove_former(directory: Path) -> None:
    """Remove a directory in which an earlier sandbox wrote its config, with the ledger that grew beside it.

    That sandbox's state died with it. A directory without such a config stays as it is.
    """
    if _is_ours(directory / FILE_NAME):
        shutil.rmtree(directory)


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def _integration(directory: Path, system: Served, domains: Sequence[str]) -> list[str]:
    return [
        f"  - name: {system.name}",
        f"    type: {system.name}",
        *_connection(directory, system, indent="    "),
        "    # Only assets under these domains take part; an empty list takes all.",
        f"    domains: {_flow(list(domains))}",
        "    event_driven: true",
        "    # On: a catalog tag named like a native Qualytics tag takes that one over. Off: it is skipped.",
        "    overwrite_tags: false",
        "    announcements: true",
        "    # A real integration first only plans, and its first write is asked for. Not so here.",
        "    first_write: true",
    ]


def _connection(directory: Path, system: Served, *, indent: str) -> list[str]:
    lines = [f"{indent}url: {system.url}"]
    for key, value in system.credentials.items():
        if key in _SECRETS:
            name = f"{system.name}.{key}"
            _write_secret(directory / name, value)
            lines.append(f"{indent}{key}: {{file: {name}}}")
        else:
            lines.append(f"{indent}{key}: {_flow(int(value) if value.isdecimal() else value)}")
    return lines + [f"{indent}{key}: {_flow(value)}" for key, value in system.settings.items()]


def _flow(value: object) -> str:
    """JSON is YAML in flow style, whatever characters a name holds."""
    return json.dumps(value, ensure_ascii=False)


def _write_secret(path: Path, value: str) -> None:
    """Never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(value + "\n")
