"""Many tasks in one server, each for a collection of its own: what they cost when nothing happens."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pymilvus.grpc_gen import milvus_pb2, schema_pb2
from pymilvus.grpc_gen.common_pb2 import KeyValuePair

from lab.cdc_client import CdcClient
from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.rows import Endpoint

from .figures import Figure
from .polling import poll
from .programs import NullTarget, cpu_seconds
from .sources import Source

TASKS = 1000

_AIM_LIST_MS = 100
_AIM_IDLE_PERCENT = 10
_IDLE_S = 60
_LISTS = 200
_AT_A_TIME = 8
_ALL_FOLLOW_S = 600


def measure(lab: Lab, tasks: int) -> dict[str, list[Figure]]:
    source = Source(lab, "rocksmq")
    collections = Figure("Milvus makes the collections", "s")
    collections.add(_make_collections(source.milvus.uri, tasks))
    server = lab.cdc_server("cdc-tasks", source.milvus, {"logLevel": "warn", "maxTaskNum": tasks})
    lab.start(server)
    with NullTarget() as target:
        figures = _measure_tasks(server, target, tasks)
    lab.end(server)
    return {f"{tasks} tasks": [collections, *figures]}


def _make_collections(uri: str, count: int) -> float:
    end = Endpoint(uri)
    schema = schema_pb2.CollectionSchema(
        fields=[
            schema_pb2.FieldSchema(name="id", data_type=schema_pb2.Int64, is_primary_key=True),
            schema_pb2.FieldSchema(
                name="vector", data_type=schema_pb2.FloatVector, type_params=[KeyValuePair(key="dim", value="8")]
            ),
        ]
    )

    def make(number: int) -> None:
        name = _name(number)
        own = schema_pb2.CollectionSchema(name=name, fields=schema.fields)
        request = milvus_pb2.CreateCollectionRequest(
            collection_name=name, schema=own.SerializeToString(), shards_num=1
        )
        end.call("CreateCollection", request, timeout=300)

    start = time.monotonic()
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(make, range(count)))
    end.close()
    return time.monotonic() - start


def _measure_tasks(server: CdcServer, target: NullTarget, tasks: int) -> list[Figure]:
    client = server.client
    created = Figure("creates the tasks", "s")
    begun = Figure("until all follow the source", "s")
    start = time.monotonic()
    # One after the other, as a client does it. A create answers when the task runs.
    for number in range(tasks):
        client.create(target.uri, task_id=_name(number), collection_infos=[{"name": _name(number)}])
    created.add(time.monotonic() - start)
    _await_all(client, tasks)
    begun.add(time.monotonic() - start)
    figures = [created, begun, *_measure_list(client), *_measure_idle(server)]

    stopped = Figure("stops", "s")
    restarted = Figure("after a restart, until it answers", "s")
    again = Figure("after a restart, until all follow", "s")
    start = time.monotonic()
    server.stop(within=30)
    stopped.add(time.monotonic() - start)
    start = time.monotonic()
    server.restart()
    restarted.add(time.monotonic() - start)
    _await_all(client, tasks)
    again.add(time.monotonic() - start)
    return [*figures, stopped, restarted, again]


def _await_all(client: CdcClient, tasks: int) -> None:
    """A task that follows its channel knows how far it is behind."""

    def follow() -> bool:
        listed = client.list()
        if lost := [task for task in listed if task["state"] != "Running"]:
            raise RuntimeError(f"{len(lost)} tasks do not run, such as {lost[0]}")
        return len(listed) == tasks and all(task.get("lag_ms") is not None for task in listed)

    poll(follow, "all tasks follow the source", every=0.25, within=_ALL_FOLLOW_S)


def _measure_list(client: CdcClient) -> list[Figure]:
    """The time of one call, the worst of a hundred too."""
    times = [_timed(client) for _ in range(_LISTS)]
    median = Figure("list, median", "ms")
    worst = Figure("list, 99 of 100 are faster than", "ms", at_most=_AIM_LIST_MS)
    size = Figure("list, size of the answer", "kB")
    median.add(statistics.median(times))
    worst.add(statistics.quantiles(times, n=100)[98])
    size.add(len(client.raw(b'{"request_type":"list"}')[1]) / 1000)
    return [median, worst, size]


def _timed(client: CdcClient) -> float:
    """Milliseconds until the answer is there; what Python needs to read it is not the server's."""
    start = time.monotonic()
    client.raw(b'{"request_type":"list"}')
    return (time.monotonic() - start) * 1000


def _measure_idle(server: CdcServer) -> list[Figure]:
    pid = server.process.pid
    idle = Figure("CPU with nothing to do", "% of a core", at_most=_AIM_IDLE_PERCENT)
    memory = Figure("memory", "MiB")
    threads = Figure("threads", "")
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(_IDLE_S)
    idle.add((cpu_seconds(pid) - before) / (time.monotonic() - start) * 100)
    status = _status(pid)
    memory.add(int(status["VmRSS"].split()[0]) / 1024)
    threads.add(int(status["Threads"]))
    return [idle, memory, threads]


def _status(pid: int) -> dict[str, Any]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _name(number: int) -> str:
    return f"c{number:04}"
