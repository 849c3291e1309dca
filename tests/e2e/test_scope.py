"""What a task covers: globs in names, exclusions, tasks that share a target, and a task that covers nothing yet."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.catalog import read_collections, read_databases
from lab.cdc_client import CdcError
from lab.paths import CDC_BINARY
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import World

Databases = Callable[[World, str], World]


@pytest.fixture
def database() -> Iterator[Databases]:
    """Makes databases whose names begin with that of the test's own."""
    made: list[World] = []

    def make(world: World, suffix: str) -> World:
        made.append(World(world.source, world.target, world.cdc, database=world.database + suffix))
        return made[-1]

    yield make
    for each in made:
        each.close()


def fill(world: World, *collections: str) -> None:
    for name in collections:
        world.make_collection(name)
        world.client.insert(name, plain(range(20)))


def condition(world: World, task: str) -> dict[str, Any]:
    return world.cdc.client.get(task)["condition"]


def covers(world: World, task: str) -> list[str]:
    return sorted(world.cdc.client.get(task)["covers"])


def test_globs_cover_what_is_there_and_what_comes(world: World, database: Databases) -> None:
    eu, us, other = database(world, "_eu"), database(world, "_us"), database(world, "x_eu")
    fill(eu, "orders_1", "orders_12", "goods_x", "goods")
    fill(other, "orders_1")
    names = [{"name": "orders_?"}, {"name": "*_x"}]
    task = world.start_task(db_collections={f"{world.database}_*": names})
    fill(eu, "orders_2", "Orders_3", "a_x")
    fill(us, "orders_5", "order_5")
    for name in ("orders_1", "goods_x", "orders_2", "a_x"):
        assert eu.expect_equal(name).target_rows == 20
    assert us.expect_equal("orders_5").target_rows == 20
    eu.expect_collections("a_x", "goods_x", "orders_1", "orders_2")
    us.expect_collections("orders_5")
    assert other.database not in read_databases(world.target_end)
    found = world.cdc.client.get(task)
    assert found["condition"]["state"] == "ok"
    assert found["db_collections"][f"{world.database}_*"][0]["name"] == "orders_?"
    assert f"{eu.database}.a_x" in found["covers"]


def test_what_is_excluded_is_left_out(lite_world: World, database: Databases) -> None:
    scratch = database(lite_world, "_scratch")
    fill(lite_world, "a", "tmp_a")
    fill(scratch, "a")
    task = lite_world.start_task(
        db_collections={f"{lite_world.database}*": [{"name": "*"}]},
        exclude=[f"{scratch.database}.*", f"{lite_world.database}.tmp_?"],
    )
    fill(lite_world, "b", "tmp_b", "tmp_cc")
    for name in ("a", "b", "tmp_cc"):
        assert lite_world.expect_equal(name).target_rows == 20
    lite_world.expect_collections("a", "b", "tmp_cc")
    assert scratch.database not in read_databases(lite_world.target_end)
    assert lite_world.cdc.client.get(task)["exclude"] == [f"{scratch.database}.*", f"{lite_world.database}.tmp_?"]

    # Nobody replicates what the user has excluded, so another task may.
    second = lite_world.start_task(db_collections={lite_world.database: [{"name": "tmp_*"}]})
    assert lite_world.expect_equal("tmp_b").target_rows == 20
    left = f"{lite_world.database}.tmp_* except {lite_world.database}.tmp_?"
    assert lite_world.cdc.client.get(second)["exclude_collections"] == [left]
    assert covers(lite_world, second) == [f"{lite_world.database}.{name}" for name in ("tmp_a", "tmp_b")]
    assert f"{lite_world.database}.tmp_cc" in covers(lite_world, task)


def test_tasks_that_overlap_share_the_names(lite_world: World) -> None:
    world = lite_world
    fill(world, "a_1", "b_1")
    first = world.start_task(db_collections={world.database: [{"name": "a_*"}]})
    second = world.start_task(db_collections={world.database: [{"name": "*_?"}]})
    fill(world, "a_2", "b_2", "c")
    for name in ("a_1", "a_2", "b_1", "b_2"):
        found = world.expect_equal(name)
        assert (found.target_rows, world.target_count(name)) == (20, 20)
    world.expect_collections("a_1", "a_2", "b_1", "b_2")
    assert covers(world, first) == [f"{world.database}.a_1", f"{world.database}.a_2"]
    assert covers(world, second) == [f"{world.database}.b_1", f"{world.database}.b_2"]
    with pytest.raises(CdcError, match=rf"duplicate with existing task, \[{world.database}\.a_\?\]"):
        world.start_task(db_collections={world.database: [{"name": "a_?"}]})

    # The store keeps what was left to whom.
    world.cdc.stop()
    world.cdc.start()
    world.cdc.wait_ready()
    fill(world, "a_3")
    assert world.expect_equal("a_3").target_rows == 20
    assert covers(world, first) == [f"{world.database}.{name}" for name in ("a_1", "a_2", "a_3")]


def test_a_task_that_covers_nothing_says_so(lite_world: World) -> None:
    world = lite_world
    fill(world, "a")
    task = world.start_task(db_collections={world.database: [{"name": "b_*"}, {"name": "A"}]})
    found = world.expect_condition(task, "waiting")
    assert found["idle"] is True
    assert f'no collection of the source matches "{world.database}.A", "{world.database}.b_*" yet' in found["reason"]
    assert condition(world, task)["since"] == found["since"]

    command = [str(CDC_BINARY), "task", "drain", task, "--server", f"http://{world.cdc.client.address}"]
    drained = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert drained.returncode == 0, drained.stderr
    assert "there was nothing to drain: scope: no collection of the source matches" in drained.stderr
    world.cdc.client.call("resume", {"task_id": task})

    world.expect_condition(task, "waiting")
    fill(world, "b_1")
    assert world.expect_equal("b_1").target_rows == 20
    assert "idle" not in world.expect_condition(task, "ok")
    world.client.drop_collection("b_1")
    world.expect_condition(task, "waiting")
    assert read_collections(world.target_end, world.database) == []


@pytest.mark.parametrize("name", ["{a,b}", "a,b", "[ab]", " a", "a b", "1a", "a%"])
def test_a_name_that_no_collection_has_is_refused(lite_world: World, name: str) -> None:
    """The source refuses them too, but for blanks around a name."""
    with pytest.raises(CdcError, match=r"the collection name \["):
        lite_world.start_task(db_collections={lite_world.database: [{"name": name}]})
    assert lite_world.cdc.client.list() == []


def test_a_name_with_a_blank_is_found_by_a_glob(lite_world: World) -> None:
    """Milvus 2.3.5 takes blanks off to check a name, but not off the name."""
    fill(lite_world, " a")
    lite_world.start_task(
        db_collections={lite_world.database: [{"name": "?a"}]},
        name_mapping=[
            {
                "source_db": lite_world.database,
                "target_db": lite_world.database,
                "collection_mapping": {" a": "without_blank"},
            }
        ],
    )
    lite_world.expect_collections("without_blank")
    eventually(lambda: expect_count(lite_world, "without_blank", 20), PATIENCE, 0.2, "the rows are there")


def expect_count(world: World, collection: str, count: int) -> None:
    found = world.target_count(collection)
    if found != count:
        raise NotYet(f"{found} rows")
