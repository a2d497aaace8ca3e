"""Writes for which there is one call each: flags and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.transport.errors import Forbidden, NotFound, Rejected

ENOUGH = 3
"""Refusals after which no more are tried in one write: the role may not do any."""


def one_by_one(
    changes: Sequence[Change], do: Callable[[Change], Outcome], *, rejected: RejectionClass
) -> list[Outcome]:
    """``do`` for each change, one outcome each; a refusal takes no other with it.

    ``rejected`` is the class of what was refused as it is. ``Forbidden`` is raised where the very first is.
    """
    outcomes: list[Outcome] = []
    refused: Forbidden | None = None
    refusals = 0
    for change in changes:
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
    return outcomes
