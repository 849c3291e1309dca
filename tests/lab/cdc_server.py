"""Our own server under test: `milvus-cdc serve` with a configuration and a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .cdc_client import CdcClient
from .etcd import http_ok
from .milvus import MilvusStandalone
from .paths import CDC_BINARY
from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE, promised
from .written_source import WrittenSource


class CdcServer:
    """`settings` are put over the default configuration key by key (a nested block is replaced as a whole)."""

    def __init__(
        self, name: str, folder: Path, source: MilvusStandalone | WrittenSource, settings: dict[str, Any] | None = None
    ) -> None:
        self.name = name
        self.folder = folder
        self.port = take_port()
        self.client = CdcClient(f"127.0.0.1:{self.port}")
        self.configuration = {**self.default_configuration(source), **(settings or {})}
        folder.mkdir(parents=True, exist_ok=True)
        self.configuration_file = folder / "cdc.yaml"
        self.configure({})
        self.process = ServerProcess(
            name, [str(CDC_BINARY), "serve", "--config", str(self.configuration_file)], folder
        )

    def default_configuration(self, source: MilvusStandalone | WrittenSource) -> dict[str, Any]:
        return {
            "address": f"127.0.0.1:{self.port}",
            "maxTaskNum": 100,
            "maxNameLength": 256,
            "logLevel": "info",
            "experimental": True,
            "metaStoreConfig": {"storeType": "sqlite", "sqlitePath": str(self.folder / "cdc.db")},
            "sourceConfig": source_configuration(source),
        }

    def configure(self, settings: dict[str, Any]) -> None:
        """Puts these settings over its configuration, from its next start on, until this is called again."""
        self.configuration_file.write_text(yaml.safe_dump({**self.configuration, **settings}, sort_keys=False))

    def start(self) -> None:
        if not CDC_BINARY.exists():
            raise RuntimeError(f"{CDC_BINARY} is missing: run ./dev build")
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        url = f"http://127.0.0.1:{self.port}/readyz"
        self.process.wait_until(lambda: http_ok(url), within, "milvus-cdc is ready (/readyz)")

    def stop(self, within: float | None = None) -> None:
        """SIGTERM. A server that needs longer than it promises is a failure."""
        code = self.process.stop(promised(5) if within is None else within)
        if code != 0:
            raise RuntimeError(f"{self.name} ended with {code}\n{self.process.log_tail()}")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def restart(self) -> None:
        """Starts again after `stop` or `kill`, with the same folder."""
        self.start()
        self.wait_ready()

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)


def source_configuration(
    source: MilvusStandalone | WrittenSource, *, etcd_url: str | None = None, kafka_address: str | None = None
) -> dict[str, Any]:
    """Other addresses than the servers' own are those of gates before them."""
    if isinstance(source, WrittenSource):
        return source.configuration()
    queue: dict[str, Any] = {"rocksmq": {"path": str(source.rocksmq_path)}}
    if source.kafka is not None:
        queue = {"kafka": {"address": kafka_address or source.kafka.address}}
    if source.pulsar is not None:
        queue = {"pulsar": {"address": source.pulsar.address}}
    return {
        "etcd": {"address": [etcd_url or source.etcd_url], "rootPath": source.root_path, "metaSubPath": "meta"},
        **queue,
        "storage": {"type": "local", "path": str(source.storage_path)},
        "milvus": {"address": f"127.0.0.1:{source.port}"},
        "replicateChan": f"{source.root_path}-replicate-msg",
        "channelNum": 16,
    }
