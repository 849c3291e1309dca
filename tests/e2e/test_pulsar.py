"""A source whose message queue is Pulsar. The tests of other modules run again with it, and what is special to Pulsar."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pymilvus.grpc_gen import milvus_pb2

import test_restart
import test_source_26
import test_type_matrix
from lab.cdc_client import CdcError
from lab.cdc_server import CdcServer, source_configuration
from lab.etcd import Etcd
from lab.flush import flush
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.pulsar import Pulsar
from lab.rows import Endpoint
from lab.waiting import NotYet, eventually
from lab.written_source import PulsarQueue, WrittenSource
from lab.written_wal import WrittenWal
from rows_for import plain
from test_kafka import target, test_backlog_in_bounded_memory  # noqa: F401

# These use this module's `source`. What comes from etcd alone, as indexes do, need not be repeated.
from test_operations import (  # noqa: F401
    test_delete,
    test_flush,
    test_rows_in_named_partitions_and_several_shards,
    test_same_name_again_after_a_drop,
    test_upsert,
)
from test_positions import *  # noqa: F403
from test_source_25 import cdc, target_end, test_a_source_of_2_5  # noqa: F401
from world import Target, World


@pytest.fixture(scope="module")
def pulsar(lab: Lab) -> Iterator[Pulsar]:
    broker = lab.pulsar("pulsar")
    lab.start(broker)
    yield broker
    lab.end(broker)


@pytest.fixture(scope="module")
def source(lab: Lab, pulsar: Pulsar) -> Iterator[MilvusStandalone]:
    server = lab.milvus("pulsar-source", pulsar=pulsar)
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def etcd(lab: Lab) -> Iterator[Etcd]:
    """Of the written sources."""
    server = lab.etcd("etcd-pulsar")
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def written(etcd: Etcd, pulsar: Pulsar, request: pytest.FixtureRequest) -> Iterator[WrittenSource]:
    """A source 2.5 on the same broker, or a 2.6 with its class as the parameter."""
    version = getattr(request, "param", WrittenSource)
    source = version(etcd.url, PulsarQueue(pulsar.address, batching=version is WrittenWal))
    source.start()
    yield source
    source.close()


@pytest.mark.parametrize("target", ["milvus"], indirect=True)
def test_every_type(world: World) -> None:
    test_type_matrix.test_every_type(world)


@pytest.mark.parametrize("written", [WrittenWal], indirect=True, ids=["wal"])
def test_a_source_of_2_6(written: WrittenWal, cdc: CdcServer, lite: Target, target_end: Endpoint) -> None:  # noqa: F811
    """Rows, transactions and those rolled back, and a kill within one; see test_source_26.py."""
    test_source_26.test_a_source_of_2_6(written, cdc, lite, target_end)


def channels_of(world: World, collection: str) -> list[str]:
    name = milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name=collection)
    return list(world.source_end.call("DescribeCollection", name).physical_channel_names)


def expire(world: World, pulsar: Pulsar, collection: str) -> None:
    """Pulsar forgets all that the collection's channels hold, as its retention would; Milvus has stored it."""
    world.wait_source_read(collection)
    flush(world.source_end, world.database, collection)
    for channel in channels_of(world, collection):
        pulsar.forget(channel)


def test_rows_that_the_queue_no_longer_holds_are_copied(world: World, pulsar: Pulsar) -> None:
    """And where copy and queue meet is a position of Pulsar from the source's etcd."""
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(2_000)))
    world.client.delete("c", ids=list(range(100)))
    expire(world, pulsar, "c")
    world.client.insert("c", plain(range(2_000, 2_500)))
    with pytest.raises(CdcError, match="position expired"):
        world.start_task(start_from="earliest")
    flush(world.source_end, world.database, "c")
    task = world.start_task(start_from="snapshot")
    world.client.insert("c", plain(range(3_000, 3_100)))
    assert world.expect_equal("c").target_rows == 2_500
    assert world.cdc.client.get(task)["snapshots"][0]["done"]


def test_no_subscription_holds_back_the_queue(own_world: World, pulsar: Pulsar) -> None:
    world = own_world
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(10)))
    world.expect_equal("c")
    (channel,) = channels_of(world, "c")

    def ours() -> dict[str, bool]:
        return {name: durable for name, durable in pulsar.subscriptions(channel).items() if name.startswith("reader-")}

    assert ours() and not any(ours().values())
    world.cdc.kill()

    def gone() -> None:
        if ours():
            raise NotYet(str(ours()))

    eventually(gone, what="the subscription of a killed server is gone")


def test_nothing_is_lost_by_kill(own_world: World) -> None:
    test_restart.test_nothing_is_lost_by_kill(own_world)


def test_rides_out_a_broker_restart(lab: Lab, own_world: World, pulsar: Pulsar) -> None:
    world = own_world
    task = world.start_task()
    world.make_collection("c", dim=128, shards=2)
    for first in range(0, 10_000, 1000):
        world.client.insert("c", plain(range(first, first + 1000), dim=128))
    pulsar.kill()
    world.expect_condition(task, "retrying", pulsar.address)
    lab.start(pulsar)
    world.expect_condition(task, "ok")
    # The source needs its own time until it answers again.
    eventually(lambda: world.client.insert("c", plain([10_000], dim=128)), what="the source writes again")

    # Not compared with the source: its consumers of Pulsar get again what they had not acknowledged, and until it has
    # stored those rows it counts them twice.
    def complete() -> None:
        if (count := world.target_count("c")) != 10_001:
            raise NotYet(str(count))

    eventually(complete, what="the target has each row once")


def test_a_wrong_namespace_is_told(new_cdc: Callable[..., CdcServer], source: MilvusStandalone) -> None:
    settings = source_configuration(source)
    settings["pulsar"]["namespace"] = "nowhere"
    server = new_cdc({"sourceConfig": settings})
    server.start()

    def told() -> None:
        assert "check tenant and namespace" in server.process.log.read_text()

    eventually(told, what="the log names the keys")
    assert server.process.is_running()
