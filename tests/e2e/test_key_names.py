"""Names of the key field: what the source lets a client create is replicated in full, deletes too, or refused.

The target itself is asked, by a delete of its own, whether it can name the field; milvus-cdc must come to the same
answer. Without a variable it is a sample; all of them take some minutes:

    KEY_NAMES=all .cache/venv/bin/python -m pytest tests/e2e/test_key_names.py
    KEY_NAMES=40 KEY_SEEDS=3 .cache/venv/bin/python -m pytest tests/e2e/test_key_names.py
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest
from pymilvus.grpc_gen import milvus_pb2, schema_pb2

from key_cases import key_names, numbers
from lab.cdc_client import create_request
from lab.rows import Endpoint, MilvusError
from lab.waiting import PATIENCE, NotYet, eventually
from world import World

_ROWS = 20
_DELETED = [3, 7, 19]
_AT_A_TIME = 20  # collections that are loaded


def _chosen(seed: int) -> list[list[str]]:
    names = key_names()
    size = os.environ.get("KEY_NAMES", "8")
    if size != "all":
        names = random.Random(seed).sample(names, int(size))
    return [names[first : first + _AT_A_TIME] for first in range(0, len(names), _AT_A_TIME)]


@dataclass
class Case:
    """A collection `collection` whose key is called `name`; `n` has the same values, to read and delete the rows by."""

    collection: str
    name: str

    def schema(self) -> schema_pb2.CollectionSchema:
        schema = schema_pb2.CollectionSchema(name=self.collection)
        schema.fields.add(name=self.name, data_type=schema_pb2.Int64, is_primary_key=True)
        schema.fields.add(name="n", data_type=schema_pb2.Int64)
        vector = schema.fields.add(name="vector", data_type=schema_pb2.FloatVector)
        vector.type_params.add(key="dim", value="2")
        return schema

    def rows(self, keys: list[int], version: int) -> list[schema_pb2.FieldData]:
        def longs(name: str) -> schema_pb2.FieldData:
            values = schema_pb2.ScalarField(long_data=schema_pb2.LongArray(data=keys))
            return schema_pb2.FieldData(type=schema_pb2.Int64, field_name=name, scalars=values)

        floats = schema_pb2.FloatArray(data=[float(version)] * 2 * len(keys))
        vectors = schema_pb2.VectorField(dim=2, float_vector=floats)
        return [
            longs(self.name),
            longs("n"),
            schema_pb2.FieldData(type=schema_pb2.FloatVector, field_name="vector", vectors=vectors),
        ]


class Server:
    """The calls of this test, with plain requests: no client checks a name on the way."""

    def __init__(self, endpoint: Endpoint, database: str) -> None:
        self._endpoint = endpoint
        self._database = database

    def refuses(self, case: Case) -> str:
        """Creates the collection; why not."""
        schema = case.schema().SerializeToString()
        try:
            self._call(milvus_pb2.CreateCollectionRequest(schema=schema, shards_num=1), case)
        except MilvusError as error:
            return str(error)
        return ""

    def cannot_name(self, case: Case) -> str:
        try:
            self._call(milvus_pb2.DeleteRequest(expr=f"{case.name} in [1,2]"), case)
        except MilvusError as error:
            return str(error)
        return ""

    def load(self, case: Case) -> None:
        index = milvus_pb2.CreateIndexRequest(field_name="vector", index_name="by_vector")
        for key, value in (("index_type", "FLAT"), ("metric_type", "L2")):
            index.extra_params.add(key=key, value=value)
        self._call(index, case)
        self._call(milvus_pb2.LoadCollectionRequest(replica_number=1), case)

    def write(self, case: Case) -> None:
        keys = list(range(_ROWS))
        self._call(milvus_pb2.InsertRequest(fields_data=case.rows(keys, 0), num_rows=_ROWS), case)
        self._call(milvus_pb2.UpsertRequest(fields_data=case.rows(keys[:2], 1), num_rows=2), case)

    def delete(self, case: Case) -> None:
        """By the other field, which takes a query: whether the source can name its key does not matter."""
        eventually(lambda: self._call(milvus_pb2.DeleteRequest(expr=f"n in {_DELETED}"), case), what="delete by n")

    def rows(self, case: Case) -> dict[int, list[float]]:
        answer = self._endpoint.query(self._database, case.collection, "n >= 0", ["n", "vector"])
        columns = {column.field_name: column for column in answer.fields_data}
        keys = columns["n"].scalars.long_data.data
        floats = columns["vector"].vectors.float_vector.data
        assert len(keys) == self._endpoint.count(self._database, case.collection)
        return {key: list(floats[2 * i : 2 * i + 2]) for i, key in enumerate(keys)}

    def drop(self, case: Case) -> None:
        self._call(milvus_pb2.DropCollectionRequest(), case)

    def _call(self, request: object, case: Case) -> object:
        request.db_name, request.collection_name = self._database, case.collection
        method = type(request).__name__.removesuffix("Request")
        return self._endpoint.call(method, request)


def _expected() -> dict[int, list[float]]:
    return {key: [1.0, 1.0] if key < 2 else [0.0, 0.0] for key in range(_ROWS) if key not in _DELETED}


@pytest.mark.parametrize("names", [names for seed in numbers("KEY_SEEDS", "1") for names in _chosen(seed)], ids=repr)
def test_a_name_is_replicated_or_refused(world: World, names: list[str]) -> None:
    source = Server(world.source_end, world.database)
    made = [Case(f"{world.database}_{number}", name) for number, name in enumerate(names)]
    made = [case for case in made if not source.refuses(case)]
    _expect_replicated(world, source, [case for case in made if not _is_refused(world, case)])


def _is_refused(world: World, case: Case) -> bool:
    """Asks the target, expects the same answer from milvus-cdc, and gives it."""
    target = Server(world.target_end, "default")
    only = {world.database: [{"name": case.collection}]}
    request = create_request(world.target.uri, db_collections=only, on_collection_error="pause")
    if refusal := target.refuses(case):
        # Of any field of this name; it need not be known when the task is created.
        answer = world.cdc.client.answer("create", request)
        if answer["code"] == 200:
            task = answer["data"]["task_id"]
            assert case.name in world.expect_state(task, "Paused")["reason"], refusal
            world.cdc.client.delete(task)
        return True
    reason = target.cannot_name(case)
    target.drop(case)
    answer = world.cdc.client.answer("create", request)
    if reason:
        assert answer["code"] == 400, f"{case.name!r} is accepted, but the target says: {reason}"
        for word in (f"{world.database}.{case.collection}", f'"{case.name}"', "standby", "exclude"):
            assert word in answer["message"]
        return True
    assert answer["code"] == 200, f"{case.name!r}: {answer}"
    world.cdc.client.delete(answer["data"]["task_id"])
    return False


def _expect_replicated(world: World, source: Server, cases: list[Case]) -> None:
    if not cases:
        return
    for case in cases:
        source.load(case)
        source.write(case)
        source.delete(case)
    world.start_task(db_collections={world.database: [{"name": case.collection} for case in cases]})
    target = Server(world.target_end, world.database)
    for case in cases:

        def same(case: Case = case) -> None:
            for side in (source, target):
                if (found := side.rows(case)) != _expected():
                    raise NotYet(f"{case.name!r}: {found}")

        eventually(same, PATIENCE, 0.25, f"the rows with the key {case.name!r}")
