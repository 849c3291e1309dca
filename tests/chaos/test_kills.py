"""The CDC server dies, by kill -9, at random moments and at each point that matters. Nothing is lost, doubled or
resurrected.

    CHAOS_KILLS=300 CHAOS_SINK=api CHAOS_QUEUE=rocksmq .cache/venv/bin/python -m pytest tests/chaos -s -k random_kills

CHAOS_SEED=17 makes other moments and other operations.
"""

from __future__ import annotations

import os

import pytest

from battle import Battle

KILLS = int(os.environ.get("CHAOS_KILLS", "15"))


@pytest.mark.timeout(600 + 20 * KILLS)
def test_random_kills(battle: Battle) -> None:
    for number in range(KILLS):
        battle.let_pass(0.3, 3)
        battle.kill_cdc()
        if KILLS > 50 and number % 10 == 9:
            print(f"{number + 1} kills, {battle.ledger.operations} operations", flush=True)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
