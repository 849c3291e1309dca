"""A large collection is copied while five clients write, change and delete its keys: both sides end equal, by digest.

COPY_ROWS sets the number of stored rows, COPY_ROUNDS how often; 1000000 and 5 are the full run:

    COPY_ROWS=1000000 COPY_ROUNDS=5 .cache/venv/bin/python -m pytest tests/e2e/test_copy_load.py -s
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pymilvus import MilvusClient

from lab.bulk import Rows, direct_insert
from lab.cdc_server import CdcServer
from lab.drain import Drain
from lab.flush import flush
from lab.milvus import MilvusStandalone
from lab.process import peak_memory_mib
from lab.waiting import NotYet, eventually
from rows_for import plain, vector
from world import Target, World

ROWS = int(os.environ.get("COPY_ROWS", "100000"))
ROUNDS = int(os.environ.get("COPY_ROUNDS", "1"))
CLIENTS = 5
DIM = 128
AT_ONCE = 100
# A million rows take a Milvus that shares two cores with another one minutes to load and to read.
PATIENCE = 120 + ROWS / 500
_MOST_MIB = 512


class Writer:
    """One client: upserts and deletes rows that are stored, and inserts others, until it is stopped. All writers choose
    among the same keys."""

    def __init__(self, number: int, client: MilvusClient) -> None:
        self.operations = 0
        self._client = client
        self._random = random.Random(number)
        self._fresh = 1_000_000_000 * (number + 1)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._client.upsert("c", self._rows(self._random.sample(range(ROWS), AT_ONCE)))
                self._client.delete("c", ids=self._random.sample(range(ROWS), AT_ONCE))
                self._client.insert("c", self._rows(range(self._fresh, self._fresh + AT_ONCE)))
                self._fresh += AT_ONCE
                self.operations += 3
        except BaseException as error:  # noqa: BLE001 - raised again by `running`
            self._failure = error

    def _rows(self, keys: list[int] | range) -> list[dict[str, object]]:
        return [{"id": key, "vector": vector(key, self.operations + 1, DIM)} for key in keys]

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
        if self._failure is not None:
            raise self._failure


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.timeout(int(4 * PATIENCE))
def test_a_large_copy_under_load_ends_equal(
    source: MilvusStandalone, milvus: Target, new_cdc: Callable[..., CdcServer], number: int
) -> None:
    cdc = new_cdc()
    cdc.start()
    cdc.wait_ready()
    world = World(source, milvus, cdc)
    # A C++ client makes the collection and its rows: a Python client is too slow.
    direct_insert(source.uri, Rows("c", ROWS, DIM), f"--database={world.database}")
    flush(world.source_end, world.database, "c")
    world.make_index("c")
    world.client.load_collection("c", _async=True)
    writers = [Writer(i, world.connect()) for i in range(CLIENTS)]
    with ExitStack() as stack:
        for writer in writers:
            stack.enter_context(writer.running())
        eventually(lambda: all(writer.operations > 0 for writer in writers), what="all clients write")
        before = sum(writer.operations for writer in writers)
        start = time.monotonic()
        task = world.start_task(start_from="snapshot")

        def copied() -> dict:
            shown = cdc.client.get(task)
            assert shown["state"] == "Running", shown
            if not shown["snapshots"] or not all(each["done"] for each in shown["snapshots"]):
                raise NotYet(f"{shown['phase']} {shown['snapshots']} {shown['condition']}")
            return shown["snapshots"][0]

        rows = eventually(copied, PATIENCE, 0.1, "everything is copied")["rows"]
        seconds = time.monotonic() - start
        meanwhile = sum(writer.operations for writer in writers) - before
    eventually(Drain(cdc.client, task), PATIENCE, what="what came meanwhile is on the target")
    memory = peak_memory_mib(cdc.process.pid)
    result = world.expect_equal("c", within=PATIENCE)
    assert result.source_digest == result.target_digest != ""
    print(
        f"\nround={number} stored_rows={rows} copied_in={seconds:.1f}s rows_per_s={rows / seconds:.0f} "
        f"operations_meanwhile={meanwhile} rows_at_the_end={result.target_rows} peak_memory={memory:.0f}MiB "
        f"digest={result.target_digest[:8]} equal"
    )
    assert meanwhile > 0
    assert memory <= _MOST_MIB
    world.close()


def test_the_log_is_applied_during_a_copy(
    source: MilvusStandalone, milvus: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    # Each flush makes a part of its own, and the limit makes their copy take longer than the changes do.
    cdc = new_cdc({"snapshot": {"maxParallel": 1, "maxBytesPerSecond": 60_000}})
    cdc.start()
    cdc.wait_ready()
    world = World(source, milvus, cdc)
    world.make_collection("c", shards=2)
    parts, rows = 10, 2_000
    for first in range(0, parts * rows, rows):
        world.client.insert("c", plain(range(first, first + rows)))
        flush(world.source_end, world.database, "c")
    task = world.start_task(start_from="snapshot", snapshot={"log": "apply"})
    chosen = random.Random(1)

    def change(version: int) -> None:
        world.client.upsert("c", plain(chosen.sample(range(parts * rows), 50), version=version))
        world.client.delete("c", ids=chosen.sample(range(parts * rows), 50))
        world.client.insert("c", plain(range(1_000_000 + version * 50, 1_000_000 + version * 50 + 50)))

    def copying(at_least: int, deleted: int) -> dict:
        """While the copy goes on, so many stored rows and deletes of the log are on the target."""
        shown = cdc.client.get(task)
        assert shown["state"] == "Running", shown
        assert not any(each["done"] for each in shown["snapshots"]), "the copy was too fast for this test"
        if not shown["snapshots"] or shown["snapshots"][0]["rows"] < at_least or shown["rows"]["deleted"] < deleted:
            raise NotYet(f"{shown['snapshots']} {shown['rows']} {shown['condition']}")
        return shown["snapshots"][0]

    for version in range(1, 6):
        change(version)
    assert eventually(lambda: copying(rows, 100), what="changes arrive during the copy")["log"] == "applied"
    cdc.kill()
    for version in range(6, 11):
        change(version)
    cdc.restart()
    eventually(lambda: copying(2 * rows, 100), what="changes arrive during the copy, after a crash")
    for version in range(11, 16):
        change(version)
    cdc.stop()  # the copy need not be slow any more
    cdc.configure({"snapshot": {}})
    cdc.restart()
    eventually(Drain(cdc.client, task), what="everything is on the target")
    world.expect_equal("c")
    world.close()
