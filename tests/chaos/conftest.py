"""The servers of the fault suite. They are its own: they are killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from battle import SINKS, Battle, Sink, Source
from lab.etcd import Etcd
from lab.lab import Lab


@pytest.fixture(scope="session")
def seed() -> int:
    return int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture(scope="module")
def chaos_etcd(lab: Lab) -> Iterator[Etcd]:
    server = lab.etcd("chaos-etcd")
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture(scope="module")
def source(lab: Lab, chaos_etcd: Etcd, request: pytest.FixtureRequest) -> Iterator[Source]:
    """By the kind of its queue (see `battle.on`); one is ended before the next is made."""
    queue = request.param
    gate = lab.gate(chaos_etcd.url)
    kafka = lab.kafka("chaos-kafka", gated=True) if queue == "kafka" else None
    pulsar = lab.pulsar("chaos-pulsar") if queue == "pulsar" else None
    milvus = lab.milvus(f"chaos-source-{queue}", root_path=f"by-{queue}", etcd=chaos_etcd, kafka=kafka, pulsar=pulsar)
    servers = [server for server in (kafka, pulsar, gate) if server is not None]
    lab.start(*servers)
    lab.start(milvus)
    yield Source(milvus, chaos_etcd, gate)
    for server in (milvus, *servers):
        lab.end(server)


def _make_sink(lab: Lab, name: str) -> Sink:
    options: dict[str, Any] = {"settings": {"common.ttMsgEnabled": False}} if name == "replicate" else {}
    server = lab.milvus(f"chaos-{name}-target", root_path=f"by-{name}-target", **options)
    gate = lab.gate(server.uri)
    lab.start(server, gate)
    return Sink(server, gate, SINKS[name])


@pytest.fixture(scope="module")
def sink(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Sink]:
    """By its sink mode."""
    sink = _make_sink(lab, request.param)
    yield sink
    lab.end(sink.gate)
    lab.end(sink.server)


@pytest.fixture
def new_battle(lab: Lab, source: Source, sink: Sink, seed: int) -> Iterator[Callable[..., Battle]]:
    made: list[Battle] = []

    def make(**options: Any) -> Battle:
        made.append(Battle(lab, source, sink, seed=seed, **options))
        return made[-1]

    yield make
    for battle in made:
        battle.close()


@pytest.fixture
def battle(new_battle: Callable[..., Battle]) -> Battle:
    """Collections are there and loaded on both sides, and the writers write."""
    battle = new_battle()
    battle.begin()
    return battle
