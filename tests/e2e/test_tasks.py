"""The control API: exact shapes and texts. Clients of the Go program must not notice a difference."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from lab.cdc_client import CdcClient, CdcError, create_request
from rows_for import plain
from world import World

DEAD = "http://127.0.0.1:1"


@pytest.fixture
def api(lite_world: World) -> Iterator[CdcClient]:
    """The control API of a server without tasks."""
    client = lite_world.cdc.client
    for task in client.list():
        client.delete(task["task_id"])
    yield client
    for task in client.list():
        client.delete(task["task_id"])


def message_of(client: CdcClient, request_type: str, data: Any) -> tuple[int, str]:
    answer = client.answer(request_type, data)
    return answer["code"], answer.get("message", "")


def test_life_of_a_task(lite_world: World, api: CdcClient) -> None:
    world = lite_world
    answer = api.answer("create", create_request(world.target.uri, db_collections={world.database: [{"name": "*"}]}))
    assert answer["code"] == 200 and set(answer) == {"code", "data"}
    assert set(answer["data"]) == {"task_id", "sink_mode", "sink_mode_reason"}
    task = answer["data"]["task_id"]
    assert re.fullmatch("[0-9a-f]{32}", task)

    found = api.get(task)
    assert found["task_id"] == task
    assert found["state"] == "Running"
    assert "reason" not in found
    assert found["collection_infos"] is None
    assert found["db_collections"] == {world.database: [{"name": "*", "positions": None, "use_start_position": False}]}
    assert found["kafka_connect_param"] == {"address": "", "enable_sasl": False, "sasl": {}, "topic": ""}
    expected = {
        "channel_num": 0,
        "connect_timeout": found["milvus_connect_param"]["connect_timeout"],
        "dial_config": {},
        "enable_tls": False,
        "host": "",
        "ignore_partition": False,
        "port": 0,
        "uri": world.target.uri,
    }
    assert found["milvus_connect_param"] == expected
    assert [entry["task_id"] for entry in api.list()] == [task]

    assert api.answer("pause", {"task_id": task}) == {"code": 200}
    paused = api.get(task)
    assert (paused["state"], paused["reason"]) == ("Paused", "manually pause through http interface")
    assert message_of(api, "pause", {"task_id": task}) == (
        400,
        f"fail to handle the pause request, error: the task has paused, task_id: {task}",
    )
    assert api.answer("resume", {"task_id": task}) == {"code": 200}
    assert "reason" not in api.get(task)
    assert message_of(api, "resume", {"task_id": task}) == (
        400,
        f"fail to handle the resume request, error: the task has running, task_id: {task}",
    )
    assert api.answer("delete", {"task_id": task}) == {"code": 200}
    assert api.answer("list") == {"code": 200, "data": {"tasks": []}}


def test_secrets_are_never_returned(lite_world: World, api: CdcClient) -> None:
    parameters = {"uri": lite_world.target.uri, "token": "somebody:hush-hush"}
    task = lite_world.start_task(milvus_connect_param=parameters)
    assert "hush-hush" not in json.dumps([api.get(task), api.list()])


@pytest.mark.parametrize("operation", ["pause", "resume", "delete"])
def test_unknown_task(api: CdcClient, operation: str) -> None:
    assert message_of(api, operation, {"task_id": "nobody"}) == (
        400,
        f"fail to handle the {operation} request, error: not found the task, task_id: nobody",
    )


def test_delete_may_ignore_an_unknown_task(api: CdcClient) -> None:
    assert api.answer("delete", {"task_id": "nobody", "ignore_not_found": True}) == {"code": 200}


def test_get_without_or_with_unknown_id(api: CdcClient) -> None:
    assert message_of(api, "get", {}) == (400, "fail to handle the get request, error: task_id is empty")
    assert message_of(api, "get", {"task_id": "nobody"}) == (
        400,
        "fail to handle the get request, error: not found: [nobody]",
    )


def test_given_task_id(lite_world: World, api: CdcClient) -> None:
    task = lite_world.start_task(task_id="my-task")
    assert task == "my-task"
    again = create_request(lite_world.target.uri, task_id="my-task", db_collections={"other": [{"name": "*"}]})
    assert api.call("create", again)["task_id"] == "my-task"
    assert list(api.get("my-task")["db_collections"]) == [lite_world.database]


LONG = "x" * 257
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"milvus_connect_param": None}, "the downstream address is empty"),
    "two targets": (
        {"kafka_connect_param": {"address": "127.0.0.1:9", "topic": "t"}},
        "don't support milvus and kafka at the same time now",
    ),
    "no host": ({"milvus_connect_param": {"port": 19530}}, "the milvus host is empty"),
    "no port": ({"milvus_connect_param": {"host": "localhost"}}, "the milvus port is less or equal zero"),
    "user only": (
        {"milvus_connect_param": {"uri": DEAD, "username": "root"}},
        "cannot set only one of the milvus username and password",
    ),
    "timeout": (
        {"milvus_connect_param": {"uri": DEAD, "connect_timeout": -1}},
        "the milvus connect timeout is less zero",
    ),
    "buffer period": ({"buffer_config": {"period": -1, "size": 0}}, "the cache period is less zero"),
    "buffer size": ({"buffer_config": {"period": 0, "size": -1}}, "the cache size is less zero"),
    "no collections": ({"db_collections": None}, "the collection info is empty"),
    "long database": (
        {"db_collections": {LONG: [{"name": "*"}]}},
        f"the db name length exceeds 256 characters, {LONG}",
    ),
    "empty list": ({"db_collections": {"db": []}}, "empty collection info"),
    "star with positions": (
        {"collection_infos": [{"name": "*", "positions": {"by-dev-rootcoord-dml_0_1v0": "AQI="}}]},
        "the collection name is `*`, the positions should be empty",
    ),
    "no vchannel": (
        {"collection_infos": [{"name": "c", "positions": {"channel": "AQI="}}]},
        "the position channel name is not virtual channel, channel",
    ),
    "empty name": ({"collection_infos": [{"name": ""}]}, "there is a collection name that is empty. "),
    "long name": (
        {"collection_infos": [{"name": LONG}]},
        f"there are some collection names whose length exceeds 256 characters, [{LONG}]",
    ),
    "rpc channel": (
        {"rpc_channel_info": {"name": "other", "position": ""}},
        "the rpc channel is invalid, the channel name should be the same as the source config",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_create_is_refused(api: CdcClient, case: str) -> None:
    fields, text = REFUSED[case]
    request = create_request(DEAD, **fields)
    assert message_of(api, "create", request) == (400, f"fail to handle the create request, error: {text}")
    assert api.list() == []


def test_overlapping_tasks(lite_world: World, api: CdcClient) -> None:
    database = lite_world.database
    lite_world.start_task(db_collections={database: [{"name": "one"}]})
    with pytest.raises(CdcError) as same:
        lite_world.start_task(db_collections={database: [{"name": "one"}]})
    text = f"the collection name is duplicate with existing task, [{database}.one]"
    assert (same.value.code, same.value.message) == (400, f"fail to handle the create request, error: {text}")
    # Specific first, star later works; then the star covers whatever comes.
    lite_world.start_task(db_collections={database: [{"name": "*"}]})
    with pytest.raises(CdcError, match="is duplicate with existing task"):
        lite_world.start_task(db_collections={database: [{"name": "two"}]})


def test_wrong_requests(api: CdcClient) -> None:
    assert json.loads(api.raw(None, "GET")[1]) == {"code": 405, "message": "only support the POST method"}
    broken = json.loads(api.raw(b"{")[1])
    assert broken["code"] == 500 and broken["message"].startswith("fail to unmarshal the request, error: ")
    code, message = message_of(api, "dance", {})
    assert code == 400
    names = re.fullmatch(r"invalid 'request_type' param, can be set \[(.*)\]", message)
    assert names
    assert set(names[1].split()) == {"create", "delete", "pause", "resume", "get", "position", "list", "maintenance"}
    code, message = message_of(api, "create", {"milvus_connect_param": {"port": "19530"}})
    assert code == 500
    assert message == (
        "fail to decode the create request, error: 1 error(s) decoding:\n\n"
        "* 'milvus_connect_param.port' expected type 'int', got unconvertible type 'string', value: '19530'"
    )
    code, message = message_of(api, "create", {"collection_infos": {"name": "c"}})
    assert code == 500
    assert "* 'collection_infos': source data must be an array or slice, got map" in message


def test_letter_case_of_keys_does_not_matter(lite_world: World, api: CdcClient) -> None:
    request = {
        "MILVUS_CONNECT_PARAM": {"Uri": lite_world.target.uri},
        "DB_Collections": {lite_world.database: [{"NAME": "*"}]},
        "unknown": {"ignored": [1, 2]},
    }
    task = api.call("create", request)["task_id"]
    assert api.get(task)["milvus_connect_param"]["uri"] == lite_world.target.uri


def test_answers_are_json_lines(api: CdcClient) -> None:
    request = urllib.request.Request(f"http://{api.address}/cdc", b'{"request_type":"list"}', method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.read() == b'{"code":200,"data":{"tasks":[]}}\n'


def test_other_pages(lite_world: World, api: CdcClient) -> None:
    for page in ("/healthz", "/readyz"):
        assert api.raw(None, "GET", page) == (200, b'{"status":"ok"}\n')
    status, version = api.raw(None, "GET", "/version")
    assert status == 200 and re.search(rb"\d+\.\d+\.\d+", version)
    assert api.raw(None, "GET", "/nothing-here")[0] == 404
    task = lite_world.start_task()
    metrics = api.metrics()
    assert 'milvus_cdc_task_num{task_state="Running"} 1' in metrics
    assert f'milvus_cdc_task_state{{task_id="{task}"}} 1' in metrics


def test_paused_task_moves_nothing(lite_world: World) -> None:
    world = lite_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    assert world.expect_equal("c").target_rows == 100
    world.cdc.client.pause(task)
    world.client.insert("c", plain(range(100, 200)))
    # Another task shows how long something takes that does move.
    probe = World(world.source, world.target, world.cdc)
    probe.start_task()
    probe.make_collection("c")
    probe.client.insert("c", plain(range(10)))
    probe.expect_equal("c")
    probe.close()
    assert world.target_count("c") == 100
    world.cdc.client.resume(task)
    assert world.expect_equal("c").target_rows == 200


def test_deleted_task_leaves_the_target_alone(lite_world: World) -> None:
    world = lite_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    assert world.expect_equal("c").target_rows == 100
    world.cdc.client.delete(task)
    assert world.target_count("c") == 100
    world.expect_collections("c")


def test_two_tasks_do_not_disturb_each_other(lite_world: World) -> None:
    """Pausing or deleting one task of a target must not stop the others."""
    world = lite_world
    first = world.start_task(db_collections={world.database: [{"name": "one"}]})
    world.start_task(db_collections={world.database: [{"name": "two"}]})
    for name in ("one", "two"):
        world.make_collection(name)
        world.client.insert(name, plain(range(20)))
        world.expect_equal(name)
    world.cdc.client.pause(first)
    world.client.insert("two", plain(range(20, 40)))
    assert world.expect_equal("two").target_rows == 40
    world.cdc.client.delete(first)
    world.client.insert("two", plain(range(40, 60)))
    assert world.expect_equal("two").target_rows == 60
