"""Tasks whose collections begin at positions that the user gives: of the source's checkpoints, as its API and its backup
tool give them, or of an earlier task."""

from __future__ import annotations

import base64

import pytest
from pymilvus.grpc_gen import milvus_pb2

from lab.catalog import collection_id
from lab.cdc_client import CdcError
from lab.client import connect
from lab.etcd import etcd_values
from lab.flush import flush
from lab.milvus import MilvusStandalone
from lab.waiting import eventually
from rows_for import plain
from world import World


def checkpoints(world: World, source: MilvusStandalone, collection: str) -> dict[str, str]:
    """Up to where the source has stored its rows, by vchannel: base64 of MsgPosition."""
    flush(world.source_end, world.database, collection)
    identity = collection_id(world.source_end, world.database, collection)
    stored = etcd_values(source.etcd_url, f"{source.root_path}/meta/datacoord-meta/channel-cp/")
    return {
        key.rsplit("/", 1)[1]: base64.b64encode(value).decode()
        for key, value in stored.items()
        if f"_{identity}v" in key
    }


def positions_of(world: World, task: str, collection: str) -> dict[str, str]:
    """Those that `position` shows, which knows pchannels."""
    request = milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name=collection)
    shards = world.source_end.call("DescribeCollection", request)
    shown = world.cdc.client.call("position", {"task_id": task})["positions"]
    by_channel = {each["channel_name"]: each["msg_id"] for each in shown if each["collection_id"] == shards.collectionID}
    names = zip(shards.virtual_channel_names, shards.physical_channel_names, strict=True)
    return {vchannel: by_channel[pchannel] for vchannel, pchannel in names}


def start_at(world: World, collection: str, positions: dict[str, str]) -> str:
    return world.start_task(db_collections={world.database: [{"name": collection, "positions": positions}]})


def test_only_what_is_later_than_the_checkpoints(world: World, source: MilvusStandalone) -> None:
    """Whoever gives them has restored the stored rows himself. Some of them are missing here, so that it shows."""
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(300)))
    first = world.start_task(start_from="earliest")
    world.expect_equal("c")
    world.cdc.client.delete(first)
    target = connect(world.target.uri, world.database)
    target.delete("c", ids=list(range(50)))
    target.close()
    positions = checkpoints(world, source, "c")
    assert len(positions) == 2
    world.client.insert("c", plain(range(1000, 1100)))
    world.client.delete("c", ids=list(range(1000, 1010)))
    start_at(world, "c", positions)
    world.client.insert("c", plain(range(2000, 2050)))

    def only_later_rows() -> bool:
        return world.target_count("c") == 250 + 90 + 50

    eventually(only_later_rows, what="the later rows, and no others, have come to the target")


def test_a_target_without_the_earlier_rows_is_told(lite_world: World, source: MilvusStandalone) -> None:
    world = lite_world
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(300)))
    task = start_at(world, "c", checkpoints(world, source, "c"))
    world.expect_set_aside(task, "c", "was never there although positions were given for it")
    world.expect_collections()


def test_goes_on_where_an_earlier_task_ended(world: World) -> None:
    world.make_collection("c", shards=2)
    first = world.start_task()
    world.client.insert("c", plain(range(300)))
    world.expect_equal("c")
    world.cdc.client.pause(first)
    positions = positions_of(world, first, "c")
    assert len(positions) == 2
    world.cdc.client.delete(first)
    world.client.delete("c", ids=list(range(100)))
    world.client.upsert("c", plain(range(100, 150), version=1))
    world.client.insert("c", plain(range(1000, 1100)))
    start_at(world, "c", positions)
    world.client.insert("c", plain(range(2000, 2050)))
    assert world.expect_equal("c").target_rows == 350


def test_positions_that_do_not_fit(lite_world: World, source: MilvusStandalone) -> None:
    world = lite_world
    world.make_collection("c", shards=2)
    positions = checkpoints(world, source, "c")
    some = dict([next(iter(positions.items()))])
    for name, given, text in (
        ("c", some, "lack channel"),
        ("other", positions, "which the source does not have"),
        ("c", {key: "bm9uc2Vuc2U=" for key in positions}, "position"),
    ):
        with pytest.raises(CdcError, match=text):
            start_at(world, name, given)
    world.client.drop_collection("c")
    world.make_collection("c", shards=2)
    with pytest.raises(CdcError, match="dropped and created again"):
        start_at(world, "c", positions)
    assert world.cdc.client.list() == []
