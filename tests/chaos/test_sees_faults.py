"""The fault suite can see a fault: without its doubt window, the server doubles what it has sent and not noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from battle import Battle, on


@on("rocksmq-api", "rocksmq-replicate")
@pytest.mark.timeout(300)
def test_doubled_rows_are_seen(new_battle: Callable[..., Battle]) -> None:
    battle = new_battle(settings={"testing": {"forgetDoubts": True}})
    battle.begin()
    # Rows are on the target each time, and no checkpoint says so.
    for point in ("before_ack", "after_ack", "before_checkpoint"):
        battle.arm(point, 3)
        battle.expect_death(point)
    battle.restart()
    verdict = battle.end()
    assert verdict.doubled > 0, str(verdict)
    assert (verdict.resurrected, verdict.unfaithful) == (0, 0), str(verdict)
