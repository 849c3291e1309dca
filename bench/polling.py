"""Waiting with a fixed interval: what is timed must not be seen late, and an error must not be waited out."""

from __future__ import annotations

import time
from collections.abc import Callable


def poll(done: Callable[[], bool], what: str, every: float = 0.02, within: float = 120) -> float:
    """Calls `done` until it says so; returns the seconds that took. What it raises ends the wait."""
    start = time.monotonic()
    while not done():
        if time.monotonic() > start + within:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(every)
    return time.monotonic() - start
