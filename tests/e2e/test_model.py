"""Random lives of a source, by seed; at the end the target must be equal, in everything.

A seed is a test, `test_seed[17]`, and does the same operations each time it is played; only how they meet what
milvus-cdc does at that moment differs. A failure shows the operations.

    MODEL_SEEDS=17 .cache/venv/bin/python -m pytest tests/e2e/test_model.py

    MODEL_SEEDS=17,23,40-59             some seeds; 0-199: as many as you like; without it 0-19
    MODEL_SEEDS=17x8                    the seed eight times, beside each other
    MODEL_WITHOUT=renames,restarts      other plans, that leave these out
    MODEL_SCENES=10                     shorter plans, with the same beginning
    MODEL_AT_A_TIME=4                   so many seeds play at the same time; without it 8
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from model.group import Group, Outcome
from model.operations import OnCollection, Operation
from model.plan import FEATURES, SCENES, Plan, make_plan
from world import Target

_PLANS_IN_CI = "0-19"
# Each needs seconds of a server's waiting (a load takes three) and little of a core.
_AT_A_TIME = 8


def _wanted() -> list[str]:
    """The ids of the tests: seeds, and `17-2` for the second time of 17."""
    ids: list[str] = []
    for part in os.environ.get("MODEL_SEEDS", _PLANS_IN_CI).split(","):
        seeds, _, times = part.partition("x")
        first, _, last = seeds.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            ids += [f"{seed}", *(f"{seed}-{copy}" for copy in range(2, int(times or 1) + 1))]
    return list(dict.fromkeys(ids))


def _plan_of(seed: str) -> Plan:
    return make_plan(
        int(seed.partition("-")[0]),
        label=f"m{seed.replace('-', '_')}",
        without=frozenset(filter(None, os.environ.get("MODEL_WITHOUT", "").split(","))),
        scenes=int(os.environ.get("MODEL_SCENES", SCENES)),
    )


@pytest.fixture(scope="module")
def outcomes(
    lab: Lab, source: MilvusStandalone, milvus: Target, request: pytest.FixtureRequest
) -> Iterator[dict[str, Outcome]]:
    """All selected seeds, played before the first of their tests."""
    selected = [
        item.callspec.params["seed"]  # type: ignore[attr-defined]
        for item in request.session.items
        if item.path == request.path and "seed" in getattr(getattr(item, "callspec", None), "params", {})
    ]
    plans = {seed: _plan_of(seed) for seed in selected}
    cdc = lab.cdc_server("cdc-model", source)
    lab.start(cdc)
    found: dict[str, Outcome] = {}

    def done(outcome: Outcome) -> None:
        found[outcome.plan.label] = outcome
        print(f"{outcome.plan.label}: {outcome.seconds:.1f} s{', FAILED' if outcome.failure else ''}", flush=True)

    group = Group(source.uri, milvus.uri, cdc)
    group.run(plans.values(), int(os.environ.get("MODEL_AT_A_TIME", _AT_A_TIME)), done)
    yield {seed: found[plan.label] for seed, plan in plans.items()}
    try:
        cdc.stop()
    finally:
        lab.end(cdc)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", _wanted())
def test_seed(outcomes: dict[str, Outcome], seed: str) -> None:
    outcome = outcomes[seed]
    if outcome.failure:
        pytest.fail(outcome.report(), pytrace=False)


def test_a_seed_makes_the_same_plan_again() -> None:
    plans = [make_plan(seed) for seed in range(50)]
    assert plans == [make_plan(seed) for seed in range(50)]
    assert len({plan.operations for plan in plans}) == 50


def _leaves(kind: type[Operation]) -> list[type[Operation]]:
    abstract = [] if kind in (Operation, OnCollection) else [kind]
    return abstract + [leaf for below in kind.__subclasses__() for leaf in _leaves(below)]


def test_every_feature_is_in_the_plans_and_can_be_left_out() -> None:
    def kinds(without: frozenset[str]) -> set[type[Operation]]:
        plans = [make_plan(seed, without=without) for seed in range(100)]
        return {type(operation) for plan in plans for operation in plan.operations}

    everything = kinds(frozenset())
    assert everything == set(_leaves(Operation))
    for feature in FEATURES - {"mapping"}:
        assert kinds(frozenset({feature})) < everything, feature
