"""The metastore in an etcd or a MySQL of its own: crashes, and a second server that stands by."""

from __future__ import annotations

import itertools
import signal
import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import eventually, promised
from rows_for import plain
from stores import Store, started_store
from world import Target, World, target_of
from writer import Writer

TAKEOVER_SECONDS = 15


@pytest.fixture(scope="module", params=["etcd", "mysql"])
def store(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Store]:
    with started_store(lab, request.param) as store:
        yield store


@pytest.fixture
def root_path(request: pytest.FixtureRequest) -> str:
    """Servers of one test share one."""
    return f"cdc/{request.node.originalname}"


@pytest.fixture
def new_server(new_cdc: Callable[..., CdcServer], store: Store, root_path: str) -> Callable[..., CdcServer]:
    def make(address: str | None = None) -> CdcServer:
        return new_cdc({"metaStoreConfig": store.configuration(root_path, address)})

    return make


@pytest.fixture
def first(new_server: Callable[[], CdcServer]) -> CdcServer:
    server = new_server()
    server.start()
    server.wait_ready()
    return server


@pytest.fixture
def store_world(source: MilvusStandalone, milvus: Target, first: CdcServer) -> Iterator[World]:
    # On a Milvus, where count(*) shows a row that was written twice.
    world = World(source, milvus, first)
    yield world
    world.close()


@pytest.fixture
def standby_world(lab: Lab, source: MilvusStandalone, first: CdcServer) -> Iterator[World]:
    standby = lab.milvus("standby", root_path="by-standby", standby=True)
    lab.start(standby)
    world = World(source, target_of(standby), first)
    yield world
    world.close()
    lab.end(standby)


def stand_by(server: CdcServer) -> None:
    server.start()
    server.process.wait_until(lambda: "standing by" in server.process.log.read_text(), 60, "it stands by")
    text = server.process.log.read_text()
    assert "is used by the server" in text and ", process " in text


def expect_takeover(world: World, server: CdcServer, since: float) -> None:
    server.wait_ready()
    seconds = time.monotonic() - since
    print(f"taken over after {seconds:.1f} s")
    assert seconds < promised(TAKEOVER_SECONDS)
    world.cdc = server


def test_goes_on_after_kills(store_world: World, store: Store, root_path: str) -> None:
    world = store_world
    task = world.start_task()
    world.make_collection("c", shards=2)
    with Writer(world.connect(), "c", range(500)).running() as writer:
        for _ in range(4):
            writer.expect_rounds(3)
            world.cdc.kill()
            # The lock of the dead process goes with its lease; until then the new one stands by.
            world.cdc.restart()
    assert world.cdc.client.state(task) == "Running"
    world.expect_equal("c")
    assert len(store.task_keys(root_path)) == 1


def test_second_server_takes_over_from_a_dead_one(
    store_world: World, first: CdcServer, new_server: Callable[[], CdcServer]
) -> None:
    world = store_world
    task = world.start_task()
    world.make_collection("c", shards=2)
    second = new_server()
    stand_by(second)
    with Writer(world.connect(), "c", range(500)).running() as writer:
        writer.expect_rounds(5)
        first.kill()
        expect_takeover(world, second, time.monotonic())
        writer.expect_rounds(3)
    assert second.client.state(task) == "Running"
    world.expect_equal("c")


def test_second_server_takes_over_at_once_from_one_that_stops(
    store_world: World, first: CdcServer, new_server: Callable[[], CdcServer]
) -> None:
    world = store_world
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(50)))
    second = new_server()
    stand_by(second)
    first.stop()
    expect_takeover(world, second, time.monotonic())
    world.client.insert("c", plain(range(50, 80)))
    assert world.expect_equal("c").target_rows == 80


def test_a_server_that_only_stands_by_stops(first: CdcServer, new_server: Callable[[], CdcServer]) -> None:
    second = new_server()
    stand_by(second)
    second.stop()
    assert first.client.list() == []


def test_a_suspended_server_writes_nothing_once_it_has_been_replaced(
    store_world: World, first: CdcServer, new_server: Callable[[], CdcServer]
) -> None:
    suspend_and_replace(store_world, first, new_server)


