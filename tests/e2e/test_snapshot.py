"""The rows a source has stored, read from its files and then from its queue: together every row exactly once.

The ledger is what the test has written. A program of ours (tests/snapshot) reads the files and the queue's records; they
are decoded and put together here, by the rule alone: rows and deletes at or below the cut come from the files, later
ones from the queue.
"""

from __future__ import annotations

import itertools
import json
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymilvus.grpc_gen import milvus_pb2, msg_pb2

from lab.bulk import program
from lab.catalog import collection_id
from lab.milvus import MilvusStandalone
from lab.rows import Endpoint
from lab.waiting import PATIENCE, eventually
from type_cases import CASES
from written_rows import Cells, Ledger, cells_of

_databases = itertools.count(1)
_INSERT, _DELETE = 400, 401  # common.MsgType


@dataclass
class Stored:
    """The newest state of each key, put together by the rule of the cut."""

    rows: dict[Any, tuple[int, Cells]] = field(default_factory=dict)  # key -> (time, cells)
    from_files: int = 0
    from_queue: int = 0

    def insert(self, request: msg_pb2.InsertRequest, *, cut: int, stored: bool) -> None:
        count = request.num_rows
        assert len(request.timestamps) == len(request.rowIDs) == count
        columns = {column.field_name: cells_of(column, count) for column in request.fields_data}
        keys = next(column for column in request.fields_data if column.field_name == "id").scalars
        for at, key in enumerate(keys.long_data.data or keys.string_data.data):
            time = request.timestamps[at]
            if stored:
                assert time <= cut
                assert key not in self.rows, f"twice in the files: {key}"
                self.from_files += 1
            elif time <= cut:
                continue
            else:
                assert key not in self.rows or self.rows[key][0] < time, f"twice: {key}"
                self.from_queue += 1
            self.rows[key] = (time, {name: cells[at] for name, cells in columns.items() if name != "id"})

    def delete(self, request: msg_pb2.DeleteRequest, *, cut: int) -> None:
        ids = request.primary_keys
        for key, time in zip(ids.int_id.data or ids.str_id.data, request.timestamps, strict=True):
            if time > cut and key in self.rows and self.rows[key][0] < time:
                del self.rows[key]


