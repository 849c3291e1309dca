"""Collections that together have every type of field, with the values that go wrong first."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymilvus.grpc_gen import schema_pb2 as pb

INF, NAN = math.inf, math.nan

# Keys that need escaping in expressions, or are not ASCII.
TEXTS = (
    "plain",
    'a "quoted" key',
    "it's",
    "back\\slash",
    "trailing\\",
    '\\"both\\"',
    "größe/日本語 🙂",
    "line\nbreak, tab\t, return\r",
    "percent % and _",
    " blanks ",
    "in [1, 2]",
    "e\u0301 combining, \u2028 separator",
    "\u0001 control",
    "x" * 500,
)

_SCALAR_DATA = {
    pb.Bool: "bool_data",
    pb.Int8: "int_data",
    pb.Int16: "int_data",
    pb.Int32: "int_data",
    pb.Int64: "long_data",
    pb.Float: "float_data",
    pb.Double: "double_data",
    pb.VarChar: "string_data",
    pb.JSON: "json_data",
}
_VECTOR_DATA = {pb.BinaryVector: "binary_vector", pb.Float16Vector: "float16_vector"}


@dataclass(frozen=True)
class Column:
    """A field. Row n of version v has the value number n + v, from the beginning again after the last."""

    name: str
    type: int
    values: Sequence[Any]
    label: str = ""  # the row of the table that it is an example of
    element: int = 0
    params: dict[str, int] = field(default_factory=dict)
    default: Any = None
    partition_key: bool = False

    def schema(self) -> pb.FieldSchema:
        result = pb.FieldSchema(
            name=self.name, data_type=self.type, element_type=self.element, is_partition_key=self.partition_key
        )
        for key, value in self.params.items():
            result.type_params.add(key=key, value=str(value))
        if self.default is not None:
            setattr(result.default_value, _SCALAR_DATA[self.type], self.default)
        return result

    def data(self, numbers: Sequence[int], version: int) -> pb.FieldData:
        result = pb.FieldData(type=self.type, field_name=self.name)
        values = [self.values[(number + version) % len(self.values)] for number in numbers]
        if self.type == pb.FloatVector:
            result.vectors.dim = self.params["dim"]
            for value in values:
                result.vectors.float_vector.data.extend(value)
        elif self.type in _VECTOR_DATA:
            result.vectors.dim = self.params["dim"]
            setattr(result.vectors, _VECTOR_DATA[self.type], b"".join(values))
        elif self.type == pb.Array:
            arrays = result.scalars.array_data
            arrays.element_type = self.element
            for value in values:
                # Always with its kind: 2.3.5 ends at an array that has none.
                array = getattr(arrays.data.add(), _SCALAR_DATA[self.element])
                array.SetInParent()
                array.data.extend(value)
        else:
            getattr(result.scalars, _SCALAR_DATA[self.type]).data.extend(values)
        return result

    def left_out(self) -> pb.FieldData:
        """What makes 2.3.5 fill in the default: a column without values. Without the column it ends itself."""
        result = pb.FieldData(type=self.type, field_name=self.name)
        getattr(result.scalars, _SCALAR_DATA[self.type]).SetInParent()
        return result


@dataclass(frozen=True)
class Case:
    """A collection."""

    name: str
    columns: tuple[Column, ...]
    labels: tuple[str, ...] = ()  # rows of the table besides those of the columns
    key: int = pb.Int64
    keys: Sequence[Any] = tuple(range(45))
    auto_id: bool = False
    dynamic: bool = False
    shards: int = 1
    partitions: int = 0
    rows_per_request: int = 1000
    # 2.3.5 ends itself when two inserts with Float16Vector meet between two ticks of a loaded collection.
    one_insert: bool = False
    vector: Column | None = None

    def rows_of_the_table(self) -> list[str]:
        return [*self.labels, *(column.label for column in self.all_columns() if column.label)]

    def all_columns(self) -> tuple[Column, ...]:
        return (self.vector or FLOAT_VECTOR, *self.columns)

    def schema(self) -> pb.CollectionSchema:
        key = pb.FieldSchema(name="id", data_type=self.key, is_primary_key=True, autoID=self.auto_id)
        if self.key == pb.VarChar:
            key.type_params.add(key="max_length", value="1000")
        fields = [key, *(column.schema() for column in self.all_columns())]
        return pb.CollectionSchema(name=self.name, fields=fields, enable_dynamic_field=self.dynamic)

    def data(self, numbers: Sequence[int], version: int, *, defaults: bool = False) -> list[pb.FieldData]:
        result = []
        if not self.auto_id:
            keys = pb.FieldData(type=self.key, field_name="id")
            getattr(keys.scalars, _SCALAR_DATA[self.key]).data.extend(self.keys[number] for number in numbers)
            result.append(keys)
        for column in self.all_columns():
            result.append(column.left_out() if defaults and column.default is not None else column.data(numbers, version))
        if self.dynamic:
            meta = DYNAMIC.data(numbers, version)
            meta.is_dynamic = True
            result.append(meta)
        return result


def _json(*documents: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(document, ensure_ascii=False).encode() for document in documents)


def _floats(bits: str, largest: float, smallest: float) -> tuple[float, ...]:
    return tuple(
        struct.unpack(bits, struct.pack(bits, value))[0]
        for value in (0.0, -0.0, 0.1, -1 / 3, largest, -largest, smallest, -smallest, INF, -INF, NAN)
    )


FLOATS = _floats("<f", 3.4028234663852886e38, 1e-45)
DOUBLES = _floats("<d", 1.7976931348623157e308, 5e-324)
INTS = {bits: (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))) for bits in (8, 16, 32, 64)}
STRINGS = ("", *TEXTS, "nul \0 inside")
# A vector may be anything but not a number or infinite.
FLOAT_VECTOR = Column(
    "vector",
    pb.FloatVector,
    [(a, b, -0.0, 0.5, 1e-45, 3.4028234663852886e38, 0.1, -1 / 3) for a, b in zip(range(11), range(11, 22), strict=True)],
    params={"dim": 8},
)
# No key is named like a field of `scalars`: Milvus Lite would put its value into that field.
DYNAMIC = Column(
    "$meta",
    pb.JSON,
    _json(
        {},
        {"a": 1, "b": {"c": [1, 2.5, None, True, {"deep": {"deeper": ["x", [], {}]}}]}},
        {'quote"key': "日本 \\ \"", "": "empty key"},
        {"n": None, "big": 2**53 + 1, "low": -(2**63), "high": 2**63 - 1, "tenth": 0.1, "tiny": 5e-324},
        {"words": "x" * 60_000},
    ),
)
DOCUMENTS = (
    *DYNAMIC.values,
    b' { "spaced" : 1.0 , "exponent":1E5, "escaped":"\\u00e9\\n\\/" } ',
    b'{"very big":123456789012345678901234567890}',
    b'{"twice":1,"twice":2}',
)


def _scalars() -> tuple[Column, ...]:
    columns = [
        Column("bool", pb.Bool, (True, False), "Bool"),
        Column("int8", pb.Int8, INTS[8], "Int8"),
        Column("int16", pb.Int16, INTS[16], "Int16"),
        Column("int32", pb.Int32, INTS[32], "Int32"),
        Column("int64", pb.Int64, INTS[64], "Int64"),
        Column("float", pb.Float, FLOATS, "Float (also inf, nan, -0.0)"),
        Column("double", pb.Double, DOUBLES, "Double (also inf, nan, -0.0)"),
        Column("text", pb.VarChar, STRINGS, "VarChar (also empty)", params={"max_length": 1000}),
        Column("long_text", pb.VarChar, ("x" * 65_535, "", "ü" * 32_767), "VarChar of 64 KiB", params={"max_length": 65_535}),
        Column("json", pb.JSON, DOCUMENTS, "JSON"),
    ]
    elements = {
        "Bool": (True, False, True),
        "Int8": INTS[8],
        "Int16": INTS[16],
        "Int32": INTS[32],
        "Int64": INTS[64],
        "Float": FLOATS,
        "Double": DOUBLES,
        "VarChar": STRINGS,
    }
    for name, values in elements.items():
        limits = {"max_capacity": 100, **({"max_length": 600} if name == "VarChar" else {})}
        columns.append(
            Column(
                f"array_{name.lower()}",
                pb.Array,
                (values, (), values[:1], values * 4),
                f"Array of {name} (also empty)",
                element=pb.DataType.Value(name),
                params=limits,
            )
        )
    return tuple(columns)


def _defaults() -> tuple[Column, ...]:
    given = {"Bool": True, "Int8": -5, "Int16": 7, "Int32": 9, "Int64": 2**60, "Float": 1.5, "Double": -2.25}
    columns = [
        Column(f"default_{name.lower()}", pb.DataType.Value(name), (value, type(value)(0)), default=value)
        for name, value in given.items()
    ]
    text = Column("default_text", pb.VarChar, ("", "given"), default='dé"f\\', params={"max_length": 50})
    return (*columns, text)


def _bytes(seed: int, width: int) -> list[bytes]:
    return [np.random.default_rng((seed, row)).bytes(width) for row in range(7)]


def _halves() -> list[bytes]:
    # Not a number or infinite is not taken, but all else: the largest, the smallest, minus zero.
    return [np.array([row, -0.0, 65504, -65504, 6e-8, 0.1, 1 / 3, -row], dtype="<f2").tobytes() for row in range(7)]


CASES = (
    Case("scalars", _scalars(), ("Int64 key", "FloatVector", "Dynamic field, nested"), dynamic=True),
    Case(
        "binary", (), vector=Column("vector", pb.BinaryVector, _bytes(1, 16), "BinaryVector", params={"dim": 128})
    ),
    Case(
        "half",
        (),
        vector=Column("vector", pb.Float16Vector, _halves(), "Float16Vector", params={"dim": 8}),
        one_insert=True,
    ),
    Case(
        "text_keys",
        (Column("text", pb.VarChar, STRINGS, params={"max_length": 1000}),),
        ("VarChar key",),
        key=pb.VarChar,
        keys=[f"{text}{n // len(TEXTS) or ''}" for n, text in zip(range(45), TEXTS * 4, strict=False)],
    ),
    Case("auto_int64", (), ("Int64 key, autoID",), auto_id=True),
    Case("auto_varchar", (), ("VarChar key, autoID",), key=pb.VarChar, auto_id=True),
    Case("defaults", _defaults(), ("Default values",)),
    Case("routed_int64", (Column("k", pb.Int64, range(1000), "Int64 partition key", partition_key=True),)),
    Case(
        "routed_varchar",
        (
            Column(
                "k", pb.VarChar, TEXTS, "VarChar partition key, 5 partitions", params={"max_length": 600}, partition_key=True
            ),
        ),
        partitions=5,
    ),
    Case("sharded", (), ("16 shards",), shards=16),
    Case(
        "large",
        # 5 MiB is the most that a message of 2.3.5 may have.
        (
            Column(
                "texts",
                pb.Array,
                [[letter * 60_000] * 84 for letter in "abc"],
                "Rows of 4.8 MiB",
                element=pb.VarChar,
                params={"max_capacity": 100, "max_length": 65_535},
            ),
        ),
        keys=range(4),
        rows_per_request=1,
    ),
    Case("null_document", (Column("json", pb.JSON, _json(None, {"a": 1}), "JSON `null`"),)),
)
