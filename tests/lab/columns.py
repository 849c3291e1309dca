"""Columns as Milvus writes them to its queue, from rows as Python values."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pymilvus.grpc_gen import schema_pb2 as pb

# The array of a ScalarField, and what stands in the place of a null.
_SCALARS = {
    pb.Bool: ("bool_data", False),
    pb.Int8: ("int_data", 0),
    pb.Int16: ("int_data", 0),
    pb.Int32: ("int_data", 0),
    pb.Int64: ("long_data", 0),
    pb.Float: ("float_data", 0.0),
    pb.Double: ("double_data", 0.0),
    pb.VarChar: ("string_data", ""),
    pb.JSON: ("json_data", b""),
}
_VECTOR_BYTES = {
    pb.BinaryVector: "binary_vector",
    pb.Float16Vector: "float16_vector",
    pb.BFloat16Vector: "bfloat16_vector",
    pb.Int8Vector: "int8_vector",
}


def column(field: pb.FieldSchema, values: Sequence[Any]) -> pb.FieldData:
    """All rows of one field. None is a null: it has a placeholder among the data and is not valid. Vectors are sequences
    of floats, dicts (sparse ones), or bytes."""
    result = pb.FieldData(
        type=field.data_type, field_name=field.name, field_id=field.fieldID, is_dynamic=field.is_dynamic
    )
    if field.nullable:
        result.valid_data.extend(value is not None for value in values)
    if field.data_type in _SCALARS:
        name, empty = _SCALARS[field.data_type]
        getattr(result.scalars, name).data.extend(empty if value is None else value for value in values)
    elif field.data_type == pb.Array:
        arrays = result.scalars.array_data
        arrays.element_type = field.element_type
        for value in values:
            array = getattr(arrays.data.add(), _SCALARS[field.element_type][0])
            array.SetInParent()
            array.data.extend(value or ())
    elif field.data_type == pb.SparseFloatVector:
        contents = [b"".join(struct.pack("<If", *item) for item in sorted(value.items())) for value in values]
        sparse = result.vectors.sparse_float_vector
        sparse.contents.extend(contents)
        sparse.dim = result.vectors.dim = 1 + max((index for value in values for index in value), default=-1)
    else:
        result.vectors.dim = int(next(param.value for param in field.type_params if param.key == "dim"))
        if field.data_type == pb.FloatVector:
            for value in values:
                result.vectors.float_vector.data.extend(value)
        else:
            setattr(result.vectors, _VECTOR_BYTES[field.data_type], b"".join(values))
    return result
