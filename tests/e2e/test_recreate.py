"""A task is deleted and created again from the beginning, while its target still has the rows of the first one."""

from __future__ import annotations

import threading

from pymilvus import DataType

from rows_for import plain
from world import World


def again(world: World, task: str) -> str:
    """The task, deleted and created anew at the source's first row."""
    world.cdc.client.delete(task)
    return world.start_task()


def test_what_the_target_has_is_not_doubled(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(40)))
    task = world.start_task()
    world.expect_equal("c")
    world.client.insert("c", plain(range(40, 60)))
    world.client.upsert("c", plain(range(5), version=1))
    world.client.delete("c", ids=[7, 8, 41])
    task = again(world, task)
    world.client.insert("c", plain(range(60, 80)))
    assert world.expect_equal("c").target_rows == 77, "count(*) shows what was written twice"
    rows = world.cdc.client.get(task)["rows"]
    assert rows["inserted"] + rows["upserted"] == 85, "each row of the queue went once"


def test_later_inserts_are_plain_ones_again(milvus_world: World) -> None:
    world = milvus_world
    world.make_collection("c")
    world.client.insert("c", plain(range(10)))
    task = world.start_task()
    world.expect_equal("c")
    task = again(world, task)
    world.expect_equal("c")
    # The source's clock has to pass what it had reserved when the task began.
    key = 10
    while world.cdc.client.get(task)["rows"]["inserted"] == 0:
        world.client.insert("c", plain([key]))
        key += 1
        assert world.expect_equal("c").target_rows == key
    assert world.cdc.client.get(task)["rows"]["upserted"] < key


def test_generated_keys_and_partitions(world: World) -> None:
    world.make_collection("c", key=DataType.INT64, auto_id=True)
    world.client.create_partition("c", "p")
    task = world.start_task()
    for name in ("_default", "p"):
        world.client.insert("c", [{"vector": row["vector"], "n": row["id"]} for row in plain(range(30))], partition_name=name)
    world.expect_equal("c")
    again(world, task)
    assert world.expect_equal("c").target_rows == 60


def test_while_rows_arrive(own_world: World) -> None:
    """Several times in the middle of a stream: rows are under way when the task goes."""
    world = own_world
    world.make_collection("c", shards=2)
    task = world.start_task()
    client = world.connect()
    written = threading.Event()

    def write() -> None:
        for number in range(60):
            first = number * 100
            client.insert("c", plain(range(first, first + 100)))
            client.upsert("c", plain(range(first, first + 5), version=1))
            client.delete("c", ids=[first + 7, first + 9])
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written.wait(0.5):
            task = again(world, task)
    finally:
        writer.join()
    again(world, task)
    assert world.expect_equal("c").target_rows == 5880
