"""Copies into a collection that the target has already: in the end it has the source's rows and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pymilvus import CollectionSchema, DataType, MilvusClient

from lab.client import connect
from lab.rows import MilvusError
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import Row, plain, with_text_keys
from test_start_from_snapshot import expect_copied, flush
from world import World


def replicate_and_leave(world: World, *collections: str) -> None:
    """The target gets what the source has, from a task that is deleted then."""
    task = world.start_task(start_from="earliest")
    for name in collections:
        world.expect_equal(name)
    world.cdc.client.delete(task)


@contextmanager
def target_client(world: World) -> Iterator[MilvusClient]:
    client = connect(world.target.uri, world.database)
    try:
        yield client
    finally:
        client.close()


def copy(world: World, *collections: str) -> str:
    for name in collections:
        flush(world, name)
    task = world.start_task(start_from="snapshot")
    expect_copied(world, task)
    return task


def damage(world: World, first: int, partition: str, make: Callable[..., list[Row]] = plain) -> None:
    """On the target, as the keys are in the partition: 100 are removed, 100 changed, and 50 added."""
    with target_client(world) as target:
        target.delete("c", ids=list(range(first + 100, first + 200)), partition_name=partition)
        target.upsert("c", make(range(first + 300, first + 400), version=7), partition_name=partition)
        target.insert("c", make(range(first + 10_000, first + 10_050), version=7), partition_name=partition)


def damages(first: int, partition: str, left: Callable[[int], bool] = lambda key: True) -> list[str]:
    """What is still different in the partition if keys are left as they are."""
    found = []
    for what, start, number in (
        ("missing on the target", first + 100, 100),
        ("only on the target", first + 10_000, 50),
        ("different", first + 300, 100),
    ):
        keys = [key for key in range(start, start + number) if what == "only on the target" or left(key)]
        found.append(f"rows of partition {partition}: {len(keys)} {what}, e.g. {keys[:5]}")
    return found


def copy_again(world: World, task: str, **fields: object) -> dict:
    """What is shown of the copy when it is done."""
    world.cdc.client.call("snapshot", {"task_id": task, "collections": [f"{world.database}.c"], **fields})
    return expect_copied(world, task)[0]


def refusal(world: World, task: str, **fields: object) -> str:
    answer = world.cdc.client.answer("snapshot", {"task_id": task, "collections": [f"{world.database}.c"], **fields})
    assert answer["code"] == 400, answer
    return str(answer["message"])


def expect_differences(world: World, expected: list[str]) -> None:
    def found() -> None:
        differences = world.compare("c", counts=False).differences
        if differences != expected:
            raise NotYet(f"{differences} instead of {expected}")

    eventually(found, PATIENCE, 0.25, "what was not copied is as it was")


def test_one_partition_of_a_running_task(milvus_world: World) -> None:
    world = milvus_world
    world.make_collection("c", shards=2)
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(1_000)))
    world.client.insert("c", plain(range(1_000, 3_000)), partition_name="p")
    task = world.start_task(start_from="earliest")
    world.expect_equal("c")
    flush(world, "c")
    world.client.upsert("c", plain(range(500, 550), version=1))
    world.client.delete("c", ids=list(range(1_500, 1_550)), partition_name="p")
    world.expect_equal("c")  # it is further than what is stored
    damage(world, 0, "_default")
    damage(world, 1_000, "p")
    assert "no partition nope; it has _default, p" in refusal(world, task, partitions=["p", "nope"])
    shown = copy_again(world, task, partitions=["p"])
    assert shown["partitions"] == ["p"] and shown["filter"] == ""
    expect_differences(world, damages(0, "_default"))
    world.client.upsert("c", plain(range(600, 650), version=1))
    world.client.insert("c", plain(range(1_500, 1_520), version=2), partition_name="p")
    expect_differences(world, damages(0, "_default"))
    assert copy_again(world, task)["partitions"] == []
    assert world.expect_equal("c").target_rows == 3_000 - 30


def test_what_the_source_has_deleted_changed_and_moved(world: World) -> None:
    world.make_collection("c", shards=2)
    for name in ("p", "q", "gone"):
        world.client.create_partition("c", name)
    world.client.insert("c", plain(range(3_000)))
    world.client.insert("c", plain(range(3_000, 5_000)), partition_name="p")
    world.client.insert("c", plain(range(5_000, 6_000)), partition_name="q")
    world.client.insert("c", plain(range(6_000, 6_100)), partition_name="gone")
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(0, 3_000, 3)))
    world.client.delete("c", ids=list(range(3_000, 3_500)))
    world.client.upsert("c", plain(range(1, 3_000, 3), version=1))
    world.client.insert("c", plain(range(3_000, 3_200), version=2), partition_name="q")
    world.client.insert("c", plain(range(7_000, 7_050)), partition_name="p")
    world.client.release_partitions("c", ["gone"])
    world.client.drop_partition("c", "gone")
    task = copy(world, "c")
    assert world.expect_equal("c").target_rows == 2_000 + 1_500 + 1_200 + 50
    world.client.delete("c", ids=list(range(4_000, 4_100)))
    world.client.insert("c", plain(range(0, 90, 3), version=3))
    assert world.expect_equal("c").target_rows == 4_750 - 70
    assert world.cdc.client.get(task)["state"] == "Running"


def test_rows_and_partitions_of_somebody_else(world: World) -> None:
    world.make_collection("c")
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(2_000)))
    world.client.insert("c", plain(range(2_000, 3_000)), partition_name="p")
    replicate_and_leave(world, "c")
    with target_client(world) as target:
        target.create_partition("c", "theirs")
        target.insert("c", plain(range(-500, 0), version=7))
        target.insert("c", plain(range(10_000, 10_500), version=7), partition_name="theirs")
        target.upsert("c", plain(range(1_000), version=7), partition_name="p")
        target.upsert("c", plain(range(2_500, 3_500), version=7))
    copy(world, "c")
    assert world.expect_equal("c").target_rows == 3_000


def test_text_keys(world: World) -> None:
    world.make_collection("c", key=DataType.VARCHAR, shards=2)
    world.client.insert("c", with_text_keys(range(4_000)))
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=[row["id"] for row in with_text_keys(range(0, 4_000, 2))])
    world.client.upsert("c", with_text_keys(range(1, 1_000, 2), version=1))
    with target_client(world) as target:
        target.upsert("c", with_text_keys(range(3_000, 5_000), version=7))
    copy(world, "c")
    assert world.expect_equal("c").target_rows == 2_000


def test_generated_keys(world: World) -> None:
    world.make_collection("c", auto_id=True)
    rows = [{"vector": row["vector"], "n": row["id"]} for row in plain(range(1_000))]
    first = world.client.insert("c", rows)["ids"]
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(first)[:300])
    world.client.insert("c", rows[:50])
    copy(world, "c")
    assert world.expect_equal("c").target_rows == 750


def test_a_partition_key(world: World) -> None:
    def add_tenant(schema: CollectionSchema) -> None:
        schema.add_field("tenant", DataType.INT64, is_partition_key=True)

    world.make_collection("c", fields=add_tenant, num_partitions=4)
    rows = [{**row, "tenant": row["id"] % 7} for row in plain(range(2_000))]
    world.client.insert("c", rows)
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(0, 2_000, 4)))
    with target_client(world) as target:
        target.upsert("c", [{**row, "tenant": row["id"] % 5} for row in plain(range(1_500, 2_500), version=7)])
    copy(world, "c")
    assert world.expect_equal("c").target_rows == 1_500


def test_more_keys_than_one_page(milvus_world: World) -> None:
    """The target holds some of the surplus keys several times: its pages are not complete then."""
    world = milvus_world
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(5_000), dim=8))
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(0, 5_000, 2)))
    with target_client(world) as target:
        for first in range(5_000, 65_000, 10_000):
            target.insert("c", plain(range(first, first + 10_000), version=7))
        target.insert("c", plain(range(5_000, 25_000, 3), version=8))
        target.insert("c", plain(range(5_000, 25_000, 4), version=9))
    task = copy(world, "c")
    assert world.expect_equal("c").target_rows == 2_500
    assert world.cdc.client.get(task)["rows"]["deleted"] >= 60_000


def test_an_empty_source_empties_the_target(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(500)))
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(500)))
    copy(world, "c")
    assert world.expect_equal("c").target_rows == 0


def test_one_that_is_not_loaded_is_created_anew(world: World) -> None:
    world.make_collection("c")
    world.client.insert("c", plain(range(2_000)))
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(200)))
    with target_client(world) as target:
        target.upsert("c", plain(range(5_000, 5_200)))
        target.release_collection("c")
    task = copy(world, "c")
    assert world.expect_equal("c").target_rows == 1_800
    assert world.cdc.client.get(task)["rows"]["upserted"] == 0, "it was empty"


def test_it_stays_loaded_until_it_has_been_read(world: World) -> None:
    """The source is not loaded, so in the end the target is not either; but it cannot be read before."""
    world.make_collection("c", load=False)
    world.make_index("c")
    world.client.insert("c", plain(range(1_000)))
    flush(world, "c")
    first = world.start_task(start_from="earliest")
    world.expect_target("c", lambda found: bool(found.indexes), "the collection is there")
    eventually(lambda: _lag_is_small(world, first), what="the rows are there")
    world.cdc.client.delete(first)
    with target_client(world) as target:
        target.load_collection("c")
        target.upsert("c", plain(range(900, 1_500), version=7))
    world.client.delete("c", ids=list(range(100)))
    copy(world, "c")
    world.expect_target("c", lambda found: found.loaded == "released", "it is released, as on the source")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 900


def _lag_is_small(world: World, task: str) -> None:
    shown = world.cdc.client.get(task)
    if shown["rows"]["inserted"] + shown["rows"]["upserted"] < 1_000:
        raise NotYet(str(shown["rows"]))


def test_the_rest_of_one_that_is_partly_loaded_is_loaded(milvus_world: World) -> None:
    """Its keys must be read; afterwards it is loaded as on the source."""
    world = milvus_world
    world.make_collection("c")
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(1_000)))
    world.client.insert("c", plain(range(1_000, 2_000)), partition_name="p")
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(900, 1_100)))
    flush(world, "c")
    with target_client(world) as target:
        target.release_partitions("c", ["p"])
    task = world.start_task(start_from="snapshot")
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 1_800


@pytest.mark.parametrize(
    "point",
    ["during_surplus_removal:1", "during_surplus_removal:2", "before_snapshot_done:1", "after_snapshot_segment:1", "before_ack:3"],
)
def test_a_crash(own_milvus_world: World, point: str) -> None:
    world = own_milvus_world
    world.make_collection("c", shards=2)
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(3_000)))
    world.client.insert("c", plain(range(3_000, 6_000)), partition_name="p")
    replicate_and_leave(world, "c")
    world.client.delete("c", ids=list(range(1_000, 5_000)))
    world.client.insert("c", plain(range(1_000, 1_500), version=1), partition_name="p")
    flush(world, "c")
    task = crash(world, point)
    world.client.upsert("c", plain(range(50, 150), version=2))
    world.cdc.restart()
    expect_copied(world, task)
    world.client.delete("c", ids=list(range(150, 200)))
    assert world.expect_equal("c").target_rows == 2_500 - 50


def test_a_crash_between_the_drop_and_the_creation(own_milvus_world: World) -> None:
    world = own_milvus_world
    world.make_collection("c")
    world.client.insert("c", plain(range(1_000)))
    replicate_and_leave(world, "c")
    with target_client(world) as target:
        target.upsert("c", plain(range(5_000, 5_200)))
        target.release_collection("c")
    flush(world, "c")
    task = crash(world, "after_drop_unreadable:1")
    with pytest.raises(MilvusError):
        world.target_count("c")
    world.cdc.restart()
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 1_000


def crash(world: World, point: str) -> str:
    """Starts a copy that ends there by kill -9; the next start of the server is an ordinary one."""
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": point}})
    world.cdc.restart()
    task = world.start_task(start_from="snapshot")

    def dead() -> None:
        if world.cdc.process.is_running():
            raise NotYet("it still runs")

    eventually(dead, PATIENCE, 0.1, f"the server has killed itself at {point}")
    world.cdc.configure({})
    return task
