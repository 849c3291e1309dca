"""A source without a server: a catalog in a real etcd and messages in a real queue, as a Milvus 2.5.7 writes them.

Only 2.3.5 runs here, but what a milvus-cdc sees of a source is what is in its etcd and its queue. The records of etcd are
those of proto/milvus_meta.proto, whose numbers were compared with 2.5's. Each message begins as a copy of one that
Milvus' own library of 2.5.7 wrote into Kafka (frames_2_5_7.jsonl) and keeps its properties and what of its header does
not depend on the contents; the contents and their order are ours.
"""

from __future__ import annotations

import base64
import itertools
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pymilvus.grpc_gen import common_pb2, milvus_pb2, msg_pb2
from pymilvus.grpc_gen import schema_pb2 as pb

from .columns import column
from .etcd import etcd_delete, etcd_put
from .kafka_producer import KafkaProducer
from .meta_proto import meta
from .pulsar_producer import PulsarProducer

_TOMBSTONE = b"\xe2\x9b\xbc"
_TICK_SECONDS = 0.2
_MESSAGES = {
    common_pb2.CreateCollection: msg_pb2.CreateCollectionRequest,
    common_pb2.DropCollection: msg_pb2.DropCollectionRequest,
    common_pb2.DropPartition: msg_pb2.DropPartitionRequest,
    common_pb2.Insert: msg_pb2.InsertRequest,
    common_pb2.Delete: msg_pb2.DeleteRequest,
    common_pb2.TimeTick: msg_pb2.TimeTickMsg,
    common_pb2.Import: msg_pb2.ImportMsg,
}

Row = dict[str, Any]


class Queue(Protocol):
    """Where messages go. Each kind of queue has one."""

    # How milvus-cdc finds it: a block of sourceConfig.
    configuration: dict[str, Any]

    def send(self, channel: str, value: bytes, properties: dict[str, str]) -> bytes:
        """Returns the id of the record, in the form in which Milvus stores it."""
        ...

    def close(self) -> None: ...


class KafkaQueue:
    def __init__(self, address: str) -> None:
        self.configuration = {"kafka": {"address": address}}
        self._producer = KafkaProducer(address)

    def send(self, channel: str, value: bytes, properties: dict[str, str]) -> bytes:
        return struct.pack("<q", self._producer.send(channel, value, properties))

    def close(self) -> None:
        self._producer.close()


class PulsarQueue:
    def __init__(self, address: str, *, batching: bool = False) -> None:
        self.configuration = {"pulsar": {"address": address}}
        self._producer = PulsarProducer(address, batching=batching)

    def send(self, channel: str, value: bytes, properties: dict[str, str]) -> bytes:
        return self._producer.send(channel, value, properties)

    def close(self) -> None:
        self._producer.close()


class _Frames:
    """What Milvus' library of 2.5.7 wrote, by the type of the message."""

    def __init__(self) -> None:
        self._headers: dict[int, dict[str, str]] = {}
        self._bases: dict[int, common_pb2.MsgBase] = {}
        for line in Path(__file__).with_name("frames_2_5_7.jsonl").read_text().splitlines():
            record = json.loads(line)
            base = msg_pb2.TimeTickMsg.FromString(bytes.fromhex(record["value"])).base
            self._headers[base.msg_type] = record["headers"]
            self._bases[base.msg_type] = base
        # Not among what was recorded; it is produced like an insert.
        self._headers[common_pb2.Import] = {"msg_type": "Import"}
        self._bases[common_pb2.Import] = common_pb2.MsgBase(msg_type=common_pb2.Import, sourceID=1)

    def properties(self, kind: int) -> dict[str, str]:
        return self._headers[kind]

    def message(self, kind: int, ts: int, message_id: int) -> Any:
        result = _MESSAGES[kind]()
        result.base.CopyFrom(self._bases[kind])
        result.base.timestamp = ts
        if result.base.msgID:
            result.base.msgID = message_id
        return result


