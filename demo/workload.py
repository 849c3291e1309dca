"""What an ordinary application does to the source: it knows nothing of replication."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient

from .state import State

ARCHIVE = "default.archive"
PRODUCTS, REVIEWS, SCRATCH = "default.products", "shop.reviews", "default.scratch"
DIM = 128
BATCH = 1000


def vectors(keys: Iterable[int], version: int = 0) -> Iterable[np.ndarray]:
    for key in keys:
        yield np.random.default_rng((key, version)).random(DIM, dtype=np.float32)


def product(key: int, vector: np.ndarray, version: int) -> dict[str, Any]:
    return {
        "id": key,
        "vector": vector,
        "name": f"product {key}" + (f", edition {version}" if version else ""),
        "price": round(key * 0.37 % 100, 2),
        "attributes": {"size": key % 7, "tags": ["new"] if version else ["old", "plain"]},
        "in_stock": key % 3 == 0,  # not in the schema: goes into the dynamic field
    }


def review(key: int, vector: np.ndarray, version: int) -> dict[str, Any]:
    return {"id": f"review-{key:05}", "vector": vector, "stars": key % 5 + 1, "text": f"It is great × {key + version}"}


class Workload:
    """Runs in order; each method is one visible step and says in a few words what it did."""

    def __init__(self, uri: str, state: State) -> None:
        self._state = state
        self._default = MilvusClient(uri)
        self._default.create_database("shop")
        self._shop = MilvusClient(uri, db_name="shop")

    def close(self) -> None:
        self._default.close()
        self._shop.close()

    def fill_archive(self) -> str:
        """What the source holds before anybody replicates it, in files."""
        self._create_vectors("archive")
        index = self._default.prepare_index_params()
        index.add_index("vector", index_name="by_vector", index_type="IVF_FLAT", metric_type="L2", params={"nlist": 32})
        self._default.create_index("archive", index, sync=False)
        self._default.load_collection("archive", _async=True)
        self._write(ARCHIVE, self._default, lambda key, vector, _: {"id": key, "vector": vector}, range(4000))
        self._default.delete("archive", ids=list(range(100)))
        self._expect(ARCHIVE, -100)
        self._default.flush("archive")
        return "in the files of the source"

    def create(self) -> str:
        self._default.create_database("temporary")
        schema = self._default.create_schema(auto_id=False, enable_dynamic_field=True)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
        schema.add_field("name", DataType.VARCHAR, max_length=200)
        schema.add_field("price", DataType.DOUBLE)
        schema.add_field("attributes", DataType.JSON)
        self._default.create_collection("products", schema=schema, num_shards=2)
        for partition in ("spring", "summer"):
            self._default.create_partition("products", partition)

        schema = self._shop.create_schema(auto_id=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=40)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
        schema.add_field("stars", DataType.INT8)
        schema.add_field("text", DataType.VARCHAR, max_length=500)
        self._shop.create_collection("reviews", schema=schema)

        self._create_vectors("scratch")
        return "2 databases, 3 collections, 2 partitions"

    def index_and_load(self) -> str:
        for client, name, params in (
            (self._default, "products", {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 16, "efConstruction": 64}}),
            (self._shop, "reviews", {"index_type": "IVF_FLAT", "metric_type": "L2", "params": {"nlist": 32}}),
            (self._default, "scratch", {"index_type": "FLAT", "metric_type": "L2"}),
        ):
            index = client.prepare_index_params()
            index.add_index("vector", index_name="by_vector", **params)
            client.create_index(name, index, sync=False)
            client.load_collection(name, _async=True)
        return "HNSW, IVF_FLAT, FLAT"

    def insert(self) -> str:
        for partition, first in (("spring", 0), ("summer", 5000), ("_default", 10000)):
            end = first + (2000 if partition == "_default" else 5000)
            self._write(PRODUCTS, self._default, product, range(first, end), partition)
        self._write(REVIEWS, self._shop, review, range(6000))
        self._write(SCRATCH, self._default, lambda key, vector, _: {"id": key, "vector": vector}, range(2000))
        return "128 floats, text, JSON"

    def change(self) -> str:
        """Upserts existing keys with new values."""
        for partition, first in (("spring", 1000), ("summer", 6000)):
            keys = range(first, first + 500)
            rows = [product(key, vector, 2) for key, vector in zip(keys, vectors(keys, 2), strict=True)]
            self._default.upsert("products", rows, partition_name=partition)
        keys = range(500)
        self._shop.upsert("reviews", [review(k, v, 2) for k, v in zip(keys, vectors(keys, 2), strict=True)])
        return "new values for existing keys"

    def delete(self) -> str:
        self._default.delete("products", ids=list(range(0, 800)))
        self._expect(PRODUCTS, -800)
        self._shop.delete("reviews", ids=[f"review-{key:05}" for key in range(5000, 5400)])
        self._expect(REVIEWS, -400)
        return "by key"

    def drop(self) -> str:
        self._default.release_collection("scratch")
        self._default.drop_collection("scratch")
        self._default.drop_database("temporary")
        self._state.collection(SCRATCH).gone = True
        return "default.scratch, temporary"

    def _create_vectors(self, name: str) -> None:
        schema = self._default.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
        self._default.create_collection(name, schema=schema)

    def _write(
        self,
        name: str,
        client: MilvusClient,
        make: Callable[[int, np.ndarray, int], dict[str, Any]],
        keys: range,
        partition: str = "_default",
    ) -> None:
        for start in range(keys.start, keys.stop, BATCH):
            part = range(start, min(start + BATCH, keys.stop))
            rows = [make(key, vector, 0) for key, vector in zip(part, vectors(part), strict=True)]
            client.insert(name.split(".")[1], rows, partition_name=partition)
            self._expect(name, len(part))

    def _expect(self, name: str, more: int) -> None:
        progress = self._state.collection(name)
        with self._state.lock:
            progress.expected += more
