"""What a paused task covers is changed by a PATCH: its rows come, or stay away, as the answer says."""

from __future__ import annotations

from typing import Any

import requests

from lab.waiting import PATIENCE
from rows_for import plain
from world import World


def patch(world: World, task: str, body: dict[str, Any]) -> requests.Response:
    return requests.patch(f"http://{world.cdc.client.address}/api/v1/tasks/{task}", json=body, timeout=PATIENCE)


def covering(world: World, *collections: str) -> dict[str, Any]:
    return {"db_collections": {world.database: [{"name": name} for name in collections]}}


def changes_of(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {each["collection"].split(".")[1]: each["what"] for each in answer.json()["changes"]}


def test_collections_are_added_and_removed(own_world: World) -> None:
    """They share a channel, so it is read again for the one that is added; nothing of the other is doubled."""
    world = own_world
    for name in ("stays", "goes", "comes"):
        world.make_collection(name)
        world.client.insert(name, plain(range(300)))
        world.client.delete(name, ids=list(range(20)))
    task = world.start_task(**covering(world, "stays", "goes"))
    world.expect_equal("stays")
    kept = world.expect_equal("goes").target_rows
    running = patch(world, task, covering(world, "stays", "comes"))
    assert running.status_code == 409 and "pause it first" in running.json()["detail"]

    world.cdc.client.pause(task)
    world.expect_state(task, "Paused")
    for name in ("stays", "goes", "comes"):
        world.client.insert(name, plain(range(1000, 1100)))
        world.client.upsert(name, plain(range(50, 80), version=1))
    mapping = {"source_db": world.database, "target_db": "elsewhere", "collection_mapping": {"stays": "moved"}}
    moved = patch(world, task, {"name_mapping": [mapping]})
    assert moved.status_code == 422 and "is on the target as" in moved.json()["detail"]
    assert changes_of(patch(world, task, covering(world, "stays", "comes"))) == {"goes": "removed", "comes": "added"}

    # What the answer promised is durable.
    world.cdc.kill()
    world.client.insert("comes", plain(range(2000, 2050)))
    world.cdc.restart()
    world.expect_state(task, "Paused")
    assert world.cdc.client.get(task)["db_collections"][world.database][1]["name"] == "comes"
    world.cdc.client.resume(task)
    world.client.insert("goes", plain(range(3000, 3050)))
    world.client.insert("stays", plain(range(3000, 3050)))
    assert world.expect_equal("comes").target_rows == 280 + 100 + 50
    assert world.expect_equal("stays").target_rows == 280 + 100 + 50
    world.expect_condition(task, "ok")
    assert world.target_count("goes") == kept

    # Covered again, it begins anew, into what the target has kept.
    world.cdc.client.pause(task)
    world.client.delete("goes", ids=[100, 101])
    assert changes_of(patch(world, task, covering(world, "stays", "comes", "goes"))) == {"goes": "added"}
    world.cdc.client.resume(task)
    for name in ("goes", "stays", "comes"):
        world.expect_equal(name)


def test_from_latest_only_new_rows_come(lite_world: World) -> None:
    world = lite_world
    for name in ("old", "new"):
        world.make_collection(name)
        world.client.insert(name, plain(range(100)))
    task = world.start_task(**covering(world, "old"))
    world.expect_equal("old")
    world.cdc.client.pause(task)
    added = patch(world, task, {**covering(world, "old", "new"), "start_from": "latest"})
    assert changes_of(added) == {"new": "added"} and "from latest" in added.json()["changes"][0]["rows"]
    world.client.insert("new", plain(range(500, 530)))
    world.client.insert("old", plain(range(500, 530)))
    world.cdc.client.resume(task)
    assert world.expect_equal("old").target_rows == 130
    world.expect_target("new", lambda collection: collection.loaded is not None, "the new one is there")
    world.expect_condition(task, "ok")
    assert world.target_count("new") == 30
