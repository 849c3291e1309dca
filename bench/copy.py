"""Copies of stored rows: the reader of files beside a bare scan of them, and the whole process into a target that keeps
nothing and into a real Milvus."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

from pymilvus.client.types import LoadState

from lab.bulk import Rows, direct_insert, program
from lab.client import connect
from lab.flush import flush
from lab.lab import Lab
from lab.process import peak_memory_mib
from lab.rows import Endpoint

from .figures import Figure
from .polling import poll
from .programs import NullTarget, cpu_seconds
from .sources import Source, scope_of

STORED = Rows("stored", rows=500_000)
# Has an index and is loaded.
INDEXED = Rows("indexed", rows=200_000)
_CLIENT = ("--batch=5000", "--concurrency=4")
_AIM_OF_SCAN = 0.7
_AIM_OF_DIRECT = 1.0
_AIM_MIB = 512


def measure(lab: Lab, repetitions: int) -> dict[str, list[Figure]]:
    source = Source(lab, "rocksmq")
    source.fill(STORED)
    source.fill(INDEXED)
    end = Endpoint(source.milvus.uri)
    flush(end, "default", STORED.collection, INDEXED.collection)
    end.close()
    _index_and_load(source.milvus.uri)
    source.freeze()
    target = lab.milvus("target", root_path="by-dst")
    lab.start(target)
    return {
        "copy: reader": _measure_reader(source, repetitions),
        "copy: null target": _measure_null(source, repetitions),
        "copy: Milvus 2.3.5": _measure_milvus(source, target.uri, repetitions),
        "copy: with an index": _measure_index(source, target.uri, repetitions),
    }


def _index_and_load(uri: str) -> None:
    client = connect(uri)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 200})
    client.create_index(INDEXED.collection, index)
    client.load_collection(INDEXED.collection)
    client.close()


def _measure_reader(source: Source, repetitions: int) -> list[Figure]:
    milvus = source.milvus
    ended = subprocess.run(
        [
            str(program("read_bench")), f"--etcd={milvus.etcd_url}", f"--root-path={milvus.root_path}",
            f"--folder={milvus.storage_path}", f"--collection={STORED.collection}", f"--repetitions={repetitions}",
        ],
        check=True, capture_output=True, text=True,
    )
    found = json.loads(ended.stdout)
    if found["rows"] != STORED.rows:
        raise RuntimeError(f"{found['rows']} rows are stored of {STORED.rows}")
    scan = Figure("bare Arrow scan, one core", "MB/s", [STORED.bytes / each / 1e6 for each in found["scan_s"]])
    read = Figure("reader, one core", "MB/s", [STORED.bytes / each / 1e6 for each in found["read_s"]])
    rows = Figure("reader, one core", "rows/s", [STORED.rows / each for each in found["read_s"]])
    ratio = Figure("of the scan", "ratio", at_least=_AIM_OF_SCAN)
    for a, b in zip(read.values, scan.values, strict=True):
        ratio.add(a / b)
    return [scan, read, rows, ratio]


def _measure_null(source: Source, repetitions: int) -> list[Figure]:
    speed = Figure("copies 260 MB", "MB/s")
    rows = Figure("the same", "rows/s")
    per_core = Figure("throughput for one core of CPU", "MB/s")
    memory = Figure("peak memory", "MiB", at_most=_AIM_MIB)
    for _ in range(repetitions):
        with NullTarget() as target:
            _copy(source, target.uri, lambda: target.stats()["rows"] >= STORED.rows, speed, per_core, memory)
            if target.stats()["rows"] != STORED.rows:
                raise RuntimeError(f"{target.stats()['rows']} rows came of {STORED.rows}")
        rows.add(speed.values[-1] * 1e6 / STORED.bytes * STORED.rows)
    return [speed, rows, per_core, memory]


def _measure_milvus(source: Source, uri: str, repetitions: int) -> list[Figure]:
    direct = Figure("direct insert", "MB/s")
    copied = Figure("copy", "MB/s")
    per_core = Figure("throughput for one core of CPU", "MB/s")
    ratio = Figure("of direct insert", "ratio", at_least=_AIM_OF_DIRECT)
    memory = Figure("peak memory", "MiB", at_most=_AIM_MIB)
    _insert(uri)  # the first one is slower
    for number in range(repetitions):
        # Each goes first in turn: a server slows down as it fills.
        if number % 2 == 0:
            direct.add(_insert(uri))
        _copy(source, uri, None, copied, per_core, memory)
        direct_insert(uri, STORED, "--drop")
        if number % 2 == 1:
            direct.add(_insert(uri))
        ratio.add(copied.values[-1] / direct.values[-1])
    return [direct, copied, ratio, per_core, memory]


def _measure_index(source: Source, uri: str, repetitions: int) -> list[Figure]:
    """From the `create` until the target answers queries about all rows, with the index made before and after the copy."""
    figures = {when: Figure(f"until it can be searched, index {when}", "s") for when in ("before", "after")}
    ratio = Figure("before / after", "ratio")
    client = connect(uri)

    def searchable() -> bool:
        if not client.has_collection(INDEXED.collection):
            return False
        if client.get_load_state(INDEXED.collection)["state"] != LoadState.Loaded:
            return False
        return client.query(INDEXED.collection, output_fields=["count(*)"])[0]["count(*)"] == INDEXED.rows

    for number in range(repetitions):
        for when in ("before", "after") if number % 2 == 0 else ("after", "before"):
            with source.cdc() as cdc:
                start = time.monotonic()
                task = cdc.client.create(uri, **scope_of(INDEXED), start_from="snapshot", snapshot={"index": when})
                poll(searchable, "all rows can be searched", every=0.1, within=600)
                figures[when].add(time.monotonic() - start)
                cdc.client.delete(task)
            direct_insert(uri, INDEXED, "--drop")
        ratio.add(figures["before"].values[-1] / figures["after"].values[-1])
    client.close()
    return [*figures.values(), ratio]


def _insert(uri: str) -> float:
    result = direct_insert(uri, STORED, *_CLIENT)
    direct_insert(uri, STORED, "--drop")
    return STORED.bytes / result["seconds"] / 1e6


def _copy(
    source: Source,
    uri: str,
    arrived: Callable[[], bool] | None,
    speed: Figure,
    per_core: Figure,
    memory: Figure,
) -> None:
    """The whole copy, from the `create`, with the plan and the collection on the target, until `arrived`, or else until
    the target has acknowledged all."""
    with source.cdc() as cdc:
        pid = cdc.process.pid
        cpu_before = cpu_seconds(pid)
        start = time.monotonic()
        task = cdc.client.create(uri, **scope_of(STORED), start_from="snapshot")

        def done() -> bool:
            view = cdc.client.get(task)
            if view["state"] != "Running":
                raise RuntimeError(f"the task is {view['state']}: {view.get('reason')}")
            return bool(view["snapshots"]) and all(each["done"] for each in view["snapshots"])

        poll(arrived or done, "all rows are copied", every=0.05)
        speed.add(STORED.bytes / (time.monotonic() - start) / 1e6)
        per_core.add(STORED.bytes / (cpu_seconds(pid) - cpu_before) / 1e6)
        memory.add(peak_memory_mib(pid))
        cdc.client.delete(task)
