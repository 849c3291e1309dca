"""What a test sees: a source, a target, a CDC server between them, and a database of its own on both."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.grpc_gen import milvus_pb2

from lab.catalog import read_collection, read_collections, read_databases
from lab.cdc_server import CdcServer
from lab.client import connect
from lab.compare import LITE, MILVUS, Comparison, TargetKind, compare_collection
from lab.drain import Drain
from lab.milvus import MilvusStandalone
from lab.milvus_lite import MilvusLite
from lab.rows import Endpoint, MilvusError
from lab.waiting import PATIENCE, NotYet, eventually

_numbers = itertools.count(1)
# Codes of Milvus: no such collection, no such database.
_NOT_THERE = (100, 800)


@dataclass(frozen=True)
class Target:
    """A server that tests replicate to."""

    server: MilvusStandalone | MilvusLite
    kind: TargetKind

    @property
    def uri(self) -> str:
        return self.server.uri

    @property
    def is_lite(self) -> bool:
        return isinstance(self.server, MilvusLite)


def target_of(server: MilvusStandalone | MilvusLite) -> Target:
    return Target(server, LITE if isinstance(server, MilvusLite) else MILVUS)


class World:
    """One test's surroundings. Everything happens in a database of its own, so tests do not see each other."""

    def __init__(self, source: MilvusStandalone, target: Target, cdc: CdcServer, *, database: str | None = None) -> None:
        self.source = source
        self.target = target
        self.cdc = cdc
        self.database = database or f"test_{next(_numbers)}"
        self.source_end = Endpoint(source.uri)
        self.target_end = Endpoint(target.uri)
        self._clients: list[MilvusClient] = []
        self._tasks: list[str] = []
        admin = self.connect("default")
        if self.database not in admin.list_databases():
            admin.create_database(self.database)
        self.client = self.connect()

    # -- what a test does ---------------------------------------------------------------------------------------------

    def connect(self, database: str | None = None) -> MilvusClient:
        """Another client of the source."""
        client = connect(self.source.uri, database or self.database)
        self._clients.append(client)
        return client

    def start_task(self, **fields: Any) -> str:
        """Creates a task for this test's database: everything in it, from the beginning, unless `fields` differ."""
        fields.setdefault("db_collections", {self.database: [{"name": "*"}]})
        task_id = self.cdc.client.create(self.target.uri, **fields)
        self._tasks.append(task_id)
        return task_id

    def expect_condition(self, task: str, state: str, *words: str, within: float = PATIENCE) -> dict[str, Any]:
        """Waits until the running task is in this condition and gives it with all `words` in its reason."""

        def found() -> dict[str, Any]:
            shown = self.cdc.client.get(task)
            condition = shown["condition"]
            if condition["state"] != state or not all(word in condition["reason"] for word in words):
                raise NotYet(f"{shown['state']}, {condition}")
            assert shown["state"] == "Running"
            return condition

        return eventually(found, within, 0.1, f"the task says {state} {words}")

    def expect_set_aside(self, task: str, collection: str, *words: str, within: float = PATIENCE) -> str:
        """Waits until the running task has set the collection aside and gives the reason, with all `words` in it."""

        def found() -> str:
            shown = self.cdc.client.get(task)
            assert shown["state"] == "Running", shown
            name = f"{self.database}.{collection}"
            reasons = [each["reason"] for each in shown["set_aside"] if each["collection"] == name]
            if not reasons or not all(word in reasons[0] for word in words):
                raise NotYet(f"{shown['set_aside']} {shown['condition']}")
            return str(reasons[0])

        return eventually(found, within, 0.1, f"{collection} is set aside: {words}")

    def retry(self, task: str, *collections: str) -> None:
        names = [f"{self.database}.{collection}" for collection in collections]
        self.cdc.client.call("retry", {"task_id": task, "collections": names})

    def make_collection(
        self,
        name: str,
        *,
        key: DataType = DataType.INT64,
        dim: int = 8,
        shards: int = 1,
        load: bool = True,
        fields: Callable[[CollectionSchema], object] | None = None,
        auto_id: bool = False,
        **options: Any,
    ) -> None:
        """Creates a collection `id`, `vector`, dynamic field; with an index and loaded unless told otherwise."""
        options.setdefault("enable_dynamic_field", True)
        description = options.pop("description", "")
        schema = self.client.create_schema(
            auto_id=auto_id, enable_dynamic_field=options.pop("enable_dynamic_field"), description=description
        )
        limits = {"max_length": options.pop("max_length", 200)} if key == DataType.VARCHAR else {}
        schema.add_field("id", key, is_primary=True, **limits)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
        if fields:
            fields(schema)
        self.client.create_collection(name, schema=schema, num_shards=shards, **options)
        if load:
            self.make_index(name)
            # Loading takes Milvus seconds; whoever compares the rows waits for it, the test need not. A source that was
            # killed before gives the work to the query node it had until that one's session has ended.
            eventually(lambda: self.client.load_collection(name, _async=True), what=f"{name} can be loaded")

    def wait_source_read(self, collection: str) -> None:
        """Waits until the source has loaded the collection and read its channels up to now.

        A source that begins to read only when its queue has forgotten the place misses rows, and is equal to no target.
        """
        self.client.load_collection(collection)
        self.client.query(collection, "", output_fields=["count(*)"], consistency_level="Strong")

    def make_index(self, collection: str, name: str = "by_vector", **params: Any) -> None:
        params = {"index_type": "FLAT", "metric_type": "L2", **params}
        index = self.client.prepare_index_params()
        index.add_index("vector", index_name=name, **params)
        self.client.create_index(collection, index, sync=False)

    # -- what a test expects ------------------------------------------------------------------------------------------

    def compare(self, collection: str, **options: Any) -> Comparison:
        return compare_collection(
            self.source_end, self.target_end, collection, self.database, kind=self.target.kind, **options
        )

    def expect_equal(self, collection: str, within: float = PATIENCE, **options: Any) -> Comparison:
        """Waits until the collection is the same on both sides: schema, partitions, indexes, load state, all rows."""

        def equal() -> Comparison:
            found = self.compare(collection, **options)
            if found.differences:
                raise NotYet("; ".join(found.differences))
            return found

        return eventually(equal, within, 0.25, f"{self.database}.{collection} is equal on both sides")

    def let_lite_settle(self, task_id: str) -> None:
        """To be called before a renamed collection is looked at on Milvus Lite, by any name that it has had. Lite loses rows
        that are written to a collection while another client opens it, as the first one does after a rename."""
        if self.target.is_lite:
            eventually(Drain(self.cdc.client, task_id), what="the task has brought all to Milvus Lite")

    def expect_collections(self, *names: str, within: float = PATIENCE) -> None:
        """Waits until the target's database has exactly these collections."""

        def same() -> None:
            found = read_collections(self.target_end, self.database)
            if found != sorted(names):
                raise NotYet(f"the target has {found}")

        eventually(same, within, 0.2, f"the target has exactly the collections {sorted(names)}")

    def expect_databases(self, present: list[str], absent: list[str], within: float = PATIENCE) -> None:
        def same() -> None:
            found = read_databases(self.target_end)
            wrong = [name for name in present if name not in found] + [name for name in absent if name in found]
            if wrong:
                raise NotYet(f"the target has the databases {found}")

        eventually(same, within, 0.2, f"the target has {present} and not {absent}")

    def expect_target(self, collection: str, check: Callable[[Any], bool], what: str, within: float = PATIENCE) -> None:
        """Waits until `check` holds for the target's collection (a lab.catalog.Collection)."""

        def holds() -> None:
            found = read_collection(self.target_end, self.database, collection)
            if not check(found):
                raise NotYet(f"partitions {found.partitions}, indexes {found.indexes}, {found.loaded}")

        eventually(holds, within, 0.2, what)

    def target_count(self, collection: str) -> int:
        return self.target_end.count(self.database, collection)

    def expect_state(self, task_id: str, state: str, within: float = PATIENCE) -> dict[str, Any]:
        def reached() -> dict[str, Any]:
            task = self.cdc.client.get(task_id)
            if task["state"] != state:
                raise NotYet(f"the state is {task['state']}, reason {task.get('reason')}")
            return task

        return eventually(reached, within, 0.1, f"the task is {state}")

    def close(self) -> None:
        """Deletes the tasks and empties the database on both sides: what is loaded costs a Milvus time in every second."""
        if self.cdc.process.is_running():
            for task_id in self._tasks:
                self.cdc.client.answer("delete", {"task_id": task_id})
        self._empty(self.source_end)
        if isinstance(self.target.server, MilvusStandalone) and not self.target.server.standby:
            self._empty(self.target_end)
        for client in self._clients:
            client.close()
        self.source_end.close()
        self.target_end.close()

    def _empty(self, end: Endpoint) -> None:
        if self.database not in read_databases(end):
            return
        for name in read_collections(end, self.database):
            which = {"db_name": self.database, "collection_name": name}
            try:
                end.call("ReleaseCollection", milvus_pb2.ReleaseCollectionRequest(**which))
                end.call("DropCollection", milvus_pb2.DropCollectionRequest(**which))
            except MilvusError as error:
                if error.code not in _NOT_THERE:
                    raise
                # The task of another World has dropped it at this moment.
