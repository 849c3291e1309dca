"""The comparison itself: it must see every kind of difference, or the other tests prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient

from lab.client import connect
from lab.compare import LITE, Comparison, compare_collection
from lab.rows import Endpoint
from rows_for import plain
from world import Target


class Pair:
    """Two databases of one server with the same collection `c` in both; a test then changes one of them."""

    def __init__(self, uri: str) -> None:
        self._end = Endpoint(uri)
        admin = connect(uri)
        self.sides: list[MilvusClient] = []
        for name in ("left", "right"):
            admin.create_database(name)
            client = connect(uri, name)
            schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
            schema.add_field("float", DataType.FLOAT)
            schema.add_field("json", DataType.JSON)
            client.create_collection("c", schema=schema)
            client.create_partition("c", "p")
            index = client.prepare_index_params()
            index.add_index("vector", index_type="FLAT", metric_type="L2")
            client.create_index("c", index)
            client.load_collection("c")
            client.insert("c", rows(range(100)))
            client.insert("c", rows(range(100, 120)), partition_name="p")
            self.sides.append(client)
        admin.close()
        self.right = self.sides[1]

    def compare(self, **options: Any) -> Comparison:
        return compare_collection(
            self._end, self._end, "c", "left", target_database="right", kind=LITE, **options
        )

    def close(self) -> None:
        for client in self.sides:
            client.drop_collection("c")
            client.close()
        admin = connect(self._end.uri)
        for name in ("left", "right"):
            admin.drop_database(name)
        admin.close()
        self._end.close()


def rows(keys: range) -> list[dict[str, Any]]:
    return [{**row, "float": row["id"] / 3, "json": {"a": row["id"], "b": [1.5, None]}} for row in plain(keys)]


@pytest.fixture
def pair(lite: Target) -> Iterator[Pair]:
    pair = Pair(lite.uri)
    yield pair
    pair.close()


def one_difference(pair: Pair, text: str) -> None:
    found = pair.compare(counts=False).differences
    assert len(found) == 1 and text in found[0], found


def test_equal(pair: Pair) -> None:
    found = pair.compare()
    assert found.equal and found.source_rows == found.target_rows == 120
    assert found.source_digest == found.target_digest


def test_missing_row(pair: Pair) -> None:
    pair.right.delete("c", ids=[7])
    assert "count(*): 120 on the source, 119 on the target" in pair.compare().differences
    one_difference(pair, "rows of partition _default: 1 missing on the target, e.g. [7]")


def test_extra_row(pair: Pair) -> None:
    pair.right.insert("c", rows(range(500, 501)))
    one_difference(pair, "rows of partition _default: 1 only on the target, e.g. [500]")


@pytest.mark.parametrize("field", ["vector", "float", "json", "version"])
def test_changed_value(pair: Pair, field: str) -> None:
    row = rows(range(42, 43))[0]
    # The smallest change there is: the last bit of a float, one number in a document, a value of the dynamic field.
    changes: dict[str, Any] = {
        "vector": [*row["vector"][:7], row["vector"][7] + 2e-7],
        "float": row["float"] + 1e-6,
        "json": {"a": 42, "b": [1.25, None]},
        "version": 1,
    }
    pair.right.upsert("c", [{**row, field: changes[field]}])
    one_difference(pair, "rows of partition _default: 1 different, e.g. [42]")


def test_row_in_another_partition(pair: Pair) -> None:
    pair.right.delete("c", ids=[3])
    pair.right.insert("c", rows(range(3, 4)), partition_name="p")
    found = pair.compare()
    assert found.differences == [
        "rows of partition _default: 1 missing on the target, e.g. [3]",
        "rows of partition p: 1 only on the target, e.g. [3]",
    ]
    assert found.source_digest != found.target_digest


def test_order_of_keys_in_a_document_does_not_matter(pair: Pair) -> None:
    row = rows(range(5, 6))[0]
    pair.right.upsert("c", [{**row, "json": {"b": [1.5, None], "a": 5}}])
    assert pair.compare().equal


def test_partition(pair: Pair) -> None:
    pair.right.create_partition("c", "more")
    one_difference(pair, "partitions: ['_default', 'p'] on the source, ['_default', 'more', 'p'] on the target")


def test_load_state_and_index(pair: Pair) -> None:
    pair.right.release_collection("c")
    one_difference(pair, "load state: loaded on the source, released on the target")
    pair.right.drop_index("c", "vector")
    assert any(text.startswith("index of field vector") for text in pair.compare().differences)
