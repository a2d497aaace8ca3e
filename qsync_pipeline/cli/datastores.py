"""Which datastores a command line works on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qsync_pipeline.config import Config
from qsync_pipeline.config.show import did_you_mean, show
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sync.inventory import register_datastores
from qsync_pipeline.transport.budget import LocalBudget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import ConfigError

SHOWN = 20


@dataclass(frozen=True)
class Known:
    """A datastore that Qualytics lists, or that vanished and is asked for all the same."""

    id: int
    key: str
    name: str


def known_datastores(
    config: Config,
    ledger: Ledger,
    counter: RequestCounter,
    *,
    vanished: bool = False,
    also: Collection[str] = (),
) -> list[Known]:
    """Ask Qualytics for its datastores, and register them in the ledger (unless it is read-only).

    Of those that it does not list, the ones with something of ours are known too; with ``vanished`` all that
    the ledger has ever seen; and the keys in ``also`` in any case. Raises the errors of ``transport.errors``.
    """
    budget = LocalBudget() if ledger.read_only else ledger.budget
    client = open_qualytics(config.qualytics, budget=budget, counter=counter)
    try:
        listed = client.datastores()
    finally:
        client.close()
    keys = register_datastores(ledger, listed)
    found = {one.id: Known(one.id, keys[one.id], one.name) for one in listed}
    for record in ledger.datastores.all():
        if record.id in found:
            continue
        if vanished or record.key in also or ledger.holdings.of(record.key):
            found[record.id] = Known(record.id, record.key, record.name)
    there = {one.key for one in found.values()}
    strange = [Known(0, key, key) for key in also if key not in there]
    return [*(found[number] for number in sorted(found)), *strange]


def choose(known: Sequence[Known], wanted: Sequence[str]) -> list[str]:
    """The keys of the datastores that are wanted by key, id or name; of all where none is named.

    Raises ``ConfigError`` that says which there are.
    """
    if not wanted:
        return [one.key for one in known]
    chosen = {key for text in wanted for key in _one(known, text.strip())}
    return [one.key for one in known if one.key in chosen]


def choose_tables(
    config: Config, ledger: Ledger, counter: RequestCounter, datastore: Known, wanted: Sequence[str]
) -> list[str]:
    """The names, as Qualytics spells them, of these containers of a datastore.

    Raises ``ConfigError`` for one that it does not have, and the errors of ``transport.errors``.
    """
    client = open_qualytics(config.qualytics, budget=ledger.budget, counter=counter)
    try:
        listed = [one.name for one in client.containers(datastore.id)]
    finally:
        client.close()
    names = []
    for text in wanted:
        found = [name for name in listed if name.casefold() == text.strip().casefold()]
        if not found:
            near = did_you_mean(text, listed)
            there = f"{datastore.key} has {len(listed)} tables, and none of this name"
            raise ConfigError(f"--table: found no {show(text)}; {there}. {near}".rstrip())
        names += found
    return names


def _one(known: Sequence[Known], text: str) -> list[str]:
    exact = [one.key for one in known if text in (one.key, str(one.id))]
    named = [one.key for one in known if one.name == text]
    named = named or [one.key for one in known if one.name.casefold() == text.casefold()]
    found = exact or named
    if len(found) == 1:
        return found
    if found:
        raise ConfigError(f"--datastore: {show(text)} names several: {', '.join(found)}; write the key.")
    keys = [one.key for one in known]
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    there = f"{', '.join(keys[:SHOWN])}{more}" if keys else "none; the token sees no datastore"
    near = did_you_mean(text, [*keys, *(one.name for one in known)])
    raise ConfigError(f"--datastore: found no {show(text)}; there are: {there}. {near}".rstrip())
