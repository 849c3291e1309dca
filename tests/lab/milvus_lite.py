"""Milvus Lite as a server: a small target that is ready in two seconds."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE


def accepts_connections(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class MilvusLite:
    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.port = take_port()
        program = Path(sys.executable).with_name("milvus-lite")
        self.process = ServerProcess(
            name,
            [
                str(program),
                "server",
                f"--data-dir={folder / 'data'}",
                "--host=127.0.0.1",
                f"--port={self.port}",
            ],
            folder,
        )

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        self.process.wait_until(lambda: accepts_connections(self.port), within, "Milvus Lite listens")

    def stop(self) -> None:
        self.process.stop()

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)
