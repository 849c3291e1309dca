"""A source of Milvus 2.6 (lab/written_wal.py: its catalog and its write-ahead log without its server), to a real Milvus Lite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymilvus.grpc_gen import schema_pb2 as pb

from lab.catalog import read_collections
from lab.cdc_server import CdcServer
from lab.etcd import Etcd
from lab.lab import Lab
from lab.rocksmq_writer import RocksmqQueue
from lab.rows import Endpoint
from lab.s3 import Bucket
from lab.woodpecker_writer import WoodpeckerQueue
from lab.written_source import KafkaQueue, Queue, Row
from lab.written_wal import WrittenWal
from test_source_25 import (  # noqa: F401
    cdc,
    everything,
    expect,
    expect_equal,
    field,
    index_and_load,
    row,
    rows,
    set_aside,
    target_end,
)
from world import Target


@pytest.fixture(scope="module")
def etcd(lab: Lab) -> Iterator[Etcd]:
    server = lab.etcd("etcd-26")
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def kafka_queue(lab: Lab) -> Iterator[KafkaQueue]:
    broker = lab.kafka("kafka-26")
    lab.start(broker)
    yield KafkaQueue(broker.address)
    lab.end(broker)


@pytest.fixture(scope="module")
def rocksmq_queue(lab: Lab) -> RocksmqQueue:
    return RocksmqQueue(lab.folder / "rocksmq-26")


@pytest.fixture(scope="module")
def woodpecker_queue(lab: Lab, etcd: Etcd) -> WoodpeckerQueue:
    return WoodpeckerQueue.in_folder(lab.folder / "woodpecker-26", etcd.url)


@pytest.fixture(scope="module")
def woodpecker_in_s3_queue(lab: Lab, etcd: Etcd) -> Iterator[WoodpeckerQueue]:
    server = lab.s3("s3-26")
    lab.start(server)
    bucket = Bucket(server.address)
    server.make_bucket(bucket.name)
    yield WoodpeckerQueue.in_bucket(server, bucket, etcd.url)
    lab.end(server)


# With Pulsar it is in test_pulsar.py.
@pytest.fixture(scope="module", params=["kafka", "rocksmq", "woodpecker", "woodpecker_in_s3"])
def written(etcd: Etcd, request: pytest.FixtureRequest) -> Iterator[WrittenWal]:
    queue: Queue = request.getfixturevalue(f"{request.param}_queue")
    source = WrittenWal(etcd.url, queue, root_path=f"by-v26-{request.param}")
    source.start()
    yield source
    source.close()


def schema(database: str) -> pb.CollectionSchema:
    result = everything()
    result.dbName = database
    return result


def test_a_source_of_2_6(written: WrittenWal, cdc: CdcServer, lite: Target, target_end: Endpoint) -> None:  # noqa: F811
    source, end = written, target_end
    name = source.root_path.replace("-", "_")  # the tests with other queues use the same target
    database = source.create_database(name, {})
    made = source.create_collection(database, schema(name), shards=2)
    index_and_load(source, made)
    made.insert(rows(0, 60))
    made.upsert(rows(10, 20, version=1))
    task = cdc.client.create(lite.uri, db_collections={name: [{"name": "*"}]})
    try:
        expect_equal(end, made)
        source.create_partition(made, "p")
        made.insert(rows(60, 90), partition="p")
        made.upsert(rows(20, 40, version=1))
        source.abort(made, rows(100, 120), [row(number)["id"] for number in range(30)])
        made.delete([row(number)["id"] for number in (*range(5), 70)])
        expect_equal(end, made)

        # It dies between two messages of a transaction, which it has read and must read again.
        fresh = rows(30, 50, version=2)
        with source.transaction(made):
            with source.lock:
                made.send_insert(fresh, "_default", source.now())
            cdc.kill()
            cdc.restart()
            with source.lock:
                made.send_delete([each["id"] for each in fresh], source.now())
        made.note(fresh)
        expect_equal(end, made)

        source.drop_partition(made, "p")
        expect_equal(end, made)
        source.drop_collection(made)
        expect(lambda: read_collections(end, name) == [], "it is dropped")

        again = source.create_collection(database, schema(name), shards=1)
        index_and_load(source, again)
        again.insert(rows(0, 5))
        expect_equal(end, again)
        channel = again.info.physical_channel_names[0]
        source.send_raw(channel, b"", {"_v": "9", "_t": "2", "_tt": "3ipde7k01r7k", "_h": ""})
        expect(lambda: cdc.client.state(task) == "Paused", "the task is paused")
        reason = cdc.client.get(task)["reason"]
        assert '(_v) is "9"' in reason and "write-ahead log of Milvus 2.6" in reason, reason
    finally:
        cdc.client.delete(task)


def small(database: str, name: str) -> pb.CollectionSchema:
    result = pb.CollectionSchema(name=name, dbName=database)
    result.fields.extend([field("id", pb.Int64, is_primary_key=True), field("v", pb.FloatVector, params={"dim": 4})])
    return result


def small_rows(first: int, last: int) -> list[Row]:
    return [{"id": number, "v": [number, 0, 1, 2]} for number in range(first, last)]


@pytest.mark.parametrize("written", ["rocksmq"], indirect=True)  # the same with each
def test_what_sets_a_collection_aside(
    written: WrittenWal,
    cdc: CdcServer,  # noqa: F811
    lite: Target,
    target_end: Endpoint,  # noqa: F811
) -> None:
    source, end, name = written, target_end, "wal_aside"
    database = source.create_database(name, {})
    good, emptied = (source.create_collection(database, small(name, each)) for each in ("good", "emptied"))
    films = small(name, "films")
    films.struct_array_fields.add(name="clips").fields.add(
        name="title", data_type=pb.Array, element_type=pb.VarChar, fieldID=110
    )
    source.create_collection(database, films)
    for made in (good, emptied):
        source.create_index(made, "v", {"index_type": "FLAT", "metric_type": "L2"})
        source.load(made)
    task = cdc.client.create(lite.uri, db_collections={name: [{"name": "*"}]})
    try:
        expect(lambda: set(set_aside(cdc, task)) == {f"{name}.films"}, "arrays of structs are not replicated")
        reason = set_aside(cdc, task)[f"{name}.films"]
        assert "field clips: its type is not supported: ArrayOfStruct" in reason and "`exclude`" in reason, reason
        for made in (good, emptied):
            made.insert(small_rows(0, 20))
            expect_equal(end, made)
        source.truncate(emptied)
        expect(lambda: len(set_aside(cdc, task)) == 2, "a truncation is not replicated")
        reason = set_aside(cdc, task)[f"{name}.emptied"]
        assert "TruncateCollection" in reason and f"task snapshot --collection {name}.emptied" in reason, reason
        good.insert(small_rows(20, 30))
        expect_equal(end, good)
    finally:
        cdc.client.delete(task)


@pytest.mark.parametrize("written", ["woodpecker", "woodpecker_in_s3"], indirect=True)
def test_a_log_of_woodpecker_that_is_truncated(
    written: WrittenWal,
    cdc: CdcServer,  # noqa: F811
    lite: Target,
    target_end: Endpoint,  # noqa: F811
) -> None:
    """Segments follow one another; once those that a paused task needs are deleted, its position has expired."""
    source, end, name = written, target_end, f"{written.root_path.replace('-', '_')}_truncated"
    woodpecker_queue = written.queue
    assert isinstance(woodpecker_queue, WoodpeckerQueue)
    database = source.create_database(name, {})
    made = source.create_collection(database, small(name, "rows"))
    source.create_index(made, "v", {"index_type": "FLAT", "metric_type": "L2"})
    source.load(made)
    channel = made.info.physical_channel_names[0]
    task = cdc.client.create(lite.uri, db_collections={name: [{"name": "*"}]})
    try:
        for number in range(0, 200, 10):
            made.insert(small_rows(number, number + 10))
            with source.lock:
                woodpecker_queue.roll(channel)
        expect_equal(end, made)
        assert woodpecker_queue.segments(channel) > 20

        # What a running task has read may go.
        with source.lock:
            woodpecker_queue.truncate(channel)
        made.insert(small_rows(200, 210))
        expect_equal(end, made)

        cdc.client.pause(task)
        made.insert(small_rows(210, 220))
        with source.lock:
            woodpecker_queue.roll(channel)
            woodpecker_queue.truncate(channel)
        cdc.client.resume(task)
        expect(lambda: cdc.client.state(task) == "Paused", "the task is paused")
        reason = cdc.client.get(task)["reason"]
        assert "position expired" in reason and channel in reason, reason
    finally:
        cdc.client.delete(task)
