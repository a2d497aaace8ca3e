"""SIGKILL at each of the first 200 writes of a demo push: the next run makes only what is missing.

A first push of the demo estate makes 88 writes to Atlan, and then 139 to Alation. Each is struck twice: its
process dies before the write is carried out, and after, without having seen the answer. Every other time the
next run starts at once, while Atlan's index does not show yet what was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.killing import Act, Phase, acts

SEED = 11
WRITES = range(1, 201)
PHASES: tuple[Phase, ...] = ("before", "after")
SHARE: tuple[tuple[int, Phase], ...] = (
    (1, "after"), (2, "after"), (3, "before"), (4, "after"), (40, "before"),
    (89, "after"), (90, "before"), (92, "after"), (107, "before"), (122, "after"),
)  # fmt: skip
"""Ten of them: the definitions, what goes alone ahead of the rest, batches, health rows, flags."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Act]]:
    """The push to Atlan, and the one to Alation that follows it."""
    with acts(SEED, tmp_path_factory.mktemp("ledgers")) as made:
        yield made


def strike(demo: list[Act], number: int, *phases: Phase) -> None:
    """Kill at this write of both pushes together, and hold what the next push does against the twin."""
    for act in demo:
        if number <= act.writes:
            found = act.killed_at(number, phases)
            break
        number -= act.writes
    else:
        pytest.fail(f"a demo push has {number} writes less")
    for phase in phases:
        assert found[phase].failures == []
        assert found[phase].again == Counter(), f"{phase}: written twice"
        assert found[phase].missing == Counter(), f"{phase}: never written"
        assert found[phase].differs == [], f"{phase}: not what an undisturbed push leaves"
        assert found[phase].restless == 0, f"{phase}: a further push writes"


@pytest.mark.parametrize(("number", "phase"), SHARE)
@pytest.mark.rule("3", "What was written is in the ledger before the step ends")
@pytest.mark.rule("5.5", "A second run with nothing changed writes nothing.")
def test_a_push_killed_at_one_of_ten_writes_is_made_good_by_the_next(
    demo: list[Act], number: int, phase: Phase
) -> None:
    strike(demo, number, phase)


@pytest.mark.soak
@pytest.mark.parametrize("number", WRITES)
@pytest.mark.rule("3", "What was written is in the ledger before the step ends")
def test_a_push_killed_at_any_of_the_first_200_writes_is_made_good_by_the_next(
    demo: list[Act], number: int
) -> None:
    strike(demo, number, *PHASES)
