"""The programs of this folder, as Python sees them, and what the kernel knows of a process."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.paths import CDC_BINARY

# Where cmake puts programs: beside the server.
_PROGRAMS = CDC_BINARY.parent
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def program(name: str) -> Path:
    path = _PROGRAMS / name
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run ./dev bench")
    return path


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, ended ones too."""
    # The name, in parentheses, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def peak_memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmHWM of process {pid}")


@dataclass(frozen=True)
class Rows:
    """A collection with so many rows."""

    collection: str
    rows: int = 0
    dim: int = 128
    shards: int = 2

    @property
    def bytes(self) -> int:
        """Of the values of all rows."""
        return self.rows * (8 + 4 * self.dim)


def direct_insert(uri: str, rows: Rows, *options: str) -> dict[str, Any]:
    """Creates the collection and inserts the rows by the C++ client: {rows, bytes, seconds}."""
    command = [
        str(program("direct_insert")), f"--uri={uri}", f"--collection={rows.collection}", f"--rows={rows.rows}",
        f"--dim={rows.dim}", f"--shards={rows.shards}", *options,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr.strip())
    return json.loads(ended.stdout or "{}")


class NullTarget:
    """The server that answers everything at once and keeps nothing; with a delay, each write is answered so much
    later. A context manager."""

    def __init__(self, delay_ms: int = 0) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", str(program("null_target")), str(delay_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        self.uri = f"http://127.0.0.1:{int(self._read())}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def stats(self) -> dict[str, Any]:
        """{rows, bytes, requests, seconds}."""
        assert self._process.stdin is not None
        self._process.stdin.write("stats\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    def __enter__(self) -> NullTarget:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the null target has ended")
        return line
