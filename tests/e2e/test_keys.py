"""Primary keys that are hard to name in a delete: values with every kind of character, names that are reserved words.

    KEY_SEEDS=1-50 .cache/venv/bin/python -m pytest tests/e2e/test_keys.py     # as many as you like; without it two
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymilvus import DataType

from key_cases import long_text_keys, number_keys, numbers, text_keys
from lab.cdc_client import create_request
from lab.waiting import NotYet, eventually
from rows_for import plain, vector
from world import World

def literal(key: int | str) -> str:
    """As a 2.3.5 reads it; pymilvus writes keys into its deletes as Python shows them."""
    if isinstance(key, int):
        return f"{key + 1}-1" if key == -(2**63) else str(key)
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in key) + '"'


@pytest.mark.parametrize("seed", numbers("KEY_SEEDS", "1-2"))
@pytest.mark.parametrize(
    "key, make", [(DataType.INT64, number_keys), (DataType.VARCHAR, text_keys)], ids=["int64", "varchar"]
)
def test_keys_of_every_kind(world: World, key: DataType, make: Callable[[int, int], list[Any]], seed: int) -> None:
    """Half of the keys are deleted, the least and the empty one too, some of the others replaced."""
    world.start_task()
    world.make_collection("c", key=key, shards=2)
    keys = make(seed, 600)
    rows = [{**row, "id": each} for row, each in zip(plain(range(len(keys))), keys, strict=True)]
    world.client.insert("c", rows)
    assert world.expect_equal("c").target_rows == len(keys)
    world.client.delete("c", filter=f"id in [{','.join(map(literal, keys[::2]))}]")
    world.client.upsert("c", [{**row, "version": 1} for row in rows[1::6]])
    assert world.expect_equal("c").target_rows == len(keys) // 2


def test_keys_as_long_as_they_may_be(world: World) -> None:
    world.start_task()
    world.make_collection("c", key=DataType.VARCHAR, max_length=65_535)
    keys = long_text_keys(65_535)
    rows = [{**row, "id": each} for row, each in zip(plain(range(len(keys))), keys, strict=True)]
    for first in range(0, len(rows), 6):
        world.client.insert("c", rows[first : first + 6])
    assert world.expect_equal("c").target_rows == len(keys)
    for key in keys[::2]:
        world.client.delete("c", filter=f"id in [{literal(key)}]")
    world.client.upsert("c", [{**row, "version": 1} for row in rows[1::4]])
    assert world.expect_equal("c").target_rows == len(keys) // 2


def test_the_greatest_key(world: World) -> None:
    """No query of Milvus 2.3.5 finds it, but count(*) does, and so do deletes and upserts."""
    world.start_task()
    world.make_collection("c")
    greatest = 2**63 - 1
    world.client.insert("c", [{**plain([1])[0], "id": key} for key in (greatest, greatest - 1, 5)])

    def holds(rows: int) -> None:
        counts = (world.source_end.count(world.database, "c"), world.target_count("c"))
        if counts != (rows, rows):
            raise NotYet(f"{counts} rows")

    eventually(lambda: holds(3), what="all are there")
    world.client.upsert("c", [{**plain([1])[0], "id": greatest, "version": 1}])
    world.client.delete("c", filter="id in [5]")
    eventually(lambda: holds(2), what="one is deleted, one replaced")
    world.client.delete("c", filter=f"id in [{greatest}]")
    eventually(lambda: holds(1), what="the greatest is deleted")
    assert world.expect_equal("c").target_rows == 1


RESERVED = pytest.mark.parametrize("name", ["in", "like", "not", "exists", "TRUE", " id "])


def make_collection_with_key(world: World, collection: str, name: str) -> None:
    """`n` is there to read the rows by."""
    schema = world.client.create_schema()
    schema.add_field(name, DataType.INT64, is_primary=True)
    schema.add_field("n", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    world.client.create_collection(collection, schema=schema)
    world.make_index(collection)
    world.client.load_collection(collection)


def rows_with_key(name: str, keys: range, n: int) -> list[dict[str, Any]]:
    return [{name: key, "n": n, "vector": vector(key)} for key in keys]


def expect_the_reason(text: str, world: World, name: str) -> None:
    for part in (f"{world.database}.c", f'"{name}"', "standby", "exclude"):
        assert part in text, f"{part} is not in: {text}"


@RESERVED
def test_a_key_that_no_delete_can_name_is_refused_if_nothing_else_is_covered(world: World, name: str) -> None:
    make_collection_with_key(world, "c", name)
    only = create_request(world.target.uri, db_collections={world.database: [{"name": "c"}]})
    answer = world.cdc.client.answer("create", only)
    assert answer["code"] == 400
    expect_the_reason(answer["message"], world, name)
    strict = create_request(
        world.target.uri, db_collections={world.database: [{"name": "*"}]}, on_collection_error="pause"
    )
    assert world.cdc.client.answer("create", strict)["code"] == 400


@RESERVED
def test_a_key_that_no_delete_can_name_is_set_aside(world: World, name: str) -> None:
    make_collection_with_key(world, "c", name)
    world.make_collection("d")
    task = world.start_task()
    world.client.insert("d", plain(range(10)))
    expect_the_reason(world.expect_set_aside(task, "c"), world, name)
    assert world.expect_equal("d").target_rows == 10
    make_collection_with_key(world, "later", name)
    world.expect_set_aside(task, "later", f'"{name}"')
    world.client.insert("d", plain(range(10, 20)))
    assert world.expect_equal("d").target_rows == 20
