"""Each row of the contract is one request to a real server, and the answer that existing clients expect."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pymilvus.grpc_gen import milvus_pb2

from contract_rows import (
    ANY,
    CHECKS,
    DEAD,
    ELSEWHERE,
    LIVE,
    MAINTENANCE,
    NEVER_BOTH,
    OVERLAPS,
    POSITION,
    REQUIRED_CHECKS,
    SIMPLE,
    USERS,
    Overlap,
    Row,
    create_rows,
    decode_rows,
    infos,
    target,
)
from lab.catalog import collection_id
from lab.cdc_client import CdcClient
from lab.cdc_server import CdcServer
from lab.flush import flush
from lab.milvus import MilvusStandalone
from lab.paths import ROOT
from lab.waiting import NotYet, eventually
from rows_for import plain
from world import Target, World

# Rows that are tests of their own below.
ALONE = {
    "3.4.20",
    "3.4.20 before 21",
    "3.4.20 before 22",
    "3.4.21",
    "3.4.21 before 22",
    "3.4.22",
    "3.4.22 before 23",
    "3.4.25",
    "3.4.25 before 26",
    "3.4.30",
}


def fits(found: str, expected: str) -> bool:
    return found.startswith(expected[:-1]) if expected.endswith("…") else found == expected


class Player:
    """Sends rows to a server and tells which were answered wrongly."""

    def __init__(self, client: CdcClient, places: dict[str, str]) -> None:
        self.client = client
        self._places = places

    def answer(self, request_type: str, data: Any) -> dict[str, Any]:
        body = json.dumps({"request_type": request_type, "request_data": data})
        for name, place in self._places.items():
            body = body.replace(name, place)
        status, answer = self.client.raw(body.encode())
        assert status == 200, "the HTTP status is 200 for errors, too"
        assert answer.endswith(b"}\n")
        return json.loads(answer)

    def wrong(self, row: Row) -> str:
        """Empty if the answer is the row's."""
        answer = self.answer(row.request_type, row.data)
        text = row.text
        if text and not row.whole:
            text = f"fail to handle the {row.request_type} request, error: {text}"
        if answer["code"] == row.code and fits(answer.get("message", ""), text):
            return ""
        return f"{row.name}: expected {row.code} {text}, got {answer}"

    def play(self, rows: list[Row]) -> None:
        # Those that try to connect wait for it.
        with ThreadPoolExecutor(8) as pool:
            wrong = [text for text in pool.map(self.wrong, rows) if text]
        print(f"{len(rows)} rows")
        assert not wrong, f"{len(wrong)} of {len(rows)} rows:\n" + "\n".join(wrong)
        assert self.client.list() == [], "what is refused leaves no task"

    def create(self, **fields: Any) -> str:
        answer = self.answer("create", fields)
        assert answer["code"] == 200, answer
        return str(answer["data"]["task_id"])

    def refused(self, code: int, text: str, **fields: Any) -> None:
        wrong = self.wrong(Row("create", "create", fields, code, text))
        assert not wrong, wrong


def delete_all(client: CdcClient) -> None:
    for task in client.list():
        client.delete(task["task_id"])


@pytest.fixture
def player(shared_cdc: CdcServer, source: MilvusStandalone, lite: Target) -> Iterator[Player]:
    """Of a server without tasks."""
    channel = f"{source.root_path}-replicate-msg"
    delete_all(shared_cdc.client)
    yield Player(shared_cdc.client, {LIVE: lite.uri, "<channel>": channel})
    delete_all(shared_cdc.client)


@pytest.fixture
def with_users(player: Player, milvus: Target) -> Player:
    player._places[USERS] = milvus.uri
    return player


def test_no_row_of_the_list_is_missing() -> None:
    rows = [*decode_rows(), *create_rows(), *SIMPLE]
    names = [row.name for row in rows] + list(ALONE)
    print(f"{len(names)} requests, {len(MAINTENANCE)} of maintenance, {len(OVERLAPS)} overlaps")
    assert len(set(names)) == len(names)
    there = {match[1] for name in names if (match := re.match(r"3\.4\.(\d+)", name))}
    assert there | set(ELSEWHERE) == REQUIRED_CHECKS
    for file, test in ELSEWHERE.values():
        assert f", {test})" in (ROOT / file).read_text(), test
    # The order is shown: each check with the one that follows it.
    in_order = [check.number for check in CHECKS]
    pairs = {tuple(name[len("3.4.") :].split(" before ")) for name in names if " before " in name}
    assert set(zip(in_order, in_order[1:], strict=False)) - pairs == NEVER_BOTH


