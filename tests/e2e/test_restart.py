"""The CDC server ends, by SIGTERM or kill -9, and starts again."""

from __future__ import annotations

import threading

from rows_for import plain
from world import World


def test_goes_on_after_a_clean_stop(own_world: World) -> None:
    world = own_world
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(1000)))
    world.expect_equal("c")
    for round_ in range(1, 4):
        world.cdc.stop()
        world.client.insert("c", plain(range(round_ * 1000, round_ * 1000 + 500)))
        world.client.upsert("c", plain(range(0, 200), version=round_))
        world.client.delete("c", ids=list(range(200 + round_ * 10, 210 + round_ * 10)))
        world.cdc.restart()
        assert world.cdc.client.state(task) == "Running"
        # count(*) would show a row that was written twice.
        world.expect_equal("c")


def test_stop_in_the_middle_of_a_stream(own_world: World) -> None:
    """Neither lost nor doubled: nothing is asked to be quiet when the server stops."""
    world = own_world
    world.start_task()
    world.make_collection("c", shards=2)
    client = world.connect()
    stopped = threading.Event()

    def write() -> None:
        for number in range(60):
            client.insert("c", plain(range(number * 200, number * 200 + 200)))
        stopped.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not stopped.wait(0.5):
            world.cdc.stop()
            world.cdc.restart()
    finally:
        writer.join()
    assert world.expect_equal("c").target_rows == 12000


def test_stops_again_before_it_has_caught_up(own_world: World) -> None:
    """What the first run has written above its checkpoint, the third must know, though the second never came so far."""
    world = own_world
    world.start_task()
    world.make_collection("c", shards=2)
    client = world.connect()
    written = threading.Event()

    def write() -> None:
        # Many small requests within a tick, some of which must wait for others.
        for number in range(400):
            first = number * 10
            client.insert("c", plain(range(first, first + 10)))
            client.upsert("c", plain(range(first, first + 5), version=1))
            client.delete("c", ids=[first, first + 9])
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written.is_set():
            world.cdc.stop()
            world.cdc.restart()
    finally:
        writer.join()
    # count(*) would show a row that was written twice.
    assert world.expect_equal("c").target_rows == 3200


def test_what_happened_to_the_catalog_meanwhile(own_world: World) -> None:
    world = own_world
    world.start_task()
    for name in ("dropped", "changed"):
        world.make_collection(name)
        world.client.insert(name, plain(range(50)))
        world.expect_equal(name)
    world.cdc.stop()
    world.client.drop_collection("dropped")
    world.client.create_partition("changed", "p")
    world.client.load_collection("changed")
    world.client.insert("changed", plain(range(50, 80)), partition_name="p")
    world.make_collection("new")
    world.client.insert("new", plain(range(30)))
    world.cdc.restart()
    world.expect_collections("changed", "new")
    assert world.expect_equal("changed").target_rows == 80
    assert world.expect_equal("new").target_rows == 30


def test_same_name_again_while_the_server_was_down(own_world: World) -> None:
    world = own_world
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(50)))
    world.expect_equal("c")
    world.cdc.stop()
    world.client.drop_collection("c")
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(20, 90), version=4))
    world.cdc.restart()
    assert world.expect_equal("c").target_rows == 70


def test_paused_stays_paused(own_world: World) -> None:
    world = own_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(50)))
    world.expect_equal("c")
    world.cdc.client.pause(task)
    world.cdc.stop()
    world.client.insert("c", plain(range(50, 100)))
    world.cdc.restart()
    assert world.cdc.client.state(task) == "Paused"
    assert world.target_count("c") == 50
    world.cdc.client.resume(task)
    assert world.expect_equal("c").target_rows == 100


def write_under_kills(world: World) -> None:
    """Begins a task and writes to the collection c, which has 60 * 180 rows in the end, while the CDC server is killed
    over and over."""
    world.start_task()
    world.make_collection("c", shards=2)
    client = world.connect()
    written = threading.Event()

    def write() -> None:
        for number in range(60):
            client.insert("c", plain(range(number * 200, number * 200 + 200)))
            client.delete("c", ids=list(range(number * 200, number * 200 + 20)))
            client.upsert("c", plain(range(number * 200 + 100, number * 200 + 120), version=1))
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written.wait(1.0):
            world.cdc.kill()
            world.cdc.restart()
    finally:
        writer.join()


def test_nothing_is_lost_by_kill(own_world: World) -> None:
    world = own_world
    write_under_kills(world)
    # Rows by key: none is missing, none that was deleted is there, none has an old value. Copies are not looked at.
    world.expect_equal("c", counts=False)
