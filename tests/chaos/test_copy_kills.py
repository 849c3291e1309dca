"""The CDC server dies while it copies what the source has stored, and clients write the same keys all the time.

    CHAOS_COPIES=20 CHAOS_SINK=api .cache/venv/bin/python -m pytest tests/chaos -s -k copy_kills
    CHAOS_CHANGES=100 CHAOS_SEED=17 .cache/venv/bin/python -m pytest tests/chaos -s -k among_changes
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from battle import Battle, on

COPIES = int(os.environ.get("CHAOS_COPIES", "1"))
# Kills among changes of the task.
CHANGES = int(os.environ.get("CHAOS_CHANGES", "6"))
ROWS = 15_000


@on("rocksmq-api", "rocksmq-replicate")
@pytest.mark.parametrize("number", range(COPIES))
@pytest.mark.timeout(600)
def test_random_copy_kills(new_battle: Callable[..., Battle], number: int) -> None:
    battle = new_battle()
    battle.begin_late(ROWS)
    # The log is applied meanwhile, or waits.
    battle.create_task(start_from="snapshot", snapshot={"log": ("apply", "wait")[number % 2]})
    longest = 0.1 + 0.05 * number
    while not battle.is_copied():
        battle.let_pass(0.05, longest)
        battle.kill_cdc()
        longest += 0.1  # a segment must be copied as a whole
    for _ in range(2):
        battle.let_pass(0.1, 1)
        battle.kill_cdc()
    # What was replaced and deleted by then is not stored any more: less than half of it may be left.
    assert battle.copied_rows() > ROWS // 10
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)


# The source has three collections: each point is passed in the second.
@on("rocksmq-api")
@pytest.mark.parametrize("point", ["after_snapshot_segment", "before_snapshot_done", "after_snapshot_done"])
@pytest.mark.timeout(600)
def test_fault_points_of_copy_kills(new_battle: Callable[..., Battle], point: str) -> None:
    battle = new_battle()
    battle.begin_late(ROWS // 3)
    battle.arm(point, 2)
    battle.cdc.wait_ready()
    battle.create_task(start_from="snapshot")
    battle.expect_death(point)
    battle.restart()
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)


@on("rocksmq-api")
@pytest.mark.timeout(600 + 40 * CHANGES)
def test_copy_kills_among_changes(battle: Battle) -> None:
    """The server dies while collections are set aside, taken up again, and copied again beside the others."""
    for _ in range(CHANGES):
        print(battle.change_task(), flush=True)
        battle.let_pass(0.05, 4)
        battle.kill_cdc()
    battle.take_up_all()
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