def test_decoding(player: Player) -> None:
    player.play(list(decode_rows()))


def test_checks_of_create_and_their_order(player: Player) -> None:
    player.play(list(create_rows()))


def test_requests_about_tasks_that_are_not_there(player: Player) -> None:
    player.play(SIMPLE)


def test_envelope(player: Player) -> None:
    for method in ("GET", "PUT", "DELETE"):
        status, body = player.client.raw(b"{}" if method == "PUT" else None, method)
        assert (status, json.loads(body)) == (200, {"code": 405, "message": "only support the POST method"})
    for broken in (b"", b"{", b"[]", b'"text"', b'{"request_type":5}', b'{"request_type":"list","request_data":[]}'):
        answer = json.loads(player.client.raw(broken)[1])
        assert answer["code"] == 500, broken
        assert answer["message"].startswith("fail to unmarshal the request, error: "), broken
    for empty in (b'{"request_type":"list"}', b'{"request_type":"list","request_data":null,"more":1}'):
        assert player.client.raw(empty) == (200, b'{"code":200,"data":{"tasks":[]}}\n')
    two = player.answer("create", {"task_id": 1, "milvus_connect_param": {"port": "1"}})["message"]
    assert "2 error(s) decoding:\n\n* 'milvus_connect_param.port' expected" in two and "\n* 'task_id' expected" in two
    escaped = player.client.raw(b'{"request_type":"get","request_data":{"task_id":"<&>"}}')[1]
    assert rb"[\u003c\u0026\u003e]" in escaped
    names = re.search(r"\[(.*)\]", player.answer("dance", {})["message"])
    assert names
    known = {"create", "delete", "pause", "resume", "get", "position", "list", "maintenance"}
    assert set(names[1].split()) == known


def test_maintenance(player: Player) -> None:
    for operation, params, state in MAINTENANCE:
        data = {"operation": operation} if params is None else {"operation": operation, "params": params}
        answer = player.answer("maintenance", data)
        assert answer["code"] == 200 and set(answer["data"]) == {"State"}
        assert fits(answer["data"]["State"], state), (operation, params, answer)


def scope_of(name: str) -> dict[str, Any]:
    database, collection = name.split(".")
    return {"db_collections": {database: [{"name": collection}]}}


def mapping_of(overlap: Overlap) -> dict[str, Any]:
    if overlap.mapping is None:
        return {}
    source_db, target_db, collections = overlap.mapping
    entry = {"source_db": source_db, "target_db": target_db, "collection_mapping": collections}
    return {"name_mapping": [entry]}


@pytest.mark.parametrize("overlap", OVERLAPS, ids=lambda overlap: overlap.name.replace(" ", "-"))
def test_overlaps(player: Player, overlap: Overlap) -> None:
    for name in overlap.existing:
        player.create(**target(LIVE), **scope_of(name))
    fields = {**target(LIVE), **scope_of(overlap.created), **mapping_of(overlap)}
    if overlap.text:
        player.refused(400, overlap.text, **fields)
    else:
        player.create(**fields)


def test_a_deleted_task_frees_its_names(player: Player) -> None:
    first = player.create(**target(LIVE), **ANY)
    player.client.delete(first)
    player.create(**target(LIVE), **ANY)
    delete_all(player.client)
    # collection_infos are those of the database `default`.
    player.create(**target(LIVE), **infos({"name": "a"}))
    text = "the collection name is duplicate with existing task, [default.a]"
    player.refused(400, text, **target(LIVE), **scope_of("default.a"))


