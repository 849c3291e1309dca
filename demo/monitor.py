"""Watches the target and the task while the workload runs, and writes what it sees into the State."""

from __future__ import annotations

import threading
import time

from lab.catalog import load_state, read_collections
from lab.cdc_client import CdcClient
from lab.rows import Endpoint

from .state import Progress, State


class Monitor:
    def __init__(self, state: State, target_uri: str, cdc: CdcClient) -> None:
        self._state = state
        self._endpoint = Endpoint(target_uri)
        self._cdc = cdc
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def __enter__(self) -> Monitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._endpoint.close()

    def _run(self) -> None:
        pause = 0.3
        while not self._stop.wait(pause):
            began = time.monotonic()
            try:
                self._look()
            except Exception:  # noqa: BLE001 - a display that misses one look is still right at the next
                pass
            # Counting costs the target something: look less often when it is busy.
            pause = max(0.3, 2 * (time.monotonic() - began))

    def _look(self) -> None:
        with self._state.lock:
            names = list(self._state.collections.items())
        for name, progress in names:
            if progress.arrived == progress.expected and not progress.gone:
                continue
            arrived = self._count(name, progress)
            with self._state.lock:
                progress.arrived = arrived
        if self._state.task:
            task = self._cdc.get(self._state.task)
            with self._state.lock:
                self._state.task_state = task["state"]
                self._state.lag_ms = task.get("lag_ms")

    def _count(self, name: str, progress: Progress) -> int | None:
        database, collection = name.split(".")
        try:
            if collection not in read_collections(self._endpoint, database):
                return None
            if load_state(self._endpoint, database, collection) != "loaded":
                return None
            return self._endpoint.count(database, collection)
        except Exception:  # noqa: BLE001 - dropped or released between two calls
            return None if progress.gone else progress.arrived
