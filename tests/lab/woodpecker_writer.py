"""Writes logs of Woodpecker, the queue embedded in Milvus 2.6: its files in a folder, its metadata in etcd.

As Milvus' library of 2.6.8 writes them, as far as their readers see it; its files are in
src/source/woodpecker/testing/woodpecker_2_6_8.h.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .etcd import etcd_delete, etcd_put
from .wire import protobuf, varint

_HEADER, _DATA, _INDEX, _FOOTER, _BLOCK = 1, 2, 3, 4, 5
_ACTIVE, _COMPLETED, _TRUNCATED = 0, 2, 4
_FORMAT = 5
_MINUS_ONE = 2**64 - 1


def _record(kind: int, body: bytes) -> bytes:
    rest = struct.pack("<BI", kind, len(body)) + body
    return struct.pack("<I", zlib.crc32(rest)) + rest


@dataclass
class _Log:
    number: int
    segment: int = 0
    offset: int = 0
    entries: int = 0
    index: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    last_entries: dict[int, int] = field(default_factory=dict)  # of the closed segments


class WoodpeckerQueue:
    """A Queue of written_source.py, for one thread at a time. A segment has `blocks` blocks of one entry each."""

    def __init__(self, folder: Path, etcd_url: str, blocks: int = 50) -> None:
        self.configuration: dict[str, Any] = {
            "woodpecker": {"experimental": True, "storage": {"type": "local", "rootPath": str(folder)}}
        }
        self._files = folder / "files" / "wp"
        self._files.mkdir(parents=True)
        self._etcd_url = etcd_url
        self._blocks = blocks
        self._logs: dict[str, _Log] = {}

    def send(self, channel: str, value: bytes, properties: dict[str, str]) -> bytes:
        log = self._logs.get(channel)
        if log is None:
            log = self._logs[channel] = _Log(len(self._logs) + 1)
            self._put_log(channel, -1, -1)
            self._put_segment(channel, 0, _ACTIVE, -1)
        elif len(log.index) == self._blocks:
            self.roll(channel)
        entry = log.entries
        data = _record(_DATA, protobuf(value, [protobuf(k.encode(), v.encode()) for k, v in properties.items()]))
        block = _record(_BLOCK, struct.pack("<iqqII", len(log.index), entry, entry, len(data), zlib.crc32(data)))
        if log.offset == 0:
            self._append(log, _record(_HEADER, struct.pack("<HHq4s", _FORMAT, 0, 0, b"HDR\1")))
        log.index.append((len(log.index), log.offset, len(block + data), entry, entry))
        # In two steps, so that a reader sees a part of a block.
        self._append(log, block)
        self._append(log, data)
        log.entries += 1
        return protobuf(log.segment, entry)

    def roll(self, channel: str) -> None:
        """Closes the segment and begins the next one."""
        log = self._logs[channel]
        index = b"".join(_record(_INDEX, struct.pack("<iqIqq", *each)) for each in log.index)
        footer = struct.pack(
            "<iIQQIHH4s",
            len(log.index), len(log.index), log.offset + len(index), log.offset, len(index), _FORMAT, 0, b"FTR\1",
        )  # fmt: skip
        self._append(log, index + _record(_FOOTER, footer))
        log.last_entries[log.segment] = log.entries - 1
        self._put_segment(channel, log.segment, _COMPLETED, log.entries - 1)
        log.segment, log.offset, log.entries, log.index = log.segment + 1, 0, 0, []
        self._put_segment(channel, log.segment, _ACTIVE, -1)

    def truncate(self, channel: str) -> None:
        """Gives up all closed segments and deletes them."""
        self.roll(channel)
        log = self._logs[channel]
        newest = log.segment - 1
        self._put_log(channel, newest, log.last_entries[newest])
        for number in sorted(log.last_entries)[:-1]:
            self._put_segment(channel, number, _TRUNCATED, log.last_entries[number])
            shutil.rmtree(self._files / str(log.number) / str(number))
            etcd_delete(self._etcd_url, f"woodpecker/logs/{channel}/segments/{number}")
            del log.last_entries[number]

    def segments(self, channel: str) -> int:
        """How many it has begun."""
        return self._logs[channel].segment + 1

    def close(self) -> None:
        pass

    def _append(self, log: _Log, data: bytes) -> None:
        path = self._files / str(log.number) / str(log.segment) / "data.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            os.write(file.fileno(), data)
        log.offset += len(data)

    def _put_log(self, channel: str, segment: int, entry: int) -> None:
        value = protobuf(self._logs[channel].number)
        for number, place in ((8, segment), (9, entry)):
            value += varint(number << 3) + varint(place & _MINUS_ONE)
        etcd_put(self._etcd_url, f"woodpecker/logs/{channel}", value)

    def _put_segment(self, channel: str, number: int, state: int, last_entry: int) -> None:
        value = protobuf(number, 1, _MINUS_ONE, state, 0, last_entry & _MINUS_ONE)
        etcd_put(self._etcd_url, f"woodpecker/logs/{channel}/segments/{number}", value)
