"""The servers that all tests share, and a fresh World for each test."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from world import Target, World, target_of

# pymilvus logs every failed call with a stack trace; our checks call until it works.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    # A terminated test run ends like an interrupted one: fixtures are torn down, servers stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def source(lab: Lab) -> MilvusStandalone:
    """Milvus standalone with its embedded etcd and RocksMQ."""
    server = lab.milvus("source")
    lab.start(server)
    return server


@pytest.fixture(scope="session")
def lite(lab: Lab) -> Target:
    server = lab.milvus_lite("lite")
    lab.start(server)
    return target_of(server)


@pytest.fixture(scope="session")
def milvus(lab: Lab) -> Target:
    """A second Milvus standalone."""
    server = lab.milvus("target", root_path="by-target")
    lab.start(server)
    return target_of(server)


# By module, so that a file is played in one go and the servers that are its own end with it.
@pytest.fixture(scope="module", params=["lite", "milvus"])
def target(request: pytest.FixtureRequest) -> Target:
    """Tests that use this run once per kind of target."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def shared_cdc(lab: Lab, source: MilvusStandalone, request: pytest.FixtureRequest) -> Iterator[CdcServer]:
    """One CDC server for the tests of a module."""
    server = lab.cdc_server(f"cdc-{request.module.__name__}", source)
    lab.start(server)
    yield server
    try:
        server.stop()
    finally:
        lab.end(server)


@pytest.fixture
def world(source: MilvusStandalone, target: Target, shared_cdc: CdcServer) -> Iterator[World]:
    world = World(source, target, shared_cdc)
    yield world
    world.close()


@pytest.fixture
def lite_world(source: MilvusStandalone, lite: Target, shared_cdc: CdcServer) -> Iterator[World]:
    """For tests whose point is not the target."""
    world = World(source, lite, shared_cdc)
    yield world
    world.close()


@pytest.fixture
def milvus_world(source: MilvusStandalone, milvus: Target, shared_cdc: CdcServer) -> Iterator[World]:
    """For tests of what only a whole Milvus keeps."""
    world = World(source, milvus, shared_cdc)
    yield world
    world.close()


@pytest.fixture
def new_cdc(lab: Lab, source: MilvusStandalone, request: pytest.FixtureRequest) -> Iterator[Callable[..., CdcServer]]:
    """Makes CDC servers of the test's own; the test starts, stops and kills them."""
    made: list[CdcServer] = []

    def make(settings: dict[str, Any] | None = None) -> CdcServer:
        name = f"cdc-{request.node.name.replace('[', '-').replace(']', '')}-{len(made)}"
        server = lab.cdc_server(name, source, settings)
        made.append(server)
        return server

    yield make
    for server in made:
        lab.end(server)


@pytest.fixture
def own_world(source: MilvusStandalone, target: Target, new_cdc: Callable[..., CdcServer]) -> Iterator[World]:
    """A World whose CDC server belongs to the test alone and is running, for tests that stop or kill it."""
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, target, server)
    yield world
    world.close()


@pytest.fixture
def own_milvus_world(source: MilvusStandalone, milvus: Target, new_cdc: Callable[..., CdcServer]) -> Iterator[World]:
    """A World whose CDC server belongs to the test alone and is running, for tests that stop or kill it."""
    server = new_cdc()
    server.start()
    server.wait_ready()
    world = World(source, milvus, server)
    yield world
    world.close()


# Those that take longest come first: else one of them runs alone in the end while the other workers have nothing to do.
_LONGEST_FIRST = [
    "test_kafka",
    "test_query_snapshot",
    "test_pulsar",
    "test_start_from_snapshot",
    "test_copy_into_existing",
    "test_standby",
    "test_trouble",
    "test_ledger",
    "test_restart",
    "test_type_matrix",
    "test_model",
    "test_copy_load",
]
# Five files that take long, too, and repeat with faults what the others have seen: if there is no time, it is theirs.
_LAST = ["test_kills", "test_copy_kills", "test_pulsar_kills", "test_connections", "test_sees_faults"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(_LONGEST_FIRST)}
    order |= {name: 1000 + number for number, name in enumerate(_LAST)}
    items.sort(key=lambda item: order.get(item.path.stem, 500))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.time() > float(os.environ.get("TESTS_BEGIN_UNTIL", "inf")):
        pytest.skip("left out: there is no time left (TEST_MINUTES)")


class _ToldAtOnce:
    """What a failed test says stands in the output as soon as it has failed, not only after the last test."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_sep("-", f"{report.when} of {report.nodeid}: {report.duration:.0f} s")
            self._terminal.write_line(report.longreprtext)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_ToldAtOnce(terminal))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the last lines of its CDC server's log."""
    report = yield
    if report.when == "call" and report.failed:
        for value in item.funcargs.values():  # type: ignore[attr-defined]
            server = value.cdc if isinstance(value, World) else value
            if isinstance(server, CdcServer):
                report.sections.append((f"log of {server.name}", server.process.log_tail(60)))
                break
    return report
