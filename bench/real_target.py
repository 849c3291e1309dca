"""Into a real Milvus, beside a C++ client that inserts the same rows there itself."""

from __future__ import annotations

import time

from lab.bulk import Rows, direct_insert
from lab.lab import Lab

from .figures import Figure
from .polling import poll
from .programs import cpu_seconds
from .sources import Source, scope_of

ROWS = Rows("copied", rows=250_000)
# Usual for a client; see docs/performance.md about other values.
_CLIENT = ("--batch=5000", "--concurrency=4")
_AIM_RATIO = 0.8


def measure(lab: Lab, repetitions: int) -> dict[str, list[Figure]]:
    source = Source(lab, "rocksmq")
    source.fill(ROWS)
    source.freeze()
    target = lab.milvus("target", root_path="by-dst")
    lab.start(target)
    direct = Figure("direct insert", "MB/s")
    copied = Figure("milvus-cdc", "MB/s")
    cpu = Figure("CPU time of milvus-cdc for 1 GB", "s")
    ratio = Figure("of direct insert", "ratio", at_least=_AIM_RATIO)
    _insert(target.uri)  # the first one is slower
    for number in range(repetitions):
        # Each goes first in turn: a server slows down as it fills.
        if number % 2 == 0:
            direct.add(_insert(target.uri))
        _replicate(source, target.uri, copied, cpu)
        if number % 2 == 1:
            direct.add(_insert(target.uri))
        ratio.add(copied.values[-1] / direct.values[-1])
    return {"into Milvus 2.3.5": [direct, copied, ratio, cpu]}


def _insert(uri: str) -> float:
    result = direct_insert(uri, ROWS, *_CLIENT)
    direct_insert(uri, ROWS, "--drop")
    return ROWS.bytes / result["seconds"] / 1e6


def _replicate(source: Source, uri: str, speed: Figure, cpu: Figure) -> None:
    # Made before the clock starts, as for the direct insert.
    direct_insert(uri, ROWS, "--create-only")
    with source.cdc() as cdc:
        cpu_before = cpu_seconds(cdc.process.pid)
        start = time.monotonic()
        task = cdc.client.create(uri, **scope_of(ROWS))

        def arrived() -> bool:
            view = cdc.client.get(task)
            if view["state"] != "Running":
                raise RuntimeError(f"the task is {view['state']}: {view.get('reason')}")
            return view["rows"]["inserted"] >= ROWS.rows

        poll(arrived, "all rows are acknowledged", every=0.05)
        speed.add(ROWS.bytes / (time.monotonic() - start) / 1e6)
        cpu.add((cpu_seconds(cdc.process.pid) - cpu_before) / ROWS.bytes * 1e9)
        cdc.client.delete(task)
    direct_insert(uri, ROWS, "--drop")
