"""The big one: several clients write, change and delete at the same time while it is replicated.

E2E_ROWS sets the number of inserted rows; 200000 is the full run.
"""

from __future__ import annotations

import os
import random
import threading

import pytest
from pymilvus import MilvusClient

from lab.waiting import PATIENCE
from rows_for import vector
from world import World

ROWS = int(os.environ.get("E2E_ROWS", "40000"))
CLIENTS = 5
BATCH = 1000
DIM = 128
# Keys that all clients change, over and over.
HOT = 200


class Writer:
    """One client: inserts its share in batches, and between them changes and deletes keys it has inserted."""

    def __init__(self, number: int, client: MilvusClient, rows: int) -> None:
        self.number = number
        self.client = client
        self.rows = rows
        self.random = random.Random(number)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._write()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failure = error

    def _write(self) -> None:
        first = self.number * 10_000_000
        for start in range(first, first + self.rows, BATCH):
            keys = range(start, min(start + BATCH, first + self.rows))
            self.client.insert("ledger", self._rows(keys, 0))
            seen = range(first, keys.stop)
            self.client.upsert("ledger", self._rows(self.random.sample(seen, 40), self.random.randrange(1, 1000)))
            self.client.delete("ledger", ids=self.random.sample(seen, 40))
            # Deleted or not: the key lives again, and is changed at once.
            again = self.random.sample(seen, 20)
            for _ in range(2):
                self.client.upsert("ledger", self._rows(again, self.random.randrange(1, 1000)))
            hot = [-1 - key for key in self.random.sample(range(HOT), 30)]
            self.client.upsert("ledger", self._rows(hot, self.random.randrange(1, 1000)))
            self.client.delete("ledger", ids=hot[:5])

    def _rows(self, keys: range | list[int], version: int) -> list[dict[str, object]]:
        return [
            {"id": key, "vector": vector(key, version, DIM), "version": version, "writer": self.number} for key in keys
        ]


@pytest.mark.timeout(900)
def test_ledger(world: World) -> None:
    world.start_task()
    world.make_collection("ledger", dim=DIM, shards=2)
    writers = [Writer(number, world.connect(), ROWS // CLIENTS) for number in range(CLIENTS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.failure for writer in writers] == [None] * CLIENTS
    found = world.expect_equal("ledger", within=PATIENCE + ROWS / 1000)
    assert found.source_digest == found.target_digest != ""
    assert found.target_rows and found.target_rows > ROWS * 0.8
