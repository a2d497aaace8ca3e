"""Telling: each cause once per channel, remembered only after it was delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.notices.causes import Cause
from qsync_pipeline.notices.channels import Channel, NotDelivered
from qsync_pipeline.notices.message import bundle, title_of


@dataclass
class Told:
    """What became of one round: how many causes were told, by channel, and how many as ``over``; which
    channels failed, and why; ``remarks`` are of channels that delivered in part."""

    new: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What was done, in a sentence."""
        parts = [f"{number} by {name}" for name, number in self.new.items() if number]
        parts += [f"{number} over by {name}" for name, number in self.over.items() if number]
        return f"Told {', '.join(parts)}." if parts else "Nothing new to tell."


def tell(
    ledger: Ledger, channels: Sequence[Channel], causes: Sequence[Cause], *, all_clear: bool, ui_url: str = ""
) -> Told:
    """Tell every channel what it was not told yet, in one message, and forget what no longer stands.

    A channel that fails leaves nothing behind: the next round tells it again. A process that dies between
    delivery and remembering tells twice rather than never. With ``all_clear`` what has gone is told too.
    """
    done = Told()
    told = ledger.notices.told()
    unused = dict(told)
    for channel in channels:
        mine = {key: text for key, text in told.items() if key.startswith(f"{channel.name}|")}
        unused = {key: text for key, text in unused.items() if key not in mine}
        standing = {f"{channel.name}|{cause.id}": cause for cause in causes}
        new = {key: cause for key, cause in standing.items() if key not in mine and not cause.early}
        gone = {key: text for key, text in mine.items() if key not in standing}
        if not all_clear:
            ledger.notices.forget(gone)
            gone = {}
        if not new and not gone:
            continue
        try:
            remark = channel.send(bundle(list(new.values()), list(gone.values()), ui_url))
        except NotDelivered as error:
            done.failed[channel.name] = str(error)
            continue
        _remember(ledger, new, gone)
        done.new[channel.name] = len(new)
        done.over[channel.name] = len(gone)
        if remark:
            done.remarks[channel.name] = remark
    ledger.notices.forget(unused)  # of channels that are configured no more
    return done


def _remember(ledger: Ledger, new: Mapping[str, Cause], gone: Mapping[str, str]) -> None:
    ledger.notices.put({key: title_of(cause) for key, cause in new.items()})
    ledger.notices.forget(gone)
