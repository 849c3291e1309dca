"""A single etcd server (Debian's `etcd-server`)."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE


def http_ok(url: str, contains: str = "") -> bool:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return contains in answer.read().decode()


class Etcd:
    """etcd on loopback ports of its own, data in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port = take_port()
        self.peer_port = take_port()
        self.process = ServerProcess(
            name,
            [
                "etcd",
                f"--name={name}",
                f"--data-dir={folder / 'data'}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={self._peer_url}",
                f"--initial-advertise-peer-urls={self._peer_url}",
                f"--initial-cluster={name}={self._peer_url}",
                "--logger=zap",
                "--log-level=warn",
                # Tests need no durability against power loss, and two cores have better things to do.
                "--unsafe-no-fsync",
            ],
            folder,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        self.process.wait_until(lambda: http_ok(f"{self.url}/health", '"true"'), within, "etcd is healthy")

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """kill -9; `start` brings it back with its data."""
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)
        give_back(self.peer_port)

    def keys(self, prefix: str) -> list[str]:
        """All keys below `prefix`, over etcd's JSON gateway."""
        return etcd_keys(self.url, prefix)


def etcd_keys(url: str, prefix: str) -> list[str]:
    return list(_range(url, prefix, keys_only=True))


def etcd_values(url: str, prefix: str) -> dict[str, bytes]:
    return _range(url, prefix, keys_only=False)


def etcd_put(url: str, key: str, value: bytes) -> None:
    _call(url, "put", {"key": _base64(key.encode()), "value": _base64(value)})


def etcd_delete(url: str, key: str) -> None:
    _call(url, "deleterange", {"key": _base64(key.encode())})


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _call(url: str, method: str, body: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/v3/kv/{method}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def _range(url: str, prefix: str, *, keys_only: bool) -> dict[str, bytes]:
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    body = {"key": _base64(prefix.encode()), "range_end": _base64(end.encode()), "keys_only": keys_only}
    found = _call(url, "range", body).get("kvs", [])
    return {
        base64.b64decode(record["key"]).decode(): base64.b64decode(record.get("value", "")) for record in found
    }
