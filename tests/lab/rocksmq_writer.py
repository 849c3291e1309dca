"""Writes records to RocksMQ, a RocksDB folder, with the library that milvus-cdc reads it with."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

from .wire import protobuf

_WAL_BEGIN = b"\xff\xfe\xfd\xfcSTREAM"
_FIRST_ID = 470_644_756_679_229_440  # real ids have 18 digits, too
_FAMILIES = (b"default", b"properties")


def _library() -> Any:
    library = ctypes.CDLL("librocksdb.so.7.8")
    for name in ("rocksdb_options_create", "rocksdb_open_column_families", "rocksdb_writeoptions_create"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


class RocksmqWriter:
    """The process that has the store open, as a Milvus standalone is. For one thread at a time.

    Only what readers of the queue see is written: no pages, no acknowledgements, no retention.
    """

    def __init__(self, folder: Path) -> None:
        self._library = _library()
        self._next = _FIRST_ID
        self._write_options = ctypes.c_void_p(self._library.rocksdb_writeoptions_create())
        self._options = ctypes.c_void_p(self._library.rocksdb_options_create())
        self._library.rocksdb_options_set_create_if_missing(self._options, 1)
        self._library.rocksdb_options_set_create_missing_column_families(self._options, 1)
        folder.parent.mkdir(parents=True, exist_ok=True)
        number = len(_FAMILIES)
        self._families = (ctypes.c_void_p * number)()
        problem = ctypes.c_char_p()
        self._store = ctypes.c_void_p(
            self._library.rocksdb_open_column_families(
                self._options,
                str(folder).encode(),
                number,
                (ctypes.c_char_p * number)(*_FAMILIES),
                (ctypes.c_void_p * number)(*[self._options.value] * number),
                self._families,
                ctypes.byref(problem),
            )
        )
        self._check(problem)

    def send(self, topic: str, value: bytes) -> int:
        """Returns the id."""
        number, self._next = self._next, self._next + 1
        key = f"{topic}/{number}".encode()
        problem = ctypes.c_char_p()
        self._library.rocksdb_put(
            self._store,
            self._write_options,
            key,
            ctypes.c_size_t(len(key)),
            value,
            ctypes.c_size_t(len(value)),
            ctypes.byref(problem),
        )
        self._check(problem)
        return number

    def close(self) -> None:
        if self._store.value:
            for family in self._families:
                self._library.rocksdb_column_family_handle_destroy(ctypes.c_void_p(family))
            self._library.rocksdb_close(self._store)
            self._library.rocksdb_options_destroy(self._options)
            self._library.rocksdb_writeoptions_destroy(self._write_options)
            self._store = ctypes.c_void_p(None)

    @staticmethod
    def _check(problem: ctypes.c_char_p) -> None:
        if problem.value:
            raise RuntimeError(f"RocksMQ: {problem.value.decode()}")


class RocksmqQueue:
    """A Queue of written_source.py. Messages with properties are those of the write-ahead log of 2.6, whose RocksMQ has
    them in the value; earlier ones have none there."""

    def __init__(self, folder: Path) -> None:
        self.configuration = {"rocksmq": {"path": str(folder)}}
        self._writer = RocksmqWriter(folder)

    def send(self, channel: str, value: bytes, properties: dict[str, str]) -> bytes:
        if properties:
            entries = [protobuf(key.encode(), text.encode()) for key, text in properties.items()]
            value = _WAL_BEGIN + protobuf(value, entries)
        return struct.pack("<q", self._writer.send(channel, value))

    def close(self) -> None:
        self._writer.close()
