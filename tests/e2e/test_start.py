"""What a new task does with what exists already."""

from __future__ import annotations

from lab.waiting import eventually
from rows_for import plain
from world import World


def test_earliest_brings_what_exists(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(300)))
    world.client.insert("c", plain(range(1000, 1200)), partition_name="p")
    world.client.delete("c", ids=list(range(50)))
    world.client.upsert("c", plain(range(100, 150), version=1))
    world.client.load_collection("c")
    world.start_task(start_from="earliest")
    assert world.expect_equal("c").target_rows == 450
    world.client.insert("c", plain(range(2000, 2100)))
    assert world.expect_equal("c").target_rows == 550


def test_latest_brings_only_what_comes(world: World) -> None:
    world.make_collection("c")
    world.client.insert("c", plain(range(300)))
    world.start_task(start_from="latest")
    world.expect_collections("c")
    world.client.insert("c", plain(range(1000, 1100)))
    # A later collection shows that everything before it has arrived.
    world.make_collection("later")
    world.client.insert("later", plain(range(10)))
    assert world.expect_equal("later").target_rows == 10
    # The old rows are not there, the new ones are.
    world.expect_target("c", lambda c: c.loaded == "loaded", "the collection is loaded")
    def only_new_rows() -> bool:
        return world.target_count("c") == 100

    eventually(only_new_rows, what="exactly the 100 new rows are on the target")


def test_latest_brings_all_of_a_new_collection(world: World) -> None:
    world.start_task(start_from="latest")
    world.make_collection("c")
    world.client.insert("c", plain(range(200)))
    assert world.expect_equal("c").target_rows == 200


def test_a_collection_made_while_the_task_is_paused_keeps_its_rows(world: World) -> None:
    task = world.start_task(start_from="latest")
    world.cdc.client.pause(task)
    world.make_collection("c")
    world.client.insert("c", plain(range(200)))
    world.cdc.client.resume(task)
    assert world.expect_equal("c").target_rows == 200


def test_only_the_named_collections(lite_world: World) -> None:
    world = lite_world
    world.start_task(db_collections={world.database: [{"name": "wanted"}]})
    world.make_collection("unwanted", load=False)
    world.make_collection("wanted")
    world.client.insert("wanted", plain(range(50)))
    assert world.expect_equal("wanted").target_rows == 50
    world.expect_collections("wanted")
