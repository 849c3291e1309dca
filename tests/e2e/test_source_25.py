"""A source of Milvus 2.5 (lab/written_source.py: its catalog and its messages without its server), to a real Milvus Lite."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pymilvus import MilvusClient
from pymilvus.grpc_gen import milvus_pb2
from pymilvus.grpc_gen import schema_pb2 as pb

from lab.catalog import Collection, load_state, read_aliases, read_collection, read_collections
from lab.cdc_server import CdcServer
from lab.columns import column
from lab.drain import Drain
from lab.lab import Lab
from lab.rows import Endpoint, Rows, hash_rows, read_rows
from lab.waiting import NotYet, eventually
from lab.written_source import KafkaQueue, Row, WrittenCollection, WrittenSource
from world import Target

DATABASE, ODD = "shop", "odd"  # of the two tests


@pytest.fixture(scope="module")
def written(lab: Lab) -> Iterator[WrittenSource]:
    etcd, kafka = lab.etcd("etcd-25"), lab.kafka("kafka-25")
    lab.start(etcd, kafka)
    source = WrittenSource(etcd.url, KafkaQueue(kafka.address))
    source.start()
    yield source
    source.close()
    lab.end(kafka)
    lab.end(etcd)


@pytest.fixture(scope="module")
def cdc(lab: Lab, written: WrittenSource) -> Iterator[CdcServer]:
    server = lab.cdc_server("cdc-25", written)
    lab.start(server)
    yield server
    try:
        server.stop()
    finally:
        lab.end(server)


@pytest.fixture
def target_end(lite: Target) -> Iterator[Endpoint]:
    end = Endpoint(lite.uri)
    yield end
    end.close()


def field(name: str, kind: int, **options: Any) -> pb.FieldSchema:
    params = options.pop("params", {})
    result = pb.FieldSchema(name=name, data_type=kind, **options)
    for key, value in params.items():
        result.type_params.add(key=key, value=str(value))
    return result


def everything() -> pb.CollectionSchema:
    """What 2.5 can have and Milvus Lite too."""
    schema = pb.CollectionSchema(name="everything", description="all of it", dbName=DATABASE, enable_dynamic_field=True)
    schema.fields.extend(
        [
            field("id", pb.VarChar, is_primary_key=True, params={"max_length": 100}),
            field("dense", pb.FloatVector, params={"dim": 8, "mmap.enabled": "true"}),
            field("second", pb.FloatVector, params={"dim": 4}),
            field("sparse", pb.SparseFloatVector),
            field("text", pb.VarChar, params={"max_length": 1000, "enable_analyzer": "true"}),
            field("words", pb.SparseFloatVector, is_function_output=True),
            field("bool", pb.Bool, nullable=True),
            field("small", pb.Int8, nullable=True, default_value=pb.ValueField(int_data=7)),
            field("int32", pb.Int32, nullable=True),
            field("int64", pb.Int64, is_clustering_key=True),
            field("float", pb.Float, nullable=True),
            field("double", pb.Double, nullable=True),
            field("note", pb.VarChar, nullable=True, params={"max_length": 200}),
            field("json", pb.JSON, nullable=True),
            field("tags", pb.Array, element_type=pb.VarChar, params={"max_capacity": 10, "max_length": 50}),
            field("given", pb.VarChar, params={"max_length": 50}, default_value=pb.ValueField(string_data="dé\"f\\")),
        ]
    )
    schema.functions.add(name="bm25", type=pb.BM25, input_field_names=["text"], output_field_names=["words"])
    return schema


def row(number: int, version: int = 0) -> Row:
    """Every third row has nulls wherever it can."""
    random = np.random.default_rng((number, version))
    null = number % 3 == 0
    return {
        "id": (f"key-{number}", f'a "quoted" {number}', f"größe {number}")[number % 3],
        "dense": random.random(8, dtype=np.float32).tolist(),
        "second": random.random(4, dtype=np.float32).tolist(),
        "sparse": {int(at): float(np.float32(number + at / 7)) for at in random.choice(10_000, 5, replace=False)},
        "text": f"the quick fox number{number} of version{version}",
        "bool": None if null else number % 2 == 0,
        "small": 7 if null else number % 100 - 50,  # 2.5 replaces a null by the default
        "int32": None if null else -number,
        "int64": number * 2**40,
        "float": None if null else float(np.float32(number / 3)),
        "double": None if null else number / 7,
        "note": None if null else "" if number % 3 == 1 else f"日本 {number}",
        "json": None if null else json.dumps({"n": number, "v": version, "deep": [1, {"a": None}]}).encode(),
        "tags": [f"t{number}", "", "ü"][: number % 4],
        "given": f"given {version}",
        "$meta": json.dumps({"extra": number, "version": version}).encode(),
    }


def rows(first: int, last: int, version: int = 0) -> list[Row]:
    return [row(number, version) for number in range(first, last)]


def written_rows(made: WrittenCollection) -> Rows:
    """What the collection should hold, as lab.rows reads it."""
    result = Rows()
    fields = [each for each in made.schema.fields if not each.is_function_output]
    for partition, of_partition in made.rows.items():
        columns = [column(each, [line.get(each.name) for line in of_partition.values()]) for each in fields]
        result.partitions[partition] = dict(hash_rows(columns, made.key)) if of_partition else {}
    return result


def target_rows(end: Endpoint, found: Collection) -> Rows:
    """Without the outputs of functions, which no server returns."""
    schema = pb.CollectionSchema()
    schema.CopyFrom(found.schema)
    del schema.fields[:]
    schema.fields.extend(each for each in found.schema.fields if not each.is_function_output)
    return read_rows(end, found.database, found.name, schema, list(found.partitions))


def expect_equal(end: Endpoint, made: WrittenCollection) -> Collection:
    """Waits until the target has the collection with its fields, partitions and all of its rows."""

    def equal() -> Collection:
        found = read_collection(end, made.schema.dbName, made.name)
        if sorted(found.partitions) != sorted(made.partitions):
            raise NotYet(f"partitions {sorted(found.partitions)}")
        here, there = written_rows(made), target_rows(end, found)
        count = end.count(made.schema.dbName, made.name)
        if here.digest() != there.digest() or count != len(here):
            raise NotYet(f"{len(here)} rows on the source; {len(there)} on the target, count(*) {count}")
        return found

    return eventually(equal, every=0.2, what=f"{made.name} is equal on both sides")


def expect(check: Callable[[], bool], what: str) -> None:
    eventually(check, every=0.2, what=what)


def index_and_load(source: WrittenSource, made: WrittenCollection) -> None:
    source.create_index(made, "dense", {"index_type": "HNSW", "metric_type": "L2", "M": "8", "efConstruction": "64"})
    source.create_index(made, "second", {"index_type": "FLAT", "metric_type": "COSINE"})
    source.create_index(made, "sparse", {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"})
    source.create_index(made, "words", {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"})
    source.load(made)


def expect_schema(found: Collection, made: WrittenCollection) -> None:
    there = {each.name: each for each in found.schema.fields}
    for here in made.schema.fields:
        if not here.is_dynamic:
            same = there[here.name]
            assert (same.data_type, same.nullable, same.is_function_output) == (
                here.data_type,
                here.nullable,
                here.is_function_output,
            )
            assert same.default_value == here.default_value
    assert found.dynamic
    functions = [(each.type, list(each.input_field_names), list(each.output_field_names)) for each in found.schema.functions]
    assert functions == [(pb.BM25, ["text"], ["words"])]


def expect_text_search(target: Target, made: WrittenCollection) -> None:
    """The target computes the outputs of the function itself."""
    client = MilvusClient(target.uri, db_name=DATABASE)
    found = client.search(made.name, data=["number33"], anns_field="words", limit=3, search_params={"metric_type": "BM25"})
    assert [hit["id"] for hit in found[0]] == [row(33)["id"]], found
    client.close()


def plain(name: str, *vectors: pb.FieldSchema) -> pb.CollectionSchema:
    schema = pb.CollectionSchema(name=name, dbName=ODD)
    schema.fields.extend([field("id", pb.Int64, is_primary_key=True), *vectors])
    return schema


def set_aside(cdc: CdcServer, task: str) -> dict[str, str]:
    return {each["collection"]: each["reason"] for each in cdc.client.get(task)["set_aside"]}


def test_a_source_of_2_5(written: WrittenSource, cdc: CdcServer, lite: Target, target_end: Endpoint) -> None:
    source, end = written, target_end
    database = source.create_database(DATABASE, {"database.replica.number": "1"})
    made = source.create_collection(database, everything(), shards=2, properties={"collection.ttl.seconds": "864000"})
    index_and_load(source, made)
    made.insert(rows(0, 60))
    task = cdc.client.create(lite.uri, db_collections={DATABASE: [{"name": "*"}]})
    try:
        found = expect_equal(end, made)
        expect_schema(found, made)
        expect(lambda: load_state(end, DATABASE, made.name) == "loaded", "it is loaded")
        expect(lambda: len(read_collection(end, DATABASE, made.name).indexes) == 4, "its four indexes are there")
        request = milvus_pb2.DescribeDatabaseRequest(db_name=DATABASE)
        properties = end.call("DescribeDatabase", request).properties
        assert {each.key: each.value for each in properties} == {"database.replica.number": "1"}

        source.create_partition(made, "p")
        made.insert(rows(60, 90), partition="p")
        made.upsert(rows(20, 40, version=1))
        made.delete([row(number)["id"] for number in (*range(5), 70)])
        expect_equal(end, made)
        expect_text_search(lite, made)

        made.info.properties[0].value = "777600"
        source.save_collection(made)
        source.set_alias(made, "current")
        expect(lambda: read_aliases(end, DATABASE, made.name) == ["current"], "the alias is there")
        ttl = {"collection.ttl.seconds": "777600"}
        expect(lambda: read_collection(end, DATABASE, made.name).properties == ttl, "the property has changed")
        source.release(made)
        expect(lambda: load_state(end, DATABASE, made.name) == "released", "it is released")
        source.load(made)
        source.drop_partition(made, "p")
        expect_equal(end, made)

        made.schema.name = "renamed"
        source.save_collection(made)
        expect(lambda: read_collections(end, DATABASE) == ["renamed"], "it is renamed")
        made.upsert(rows(40, 50, version=2))
        # Milvus Lite has no locks: see World.let_lite_settle.
        eventually(Drain(cdc.client, task), what="the task has brought all to Milvus Lite")
        expect_equal(end, made)
        source.drop_collection(made)
        expect(lambda: read_collections(end, DATABASE) == [], "it is dropped")
    finally:
        cdc.client.delete(task)


def test_what_cannot_be_read_or_stored_is_said(
    written: WrittenSource, cdc: CdcServer, lite: Target, target_end: Endpoint
) -> None:
    """An import of files; vectors that this target does not have; and last, because the task cannot go on after it, a
    message of a later write-ahead log than 2.6's."""
    source, end = written, target_end
    database = source.create_database(ODD, {})
    dense = field("v", pb.FloatVector, params={"dim": 4})
    good, filled = (source.create_collection(database, plain(name, dense)) for name in ("good", "filled"))
    halves = source.create_collection(database, plain("halves", field("v", pb.Float16Vector, params={"dim": 4})))
    bytes_ = source.create_collection(database, plain("bytes", field("v", pb.Int8Vector, params={"dim": 4})))
    some = [{"id": number, "v": [number, 0.5, -0.0, 1e-45]} for number in range(20)]
    for made in (good, filled):
        source.create_index(made, "v", {"index_type": "FLAT", "metric_type": "L2"})
        source.load(made)
        made.insert(some)
    halves.insert([{"id": 1, "v": np.arange(4, dtype="<f2").tobytes()}])
    bytes_.insert([{"id": 1, "v": bytes(4)}])
    task = cdc.client.create(lite.uri, db_collections={ODD: [{"name": "*"}]})
    try:
        expect_equal(end, filled)
        expect(lambda: len(set_aside(cdc, task)) == 2, "the target refuses two collections")
        reasons = set_aside(cdc, task)
        assert "Float16Vector which MilvusLite does not support" in reasons[f"{ODD}.halves"]
        assert "Int8Vector" in reasons[f"{ODD}.bytes"]

        filled.bulk_import(["rows.parquet"])
        expect(lambda: f"{ODD}.filled" in set_aside(cdc, task), "an import is said")
        reason = set_aside(cdc, task)[f"{ODD}.filled"]
        assert "files are imported" in reason and f"task snapshot --collection {ODD}.filled" in reason, reason
        good.insert([{"id": 100, "v": [1, 2, 3, 4]}])
        expect_equal(end, good)

        insert = good.info.physical_channel_names[0]
        source.send_raw(insert, b"\x0a\x03\x08\x90\x03", {"_v": "3", "_t": "2", "_tt": "3ipde7k01r7k", "_h": ""})
        expect(lambda: cdc.client.state(task) == "Paused", "the task is paused")
        reason = cdc.client.get(task)["reason"]
        assert "write-ahead log of Milvus 2.6" in reason and '(_v) is "3"' in reason, reason
    finally:
        cdc.client.delete(task)
