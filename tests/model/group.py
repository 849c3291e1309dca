"""Many plans at the same time, against one source, one target and one milvus-cdc."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import grpc
from pymilvus.grpc_gen import milvus_pb2

from lab.catalog import load_state, read_collections, read_databases
from lab.cdc_server import CdcServer
from lab.compare import MILVUS, TargetKind, compare_all
from lab.drain import Drain
from lab.rows import Endpoint, MilvusError
from lab.waiting import PATIENCE, NotYet, eventually

from . import operations as op
from .actor import Actor, read_copies, read_versions
from .plan import Plan

# On a busy machine a load of the source itself may take minutes, and eight plans load at the same time.
_LOAD_S = 2 * PATIENCE
_MOST_LOG_LINES = 80


@dataclass
class Outcome:
    plan: Plan
    seconds: float = 0
    # Empty: everything was as it should be.
    failure: str = ""
    reached: int | None = None
    # Rows that are not the same in the plan, on the source and on the target.
    rows: str = ""
    task: str = ""
    log: str = ""

    def report(self) -> str:
        return (
            f"{self.plan.label}: {self.failure}\n\n{self.plan.listing(self.reached)}\n\n"
            f"rows that differ:\n{self.rows}\n\nthe task: {self.task}\n\nits log:\n{self.log}"
        )


@dataclass(frozen=True)
class _PartitionRows:
    """The version of each key: as planned, on the source, and on the target."""

    database: str
    collection: str
    partition: str
    planned: dict[int, int]
    here: dict[int, int]
    there: dict[int, int]

    @property
    def place(self) -> str:
        return f"{self.database}.{self.collection} partition {self.partition}"

    def keys(self) -> list[int]:
        return sorted(self.planned.keys() | self.here.keys() | self.there.keys())


class Group:
    """`run` plays plans, so many at a time. To be used in the main thread: it starts servers."""

    def __init__(self, source_uri: str, target_uri: str, cdc: CdcServer, kind: TargetKind = MILVUS) -> None:
        self.source_uri = source_uri
        self.target_uri = target_uri
        self.cdc = cdc
        self.kind = kind
        # Held by a plan while it keeps the server stopped, and by the others while they ask it for something.
        self.server = threading.Lock()
        self._for_main: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None] = queue.SimpleQueue()

    def run(self, plans: Iterable[Plan], at_a_time: int, done: Callable[[Outcome], None] = lambda _: None) -> None:
        def play(plan: Plan) -> None:
            done(_Player(self, plan).play())

        with ThreadPoolExecutor(at_a_time, "plan") as pool:
            playing = [pool.submit(play, plan) for plan in plans]
            # What the main thread is asked for comes from those that play.
            ended = threading.Thread(target=lambda: (wait(playing), self._for_main.put(None)), daemon=True)
            ended.start()
            while (job := self._for_main.get()) is not None:
                self._do_for(*job)
            ended.join()
        for future in playing:
            future.result()

    def start_server(self) -> None:
        """From any thread; servers are started by the main thread."""
        future: Future[None] = Future()
        self._for_main.put((self.cdc.restart, future))
        future.result()

    def stop_server(self) -> None:
        if self.cdc.process.is_running():
            self.cdc.stop()

    @staticmethod
    def _do_for(work: Callable[[], None], future: Future[None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is the other thread's
            future.set_exception(error)
        else:
            future.set_result(None)


class _TaskStopped(BaseException):
    """Not an Exception, so that `eventually` does not try again."""


class _Player:
    def __init__(self, group: Group, plan: Plan) -> None:
        self._group = group
        self._plan = plan
        self._source = Endpoint(group.source_uri)
        self._target = Endpoint(group.target_uri)
        self._actor = Actor(self._source)
        self._task_id = f"task-{plan.label}"
        self._task = False
        self._has_server = False
        self._outcome = Outcome(plan)

    def play(self) -> Outcome:
        start = time.monotonic()
        try:
            for number, operation in enumerate(self._plan.operations):
                self._outcome.reached = number
                self._do(operation)
        except (Exception, _TaskStopped) as error:  # noqa: BLE001 - whatever it is, it is the outcome of this plan
            self._outcome.failure = _text_of(error)
            self._note_state()
        try:
            self._clean_up()
        except Exception as error:  # noqa: BLE001 - the same
            self._outcome.failure = self._outcome.failure or f"cleaning up: {_text_of(error)}"
        self._outcome.seconds = time.monotonic() - start
        return self._outcome

    def _do(self, operation: op.Operation) -> None:
        match operation:
            case op.CreateTask():
                with self._group.server:
                    self._create_task(operation.start_from)
            case op.RecreateTask():
                with self._group.server:
                    self._group.cdc.client.delete(self._task_id)
                    self._task = False
                    self._create_task()
            case op.PauseTask():
                self._ask("pause")
            case op.ResumeTask():
                self._ask("resume")
            case op.CopyAgain():
                self._ask_about("snapshot", operation, "is being copied already")
            case op.SetAside():
                self._ask_about("set_aside", operation)
            case op.Retry():
                self._ask_about("retry", operation)
            case op.StopServer():
                self._group.server.acquire()
                self._has_server = True
                self._group.cdc.stop()
            case op.StartServer():
                self._group.start_server()
                self._give_server_back()
            case op.LetPass():
                # Not a wait for something: a part of the plan is that time goes by.
                time.sleep(operation.milliseconds / 1000)
            case op.AwaitNames():
                self._await(self._names_agree, "the target has the names of the source")
            case op.AwaitDrained():
                self._await(Drain(self._group.cdc.client, self._task_id), "the target has all that the source has had")
            case op.AwaitEqual():
                self._await_equal()
            case _:
                self._actor.do(operation)

    # -- the task -----------------------------------------------------------------------------------------------------

    def _create_task(self, start_from: str = "earliest") -> None:
        fields: dict[str, object] = {
            "task_id": self._task_id,
            "start_from": start_from,
            "db_collections": {name: [{"name": "*"}] for name in self._plan.databases},
        }
        if moved := {here: there for here, there in self._plan.mapping.items() if here != there}:
            fields["name_mapping"] = [
                {"source_db": here, "target_db": there, "collection_mapping": {}} for here, there in moved.items()
            ]
        self._group.cdc.client.create(self._group.target_uri, **fields)
        self._task = True

    def _ask(self, request: str) -> None:
        with self._group.server:
            self._group.cdc.client.call(request, {"task_id": self._task_id})

    def _ask_about(self, request: str, on: op.OnCollection, *refusals: str) -> None:
        """`refusals`: words of answers that are right as well."""
        data = {"task_id": self._task_id, "collections": [f"{on.database}.{on.collection}"]}
        with self._group.server:
            answer = self._group.cdc.client.answer(request, data)
        if answer["code"] != 200 and not any(words in answer["message"] for words in refusals):
            raise RuntimeError(f"{request} {on.database}.{on.collection}: {answer}")

    # -- what is awaited ----------------------------------------------------------------------------------------------

    def _give_server_back(self) -> None:
        self._has_server = False
        self._group.server.release()

    def _await(self, agrees: Callable[[], None], what: str) -> None:
        def check() -> None:
            self._check_task()
            agrees()

        eventually(check, every=0.2, what=what)

    def _await_equal(self) -> None:
        eventually(self._source_is_loaded, _LOAD_S, 0.5, "the source has loaded what it was asked to")
        try:
            self._await(self._all_agrees, "the target is equal to the source")
        except TimeoutError:
            if not self._reload_faulty_source():
                raise
            self._await(self._all_agrees, "the target is equal to the source, which was loaded again")

    def _reload_faulty_source(self) -> bool:
        """A starved Milvus 2.3.5 can load a collection without some of its acknowledged rows; a second load shows them.

        Returns whether that is what is wrong: every partition of the target has the planned rows, and the source lacks
        some of them. Then its collections have been loaded again.
        """
        rows = list(self._read_rows())
        if not rows or any(partition.there != partition.planned for partition in rows):
            return False
        faulty = {(each.database, each.collection) for each in rows if each.here != each.planned}
        for database, collection in sorted(faulty):
            print(f"{self._plan.label}: the source lacks rows of {database}.{collection}: loaded again", flush=True)
            self._actor.do(op.Release(database, collection))
            self._actor.do(op.Load(database, collection))
        eventually(self._source_is_loaded, _LOAD_S, 0.5, "the source has loaded again")
        return bool(faulty)

    def _check_task(self) -> None:
        """A task that has stopped by itself will never make the target equal."""
        if self._group.server.locked() and not self._has_server:
            return  # somebody may have stopped the server
        task = self._group.cdc.client.get(self._task_id)
        if task["state"] != "Running":
            raise _TaskStopped(f"the task is {task['state']}: {task.get('reason')}")

    def _names_agree(self) -> None:
        here = {self._plan.mapping[name]: names for name, names in _names(self._source, self._plan.databases).items()}
        there = _names(self._target, self._plan.mapping.values())
        if here != there:
            raise NotYet(f"{here} on the source, {there} on the target")

    def _source_is_loaded(self) -> None:
        for database in set(self._plan.databases) & set(read_databases(self._source)):
            for name in read_collections(self._source, database):
                if load_state(self._source, database, name) == "loading":
                    raise NotYet(f"{database}.{name} is still loading")

    def _all_agrees(self) -> None:
        compared = compare_all(
            self._source,
            self._target,
            kind=self._group.kind,
            databases=self._plan.databases,
            mapping=self._plan.mapping,
        )
        found = [f"{name}: {text}" for name, one in compared.items() for text in one.differences]
        if found:
            raise NotYet("\n  ".join(["", *found]))

    # -- the end ------------------------------------------------------------------------------------------------------

    def _note_state(self) -> None:
        """What the server says of the task: before anything is cleaned up."""
        try:
            self._outcome.task = json.dumps(self._group.cdc.client.get(self._task_id), indent=1)
        except Exception as error:  # noqa: BLE001 - one failure is enough
            self._outcome.task = f"cannot be asked for: {error}"
        if self._outcome.reached == len(self._plan.operations) - 1:
            self._outcome.rows = "\n".join(self._differing_rows())
        lines = self._group.cdc.process.log.read_text(errors="replace").splitlines()
        # Other lines tell when the server was started and stopped.
        ours = [line for line in lines if re.search(rf"task={self._task_id}\b|listens on|stopped|stopping", line)]
        self._outcome.log = "\n".join(ours[-_MOST_LOG_LINES:])

    def _read_rows(self) -> Iterator[_PartitionRows]:
        """Everything is loaded when this is asked."""
        for label, partitions in self._plan.rows.items():
            database, _, collection = label.partition(".")
            for partition, planned in partitions.items():
                here = read_versions(self._source, database, collection, partition)
                there = read_versions(self._target, self._plan.mapping[database], collection, partition)
                yield _PartitionRows(database, collection, partition, planned, here, there)

    def _differing_rows(self) -> list[str]:
        """Tells a wrong target from a wrong source."""
        found: list[str] = []
        try:
            for rows in self._read_rows():
                for key in rows.keys():
                    target = self._plan.mapping[rows.database]
                    copies = read_copies(self._target, target, rows.collection, rows.partition, key)
                    if copies != (key in rows.planned):
                        found.append(f"{rows.place} key {key}: {copies} copies on the target")
                    versions = [of.get(key, "none") for of in (rows.planned, rows.here, rows.there)]
                    if len(set(versions)) > 1:
                        found.append(
                            "{} key {}: version {} planned, {} on the source, {} on the target".format(
                                rows.place, key, *versions
                            )
                        )
        except (MilvusError, grpc.RpcError) as error:
            found.append(f"the rest cannot be read: {error}")
        return found

    def _clean_up(self) -> None:
        """The next plans shall not be slowed down by what is left of this one."""
        if self._has_server:
            try:
                self._group.stop_server()
                self._group.start_server()
            finally:
                self._give_server_back()
        if self._task:
            with self._group.server:
                self._group.cdc.client.delete(self._task_id)
        for end, names in ((self._source, self._plan.databases), (self._target, self._plan.mapping.values())):
            _drop_all(end, names)
            end.close()


def _names(end: Endpoint, databases: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """database -> collection -> partitions"""
    result: dict[str, dict[str, list[str]]] = {}
    for database in sorted(set(databases) & set(read_databases(end))):
        result[database] = {}
        for name in read_collections(end, database):
            request = milvus_pb2.ShowPartitionsRequest(db_name=database, collection_name=name)
            shown = end.call("ShowPartitions", request).partition_names
            # Those of a partition key have names of the server's own.
            result[database][name] = sorted(name for name in shown if not name.startswith("_default_"))
    return result


def _drop_all(end: Endpoint, databases: Iterable[str]) -> None:
    for database in set(databases) & set(read_databases(end)):
        for name in read_collections(end, database):
            end.call("DropCollection", milvus_pb2.DropCollectionRequest(db_name=database, collection_name=name))
        end.call("DropDatabase", milvus_pb2.DropDatabaseRequest(db_name=database))


def _text_of(error: BaseException) -> str:
    if isinstance(error, (TimeoutError, _TaskStopped)):
        return str(error)
    return "".join(traceback.format_exception(error)[-3:])