def test_checks_against_other_tasks(with_users: Player) -> None:
    player = with_users
    users = {"extra_info": {"enable_user_role": True}}
    duplicate = "the collection name is duplicate with existing task, [contract.c]"
    again = "the enable user role param is duplicate…"
    mapping = {"name_mapping": [{"source_db": "x", "target_db": "y"}]}
    assert player.create(**target(USERS), **ANY, **users, task_id="mine") == "mine"
    # 20, and before 21 and 22
    assert player.create(**target(USERS), **ANY, **users, **mapping, task_id="mine") == "mine"
    assert [task["task_id"] for task in player.client.list()] == ["mine"]
    player.refused(500, "fail to connect the milvus: …", **target(DEAD), **ANY, task_id="mine")
    # 21, and before 22
    player.refused(400, again, **target(USERS), **scope_of("contract.other"), **users)
    player.refused(400, again, **target(USERS), **ANY, **users)
    # 22, and before 23
    player.refused(400, duplicate, **target(USERS), **ANY)
    player.refused(400, duplicate, **target(USERS), **ANY, **mapping)
    # Users count no longer when their task is gone; other targets are others' business.
    player.client.delete("mine")
    player.create(**target(USERS), **ANY, **users)
    player.create(**target(LIVE), **ANY)


def test_the_number_of_tasks(lite: Target, new_cdc: Callable[..., CdcServer]) -> None:
    server = new_cdc({"maxTaskNum": 1})
    server.start()
    server.wait_ready()
    player = Player(server.client, {LIVE: lite.uri})
    player.create(**target(LIVE), **ANY)
    limit = "the task num has reach the limit, 1"
    player.refused(500, limit, **target(LIVE), **scope_of("contract.other"))
    player.refused(500, limit, **target(LIVE), **infos({"name": "c", "positions": {"a_v": POSITION}}))
    covers_nothing = {"name_mapping": [{"source_db": "x", "target_db": "y"}]}
    text = "the collection name in the name mapping is not in the collection info, checkout it"
    player.refused(400, text, **target(LIVE), **scope_of("contract.other"), **covers_nothing)
    server.stop()


@contextmanager
def nobody_may_write(server: CdcServer) -> Iterator[None]:
    """Somebody else holds the write lock of the server's store."""
    store = sqlite3.connect(server.folder / "cdc.db", isolation_level=None, timeout=30)
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        store.execute("ROLLBACK")
        store.close()


def test_a_store_that_cannot_be_written(player: Player, shared_cdc: CdcServer) -> None:
    task = player.create(**target(LIVE), **ANY)
    with nobody_may_write(shared_cdc):
        text = "fail to put the task info to etcd: …"
        player.refused(500, text, **target(LIVE), **scope_of("contract.other"))
        for kind, start in (
            ("pause", f"fail to update the task state, task_id: {task}: …"),
            ("delete", f"fail to delete the task meta, task_id: {task}"),
        ):
            wrong = player.wrong(Row(kind, kind, {"task_id": task}, 500, start))
            assert not wrong, wrong
    assert [each["state"] for each in player.client.list()] == ["Running"]
    player.client.pause(task)
    player.client.delete(task)


def test_life_of_a_task(player: Player) -> None:
    """Sections 4 to 6, in the order of a life, and whatever create stores is shown."""
    own = {
        "name_mapping": [{"source_db": "contract", "target_db": "copy", "collection_mapping": {"c": "d"}}],
        "rpc_channel_info": {"name": player._places["<channel>"], "position": ""},
        "extra_info": {"enable_user_role": False},
        "buffer_config": {"period": 7, "size": 8},
        "disable_auto_start": True,
    }
    secret = {"username": "somebody", "password": "hush-hush"}
    task = player.create(**target(LIVE, channel_num=16, ignore_partition=True, **secret), **ANY, **own)
    assert re.fullmatch("[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", task)
    shown = player.client.get(task)
    assert shown["state"] == "Running" and "reason" not in shown and shown["task_id"] == task
    assert shown["collection_infos"] is None
    assert shown["db_collections"] == {"contract": [{"name": "c", "positions": None, "use_start_position": False}]}
    assert shown["kafka_connect_param"] == {"address": "", "enable_sasl": False, "sasl": {}, "topic": ""}
    assert shown["milvus_connect_param"] == {
        "channel_num": 16,
        "connect_timeout": 30,
        "dial_config": {},
        "enable_tls": False,
        "host": "",
        "ignore_partition": True,
        "port": 0,
        "uri": player._places[LIVE],
    }
    assert {key: shown[key] for key in own} == own
    assert shown["exclude_collections"] == []
    for answer in (shown, player.client.list()):
        assert "hush-hush" not in json.dumps(answer) and "somebody" not in json.dumps(answer)
    assert [each["task_id"] for each in player.client.list()] == [task]

    here = {"task_id": task}
    assert player.answer("pause", here) == {"code": 200}
    paused = player.client.get(task)
    assert (paused["state"], paused["reason"]) == ("Paused", "manually pause through http interface")
    for row in (
        Row("5 pause twice", "pause", here, 400, f"the task has paused, task_id: {task}"),
        Row("5 resume", "resume", here, 200),
        Row("5 resume twice", "resume", here, 400, f"the task has running, task_id: {task}"),
        Row("4 delete", "delete", here, 200),
        Row("4 delete twice", "delete", here, 400, f"not found the task, task_id: {task}"),
    ):
        wrong = player.wrong(row)
        assert not wrong, wrong
    none = {"code": 200, "data": {"positions": None, "op_positions": None, "target_positions": None}}
    assert player.answer("position", here) == none


