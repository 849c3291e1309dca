"""A source whose message queue is Kafka. The tests of other modules run again with it, and what is special to Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from pymilvus.grpc_gen import msg_pb2

import test_restart
import test_type_matrix
from lab.bulk import Rows, direct_insert
from lab.catalog import collection_id
from lab.cdc_client import CdcError
from lab.cdc_server import CdcServer
from lab.etcd import etcd_values
from lab.flush import flush
from lab.kafka import Kafka
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.process import peak_memory_mib
from lab.waiting import eventually
from rows_for import plain
from test_ledger import Writer

# These use this module's `source`. What comes from etcd alone, as indexes do, need not be repeated.
from test_operations import (  # noqa: F401
    test_delete,
    test_flush,
    test_rows_in_named_partitions_and_several_shards,
    test_same_name_again_after_a_drop,
    test_upsert,
)
from test_positions import *  # noqa: F403
from world import Target, World


# One kind of target, unless a test asks for another: what differs between targets does not depend on the queue.
@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Target:
    return request.getfixturevalue(getattr(request, "param", "lite"))


@pytest.fixture(scope="module")
def kafka(lab: Lab) -> Iterator[Kafka]:
    broker = lab.kafka("kafka")
    lab.start(broker)
    yield broker
    lab.end(broker)


@pytest.fixture(scope="module")
def source(lab: Lab, kafka: Kafka) -> Iterator[MilvusStandalone]:
    # More channels than all collections of this module have shards: there are always some that were never used.
    server = lab.milvus("kafka-source", kafka=kafka, settings={"rootCoord.dmlChannelNum": 192})
    lab.start(server)
    yield server
    lab.end(server)


@pytest.mark.parametrize("target", ["lite", "milvus"], indirect=True)
def test_every_type(world: World) -> None:
    test_type_matrix.test_every_type(world)


def test_task_before_the_topics_exist(lite_world: World, kafka: Kafka) -> None:
    """Milvus makes a topic when it first writes to it."""
    world = lite_world
    before = kafka.topics()
    task = world.start_task(start_from="latest")
    world.expect_state(task, "Running")
    world.make_collection("c", shards=16)
    world.client.insert("c", plain(range(800)))
    assert world.expect_equal("c").target_rows == 800
    assert [name for name in kafka.topics() - before if name.startswith("by-dev-rootcoord-dml_")]
    assert world.cdc.client.get(task)["condition"]["state"] == "ok"


def expire(world: World, source: MilvusStandalone, kafka: Kafka, collection: str) -> None:
    """Kafka forgets what is older than the checkpoints of the collection's channels, as its retention would make it."""
    world.wait_source_read(collection)
    flush(world.source_end, world.database, collection)
    identity = collection_id(world.source_end, world.database, collection)
    expired = 0
    for key, value in etcd_values(source.etcd_url, f"{source.root_path}/meta/datacoord-meta/channel-cp/").items():
        vchannel = key.rsplit("/", 1)[1]
        if f"_{identity}v" in vchannel:
            position = msg_pb2.MsgPosition.FromString(value)
            kafka.delete_records(vchannel.rsplit("_", 1)[0], int.from_bytes(position.msgID, "little"))
            expired += 1
    assert expired == 2


@pytest.mark.parametrize("origin", ["storage", "query"])
def test_rows_that_the_queue_no_longer_holds_are_copied(
    world: World, source: MilvusStandalone, kafka: Kafka, origin: str
) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(2_000)))
    world.client.delete("c", ids=list(range(100)))
    expire(world, source, kafka, "c")
    world.client.insert("c", plain(range(2_000, 2_500)))
    with pytest.raises(CdcError, match="position expired"):
        world.start_task(start_from="earliest")
    task = world.start_task(start_from="snapshot", snapshot={"from": origin})
    assert world.expect_equal("c").target_rows == 2_400
    assert world.cdc.client.get(task)["snapshots"][0]["done"]


def test_an_expired_position_is_made_good_by_copies(world: World, source: MilvusStandalone, kafka: Kafka) -> None:
    """What was inserted, changed and deleted while the task could not read is on the target, or gone from it, in the end."""
    for name in ("c", "other"):
        world.make_collection(name, shards=2)
        world.client.insert(name, plain(range(2_000)))
    task = world.start_task(start_from="earliest", on_expired="snapshot")
    world.expect_equal("c")
    world.expect_equal("other")
    world.cdc.client.call("pause", {"task_id": task})
    world.client.delete("c", ids=list(range(500)))
    world.client.upsert("c", plain(range(500, 900), version=1))
    world.client.insert("c", plain(range(2_000, 2_400)))
    world.client.upsert("other", plain(range(100), version=1))
    expire(world, source, kafka, "c")
    world.client.insert("c", plain(range(3_000, 3_050)))
    world.cdc.client.call("resume", {"task_id": task})
    assert world.expect_equal("c").target_rows == 1_950
    world.expect_equal("other")
    world.client.delete("c", ids=list(range(3_000, 3_010)))
    world.client.delete("other", ids=list(range(10)))
    world.expect_equal("c")
    world.expect_equal("other")
    shown = world.cdc.client.get(task)
    assert shown["set_aside"] == [] and shown["state"] == "Running"


def test_nothing_is_lost_by_kill(own_world: World) -> None:
    test_restart.test_nothing_is_lost_by_kill(own_world)


def test_ledger_with_restarts(own_world: World) -> None:
    """Several clients write, change and delete; the CDC server stops and starts again meanwhile."""
    world = own_world
    world.start_task()
    world.make_collection("ledger", dim=128, shards=2)
    writers = [Writer(number, world.connect(), 3000) for number in range(3)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        threads[0].join(2)
        world.cdc.stop()
        world.cdc.restart()
    for thread in threads:
        thread.join()
    assert [writer.failure for writer in writers] == [None] * len(writers)
    found = world.expect_equal("ledger")
    assert found.source_digest == found.target_digest != ""


def test_rides_out_a_broker_restart(
    lab: Lab, source: MilvusStandalone, kafka: Kafka, milvus: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, milvus, server)
    task = world.start_task()
    world.make_collection("c", dim=128, shards=2)
    for first in range(0, 20_000, 1000):
        world.client.insert("c", plain(range(first, first + 1000), dim=128))
    kafka.kill()
    world.expect_condition(task, "retrying", kafka.address)
    lab.start(kafka)
    world.expect_condition(task, "ok")
    # The source needs its own time until it answers again.
    eventually(lambda: world.client.insert("c", plain([20_000], dim=128)), what="the source writes again")
    assert world.expect_equal("c").target_rows == 20_001
    world.close()


@pytest.mark.parametrize("target", ["milvus"], indirect=True)
def test_backlog_in_bounded_memory(own_world: World) -> None:
    """300 MB that were there before the task."""
    world = own_world
    rows = Rows("backlog", rows=100_000, dim=768)
    direct_insert(world.source.uri, rows, f"--database={world.database}")
    world.make_index(rows.collection)
    world.client.load_collection(rows.collection, _async=True)
    world.start_task()
    found = world.expect_equal(rows.collection)
    assert found.target_rows == rows.rows
    assert found.source_digest == found.target_digest != ""
    assert peak_memory_mib(world.cdc.process.pid) < 256