class WrittenCollection:
    """A collection of a WrittenSource, with the rows that it should hold: by partition, by key."""

    def __init__(self, source: WrittenSource, database: int, schema: pb.CollectionSchema, shards: int) -> None:
        self._source = source
        self.id = source.new_id()
        self.schema = schema
        self.database = database
        self.info = meta("CollectionInfo")(ID=self.id, shards_num=shards, consistency_level=2, db_id=database)
        self.partitions: dict[str, int] = {}
        self.rows: dict[str, dict[Any, Row]] = {}
        self.indexes: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self.schema.name

    @property
    def key(self) -> str:
        return next(field.name for field in self.schema.fields if field.is_primary_key)

    def insert(self, rows: Sequence[Row], partition: str = "_default") -> None:
        with self._source.lock:
            self.send_insert(rows, partition, self._source.now())
        self.note(rows, partition)

    def upsert(self, rows: Sequence[Row], partition: str = "_default") -> None:
        self._source.upsert(self, rows, partition)
        self.note(rows, partition)

    def delete(self, keys: Iterable[Any]) -> None:
        keys = list(keys)
        with self._source.lock:
            self.send_delete(keys, self._source.now())
        for rows in self.rows.values():
            for key in keys:
                rows.pop(key, None)

    def bulk_import(self, files: Sequence[str]) -> None:
        """The message of an import: it names files, its rows are not in the queue."""
        with self._source.lock:
            message = self._source.frames.message(common_pb2.Import, self._source.now(), self._source.new_id())
            message.collection_name, message.collectionID = self.name, self.id
            message.partitionIDs.extend(self.partitions.values())
            message.files.add(id=1, paths=files)
            message.jobID = self._source.new_id()
            for channel in self.info.physical_channel_names:
                self._source.send(channel, message)

    def send_insert(self, rows: Sequence[Row], partition: str, ts: int) -> None:
        for shard, part in self._by_shard([row[self.key] for row in rows]):
            message = self._source.frames.message(common_pb2.Insert, ts, self._source.new_id())
            message.shardName = self.info.virtual_channel_names[shard]
            message.db_name, message.collection_name = self.schema.dbName, self.name
            message.partition_name = partition
            message.collectionID, message.partitionID = self.id, self.partitions[partition]
            message.segmentID = self._source.new_id()
            message.timestamps.extend([ts] * len(part))
            message.rowIDs.extend(self._source.new_id() for _ in part)
            message.num_rows, message.version = len(part), msg_pb2.ColumnBased
            for field in self.schema.fields:
                # Outputs of functions are computed later, by the nodes that read the message.
                if not field.is_function_output and field.fieldID >= 100:
                    message.fields_data.append(column(field, [rows[at].get(field.name) for at in part]))
            self._source.send(self.info.physical_channel_names[shard], message)

    def note(self, rows: Sequence[Row], partition: str = "_default") -> None:
        """What the collection holds from now on."""
        self.rows[partition].update((row[self.key], row) for row in rows)

    def send_delete(self, keys: Sequence[Any], ts: int) -> None:
        for shard, part in self._by_shard(keys):
            message = self._source.frames.message(common_pb2.Delete, ts, self._source.new_id())
            message.shardName = self.info.virtual_channel_names[shard]
            message.collection_name, message.collectionID, message.partitionID = self.name, self.id, -1
            message.timestamps.extend([ts] * len(part))
            message.num_rows = len(part)
            ids = message.primary_keys.str_id if isinstance(keys[0], str) else message.primary_keys.int_id
            ids.data.extend(keys[at] for at in part)
            self._source.send(self.info.physical_channel_names[shard], message)

    def _by_shard(self, keys: Sequence[Any]) -> list[tuple[int, list[int]]]:
        """The numbers of the rows of each shard. A key is always in the same one; in which does not matter here."""
        parts: dict[int, list[int]] = {}
        for at, key in enumerate(keys):
            shard = zlib.crc32(str(key).encode()) % self.info.shards_num
            parts.setdefault(shard, []).append(at)
        return sorted(parts.items())


