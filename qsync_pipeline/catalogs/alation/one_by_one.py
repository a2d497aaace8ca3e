"""Writes for which there is one call each: flags and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.transport.errors import Forbidden, NotFound, Rejected, Throttled

ENOUGH = 3
"""Refusals after which no more are tried in one write: the role may not do any."""


def one_by_one(
    changes: Sequence[Change], do: Callable[[Change], Outcome], *, rejected: RejectionClass
) -> list[Outcome]:
    """``do`` for each change, one outcome each; a refusal takes no other with it.

    ``rejected`` is the class of what was refused as it is. ``Forbidden`` and ``Throttled`` are raised where
    the very first is; once there is no budget left nothing more is tried.
    """
    outcomes: list[Outcome] = []
    refused: Forbidden | None = None
    refusals = 0
    for number, change in enumerate(changes):
        if refused is not None and refusals >= ENOUGH:
            reason = f"not tried after {ENOUGH} refusals: {refused}"
            outcomes.append(Outcome(change, "rejected", reason, "permission"))
            continue
        try:
            outcomes.append(do(change))
        except Forbidden as error:
            if not outcomes:
                raise
            refused, refusals = error, refusals + 1
            outcomes.append(Outcome(change, "rejected", str(error), error.rejection_class))
        except NotFound as error:
            outcomes.append(Outcome(change, "rejected", str(error), error.rejection_class))
        except Rejected as error:
            outcomes.append(Outcome(change, "rejected", str(error), rejected))
        except Throttled as error:
            if not outcomes:
                raise
            left = changes[number:]
            return outcomes + [Outcome(one, "rejected", str(error), error.rejection_class) for one in left]
    return outcomes