def test_a_suspended_server_sends_nothing_to_a_standby_either(
    standby_world: World, first: CdcServer, new_server: Callable[[], CdcServer]
) -> None:
    """Two servers that tick one standby would undo the order of its rows."""
    suspend_and_replace(standby_world, first, new_server)


def suspend_and_replace(world: World, first: CdcServer, new_server: Callable[[], CdcServer]) -> None:
    task = world.start_task()
    world.make_collection("c", shards=2)
    owner, other = first, new_server()
    stand_by(other)
    with Writer(world.connect(), "c", range(500)).running() as writer:
        for _ in range(3):
            writer.expect_rounds(5)
            owner.process.signal(signal.SIGSTOP)
            expect_takeover(world, other, time.monotonic())
            writer.expect_rounds(3)
            owner.process.signal(signal.SIGCONT)
            eventually(lambda server=owner: not server.process.is_running(), what="the replaced server ends")
            assert owner.process.exit_code == 1
            assert "has been taken over by the server" in owner.process.log.read_text()
            owner, other = other, owner
            # As a supervisor would.
            other.start()
    assert owner.client.state(task) == "Running"
    world.expect_equal("c")


def test_a_server_cut_off_from_its_store_writes_nothing_once_it_has_been_replaced(
    lab: Lab,
    source: MilvusStandalone,
    milvus: Target,
    store: Store,
    new_server: Callable[..., CdcServer],
) -> None:
    """It still reaches source and target, so only its lease keeps it from doubling what the other one writes."""
    gate = lab.gate(store.address)
    lab.start(gate)
    first, second = new_server(gate.address), new_server()
    first.start()
    first.wait_ready()
    world = World(source, milvus, first)
    task = world.start_task()
    world.make_collection("c", shards=2)
    stand_by(second)
    with Writer(world.connect(), "c", range(500)).running() as writer:
        writer.expect_rounds(5)
        gate.black_hole()
        expect_takeover(world, second, time.monotonic())
        writer.expect_rounds(3)
        gate.open()
        eventually(lambda: not first.process.is_running(), what="the replaced server ends")
        assert first.process.exit_code == 1
        assert "has been taken over by the server" in first.process.log.read_text()
        writer.expect_rounds(3)
    assert second.client.state(task) == "Running"
    world.expect_equal("c")
    world.close()
    lab.end(gate)


def test_a_slow_store_slows_no_rows(
    lab: Lab, source: MilvusStandalone, milvus: Target, store: Store, new_server: Callable[..., CdcServer]
) -> None:
    """Once the server has seen that a commit takes two seconds, a row is there as soon as with a quick store."""
    gate = lab.gate(store.address)
    lab.start(gate)
    server = new_server(gate.address)
    server.start()
    server.wait_ready()
    world = World(source, milvus, server)
    world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(1)))
    world.expect_equal("c")
    keys = itertools.count(1)

    def seconds_for_a_row() -> float:
        key = next(keys)
        begin = time.monotonic()
        world.client.insert("c", plain(range(key, key + 1)))
        eventually(lambda: world.target_count("c") == key + 1, every=0.02, what="the row arrives")
        return time.monotonic() - begin

    quick = statistics.median(seconds_for_a_row() for _ in range(7))
    gate.delay(1 / store.calls_per_commit)  # each way
    for _ in range(5):
        seconds_for_a_row()
    slow = statistics.median(seconds_for_a_row() for _ in range(7))
    print(f"a row took {quick:.2f} s with a quick store, {slow:.2f} s with a slow one")
    assert slow < quick + promised(1)
    gate.delay(0)
    world.expect_equal("c")
    world.close()
    lab.end(gate)


def test_the_store_is_away_for_a_while(store_world: World, first: CdcServer, store: Store) -> None:
    world = store_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(50)))
    world.expect_equal("c")
    store.server.kill()
    world.client.insert("c", plain(range(50, 100)))
    world.expect_condition(task, "retrying", "checkpoint")
    assert first.process.is_running()
    store.server.start()
    store.server.wait_ready()
    assert world.expect_equal("c").target_rows == 100
    world.expect_condition(task, "ok")
