"""What can be wrong with an answer: seeded alterations of a JSON body, each with a name.

Only what an outsider can tell from a right answer is altered: a list that ends early without a count beside
it, and a text replaced by another text, are answers like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from qsync_pipeline_tests.fuzz.recording import Answer

Json = Any
Spot = tuple[Any, Any]
"""A container and the key or index of a value in it."""

HTML = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
OTHER_TYPES: tuple[Json, ...] = ({}, [], {"a": 1}, [[]], [None], True, 7, 1.5, -3, "x", "")


def alter(answer: Answer, random: Random, *, counted: bool) -> tuple[str, Answer]:
    """The name of the alteration, and the altered answer. ``counted``: the length of its list is told."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    ways = list(BODIES) if document is None else [*BODIES, *DOCUMENTS * 6]
    way = random.choice(ways)
    if way in BODIES:
        body = BODIES[way](answer.body, random)
        return way, Answer(answer.status, answer.headers, body)
    if way == "item dropped" and not counted:
        way = "item doubled"
    done = DOCUMENT_WAYS[way](document, random)
    if done is NOTHING:
        return "truncated", Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
    body = json.dumps(done, allow_nan=True).encode()
    return way, Answer(answer.status, answer.headers, body)


NOTHING = object()


def spots(document: Json, *, lists: bool) -> list[Spot]:
    """Every place of a value, the deeper ones too; ``lists`` adds the items of lists."""
    found: list[Spot] = []
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            found += [(node, key) for key in node]
            stack += node.values()
        elif isinstance(node, list):
            if lists:
                found += [(node, index) for index in range(len(node))]
            stack += node
    return found


def _pick(document: Json, random: Random, *, lists: bool = True) -> Spot | None:
    places = spots(document, lists=lists)
    return random.choice(places) if places else None


def _drop_key(document: Json, random: Random) -> Json:
    place = _pick(document, random, lists=False)
    if place is None:
        return NOTHING
    del place[0][place[1]]
    return document


def _drop_key_everywhere(document: Json, random: Random) -> Json:
    place = _pick(document, random, lists=False)
    if place is None:
        return NOTHING
    for node, key in spots(document, lists=False):
        if key == place[1] and key in node:
            del node[key]
    return document


def _set(value_of: Callable[[Json, Random], Json]) -> Callable[[Json, Random], Json]:
    def change(document: Json, random: Random) -> Json:
        place = _pick(document, random)
        if place is None:
            return NOTHING
        node, key = place
        node[key] = value_of(node[key], random)
        return document

    return change


def _null(value: Json, random: Random) -> Json:
    return None


def _other_type(value: Json, random: Random) -> Json:
    others = [one for one in OTHER_TYPES if _kind(one) != _kind(value)]
    if value is None:  # a text or a number where nothing was is an answer like any other
        others = [one for one in others if isinstance(one, dict | list)]
    return random.choice(others)


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _huge(value: Json, random: Random) -> Json:
    return random.choice((10**30, 2**63, -1, -(10**25)))


def _numbers(document: Json, random: Random) -> Json:
    places = [one for one in spots(document, lists=True) if _kind(one[0][one[1]]) == "number"]
    if not places:
        return NOTHING
    node, key = random.choice(places)
    node[key] = _huge(node[key], random)
    return document


def _lists(document: Json) -> list[list[Json]]:
    """The lists that hold a page's rows: the longest at the top, or the top itself."""
    if isinstance(document, list):
        return [document] if document else []
    if isinstance(document, dict):
        return [one for one in document.values() if isinstance(one, list) and one]
    return []


def _drop_item(document: Json, random: Random) -> Json:
    rows = _lists(document)
    if not rows:
        return NOTHING
    chosen = max(rows, key=len)
    del chosen[random.randrange(len(chosen))]
    return document


def _double_item(document: Json, random: Random) -> Json:
    rows = _lists(document)
    if not rows:
        return NOTHING
    chosen = max(rows, key=len)
    chosen.insert(random.randrange(len(chosen) + 1), random.choice(chosen))
    return document


def _wrong_envelope(document: Json, random: Random) -> Json:
    wrapped: list[Json] = [{"data": document}, {"result": {"items": document}}, {"error": "try again"}]
    wrapped += ["ok", 7, True]
    if isinstance(document, dict):
        wrapped += [[document], *(one for one in document.values() if isinstance(one, list) and one)]
    return random.choice(wrapped)


DOCUMENT_WAYS: dict[str, Callable[[Json, Random], Json]] = {
    "key dropped": _drop_key,
    "key dropped everywhere": _drop_key_everywhere,
    "nulled": _set(_null),
    "another type": _set(_other_type),
    "huge number": _numbers,
    "item dropped": _drop_item,
    "item doubled": _double_item,
    "wrong envelope": _wrong_envelope,
}
DOCUMENTS = list(DOCUMENT_WAYS)

BODIES: dict[str, Callable[[bytes, Random], bytes]] = {
    "truncated": lambda body, random: body[: random.randrange(len(body))] if body else b"{",
    "html": lambda body, random: HTML,
    "empty": lambda body, random: b"",
    "utf-16": lambda body, random: body.decode("utf-8", "replace").encode("utf-16"),
    "latin-1": lambda body, random: body.replace(b'"', b'"\xe9', 3),
    "two documents": lambda body, random: body + body,
    "a byte of noise": lambda body, random: _noise(body, random),
    "null": lambda body, random: b"null",
    "not a number": lambda body, random: body.replace(b":", b":NaN,", 1),
}


def _noise(body: bytes, random: Random) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + bytes([random.choice((0, 1, 0x80, 0xFF, 0xC0))]) + body[place:]
