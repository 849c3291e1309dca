"""Starts servers in one temporary folder and ends them all."""

from __future__ import annotations

import itertools
import os
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .cdc_server import CdcServer
from .clouds import Azurite, GoogleStorage
from .etcd import Etcd
from .gate import Gate
from .kafka import Kafka
from .mariadb import Mariadb
from .milvus import MilvusStandalone
from .milvus_lite import MilvusLite
from .pulsar import Pulsar
from .s3 import S3
from .written_source import WrittenSource


class Server(Protocol):
    def start(self) -> None: ...
    def wait_ready(self) -> None: ...
    def close(self) -> None: ...


S = TypeVar("S", bound=Server)


class Lab:
    """A context manager. The methods make servers without starting them; `start` starts several at the same time.

    The folder is removed at the end. With LAB_KEEP=1 in the environment it stays, for looking at logs.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cdc-lab-"))
        self._servers: list[Server] = []
        self._folders: set[str] = set()

    def etcd(self, name: str) -> Etcd:
        return self._add(Etcd(name, self._own_folder(name)))

    def mariadb(self, name: str) -> Mariadb:
        return self._add(Mariadb(name, self._own_folder(name)))

    def kafka(self, name: str, *, secure: bool = False, gated: bool = False) -> Kafka:
        return self._add(Kafka(name, self._own_folder(name), secure=secure, gated=gated))

    def pulsar(self, name: str, *, secure: bool = False) -> Pulsar:
        return self._add(Pulsar(name, self._own_folder(name), secure=secure))

    def s3(self, name: str) -> S3:
        return self._add(S3(name, self._own_folder(name)))

    def google_storage(self, name: str) -> GoogleStorage:
        return self._add(GoogleStorage(name, self._own_folder(name)))

    def azurite(self, name: str) -> Azurite:
        return self._add(Azurite(name, self._own_folder(name)))

    def gate(self, server: str, tls: ssl.SSLContext | None = None) -> Gate:
        """`server`: an address or a URL."""
        return self._add(Gate(server.split("://")[-1], tls))

    def milvus(self, name: str, **options: Any) -> MilvusStandalone:
        return self._add(MilvusStandalone(name, self._own_folder(name), **options))

    def milvus_lite(self, name: str) -> MilvusLite:
        return self._add(MilvusLite(name, self._own_folder(name)))

    def cdc_server(
        self, name: str, source: MilvusStandalone | WrittenSource, settings: dict[str, Any] | None = None
    ) -> CdcServer:
        return self._add(CdcServer(name, self._own_folder(name), source, settings))

    def start(self, *servers: S) -> None:
        """Starts all, then waits until all are ready."""
        for server in servers:
            server.start()
        for server in servers:
            server.wait_ready()

    def end(self, server: Server) -> None:
        """Ends one server before the others."""
        server.close()
        self._servers.remove(server)

    def close(self) -> None:
        while self._servers:
            self._servers.pop().close()
        if not os.environ.get("LAB_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own_folder(self, name: str) -> Path:
        """Test files choose names without knowing of each other, and two servers in one folder would break each other."""
        number = itertools.count(2)
        folder = name
        while folder in self._folders:
            folder = f"{name}-{next(number)}"
        self._folders.add(folder)
        return self.folder / folder

    def _add(self, server: S) -> S:
        self._servers.append(server)
        return server
