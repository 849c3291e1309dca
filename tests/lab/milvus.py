"""A real Milvus 2.3.5 standalone server with RocksMQ, Kafka or Pulsar, unpacked by `./dev setup`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from .etcd import Etcd, etcd_keys, http_ok
from .kafka import Kafka
from .paths import MILVUS
from .ports import give_back, take_port
from .process import ServerProcess
from .pulsar import Pulsar
from .waiting import PATIENCE

# Ports of the parts inside one standalone process; all must differ between two servers on one machine.
_PARTS = ("rootCoord", "queryCoord", "queryNode", "indexNode", "dataCoord", "dataNode")

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)(?:\((\w+)\))?\s*(?::\s*(.*?))?\s*\}\}")


class MilvusStandalone:
    """Milvus standalone on ports of its own. Its message queue is RocksMQ, or `kafka` or `pulsar` if that is given.

    `etcd=None` uses the etcd inside Milvus. It normally listens on 2379; a configuration file of etcd's own moves it to a
    free port, where other programs can reach it (`etcd_url`).

    A `standby` takes rows by ReplicateMessage only: it refuses the inserts of clients.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        root_path: str = "by-dev",
        etcd: Etcd | None = None,
        kafka: Kafka | None = None,
        pulsar: Pulsar | None = None,
        standby: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        if not (MILVUS / "bin" / "milvus").exists():
            raise RuntimeError("the Milvus server is missing: run ./dev setup")
        self.name = name
        self.folder = folder
        self.root_path = root_path
        self.standby = standby
        self.rocksmq_path = folder / "rdb_data"
        self.storage_path = folder / "data"
        self.kafka = kafka
        self.pulsar = pulsar
        self.port = take_port()
        self._ports = [self.port]
        self._metrics_port = self._port()
        self._etcd = etcd
        self._etcd_port = etcd.port if etcd else self._port()
        folder.mkdir(parents=True, exist_ok=True)
        if etcd is None:
            self._write_etcd_configuration()
        self._write_configuration({"common.ttMsgEnabled": not standby, **(settings or {})})
        self.process = ServerProcess(
            name,
            [str(MILVUS / "bin" / "milvus"), "run", "standalone"],
            folder,
            {
                "LD_LIBRARY_PATH": str(MILVUS / "bin"),
                "DEPLOY_MODE": "STANDALONE",
                "METRICS_PORT": str(self._metrics_port),
                "MILVUSCONF": str(folder / "configs"),
                "MILVUS_RUN_DIR": str(folder),
            },
        )

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def etcd_url(self) -> str:
        return f"http://127.0.0.1:{self._etcd_port}"

    def etcd_keys(self, below: str) -> list[str]:
        return etcd_keys(self.etcd_url, f"{self.root_path}/{below}")

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        url = f"http://127.0.0.1:{self._metrics_port}/healthz"
        self.process.wait_until(lambda: http_ok(url, "OK"), within, "Milvus is healthy")

    def stop(self) -> None:
        """Ends the server; `start` brings it back with its data.

        By SIGKILL, on purpose: on SIGTERM the parts of a 2.3.5 standalone wait for each other for minutes. Everything it
        has acknowledged is in etcd and in the log.
        """
        self.process.kill()

    def reconfigure(self, path: str, value: Any) -> None:
        """Changes a setting in milvus.yaml, e.g. `common.ttMsgEnabled`; the next start reads it."""
        file = self.folder / "configs" / "milvus.yaml"
        configuration = yaml.safe_load(file.read_text())
        _put(configuration, path, value)
        file.write_text(yaml.safe_dump(configuration))

    def close(self) -> None:
        self.process.kill()
        for port in self._ports:
            give_back(port)

    def _port(self) -> int:
        port = take_port()
        self._ports.append(port)
        return port

    def _write_etcd_configuration(self) -> None:
        client, peer = self.etcd_url, f"http://127.0.0.1:{self._port()}"
        configuration = {
            "name": self.name,
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"{self.name}={peer}",
            "unsafe-no-fsync": True,
        }
        (self.folder / "etcd.yaml").write_text(yaml.safe_dump(configuration))

    def _write_configuration(self, settings: dict[str, Any]) -> None:
        template = (MILVUS / "config.yaml.template").read_text()
        configuration = yaml.safe_load(_PLACEHOLDER.sub(lambda m: m.group(3) or "", template))
        ours: dict[str, Any] = {
            "etcd.rootPath": self.root_path,
            "etcd.endpoints": f"127.0.0.1:{self._etcd_port}",
            "etcd.use.embed": self._etcd is None,
            "etcd.data.dir": str(self.folder / "etcd"),
            "etcd.log.level": "error",
            "etcd.log.path": "stderr",
            "localStorage.path": str(self.storage_path),
            "mq.type": "rocksmq",
            "rocksmq.path": str(self.rocksmq_path),
            "proxy.port": self.port,
            "proxy.internalPort": self._port(),
            "proxy.ip": "127.0.0.1",
            "indexCoord.bindIndexNodeMode.address": f"127.0.0.1:{self._port()}",
            "common.chanNamePrefix.cluster": self.root_path,
            # Every test has a database of its own; the default limit is 64.
            "rootCoord.maxDatabaseNum": 4096,
            "log.level": "warn",
            "log.file.rootPath": "",
        }
        if self.kafka is not None:
            # A pulsar block would win.
            configuration.pop("pulsar", None)
            ours["mq.type"] = "kafka"
            ours["kafka.brokerList"] = self.kafka.address
            for name in ("saslUsername", "saslPassword", "saslMechanisms", "securityProtocol"):
                ours[f"kafka.{name}"] = ""
        if self.pulsar is not None:
            ours["mq.type"] = "pulsar"
            # Address and port apart: it takes a whole URL for a host.
            ours["pulsar.address"] = "127.0.0.1"
            ours["pulsar.port"] = self.pulsar.port
            ours["pulsar.webport"] = self.pulsar.web_port
        if self._etcd is None:
            ours["etcd.config.path"] = str(self.folder / "etcd.yaml")
        for part in _PARTS:
            ours[f"{part}.port"] = self._port()
            ours[f"{part}.ip"] = "127.0.0.1"
        for path, value in {**ours, **settings}.items():
            _put(configuration, path, value)
        configs = self.folder / "configs"
        configs.mkdir(exist_ok=True)
        (configs / "milvus.yaml").write_text(yaml.safe_dump(configuration))
        (configs / "glog.conf").write_text("--logtostderr=true\n--minloglevel=2\n")


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        child = tree.get(name)
        if not isinstance(child, dict):
            child = tree[name] = {}
        tree = child
    tree[last] = value
