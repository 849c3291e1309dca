"""When a task has brought all to its target, as `milvus-cdc task drain` finds it out; it is not paused here."""

from __future__ import annotations

from .cdc_client import CdcClient
from .waiting import NotYet


class Drain:
    """A check for `eventually`: what the source had when this was called first is on the target, rows and catalog."""

    def __init__(self, client: CdcClient, task_id: str) -> None:
        self._client = client
        self._task_id = task_id
        self._goal: dict[str, int] = {}

    def __call__(self) -> None:
        if not self._goal:
            self._goal = self._client.call("get", {"task_id": self._task_id, "present": True})["task"]["present"]
        task = self._client.get(self._task_id)
        catalog = task["catalog"]
        if catalog["revision"] < self._goal["catalog_revision"] or not catalog["applied"]:
            raise NotYet(f"{catalog} of the catalog, the source was at {self._goal}")
        reached = {entry["channel"]: entry["ts"] for entry in task["checkpoint"]}
        behind = [each["channel"] for each in task["channels"] if reached.get(each["channel"], 0) < self._goal["ts"]]
        if behind:
            raise NotYet(f"{behind} below {self._goal}: {reached}")
