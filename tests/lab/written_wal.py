"""A source without a server, as a Milvus 2.6 writes it: the catalog of written_source.py, and in the queue a write-ahead log.

The properties and the form of each message are those that Milvus' own library of 2.6.8 wrote into Kafka
(frames_2_6_8.jsonl); times, ids, contents and order are ours.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymilvus.grpc_gen import common_pb2

from .wire import protobuf, varint
from .written_source import Queue, Row, WrittenCollection, WrittenSource

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_KEEPALIVE_MS = 100_000
# messages.MessageType of what has a message of common.MsgType for its body
_TYPES = {
    common_pb2.TimeTick: 1,
    common_pb2.Insert: 2,
    common_pb2.Delete: 3,
    common_pb2.CreateCollection: 5,
    common_pb2.DropCollection: 6,
    common_pb2.DropPartition: 8,
    common_pb2.Import: 11,
}
_TRUNCATE, _BEGIN, _COMMIT, _ROLLBACK = 38, 900, 901, 902


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _text(message: bytes) -> str:
    return base64.b64encode(message).decode()


class WrittenWal(WrittenSource):
    def __init__(self, etcd_url: str, queue: Queue, root_path: str = "by-v26") -> None:
        super().__init__(etcd_url, queue, root_path)
        lines = Path(__file__).with_name("frames_2_6_8.jsonl").read_text().splitlines()
        headers = [json.loads(line)["headers"] for line in lines]
        self._recorded = {int(each["_t"]): each for each in headers}
        self._vchannels: dict[tuple[int, str], str] = {}  # by collection and pchannel
        self._transactions: dict[str, bytes] = {}  # TxnContext of the open ones, by vchannel

    def create_collection(self, *arguments: Any, **options: Any) -> WrittenCollection:
        made = super().create_collection(*arguments, **options)
        for pchannel, vchannel in zip(
            made.info.physical_channel_names, made.info.virtual_channel_names, strict=True
        ):
            self._vchannels[made.id, pchannel] = vchannel
        return made

    def send(self, channel: str, message: Any) -> bytes:
        kind = message.base.msg_type
        message.base.timestamp = message.base.msgID = 0
        vchannel = "" if kind == common_pb2.TimeTick else self._vchannel(channel, message)
        if kind in (common_pb2.Insert, common_pb2.Delete):
            message.timestamps[:] = [0] * len(message.timestamps)
        return self._append(channel, _TYPES[kind], vchannel, self._header(message), message.SerializeToString())

    def upsert(self, made: WrittenCollection, rows: Sequence[Row], partition: str) -> None:
        with self.lock:
            ts = self.now()
            with self.transaction(made):
                made.send_insert(rows, partition, ts)
                made.send_delete([row[made.key] for row in rows], ts)

    def abort(self, made: WrittenCollection, rows: Sequence[Row], keys: Iterable[Any]) -> None:
        """Rows and deletes that are taken back."""
        with self.lock:
            ts = self.now()
            with self.transaction(made, end=_ROLLBACK):
                made.send_insert(rows, "_default", ts)
                made.send_delete(list(keys), ts)

    def truncate(self, made: WrittenCollection) -> None:
        """A later version than the recorded one does it, in the form of its definitions."""
        header = protobuf(made.database, made.id)
        with self.lock:
            for channel in made.info.physical_channel_names:
                self._append(channel, _TRUNCATE, self._vchannels[made.id, channel], header, b"")

    @contextmanager
    def transaction(self, made: WrittenCollection, end: int = _COMMIT) -> Iterator[None]:
        """What is sent meanwhile to the shards of the collection is one transaction in each of them."""
        shards = list(zip(made.info.physical_channel_names, made.info.virtual_channel_names, strict=True))
        with self.lock:
            for channel, vchannel in shards:
                self._transactions[vchannel] = protobuf(self.now(), _KEEPALIVE_MS)
                self._append(channel, _BEGIN, vchannel, protobuf(_KEEPALIVE_MS), b"")
        yield
        with self.lock:
            for channel, vchannel in shards:
                self._append(channel, end, vchannel, b"", b"")
                del self._transactions[vchannel]

    def _append(self, channel: str, kind: int, vchannel: str, header: bytes, body: bytes) -> bytes:
        recorded = self._recorded.get(kind, {"_v": "1" if body else "2", "_wt": "3"})
        properties = {
            "_v": recorded["_v"],
            "_t": str(kind),
            "_tt": _base36(self.now()),
            "_wt": recorded["_wt"],
            "_h": _text(header),
            "_lc": "",
        }
        if vchannel:
            properties["_vc"] = vchannel
        if vchannel in self._transactions:
            properties["_tx"] = _text(self._transactions[vchannel])
        return self.queue.send(channel, body, properties)

    def _vchannel(self, channel: str, message: Any) -> str:
        if message.base.msg_type == common_pb2.CreateCollection:
            return message.virtualChannelNames[list(message.physicalChannelNames).index(channel)]
        return self._vchannels[message.collectionID, channel]

    @staticmethod
    def _header(message: Any) -> bytes:
        kind = message.base.msg_type
        if kind == common_pb2.Insert:
            rows, segment = message.num_rows, protobuf(message.segmentID)
            return protobuf(message.collectionID, protobuf(message.partitionID, rows, rows * 100, segment))
        if kind == common_pb2.Delete:
            return protobuf(message.collectionID, message.num_rows)
        if kind == common_pb2.CreateCollection:
            return protobuf(message.collectionID, b"".join(map(varint, message.partitionIDs)), 1)
        if kind == common_pb2.DropCollection:
            return protobuf(message.collectionID, 1)
        if kind == common_pb2.DropPartition:
            return protobuf(message.collectionID, message.partitionID)
        return b""
