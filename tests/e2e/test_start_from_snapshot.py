"""start_from: snapshot. What the source has stored, and what comes meanwhile and later, is on the target exactly once."""

from __future__ import annotations

import pytest

from lab.flush import flush as flush_source
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import World
from writer import Writer


def flush(world: World, collection: str) -> None:
    flush_source(world.source_end, world.database, collection)


def _true(holds: bool) -> None:
    if not holds:
        raise NotYet("not yet")


def expect_copied(world: World, task: str) -> list[dict]:
    def copied() -> list[dict]:
        shown = world.cdc.client.get(task)
        assert shown["state"] == "Running", shown
        if not shown["snapshots"] or not all(each["done"] for each in shown["snapshots"]):
            raise NotYet(f"{shown['snapshots']} {shown['condition']}")
        return shown["snapshots"]

    return eventually(copied, PATIENCE, 0.1, "everything is copied")


def test_copies_what_is_stored_and_goes_on(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(5_000)))
    world.client.delete("c", ids=list(range(0, 5_000, 10)))
    world.client.upsert("c", plain(range(1, 500), version=1))
    flush(world, "c")
    world.client.insert("c", plain(range(5_000, 6_000)))
    world.client.delete("c", ids=list(range(11, 21)))
    task = world.start_task(start_from="snapshot")
    assert [each["collection"] for each in expect_copied(world, task)] == [f"{world.database}.c"]
    world.expect_equal("c")
    world.client.upsert("c", plain(range(0, 100), version=2))
    world.client.delete("c", ids=list(range(200, 300)))
    world.expect_equal("c")
    shown = world.cdc.client.get(task)
    assert shown["start_from"] == "snapshot"
    assert shown["snapshots"][0]["total_rows"] >= 5_000
    # Nothing was there before, so nothing had to be looked for: plain inserts are the cheap way.
    assert shown["rows"]["inserted"] >= 5_000


def test_a_source_that_is_not_loaded_is_copied(world: World) -> None:
    world.make_collection("c", load=False)
    world.client.insert("c", plain(range(2_000)))
    flush(world, "c")
    task = world.start_task(start_from="snapshot")
    assert expect_copied(world, task)[0]["rows"] == 2_000
    # Loaded only now, to be compared.
    world.make_index("c")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 2_000


def test_empty_collections_and_those_without_files(world: World) -> None:
    world.make_collection("empty", shards=2)
    world.make_collection("young", shards=2)
    world.client.insert("young", plain(range(500)))  # in the queue only
    task = world.start_task(start_from="snapshot")
    expect_copied(world, task)
    world.expect_equal("empty")
    assert world.expect_equal("young").target_rows == 500
    world.client.insert("empty", plain(range(100)))
    assert world.expect_equal("empty").target_rows == 100


def test_each_entry_may_begin_elsewhere(world: World) -> None:
    for name in ("copied", "whole", "fresh"):
        world.make_collection(name)
        world.client.insert(name, plain(range(300)))
        flush(world, name)
    task = world.start_task(
        start_from="earliest",
        db_collections={
            world.database: [
                {"name": "copied", "start_from": "snapshot"},
                {"name": "whole"},
                {"name": "fresh", "start_from": "latest"},
            ]
        },
    )
    assert [each["collection"] for each in expect_copied(world, task)] == [f"{world.database}.copied"]
    for name in ("copied", "whole", "fresh"):
        world.client.insert(name, plain(range(300, 320)))
    world.expect_equal("copied")
    world.expect_equal("whole")
    eventually(lambda: _true(world.target_count("fresh") == 20), what="only what came later is there")


def test_collections_dropped_and_created_meanwhile(world: World) -> None:
    for name in ("a", "b"):
        world.make_collection(name)
        world.client.insert(name, plain(range(1_000)))
        flush(world, name)
    task = world.start_task(start_from="snapshot")
    world.client.drop_collection("b")
    world.make_collection("d")
    world.client.insert("d", plain(range(500)))
    world.expect_equal("a")
    world.expect_equal("d")
    world.expect_collections("a", "d")
    expect_copied(world, task)


def test_partitions_dropped_and_a_rename_meanwhile(world: World) -> None:
    world.make_collection("c", shards=2)
    for name in ("kept", "gone"):
        world.client.create_partition("c", name)
        first = 0 if name == "kept" else 50_000
        world.client.insert("c", plain(range(first, first + 3_000)), partition_name=name)
    flush(world, "c")
    task = world.start_task(start_from="snapshot")
    world.client.release_partitions("c", ["gone"])
    world.client.drop_partition("c", "gone")
    world.client.rename_collection("c", "d")
    world.client.insert("d", plain(range(3_000, 3_200)), partition_name="kept")
    expect_copied(world, task)
    assert world.expect_equal("d").target_rows == 3_200
    world.expect_collections("d")


