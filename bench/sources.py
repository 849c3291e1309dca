"""Sources with a backlog: a real Milvus fills its queue and then goes away, so that it does not disturb."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.bulk import Rows, direct_insert
from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone

from .programs import cpu_seconds

# After the last insert the queue needs ticks beyond it: they come five times a second.
_TICKS_S = 1.5


class Source:
    """A Milvus 2.3.5 with an etcd of its own, and a Kafka or Pulsar if that is its queue.

    `freeze` ends Milvus; its queue and its etcd stay.
    """

    def __init__(self, lab: Lab, queue: str) -> None:
        self.queue = queue
        self._lab = lab
        self._etcd = lab.etcd(f"etcd-{queue}")
        self._kafka = lab.kafka("kafka") if queue == "kafka" else None
        self._pulsar = lab.pulsar("pulsar") if queue == "pulsar" else None
        lab.start(*(part for part in (self._etcd, self._kafka, self._pulsar) if part is not None))
        self.milvus: MilvusStandalone = lab.milvus(
            f"source-{queue}", etcd=self._etcd, kafka=self._kafka, pulsar=self._pulsar
        )
        lab.start(self.milvus)

    def fill(self, rows: Rows) -> None:
        direct_insert(self.milvus.uri, rows)

    def freeze(self) -> None:
        time.sleep(_TICKS_S)  # Milvus does not tell when a tick is written
        self.milvus.stop()

    def broker_cpu_seconds(self) -> float:
        """What the queue's server has used so far; RocksMQ has none."""
        broker = self._kafka or self._pulsar
        return cpu_seconds(broker.process.pid) if broker else 0.0

    @contextmanager
    def cdc(self) -> Iterator[CdcServer]:
        """A fresh milvus-cdc, so that peak memory and CPU time are those of one measure."""
        number = time.monotonic_ns()
        server = self._lab.cdc_server(f"cdc-{number}", self.milvus, {"logLevel": "warn"})
        self._lab.start(server)
        try:
            yield server
        finally:
            self._lab.end(server)


def scope_of(rows: Rows) -> dict[str, object]:
    """The part of a create request that asks for one collection."""
    return {"collection_infos": [{"name": rows.collection}]}
