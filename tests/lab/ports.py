"""Free loopback ports that two test runs on one machine do not take from each other.

Asking the kernel for port 0 is not enough: the port is free again until the server binds it, and Milvus needs ten of
them. So each port is claimed with a lock file that is held as long as this process lives.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the kernel picks ports for outgoing connections.
LOWEST, HIGHEST = 21000, 31999

_held: dict[int, int] = {}


def _lock_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / "milvus-cdc-ports"
    folder.mkdir(mode=0o777, exist_ok=True)
    return folder


def _can_bind(port: int) -> bool:
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def take_port() -> int:
    """Claims a port that nobody listens on. It stays ours until `give_back` or the end of the process."""
    folder = _lock_folder()
    for _ in range(1000):
        port = random.randint(LOWEST, HIGHEST)
        if port in _held:
            continue
        # Python opens files as not inheritable, so a child does not keep the lock.
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        if _can_bind(port):
            _held[port] = lock
            return port
        os.close(lock)
    raise RuntimeError("no free port found")


def give_back(port: int) -> None:
    """Ends the claim. Harmless if the port is not ours."""
    lock = _held.pop(port, None)
    if lock is not None:
        os.close(lock)
