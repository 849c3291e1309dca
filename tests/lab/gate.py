"""A TCP gate: forwards connections to a server, and spoils them on demand.

    gate = lab.gate("127.0.0.1:19530")
    lab.start(gate)
    ... a client connects to gate.address ...
    gate.cut()
    gate.open()
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from .ports import give_back, take_port
from .waiting import PATIENCE

_CHUNK = 1 << 16
# Chunks on their way in one direction of one connection; the sender waits when they are not taken.
_CHUNKS_UNDER_WAY = 64
# Closes a socket by RST, and what it has not sent is forgotten.
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass
class Counters:
    """Since the gate was made."""

    connections: int = 0
    # Bytes that were given to the other side.
    to_server: int = 0
    to_client: int = 0


class _Connection:
    """Both sides of one, and the task that serves it."""

    task: asyncio.Task[None]

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.writers = [client]

    def end(self, *, reset: bool) -> None:
        for writer in self.writers:
            if reset:
                side = writer.get_extra_info("socket")  # None: a TLS connection that has ended already
                if side is not None:
                    with contextlib.suppress(OSError):
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()
        self.task.cancel()


class Gate:
    """Listens on a loopback port of its own (`address`) and forwards to `server` ("host:port"). It begins open.

    Its methods may be called from any thread and have taken effect when they return. The last one called holds, except
    `delay`, which stands beside the others. With `tls`, clients have to speak that; to the server it does not.
    """

    def __init__(self, server: str, tls: ssl.SSLContext | None = None) -> None:
        self.server = server
        self.tls = tls
        self.port = take_port()
        self._counters = Counters()
        self._connections: set[_Connection] = set()
        self._delay = 0.0
        self._listener: asyncio.Server | None = None
        self._flow = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"http://{self.address}"

    @property
    def started(self) -> bool:
        return self._thread is not None

    # -- as a server of the lab ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"gate-{self.port}", daemon=True)
        self._thread.start()
        self.open()

    def wait_ready(self) -> None:
        """`start` has returned: it listens."""

    def close(self) -> None:
        if self._thread is not None:
            self._run(self._close)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        if not self._loop.is_closed():
            self._loop.close()
            give_back(self.port)

    # -- faults -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Forwards. Connections that are still there go on with all that was held back."""
        self._run(self._open)

    def cut(self) -> None:
        """Ends the connections (FIN) and refuses new ones."""
        self._run(self._cut)

    def reset(self) -> None:
        """Ends the connections by RST; new ones are welcome, unless the gate is cut."""
        self._run(self._reset)

    def black_hole(self) -> None:
        """Accepts connections and forwards nothing, in new and in old ones: silence."""
        self._run(self._black_hole)

    def delay(self, seconds: float) -> None:
        """Everything arrives so much later, from now on; 0 ends it."""

        async def set_delay() -> None:
            self._delay = seconds

        self._run(set_delay)

    @property
    def counters(self) -> Counters:
        return Counters(**vars(self._counters))

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    # -- in the thread of the loop ------------------------------------------------------------------------------------

    def _run(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._thread is None:
            raise RuntimeError("the gate is not started")
        asyncio.run_coroutine_threadsafe(what(), self._loop).result(timeout=PATIENCE)

    async def _open(self) -> None:
        self._flow.set()
        await self._listen()

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._end_all(reset=False)

    async def _reset(self) -> None:
        self._end_all(reset=True)

    async def _black_hole(self) -> None:
        self._flow.clear()
        await self._listen()

    async def _close(self) -> None:
        tasks = [connection.task for connection in self._connections]
        await self._cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._on_client, "127.0.0.1", self.port, limit=_CHUNK, reuse_address=True, ssl=self.tls
            )

    def _end_all(self, *, reset: bool) -> None:
        for connection in list(self._connections):
            connection.end(reset=reset)

    def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        connection.task = self._loop.create_task(self._serve(connection, reader))
        self._connections.add(connection)
        self._counters.connections += 1

        def ended(_: asyncio.Task[None]) -> None:
            self._connections.discard(connection)

        connection.task.add_done_callback(ended)

    async def _serve(self, connection: _Connection, from_client: asyncio.StreamReader) -> None:
        to_client = connection.writers[0]
        try:
            await self._flow.wait()
            host, port = self.server.rsplit(":", 1)
            from_server, to_server = await asyncio.open_connection(host, int(port), limit=_CHUNK)
            connection.writers.append(to_server)
            # Each direction ends on its own: a client may have said its last word and still listen.
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(from_client, to_server, "to_server"))
                both.create_task(self._forward(from_server, to_client, "to_client"))
            for writer in connection.writers:
                writer.close()
        except* OSError:
            # The server refuses, or one side is gone: the other side sees the same.
            connection.end(reset=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: str) -> None:
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(reader, chunks))
            while True:
                due, chunk = await chunks.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flow.wait()
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
                setattr(self._counters, counter, getattr(self._counters, counter) + len(chunk))
        if writer.can_write_eof():
            writer.write_eof()

    async def _receive(self, reader: asyncio.StreamReader, chunks: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Takes what comes, and says when it is due; the end is an empty chunk."""
        chunk = b"-"
        while chunk:
            await self._flow.wait()
            chunk = await reader.read(_CHUNK)
            await chunks.put((self._loop.time() + self._delay, chunk))
