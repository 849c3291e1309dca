"""`stop_at`: a task replicates the rows up to a time of the source and pauses there."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab.cdc_client import CdcError
from lab.client import connect
from lab.waiting import NotYet, eventually
from rows_for import plain
from world import World

SECOND = 1000


def now_ms() -> int:
    return int(time.time() * 1000)


def pass_time(ms: int) -> None:
    """Source and test have the same clock."""
    eventually(lambda: now_ms() > ms, what="the source has passed the time")


def expect_end(world: World, task: str) -> dict[str, Any]:
    def ended() -> dict[str, Any]:
        shown = world.cdc.client.get(task)
        if shown["state"] != "Paused":
            raise NotYet(f"{shown['state']}, {shown['condition']}, {shown['channels']}")
        return shown

    shown = eventually(ended, what="the task has reached its end")
    assert shown["reason"].startswith("has reached its stop_at "), shown["reason"]
    assert shown["condition"]["state"] == "paused"
    assert all(entry["ts"] == shown["stop_at"] for entry in shown["checkpoint"]), shown
    return shown


def versions(world: World, collection: str) -> dict[int, int]:
    """What the target has, by key."""
    client = connect(world.target.uri, world.database)
    try:
        found = client.query(collection, filter="id >= 0", output_fields=["version"], consistency_level="Strong")
        return {row["id"]: row["version"] for row in found}
    finally:
        client.close()


def write_before(world: World, collection: str) -> dict[int, int]:
    world.client.insert(collection, plain(range(300)))
    world.client.upsert(collection, plain(range(0, 50), version=1))
    world.client.delete(collection, ids=list(range(50, 60)))
    return {key: int(key < 50) for key in range(300) if not 50 <= key < 60}


def write_after(world: World, collection: str) -> None:
    world.client.insert(collection, plain(range(1000, 1100)))
    world.client.upsert(collection, plain(range(100, 150), version=2))
    world.client.delete(collection, ids=list(range(200, 250)))


def test_a_time_in_the_past(own_world: World) -> None:
    """What was written later is left out; going on without the end brings it, once."""
    world = own_world
    world.make_collection("c", shards=2)
    world.make_collection("empty")
    before = write_before(world, "c")
    end = now_ms() + SECOND
    pass_time(end + SECOND)
    write_after(world, "c")
    world.make_collection("late")
    world.client.insert("late", plain(range(10)))
    world.client.create_partition("c", "late")
    task = world.start_task(start_from="earliest", stop_at=end)
    shown = expect_end(world, task)
    assert shown["stop_at"] == end << 18
    assert versions(world, "c") == before
    assert versions(world, "empty") == {}
    target = connect(world.target.uri, world.database)
    assert sorted(target.list_collections()) == ["c", "empty"]
    assert not target.has_partition("c", "late")
    target.close()

    with pytest.raises(CdcError, match="resume it with stop_at 0"):
        world.cdc.client.resume(task)
    with pytest.raises(CdcError, match="not later than the present of the source"):
        world.cdc.client.call("resume", {"task_id": task, "stop_at": end})
    world.cdc.client.call("resume", {"task_id": task, "stop_at": 0})
    world.expect_equal("c")
    world.expect_equal("late")


def test_a_time_to_come(own_world: World) -> None:
    """The task follows up to it, over a kill -9; what is dropped later stays until it goes on."""
    world = own_world
    for name in ("c", "dropped", "dropped_before"):
        world.make_collection(name, shards=2)
    end = now_ms() + 30 * SECOND
    task = world.start_task(start_from="earliest", stop_at=end)
    world.client.insert("dropped", plain(range(20)))
    before = write_before(world, "c")
    world.expect_equal("dropped_before")
    world.cdc.kill()
    world.client.drop_collection("dropped_before")
    world.client.insert("c", plain(range(400, 450)))
    before |= {key: 0 for key in range(400, 450)}
    world.cdc.restart()
    assert now_ms() < end - 5 * SECOND, "the machine is too slow for this test"
    pass_time(end + SECOND)
    write_after(world, "c")
    world.client.drop_collection("dropped")
    world.make_collection("late")
    expect_end(world, task)
    assert versions(world, "c") == before
    assert sorted(versions(world, "dropped")) == list(range(20))
    target = connect(world.target.uri, world.database)
    assert sorted(target.list_collections()) == ["c", "dropped"]
    world.cdc.stop()
    world.cdc.restart()
    assert world.cdc.client.state(task) == "Paused"

    world.cdc.client.call("resume", {"task_id": task, "stop_at": 0})
    world.expect_equal("c")
    eventually(lambda: sorted(target.list_collections()) == ["c", "late"], what="it has gone on")
    target.close()


def test_an_end_before_the_beginning_is_refused(world: World) -> None:
    before = now_ms() - SECOND
    world.make_collection("c")
    with pytest.raises(CdcError, match="no collection that the task covers existed"):
        world.start_task(start_from="earliest", stop_at=before)
    end = now_ms()
    pass_time(end + SECOND)
    with pytest.raises(CdcError, match="not later than where collection .* begins"):
        world.start_task(start_from="latest", stop_at=end)
