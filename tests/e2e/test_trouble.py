"""The servers around the CDC server go away for a while, or its disk is full: tasks ride it out, say so while it lasts, and
nothing is lost or doubled."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cdc_server import CdcServer, source_configuration
from lab.etcd import Etcd
from lab.gate import Gate
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import Target, World, target_of

# How long etcd is away once; the other faults last as long as it takes to see what the task says.
A_MINUTE = 60.0


@pytest.fixture(scope="module")
def etcd(lab: Lab) -> Iterator[Etcd]:
    """The sources' metadata, in a server of its own that can be ended without them."""
    server = lab.etcd("trouble-etcd")
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def source(lab: Lab, etcd: Etcd) -> Iterator[MilvusStandalone]:
    server = lab.milvus("trouble-source", etcd=etcd)
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def standalone(lab: Lab) -> Iterator[Target]:
    """A target that may be killed."""
    server = lab.milvus("trouble-target", root_path="by-target")
    lab.start(server)
    yield target_of(server)
    lab.end(server)


@pytest.fixture
def gate(lab: Lab, etcd: Etcd) -> Iterator[Gate]:
    """Between the CDC server and the source's etcd."""
    gate = lab.gate(etcd.url)
    lab.start(gate)
    yield gate
    lab.end(gate)


class Writer:
    """Writes rows, changes and deletes them until it is stopped. A call that fails is made again, an insert with new keys: the
    source may have carried out the attempt, and would hold its keys twice."""

    def __init__(self, world: World, collection: str, *, first: int = 0, batch: int = 50) -> None:
        self._client = world.connect()
        self._collection = collection
        self._next, self._batch = first, batch
        self._stop = threading.Event()
        self.rounds = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive(), "the source does not take rows any more"

    def expect_rounds(self, more: int, within: float = PATIENCE) -> None:
        goal = self.rounds + more

        def reached() -> None:
            if self.rounds < goal:
                raise NotYet(f"{self.rounds} of {goal}")

        eventually(reached, within, 0.1, "rows flow")

    def _run(self) -> None:
        while not self._stop.is_set():
            self._until_done(self._insert)
            keys = range(self._next - self._batch, self._next)
            self._until_done(lambda: self._client.upsert(self._collection, plain(keys[:10], version=1), timeout=10))
            self._until_done(lambda: self._client.delete(self._collection, ids=list(keys[10:15]), timeout=10))
            self.rounds += 1

    def _insert(self) -> None:
        first, self._next = self._next, self._next + self._batch
        self._client.insert(self._collection, plain(range(first, self._next)), timeout=10)

    def _until_done(self, call: Callable[[], object]) -> None:
        # An attempt that failed may have been carried out; what counts is that both sides are equal.
        eventually(call, every=0.2, what="a write to the source")


def compact(etcd: Etcd) -> None:
    """Forgets every revision but the newest."""

    def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{etcd.url}/v3/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    revision = ask("kv/range", {"key": "YQ==", "count_only": True})["header"]["revision"]
    ask("kv/compaction", {"revision": revision, "physical": True})


def begin(world: World, **fields: Any) -> str:
    task = world.start_task(**fields)
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(1_000_000, 1_000_300)))
    world.expect_equal("c")
    world.expect_condition(task, "ok")
    return task


def expect_all(world: World) -> None:
    """A collection made by now arrives, and the old one is the same: by key, and by count(*), which sees copies."""
    world.make_collection("new")
    world.client.insert("new", plain(range(70)))
    assert world.expect_equal("new").target_rows == 70
    world.expect_equal("c")


# -- etcd ------------------------------------------------------------------------------------------------------------


def test_etcd_is_cut_off_for_a_minute(
    source: MilvusStandalone, etcd: Etcd, gate: Gate, lite: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    """Rows of known collections go on; what is created, renamed and dropped meanwhile arrives afterwards, also out of an etcd
    that has forgotten how it came to be."""
    server = new_cdc({"sourceConfig": source_configuration(source, etcd_url=gate.uri)})
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    task = begin(world)
    world.make_collection("dropped")
    world.expect_equal("dropped")
    with Writer(world, "c") as writer:
        writer.expect_rounds(2)
        gate.cut()
        began = time.monotonic()
        world.expect_condition(task, "retrying", "source catalog", "etcd")
        # As many as there are now must still get through.
        written = world.cdc.client.get(task)["rows"]["inserted"]
        writer.expect_rounds(3)

        def goes_on() -> None:
            now = world.cdc.client.get(task)["rows"]["inserted"]
            if now <= written + 50:
                raise NotYet(f"{now} rows")

        eventually(goes_on, every=0.2, what="rows go on without etcd")
        world.client.create_partition("c", "p")
        world.client.insert("c", plain(range(2_000_000, 2_000_030)), partition_name="p")
        world.make_collection("new")
        world.client.insert("new", plain(range(70)))
        world.client.release_collection("dropped")
        world.client.drop_collection("dropped")
        compact(etcd)
        # Rows that nobody can explain yet are held back, and the task says why.
        world.expect_condition(task, "retrying", "source catalog")
        eventually(lambda: time.monotonic() - began >= A_MINUTE, A_MINUTE + 5, 1.0, "a minute is over")
        gate.open()
        world.expect_condition(task, "ok")
    world.expect_collections("c", "new")
    assert world.expect_equal("new").target_rows == 70
    world.expect_equal("c")
    world.close()


def test_etcd_forgets_while_the_server_is_away(
    source: MilvusStandalone, etcd: Etcd, lite: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    task = begin(world)
    world.make_collection("dropped")
    world.expect_equal("dropped")
    server.kill()
    world.client.release_collection("dropped")
    world.client.drop_collection("dropped")
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(40)), partition_name="p")
    world.make_collection("new")
    world.client.insert("new", plain(range(70)))
    compact(etcd)
    server.restart()
    world.expect_collections("c", "new")
    assert world.expect_equal("new").target_rows == 70
    assert world.expect_equal("c").target_rows == 340
    world.expect_condition(task, "ok")
    world.close()


