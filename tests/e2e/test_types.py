"""Every type of field, with the values that go wrong first."""

from __future__ import annotations

from typing import Any

from pymilvus import CollectionSchema, DataType

from rows_for import plain
from world import World

LIMITS = {DataType.INT8: 7, DataType.INT16: 15, DataType.INT32: 31, DataType.INT64: 63}


def all_scalars(schema: CollectionSchema) -> None:
    schema.add_field("bool", DataType.BOOL)
    schema.add_field("int8", DataType.INT8)
    schema.add_field("int16", DataType.INT16)
    schema.add_field("int32", DataType.INT32)
    schema.add_field("int64", DataType.INT64)
    schema.add_field("float", DataType.FLOAT)
    schema.add_field("double", DataType.DOUBLE)
    schema.add_field("text", DataType.VARCHAR, max_length=1000)
    schema.add_field("json", DataType.JSON)


def scalars(key: int) -> dict[str, Any]:
    sign = -1 if key % 2 else 1
    texts = ("", "plain", 'quote " and \\ backslash', "line\nbreak\ttab", "größe 日本語 🙂", "x" * 900)
    documents: tuple[Any, ...] = (
        {},
        {"a": 1, "b": {"c": [1, 2.5, None, True, "x"]}},
        {"big": 9007199254740993, "small": -9223372036854775808, "float": 0.1},
        {"quote\"key": "日本", "empty": "", "nested": [[], {}, [[]]]},
        {"number": key},
    )
    return {
        "bool": key % 2 == 0,
        "int8": sign * (key % 128) if key else -(2**7),
        "int16": 2**15 - 1 - key if key % 3 else -(2**15),
        "int32": 2**31 - 1 - key if key % 3 else -(2**31),
        "int64": 2**63 - 1 - key if key % 3 else -(2**63),
        "float": sign * (0.1 + key) * (1e-30 if key % 5 == 0 else 1.0),
        "double": sign * (0.1 + key) * (1e-300 if key % 5 == 0 else 1e10),
        "text": texts[key % len(texts)],
        "json": documents[key % len(documents)],
    }


def test_all_scalar_types(world: World) -> None:
    world.start_task()
    world.make_collection("c", fields=all_scalars, shards=2, enable_dynamic_field=False)
    rows = [{"id": key, "vector": row["vector"], **scalars(key)} for key, row in enumerate(plain(range(240)))]
    world.client.insert("c", rows)
    assert world.expect_equal("c").target_rows == 240
    changed = [{"id": key, "vector": rows[key]["vector"], **scalars(key + 1)} for key in range(50)]
    world.client.upsert("c", changed)
    assert world.expect_equal("c").target_rows == 240


def test_dynamic_field(world: World) -> None:
    """Each row brings other columns."""
    world.start_task()
    world.make_collection("c")
    rows = plain(range(120))
    for row in rows:
        key = row["id"]
        row[f"only_{key % 7}"] = [key, str(key), {"deep": key / 3}]
        row["text"] = f"größe {key}"
        if key % 2:
            row["flag"] = True
    world.client.insert("c", rows)
    assert world.expect_equal("c").target_rows == 120


def test_keys_at_the_ends_of_their_range(world: World) -> None:
    world.start_task()
    world.make_collection("c", shards=2)
    # Milvus 2.3.5 itself cannot find the very last key, 2**63 - 1, by a query.
    keys = [0, 1, -1, 2**53, 2**53 + 1, 2**63 - 2, -(2**63), -(2**63) + 1, 1 << 40, -(1 << 40)]
    world.client.insert("c", plain(keys))
    assert world.expect_equal("c").target_rows == len(keys)
    world.client.delete("c", ids=[2**63 - 2, 2**53 + 1])
    assert world.expect_equal("c").target_rows == len(keys) - 2


def test_large_rows(world: World) -> None:
    """Rows whose insert is several megabytes must be cut into requests that the target accepts."""
    world.start_task()
    world.make_collection("c", dim=1024, fields=lambda s: s.add_field("text", DataType.VARCHAR, max_length=65535))
    rows = [{**row, "text": "x" * 20000} for row in plain(range(600), dim=1024)]
    world.client.insert("c", rows)
    assert world.expect_equal("c").target_rows == 600
