"""Every type, inserted, upserted and deleted: the table in docs/types.md."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from pymilvus.grpc_gen import milvus_pb2

from lab import type_table
from lab.rows import MilvusError
from lab.type_table import EQUAL, OPERATIONS, Outcomes, Run
from type_cases import CASES, Case
from world import World

# What a target cannot take: (collection, how its refusal begins).
REFUSED_BY_LITE = {
    "binary": "which MilvusLite does not support",
    "half": "which MilvusLite does not support",
    "null_document": "is None but not nullable",
}
_INDEXES = {"binary": ("BIN_FLAT", "HAMMING")}


class Collection:
    """A collection of the source, written by plain requests: no client converts or checks anything on the way."""

    def __init__(self, world: World, case: Case) -> None:
        self._world = world
        self.case = case
        self.rows = len(case.keys) * 8 // 9  # the rest is for the upsert
        self._keys: list[Any] = []

    def create(self) -> None:
        case = self.case
        self._call(
            "CreateCollection",
            milvus_pb2.CreateCollectionRequest(
                schema=case.schema().SerializeToString(), shards_num=case.shards, num_partitions=case.partitions
            ),
        )
        index_type, metric = _INDEXES.get(case.name, ("FLAT", "L2"))
        index = milvus_pb2.CreateIndexRequest(field_name="vector", index_name="by_vector")
        for key, value in (("index_type", index_type), ("metric_type", metric)):
            index.extra_params.add(key=key, value=value)
        self._call("CreateIndex", index)
        self._call("LoadCollection", milvus_pb2.LoadCollectionRequest(replica_number=1))

    def insert(self) -> None:
        half = 0 if self.case.one_insert else self.rows // 2
        self._write(milvus_pb2.InsertRequest, range(half), 0)
        self._write(milvus_pb2.InsertRequest, range(half, self.rows), 0, defaults=True)

    def upsert(self) -> None:
        """Old keys and new ones, every value another one."""
        end = len(self.case.keys)
        self._write(milvus_pb2.UpsertRequest, range(self.rows // 2, end), 1)
        self.rows = end

    def delete(self) -> None:
        keys = self._keys[: len(self._keys) // 3]
        text = json.dumps(keys, ensure_ascii=False)
        self._call("Delete", milvus_pb2.DeleteRequest(expr=f"id in {text}"))
        self.rows -= len(keys)

    def _write(self, kind: Any, numbers: Sequence[int], version: int, *, defaults: bool = False) -> None:
        step = self.case.rows_per_request
        for first in range(0, len(numbers), step):
            part = numbers[first : first + step]
            data = self.case.data(part, version, defaults=defaults)
            method = kind.DESCRIPTOR.name.removesuffix("Request")
            answer = self._call(method, kind(fields_data=data, num_rows=len(part)))
            self._keys += answer.IDs.int_id.data or answer.IDs.str_id.data

    def _call(self, method: str, request: Any) -> Any:
        request.db_name, request.collection_name = self._world.database, self.case.name
        return self._world.source_end.call(method, request)


class Matrix:
    """Does each operation to all collections, and notes for every type what came of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outcomes: Outcomes = {}
        refused = REFUSED_BY_LITE if world.target.is_lite else {}
        self._collections = [Collection(world, case) for case in CASES if case.name not in refused]
        self._refused = [Collection(world, case) for case in CASES if case.name in refused]

    def run(self) -> Outcomes:
        world = self._world
        world.start_task(db_collections={world.database: [{"name": c.case.name} for c in self._collections]})
        refusing = {
            c.case.name: world.start_task(db_collections={world.database: [{"name": c.case.name}]})
            for c in self._refused
        }
        for collection in [*self._collections, *self._refused]:
            collection.create()
        for collection in self._refused:
            collection.insert()
        for operation in OPERATIONS:
            self._operate(operation)
        for collection in self._refused:
            self._expect_refused(collection, refusing[collection.case.name])
        # In the order of the cases, whatever the order of the work.
        labels = [label for case in CASES for label in case.rows_of_the_table()]
        return {label: self.outcomes[label] for label in labels}

    def _operate(self, operation: str) -> None:
        refused: dict[str, str] = {}
        for collection in self._collections:
            if operation == "upsert" and collection.case.auto_id:
                with pytest.raises(MilvusError) as error:
                    collection.upsert()
                refused[collection.case.name] = f"The source refuses it: {_words(str(error.value))}"
            else:
                getattr(collection, operation)()
        for collection in self._collections:
            found = self._world.expect_equal(collection.case.name)
            assert found.source_rows == collection.rows
            self._note(collection.case, operation, refused.get(collection.case.name, EQUAL))

    def _expect_refused(self, collection: Collection, task: str) -> None:
        """It is set aside, with the reason in the target's own words."""
        name = collection.case.name
        reason = self._world.expect_set_aside(task, name)
        assert REFUSED_BY_LITE[name] in reason and name in reason
        for operation in OPERATIONS:
            self._note(collection.case, operation, f"The target refuses it, the collection is set aside with: {_words(reason)}")

    def _note(self, case: Case, operation: str, outcome: str) -> None:
        for label in case.rows_of_the_table():
            self.outcomes.setdefault(label, {}).setdefault(operation, EQUAL)
            if outcome != EQUAL:
                self.outcomes[label][operation] = outcome


def _words(text: str) -> str:
    """A refusal on one line, without what differs from run to run."""
    return re.sub(r"test_\d+", "db", " ".join(text.split()))


def test_every_type(world: World) -> None:
    queue = "Kafka" if world.source.kafka else "Pulsar" if world.source.pulsar else "RocksMQ"
    run = Run(queue, "Milvus Lite" if world.target.is_lite else "Milvus 2.3.5")
    found = Matrix(world).run()
    type_table.save(run, found)
    assert type_table.documented(run) == found, "docs/types.md is not what was found: run tests/lab/type_table.py"
