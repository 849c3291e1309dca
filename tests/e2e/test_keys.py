"""Primary keys that are hard to name in a delete: values with every kind of character, names that are reserved words."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from pymilvus import DataType

from lab.cdc_client import create_request
from rows_for import plain, vector
from world import World

# What a quoting of texts can get wrong: quotes, escapes and their beginnings, every control character, wildcards,
# braces (templates), line ends, characters of two to four bytes.
_PIECES = [
    *"\\\"'`%_{}[]()$,;:?*/ \t\n\r",
    *(chr(code) for code in (*range(0, 9), 11, 12, *range(14, 32), 127, 0x85, 0xA0, 0x2028, 0xFEFF, 0xFFFF, 0x10FFFF)),
    *("u4e2d", "x41", "101", "U0001F600", "n", "{a}", "${a}", "%s", "in", "null", "é", "中", "々", "か", "한", "🙂", "𠀀"),
]


def text_keys(seed: int, count: int) -> list[str]:
    choice = random.Random(seed)
    keys = {"", " ", "\\", '"', "\\\\", '\\"', "\\u4e2d", "中\\u4e2d", "\0", '"] or id != ["'}
    while len(keys) < count:
        keys.add("".join(choice.choice(_PIECES) for _ in range(choice.randint(1, 12))))
    return sorted(keys)


def number_keys(seed: int, count: int) -> list[int]:
    choice = random.Random(seed)
    # Milvus 2.3.5 itself cannot find the very last key, 2**63 - 1, by a query.
    keys = {-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**53, 2**53 + 1}
    while len(keys) < count:
        keys.add(choice.randint(-(2**63), 2**63 - 2) >> choice.randint(0, 63))
    return sorted(keys)


def literal(key: int | str) -> str:
    """As a 2.3.5 reads it; pymilvus writes keys into its deletes as Python shows them."""
    if isinstance(key, int):
        return f"{key + 1}-1" if key == -(2**63) else str(key)
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in key) + '"'


@pytest.mark.parametrize("seed", [1, 2])
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
