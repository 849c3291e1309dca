"""start_from: snapshot from a source that keeps its files in S3: what it copies, and what it says when it cannot.

The source removes the files of compacted segments within seconds, so that a copy meets that, too.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pymilvus import DataType
from pymilvus.grpc_gen import schema_pb2

from lab.cdc_client import create_request
from lab.cdc_server import CdcServer, source_configuration
from lab.client import connect
from lab.etcd import etcd_put, etcd_values
from lab.flush import flush
from lab.gate import Gate
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.s3 import S3, Bucket, Keys
from lab.waiting import PATIENCE, NotYet, eventually, promised
from rows_for import plain, vector
from type_cases import CASES
from world import Target, World
from written_rows import Ledger
from writer import Writer


@dataclass(frozen=True)
class Stored:
    """A source with its bucket. `bucket` is behind the gate; the source itself is not."""

    s3: S3
    gate: Gate
    source: MilvusStandalone
    bucket: Bucket


@pytest.fixture(scope="module")
def stored(lab: Lab) -> Stored:
    s3 = lab.s3("s3")
    gate = lab.gate(s3.address)
    lab.start(s3, gate)
    bucket = Bucket(s3.address, name="rows", root="deep/er")
    # A file without metadata must be left alone: it may be one that is being written.
    collector = {"dataCoord.gc.interval": 1, "dataCoord.gc.dropTolerance": 1, "dataCoord.gc.missingTolerance": 3600}
    source = lab.milvus("bucket-source", root_path="by-bucket", settings={**bucket.milvus_settings(), **collector})
    lab.start(source)
    return Stored(s3, gate, source, replace(bucket, address=gate.address))


@pytest.fixture
def world(lab: Lab, stored: Stored, milvus: Target) -> Iterator[World]:
    """Its CDC server belongs to the test."""
    cdc = lab.cdc_server("cdc-bucket", stored.source)
    point_to(cdc, stored, stored.bucket)
    lab.start(cdc)
    world = World(stored.source, milvus, cdc)
    yield world
    stored.gate.delay(0)
    stored.gate.open()
    world.close()
    lab.end(cdc)


def point_to(cdc: CdcServer, stored: Stored, bucket: Bucket) -> None:
    source = {**source_configuration(stored.source), "storage": bucket.cdc_settings()}
    cdc.configuration["sourceConfig"] = source
    cdc.configure({})


def expect_copied(world: World, task: str) -> dict[str, Any]:
    def copied() -> dict[str, Any]:
        shown = world.cdc.client.get(task)
        assert shown["state"] == "Running", shown
        if not shown["snapshots"] or not all(each["done"] for each in shown["snapshots"]):
            raise NotYet(f"{shown['snapshots']} {shown['condition']}")
        return shown

    return eventually(copied, PATIENCE, 0.1, "everything is copied")


def fill(world: World, collection: str, segments: int, rows: int = 300) -> None:
    world.make_collection(collection, dim=64)
    for first in range(0, segments * rows, rows):
        world.client.insert(collection, plain(range(first, first + rows), dim=64))
        flush(world.source_end, world.database, collection)


def test_every_row_is_copied_from_a_bucket(world: World) -> None:
    """Types, partitions, shards; upserts and deletes before and after the flush."""
    wanted = ("scalars", "text_keys", "sharded")
    ledgers = [Ledger(world.source_end, world.database, case) for case in CASES if case.name in wanted]
    world.make_collection("parts")
    for name in ("first", "second"):
        world.client.create_partition("parts", name)
        world.client.insert("parts", plain(range(50 if name == "first" else 70)), partition_name=name)
    world.client.delete("parts", ids=list(range(10)), partition_name="first")
    for ledger in ledgers:
        ledger.index()
        ledger.insert(range(20))
        ledger.upsert(range(10, 30))
        ledger.delete(ledger.keys()[::4])
        world.client.load_collection(ledger.case.name, _async=True)
    flush(world.source_end, world.database, "parts", *wanted)
    for ledger in ledgers:
        ledger.upsert(range(25, 40))
        ledger.delete(ledger.keys()[::5])
    task = world.start_task(start_from="snapshot")
    assert len(expect_copied(world, task)["snapshots"]) == len(wanted) + 1
    for ledger in ledgers:
        ledger.upsert(range(38, 45))
        world.expect_equal(ledger.case.name)
        assert ledger.read(world.target_end) == ledger.rows, ledger.case.name
    assert world.expect_equal("parts").target_rows == 40 + 70


def test_a_wrong_bucket_is_refused_at_create(world: World, stored: Stored) -> None:
    fill(world, "c", 1)
    world.client.delete("c", ids=[1])
    flush(world.source_end, world.database, "c")
    right = stored.bucket
    stored.s3.make_bucket("another")
    files = f"arn:aws:s3:::{right.name}/{right.root}"
    look = ["s3:ListBucket", "s3:HeadBucket"]  # to moto, looking whether it is there is a right of its own
    everywhere = {"Effect": "Allow", "Action": look, "Resource": f"arn:aws:s3:::{right.name}"}
    inserts = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{files}/insert_log/*"}
    half = stored.s3.make_user("half", everywhere, inserts)
    request = create_request(world.target.uri, start_from="snapshot", db_collections={world.database: [{"name": "*"}]})

    def refused(bucket: Bucket, *words: str) -> None:
        world.cdc.stop()
        point_to(world.cdc, stored, bucket)
        world.cdc.restart()
        with pytest.raises(Exception, match=".") as error:
            world.cdc.client.call("create", request, timeout=promised(10))
        text = str(error.value)
        for word in (*words, bucket.address, f"bucket {bucket.name}", f"root {bucket.root}"):
            assert word in text, f"{word} is not in: {text}"
        assert bucket.keys.secret not in text

    refused(replace(right, name="nowhere"), "there is no such bucket")
    refused(replace(right, name="another"), "insert_log/", "is this the storage of the source")
    refused(replace(right, root="files"), "insert_log/", "is this the storage of the source")
    refused(replace(right, address="127.0.0.1:1"), "cannot open bucket")
    stored.s3.check_rights(True)
    try:
        refused(replace(right, keys=Keys("nobody", "nothing-to-see")), "the keys are wrong or do not allow it", "cannot open bucket")
        refused(replace(right, keys=Keys(half.access, "not the secret")), "the keys are wrong or do not allow it", "cannot open bucket")
        refused(replace(right, keys=half), "the keys are wrong or do not allow it", "delta_log/")
    finally:
        stored.s3.check_rights(False)
    stored.gate.black_hole()
    refused(right, "cannot open bucket")
    stored.gate.open()
    world.cdc.stop()
    point_to(world.cdc, stored, right)
    world.cdc.restart()
    expect_copied(world, world.start_task(start_from="snapshot"))
    assert world.expect_equal("c").target_rows == 299


def test_files_that_vanish_during_the_copy(world: World, stored: Stored) -> None:
    """Segments are merged again and again and their files removed, while clients delete and upsert."""
    fill(world, "c", 5)
    stored.gate.delay(0.2)
    with Writer(world.connect(), "c", range(0, 600), dim=64).running():
        task = world.start_task(start_from="snapshot")
        stored.gate.delay(1.5)  # the copy lasts for minutes now, and no call long enough to be given up

        def missed() -> None:
            world.client.compact("c")
            flush(world.source_end, world.database, "c")  # the collector waits for the channel's checkpoint
            assert "NOT_FOUND: " in world.cdc.process.log.read_text()

        eventually(missed, every=0.5, what="the copy has looked for a file that is gone")
        stored.gate.delay(0)
        expect_copied(world, task)
    world.expect_equal("c")


def with_values(file: bytes, values: pa.Array) -> bytes:
    """The same log file with these values instead, in a column that may be null, as Milvus 2.5 writes it."""
    parquet = io.BytesIO()
    column = pa.field("val", values.type, nullable=True)
    pq.write_table(pa.Table.from_arrays([values], schema=pa.schema([column])), parquet, compression="zstd", version="2.6")
    (length,) = struct.unpack_from("<i", file, 13)
    begin = 4 + length  # of the insert event
    header, times = file[begin : begin + 9], file[begin + 17 : begin + 33]
    size = 33 + len(parquet.getvalue())
    return file[:begin] + header + struct.pack("<ii", size, begin + size) + times + parquet.getvalue()


def test_nulls_as_a_later_version_stores_them(lab: Lab, stored: Stored, lite: Target) -> None:
    """2.3.5 has none, so its metadata and files are changed behind its back."""
    cdc = lab.cdc_server("cdc-nulls", stored.source)
    point_to(cdc, stored, stored.bucket)
    lab.start(cdc)
    world = World(stored.source, lite, cdc)

    def fields(schema: Any) -> None:
        schema.add_field("number", DataType.INT64)
        schema.add_field("text", DataType.VARCHAR, max_length=100)

    world.make_collection("c", fields=fields, enable_dynamic_field=False)
    world.client.insert("c", [{"id": key, "vector": vector(key), "number": 1, "text": "x"} for key in range(4)])
    flush(world.source_end, world.database, "c")
    collection = world.client.describe_collection("c")["collection_id"]
    values = {"number": pa.array([7, None, -1, None], pa.int64()), "text": pa.array(["", None, "a", None], pa.string())}
    for key, record in etcd_values(stored.source.etcd_url, f"by-bucket/meta/root-coord/fields/{collection}/").items():
        field = schema_pb2.FieldSchema.FromString(record)
        if field.name in values:
            field.nullable = True
            etcd_put(stored.source.etcd_url, key, field.SerializeToString())
            keys = stored.s3.keys(stored.bucket.name, f"{stored.bucket.root}/insert_log/{collection}/")
            (file,) = [key for key in keys if key.split("/")[-2] == str(field.fieldID)]
            changed = with_values(stored.s3.read(stored.bucket.name, file), values[field.name])
            stored.s3.write(stored.bucket.name, file, changed)
    expect_copied(world, world.start_task(start_from="snapshot"))

    def found() -> dict[int, tuple[Any, Any]]:
        rows = connect(lite.uri, world.database).query("c", filter="id >= 0", output_fields=["number", "text"])
        return {row["id"]: (row["number"], row["text"]) for row in rows}

    wanted = {0: (7, ""), 1: (None, None), 2: (-1, "a"), 3: (None, None)}
    eventually(lambda: found() == wanted, what="the target has the nulls")
    world.close()
    cdc.stop()
    lab.end(cdc)


def test_a_bucket_that_is_away_for_a_while(world: World, stored: Stored) -> None:
    fill(world, "c", 4)
    stored.gate.delay(0.1)
    task = world.start_task(start_from="snapshot")
    stored.gate.cut()
    world.expect_condition(task, "retrying", "snapshot of", "bucket rows", stored.gate.address)
    world.client.delete("c", ids=list(range(5, 20)))
    stored.gate.delay(0)
    stored.gate.open()
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 1200 - 15


def test_a_damaged_file_is_named(world: World, stored: Stored) -> None:
    """One bit, in a vector; nothing of its segment is written. With the right bits the copy goes on."""
    fill(world, "c", 1)
    collection = world.client.describe_collection("c")["collection_id"]
    keys = stored.s3.keys(stored.bucket.name, f"{stored.bucket.root}/insert_log/{collection}/")
    key = next(key for key in keys if key.split("/")[-2] == "101")
    good = stored.s3.read(stored.bucket.name, key)
    middle = good.index(b"PAR1") + 60
    stored.s3.write(stored.bucket.name, key, good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    task = world.start_task(start_from="snapshot")

    def set_aside() -> str:
        (shown,) = world.cdc.client.get(task)["set_aside"]
        assert shown["collection"] == f"{world.database}.c"
        return shown["reason"]

    reason = eventually(set_aside, what="the collection is set aside")
    assert key.removeprefix(f"{stored.bucket.root}/") in reason, reason
    # Set aside, it may not have been loaded yet, and only what is loaded can be counted.
    target = connect(world.target.uri, world.database)
    index = target.prepare_index_params()
    index.add_index("vector", index_name="by_vector", index_type="FLAT", metric_type="L2")
    target.create_index("c", index)
    target.load_collection("c")
    assert world.target_count("c") == 0
    stored.s3.write(stored.bucket.name, key, good)
    world.cdc.client.call("retry", {"task_id": task, "collections": [f"{world.database}.c"]})
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 300
