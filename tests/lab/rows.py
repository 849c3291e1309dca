"""Reads every row of a collection, all fields, straight from the service's columns.

Uses the generated gRPC stub instead of pymilvus' client: the client builds a Python dict per row, which takes longer
than the replication under test.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2

from .waiting import PATIENCE

# An answer must stay below the 64 MB that a Milvus proxy sends; our guess of its size may be wrong by a factor of two.
_BYTES_PER_READ = 24 << 20
# A query that a busy Milvus does not answer within this may never be answered: it is asked again.
_QUERY_S = 60.0
_MESSAGE_LIMIT = 512 << 20


class MilvusError(Exception):
    def __init__(self, call: str, status: common_pb2.Status) -> None:
        super().__init__(f"{call}: {status.reason} (code {status.code}, {status.error_code})")
        self.code = status.code


class Endpoint:
    """One Milvus, by address. Cheap; close it or let the process end."""

    def __init__(self, uri: str, *, token: str = "", authority: Path | None = None) -> None:
        """`token`: user:password. `authority`: who has signed the certificate of an https server."""
        self.uri = uri
        self._metadata = [("authorization", base64.b64encode(token.encode()).decode())] if token else []
        options = [
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
            # Servers on one machine come and go: do not let a dead connection be reused.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        address = uri.split("://")[1]
        if authority is None:
            self.channel = grpc.insecure_channel(address, options)
        else:
            credentials = grpc.ssl_channel_credentials(authority.read_bytes())
            self.channel = grpc.secure_channel(address, credentials, options)
        self.stub = milvus_pb2_grpc.MilvusServiceStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, timeout: float = PATIENCE) -> Any:
        """Calls a method of MilvusService; raises MilvusError when its status is not success."""
        answer = getattr(self.stub, method)(request, timeout=timeout, metadata=self._metadata)
        status = answer if isinstance(answer, common_pb2.Status) else answer.status
        if status.code != 0 or status.error_code != 0:
            raise MilvusError(method, status)
        return answer

    def query(
        self, database: str, collection: str, expression: str, fields: list[str], partitions: list[str] | None = None
    ) -> milvus_pb2.QueryResults:
        request = milvus_pb2.QueryRequest(
            db_name=database,
            collection_name=collection,
            expr=expression,
            output_fields=fields,
            partition_names=partitions or [],
            consistency_level=common_pb2.Strong,
            use_default_consistency=False,
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.call("Query", request, timeout=_QUERY_S)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED or time.monotonic() >= deadline:
                    raise

    def count(self, database: str, collection: str, partition: str = "") -> int:
        """count(*), which unlike other queries counts the copies of one key."""
        answer = self.query(database, collection, "", ["count(*)"], [partition] if partition else None)
        return answer.fields_data[0].scalars.long_data.data[0]


@dataclass
class Rows:
    """The rows of a collection: per partition, key -> hash of the whole row."""

    partitions: dict[str, dict[Any, bytes]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.partitions.values())

    def digest(self) -> str:
        """Equal exactly when the same rows are in the same partitions; the order of reading does not matter."""
        total = 0
        for partition, rows in self.partitions.items():
            prefix = partition.encode()
            for row in rows.values():
                total += int.from_bytes(hashlib.blake2b(prefix + b"\0" + row, digest_size=16).digest(), "big")
        return f"{total % (1 << 128):032x}"


def read_rows(
    endpoint: Endpoint,
    database: str,
    collection: str,
    schema: schema_pb2.CollectionSchema,
    partitions: list[str],
    *,
    by_partition: bool = True,
) -> Rows:
    """Reads all rows of `partitions`, which must be loaded. Strong consistency: what was acknowledged is seen.

    Without `by_partition` all rows of the collection are put under the name "" (for partition-key collections: their
    partitions have other names on other servers, and cannot be named in a query).
    """
    key = next(f for f in schema.fields if f.is_primary_key)
    fields = [f.name for f in schema.fields if not f.is_dynamic]
    if schema.enable_dynamic_field:
        fields.append("$meta")
    result = Rows()
    for name in partitions if by_partition else [""]:
        rows = result.partitions.setdefault(name, {})
        group = [name] if name else []
        step = max(50, _BYTES_PER_READ // _row_bytes(schema))
        if endpoint.count(database, collection, name) <= step:
            answer = endpoint.query(database, collection, _everything(key), fields, group)
            rows.update(hash_rows(answer.fields_data, key.name))
            continue
        keys = _all_keys(endpoint, database, collection, key, group)
        for first in range(0, len(keys), step):
            part = keys[first : first + step]
            expression = f"{key.name} >= {_literal(part[0])} and {key.name} <= {_literal(part[-1])}"
            answer = endpoint.query(database, collection, expression, fields, group)
            rows.update(hash_rows(answer.fields_data, key.name))
    return result


def _all_keys(
    endpoint: Endpoint, database: str, collection: str, key: schema_pb2.FieldSchema, partitions: list[str]
) -> list[Any]:
    answer = endpoint.query(database, collection, _everything(key), [key.name], partitions)
    for column in answer.fields_data:
        if column.field_name == key.name:
            return sorted(set(_scalars(column)))
    return []


def _everything(key: schema_pb2.FieldSchema) -> str:
    """An expression that is true for every key."""
    name = key.name
    return f'{name} >= ""' if key.data_type == schema_pb2.VarChar else f"{name} >= 0 or {name} < 0"


def _literal(key: int | str) -> str:
    return str(key) if isinstance(key, int) else json.dumps(key, ensure_ascii=False)


def _row_bytes(schema: schema_pb2.CollectionSchema) -> int:
    """A generous guess of the bytes of one row."""
    total = 64
    for item in schema.fields:
        params = {p.key: p.value for p in item.type_params}
        total += 4 * int(params.get("dim", 0)) + min(int(params.get("max_length", 0)), 1024) + 16
        if item.data_type in (schema_pb2.JSON, schema_pb2.Array):
            total += 512
    return total


def hash_rows(fields_data: Iterable[schema_pb2.FieldData], key: str) -> Iterator[tuple[Any, bytes]]:
    """The key and the hash of each row."""
    columns = sorted(fields_data, key=lambda column: column.field_name)
    keys = next((list(_scalars(column)) for column in columns if column.field_name == key), [])
    encoded = [(column.field_name.encode(), encode_column(column, len(keys))) for column in columns]
    for row, value in enumerate(keys):
        digest = hashlib.blake2b(digest_size=16)
        for name, cells in encoded:
            cell = cells[row]
            digest.update(name + b"\0" + struct.pack("<q", -1 if cell is None else len(cell)) + (cell or b""))
        yield value, digest.digest()


def _scalars(column: schema_pb2.FieldData) -> Any:
    kind = column.scalars.WhichOneof("data")
    return getattr(column.scalars, kind).data if kind else []


def encode_column(column: schema_pb2.FieldData, rows: int) -> list[bytes | None]:
    """One byte string per row, equal for equal values. Floats keep their exact bits."""
    if column.WhichOneof("field") == "vectors":
        return _encode_vectors(column)
    values = list(_scalars(column))
    valid = list(column.valid_data)
    if valid and len(values) < rows:  # only the values that are not null are sent
        given = iter(values)
        values = [next(given) if ok else None for ok in valid]
    encode = _CELL.get(column.type, lambda value: repr(value).encode())
    return [None if valid and not valid[i] else encode(value) for i, value in enumerate(values)]


def _encode_vectors(column: schema_pb2.FieldData) -> list[bytes | None]:
    vectors = column.vectors
    kind = vectors.WhichOneof("data")
    dim = vectors.dim
    if kind == "float_vector":
        table = np.array(vectors.float_vector.data, dtype="<f4").reshape(-1, dim)
        return [row.tobytes() for row in table]
    if kind == "sparse_float_vector":
        return list(vectors.sparse_float_vector.contents)
    width = {"binary_vector": dim // 8, "float16_vector": dim * 2, "bfloat16_vector": dim * 2, "int8_vector": dim}[kind]
    data = getattr(vectors, kind)
    return [data[at : at + width] for at in range(0, len(data), width)]


def _array(value: schema_pb2.ScalarField) -> bytes:
    """An array without elements may or may not say of which kind they would be."""
    kind = value.WhichOneof("data")
    return value.SerializeToString(deterministic=True) if kind and getattr(value, kind).data else b""


def canonical_json(value: bytes) -> bytes:
    """The same document however it was written: keys sorted, no blanks. Numbers keep int and float apart."""
    return json.dumps(json.loads(value or b"{}"), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


_CELL = {
    schema_pb2.Bool: lambda value: b"\1" if value else b"\0",
    schema_pb2.Float: lambda value: struct.pack("<f", value),
    schema_pb2.Double: lambda value: struct.pack("<d", value),
    schema_pb2.VarChar: lambda value: value.encode(),
    schema_pb2.JSON: canonical_json,
    schema_pb2.Array: _array,
}
