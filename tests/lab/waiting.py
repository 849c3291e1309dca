"""Waiting for something that will happen soon, with a deadline and a useful error. Never a bare sleep in a test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How long a test waits for what has to happen, and how long it lets a server take for an answer. A wait ends as soon as
# it can, so only a failure takes this long, and a busy machine makes no failures. Other numbers are for a test whose
# point is a time.
PATIENCE = 300.0


def promised(seconds: float) -> float:
    """A time that something may take on a machine with nothing else to do, for a test that holds it to that: longer by as
    much as this machine is busier than its cores can bear. What takes a promise's time or for ever must not pass."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class NotYet(AssertionError):
    """Raised by a check that is to be tried again; its text explains what is still missing."""


def eventually(check: Callable[[], T], within: float = PATIENCE, every: float = 0.1, what: str = "") -> T:
    """Calls `check` until it neither raises nor returns False, and returns its result.

    A check may raise anything while the world is not ready (a connection error, an AssertionError). After `within`
    seconds the last failure is raised again inside a TimeoutError that says what was waited for.
    """
    deadline = time.monotonic() + within
    pause = every
    while True:
        failure: BaseException | None = None
        try:
            result = check()
            if result is not False:
                return result
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            failure = error
        if time.monotonic() >= deadline:
            name = what or getattr(check, "__name__", "the check")
            detail = f": {failure}" if failure is not None else ""
            raise TimeoutError(f"not true within {within:g} s: {name}{detail}") from failure
        time.sleep(pause)
        pause = min(pause * 1.3, max(every, 1.0))