def test_tasks_are_listed_by_id(player: Player) -> None:
    for name in ("b", "a", "c"):
        player.create(**target(LIVE), **scope_of(f"contract.{name}"), task_id=name)
    assert [each["task_id"] for each in player.client.list()] == ["a", "b", "c"]


def decoded(text: str) -> tuple[str, bytes]:
    fields = milvus_pb2.msg__pb2.MsgPosition.FromString(base64.b64decode(text, validate=True))
    return fields.channel_name, fields.msgID


def test_positions_and_the_message_log(lite_world: World, source: MilvusStandalone) -> None:
    world = lite_world
    client = world.cdc.client
    answer = client.call("maintenance", {"operation": "set_force_log_msg", "params": {"force": True}})
    assert answer == {"State": "set force log msg to true"}
    world.make_collection("c", load=False)
    world.make_collection("empty", load=False)
    task = world.start_task()
    world.client.insert("c", plain(range(7000, 7020)))
    world.client.delete("c", ids=[7003])
    identity = collection_id(world.source_end, world.database, "c")
    nothing = collection_id(world.source_end, world.database, "empty")
    flush(world.source_end, world.database, "c")

    def complete() -> dict[str, Any]:
        found = client.call("position", {"task_id": task})
        operations = {each["collection_id"] for each in found["op_positions"] or []}
        if operations != {identity} or -10 not in {each["collection_id"] for each in found["positions"]}:
            raise NotYet(str(found))
        return found

    found = eventually(complete, what="positions of rows and of the replicate channel")
    assert found["target_positions"] is None, "a target that is written by its API gives no positions"
    assert {each["collection_id"] for each in found["positions"]} == {-10, identity, nothing}
    for each in found["positions"] + found["op_positions"]:
        assert set(each) == {"collection_id", "channel_name", "time", "tt", "msg_id"}
        assert each["tt"] == (each["time"] + 1) << 18
        channel, message_id = decoded(each["msg_id"])
        assert channel == each["channel_name"] and len(message_id) == 8
    requests = [each for each in found["positions"] if each["collection_id"] == -10]
    assert [each["channel_name"] for each in requests] == [f"{source.root_path}-replicate-msg"]
    reached = {each["collection_id"]: each["time"] for each in found["positions"]}
    assert 0 < found["op_positions"][0]["time"] <= reached[identity]
    # An empty id means all tasks.
    everything = client.call("position", {})
    assert {each["collection_id"] for each in everything["positions"]} >= {-10, identity, nothing}

    def logged() -> None:
        lines = [line for line in world.cdc.process.log.read_text().splitlines() if f"{world.database}.c " in line]
        inserts = [line for line in lines if "insert rows=20 " in line and "[7000, 7001, 7002, " in line]
        deletes = [line for line in lines if "delete rows=1 keys=[7003]" in line]
        if not inserts or not deletes:
            raise NotYet(str(lines))
        assert "vector" not in inserts[0] and "7010" not in inserts[0].split("id=")[1].split("]")[0]

    eventually(logged, what="the messages are in the log")
    client.call("maintenance", {"operation": "set_force_log_msg", "params": {"force": False}})