class WrittenSource:
    """`queue` gets the messages. Ticks begin with `start` and go to the channels that collections use."""

    def __init__(self, etcd_url: str, queue: Queue, root_path: str = "by-v25") -> None:
        self.etcd_url = etcd_url
        self.root_path = root_path
        self.frames = _Frames()
        self.lock = threading.RLock()
        self.queue = queue
        self._ids = itertools.count(470_642_876_028_028_000)
        self._last_ts = 0
        self._channels = itertools.count()
        self._used: set[str] = set()
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._tick, daemon=True)

    # -- times and ids ------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        return next(self._ids)

    def now(self) -> int:
        """The next time of this source. Hold the lock until the message with it is written: a tick promises that."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1000) << 18)
        return self._last_ts

    def start(self) -> None:
        self.save_database(1, "default", {})
        self.create_role("admin")
        self.create_role("public")
        self._save_clock()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.queue.close()
        if self._failure is not None:
            raise self._failure

    def configuration(self) -> dict[str, Any]:
        """sourceConfig in cdc.yaml."""
        return {
            "etcd": {"address": [self.etcd_url], "rootPath": self.root_path, "metaSubPath": "meta"},
            **self.queue.configuration,
            "replicateChan": f"{self.root_path}-replicate-msg",
            "channelNum": 16,
        }

    # -- messages -----------------------------------------------------------------------------------------------------

    def send(self, channel: str, message: Any) -> bytes:
        return self.queue.send(channel, message.SerializeToString(), self.frames.properties(message.base.msg_type))

    def upsert(self, made: WrittenCollection, rows: Sequence[Row], partition: str) -> None:
        """An insert and a delete of the same time, in this order."""
        with self.lock:
            ts = self.now()
            made.send_insert(rows, partition, ts)
            made.send_delete([row[made.key] for row in rows], ts)

    def send_raw(self, channel: str, value: bytes, properties: dict[str, str]) -> None:
        with self.lock:
            self.queue.send(channel, value, properties)

    # -- the catalog --------------------------------------------------------------------------------------------------

    def save_database(self, number: int, name: str, properties: dict[str, str]) -> None:
        info = meta("DatabaseInfo")(id=number, name=name, state=1, created_time=time.time_ns())
        _set(info.properties, properties)
        self._save(f"root-coord/database/db-info/{number}", info)

    def create_database(self, name: str, properties: dict[str, str]) -> int:
        number = self.new_id()
        self.save_database(number, name, properties)
        return number

    def create_collection(
        self,
        database: int,
        schema: pb.CollectionSchema,
        *,
        shards: int = 1,
        properties: dict[str, str] | None = None,
    ) -> WrittenCollection:
        """The message first, then the records: Creating, the parts, Created. Numbers the fields and functions."""
        _number_fields(schema)
        made = WrittenCollection(self, database, schema, shards)
        info = made.info
        _set(info.properties, properties or {})
        pchannels = [f"{self.root_path}-rootcoord-dml_{next(self._channels)}" for _ in range(shards)]
        info.physical_channel_names.extend(pchannels)
        info.virtual_channel_names.extend(f"{name}_{made.id}v{shard}" for shard, name in enumerate(pchannels))
        with self.lock:
            ts = self.now()
            partition = self.new_id()
            message = self.frames.message(common_pb2.CreateCollection, ts, 0)
            message.collectionID = made.id
            message.partitionIDs.append(partition)
            message.schema = schema.SerializeToString()
            message.virtualChannelNames.extend(info.virtual_channel_names)
            message.physicalChannelNames.extend(pchannels)
            for name in pchannels:
                info.start_positions.add(key=name, data=self.send(name, message))
                self._used.add(name)
        info.create_time = info.UpdateTimestamp = ts
        self.save_collection(made, state=1)
        self._save_partition(made, "_default", partition, ts)
        for field in (*schema.fields, *_SYSTEM_FIELDS):
            self._save(f"root-coord/fields/{made.id}/{field.fieldID}", field)
        for structs in schema.struct_array_fields:
            self._save(f"root-coord/struct-array-fields/{made.id}/{structs.fieldID}", structs)
        for function in schema.functions:
            self._save(f"root-coord/functions/{made.id}/{function.id}", function)
        self.save_collection(made)
        return made

    def save_collection(self, made: WrittenCollection, state: int = 0) -> None:
        """Writes the collection's own record: its name, its properties, its state."""
        info = made.info
        info.state = state
        info.schema.name, info.schema.description = made.schema.name, made.schema.description
        info.schema.dbName, info.schema.enable_dynamic_field = made.schema.dbName, made.schema.enable_dynamic_field
        self._save(f"root-coord/database/collection-info/{made.database}/{made.id}", info)

    def drop_collection(self, made: WrittenCollection) -> None:
        self.save_collection(made, state=2)
        with self.lock:
            message = self.frames.message(common_pb2.DropCollection, self.now(), 0)
            message.collectionName, message.collectionID = made.name, made.id
            for channel in made.info.physical_channel_names:
                self.send(channel, message)
        self._remove(f"root-coord/database/collection-info/{made.database}/{made.id}")

    def create_partition(self, made: WrittenCollection, name: str) -> None:
        number = self.new_id()
        self._save_partition(made, name, number, self.now(), state=1)
        self._save_partition(made, name, number, self.now())

    def drop_partition(self, made: WrittenCollection, name: str) -> None:
        number = made.partitions[name]
        self._save_partition(made, name, number, self.now(), state=2)
        with self.lock:
            message = self.frames.message(common_pb2.DropPartition, self.now(), 0)
            message.partition_name, message.collectionID, message.partitionID = name, made.id, number
            for channel in made.info.physical_channel_names:
                self.send(channel, message)
        self._remove(f"root-coord/partitions/{made.id}/{number}")
        del made.partitions[name], made.rows[name]

    def set_alias(self, made: WrittenCollection, alias: str) -> None:
        """Creates it, or moves it to this collection."""
        record = meta("AliasInfo")(
            alias_name=alias, collection_id=made.id, created_time=self.now(), db_id=made.database
        )
        self._save(f"root-coord/database/aliases/{made.database}/{alias}", record)

    def create_index(self, made: WrittenCollection, field: str, params: dict[str, str]) -> None:
        number = self.new_id()
        identity = next(each.fieldID for each in made.schema.fields if each.name == field)
        record = meta("FieldIndex")(create_time=self.now())
        info = record.index_info
        info.collectionID, info.fieldID, info.indexID, info.index_name = made.id, identity, number, f"by_{field}"
        _set(info.index_params, params)
        _set(info.user_index_params, params)
        self._put(f"field-index/{made.id}/{number}", record.SerializeToString())
        made.indexes[field] = record

    def load(self, made: WrittenCollection) -> None:
        numbers = [each.fieldID for each in made.schema.fields]  # 2.5 lists them where a user has named none
        record = meta("CollectionLoadInfo")(
            collectionID=made.id, replica_number=1, status=2, load_type=2, load_fields=numbers, dbID=made.database
        )
        self._put(f"querycoord-collection-loadinfo/{made.id}", record.SerializeToString())
        for number in made.partitions.values():
            part = meta("PartitionLoadInfo")(collectionID=made.id, partitionID=number, replica_number=1, status=2)
            self._put(f"querycoord-partition-loadinfo/{made.id}/{number}", part.SerializeToString())

    def release(self, made: WrittenCollection) -> None:
        for key in (
            f"querycoord-collection-loadinfo/{made.id}",
            *(f"querycoord-partition-loadinfo/{made.id}/{number}" for number in made.partitions.values()),
        ):
            etcd_delete(self.etcd_url, f"{self.root_path}/meta/{key}")

    # -- users --------------------------------------------------------------------------------------------------------

    def create_user(self, name: str, password: str) -> None:
        """The record, then the request in the replicate channel, both as 2.4 and 2.5 write them. In etcd is a hash."""
        self._put_user(name)
        self._replicate(
            common_pb2.CreateCredential,
            milvus_pb2.CreateCredentialRequest(username=name, password=_encoded(password)),
        )

    def change_password(self, name: str, old: str, new: str) -> None:
        self._put_user(name)
        self._replicate(
            common_pb2.UpdateCredential,
            milvus_pb2.UpdateCredentialRequest(
                username=name, oldPassword=_encoded(old), newPassword=_encoded(new)
            ),
        )

    def drop_user(self, name: str) -> None:
        etcd_delete(self.etcd_url, f"{self.root_path}/meta/root-coord/credential/users/{name}")
        self._replicate(common_pb2.DeleteCredential, milvus_pb2.DeleteCredentialRequest(username=name))

    def create_role(self, name: str) -> None:
        self._put(f"root-coord/credential/roles/{name}", b"")

    def bind(self, user: str, role: str) -> None:
        self._put(f"root-coord/credential/user-role-mapping/{user}/{role}", b"")

    def _put_user(self, name: str) -> None:
        self._put(f"root-coord/credential/users/{name}", json.dumps({"encrypted_password": "$2a$10$hash"}).encode())

    def _replicate(self, kind: int, request: Any) -> None:
        with self.lock:
            request.base.msg_type, request.base.timestamp = kind, self.now()
            self.queue.send(f"{self.root_path}-replicate-msg", request.SerializeToString(), {})

    # -- inside -------------------------------------------------------------------------------------------------------

    def _save_partition(self, made: WrittenCollection, name: str, number: int, ts: int, state: int = 0) -> None:
        made.partitions[name] = number
        made.rows.setdefault(name, {})
        record = meta("PartitionInfo")(
            partitionID=number, partitionName=name, partition_created_timestamp=ts, collection_id=made.id, state=state
        )
        self._save(f"root-coord/partitions/{made.id}/{number}", record)

    def _save(self, key: str, record: Any) -> None:
        """As rootcoord does: the record, and a copy with its time."""
        self._put(key, record.SerializeToString())
        self._put(f"snapshots/{key}_ts{self.now()}", record.SerializeToString())

    def _remove(self, key: str) -> None:
        self._put(key, _TOMBSTONE)
        self._put(f"snapshots/{key}_ts{self.now()}", _TOMBSTONE)

    def _put(self, key: str, value: bytes) -> None:
        etcd_put(self.etcd_url, f"{self.root_path}/meta/{key}", value)

    def _save_clock(self) -> None:
        """The end of the window of times that rootcoord has reserved."""
        etcd_put(self.etcd_url, f"{self.root_path}/kv/gid/timestamp", struct.pack(">Q", time.time_ns() + 3 * 10**9))

    def _tick(self) -> None:
        try:
            for number in itertools.count(1):
                if self._stop.wait(_TICK_SECONDS):
                    return
                with self.lock:
                    message = self.frames.message(common_pb2.TimeTick, self.now(), 0)
                    for channel in sorted(self._used):
                        self.send(channel, message)
                if number % 5 == 0:
                    self._save_clock()
        except Exception as error:  # noqa: BLE001 - shown by close
            self._failure = error


_SYSTEM_FIELDS = (
    pb.FieldSchema(fieldID=0, name="RowID", description="row id", data_type=pb.Int64),
    pb.FieldSchema(fieldID=1, name="Timestamp", description="time stamp", data_type=pb.Int64),
)


def _number_fields(schema: pb.CollectionSchema) -> None:
    if schema.enable_dynamic_field:
        schema.fields.add(name="$meta", description="dynamic schema", data_type=pb.JSON, is_dynamic=True)
    for number, field in enumerate(schema.fields, 100):
        field.fieldID = number
    for number, structs in enumerate(schema.struct_array_fields, 100 + len(schema.fields)):
        structs.fieldID = number
    numbers = {field.name: field.fieldID for field in schema.fields}
    for number, function in enumerate(schema.functions, 100):
        function.id = number
        function.input_field_ids.extend(numbers[name] for name in function.input_field_names)
        function.output_field_ids.extend(numbers[name] for name in function.output_field_names)


def _encoded(password: str) -> str:
    return base64.b64encode(password.encode()).decode()


def _set(pairs: Any, values: dict[str, str]) -> None:
    for key, value in values.items():
        pairs.add(key=key, value=value)
