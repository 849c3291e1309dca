"""Records of the earlier program are taken over: its tasks go on where its positions say, and nothing is doubled.

The records have the form in which that program writes them; its positions are made of places that a task of ours had
reached before it was killed, so the target has more than they say.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus.grpc_gen import milvus_pb2, msg_pb2

from guide import Guide
from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import NotYet, eventually
from rows_for import plain
from stores import EtcdStore, Store, started_store
from world import Target, World, target_of

Checkpoint = list[dict[str, Any]]


@pytest.fixture(scope="module")
def target(lab: Lab) -> Iterator[Target]:
    """That program has no other targets than standbys."""
    server = lab.milvus("standby", root_path="by-standby", standby=True)
    lab.start(server)
    yield target_of(server)
    lab.end(server)


@pytest.fixture(params=["etcd", "mysql"])
def store(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Store]:
    with started_store(lab, request.param) as store:
        yield store


def task_record(task: str, target: str, **fields: Any) -> dict[str, Any]:
    return {
        "TaskID": task,
        "MilvusConnectParam": {
            "host": "",
            "port": 0,
            "enable_tls": False,
            "username": "",
            "password": "",
            "uri": target,
            "token": "",
            "dial_config": {},
            "channel_num": 0,
            "ignore_partition": False,
            "connect_timeout": 10,
        },
        "KafkaConnectParam": {"address": "", "topic": "", "enable_sasl": False, "sasl": {}},
        "WriterCacheConfig": {"period": 0, "size": 0},
        "CollectionInfos": None,
        "DBCollections": None,
        "NameMapping": None,
        "RPCRequestChannelInfo": {"name": "", "position": ""},
        "ExtraInfo": {"enable_user_role": False},
        "ExcludeCollections": None,
        "DisableAutoStart": False,
        "State": 1,
        "Reason": "",
        **fields,
    }


def position_record(task: str, collection: int, name: str, places: Checkpoint) -> dict[str, Any]:
    def place(entry: dict[str, Any]) -> dict[str, Any]:
        position = msg_pb2.MsgPosition.FromString(base64.b64decode(entry["msg_id"]))
        return {
            "StartTime": 0,
            "Time": entry["time_ms"],
            "DataPair": {"key": entry["channel"], "data": base64.b64encode(position.msgID).decode()},
            "Dropped": False,
        }

    return {
        "TaskID": task,
        "CollectionID": collection,
        "CollectionName": name,
        "Positions": {entry["channel"]: place(entry) for entry in places},
        "OpPositions": None,
        "TargetPositions": None,
    }


def describe(world: World, collection: str) -> milvus_pb2.DescribeCollectionResponse:
    return world.source_end.call(
        "DescribeCollection",
        milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name=collection),
    )


def reached(world: World, task: str, collection: str) -> Checkpoint:
    """The task's places in the channels of the collection, once it has one in each."""
    channels = set(describe(world, collection).physical_channel_names)

    def places() -> Checkpoint:
        found = [entry for entry in world.cdc.client.get(task)["checkpoint"] if entry["channel"] in channels]
        if len(found) != len(channels) or not all(entry["time_ms"] for entry in found):
            raise NotYet(f"{found} of {channels}")
        return found

    return eventually(places, what=f"the task has a checkpoint in each channel of {collection}")


def change(world: World, first: int) -> None:
    """Inserts, upserts and deletes, of old rows and new ones."""
    for name in ("a", "b"):
        world.client.insert(name, plain(range(first, first + 500)))
        world.client.upsert(name, plain(range(first - 100, first + 50), version=first))
        world.client.delete(name, ids=list(range(first + 60, first + 80)))


