"""What the screen shows. Written by the demo, drawn by a screen; neither knows the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Step:
    text: str
    started: float
    ended: float | None = None
    failed: bool = False
    # What came of it, e.g. an address.
    result: str = ""

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started


@dataclass
class Progress:
    """Rows of one collection. `arrived` is None while the target cannot tell (not there, or not loaded, yet)."""

    expected: int = 0
    arrived: int | None = None
    gone: bool = False


@dataclass
class State:
    """Fields are changed under `lock`; the screen draws under it too."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    collections: dict[str, Progress] = field(default_factory=dict)
    task: str = ""
    task_state: str = ""
    lag_ms: float | None = None

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        step = Step(text, time.monotonic())
        with self.lock:
            self.steps.append(step)
        try:
            yield step
        except BaseException:
            step.failed = True
            raise
        finally:
            step.ended = time.monotonic()

    def collection(self, name: str) -> Progress:
        with self.lock:
            return self.collections.setdefault(name, Progress())
