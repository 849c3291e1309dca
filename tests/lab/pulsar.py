"""A real Pulsar broker with its bookie in one process, from the jars that `./dev setup` fetches."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .paths import PULSAR
from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE, NotYet, eventually

_SECRET = b"the secret of the tests' tokens, of 32 bytes or more"
_OPENED = ("java.base/java.nio", "java.base/jdk.internal.misc", "java.base/sun.nio.ch", "java.base/java.lang")


class Pulsar:
    """One broker on loopback ports of its own. `address` needs no password; with `secure=True` a client that brings a token
    must bring a valid one (`token`), and there is a listener with TLS, `ssl_address`; its authority is
    `certificates.authority`."""

    def __init__(self, name: str, folder: Path, *, secure: bool = False) -> None:
        if not (PULSAR / "lib").is_dir():
            raise RuntimeError("Pulsar is missing: run ./dev setup")
        self.folder = folder
        self.port, self.web_port, self._bookie_port = take_port(), take_port(), take_port()
        self.ssl_port = take_port() if secure else 0
        folder.mkdir(parents=True, exist_ok=True)
        self.certificates = Certificates(folder / "certificates")
        if secure:
            self.certificates.make()
        settings = self._settings(secure)
        (folder / "standalone.conf").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (folder / "log4j2.xml").write_text(
            '<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>'
            '<Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>\n'
        )
        self.process = ServerProcess(name, self._command(), folder)

    @property
    def address(self) -> str:
        return f"pulsar://127.0.0.1:{self.port}"

    @property
    def ssl_address(self) -> str:
        return f"pulsar+ssl://127.0.0.1:{self.ssl_port}"

    @property
    def token(self) -> str:
        def part(content: bytes) -> str:
            return base64.urlsafe_b64encode(content).decode().rstrip("=")

        signed = f'{part(b"""{"alg":"HS256"}""")}.{part(b"""{"sub":"cdc"}""")}'
        return f"{signed}.{part(hmac.digest(_SECRET, signed.encode(), hashlib.sha256))}"

    def admin(self, method: str, path: str) -> Any:
        """A call of the administration's API, e.g. GET, persistent/public/default/topic/stats."""
        url = f"http://127.0.0.1:{self.web_port}/admin/v2/{path}"
        request = urllib.request.Request(url, method=method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def topics(self) -> set[str]:
        return {topic.rsplit("/", 1)[1] for topic in self.admin("GET", "persistent/public/default")}

    def subscriptions(self, topic: str) -> dict[str, bool]:
        """By name, whether it is durable."""
        found = self.admin("GET", f"persistent/public/default/{topic}/stats")["subscriptions"]
        return {name: subscription["durable"] for name, subscription in found.items()}

    def forget(self, topic: str) -> None:
        """Removes all records that the topic holds, as its retention would. Others may come meanwhile."""
        newest = self._ledgers(topic)[-1]
        self.unload(topic)  # ends the ledger that is written to

        def gone() -> None:
            # A ledger stays while a consumer comes back to it after the unload.
            self.admin("DELETE", f"persistent/public/default/{topic}/truncate")
            if (oldest := self._ledgers(topic)[0]) <= newest:
                raise NotYet(f"{topic}: ledger {oldest} is still there")

        eventually(gone, every=0.5, what="the records go")

    def _ledgers(self, topic: str) -> list[int]:
        stats = self.admin("GET", f"persistent/public/default/{topic}/internalStats")
        return [ledger["ledgerId"] for ledger in stats["ledgers"]]

    def unload(self, topic: str) -> None:
        """The broker gives the topic up, and clients have to look for it again."""
        self.admin("PUT", f"persistent/public/default/{topic}/unload")

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = 2 * PATIENCE) -> None:
        # The namespace is the last thing that it makes.
        self.process.wait_until(
            lambda: "public/default" in self.admin("GET", "namespaces/public"), within, "Pulsar has its namespace"
        )

    def stop(self) -> None:
        self.process.kill()

    def kill(self) -> None:
        """kill -9; `start` brings it back with its data."""
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        for port in (self.port, self.web_port, self._bookie_port, self.ssl_port):
            give_back(port)

    def _command(self) -> list[str]:
        return [
            "java",
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # it lives for a minute or two
            *(option for package in _OPENED for option in ("--add-opens", f"{package}=ALL-UNNAMED")),
            f"-Dlog4j.configurationFile={self.folder / 'log4j2.xml'}",
            "-cp",
            f"{PULSAR / 'lib'}/*",
            "org.apache.pulsar.PulsarStandaloneStarter",
            *("--config", str(self.folder / "standalone.conf"), "-nfw", "-nss"),
            *("--metadata-dir", str(self.folder / "metadata"), "--bookkeeper-dir", str(self.folder / "bookkeeper")),
            *("--bookkeeper-port", str(self._bookie_port)),
        ]

    def _settings(self, secure: bool) -> dict[str, str]:
        settings = {
            "metadataStoreUrl": "",
            "clusterName": "standalone",
            "bindAddress": "127.0.0.1",
            "advertisedAddress": "127.0.0.1",
            "brokerServicePort": str(self.port),
            "webServicePort": str(self.web_port),
            "loadBalancerEnabled": "false",
            "allowAutoTopicCreation": "true",
            "allowAutoTopicCreationType": "non-partitioned",
            "brokerDeleteInactiveTopicsEnabled": "false",
            # As Milvus' charts have it: without retention, what Milvus has read is gone.
            "defaultRetentionTimeInMinutes": "10080",
            "defaultRetentionSizeInMB": "-1",
            # Milvus writes records of up to 5 MiB by its own estimate, which may be a little too low.
            "maxMessageSize": "10485760",
            "nettyMaxFrameSizeBytes": "10500000",
            "managedLedgerDefaultEnsembleSize": "1",
            "managedLedgerDefaultWriteQuorum": "1",
            "managedLedgerDefaultAckQuorum": "1",
            "journalSyncData": "false",
        }
        if secure:
            # Who brings no token is let in.
            settings |= {
                "authenticationEnabled": "true",
                "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
                "anonymousUserRole": "anyone",
                "superUserRoles": "anyone,cdc",
                "tokenSecretKey": "data:;base64," + base64.b64encode(_SECRET).decode(),
                "brokerServicePortTls": str(self.ssl_port),
                "tlsCertificateFilePath": str(self.certificates.certificate),
                "tlsKeyFilePath": str(self.certificates.key),
            }
        return settings


def main() -> None:
    """`python -m lab.pulsar`: a secure broker for the C++ tests, obeys lines from its standard input: `start`, `kill`,
    `forget <topic>`, `unload <topic>`, `durable <topic>` (the names of its durable subscriptions)."""
    with tempfile.TemporaryDirectory(prefix="cdc-pulsar-") as folder:
        broker = Pulsar("pulsar", Path(folder), secure=True)
        try:
            for line in sys.stdin:
                print(_obey(broker, *line.split()), flush=True)
        finally:
            broker.close()


def _obey(broker: Pulsar, command: str, topic: str = "") -> str:
    match command:
        case "start":
            broker.start()
            broker.wait_ready()
            return f"ready {broker.address} {broker.ssl_address} {broker.certificates.authority} {broker.token}"
        case "kill":
            broker.kill()
        case "forget":
            broker.forget(topic)
        case "unload":
            broker.unload(topic)
        case "durable":
            return " ".join(["durable", *(name for name, durable in broker.subscriptions(topic).items() if durable)])
    return "done"


if __name__ == "__main__":
    main()