def test_etcd_is_killed_under_load(
    lab: Lab, source: MilvusStandalone, etcd: Etcd, lite: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    """kill -9 and a restart on its folder: the source itself stands still meanwhile."""
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    task = begin(world)
    with Writer(world, "c") as writer:
        writer.expect_rounds(2)
        etcd.process.kill()
        try:
            world.expect_condition(task, "retrying", "source catalog", "etcd")
        finally:
            lab.start(etcd)
        world.expect_condition(task, "ok")
        writer.expect_rounds(2)
    expect_all(world)
    world.close()


# -- the source and the target ------------------------------------------------------------------------------------------


def test_rocksmq_source_is_killed_under_load(
    source: MilvusStandalone, lite: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    """kill -9: RocksDB recovers its log into other files, under the eyes of the CDC server."""
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    task = begin(world)
    with Writer(world, "c") as writer:
        writer.expect_rounds(3)
        source.process.kill()
        source.start()
        source.wait_ready()
        writer.expect_rounds(3)
    expect_all(world)
    world.expect_condition(task, "ok")
    world.close()


def test_target_is_killed_under_load(
    source: MilvusStandalone, standalone: Target, new_cdc: Callable[..., CdcServer]
) -> None:
    """kill -9 in the middle of batches: what was begun is repeated, and not doubled."""
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, standalone, server)
    task = begin(world)
    with Writer(world, "c", batch=400) as writer:
        writer.expect_rounds(4)
        standalone.server.process.kill()
        try:
            world.expect_condition(task, "retrying")
        finally:
            standalone.server.start()
            standalone.server.wait_ready()
        world.expect_condition(task, "ok")
    expect_all(world)
    world.close()


# -- the broker -----------------------------------------------------------------------------------------------------------


def test_broker_is_cut_off_and_killed(lab: Lab, etcd: Etcd, lite: Target) -> None:
    """Rows were on their way when the connections ended, or it died, and go on as soon as it is back."""
    kafka = lab.kafka("trouble-kafka", gated=True)
    lab.start(kafka)
    source = lab.milvus("trouble-kafka-source", root_path="by-kafka", etcd=etcd, kafka=kafka)
    lab.start(source)
    gated = source_configuration(source, kafka_address=kafka.gate.address)
    server = lab.cdc_server("cdc-broker", source, {"sourceConfig": gated})
    lab.start(server)
    try:
        world = World(source, lite, server)
        task = begin(world)
        with Writer(world, "c") as writer:
            writer.expect_rounds(3)
            kafka.gate.cut()
            world.expect_condition(task, "retrying", "channel", kafka.gate.address)
            writer.expect_rounds(3)
            kafka.gate.open()
            world.expect_condition(task, "ok")
            kafka.gate.reset()
            writer.expect_rounds(3)
            kafka.kill()
            try:
                world.expect_condition(task, "retrying", "channel", kafka.gate.address)
            finally:
                lab.start(kafka)
            world.expect_condition(task, "ok")
            writer.expect_rounds(3)
        expect_all(world)
        world.close()
    finally:
        for each in (server, source, kafka):
            lab.end(each)


# -- our own disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB. Needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_second_server_on_the_same_store_is_refused(
    source: MilvusStandalone, new_cdc: Callable[..., CdcServer], tmp_path: Path
) -> None:
    settings = {"metaStoreConfig": {"storeType": "sqlite", "sqlitePath": str(tmp_path / "cdc.db")}}
    first, second = new_cdc(settings), new_cdc(settings)
    first.start()
    first.wait_ready()
    second.start()
    eventually(lambda: not second.process.is_running(), every=0.1, what="the second server ends")
    assert second.process.exit_code not in (0, None)
    assert f"is in use by another server, process {first.process.pid}" in second.process.log.read_text()
    assert first.process.is_running() and first.client.list() == []
    # However the first one ends, its place is free.
    first.kill()
    second.restart()
    assert second.client.list() == []


def fill(folder: Path) -> Path:
    """Takes all that is left of the disk."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    return path


def test_disk_of_the_metastore_is_full(
    source: MilvusStandalone, lite: Target, new_cdc: Callable[..., CdcServer], small_disk: Path
) -> None:
    server = new_cdc({"metaStoreConfig": {"storeType": "sqlite", "sqlitePath": str(small_disk / "cdc.db")}})
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    task = begin(world)
    with Writer(world, "c") as writer:
        writer.expect_rounds(2)
        filler = fill(small_disk)
        world.expect_condition(task, "retrying", "checkpoint")
        # What needs the store is refused with the reason, and the server goes on.
        request = {"milvus_connect_param": {"uri": lite.uri}, "db_collections": {"x": [{"name": "*"}]}}
        refused = world.cdc.client.answer("create", request)
        assert refused["code"] == 500 and "full" in refused["message"]
        refused = world.cdc.client.answer("pause", {"task_id": task})
        assert refused["code"] == 500 and "full" in refused["message"]
        assert world.cdc.client.state(task) == "Running"
        # The checkpoint stands still on the disk: what comes after it must not be doubled by the restart.
        server.kill()
        filler.unlink()
        server.restart()
        world.expect_condition(task, "ok")
        writer.expect_rounds(2)
        # Full and free again without a restart.
        filler = fill(small_disk)
        world.expect_condition(task, "retrying", "checkpoint")
        filler.unlink()
        world.expect_condition(task, "ok")
    expect_all(world)
    world.close()
