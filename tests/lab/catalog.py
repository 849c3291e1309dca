"""Reads what a Milvus holds, except the rows: databases, collections, schemas, aliases, partitions, indexes, load
states."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2, schema_pb2

from .rows import Endpoint, MilvusError

_INDEX_NOT_FOUND = 700
_LOAD_STATES = {
    common_pb2.LoadStateNotExist: "missing",
    common_pb2.LoadStateNotLoad: "released",
    common_pb2.LoadStateLoading: "loading",
    common_pb2.LoadStateLoaded: "loaded",
}


@dataclass
class Collection:
    """Plain values, so that two of them can be compared and printed."""

    database: str
    name: str
    schema: schema_pb2.CollectionSchema
    fields: dict[str, dict[str, Any]]
    shards: int
    dynamic: bool
    description: str
    properties: dict[str, str]
    consistency: str
    aliases: list[str]
    loaded: str = "released"
    # partition -> load state
    partitions: dict[str, str] = field(default_factory=dict)
    # index name -> its field and parameters
    indexes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def has_partition_key(self) -> bool:
        return any(f.is_partition_key for f in self.schema.fields)

    @property
    def loaded_partitions(self) -> list[str]:
        return [name for name, state in self.partitions.items() if state == "loaded"]


def read_databases(endpoint: Endpoint) -> list[str]:
    answer = endpoint.call("ListDatabases", milvus_pb2.ListDatabasesRequest())
    return sorted(answer.db_names)


def read_collections(endpoint: Endpoint, database: str) -> list[str]:
    answer = endpoint.call("ShowCollections", milvus_pb2.ShowCollectionsRequest(db_name=database))
    return sorted(answer.collection_names)


def collection_id(endpoint: Endpoint, database: str, name: str) -> int:
    return int(_describe(endpoint, database, name).collectionID)


def read_collection(endpoint: Endpoint, database: str, name: str) -> Collection:
    described = _describe(endpoint, database, name)
    schema = described.schema
    result = Collection(
        database=database,
        name=name,
        schema=schema,
        fields={f.name: _field(f) for f in schema.fields if not f.is_dynamic},
        shards=described.shards_num,
        dynamic=schema.enable_dynamic_field,
        description=schema.description,
        properties={p.key: p.value for p in described.properties},
        consistency=common_pb2.ConsistencyLevel.Name(described.consistency_level),
        aliases=sorted(described.aliases),
    )
    result.loaded = load_state(endpoint, database, name)
    shown = endpoint.call("ShowPartitions", milvus_pb2.ShowPartitionsRequest(db_name=database, collection_name=name))
    for partition in sorted(shown.partition_names):
        result.partitions[partition] = load_state(endpoint, database, name, partition)
    result.indexes = _indexes(endpoint, database, name)
    return result


def read_aliases(endpoint: Endpoint, database: str, collection: str) -> list[str]:
    """Not for 2.3.5, which looks at the database `default` only, whatever is asked."""
    request = milvus_pb2.ListAliasesRequest(db_name=database, collection_name=collection)
    return sorted(endpoint.call("ListAliases", request).aliases)


def load_state(endpoint: Endpoint, database: str, collection: str, partition: str = "") -> str:
    try:
        answer = endpoint.call(
            "GetLoadState",
            milvus_pb2.GetLoadStateRequest(
                db_name=database, collection_name=collection, partition_names=[partition] if partition else []
            ),
        )
    except MilvusError as error:
        # 2.3.5 answers 101 "collection not loaded" for a partition of a released collection.
        if error.code in (101, 202):
            return "released"
        raise
    return _LOAD_STATES[answer.state]


def _describe(endpoint: Endpoint, database: str, name: str) -> milvus_pb2.DescribeCollectionResponse:
    request = milvus_pb2.DescribeCollectionRequest(db_name=database, collection_name=name)
    return endpoint.call("DescribeCollection", request)


def _field(item: schema_pb2.FieldSchema) -> dict[str, Any]:
    """What a user gave for the field. Without autoID: the target must keep the source's keys, so it has none."""
    result: dict[str, Any] = {
        "type": schema_pb2.DataType.Name(item.data_type),
        "description": item.description,
        "params": {p.key: str(p.value) for p in item.type_params},
    }
    if item.is_primary_key:
        result["primary key"] = True
    if item.is_partition_key:
        result["partition key"] = True
    if item.data_type == schema_pb2.Array:
        result["element type"] = schema_pb2.DataType.Name(item.element_type)
    if item.HasField("default_value"):
        result["default"] = str(item.default_value).strip()
    if item.nullable:
        result["nullable"] = True
    return result


def _indexes(endpoint: Endpoint, database: str, collection: str) -> dict[str, dict[str, str]]:
    try:
        answer = endpoint.call(
            "DescribeIndex", milvus_pb2.DescribeIndexRequest(db_name=database, collection_name=collection)
        )
    except MilvusError as error:
        if error.code == _INDEX_NOT_FOUND:
            return {}
        raise
    return {d.index_name: {"field": d.field_name, **_index_params(d.params)} for d in answer.index_descriptions}


def _index_params(pairs: Any) -> dict[str, str]:
    """Index parameters arrive flat or as one JSON text under the key `params`; both mean the same."""
    result: dict[str, str] = {}
    for pair in pairs:
        if pair.key == "params":
            result.update({name: str(value) for name, value in json.loads(pair.value or "{}").items()})
        else:
            result[pair.key] = str(pair.value)
    return result
