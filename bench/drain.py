"""The whole process: a backlog is drained into a target that keeps nothing. And the process with nothing to do."""

from __future__ import annotations

import time

from lab.bulk import Rows
from lab.cdc_client import CdcClient
from lab.lab import Lab
from lab.process import peak_memory_mib

from .figures import Figure
from .polling import poll
from .programs import NullTarget, cpu_seconds
from .sources import Source, scope_of

# 1 GB of values.
BACKLOG = Rows("backlog", rows=1_925_000)
# The most that may wait: a channel of each shard has its share.
WIDE = Rows("wide", rows=800_000, shards=16)
# One shard on each of the 16 channels.
IDLE = Rows("idle", rows=1600, shards=16)

_AIM_MB_PER_S = 150
_AIM_MIB = 256
_AIM_IDLE_PERCENT = 2
_IDLE_S = 30


def measure(lab: Lab, queue: str, repetitions: int) -> dict[str, list[Figure]]:
    source = Source(lab, queue)
    source.fill(IDLE)
    idle = [Figure("CPU with 16 channels and no rows", "% of a core", at_most=_AIM_IDLE_PERCENT)]
    _measure_idle(source, idle)
    source.fill(BACKLOG)
    source.fill(WIDE)
    source.freeze()
    figures = [
        Figure("drains a backlog of 1 GB", "MB/s", at_least=_AIM_MB_PER_S),
        Figure("CPU time for it", "s"),
        Figure("throughput for one core of CPU", "MB/s"),
        Figure("peak memory", "MiB", at_most=_AIM_MIB),
        Figure("CPU time of the null target", "s"),
        Figure("CPU time of the queue's server", "s"),
    ]
    slow = Figure("peak memory, slow target", "MiB", at_most=_AIM_MIB)
    wide = Figure("peak memory, slow target, 16 shards", "MiB", at_most=_AIM_MIB)
    for _ in range(repetitions):
        _measure_drain(source, figures)
        _measure_slow(source, BACKLOG, slow)
        _measure_slow(source, WIDE, wide)
    return {f"{queue}": [*figures, slow, wide, *idle]}


def _measure_drain(source: Source, figures: list[Figure]) -> None:
    speed, cpu, per_core, memory, null_target, broker = figures
    with NullTarget() as target, source.cdc() as cdc:
        pid = cdc.process.pid
        cpu_before = cpu_seconds(pid)
        broker_before = source.broker_cpu_seconds()
        start = time.monotonic()
        task = cdc.client.create(target.uri, **scope_of(BACKLOG))
        poll(lambda: target.stats()["rows"] >= BACKLOG.rows or not _runs(cdc.client, task), "all rows arrive")
        seconds = time.monotonic() - start
        stats = target.stats()
        if stats["rows"] != BACKLOG.rows:
            raise RuntimeError(f"{stats['rows']} rows came of {BACKLOG.rows}: {cdc.client.get(task)}")
        used = cpu_seconds(pid) - cpu_before
        speed.add(stats["bytes"] / seconds / 1e6)
        cpu.add(used)
        per_core.add(stats["bytes"] / used / 1e6)
        memory.add(peak_memory_mib(pid))
        null_target.add(cpu_seconds(target.pid))
        broker.add(source.broker_cpu_seconds() - broker_before)


def _runs(client: CdcClient, task: str) -> bool:
    return client.state(task) == "Running"


def _measure_slow(source: Source, rows: Rows, memory: Figure) -> None:
    """Everything that may wait in memory does so when the target takes half a second for each call."""
    with NullTarget(delay_ms=500) as target, source.cdc() as cdc:
        cdc.client.create(target.uri, **scope_of(rows))
        poll(lambda: target.stats()["rows"] > rows.rows / 10, "a tenth of the rows arrives")
        memory.add(peak_memory_mib(cdc.process.pid))


def _measure_idle(source: Source, figures: list[Figure]) -> None:
    with NullTarget() as target, source.cdc() as cdc:
        cdc.client.create(target.uri, **scope_of(IDLE))
        poll(lambda: target.stats()["rows"] >= IDLE.rows, "the idle collection has arrived")
        time.sleep(2)  # the last of the beginning
        before = cpu_seconds(cdc.process.pid)
        start = time.monotonic()
        time.sleep(_IDLE_S)
        figures[0].add((cpu_seconds(cdc.process.pid) - before) / (time.monotonic() - start) * 100)
