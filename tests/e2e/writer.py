"""A client that writes while something else happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymilvus import MilvusClient

from lab.waiting import eventually
from rows_for import plain


class Writer:
    """Inserts, upserts and deletes the same keys until it is stopped."""

    def __init__(self, client: MilvusClient, collection: str, keys: range, *, dim: int = 8) -> None:
        self._client = client
        self._collection = collection
        self._keys = keys
        self._dim = dim
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def _run(self) -> None:
        keys = list(self._keys)
        while not self._stop.is_set():
            self.rounds += 1
            part = keys[self.rounds % 7 :: 7]
            self._client.upsert(self._collection, plain(part, self.rounds, self._dim))
            self._client.delete(self._collection, ids=part[::3])
            first = 1_000_000 + self.rounds * 100 + keys[0] * 1_000
            self._client.insert(self._collection, plain(range(first, first + 100), dim=self._dim))

    @contextmanager
    def running(self) -> Iterator[Writer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()

    def expect_rounds(self, more: int) -> None:
        goal = self.rounds + more
        eventually(lambda: self.rounds >= goal, what=f"{more} rounds of writes")
