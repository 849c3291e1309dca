"""One collection that cannot be replicated leaves the others alone; copies of single collections while the task runs."""

from __future__ import annotations

import pytest
from pymilvus import DataType

from lab.client import connect
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from test_start_from_snapshot import Writer, expect_copied, flush
from world import World


def copy_again(world: World, task: str, collection: str) -> None:
    world.cdc.client.call("snapshot", {"task_id": task, "collections": [f"{world.database}.{collection}"]})


def on_target(world: World):  # noqa: ANN201
    return connect(world.target.uri, world.database)


def make_in_the_way(world: World, collection: str) -> None:
    """A collection of another schema on the target."""
    admin = connect(world.target.uri)
    if world.database not in admin.list_databases():
        admin.create_database(world.database)
    admin.close()
    there = on_target(world)
    schema = there.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=16)
    there.create_collection(collection, schema=schema)
    there.close()


def test_rows_of_its_time_aside_come_and_nothing_of_the_others_is_repeated(world: World) -> None:
    make_in_the_way(world, "c")
    task = world.start_task()
    world.make_collection("c")
    world.make_collection("d")
    world.client.insert("c", plain(range(100)))
    world.client.insert("d", plain(range(100)))
    world.expect_set_aside(task, "c", "vector")
    world.expect_equal("d")
    world.client.upsert("c", plain(range(50), version=1))
    world.client.delete("c", ids=list(range(90, 100)))
    world.client.upsert("d", plain(range(50), version=1))
    world.client.delete("d", ids=list(range(90, 100)))
    world.expect_equal("d")
    shown = world.cdc.client.get(task)
    assert shown["condition"]["state"] == "waiting" and "set aside" in shown["condition"]["reason"]
    written = sum(shown["rows"].values())
    on_target(world).drop_collection("c")
    world.retry(task, "c")
    assert world.expect_equal("c").target_rows == 90
    world.client.insert("c", plain(range(200, 220)))
    world.client.insert("d", plain(range(200, 220)))
    world.expect_equal("c")
    world.expect_equal("d")
    # Those of `d` came once.
    assert sum(world.cdc.client.get(task)["rows"].values()) < written + 300


def test_set_aside_by_hand_and_restarts(own_milvus_world: World) -> None:
    world = own_milvus_world
    world.make_collection("c", shards=2)
    world.make_collection("d", shards=2)
    task = world.start_task()
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    world.cdc.client.call("set_aside", {"task_id": task, "collections": [f"{world.database}.c"]})
    world.client.insert("c", plain(range(100, 200)))
    world.client.insert("d", plain(range(100)))
    world.expect_equal("d")
    world.expect_set_aside(task, "c", "by hand")
    assert world.target_count("c") == 100
    world.cdc.kill()
    world.cdc.restart()
    world.expect_set_aside(task, "c", "by hand")
    world.client.delete("c", ids=list(range(50)))
    world.retry(task, "c")
    world.cdc.kill()
    world.cdc.restart()
    assert world.expect_equal("c").target_rows == 150
    world.client.upsert("d", plain(range(50), version=1))
    world.expect_equal("d")


def test_a_collection_set_aside_and_dropped_is_dropped(world: World) -> None:
    world.make_collection("c")
    world.make_collection("d")
    task = world.start_task()
    world.client.insert("c", plain(range(10)))
    world.expect_equal("c")
    world.cdc.client.call("set_aside", {"task_id": task, "collections": [f"{world.database}.c"]})
    world.expect_set_aside(task, "c")
    world.client.drop_collection("c")
    world.expect_collections("d")


def test_bad_names(world: World) -> None:
    world.make_collection("c")
    task = world.start_task()
    for request in ("retry", "set_aside", "snapshot"):
        answer = world.cdc.client.answer(request, {"task_id": task, "collections": [f"{world.database}.nope"]})
        assert answer["code"] == 400 and "nope" in answer["message"], answer
        answer = world.cdc.client.answer(request, {"task_id": task})
        assert answer["code"] == 400 and "collections is empty" in answer["message"], answer
    answer = world.cdc.client.answer("retry", {"task_id": task, "collections": [f"{world.database}.c"]})
    assert answer["code"] == 400 and "not set aside" in answer["message"], answer
    world.expect_equal("c")
    selection = {"task_id": task, "collections": [f"{world.database}.c"], "partitions": ["_default"]}
    if world.target.is_lite:
        answer = world.cdc.client.answer("snapshot", selection)
        assert answer["code"] == 400 and "into a Milvus Lite" in answer["message"], answer
    world.expect_equal("c")


def test_a_copy_beside_a_running_task(world: World) -> None:
    """What somebody has damaged on the target is made good, while the other collection and the same one are written to."""
    world.make_collection("c", shards=2)
    world.make_collection("d", shards=2)
    world.client.insert("c", plain(range(5_000)))
    flush(world, "c")
    task = world.start_task(start_from="earliest")
    world.expect_equal("c")
    on_target(world).delete("c", ids=list(range(1_000, 2_000)))
    writers = [Writer(world.connect(), name, range(n * 300, n * 300 + 600)) for n, name in enumerate(("c", "d"))]
    with writers[0].running(), writers[1].running():
        writers[0].expect_rounds(2)
        copy_again(world, task, "c")
        writers[0].expect_rounds(2)
        expect_copied(world, task)
        writers[1].expect_rounds(2)
    world.expect_equal("c")
    world.expect_equal("d")


def test_renamed_into_the_scope_is_copied(world: World) -> None:
    world.make_collection("out")
    world.make_collection("in_it")
    world.client.insert("out", plain(range(3_000)))
    world.client.delete("out", ids=list(range(100)))
    flush(world, "out")
    task = world.start_task(db_collections={world.database: [{"name": "in_*"}]})
    world.client.insert("in_it", plain(range(10)))
    world.expect_equal("in_it")
    world.client.rename_collection("out", "in_too")
    assert world.expect_equal("in_too").target_rows == 2_900
    world.client.insert("in_too", plain(range(5_000, 5_100)))
    assert world.expect_equal("in_too").target_rows == 3_000
    assert world.cdc.client.get(task)["set_aside"] == []


@pytest.mark.parametrize("cancel", [False, True], ids=["done", "cancelled"])
def test_a_crash_of_a_copy_beside_a_running_task(own_milvus_world: World, cancel: bool) -> None:
    world = own_milvus_world
    world.make_collection("c", shards=2)
    for part in range(3):
        world.client.insert("c", plain(range(part * 4_000, part * 4_000 + 4_000)))
        flush(world, "c")
    task = world.start_task(start_from="earliest")
    world.expect_equal("c")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": "after_snapshot_segment:1"}})
    world.cdc.restart()
    copy_again(world, task, "c")
    eventually(lambda: _dead(world), PATIENCE, 0.1, "the server has killed itself at the point")
    world.cdc.configure({})
    world.client.delete("c", ids=list(range(500)))
    world.client.upsert("c", plain(range(500, 700), version=1))
    world.cdc.restart()
    if cancel:
        collections = [f"{world.database}.c"]
        answer = world.cdc.client.answer("snapshot", {"task_id": task, "collections": collections, "cancel": True})
        assert answer["code"] == 200 or "is not being copied" in answer["message"], answer
    assert world.expect_equal("c").target_rows == 11_500


def _dead(world: World) -> None:
    if world.cdc.process.is_running():
        raise NotYet("it runs")
