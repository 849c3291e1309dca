"""A target has many names, and may be dead, frozen or another one while nothing is written: tasks know it by what it is, and say how
it is."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from lab.cdc_client import CdcError
from lab.gate import Gate
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import PATIENCE, promised
from rows_for import plain
from world import Target, World, target_of

# What a user may wait for the news that a target is away.
NEWS_S = 10.0


@pytest.fixture(scope="module", params=["lite", "milvus", "standby"])
def target(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Target]:
    """One that may be killed."""
    name = f"one-target-{request.param}"
    if request.param == "lite":
        server: Any = lab.milvus_lite(name)
    else:
        server = lab.milvus(name, root_path=f"by-one-{request.param}", standby=request.param == "standby")
    lab.start(server)
    yield target_of(server)
    lab.end(server)


@pytest.fixture
def gate(lab: Lab, target: Target) -> Iterator[Gate]:
    """Another address of the target."""
    gate = lab.gate(target.uri)
    lab.start(gate)
    yield gate
    lab.end(gate)


def begin(world: World, rows: int = 200, **fields: Any) -> str:
    """A task that has copied everything and has nothing to do."""
    world.make_collection("c")
    world.client.insert("c", plain(range(rows)))
    task = world.start_task(**fields)
    assert world.expect_equal("c", within=PATIENCE).target_rows == rows
    world.expect_condition(task, "ok", within=PATIENCE)
    return task


def expect_idle(world: World) -> None:
    """What was written before is there once, and new rows arrive."""
    world.client.insert("c", plain(range(1000, 1050)))
    assert world.expect_equal("c", within=PATIENCE).target_rows == 250


def other_spellings(port: int) -> list[dict[str, Any]]:
    uris = [f"http://localhost:{port}", f"http://127.0.0.1:{port}/", f"HTTP://LocalHost:{port}"]
    return [
        *({"uri": uri} for uri in uris),
        {"host": "localhost", "port": port},
        {"host": f"http://localhost:{port}", "port": port},
    ]


def test_one_target_under_many_spellings(world: World) -> None:
    task = begin(world)
    for parameters in other_spellings(world.target.server.port):
        with pytest.raises(CdcError, match="duplicate with existing task") as refused:
            world.start_task(milvus_connect_param=parameters)
        assert refused.value.code == 400
        assert world.target.uri in refused.value.message, "it says under which address it is known"
    assert world.cdc.client.get(task)["milvus_connect_param"]["uri"] == world.target.uri, "shown as it was given"
    expect_idle(world)


def test_one_target_behind_two_addresses(world: World, gate: Gate) -> None:
    if world.target.is_lite:
        pytest.skip("a Milvus Lite says nothing that tells it from another one")
    begin(world)
    with pytest.raises(CdcError, match="duplicate with existing task|the standby that task") as refused:
        world.start_task(milvus_connect_param={"uri": gate.uri})
    assert refused.value.code == 400
    assert world.target.uri in refused.value.message
    expect_idle(world)


def test_an_address_that_comes_to_mean_a_known_target(world: World, gate: Gate, lab: Lab) -> None:
    """The second task was made for another server, so nothing could be refused at its create."""
    if not isinstance(world.target.server, MilvusStandalone):
        pytest.skip("only a Milvus gives its collections ids")
    if "standby" in world.target.server.name:
        pytest.skip("a task for a Milvus Lite does not take a standby")
    small = lab.milvus_lite(f"small-{world.database}")
    lab.start(small)
    gate.server = small.uri.split("://")[-1]
    first = begin(world)
    second = world.start_task(milvus_connect_param={"uri": gate.uri})
    world.expect_condition(second, "ok", within=PATIENCE)
    world.cdc.client.pause(second)
    gate.server = world.target.uri.split("://")[-1]
    gate.reset()
    world.cdc.client.resume(second)
    world.expect_condition(second, "retrying", f"task {first} writes this collection", within=PATIENCE)
    expect_idle(world)
    # It goes on when the other one lets go.
    world.cdc.client.pause(first)
    world.expect_condition(second, "ok", within=PATIENCE)
    lab.end(small)


def test_a_dead_target_is_noticed_while_nothing_is_written(world: World) -> None:
    task = begin(world)
    server = world.target.server
    server.process.kill()
    try:
        condition = world.expect_condition(task, "retrying", "target", f"127.0.0.1:{server.port}", within=promised(NEWS_S))
        assert condition["reason"].startswith("target: ")
    finally:
        server.start()
        server.wait_ready()
    world.expect_condition(task, "ok", within=PATIENCE)
    expect_idle(world)


def test_a_frozen_target_is_noticed_while_nothing_is_written(world: World) -> None:
    task = begin(world)
    process = world.target.server.process
    process.signal(signal.SIGSTOP)
    try:
        world.expect_condition(task, "retrying", "target: ", "no answer", within=promised(NEWS_S))
    finally:
        process.signal(signal.SIGCONT)
    world.expect_condition(task, "ok", within=PATIENCE)
    expect_idle(world)


def test_a_target_out_of_reach_is_noticed_while_nothing_is_written(world: World, gate: Gate) -> None:
    task = begin(world, milvus_connect_param={"uri": gate.uri})
    gate.black_hole()
    world.expect_condition(task, "retrying", "target: ", gate.address, within=promised(NEWS_S))
    gate.open()
    world.expect_condition(task, "ok", within=PATIENCE)
    expect_idle(world)


def test_an_empty_milvus_in_place_of_the_target(world: World) -> None:
    """Last in this file: afterwards the target is another one."""
    if not isinstance(world.target.server, MilvusStandalone):
        pytest.skip("a Milvus Lite says nothing that tells it from another one")
    task = begin(world)
    server = world.target.server
    server.stop()
    for name in ("etcd", "rdb_data", "rdb_data_meta_kv", "data"):
        shutil.rmtree(server.folder / name, ignore_errors=True)
    server.start()
    server.wait_ready()
    shown = world.expect_state(task, "Paused", within=PATIENCE)
    assert "another Milvus" in shown["reason"] and "start_from earliest" in shown["reason"]
    # A resume changes nothing, and makes nothing.
    world.cdc.client.resume(task)
    world.expect_state(task, "Paused", within=PATIENCE)
    world.expect_databases([], [world.database])
    # The cure, without deleting the old task.
    again = world.start_task()
    assert world.expect_equal("c", within=PATIENCE).target_rows == 200
    world.expect_condition(again, "ok", within=PATIENCE)
