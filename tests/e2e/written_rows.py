"""A collection that a test writes by plain requests, and the rows it must have."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

from pymilvus.grpc_gen import milvus_pb2, schema_pb2

from lab.flush import flush
from lab.rows import Endpoint, encode_column
from type_cases import Case

Cells = dict[str, bytes | None]


class Ledger:
    """A collection, written by plain requests, and the rows it must have."""

    def __init__(self, end: Endpoint, database: str, case: Case) -> None:
        self._end = end
        self.database = database
        self.case = case
        self.rows: dict[Any, Cells] = {}
        self._call("CreateCollection", milvus_pb2.CreateCollectionRequest(
            schema=case.schema().SerializeToString(), shards_num=case.shards, num_partitions=case.partitions
        ))

    def insert(self, numbers: Sequence[int], *, defaults: bool = False) -> None:
        self._write(milvus_pb2.InsertRequest, numbers, 0, defaults=defaults)

    def upsert(self, numbers: Sequence[int]) -> None:
        self._write(milvus_pb2.UpsertRequest, numbers, 1)

    def delete(self, keys: list[Any]) -> None:
        self._call("Delete", milvus_pb2.DeleteRequest(expr=f"id in {json.dumps(keys, ensure_ascii=False)}"))
        for key in keys:
            del self.rows[key]

    def read(self, end: Endpoint) -> dict[Any, Cells]:
        """The rows of the collection with this name on another server, where it must be loaded."""
        everything = 'id >= ""' if self.case.key == schema_pb2.VarChar else "id >= 0 or id < 0"
        names = ["id", *(column.name for column in self.case.all_columns())]
        if self.case.dynamic:
            names.append("$meta")
        answer = end.query(self.database, self.case.name, everything, names)
        keys = next(column for column in answer.fields_data if column.field_name == "id").scalars
        found = list(keys.long_data.data or keys.string_data.data)
        columns = {column.field_name: cells_of(column, len(found)) for column in answer.fields_data}
        return {key: {name: cells[at] for name, cells in columns.items() if name != "id"} for at, key in enumerate(found)}

    def now(self) -> int:
        """A time above that of everything written."""
        return self._end.call("AllocTimestamp", milvus_pb2.AllocTimestampRequest()).timestamp

    def keys(self) -> list[Any]:
        return list(self.rows)

    def flush(self) -> None:
        flush(self._end, self.database, self.case.name)

    def index(self) -> None:
        """The source compacts no segment without an index."""
        index = milvus_pb2.CreateIndexRequest(field_name="vector", index_name="by_vector")
        for key, value in (("index_type", "FLAT"), ("metric_type", "L2")):
            index.extra_params.add(key=key, value=value)
        self._call("CreateIndex", index)

    def compact(self) -> None:
        """Asks the source to merge segments of this collection, which it may do later or not at all."""
        collection = self._call("DescribeCollection", milvus_pb2.DescribeCollectionRequest()).collectionID
        self._end.call("ManualCompaction", milvus_pb2.ManualCompactionRequest(collectionID=collection))

    def _write(self, kind: Any, numbers: Sequence[int], version: int, *, defaults: bool = False) -> None:
        for first in range(0, len(numbers), self.case.rows_per_request):
            part = numbers[first : first + self.case.rows_per_request]
            data = self.case.data(part, version, defaults=defaults)
            method = kind.DESCRIPTOR.name.removesuffix("Request")
            answer = self._call(method, kind(fields_data=data, num_rows=len(part)))
            keys = list(answer.IDs.int_id.data or answer.IDs.str_id.data)
            if defaults:
                data = self.case.data(part, version)
            columns = {column.field_name: cells_of(column, len(part)) for column in data}
            for column in self.case.all_columns():
                if defaults and column.default is not None:
                    columns[column.name] = cells_of(_filled(column, len(part)), len(part))
            for at, key in enumerate(keys):
                self.rows[key] = {name: cells[at] for name, cells in columns.items() if name != "id"}

    def _call(self, method: str, request: Any) -> Any:
        request.db_name, request.collection_name = self.database, self.case.name
        return self._end.call(method, request)


def cells_of(column: schema_pb2.FieldData, rows: int) -> list[bytes | None]:
    """One byte string per row. "Not a number" has many; the files of 2.3.5 have another one than the insert."""
    cells = encode_column(column, rows)
    width = {schema_pb2.Float: "<f", schema_pb2.Double: "<d"}.get(column.type)
    if width is None:
        return cells
    return [b"nan" if cell and math.isnan(struct.unpack(width, cell)[0]) else cell for cell in cells]


def _filled(column: Any, rows: int) -> schema_pb2.FieldData:
    """What the source puts in when a column is left out."""
    result = column.left_out()
    kind = result.scalars.WhichOneof("data")
    getattr(result.scalars, kind).data.extend([column.default] * rows)
    return result
