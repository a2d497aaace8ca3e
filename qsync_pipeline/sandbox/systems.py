"""The table of sandbox systems. A new one is its folder, two imports and one line in :data:`SYSTEMS`."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import System, VirtualClock
from qsync_pipeline.transport.errors import ConfigError

T = TypeVar("T")

SwitchValues = Mapping[str, Mapping[str, object]]
"""System -> switch -> value, a text (as typed on the command line) or a value of the switch's own type."""


@dataclass(frozen=True)
class Plot:
    """What a system is built on. ``switches`` is of the class that its kind names."""

    estate: Estate
    clock: VirtualClock
    switches: Any
    seed: int = 0
    rate_limit_scale: float = 1.0


@dataclass(frozen=True)
class SystemKind:
    """One line of the table: name, its switches, how to build it, what its config says beside the usual."""

    name: str
    switches: Callable[[], type[Any]]
    build: Callable[[Plot], System]
    settings: Callable[[Plot], Mapping[str, object]] = lambda plot: {}


# Systems are imported when they are built: the command line's help needs none of them.


def _qualytics_switches() -> type[Any]:
    from qsync_pipeline.sandbox.qualytics import QualyticsSwitches

    return QualyticsSwitches


def _qualytics(plot: Plot) -> System:
    from qsync_pipeline.sandbox.qualytics import QualyticsSystem

    return QualyticsSystem(plot.estate, plot.clock, switches=plot.switches, seed=plot.seed)


def _atlan_switches() -> type[Any]:
    from qsync_pipeline.sandbox.atlan import AtlanSwitches

    return AtlanSwitches


def _atlan(plot: Plot) -> System:
    from qsync_pipeline.sandbox.atlan import AtlanSystem

    return AtlanSystem(
        plot.estate,
        plot.clock,
        switches=plot.switches,
        seed=plot.seed,
        rate_limit_scale=plot.rate_limit_scale,
    )


def _atlan_settings(plot: Plot) -> Mapping[str, object]:
    # Three quarters of what the tenant may do in a minute (atlan-api.md §1.7), within the setting's bounds.
    return {"requests_per_minute": min(10_000, max(1, int(400 * 0.75 * plot.rate_limit_scale)))}


def _alation_switches() -> type[Any]:
    from qsync_pipeline.sandbox.alation import AlationSwitches

    return AlationSwitches


def _alation(plot: Plot) -> System:
    from qsync_pipeline.sandbox.alation import AlationSystem

    return AlationSystem(plot.estate, plot.clock, switches=plot.switches, seed=plot.seed)


def _alation_settings(plot: Plot) -> Mapping[str, object]:
    # Alation throttles only where an administrator has it so (alation-api.md §1.5); else nobody need wait.
    return {"requests_per_minute": 10_000} if plot.switches.throttling == "off" else {}


SYSTEMS: tuple[SystemKind, ...] = (
    SystemKind(
        "qualytics", _qualytics_switches, _qualytics, lambda plot: {"api_path": plot.switches.api_root}
    ),
    SystemKind("atlan", _atlan_switches, _atlan, _atlan_settings),
    SystemKind("alation", _alation_switches, _alation, _alation_settings),
)
"""In the order of their ports from ``--port-base`` on, and of the integrations in the config."""


def parse_switches(texts: Iterable[str], systems: Iterable[str]) -> dict[str, dict[str, object]]:
    """``["atlan.index_lag=0"]`` -> ``{"atlan": {"index_lag": "0"}}``; read by :func:`read_switches`."""
    known = tuple(systems)
    found: dict[str, dict[str, object]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        system, dot, name = path.strip().partition(".")
        if not (equals and dot and name):
            raise ConfigError(f"--switch {text}: must read SYSTEM.SWITCH=VALUE, such as atlan.index_lag=0")
        if system not in known:
            raise ConfigError(f"--switch {text}: no system {system!r}; there are: {', '.join(known)}")
        found.setdefault(system, {})[name] = value.strip()
    return found


def read_switches(system: str, settings: type[T], values: Mapping[str, object]) -> T:
    """Build a switches dataclass, refusing names that it lacks and values that do not fit their field."""
    hints = get_type_hints(settings)
    allowed = [item.name for item in fields(settings)]  # type: ignore[arg-type]  # T is always a dataclass here
    ready: dict[str, Any] = {}
    for name, value in values.items():
        if name not in allowed:
            raise ConfigError(
                f"switch {system}.{name}: there is none; allowed: {', '.join(allowed) or 'none'}"
            )
        try:
            ready[name] = _fit(value, hints[name])
        except ValueError as problem:
            raise ConfigError(
                f"switch {system}.{name}: {value!r} is not allowed; allowed: {problem}"
            ) from None
    return settings(**ready)


_BOOLEANS = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


def _fit(value: object, hint: Any) -> object:
    """``value`` as the type asks for it; a ValueError says what is allowed."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _fit_any(value, get_args(hint))
    if origin is Literal:
        for choice in get_args(hint):
            if value == choice or (isinstance(value, str) and value == str(choice)):
                return choice
        raise ValueError(", ".join(str(choice) for choice in get_args(hint)))
    if hint is types.NoneType:
        if value is None or value in ("none", "null", ""):
            return None
        raise ValueError("none")
    if hint is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        raise ValueError("true, false")
    if hint in (int, float):
        return _number(value, hint)
    if hint is str and isinstance(value, str):
        return value
    raise ValueError(f"a value of type {getattr(hint, '__name__', hint)}, which only code can give")


def _fit_any(value: object, hints: Iterable[Any]) -> object:
    reasons = []
    for hint in sorted(hints, key=lambda hint: hint is str):  # a text fits every field of type str
        try:
            return _fit(value, hint)
        except ValueError as problem:
            reasons.append(str(problem))
    raise ValueError(" or ".join(reasons))


def _number(value: object, kind: type[int] | type[float]) -> float:
    words = "a whole number" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(words)
    try:
        number = kind(value)
    except ValueError:
        raise ValueError(words) from None
    if kind is int and number != float(value):
        raise ValueError(words)
    return number
