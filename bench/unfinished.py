"""Answers beside clients that never finish what they send: a header, a body, or a handshake of TLS."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from lab.certificates import Certificates
from lab.paths import CDC_BINARY
from lab.ports import give_back, take_port
from lab.process import ServerProcess
from lab.waiting import PATIENCE

from .figures import Figure

CLIENTS = 600

_AIM_MS = 100
_ANSWERS = 100
_LIST = json.dumps({"request_type": "list"})
_UNFINISHED = (
    b"",
    b"GET /cdc",
    b"POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{",
    b"POST /cdc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
)
_UNFINISHED_TLS = (b"", b"\x16\x03\x01\x02\x00\x01")


def measure() -> dict[str, list[Figure]]:
    figures = []
    for tls in (False, True):
        with tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder:
            figures += _measure(Path(folder), tls)
    return {f"{CLIENTS} clients that do not finish": figures}


def _measure(folder: Path, tls: bool) -> list[Figure]:
    port = take_port()
    # No source: the HTTP API does not need one.
    settings: dict[str, Any] = {
        "address": f"127.0.0.1:{port}",
        "logLevel": "error",
        "metaStoreConfig": {"storeType": "sqlite", "sqlitePath": str(folder / "cdc.db")},
        "sourceConfig": {"etcd": {"address": ["127.0.0.1:1"]}},
    }
    context = None
    if tls:
        certificates = Certificates(folder / "certificates").make()
        settings["http"] = {"tls": {"certPath": str(certificates.certificate), "keyPath": str(certificates.key)}}
        context = ssl.create_default_context(cafile=str(certificates.authority))
    (folder / "cdc.yaml").write_text(yaml.safe_dump(settings))
    server = ServerProcess("cdc", [str(CDC_BINARY), "--config", "cdc.yaml"], folder)
    try:
        server.start()
        server.wait_until(lambda: _listens(port, context), PATIENCE, "the server answers")
        name = "HTTPS" if tls else "HTTP"
        alone = _times(f"{name}, alone", port, context)
        with ExitStack() as stack:
            for i in range(CLIENTS):
                stack.enter_context(_unfinished(port, _UNFINISHED_TLS if tls else _UNFINISHED, i))
            beside = _times(f"{name}, beside them", port, context, aim=_AIM_MS)
        return [*alone, *beside]
    finally:
        server.kill()
        give_back(port)


def _unfinished(port: int, begins: tuple[bytes, ...], number: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(begins[number % len(begins)])
    return client


def _times(name: str, port: int, context: ssl.SSLContext | None, aim: float | None = None) -> list[Figure]:
    health = Figure(f"{name}: /healthz, median", "ms", at_most=aim)
    listing = Figure(f"{name}: /cdc, median", "ms", at_most=aim)
    slowest = Figure(f"{name}: the slowest of both", "ms", at_most=aim)
    times = []
    for _ in range(_ANSWERS):
        for figure, call in ((health, _health), (listing, _tasks)):
            times.append(_timed(call, port, context))
            figure.add(times[-1])
    slowest.add(max(times))
    return [health, listing, slowest]


def _timed(call: Callable[[http.client.HTTPConnection], int], port: int, context: ssl.SSLContext | None) -> float:
    """Milliseconds from the connection, with a handshake if it is TLS, to the end of the answer."""
    start = time.monotonic()
    client = _connection(port, context)
    try:
        status = call(client)
    finally:
        client.close()
    if status != 200:
        raise RuntimeError(f"HTTP {status}")
    return (time.monotonic() - start) * 1000


def _connection(port: int, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)


def _health(client: http.client.HTTPConnection) -> int:
    return _ask(client, "GET", "/healthz", None)


def _tasks(client: http.client.HTTPConnection) -> int:
    return _ask(client, "POST", "/cdc", _LIST)


def _ask(client: http.client.HTTPConnection, method: str, path: str, body: str | None) -> int:
    client.request(method, path, body)
    answer = client.getresponse()
    answer.read()
    return answer.status


def _listens(port: int, context: ssl.SSLContext | None) -> bool:
    try:
        return _health(_connection(port, context)) == 200
    except OSError:
        return False
