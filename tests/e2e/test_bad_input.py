"""Mistakes of the person who sets it up: each gets a clear error, in time, and the server goes on answering."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymilvus import DataType

from lab.cdc_client import CdcClient, create_request
from lab.cdc_server import CdcServer, source_configuration
from lab.client import connect
from lab.milvus import MilvusStandalone
from lab.ports import take_port
from lab.waiting import NotYet, eventually, promised
from rows_for import plain
from world import Target, World

MakeCdc = Callable[..., CdcServer]


def complaint(server: CdcServer, target_uri: str) -> str:
    """Starts a misconfigured server and returns what it says: at its start, or in the answer to a create."""
    server.start()

    def decided() -> str:
        if not server.process.is_running():
            return "ended"
        # Not /readyz: that may well say that the server is up but cannot read its source.
        return "answers" if server.client.answer("list")["code"] == 200 else "refuses"

    if eventually(decided, what="the server answers or has ended") == "ended":
        assert server.process.exit_code != 0
        return server.process.log_tail()

    def refusal() -> dict[str, Any]:
        started = time.monotonic()
        answer = server.client.answer("create", create_request(target_uri))
        assert time.monotonic() - started < promised(15)
        if "is not open yet" in answer.get("message", ""):
            raise NotYet("it is still trying for the first time")
        return answer

    answer = eventually(refusal, what="the server has tried to open its source")
    assert answer["code"] != 200, answer
    assert server.process.is_running()
    assert server.client.answer("list")["code"] == 200
    return str(answer["message"])


def changed(source: MilvusStandalone, **blocks: Any) -> dict[str, Any]:
    return {"sourceConfig": {**source_configuration(source), **blocks}}


def test_unreachable_etcd(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc) -> None:
    port = take_port()
    etcd = {"address": [f"http://127.0.0.1:{port}"], "rootPath": "by-dev", "metaSubPath": "meta"}
    text = complaint(new_cdc(changed(source, etcd=etcd)), lite.uri)
    assert "etcd" in text and str(port) in text


def test_one_of_two_etcd_endpoints_is_enough(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc) -> None:
    etcd = {
        "address": [f"http://127.0.0.1:{take_port()}", source.etcd_url],
        "rootPath": source.root_path,
        "metaSubPath": "meta",
    }
    server = new_cdc(changed(source, etcd=etcd))
    server.start()
    server.wait_ready()
    world = World(source, lite, server)
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(20)))
    world.expect_equal("c")
    world.close()


def test_wrong_root_path(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc) -> None:
    """Says which prefix was looked at and which exist."""
    etcd = {"address": [source.etcd_url], "rootPath": "no-such-root", "metaSubPath": "meta"}
    text = complaint(new_cdc(changed(source, etcd=etcd)), lite.uri)
    assert "no-such-root/meta" in text
    assert source.root_path in text


def test_missing_rocksmq_folder(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc, tmp_path: Path) -> None:
    missing = tmp_path / "no-such-folder"
    text = complaint(new_cdc(changed(source, rocksmq={"path": str(missing)})), lite.uri)
    assert str(missing) in text
    assert not missing.exists(), "a reader must not create the folder of the source's queue"


def test_unreachable_target(shared_cdc: CdcServer) -> None:
    client: CdcClient = shared_cdc.client
    port = take_port()
    parameters = {"uri": f"http://127.0.0.1:{port}", "connect_timeout": 2}
    started = time.monotonic()
    answer = client.answer("create", create_request("", milvus_connect_param=parameters))
    assert time.monotonic() - started < promised(6)
    assert answer["code"] == 500
    assert answer["message"].startswith("fail to handle the create request, error: fail to connect the milvus: ")
    assert client.list() == []


def test_target_has_another_schema(world: World) -> None:
    """That collection is set aside, with the points in which the two differ, until it can be made."""
    other = connect(world.target.uri)
    other.create_database(world.database)
    other.close()
    other = connect(world.target.uri, world.database)
    schema = other.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=16)
    other.create_collection("c", schema=schema)
    task = world.start_task()
    world.make_collection("c", dim=8)
    world.make_collection("d", dim=8)
    world.client.insert("c", plain(range(20)))
    world.client.insert("d", plain(range(30)))
    world.expect_set_aside(task, "c", "vector", "16", "8")
    assert world.expect_equal("d").target_rows == 30
    other.drop_collection("c")
    world.retry(task, "c")
    assert world.expect_equal("c").target_rows == 20
    assert world.cdc.client.get(task)["set_aside"] == []
    other.close()


def test_unknown_configuration_key(source: MilvusStandalone, new_cdc: MakeCdc) -> None:
    server = new_cdc({"maxTaskNumm": 5, "sourceConfig": {**source_configuration(source), "colour": "blue"}})
    server.start()
    server.wait_ready()
    lines = [line.lower() for line in server.process.log.read_text().splitlines()]
    for key in ("maxtasknumm", "colour"):
        assert any(key in line and "warn" in line for line in lines), f"no warning about {key}"
    server.stop()


@pytest.mark.parametrize("text", ["address: [unclosed", "address: {a: b\n  c", "- just\n- a list\n"])
def test_unparsable_configuration(new_cdc: MakeCdc, text: str) -> None:
    server = new_cdc()
    server.configuration_file.write_text(text)
    server.start()
    eventually(lambda: not server.process.is_running(), what="the server refuses to start")
    assert server.process.exit_code not in (0, None)
    assert server.process.exit_code > 0, "an error, not a crash"
    log = server.process.log_tail()
    assert "cdc.yaml" in log


def test_missing_configuration_file(new_cdc: MakeCdc) -> None:
    server = new_cdc()
    server.configuration_file.unlink()
    server.start()
    eventually(lambda: not server.process.is_running(), what="the server refuses to start")
    assert server.process.exit_code and server.process.exit_code > 0
    assert "cdc.yaml" in server.process.log_tail()


def test_task_limit(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc) -> None:
    server = new_cdc({"maxTaskNum": 1})
    server.start()
    server.wait_ready()
    server.client.create(lite.uri, db_collections={"one": [{"name": "*"}]})
    answer = server.client.answer("create", create_request(lite.uri, db_collections={"two": [{"name": "*"}]}))
    assert (answer["code"], answer["message"]) == (
        500,
        "fail to handle the create request, error: the task num has reach the limit, 1",
    )
    server.stop()