def test_a_pause_and_a_resume_in_the_middle(world: World) -> None:
    world.make_collection("c", shards=2)
    for first in range(0, 20_000, 5_000):
        world.client.insert("c", plain(range(first, first + 5_000)))
        flush(world, "c")
    task = world.start_task(start_from="snapshot")
    for _ in range(5):
        world.cdc.client.call("pause", {"task_id": task})
        world.cdc.client.call("resume", {"task_id": task})
    world.client.delete("c", ids=list(range(1_000)))
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 19_000


def test_clients_write_the_same_keys_during_the_copy(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(20_000)))
    flush(world, "c")
    writers = [Writer(world.connect(), "c", range(n * 300, n * 300 + 600)) for n in range(3)]
    with writers[0].running(), writers[1].running(), writers[2].running():
        writers[0].expect_rounds(3)
        task = world.start_task(start_from="snapshot")
        expect_copied(world, task)
        writers[0].expect_rounds(3)
    world.expect_equal("c")


@pytest.mark.parametrize(
    "point", ["after_snapshot_segment:1", "before_snapshot_done:1", "after_snapshot_done:1", "after_send:2", "before_ack:2"]
)
def test_a_crash_neither_loses_nor_doubles(own_world: World, point: str) -> None:
    world = own_world
    world.make_collection("c", shards=2)
    for part in range(3):
        world.client.insert("c", plain(range(part * 4_000, part * 4_000 + 4_000)))
        world.client.delete("c", ids=list(range(part * 4_000, part * 4_000 + 40)))
        flush(world, "c")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": point}})
    world.cdc.restart()
    task = world.start_task(start_from="snapshot")
    eventually(lambda: _true(not world.cdc.process.is_running()), what=f"the server has killed itself at {point}")
    world.cdc.configure({})
    world.client.upsert("c", plain(range(50, 150), version=1))
    world.cdc.restart()
    expect_copied(world, task)
    world.client.delete("c", ids=list(range(150, 200)))
    world.expect_equal("c")


def test_a_wrong_storage_is_refused_at_create(own_world: World) -> None:
    world = own_world
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    flush(world, "c")
    elsewhere = world.cdc.folder / "elsewhere"
    elsewhere.mkdir()
    source = world.cdc.configuration["sourceConfig"]
    for storage, words in (
        ({"type": "local", "path": str(elsewhere)}, "is this the storage of the source"),
        ({}, "sourceConfig.storage"),
    ):
        world.cdc.stop()
        world.cdc.configure({"sourceConfig": {**source, "storage": storage}})
        world.cdc.restart()
        with pytest.raises(Exception, match=words):
            world.start_task(start_from="snapshot")
    world.cdc.configure({})


@pytest.mark.parametrize("index", ["after", "before"])
def test_index_and_load_wait_for_the_copy(own_world: World, index: str) -> None:
    """The server's log tells the order."""
    world = own_world
    world.make_collection("c", shards=2)
    for part in range(3):
        world.client.insert("c", plain(range(part * 4_000, part * 4_000 + 4_000)))
        flush(world, "c")
    task = world.start_task(start_from="snapshot", snapshot={"index": index})
    assert world.cdc.client.get(task)["snapshot"]["index"] == index
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 12_000
    name = f"{world.database}.c"
    steps = ["rows copied; its log", f"create index by_vector on {name}", f"load collection {name}"]
    lines = [line for line in world.cdc.process.log_tail(10_000).splitlines() if any(step in line for step in steps)]
    if index == "before":
        steps = [steps[1], steps[0], steps[2]]
    if world.target.is_lite and index == "before":
        del steps[2]  # Milvus Lite loads a collection that gets an index
    found = [next((step for step in steps if step in line), "") for line in lines]
    assert found == steps, lines


def test_a_crash_after_the_copy_forgets_no_index(own_world: World) -> None:
    world = own_world
    world.make_collection("c")
    world.client.insert("c", plain(range(3_000)))
    flush(world, "c")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": "after_snapshot_done:1"}})
    world.cdc.restart()
    world.start_task(start_from="snapshot")
    eventually(lambda: _true(not world.cdc.process.is_running()), what="the server has killed itself")
    # Milvus Lite shows every collection without an index as loaded.
    loaded = "loaded" if world.target.is_lite else "released"
    world.expect_target("c", lambda found: not found.indexes and found.loaded == loaded, "neither index nor load")
    world.cdc.configure({})
    world.cdc.restart()
    assert world.expect_equal("c").target_rows == 3_000
