"""One server process: its folder, its log, its end."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .waiting import PATIENCE, eventually

_alive: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


class ServerProcess:
    """A child process with a log file, in a process group of its own.

    Start it from the main thread only: the kernel kills the child when the *thread* that started it ends, which is what
    cleans up after a killed test run.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = list(command)
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        _alive.add(self)

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs (or was never started); negative is the signal that ended it."""
        return None if self._process is None else self._process.poll()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("servers are started from the main thread (see the class comment)")
        if self.is_running():
            raise RuntimeError(f"{self.name} runs already")
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Sends a signal to the whole process group; harmless when it has ended."""
        if self.is_running():
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass

    def stop(self, within: float = PATIENCE) -> int:
        """SIGTERM, then wait. Returns the exit code; a process that does not end in time is killed and reported."""
        if self._process is None:
            return 0
        self.signal(signal.SIGTERM)
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not end within {within:g} s after SIGTERM\n{self.log_tail()}") from None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(PATIENCE)

    def log_tail(self, lines: int = 30) -> str:
        try:
            text = self.log.read_text(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            text = []
        short = [line if len(line) < 300 else line[:300] + " ..." for line in text]
        return "\n".join([f"--- last lines of {self.log}", *short, "---"])

    def wait_until(self, ready: Callable[[], object], within: float, what: str) -> None:
        """Polls `ready`; fails at once, with the log, when the process has ended."""

        def check() -> object:
            if not self.is_running():
                raise _Ended
            return ready()

        try:
            eventually(check, within=within, what=what)
        except _Ended:
            raise RuntimeError(f"{self.name} ended with {self.exit_code} before: {what}\n{self.log_tail()}") from None
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from error


class _Ended(BaseException):
    """Not an Exception, so that `eventually` does not try again."""


def kill_all() -> None:
    """The last resort at the end of Python; a lab that is closed properly has stopped everything before."""
    for process in list(_alive):
        try:
            process.kill()
        except Exception:  # noqa: BLE001 - go on with the others
            pass


atexit.register(kill_all)


def peak_memory_mib(pid: int) -> float:
    """The highest resident memory of a process in its whole life."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmHWM of process {pid}")
