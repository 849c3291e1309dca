"""The gate itself: what a client sees at each fault."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lab.gate import Gate
from lab.waiting import eventually, promised


class Echo:
    """A server that sends back what it gets, and ends its side when the client has ended its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(1 << 16):
                    client.sendall(data)
            except OSError:
                pass

    def close(self) -> None:
        """Accepts no more; connections go on."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def gate(echo: Echo) -> Iterator[Gate]:
    gate = Gate(echo.address)
    gate.start()
    yield gate
    gate.close()


@pytest.fixture
def dial(gate: Gate) -> Iterator[Callable[[], socket.socket]]:
    """Connects to the gate. Sockets have a deadline of 10 s."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        made.append(socket.create_connection(("127.0.0.1", gate.port), timeout=10))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def say(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return hear(client, len(text))


def hear(client: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length:
        part = client.recv(length - len(heard))
        if not part:
            break
        heard += part
    return heard


def expect_silence(client: socket.socket) -> None:
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(10)


def test_forwards_and_counts(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    assert say(client, b"hello") == b"hello"
    # More than all buffers on the way, so the sending side must wait for the taking one.
    text = bytes(range(256)) * (1 << 16)
    sender = threading.Thread(target=client.sendall, args=(text,))
    sender.start()
    assert hear(client, len(text)) == text
    sender.join()

    def counted() -> bool:
        counters = gate.counters
        return counters.connections == 1 and counters.to_server == counters.to_client == len(text) + 5

    eventually(counted)


def test_the_last_word_of_one_side(dial: Callable[[], socket.socket]) -> None:
    client = dial()
    client.sendall(b"over")
    client.shutdown(socket.SHUT_WR)
    assert hear(client, 100) == b"over"


def test_cut(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    say(client, b"hello")
    gate.cut()
    assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        dial()
    gate.open()
    assert say(dial(), b"again") == b"again"
    gate.cut()
    gate.cut()
    gate.open()
    gate.open()
    assert say(dial(), b"again") == b"again"


def test_reset(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    say(client, b"hello")
    gate.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert say(dial(), b"again") == b"again"


def test_black_hole(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    old = dial()
    say(old, b"hello")
    before = gate.counters
    gate.black_hole()
    new = dial()
    for client in (old, new):
        client.sendall(b"anybody?")
        expect_silence(client)
    assert gate.counters.to_server == before.to_server
    gate.open()
    for client in (old, new):
        assert hear(client, 8) == b"anybody?"


def test_a_black_hole_can_be_cut_and_reset(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    gate.black_hole()
    client = dial()
    eventually(lambda: gate.connections == 1)
    gate.cut()
    assert client.recv(1) == b""
    gate.black_hole()
    client = dial()
    eventually(lambda: gate.connections == 1)
    gate.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    gate.open()
    assert say(dial(), b"again") == b"again"


def test_delay(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    gate.delay(0.2)
    begin = time.monotonic()
    assert say(client, b"hello") == b"hello"
    assert time.monotonic() - begin >= 0.4
    # Each byte is late, but not one after the other.
    begin = time.monotonic()
    for number in range(20):
        client.sendall(bytes([number]))
    assert hear(client, 20) == bytes(range(20))
    assert 0.4 <= time.monotonic() - begin < promised(4)
    gate.delay(0)
    assert say(client, b"hello") == b"hello"


def test_a_server_that_is_not_there(gate: Gate, echo: Echo, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    say(client, b"hello")
    echo.close()
    with pytest.raises(ConnectionResetError):
        dial().recv(1)
    assert say(client, b"still") == b"still"


def test_ends_with_connections_open(gate: Gate, dial: Callable[[], socket.socket]) -> None:
    client = dial()
    say(client, b"hello")
    gate.black_hole()
    gate.close()
    assert client.recv(1) == b""
