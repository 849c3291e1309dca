"""A resume with positions: a paused task reads collections from other places than where it is."""

from __future__ import annotations

import base64

import pytest
from pymilvus.grpc_gen import msg_pb2

from lab.cdc_client import CdcError
from lab.client import connect
from lab.milvus import MilvusStandalone
from lab.waiting import eventually
from rows_for import plain
from test_positions import checkpoints, positions_of
from world import World


def resume(world: World, task: str, **fields: object) -> list[dict[str, str]]:
    return world.cdc.client.call("resume", {"task_id": task, **fields})["changes"]


def without_times(positions: dict[str, str]) -> dict[str, str]:
    texts = {}
    for vchannel, text in positions.items():
        place = msg_pb2.MsgPosition.FromString(base64.b64decode(text))
        place.timestamp = 0
        texts[vchannel] = base64.b64encode(place.SerializeToString()).decode()
    return texts


def delete_on_target(world: World, collection: str, ids: list[int]) -> None:
    target = connect(world.target.uri, world.database)
    target.delete(collection, ids=ids)
    target.close()


def test_rows_since_an_earlier_place_come_again(world: World) -> None:
    """Also if the server is killed right after it; of the other collection nothing is repeated."""
    for name in ("c", "other"):
        world.make_collection(name, shards=2)
    task = world.start_task(start_from="earliest")
    for name in ("c", "other"):
        world.client.insert(name, plain(range(200)))
        world.expect_equal(name)
    world.cdc.client.pause(task)
    place = positions_of(world, task, "c")
    world.cdc.client.resume(task)
    for name in ("c", "other"):
        world.client.insert(name, plain(range(1000, 1100)))
        world.client.upsert(name, plain(range(50), version=1))
        world.client.delete(name, ids=list(range(100, 120)))
        world.expect_equal(name)
    world.cdc.client.pause(task)
    for name in ("c", "other"):
        delete_on_target(world, name, list(range(1000, 1050)))
    wanted = {f"{world.database}.c": place}
    with pytest.raises(CdcError, match="needs force; .*are written again"):
        resume(world, task, positions=wanted)
    assert world.cdc.client.state(task) == "Paused"

    changes = resume(world, task, positions=wanted, force=True)
    world.cdc.kill()
    world.cdc.restart()
    assert [(each["collection"], each["what"]) for each in changes] == [(f"{world.database}.c", "moved")]
    assert world.expect_equal("c").target_rows == 280
    assert world.target_count("other") == 230, "what is not read again stays as it is"
    world.client.insert("other", plain(range(2000, 2010)))
    eventually(lambda: world.target_count("other") == 240, what="the other one goes on")


def test_a_later_place_leaves_rows_out(lite_world: World, source: MilvusStandalone) -> None:
    world = lite_world
    world.make_collection("c", shards=2)
    task = world.start_task(start_from="earliest")
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    world.cdc.client.pause(task)
    world.client.insert("c", plain(range(100, 150)))
    later = checkpoints(world, source, "c")
    name = f"{world.database}.c"
    with pytest.raises(CdcError, match="give a MsgPosition with its timestamp"):
        resume(world, task, positions={name: without_times(later)}, force=True)
    with pytest.raises(CdcError, match="the target never gets them"):
        resume(world, task, positions={name: later})
    with pytest.raises(CdcError, match="lack channel"):
        resume(world, task, positions={name: dict([next(iter(later.items()))])}, force=True)
    with pytest.raises(CdcError, match="which the source does not have"):
        resume(world, task, positions={"nothing": later}, force=True)
    resume(world, task, positions={name: later}, force=True)
    world.client.insert("c", plain(range(1000, 1020)))
    eventually(lambda: world.target_count("c") == 120, what="only later rows have come")
