"""Does the operations on a source. By the generated gRPC stub: pymilvus' client remembers schemas by name, and our
names lead several lives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pymilvus.grpc_gen import milvus_pb2, schema_pb2
from pymilvus.grpc_gen.common_pb2 import KeyValuePair

from lab.rows import Endpoint

from . import operations as op

_DIM = 4
_BUILD: dict[str, dict[str, Any]] = {
    "FLAT": {}, "HNSW": {"M": 8, "efConstruction": 32}, "IVF_FLAT": {"nlist": 4},
}


class Actor:
    """For one seed: it remembers the automatic keys."""

    def __init__(self, end: Endpoint) -> None:
        self._end = end
        self._generated: dict[int, list[int] | list[str]] = {}

    def do(self, operation: op.Operation) -> None:
        """Raises what the source refuses. Operations on the task are not for here."""
        _ACTIONS[type(operation)](self, operation)

    def _call(self, method: str, request: Any) -> Any:
        return self._end.call(method, request)

    def _create_database(self, o: op.CreateDatabase) -> None:
        self._call("CreateDatabase", milvus_pb2.CreateDatabaseRequest(db_name=o.database))

    def _drop_database(self, o: op.DropDatabase) -> None:
        self._call("DropDatabase", milvus_pb2.DropDatabaseRequest(db_name=o.database))

    def _create_collection(self, o: op.CreateCollection) -> None:
        self._call(
            "CreateCollection",
            milvus_pb2.CreateCollectionRequest(
                db_name=o.database,
                collection_name=o.collection,
                schema=_schema(o.collection, o.shape).SerializeToString(),
                shards_num=o.shape.shards,
                num_partitions=o.shape.key_partitions,
            ),
        )

    def _drop_collection(self, o: op.DropCollection) -> None:
        self._call(
            "DropCollection", milvus_pb2.DropCollectionRequest(db_name=o.database, collection_name=o.collection)
        )

    def _rename_collection(self, o: op.RenameCollection) -> None:
        # Without newDBName it would go to the database `default`.
        request = milvus_pb2.RenameCollectionRequest(
            db_name=o.database, oldName=o.collection, newName=o.to, newDBName=o.database
        )
        self._call("RenameCollection", request)

    def _create_partition(self, o: op.CreatePartition) -> None:
        request = milvus_pb2.CreatePartitionRequest(
            db_name=o.database, collection_name=o.collection, partition_name=o.partition
        )
        self._call("CreatePartition", request)

    def _drop_partition(self, o: op.DropPartition) -> None:
        request = milvus_pb2.DropPartitionRequest(
            db_name=o.database, collection_name=o.collection, partition_name=o.partition
        )
        self._call("DropPartition", request)

    def _create_alias(self, o: op.CreateAlias) -> None:
        request = milvus_pb2.CreateAliasRequest(db_name=o.database, collection_name=o.collection, alias=o.alias)
        self._call("CreateAlias", request)

    def _alter_alias(self, o: op.AlterAlias) -> None:
        request = milvus_pb2.AlterAliasRequest(db_name=o.database, collection_name=o.collection, alias=o.alias)
        self._call("AlterAlias", request)

    def _drop_alias(self, o: op.DropAlias) -> None:
        self._call("DropAlias", milvus_pb2.DropAliasRequest(db_name=o.database, alias=o.alias))

    def _set_time_to_live(self, o: op.SetTimeToLive) -> None:
        request = milvus_pb2.AlterCollectionRequest(
            db_name=o.database,
            collection_name=o.collection,
            properties=[KeyValuePair(key="collection.ttl.seconds", value=str(o.seconds))],
        )
        # 2.3.5 writes to etcd what was there before: a change is seen there after the next one.
        for _ in range(2):
            self._call("AlterCollection", request)

    def _create_index(self, o: op.CreateIndex) -> None:
        parameters = {
            "index_type": o.index_type, "metric_type": o.metric, "params": json.dumps(_BUILD[o.index_type]),
        }
        request = milvus_pb2.CreateIndexRequest(
            db_name=o.database,
            collection_name=o.collection,
            field_name="vector",
            index_name=o.index,
            extra_params=[KeyValuePair(key=key, value=value) for key, value in parameters.items()],
        )
        self._call("CreateIndex", request)

    def _drop_index(self, o: op.DropIndex) -> None:
        request = milvus_pb2.DropIndexRequest(
            db_name=o.database, collection_name=o.collection, field_name="vector", index_name=o.index
        )
        self._call("DropIndex", request)

    def _load(self, o: op.Load) -> None:
        request = milvus_pb2.LoadCollectionRequest(
            db_name=o.database, collection_name=o.collection, replica_number=1
        )
        self._call("LoadCollection", request)

    def _release(self, o: op.Release) -> None:
        request = milvus_pb2.ReleaseCollectionRequest(db_name=o.database, collection_name=o.collection)
        self._call("ReleaseCollection", request)

    def _load_partitions(self, o: op.LoadPartitions) -> None:
        request = milvus_pb2.LoadPartitionsRequest(
            db_name=o.database, collection_name=o.collection, partition_names=o.partitions, replica_number=1
        )
        self._call("LoadPartitions", request)

    def _release_partitions(self, o: op.ReleasePartitions) -> None:
        request = milvus_pb2.ReleasePartitionsRequest(
            db_name=o.database, collection_name=o.collection, partition_names=o.partitions
        )
        self._call("ReleasePartitions", request)

    def _insert(self, o: op.Insert) -> None:
        kind = milvus_pb2.UpsertRequest if isinstance(o, op.Upsert) else milvus_pb2.InsertRequest
        answer = self._call(
            "Upsert" if isinstance(o, op.Upsert) else "Insert",
            kind(
                db_name=o.database,
                collection_name=o.collection,
                partition_name=o.partition,
                fields_data=_columns(o),
                num_rows=len(o.keys),
            ),
        )
        if o.shape.auto_id:
            ids = answer.IDs
            self._generated[o.version] = list(ids.str_id.data if o.shape.text_key else ids.int_id.data)

    def _delete(self, o: op.Delete) -> None:
        self._delete_keys(o, o.partition, _keys(o.shape, o.keys))

    def _delete_generated(self, o: op.DeleteGenerated) -> None:
        self._delete_keys(o, "", self._generated[o.version][: o.count])

    def _delete_keys(self, o: op.OnCollection, partition: str, keys: Iterable[int | str]) -> None:
        request = milvus_pb2.DeleteRequest(
            db_name=o.database,
            collection_name=o.collection,
            partition_name=partition,
            expr=f"id in {json.dumps(list(keys), ensure_ascii=False)}",
        )
        self._call("Delete", request)

    def _flush(self, o: op.Flush) -> None:
        self._call("Flush", milvus_pb2.FlushRequest(db_name=o.database, collection_names=[o.collection]))


_ACTIONS: dict[type[op.Operation], Callable[[Actor, Any], None]] = {
    op.CreateDatabase: Actor._create_database,
    op.DropDatabase: Actor._drop_database,
    op.CreateCollection: Actor._create_collection,
    op.DropCollection: Actor._drop_collection,
    op.RenameCollection: Actor._rename_collection,
    op.CreatePartition: Actor._create_partition,
    op.DropPartition: Actor._drop_partition,
    op.CreateAlias: Actor._create_alias,
    op.AlterAlias: Actor._alter_alias,
    op.DropAlias: Actor._drop_alias,
    op.SetTimeToLive: Actor._set_time_to_live,
    op.CreateIndex: Actor._create_index,
    op.DropIndex: Actor._drop_index,
    op.Load: Actor._load,
    op.Release: Actor._release,
    op.LoadPartitions: Actor._load_partitions,
    op.ReleasePartitions: Actor._release_partitions,
    op.Insert: Actor._insert,
    op.Upsert: Actor._insert,
    op.Delete: Actor._delete,
    op.DeleteGenerated: Actor._delete_generated,
    op.Flush: Actor._flush,
}


def _schema(name: str, shape: op.Shape) -> schema_pb2.CollectionSchema:
    key = schema_pb2.FieldSchema(
        name="id",
        data_type=schema_pb2.VarChar if shape.text_key else schema_pb2.Int64,
        is_primary_key=True,
        autoID=shape.auto_id,
        type_params=[KeyValuePair(key="max_length", value="64")] if shape.text_key else [],
    )
    dim = [KeyValuePair(key="dim", value=str(_DIM))]
    fields = [key, schema_pb2.FieldSchema(name="vector", data_type=schema_pb2.FloatVector, type_params=dim)]
    if shape.text:
        limit = [KeyValuePair(key="max_length", value="32")]
        fields.append(schema_pb2.FieldSchema(name="text", data_type=schema_pb2.VarChar, type_params=limit))
    if shape.key_partitions:
        fields.append(schema_pb2.FieldSchema(name="part", data_type=schema_pb2.Int64, is_partition_key=True))
    return schema_pb2.CollectionSchema(name=name, autoID=shape.auto_id, fields=fields, enable_dynamic_field=True)


def _keys(shape: op.Shape, keys: Iterable[int]) -> list[int] | list[str]:
    return [_text_key(key) for key in keys] if shape.text_key else list(keys)


def _text_key(key: int) -> str:
    return (f"k{key}", f'a "quoted" {key}', f"größe/{key}", f"日本{key}")[key % 4]


def read_versions(end: Endpoint, database: str, collection: str, partition: str) -> dict[int, int]:
    """Number of the key -> version of the row, as `Plan.rows` has them."""
    answer = end.query(database, collection, "version >= 0", ["$meta"], [partition] if partition else None)
    documents = next(c for c in answer.fields_data if c.type == schema_pb2.JSON).scalars.json_data.data
    rows = [json.loads(document) for document in documents]
    return {row["key"]: row["version"] for row in rows}


def read_copies(end: Endpoint, database: str, collection: str, partition: str, key: int) -> int:
    """How often the key is there; reading by key would show one of them."""
    answer = end.query(database, collection, f"key == {key}", ["count(*)"], [partition] if partition else None)
    return answer.fields_data[0].scalars.long_data.data[0]

def _columns(o: op.Insert) -> list[schema_pb2.FieldData]:
    """The rows follow from key and version."""
    columns = []
    if not o.shape.auto_id:
        values = _keys(o.shape, o.keys)
        columns.append(_texts("id", values) if o.shape.text_key else _numbers("id", values))
    floats = [value for key in o.keys for value in (key, o.version, 0.25, -1.5)]
    vectors = schema_pb2.VectorField(dim=_DIM, float_vector=schema_pb2.FloatArray(data=floats))
    columns.append(schema_pb2.FieldData(type=schema_pb2.FloatVector, field_name="vector", vectors=vectors))
    if o.shape.text:
        columns.append(_texts("text", [f"{key} of {o.version}" for key in o.keys]))
    if o.shape.key_partitions:
        columns.append(_numbers("part", [key % 7 for key in o.keys]))
    documents = [json.dumps({"version": o.version, "key": key}).encode() for key in o.keys]
    more = schema_pb2.ScalarField(json_data=schema_pb2.JSONArray(data=documents))
    columns.append(schema_pb2.FieldData(type=schema_pb2.JSON, field_name="$meta", is_dynamic=True, scalars=more))
    return columns


def _numbers(name: str, values: Iterable[Any]) -> schema_pb2.FieldData:
    scalars = schema_pb2.ScalarField(long_data=schema_pb2.LongArray(data=values))
    return schema_pb2.FieldData(type=schema_pb2.Int64, field_name=name, scalars=scalars)


def _texts(name: str, values: Iterable[Any]) -> schema_pb2.FieldData:
    scalars = schema_pb2.ScalarField(string_data=schema_pb2.StringArray(data=values))
    return schema_pb2.FieldData(type=schema_pb2.VarChar, field_name=name, scalars=scalars)
