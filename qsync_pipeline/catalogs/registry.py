"""Which catalogs there are. A new one is one line here, beside its folder.

An adapter module is imported when an integration asks for it. It offers
``open_catalog(config, *, budget, counter, on_wait)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from qsync_pipeline.catalogs.base import Catalog
from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline.transport.patience import OnWait

if TYPE_CHECKING:
    from qsync_pipeline.config import IntegrationConfig

_ADAPTERS: dict[str, str] = {
    "atlan": "qsync_pipeline.catalogs.atlan.adapter",
    "alation": "qsync_pipeline.catalogs.alation.adapter",
}


def catalog_types() -> set[str]:
    """The values that an integration's ``type`` may have."""
    return set(_ADAPTERS)


def open_catalog(
    config: IntegrationConfig,
    *,
    budget: Budget | None = None,
    counter: RequestCounter | None = None,
    on_wait: OnWait | None = None,
) -> Catalog:
    """The catalog of an integration, opened for one run; nothing is sent yet.

    Without a ``budget`` requests are not held back; ``counter`` may be shared by several sessions.
    """
    opener = cast(Callable[..., Catalog], _adapter(config.type).open_catalog)
    return opener(config, budget=budget, counter=counter, on_wait=on_wait)


def _adapter(type: str) -> Any:
    """The adapter's module: looked up by name, so Any; the function above gives it its type back."""
    module = _ADAPTERS.get(type)
    if module is None:
        raise ConfigError(f"type: found {type!r}; allowed: {', '.join(sorted(_ADAPTERS))}")
    return import_module(module)
