"""The CDC server dies, by kill -9, at random moments and at each point that matters. Nothing is lost, doubled or
resurrected.

    CHAOS_KILLS=300 CHAOS_SINK=api CHAOS_QUEUE=rocksmq .cache/venv/bin/python -m pytest tests/chaos -s -k random_kills

CHAOS_SEED=17 makes other moments and other operations.
"""

from __future__ import annotations

import os

import pytest

from battle import Battle, on
from model import operations as op

KILLS = int(os.environ.get("CHAOS_KILLS", "15"))
# How often each fault point is passed, each time for another n-th time.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))


@on("rocksmq-api", "rocksmq-replicate")
@pytest.mark.timeout(600 + 20 * KILLS)
def test_random_kills(battle: Battle) -> None:
    battle.kill_at_random(KILLS)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)


# With the highest number of the pass: each is passed so often within seconds.
_POINTS = {
    "before_send": 30,
    "after_send": 30,
    "before_ack": 30,
    "after_ack": 30,
    "before_checkpoint": 4,
    "in_checkpoint": 4,
    "after_checkpoint": 4,
}


@on("kafka-api", "rocksmq-replicate")
@pytest.mark.timeout(600)
def test_fault_points_of_rows(battle: Battle) -> None:
    for _ in range(ROUNDS):
        for point, most in _POINTS.items():
            battle.arm(point, battle.random.randint(1, most))
            battle.expect_death(point)
    battle.restart()
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)


_SHAPE = op.Shape(shards=2)


def _insert(where: tuple[str, str], partition: str, first: int) -> op.Insert:
    return op.Insert(*where, partition, tuple(range(first, first + 50)), first, _SHAPE)


def _life(database: str) -> list[tuple[str, list[op.Operation]]]:
    """The life of a collection: kinds of steps on the target, and what is done on the source to have them."""
    c, d = (database, "c"), (database, "d")
    return [
        ("CreateDatabase", [op.CreateDatabase(database)]),
        ("CreateCollection", [op.CreateCollection(*c, _SHAPE), _insert(c, "", 0)]),
        ("CreatePartition", [op.CreatePartition(*c, "p"), _insert(c, "p", 100)]),
        ("SetAlias", [op.CreateAlias(*c, "a")]),
        ("CreateIndex", [op.CreateIndex(*c, "by_vector", "FLAT", "L2")]),
        ("LoadCollection", [op.Load(*c), _insert(c, "", 200)]),
        ("DropAlias", [op.DropAlias(database, "a")]),
        ("RenameCollection", [op.RenameCollection(*c, "d"), _insert(d, "p", 300)]),
        ("Flush", [op.Flush(*d)]),
        ("ReleaseCollection", [op.Release(*d)]),
        ("AlterCollection", [op.SetTimeToLive(*d, 10_000_000)]),
        ("LoadPartitions", [op.LoadPartitions(*d, (op.DEFAULT_PARTITION, "p"))]),
        ("ReleasePartitions", [op.ReleasePartitions(*d, ("p",))]),
        ("DropPartition", [op.DropPartition(*d, "p"), _insert(d, "", 400)]),
        ("DropIndex", [op.Release(*d), op.DropIndex(*d, "by_vector")]),
        ("DropCollection", [op.DropCollection(*d)]),
        ("DropDatabase", [op.DropDatabase(database)]),
    ]


@on("rocksmq-api", "rocksmq-replicate")
@pytest.mark.timeout(900)
def test_fault_points_of_the_catalog(battle: Battle) -> None:
    """The server dies right before each kind of step, and, having begun it again, right after it."""
    for kind, operations in _life(battle.other_database):
        points = [f"before_ddl.{kind}", f"after_ddl.{kind}"]
        if kind in ("CreateCollection", "RenameCollection"):
            # What is noted of it comes first.
            points.insert(0, "after_put_collection")
        if kind in ("DropCollection", "DropPartition") and battle.sink.is_standby:
            # Its queues are told of it first.
            points.insert(1, "drop_told")
        battle.arm(points[0])
        for operation in operations:
            battle.ledger.do(operation)
        battle.expect_death(points[0])
        for point in points[1:]:
            battle.arm(point)
            battle.expect_death(point)
    battle.restart()
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