def test_goes_on_where_an_earlier_program_was(
    own_world: World, store: Store, new_cdc: Callable[..., CdcServer]
) -> None:
    world = own_world
    task = world.start_task()
    for name in ("a", "b"):
        world.make_collection(name, shards=2)
    change(world, 1_000)
    for name in ("a", "b"):
        world.expect_equal(name)
    early = {name: reached(world, task, name) for name in ("a", "b")}
    change(world, 2_000)
    for name in ("a", "b"):
        world.expect_equal(name)
    late = {name: reached(world, task, name) for name in ("a", "b")}
    change(world, 3_000)
    for name in ("a", "b"):
        world.expect_equal(name)
    world.cdc.kill()
    change(world, 4_000)

    scope = {world.database: [{"name": "*", "positions": None, "use_start_position": False}]}
    other = {"other_database": [{"name": "*", "positions": None, "use_start_position": False}]}
    ids = {name: describe(world, name).collectionID for name in ("a", "b")}
    records = {
        "task_info/goes-on": task_record("goes-on", world.target.uri, DBCollections=scope),
        "task_info/paused": task_record("paused", world.target.uri, DBCollections=other, State=2, Reason="by hand"),
        "task_info/for-kafka": {**task_record("for-kafka", ""), "KafkaConnectParam": {"address": "k:9092", "topic": "t"}},
        # Written with every create; the collections' are at different times.
        "task_position/goes-on/-1": position_record("goes-on", -1, "", []),
        f"task_position/goes-on/{ids['a']}": position_record("goes-on", ids["a"], "a", early["a"]),
        f"task_position/goes-on/{ids['b']}": position_record("goes-on", ids["b"], "b", late["b"]),
    }
    store.put_legacy("cdc-by-dev", records)
    before = store.legacy("cdc-by-dev")

    taker = new_cdc({"metaStoreConfig": store.configuration("cdc-by-dev")})
    taker.start()
    taker.wait_ready()
    world.cdc = taker
    assert {each["task_id"]: each["state"] for each in taker.client.list()} == {
        "goes-on": "Running",
        "paused": "Paused",
    }
    assert taker.client.get("paused")["reason"] == "by hand"
    assert taker.client.get("goes-on")["sink_mode"] == "replicate"
    log = taker.process.log.read_text()
    assert "2 tasks of an earlier program are taken over from " in log
    assert "not taken over: task for-kafka: its target is not a Milvus" in log
    # count(*) would show a row that was written twice.
    for name in ("a", "b"):
        world.expect_equal(name)
    change(world, 5_000)
    world.make_collection("c")
    world.client.insert("c", plain(range(50)))
    for name in ("a", "b", "c"):
        world.expect_equal(name)
    assert store.legacy("cdc-by-dev") == before, "the records stay as they are"

    # From now on its own records count.
    taker.client.call("delete", {"task_id": "paused"})
    taker.stop()
    change(world, 6_000)
    taker.restart()
    assert [each["task_id"] for each in taker.client.list()] == ["goes-on"]
    for name in ("a", "b", "c"):
        world.expect_equal(name)


def test_the_migration_guide_leads_there_and_back(
    own_world: World, lab: Lab, new_cdc: Callable[..., CdcServer], tmp_path: Path
) -> None:
    """docs/migration.md, executed step by step."""
    world = own_world
    task = world.start_task()
    world.make_collection("a")
    world.client.insert("a", plain(range(1_000)))
    world.expect_equal("a")
    early = reached(world, task, "a")
    world.client.insert("a", plain(range(1_000, 1_500)))
    world.expect_equal("a")
    world.cdc.kill()
    world.client.delete("a", ids=list(range(950, 1_050)))
    with started_store(lab, "etcd") as store:
        assert isinstance(store, EtcdStore)
        collection = describe(world, "a").collectionID
        scope = {world.database: [{"name": "*", "positions": None, "use_start_position": False}]}
        store.put_legacy(
            "cdc-by-dev",
            {
                "task_info/goes-on": task_record("goes-on", world.target.uri, DBCollections=scope),
                f"task_position/goes-on/{collection}": position_record("goes-on", collection, "a", early),
            },
        )
        before = store.legacy("cdc-by-dev")
        # Only for its configuration: the guide starts the server itself. A key that has no effect here is in it.
        server = new_cdc({"metaStoreConfig": store.configuration("cdc-by-dev"), "batchMode": True})
        guide = Guide(
            Path(__file__).parents[2] / "docs" / "migration.md",
            tmp_path / "guide",
            {
                "CONFIG": str(server.configuration_file),
                "STORE": store.address,
                "ROOT": "cdc-by-dev",
                "MILVUS_CDC_SERVER": f"http://{server.client.address}",
                "TASK": "goes-on",
            },
        )
        try:
            looked = guide.play("1")
            assert '"State": 1' in looked and f"cdc-by-dev/task_position/goes-on/{collection}" in looked
            assert "no store has begun yet" in looked and "1 tasks, 1 positions of an earlier program" in looked
            assert "batchMode has no effect" in guide.play("2")
            assert "1 tasks of an earlier program are taken over" in guide.play("4")
            world.cdc = server
            assert "goes-on" in guide.play("5")
            world.expect_equal("a")
            assert "milvus_cdc_replicate_tt" in guide.play("7")
            back = guide.play("8")
            assert "owner         none" in back and "all its tasks are taken over" in back
            assert store.legacy("cdc-by-dev") == before, "the way back is open"
            forgotten = guide.play("9")
            assert "removed 2 records" in forgotten and "old records" not in forgotten
            assert store.legacy("cdc-by-dev") != before
            guide.expect_all_played()
        finally:
            guide.close()
