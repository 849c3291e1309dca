"""Metrics: the names and labels that dashboards of the Go program query, and the alert rules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.cdc_client import CdcClient
from lab.waiting import eventually
from rows_for import plain
from world import World

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus"

Labels = frozenset[tuple[str, str]]


class Scrape:
    """The series of one scrape."""

    def __init__(self, text: str) -> None:
        self._series: dict[str, dict[Labels, float]] = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = re.fullmatch(r"(\w+)(?:{(.*)})? (\S+)", line).groups()
                pairs = frozenset(re.findall(r'(\w+)="([^"]*)"', labels or ""))
                self._series.setdefault(name, {})[pairs] = float(value)

    def names(self) -> set[str]:
        return set(self._series)

    def labels(self, name: str) -> set[frozenset[str]]:
        """The sets of label names that the series of a metric have."""
        return {frozenset(key for key, _ in labels) for labels in self._series[f"milvus_cdc_{name}"]}

    def sum(self, name: str, **labels: str) -> float:
        """Of all series that have these labels; there must be one."""
        found = [value for key, value in self._series[f"milvus_cdc_{name}"].items() if labels.items() <= set(key)]
        assert found, f"{name}{labels} is not in the scrape"
        return sum(found)

    def least(self, name: str) -> float:
        return min(self._series[f"milvus_cdc_{name}"].values())


def scrape(client: CdcClient) -> Scrape:
    return Scrape(client.metrics())


def rows_written(found: Scrape, task: str) -> dict[str, float]:
    return {
        kind: found.sum("replicate_data_cnt", task_id=task, op_type="write", api_type=kind)
        for kind in ("insert", "upsert", "delete")
    }


def test_names_and_labels(lite_world: World) -> None:
    world = lite_world
    client = world.cdc.client
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(100)))
    world.client.delete("c", ids=list(range(10)))
    world.expect_equal("c")
    found = scrape(client)
    for name, labels in {
        "task_num": {"task_state"},
        "task_state": {"task_id"},
        "request_total": {"request_type", "request_status"},
        "request_latency_bucket": {"request_type", "le"},
        "replicate_tt": {"task_id", "vchannel_name", "op_type"},
        "replicate_data_size": {"task_id", "vchannel_name", "op_type", "msg_type"},
        "replicate_data_cnt": {"task_id", "collection_id", "collection_name", "op_type", "api_type"},
        "api_execute_total": {"task_id", "api_type"},
    }.items():
        assert found.labels(name) == {frozenset(labels)}, name
    written = rows_written(found, task)
    assert written["insert"] + written["upsert"] == 100 and written["delete"] == 10
    assert found.sum("replicate_data_cnt", task_id=task, op_type="write", collection_name="c") == 110
    for kind in ("Insert", "Delete"):
        read, write = (found.sum("replicate_data_size", task_id=task, op_type=op, msg_type=kind) for op in ("read", "write"))
        assert read == write > 0, kind
    for call in ("CreateCollection", "CreateIndex", "LoadCollection", "Insert", "Delete"):
        assert found.sum("api_execute_total", task_id=task, api_type=call) >= 1, call
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    suffixes = ("", "_bucket", "_sum", "_count")
    names = {name.removeprefix("milvus_cdc_") for name in found.names()}
    assert {name for name in names if not any(name.removesuffix(end) in documented for end in suffixes)} == set()


def test_counts_go_on_over_a_pause(lite_world: World) -> None:
    world = lite_world
    client = world.cdc.client
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    before = scrape(client)
    client.pause(task)
    paused = scrape(client)
    assert rows_written(paused, task) == rows_written(before, task)
    assert paused.sum("replicate_tt", task_id=task, op_type="write") > 0
    assert paused.sum("task_condition", task_id=task, condition="paused") == 1
    client.call("resume", {"task_id": task})
    world.client.insert("c", plain(range(100, 150)))
    world.expect_equal("c")
    assert sum(rows_written(scrape(client), task).values()) == 150


def run_promtool(*arguments: str) -> None:
    ended = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_alert_rules() -> None:
    run_promtool("check", "rules", str(RULES / "alerts.yaml"))
    run_promtool("test", "rules", str(RULES / "alerts_test.yaml"))


def test_alerts_are_about_metrics_that_there_are(lite_world: World) -> None:
    world = lite_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(10)))
    world.expect_equal("c")
    wanted = set(re.findall(r"\bmilvus_cdc_\w+", (RULES / "alerts.yaml").read_text()))
    assert len(wanted) > 5

    def all_there() -> None:
        missing: Iterable[str] = wanted - scrape(world.cdc.client).names()
        assert not missing, f"{task}: {missing}"

    eventually(all_there)