def read(source: MilvusStandalone, ledger: Ledger, folder: Path, *options: str) -> tuple[Stored, dict[str, Any]]:
    out = folder / f"{ledger.database}-{ledger.case.name}"
    command = [
        str(program("read_snapshot")), f"--etcd={source.etcd_url}", f"--root-path={source.root_path}",
        f"--folder={source.folder / 'data'}", f"--rocksmq={source.rocksmq_path}", f"--database={ledger.database}",
        f"--collection={ledger.case.name}", f"--until={ledger.now()}", f"--out={out}", *options,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    records = _records(out.read_bytes())
    result = Stored()
    for channel in summary["channels"]:
        for record in itertools.islice(records, channel["stored"]):
            request = msg_pb2.InsertRequest.FromString(record)
            assert request.shardName == channel["vchannel"]
            result.insert(request, cut=channel["cut"], stored=True)
        for record in itertools.islice(records, channel["queued"]):
            if msg_pb2.InsertRequest.FromString(record).base.msg_type == _INSERT:
                result.insert(msg_pb2.InsertRequest.FromString(record), cut=channel["cut"], stored=False)
            else:
                result.delete(msg_pb2.DeleteRequest.FromString(record), cut=channel["cut"])
    assert next(records, None) is None
    return result, summary


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def expect_equal(found: Stored, ledger: Ledger) -> None:
    name = ledger.case.name
    rows = {key: cells for key, (_, cells) in found.rows.items()}
    assert rows.keys() == ledger.rows.keys(), name
    for key, cells in ledger.rows.items():
        # The source adds the dynamic field, and nothing else.
        assert rows[key].keys() - {"$meta"} == cells.keys() - {"$meta"}, name
        for column, cell in cells.items():
            assert rows[key][column] == cell, f"{name}: row {key}, column {column}"


@pytest.fixture
def end(source: MilvusStandalone) -> Iterator[Endpoint]:
    end = Endpoint(source.uri)
    yield end
    end.close()


@pytest.fixture
def database(end: Endpoint) -> str:
    name = f"snapshot_{next(_databases)}"
    end.call("CreateDatabase", milvus_pb2.CreateDatabaseRequest(db_name=name))
    return name


def test_every_type(source: MilvusStandalone, end: Endpoint, database: str, tmp_path: Path) -> None:
    """Inserted, upserted, deleted, flushed; then more that is only in the queue."""
    ledgers = [Ledger(end, database, case) for case in CASES]
    for ledger in ledgers:
        rows = len(ledger.case.keys)
        half = 0 if ledger.case.one_insert else rows // 2
        ledger.insert(range(half))
        ledger.insert(range(half, rows * 8 // 9), defaults=True)
        if not ledger.case.auto_id:
            ledger.upsert(range(rows // 2, rows))
        ledger.delete(ledger.keys()[: rows // 3])
    for ledger in ledgers:
        ledger.flush()
    for ledger in ledgers:
        flushed = len(ledger.rows)
        found, summary = read(source, ledger, tmp_path)
        expect_equal(found, ledger)
        assert found.from_files == flushed and found.from_queue == 0, summary
    for ledger in ledgers:
        ledger.delete(ledger.keys()[:3])
        if not ledger.case.auto_id:
            ledger.upsert(range(len(ledger.case.keys) - 2, len(ledger.case.keys)))
    for ledger in ledgers:
        found, summary = read(source, ledger, tmp_path, "--record-rows=7", "--record-bytes=3000")
        expect_equal(found, ledger)
        assert found.from_files > 0 and (found.from_queue > 0 or ledger.case.auto_id), summary


def test_compacted(source: MilvusStandalone, end: Endpoint, database: str, tmp_path: Path) -> None:
    """Segments merged by the source, with deletes before and after; then the rows of what is not flushed."""
    ledger = Ledger(end, database, next(case for case in CASES if case.name == "text_keys"))
    ledger.index()
    for first in range(0, 30, 10):
        ledger.insert(range(first, first + 10))
        ledger.flush()
    ledger.delete(ledger.keys()[::5])
    ledger.flush()
    # Three segments, unless the source has merged them by itself already.
    expect_equal(read(source, ledger, tmp_path)[0], ledger)

    def compacted() -> bool:
        ledger.compact()
        found, summary = read(source, ledger, tmp_path)
        expect_equal(found, ledger)
        return summary["channels"][0]["segments"] == 1

    eventually(compacted, within=60, every=0.5, what="the segments are merged")
    ledger.delete(ledger.keys()[::5])
    ledger.upsert(range(20, 35))
    ledger.flush()
    found, summary = read(source, ledger, tmp_path)
    expect_equal(found, ledger)
    assert found.from_queue == 0, summary
    ledger.insert(range(35, 45))
    ledger.delete(ledger.keys()[::4])
    expect_equal(read(source, ledger, tmp_path)[0], ledger)


def test_without_rows(source: MilvusStandalone, end: Endpoint, database: str, tmp_path: Path) -> None:
    ledger = Ledger(end, database, next(case for case in CASES if case.name == "sharded"))
    ledger.insert(range(1))
    found, summary = read(source, ledger, tmp_path)
    expect_equal(found, ledger)
    assert len(summary["channels"]) == ledger.case.shards and found.from_queue == 1


def test_damaged_file(source: MilvusStandalone, end: Endpoint, database: str, tmp_path: Path) -> None:
    """The error names the file, whatever is wrong with it."""
    ledger = Ledger(end, database, next(case for case in CASES if case.name == "scalars"))
    ledger.insert(range(30))
    ledger.flush()
    collection = collection_id(end, database, ledger.case.name)
    folder = source.folder / "data" / "insert_log" / str(collection)
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent.name == "105")
    good = file.read_bytes()
    damages = {"cut off": good[:-1], "another magic": b"PAR0" + good[4:], "empty": b"", "longer": good + b"x"}
    middle = good.index(b"PAR1") + 40
    damages["flipped"] = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    for damage, content in damages.items():
        file.write_bytes(content)
        with pytest.raises(AssertionError) as error:
            read(source, ledger, tmp_path)
        assert "DATA_LOSS" in str(error.value) and str(file.relative_to(source.folder / "data")) in str(error.value), damage
    file.unlink()
    with pytest.raises(AssertionError) as error:
        read(source, ledger, tmp_path)
    assert f"NOT_FOUND: cannot open {file.relative_to(source.folder / 'data')}" in str(error.value)
    file.write_bytes(good)
    expect_equal(read(source, ledger, tmp_path)[0], ledger)
