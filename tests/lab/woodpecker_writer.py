"""Writes logs of Woodpecker, the queue embedded in Milvus 2.6: its files in a folder or a bucket, its metadata in etcd.

As Milvus' library of 2.6.8 writes them, as far as their readers see it; its files and objects are in
src/source/woodpecker/testing/.
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
from .s3 import Bucket, S3
from .wire import protobuf, varint

_HEADER, _DATA, _INDEX, _FOOTER, _BLOCK = 1, 2, 3, 4, 5
_ACTIVE, _COMPLETED, _SEALED, _TRUNCATED = 0, 2, 3, 4
_FORMAT = 5
_MINUS_ONE = 2**64 - 1


def _record(kind: int, body: bytes) -> bytes:
    rest = struct.pack("<BI", kind, len(body)) + body
    return struct.pack("<I", zlib.crc32(rest)) + rest


def _file_header(flags: int = 0) -> bytes:
    return _record(_HEADER, struct.pack("<HHq4s", _FORMAT, flags, 0, b"HDR\1"))


def _block_header(number: int, first: int, last: int, data: bytes) -> bytes:
    return _record(_BLOCK, struct.pack("<iqqII", number, first, last, len(data), zlib.crc32(data)))


def _footer(index: list[_Index], offset: int, flags: int = 0) -> bytes:
    """The index and the footer; `offset`: where they go in a file, 0 in an object of their own."""
    records = b"".join(_record(_INDEX, struct.pack("<iqIqq", *each)) for each in index)
    size = offset + len(records) if offset else sum(each[2] for each in index)
    written = index[-1][4] + 1 if index else 0  # blocks before they were merged
    footer = struct.pack(
        "<iIQQIHH4s", len(index), written, size, offset, len(records), _FORMAT, flags, b"FTR\1"
    )  # fmt: skip
    return records + _record(_FOOTER, footer)


# Number, offset, size, first and last entry of a block.
_Index = tuple[int, int, int, int, int]


@dataclass
class _Log:
    number: int
    segment: int = 0
    offset: int = 0
    entries: int = 0
    index: list[_Index] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)  # of its blocks
    last_entries: dict[int, int] = field(default_factory=dict)  # of the closed segments


class _Folder:
    """A segment is a file that grows."""

    def __init__(self, folder: Path) -> None:
        self.configuration = {
            "woodpecker": {"experimental": True, "storage": {"type": "local", "rootPath": str(folder)}}
        }
        self._files = folder / "files" / "wp"
        self._files.mkdir(parents=True)

    def write(self, log: _Log, header: bytes, data: bytes) -> None:
        if log.offset == 0:
            self._append(log, _file_header())
        log.index.append((len(log.index), log.offset, len(header + data), log.entries, log.entries))
        # In two steps, so that a reader sees a part of a block.
        self._append(log, header)
        self._append(log, data)

    def finish(self, log: _Log) -> None:
        self._append(log, _footer(log.index, log.offset))

    def merge(self, log: _Log) -> bool:
        """Whether its blocks, of the segment that was finished last, were merged."""
        return False

    def remove(self, log: _Log, segment: int) -> None:
        shutil.rmtree(self._files / str(log.number) / str(segment))

    def _append(self, log: _Log, data: bytes) -> None:
        path = self._files / str(log.number) / str(log.segment) / "data.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            os.write(file.fileno(), data)
        log.offset += len(data)


class _Objects:
    """A block is an object; those of a closed segment are merged, `merged` of them into one."""

    def __init__(self, s3: S3, bucket: Bucket, merged: int = 7) -> None:
        self.configuration = {
            "woodpecker": {"experimental": True, "storage": {"type": "minio"}},
            "storage": bucket.cdc_settings(),
        }
        self._s3 = s3
        self._bucket = bucket
        self._merged = merged

    def write(self, log: _Log, header: bytes, data: bytes) -> None:
        number = len(log.index)
        block = (_file_header() if number == 0 else b"") + header + data
        log.index.append((number, 0, len(block), log.entries, log.entries))
        log.data.append(data)
        self._put(log, str(number), block)

    def finish(self, log: _Log) -> None:
        self._put(log, "footer", _footer(log.index, 0))

    def merge(self, log: _Log) -> bool:
        index: list[_Index] = []
        for number, first in enumerate(range(0, len(log.data), self._merged)):
            data = b"".join(log.data[first : first + self._merged])
            last = min(first + self._merged, len(log.data)) - 1
            block = (_file_header(1) if number == 0 else b"") + _block_header(number, first, last, data) + data
            index.append((number, 0, len(block), first, last))
            self._put(log, f"m_{number}", block)
        self._put(log, "footer", _footer(index, 0, flags=1))
        for number in reversed(range(len(log.data))):
            self._s3.delete(self._bucket.name, self._key(log, log.segment, str(number)))
        return True

    def remove(self, log: _Log, segment: int) -> None:
        for key in self._s3.keys(self._bucket.name, self._key(log, segment, "").removesuffix(".blk")):
            self._s3.delete(self._bucket.name, key)

    def _put(self, log: _Log, name: str, data: bytes) -> None:
        self._s3.write(self._bucket.name, self._key(log, log.segment, name), data)

    def _key(self, log: _Log, segment: int, name: str) -> str:
        return f"{self._bucket.root}/wp/{log.number}/{segment}/{name}.blk"


class WoodpeckerQueue:
    """A Queue of written_source.py, for one thread at a time. A segment has `blocks` blocks of one entry each."""

    def __init__(self, files: _Folder | _Objects, etcd_url: str, blocks: int = 50) -> None:
        self.configuration: dict[str, Any] = files.configuration
        self._files = files
        self._etcd_url = etcd_url
        self._blocks = blocks
        self._logs: dict[str, _Log] = {}

    @classmethod
    def in_folder(cls, folder: Path, etcd_url: str) -> WoodpeckerQueue:
        return cls(_Folder(folder), etcd_url)

    @classmethod
    def in_bucket(cls, s3: S3, bucket: Bucket, etcd_url: str) -> WoodpeckerQueue:
        """Each segment is merged as soon as it is closed, under the eyes of its readers."""
        return cls(_Objects(s3, bucket), etcd_url)

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
        self._files.write(log, _block_header(len(log.index), entry, entry, data), data)
        log.entries += 1
        return protobuf(log.segment, entry)

    def roll(self, channel: str) -> None:
        """Closes the segment and begins the next one."""
        log = self._logs[channel]
        self._files.finish(log)
        log.last_entries[log.segment] = log.entries - 1
        self._put_segment(channel, log.segment, _COMPLETED, log.entries - 1)
        if self._files.merge(log):
            self._put_segment(channel, log.segment, _SEALED, log.entries - 1)
        log.segment, log.offset, log.entries, log.index, log.data = log.segment + 1, 0, 0, [], []
        self._put_segment(channel, log.segment, _ACTIVE, -1)

    def truncate(self, channel: str) -> None:
        """Gives up all closed segments and deletes them."""
        self.roll(channel)
        log = self._logs[channel]
        newest = log.segment - 1
        self._put_log(channel, newest, log.last_entries[newest])
        for number in sorted(log.last_entries)[:-1]:
            self._put_segment(channel, number, _TRUNCATED, log.last_entries[number])
            self._files.remove(log, number)
            etcd_delete(self._etcd_url, f"woodpecker/logs/{channel}/segments/{number}")
            del log.last_entries[number]

    def segments(self, channel: str) -> int:
        """How many it has begun."""
        return self._logs[channel].segment + 1

    def close(self) -> None:
        pass

    def _put_log(self, channel: str, segment: int, entry: int) -> None:
        value = protobuf(self._logs[channel].number)
        for number, place in ((8, segment), (9, entry)):
            value += varint(number << 3) + varint(place & _MINUS_ONE)
        etcd_put(self._etcd_url, f"woodpecker/logs/{channel}", value)

    def _put_segment(self, channel: str, number: int, state: int, last_entry: int) -> None:
        value = protobuf(number, 1, _MINUS_ONE, state, 0, last_entry & _MINUS_ONE)
        etcd_put(self._etcd_url, f"woodpecker/logs/{channel}/segments/{number}", value)
