"""A real Kafka broker in one process (KRaft), from the jars that `./dev setup` fetches."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .certificates import STORE_PASSWORD, Certificates
from .gate import Gate
from .paths import KAFKA
from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE

_CLUSTER = "bWlsdnVzLWNkYy10ZXN0cw"
_USER, _PASSWORD = "cdc", "cdc-password"


class Kafka:
    """One broker on loopback ports of its own. `address` needs no password; `sasl_address` and `ssl_address` exist with
    `secure=True` (user `cdc`, password `cdc-password`; the authority is `certificates.authority`). With `gated=True` there
    is a listener that is reached by `gate.address` only: clients are sent back to the gate, not past it."""

    user, password = _USER, _PASSWORD

    def __init__(self, name: str, folder: Path, *, secure: bool = False, gated: bool = False) -> None:
        if not (KAFKA / "lib").is_dir():
            raise RuntimeError("Kafka is missing: run ./dev setup")
        self.folder = folder
        self.port, self._controller_port = take_port(), take_port()
        self.sasl_port, self.ssl_port = (take_port(), take_port()) if secure else (0, 0)
        self._gated_port = take_port() if gated else 0
        self._gate = Gate(f"127.0.0.1:{self._gated_port}") if gated else None
        folder.mkdir(parents=True, exist_ok=True)
        self.certificates = Certificates(folder / "certificates")
        if secure:
            self.certificates.make()
        self._properties = folder / "server.properties"
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings(secure).items()))
        (folder / "log4j.properties").write_text(
            "log4j.rootLogger=WARN, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c)%n\n"
        )
        self.process = ServerProcess(name, [*self._java(), "kafka.Kafka", str(self._properties)], folder)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_address(self) -> str:
        return f"127.0.0.1:{self.sasl_port}"

    @property
    def ssl_address(self) -> str:
        return f"127.0.0.1:{self.ssl_port}"

    @property
    def gate(self) -> Gate:
        assert self._gate is not None, "made without gated=True"
        return self._gate

    def topics(self) -> set[str]:
        """The topics with a partition 0, as the broker's folder shows them."""
        return {path.name.removesuffix("-0") for path in (self.folder / "data").glob("*-0") if path.is_dir()}

    def delete_records(self, topic: str, before: int) -> None:
        """Forgets the records of partition 0 below this offset, as its retention would."""
        name = topic.encode()
        body = struct.pack(f">ih{len(name)}siiqi", 1, len(name), name, 1, 0, before, 10_000)
        # DeleteRecords, version 0; a client without a name.
        request = struct.pack(">hhih", 21, 0, 1, -1) + body
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb")
            answer = answer.read(struct.unpack(">i", answer.read(4))[0])
        # It ends with the partition's low watermark and error.
        low, error = struct.unpack(">qh", answer[-10:])
        if error != 0 or low != before:
            raise RuntimeError(f"{topic}: records below {before} are still there: {low}, error {error}")

    def start(self) -> None:
        if not (self.folder / "data" / "meta.properties").exists():
            storage = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties)]
            subprocess.run([*self._java(), *storage], cwd=self.folder, check=True, capture_output=True)
        if self._gate is not None and not self._gate.started:
            self._gate.start()
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        ports = [port for port in (self.port, self._gated_port, self.sasl_port, self.ssl_port) if port]

        def ready() -> bool:
            # The broker opens its listeners when it has joined the cluster.
            for port in ports:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    pass
            return True

        self.process.wait_until(ready, within, "Kafka listens")

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """kill -9; `start` brings it back with its data."""
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        if self._gate is not None:
            self._gate.close()
        for port in (self.port, self._controller_port, self._gated_port, self.sasl_port, self.ssl_port):
            give_back(port)

    def _java(self) -> list[str]:
        return [
            "java",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # it lives for a minute or two
            f"-Dlog4j.configuration=file:{self.folder / 'log4j.properties'}",
            "-cp",
            f"{KAFKA / 'lib'}/*",
        ]

    def _settings(self, secure: bool) -> dict[str, str]:
        listeners = {"PLAINTEXT": self.port, "CONTROLLER": self._controller_port}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        advertised = {"PLAINTEXT": self.port}
        settings: dict[str, str] = {}
        if self._gate is not None:
            listeners["GATED"], advertised["GATED"] = self._gated_port, self._gate.port
            protocols["GATED"] = "PLAINTEXT"
        if secure:
            listeners.update(SASL=self.sasl_port, SSL=self.ssl_port)
            advertised.update(SASL=self.sasl_port, SSL=self.ssl_port)
            protocols.update(SASL="SASL_PLAINTEXT", SSL="SSL")
            settings = {
                "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.sasl.plain.sasl.jaas.config": (
                    f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{_USER}="{_PASSWORD}";'
                ),
                "listener.name.ssl.ssl.keystore.type": "PKCS12",
                "listener.name.ssl.ssl.keystore.location": str(self.certificates.key_store),
                "listener.name.ssl.ssl.keystore.password": STORE_PASSWORD,
                "listener.name.ssl.ssl.key.password": STORE_PASSWORD,
            }
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{value}" for name, value in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            # Milvus writes records of several MB.
            "message.max.bytes": "10485760",
            "num.partitions": "1",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # After kill -9 a broker is let in again when its former life has timed out.
            "broker.session.timeout.ms": "1500",
            "broker.heartbeat.interval.ms": "300",
            "num.network.threads": "2",
            "num.io.threads": "2",
            **settings,
        }


def main() -> None:
    """`python -m lab.kafka`: a secure broker for the C++ tests, obeys lines from its standard input: `start`, `kill`."""
    with tempfile.TemporaryDirectory(prefix="cdc-kafka-") as folder:
        broker = Kafka("kafka", Path(folder), secure=True)
        try:
            for line in sys.stdin:
                if line.strip() == "kill":
                    broker.kill()
                    print("killed", flush=True)
                else:
                    broker.start()
                    broker.wait_ready()
                    authority = broker.certificates.authority
                    print("ready", broker.address, broker.sasl_address, broker.ssl_address, authority, flush=True)
        finally:
            broker.close()


if __name__ == "__main__":
    main()
