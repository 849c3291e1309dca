"""The CDC server dies, by kill -9, at random moments, while the source's queue is Pulsar.

A file of its own, so that it is played beside the others.

    CHAOS_KILLS=300 .cache/venv/bin/python -m pytest tests/chaos/test_pulsar_kills.py -s
"""

from __future__ import annotations

import os

import pytest

from battle import Battle, on

KILLS = int(os.environ.get("CHAOS_KILLS", "60"))


@on("pulsar-api")
@pytest.mark.timeout(600 + 20 * KILLS)
def test_kills_with_pulsar(battle: Battle) -> None:
    battle.kill_at_random(KILLS)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
