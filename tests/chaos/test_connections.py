"""Each connection of the CDC server is cut, reset, swallowed and delayed; the servers behind them are killed; all of
it together. Nothing is lost, doubled or resurrected.

    CHAOS_EVENTS=200 CHAOS_QUEUE=kafka .cache/venv/bin/python -m pytest tests/chaos -s -k everything
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from battle import Battle, on
from lab.gate import Gate

# How often each connection is spoilt in each way.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
EVENTS = int(os.environ.get("CHAOS_EVENTS", "4"))

_FAULTS: dict[str, Callable[[Gate], None]] = {
    "cut": Gate.cut,
    "reset": Gate.reset,
    "black_hole": Gate.black_hole,
    "delay": lambda gate: gate.delay(0.3),
}


def _mend(gate: Gate) -> None:
    gate.delay(0)
    gate.open()


def _gates(battle: Battle) -> dict[str, Gate]:
    gates = {"target": battle.sink.gate, "etcd": battle.source.etcd_gate}
    if battle.source.kafka:
        gates["kafka"] = battle.source.kafka.gate
    return gates


@on("kafka-api")
@pytest.mark.timeout(600)
def test_gates(battle: Battle) -> None:
    before = {name: gate.counters for name, gate in _gates(battle).items()}
    plan = [(name, fault) for name in before for fault in _FAULTS] * ROUNDS
    battle.random.shuffle(plan)
    for name, fault in plan:
        gate = _gates(battle)[name]
        _FAULTS[fault](gate)
        battle.let_pass(0.5, 2.5)
        _mend(gate)
        battle.let_pass(0.2, 1)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
    for name, gate in _gates(battle).items():
        assert gate.counters.connections > before[name].connections, f"{name}: nobody came back"


def _kill_target(battle: Battle) -> None:
    battle.sink.server.stop()
    battle.let_pass(0.2, 2)
    battle.start(battle.sink.server)


def _kill_etcd(battle: Battle) -> None:
    battle.source.etcd.kill()
    battle.let_pass(0.5, 3)
    battle.start(battle.source.etcd)
    _revive_source(battle)


def _kill_source(battle: Battle) -> None:
    battle.source.milvus.stop()
    battle.let_pass(0.2, 2)
    _revive_source(battle)


def _kill_broker(battle: Battle) -> None:
    assert battle.source.broker
    battle.source.broker.kill()
    battle.let_pass(0.2, 2)
    battle.start(battle.source.broker)
    _revive_source(battle)


def _revive_source(battle: Battle) -> None:
    """A Milvus may end when its etcd or its broker does."""
    if not battle.source.milvus.process.is_running():
        battle.start(battle.source.milvus)
    battle.expect_writes()


def _servers(battle: Battle) -> dict[str, Callable[[Battle], None]]:
    servers = {"target": _kill_target, "etcd": _kill_etcd, "source": _kill_source}
    return {"broker": _kill_broker, **servers} if battle.source.broker else servers


@on("rocksmq-api", "kafka-api")
@pytest.mark.timeout(600)
def test_servers(battle: Battle) -> None:
    servers = list(_servers(battle).values())
    if battle.source.broker and ROUNDS == 1:
        servers = servers[:1]  # the others have no more to do with a broker than with RocksMQ
    for kill in servers * ROUNDS:
        kill(battle)
        battle.let_pass(0.5, 2)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)


@on("kafka-api")
@pytest.mark.timeout(600 + 40 * EVENTS)
def test_everything(battle: Battle) -> None:
    """One after the other, and some at the same time: a connection may be spoilt while servers are killed."""
    chance = battle.random
    gates, servers = _gates(battle), _servers(battle)
    for number in range(EVENTS):
        battle.let_pass(0.3, 3)
        spoilt = chance.choice([*gates, ""])
        if spoilt:
            _FAULTS[chance.choice(list(_FAULTS))](gates[spoilt])
        what = chance.choices(["cdc", "server", "nothing"], [6, 1 if EVENTS > 50 else 0, 3])[0]
        if what == "cdc":
            battle.kill_cdc(healthy=not spoilt)
        elif what == "server":
            servers[chance.choice(list(servers))](battle)
        battle.let_pass(0.2, 2)
        if spoilt:
            _mend(gates[spoilt])
        if EVENTS > 50 and number % 10 == 9:
            print(f"{number + 1} events, {battle.ledger.operations} operations", flush=True)
    verdict = battle.end()
    assert verdict.faults == 0, str(verdict)
