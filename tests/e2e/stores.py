"""The metastores that several servers may have, and an earlier program's records in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.etcd import Etcd, etcd_keys, etcd_put, etcd_values
from lab.lab import Lab
from lab.mariadb import Mariadb

_LEGACY_TABLES = """
CREATE TABLE IF NOT EXISTS task_info (task_info_key VARCHAR(255) PRIMARY KEY, task_id VARCHAR(255), task_info_value JSON);
CREATE TABLE IF NOT EXISTS task_position (task_position_key VARCHAR(255) PRIMARY KEY, task_id VARCHAR(255),
  collection_id BIGINT, collection_name VARCHAR(255), task_position_value JSON, op_position_value JSON,
  target_position_value JSON);
CREATE TABLE IF NOT EXISTS task_msg (task_msg_key VARCHAR(255) PRIMARY KEY, task_msg_value JSON);
"""


class EtcdStore:
    calls_per_commit = 1

    def __init__(self, server: Etcd) -> None:
        self.server = server
        self.address = f"127.0.0.1:{server.port}"

    def configuration(self, root_path: str, address: str | None = None) -> dict[str, Any]:
        """`metaStoreConfig`; another address is that of a gate."""
        return {
            "storeType": "etcd",
            "etcd": {"address": [address or self.address], "rootPath": ""},
            "rootPath": root_path,
        }

    def task_keys(self, root_path: str) -> list[str]:
        return [key for key in etcd_keys(self.server.url, f"{root_path}/") if "/milvus-cdc/records/task/" in key]

    def put_legacy(self, root_path: str, records: dict[str, dict[str, Any]]) -> None:
        for key, record in records.items():
            etcd_put(self.server.url, f"{root_path}/{key}", json.dumps(record).encode())

    def legacy(self, root_path: str) -> object:
        """What is there of an earlier program, to compare."""
        return etcd_values(self.server.url, f"{root_path}/task_")


class MysqlStore:
    calls_per_commit = 5

    def __init__(self, server: Mariadb) -> None:
        self.server = server
        self.address = server.address

    def configuration(self, root_path: str, address: str | None = None) -> dict[str, Any]:
        return {"storeType": "mysql", "mysqlSourceUrl": self.server.source_url(address), "rootPath": root_path}

    def task_keys(self, root_path: str) -> list[str]:
        return self.server.query(
            f"SELECT record_key FROM milvus_cdc_record WHERE root = '{root_path}' AND record_key LIKE 'task/%'"
        ).splitlines()

    def put_legacy(self, root_path: str, records: dict[str, dict[str, Any]]) -> None:
        statements = [_LEGACY_TABLES]
        for key, record in records.items():
            values = [f"{root_path}/{key}", record["TaskID"]]
            table = key.split("/")[0]
            if table == "task_info":
                values.append(record)
            else:
                values += [record["CollectionID"], record["CollectionName"]]
                values += [record[part] for part in ("Positions", "OpPositions", "TargetPositions")]
            statements.append(f"INSERT INTO {table} VALUES ({', '.join(map(_literal, values))});\n")
        self.server.query("".join(statements))

    def legacy(self, root_path: str) -> object:
        tables = ("task_info", "task_position", "task_msg")
        return [self.server.query(f"SELECT * FROM {table} ORDER BY 1") for table in tables]


Store = EtcdStore | MysqlStore


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@contextmanager
def started_store(lab: Lab, kind: str) -> Iterator[Store]:
    server = lab.etcd("store") if kind == "etcd" else lab.mariadb("store")
    lab.start(server)
    yield EtcdStore(server) if isinstance(server, Etcd) else MysqlStore(server)
    lab.end(server)
