"""Rows in bulk, written by a C++ client (bench/direct_insert.cc): a Python client is too slow for hundreds of MB."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import CDC_BINARY

# Where cmake puts programs: beside the server.
_PROGRAMS = CDC_BINARY.parent


def program(name: str) -> Path:
    path = _PROGRAMS / name
    if not path.exists():
        raise RuntimeError(f"{path} is missing: ./dev test and ./dev bench build it")
    return path


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
