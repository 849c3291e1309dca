"""The steps of docs/switchover.md on real servers: drain, make the target the one that is written to, and go on with it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from pymilvus.grpc_gen import milvus_pb2

from lab.cdc_server import CdcServer
from lab.client import connect
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.paths import CDC_BINARY
from lab.rows import Endpoint
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import Target, World, target_of

OK, REFUSED = 0, 1


@pytest.fixture(scope="module")
def source(lab: Lab) -> Iterator[MilvusStandalone]:
    """Of this module alone, since one test kills it."""
    server = lab.milvus("old-primary")
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture
def cdc(source: MilvusStandalone, new_cdc: Callable[..., CdcServer]) -> CdcServer:
    server = new_cdc()
    server.start()
    server.wait_ready()
    return server


def cli(server: CdcServer, *arguments: str, within: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    command = [str(CDC_BINARY), "task", *arguments, "--server", f"http://{server.client.address}"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within)


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == OK, result.stderr
    return result.stdout


class Writers:
    """Several clients write to a collection until they are stopped; `keys` are those that are there then."""

    def __init__(self, world: World, collection: str, count: int = 3) -> None:
        self._collection = collection
        self._clients = [world.connect() for _ in range(count)]
        self._stop = threading.Event()
        self.keys: list[set[int]] = [set() for _ in range(count)]
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> set[int]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return set().union(*self.keys)

    def _run(self, number: int) -> None:
        client, mine = self._clients[number], self.keys[number]
        first = (number + 1) * 1_000_000
        while not self._stop.is_set():
            keys = range(first, first + 40)
            client.insert(self._collection, plain(keys))
            client.upsert(self._collection, plain(keys[:5], version=1))
            client.delete(self._collection, ids=list(keys[5:10]))
            mine.update(key for key in keys if key not in keys[5:10])
            first += 40


def use_as_primary(uri: str, database: str, collection: str, rows: int) -> None:
    """What ordinary clients do with a target that has become the one that is written to. `rows` are there, 0 to 199 of them
    by replication."""
    client = connect(uri, database)
    end = Endpoint(uri)

    def expect_count(wanted: int) -> None:
        found = end.count(database, collection)
        assert found == wanted, f"count(*) is {found}, not {wanted}"

    try:
        expect_count(rows)
        client.insert(collection, plain(range(5_000_000, 5_000_100)))
        expect_count(rows + 100)
        client.delete(collection, ids=list(range(0, 50)))
        expect_count(rows + 50)
        client.upsert(collection, plain(range(50, 80), version=9))
        expect_count(rows + 50)
        # Old and new together: a deleted, a changed, a replicated and a new one.
        found = client.query(collection, filter="id in [10, 60, 150, 5000001]", output_fields=["version"])
        assert {row["id"]: row["version"] for row in found} == {60: 9, 150: 0, 5_000_001: 0}
        end.call("Flush", milvus_pb2.FlushRequest(db_name=database, collection_names=[collection]), timeout=PATIENCE)
        client.release_collection(collection)
        client.load_collection(collection)
        expect_count(rows + 50)
    finally:
        client.close()
        end.close()


@pytest.mark.parametrize("kind", ["lite", "milvus"])
def test_planned(
    kind: str, request: pytest.FixtureRequest, source: MilvusStandalone, cdc: CdcServer, new_cdc: Callable[..., CdcServer]
) -> None:
    """The writers stop, the drain ends, and at once the target is equal: nothing is waited for but the drain."""
    target: Target = request.getfixturevalue(kind)
    world = World(source, target, cdc, database=f"planned_{kind}")
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(10_000_000, 10_000_200)))
    world.client.insert("c", plain(range(200)))
    task = done(cli(cdc, "create", "--target-uri", target.uri, "--database", world.database, "--start-from", "earliest")).strip()
    world.make_collection("gone")
    world.expect_equal("gone")
    world.expect_equal("c")
    writers = Writers(world, "c")
    eventually(lambda: min(len(keys) for keys in writers.keys) >= 200 or False, what="rows are written")
    world.client.release_collection("gone")
    world.client.drop_collection("gone")
    world.make_collection("late")
    world.client.insert("late", plain(range(30)))
    writers.stop()

    drained = json.loads(done(cli(cdc, "drain", task, "-o", "json")))

    assert drained["drained"] is True and drained["rows_above"] == 0
    assert drained["checkpoint"] and all(entry["ts"] >= drained["ts"] for entry in drained["checkpoint"])
    shown = cdc.client.call("get", {"task_id": task, "synced_at": drained["ts"]})["task"]
    assert shown["state"] == "Paused" and shown["reason"].startswith(f"drained up to {drained['ts']} (")
    assert shown["drain"]["phase"] == "done" and shown["synced"]["synced"] is True
    found = world.compare("c")
    assert found.differences == []
    world.expect_collections("c", "late", within=0)
    # It may still be loading there.
    assert world.expect_equal("late").target_rows == 30

    if not target.is_lite:
        # The other direction: begun before anybody writes to the new primary.
        back = new_cdc({"sourceConfig": CdcServer.default_configuration(cdc, target.server)["sourceConfig"]})
        back.start()
        back.wait_ready()
        reverse = done(cli(back, "create", "--target-uri", source.uri, "--database", world.database)).strip()
    use_as_primary(target.uri, world.database, "c", found.target_rows or 0)
    if not target.is_lite:
        done(cli(back, "drain", reverse))
        # It has been released and loaded over there, and may still be loading here.
        assert world.expect_equal("c").source_rows == (found.target_rows or 0) + 50
        done(cli(back, "delete", reverse))
        back.stop()
    assert done(cli(cdc, "delete", task)) == f"deleted {task}\n"
    world.close()


def test_drain_under_writes_has_all_that_was_there_before(source: MilvusStandalone, lite: Target, cdc: CdcServer) -> None:
    world = World(source, lite, cdc)
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.expect_equal("c")
    writers = Writers(world, "c")
    try:
        eventually(lambda: min(len(keys) for keys in writers.keys) >= 200 or False, what="rows are written")
        before = set().union(*(set(keys) for keys in writers.keys))
        result = cli(cdc, "drain", task, "--verbose")
    finally:
        writers.stop()
    assert f"drained task {task}, now paused\n" in done(result)
    there = {row["id"] for row in _all_rows(lite.uri, world.database, "c")}
    assert before - there == set()
    # To drain again after the writers have stopped, as the hint says.
    assert f"resumed {task}\n" == done(cli(cdc, "resume", task))
    done(cli(cdc, "drain", task))
    assert world.compare("c").differences == []
    world.close()


def _all_rows(uri: str, database: str, collection: str) -> list[dict[str, int]]:
    client = connect(uri, database)
    try:
        return list(client.query(collection, filter="id >= 0", output_fields=["id"]))
    finally:
        client.close()


def test_drain_that_is_refused(source: MilvusStandalone, lite: Target, cdc: CdcServer) -> None:
    world = World(source, lite, cdc)
    task = world.start_task()
    world.make_collection("c")
    world.expect_equal("c")
    hurried = cli(cdc, "drain", task, "--timeout", "0")
    assert hurried.returncode == REFUSED and "the task is left running; missing: " in hurried.stderr
    assert cdc.client.state(task) == "Running"
    # One that the server has begun for a client that is gone, and that somebody else cancels.
    cdc.client.call("drain", {"task_id": task})
    assert cdc.client.get(task)["drain"]["phase"] == "waiting"
    cdc.client.call("drain", {"task_id": task, "cancel": True})
    assert cdc.client.get(task)["drain"]["phase"] == "cancelled" and cdc.client.state(task) == "Running"
    unknown = cli(cdc, "drain", "nobody")
    assert unknown.returncode == REFUSED and 'no task has the id "nobody"' in unknown.stderr
    cdc.client.pause(task)
    paused = cli(cdc, "drain", task)
    assert paused.returncode == REFUSED and f"`milvus-cdc task resume {task}` and drain again" in paused.stderr
    world.close()


@pytest.fixture(scope="module")
def standby(lab: Lab) -> Iterator[MilvusStandalone]:
    server = lab.milvus("standby", root_path="by-standby", standby=True)
    lab.start(server)
    yield server
    lab.end(server)


def test_promotes_a_standby(source: MilvusStandalone, standby: MilvusStandalone, cdc: CdcServer) -> None:
    world = World(source, target_of(standby), cdc, database="promoted")
    task = world.start_task(sink_mode="replicate")
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(200)))
    world.expect_equal("c")
    writers = Writers(world, "c")
    eventually(lambda: min(len(keys) for keys in writers.keys) >= 200 or False, what="rows are written")
    writers.stop()
    drained = json.loads(done(cli(cdc, "drain", task, "-o", "json")))
    assert world.compare("c").differences == []
    # Or its ticks would come among the promoted server's own.
    done(cli(cdc, "delete", task))

    standby.reconfigure("common.ttMsgEnabled", True)
    end = Endpoint(standby.uri)

    def takes_writes() -> None:
        probe = milvus_pb2.ReplicateMessageRequest()
        probe.base.replicateInfo.isReplicate = True
        code = end.stub.ReplicateMessage(probe, timeout=10).status.code
        if code != 1900:  # what an ordinary Milvus answers
            raise NotYet(f"ReplicateMessage answers {code}")

    eventually(takes_writes, what="the running standby reads its changed configuration")

    def clock_is_above() -> None:
        now = end.stub.AllocTimestamp(milvus_pb2.AllocTimestampRequest(), timeout=10).timestamp
        if now <= drained["ts"]:
            raise NotYet(f"{now} <= {drained['ts']}")

    eventually(clock_is_above, what="the promoted server gives times above all that it was sent")
    found = world.compare("c")
    assert found.differences == []
    use_as_primary(standby.uri, world.database, "c", found.target_rows or 0)

    # Nothing of it is lost by a restart.
    standby.stop()
    standby.start()
    standby.wait_ready()

    def counts() -> None:
        rows = end.count(world.database, "c")
        if rows != (found.target_rows or 0) + 50:
            raise NotYet(f"{rows} rows")

    eventually(counts, what="all rows are there after a restart")
    end.close()
    world.close()


# The last one: the source does not come back.
def test_source_is_lost(source: MilvusStandalone, milvus: Target, cdc: CdcServer) -> None:
    world = World(source, milvus, cdc, database="disaster")
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(200)))
    world.expect_equal("c")
    source.stop()

    lost = cli(cdc, "drain", task)
    assert lost.returncode == REFUSED
    assert f"`milvus-cdc task pause {task}`" in lost.stderr
    assert done(cli(cdc, "pause", task)) == f"paused {task}\n"
    shown = json.loads(done(cli(cdc, "get", task, "-o", "json")))["task"]
    last = min(entry["ts"] for entry in shown["checkpoint"])
    # The drain has said the same, but ticks may have come after it looked.
    assert 0 < last and re.search(r"everything up to \d{18} \(", lost.stderr)
    use_as_primary(milvus.uri, world.database, "c", 200)
    done(cli(cdc, "delete", task))
    world.source_end.close()
    world.target_end.close()
