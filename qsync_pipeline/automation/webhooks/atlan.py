"""What Atlan webhooks send (atlan-api.md §3.1)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

import msgspec

from qsync_pipeline.automation.webhooks.told import NotUnderstood, TagChange, Told
from qsync_pipeline.ledger.jsontext import plain_text

HANDSHAKE = "atlan-webhook"
"""The one key of the sample that Atlan posts on "Validate", before there is a secret."""
_TAGS = frozenset({"CLASSIFICATION_ADD", "CLASSIFICATION_DELETE", "CLASSIFICATION_UPDATE"})
_OTHER = frozenset(
    {"ENTITY_CREATE", "ENTITY_UPDATE", "ENTITY_DELETE", "BUSINESS_ATTRIBUTE_UPDATE"}
    | {"RELATIONSHIP_CREATE", "RELATIONSHIP_UPDATE", "RELATIONSHIP_DELETE"}
)
"""Known, and not about tags, which are all that a pull brings over. The full compare sees the rest."""

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Entity(msgspec.Struct):
    guid: Short
    typeName: Short  # noqa: N815 - the vendor's spelling
    updatedBy: str | None = None  # noqa: N815 - the vendor's spelling
    attributes: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    operationType: Short  # noqa: N815 - the vendor's spelling
    eventTime: Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # noqa: N815 - the vendor's spelling
    entity: _Entity
    mutatedDetails: Any = None  # noqa: N815 - the vendor's spelling


class _Envelope(msgspec.Struct):
    message: _Message
    msgCompressionKind: str = "NONE"  # noqa: N815 - the vendor's spelling
    msgSplitCount: int = 1  # noqa: N815 - the vendor's spelling


class _Tag(msgspec.Struct):
    entityGuid: str | None = None  # noqa: N815 - the vendor's spelling


def is_handshake(body: bytes) -> bool:
    """Whether this is the sample; it comes as text/plain and carries no secret."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(content, dict) and list(content) == [HANDSHAKE]


def read(body: bytes, integration: str, *, actors: Collection[str], propagated: bool) -> Told:
    """What a webhook of this integration says. Raises :class:`NotUnderstood`.

    ``actors`` are the names under which the catalog has known us: what we did ourselves is no news.
    ``propagated`` is the setting ``tags.propagated``: one tag of a person's can come with thousands of
    copies, each told by a webhook of its own, and where copies are not taken they are passed over here.
    """
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        why = str(problem) if isinstance(problem, msgspec.ValidationError) else "the body is not JSON"
        raise NotUnderstood(f"not the form of an Atlan asset webhook: {why}") from None
    if envelope.msgCompressionKind != "NONE" or envelope.msgSplitCount != 1:
        raise NotUnderstood("a compressed or split message, which webhooks do not send")
    message = envelope.message
    if message.operationType in _OTHER:
        return Told(ignored="not about tags")
    if message.operationType not in _TAGS:
        raise NotUnderstood("an operationType that is not known")
    entity = message.entity
    if _is_copy(entity.guid, message.mutatedDetails):
        # A copy does not show who made the change: it need not touch the asset's own record.
        if not propagated:
            return Told(ignored="a propagated copy, and tags.propagated is off")
    elif entity.updatedBy in actors:
        return Told(ignored="our own change")
    name = (entity.attributes or {}).get("qualifiedName")
    change = TagChange(
        integration=integration,
        asset=plain_text(entity.guid),
        type_name=entity.typeName,
        qualified_name=plain_text(name) if isinstance(name, str) else "",
        action=message.operationType,
        at_ms=message.eventTime,
    )
    return Told(changes=(change,))


def _is_copy(guid: str, details: Any) -> bool:
    """Whether all the tags told of have their origin elsewhere (``entityGuid``)."""
    if details is None:
        return False
    try:
        tags = msgspec.convert(details, list[_Tag])
    except msgspec.ValidationError:
        raise NotUnderstood("a change of tags that does not list them") from None
    origins = {tag.entityGuid for tag in tags}
    return bool(origins) and None not in origins and guid not in origins
