"""The contract of `POST /cdc` as tables: what existing clients send, and what they must be answered.

A row is named after its place: section, then what it says. Texts that end with an ellipsis are beginnings. DEAD, LIVE
and USERS stand for targets: nobody listens, a Milvus that has no users, and one that has.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

DEAD = "http://127.0.0.1:1"
LIVE = "<live>"
USERS = "<users>"

LONG = "x" * 257
ANY = {"db_collections": {"contract": [{"name": "c"}]}}
VCHANNEL = "by-dev-rootcoord-dml_0_1v0"
MAPPED = [{"source_db": "elsewhere", "target_db": "there", "collection_mapping": {}}]
NO_POSITION = "%%%"
# Base64 of {channel_name: "c", msgID: 01 00 00 00 00 00 00 00}
POSITION = "CgFjEggBAAAAAAAAAA=="

Fields = dict[str, Any]


@dataclass(frozen=True)
class Row:
    name: str
    request_type: str
    data: Any
    code: int
    text: str = ""  # the message behind "fail to handle the … request, error: "; of a success nothing
    whole: bool = False  # `text` is the whole message


def target(uri: str, **more: Any) -> Fields:
    # DEAD is tried until the timeout, whatever it refuses.
    timeout = 1 if uri == DEAD else 30
    return {"milvus_connect_param": {"uri": uri, "connect_timeout": timeout, **more}}


def infos(*entries: Fields) -> Fields:
    return {"collection_infos": list(entries)}


# -- 2.1: what is decoded, and what is not -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A field of create, a value of the wrong type, and how that is called."""

    path: str
    value: Any
    expected: str
    got: str
    shown: str

    def request(self) -> Fields:
        data: Any = self.value
        for key in reversed(self.path.replace("[0]", ".[]").split(".")):
            data = [data] if key == "[]" else {key: data}
        return data

    @property
    def message(self) -> str:
        return f"'{self.path}' expected type '{self.expected}', got unconvertible type '{self.got}'" + self.shown


def _texts(*paths: str) -> list[Field]:
    return [Field(path, 5, "string", "float64", ", value: '5'") for path in paths]


def _numbers(*paths: str) -> list[Field]:
    return [Field(path, "19530", "int", "string", ", value: '19530'") for path in paths]


def _switches(*paths: str) -> list[Field]:
    return [Field(path, "true", "bool", "string", ", value: 'true'") for path in paths]


WRONG_TYPES = [
    *_texts("task_id", "milvus_connect_param.uri", "milvus_connect_param.host"),
    *_numbers(
        "milvus_connect_param.port",
        "milvus_connect_param.connect_timeout",
        "milvus_connect_param.channel_num",
        "buffer_config.period",
        "buffer_config.size",
    ),
    *_switches(
        "milvus_connect_param.enable_tls",
        "milvus_connect_param.ignore_partition",
        "extra_info.enable_user_role",
        "disable_auto_start",
        "collection_infos[0].use_start_position",
    ),
    *_texts(
        "milvus_connect_param.dial_config.server_name",
        "milvus_connect_param.dial_config.server_pem_path",
        "milvus_connect_param.dial_config.ca_pem_path",
        "milvus_connect_param.dial_config.client_pem_path",
        "milvus_connect_param.dial_config.client_key_path",
        "kafka_connect_param.address",
        "kafka_connect_param.topic",
        "rpc_channel_info.name",
        "rpc_channel_info.position",
        "collection_infos[0].name",
        "name_mapping[0].source_db",
        "name_mapping[0].target_db",
    ),
]
# Their values are never quoted.
SECRETS = ["token", "username", "password"]
LISTS = ["collection_infos", "name_mapping"]

# Requests that are decoded, and refused only because nobody listens there.
ACCEPTED: dict[str, Fields] = {
    "2.1 other letter case": {"MILVUS_CONNECT_PARAM": {"Uri": DEAD}, "DB_Collections": {"d": [{"NAME": "c"}]}},
    "2.1 unknown key": {**target(DEAD, colour="blue"), **ANY, "unknown": [1]},
    "2.1 null": {**target(DEAD, token=None), **ANY, "collection_infos": None, "name_mapping": None, "task_id": None},
    "2.1 fraction of a number": {**target(DEAD, channel_num=3.7), **ANY},
    "3.1 positions": {**target(DEAD), **ANY, "positions": {"old": "client"}},
    "3.2 host and port": {"milvus_connect_param": {"host": "127.0.0.1", "port": 1}, **ANY},
    "3.2 host with a scheme": {"milvus_connect_param": {"host": DEAD, "port": 0}, **ANY},
    "3.2 dial_config that is incomplete": {**target(DEAD, dial_config={"ca_pem_path": "/no/such"}), **ANY},
    "3.3 channel's name as in the configuration": {**target(DEAD), **ANY, "rpc_channel_info": {"name": "<channel>"}},
    # Better than one entry in each: several (10, 11 and 14 of the old checks).
    "3.4.10 several entries": {**target(DEAD), **infos({"name": "a"}, {"name": "b"})},
    "3.4.11 one in each": {**target(DEAD), **ANY, **infos({"name": "a"})},
    "3.4.14 several of a database": {**target(DEAD), "db_collections": {"d": [{"name": "a"}, {"name": "b"}]}},
}

# -- 3.4: the checks of create, in their order -------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    number: str
    part: str  # of the request; two checks of different parts can fail in one request
    fields: Fields
    code: int
    text: str


CHECKS = [
    Check("1", "address", {}, 400, "the downstream address is empty"),
    Check(
        "2",
        "address",
        {**target(DEAD), "kafka_connect_param": {"address": "127.0.0.1:9", "topic": "t"}},
        400,
        "don't support milvus and kafka at the same time now",
    ),
    Check("3", "address", {"milvus_connect_param": {"port": 19530}}, 400, "the milvus host is empty"),
    Check(
        "4", "address", {"milvus_connect_param": {"host": "localhost"}}, 400, "the milvus port is less or equal zero"
    ),
    Check(
        "5",
        "address",
        target(DEAD, username="root"),
        400,
        "cannot set only one of the milvus username and password",
    ),
    Check("6", "address", target(DEAD, connect_timeout=-1), 400, "the milvus connect timeout is less zero"),
    Check("7", "address", {"kafka_connect_param": {"address": "127.0.0.1:9"}}, 400, "the kafka topic is empty"),
    Check("8 period", "buffer", {"buffer_config": {"period": -1}}, 400, "the cache period is less zero"),
    Check("8 size", "buffer", {"buffer_config": {"size": -1}}, 400, "the cache size is less zero"),
    Check("9", "scope", {"db_collections": None}, 400, "the collection info is empty"),
    Check(
        "12",
        "scope",
        {"db_collections": {LONG: [{"name": "*"}]}},
        400,
        f"the db name length exceeds 256 characters, {LONG}",
    ),
    Check("13", "scope", {"db_collections": {"db": []}}, 400, "empty collection info"),
    Check(
        "15",
        "scope",
        infos({"name": "*", "positions": {VCHANNEL: POSITION}}),
        400,
        "the collection name is `*`, the positions should be empty",
    ),
    Check(
        "16",
        "scope",
        infos({"name": "c", "positions": {"channel": POSITION}}),
        400,
        "the position channel name is not virtual channel, channel",
    ),
    Check("17 empty", "scope", infos({"name": ""}), 400, "there is a collection name that is empty. "),
    Check(
        "17 long",
        "scope",
        infos({"name": LONG}),
        400,
        f"there are some collection names whose length exceeds 256 characters, [{LONG}]",
    ),
    Check(
        "18",
        "rpc",
        {"rpc_channel_info": {"name": "other"}},
        400,
        "the rpc channel is invalid, the channel name should be the same as the source config",
    ),
    Check("19", "address", target(DEAD), 500, "fail to connect the milvus: …"),
    Check(
        "23",
        "mapping",
        {"name_mapping": MAPPED},
        400,
        "the collection name in the name mapping is not in the collection info, checkout it",
    ),
    Check(
        "26",
        "positions",
        infos({"name": "c", "positions": {"a_v": POSITION}}),
        400,
        "the vchannel is invalid, a_v, err: …",
    ),
    Check(
        "27",
        "positions",
        infos({"name": "c", "positions": {VCHANNEL: NO_POSITION}}),
        500,
        "fail to decode the position data: …",
    ),
    Check(
        "28",
        "positions",
        infos({"name": "c", "positions": {VCHANNEL: POSITION, "by-dev-rootcoord-dml_0_2v0": POSITION}}),
        400,
        "the channel position info should be in the same collection",
    ),
    Check(
        "29", "rpc", {"rpc_channel_info": {"position": NO_POSITION}}, 500, "fail to decode the rpc position data: …"
    ),
]

# Two checks of one part that fail together in a request of their own: the first is answered.
PAIRS_OF_ONE_PART: list[tuple[str, str, Fields]] = [
    ("2", "3", {"milvus_connect_param": {"port": 1}, "kafka_connect_param": {"address": "a:1"}}),
    ("2", "7", {**target(DEAD), "kafka_connect_param": {"address": "a:1"}}),
    ("3", "4", {"milvus_connect_param": {"port": -1}}),
    ("3", "5", {"milvus_connect_param": {"port": 1, "username": "u"}}),
    ("3", "6", {"milvus_connect_param": {"port": 1, "connect_timeout": -1}}),
    ("4", "5", {"milvus_connect_param": {"host": "h", "password": "p"}}),
    ("5", "6", target(DEAD, username="u", connect_timeout=-1)),
    ("8 period", "8 size", {"buffer_config": {"period": -1, "size": -1}}),
    ("12", "13", {"db_collections": {"db": [], LONG: []}}),
    ("13", "15", {"db_collections": {"db": [], "e": [{"name": "*", "positions": {VCHANNEL: POSITION}}]}}),
    (
        "15",
        "16",
        infos({"name": "c", "positions": {"channel": ""}}, {"name": "*", "positions": {VCHANNEL: POSITION}}),
    ),
    ("16", "17 empty", infos({"name": "", "positions": {"channel": ""}})),
    ("17 empty", "17 long", infos({"name": LONG}, {"name": ""})),
    ("18", "29", {"rpc_channel_info": {"name": "other", "position": NO_POSITION}}),
    ("26", "27", infos({"name": "c", "positions": {"a_v": NO_POSITION}})),
    ("27", "28", infos({"name": "c", "positions": {VCHANNEL: NO_POSITION, "by-dev-rootcoord-dml_0_2v0": POSITION}})),
]
# Neighbours that no request can fail in both: what one complains of rules the other out.
NEVER_BOTH = {("1", "2"), ("6", "7"), ("9", "12")}

# From here on the target must be there; before, it must not be asked.
_CONNECTED = ("23", "26", "27", "28", "29")


def request_of(*checks: Check) -> Fields:
    """A request in which these checks fail and no other."""
    fields: Fields = {**target(LIVE if any(check.number in _CONNECTED for check in checks) else DEAD), **ANY}
    for check in checks:
        if check.part == "address":
            fields.pop("milvus_connect_param")
        if check.part in ("scope", "positions"):
            fields.pop("db_collections")
        fields.update(copy.deepcopy(check.fields))
    return fields


def _of_create(name: str, check: Check, fields: Fields) -> Row:
    return Row(name, "create", fields, check.code, check.text)


def create_rows() -> Iterator[Row]:
    by_number = {check.number: check for check in CHECKS}
    for check in CHECKS:
        yield _of_create(f"3.4.{check.number}", check, request_of(check))
    for first, second in itertools.combinations(CHECKS, 2):
        parts = {first.part, second.part}
        if len(parts) == 2 and parts != {"scope", "positions"}:
            yield _of_create(f"3.4.{first.number} before {second.number}", first, request_of(first, second))
    for one, other, fields in PAIRS_OF_ONE_PART:
        check = by_number[one]
        yield _of_create(f"3.4.{one} before {other}", check, request_of(replace(check, fields=fields)))


def decode_rows() -> Iterator[Row]:
    beginning = "fail to decode the create request, error: 1 error(s) decoding:\n\n* "
    for field in WRONG_TYPES:
        yield Row(f"2.1 {field.path}", "create", field.request(), 500, beginning + field.message, True)
    for key in SECRETS:
        path = f"milvus_connect_param.{key}"
        message = f"'{path}' expected type 'string', got unconvertible type 'float64'…"
        request = {"milvus_connect_param": {key: 4711}}
        yield Row(f"2.1 {path}", "create", request, 500, beginning + message, True)
    for key in LISTS:
        message = f"'{key}': source data must be an array or slice, got map"
        yield Row(f"2.1 list {key}", "create", {key: {"name": "c"}}, 500, beginning + message, True)
    for name, fields in ACCEPTED.items():
        yield Row(name, "create", fields, 500, "fail to connect the milvus: …")


# -- 4 to 8: requests about tasks that are not there, and maintenance --------------------------------------------------

SIMPLE = [
    Row("2.1 request_data is missing", "list", None, 200),
    Row("2.1 unknown request_type", "dance", {}, 400, "invalid 'request_type' param, can be set […", True),
    *(
        Row(f"{section} unknown id", kind, {"task_id": "nobody"}, 400, "not found the task, task_id: nobody")
        for section, kind in (("4 delete", "delete"), ("5 pause", "pause"), ("5 resume", "resume"))
    ),
    Row("4 delete ignore_not_found", "delete", {"task_id": "nobody", "ignore_not_found": True}, 200),
    Row("6 get empty id", "get", {}, 400, "task_id is empty"),
    Row("6 get unknown id", "get", {"task_id": "nobody"}, 400, "not found: [nobody]"),
]

# operation, params, State
MAINTENANCE: list[tuple[str, Fields | None, str]] = [
    *(
        ("set_log_level", {"log_level": level}, f"set log level to {level}")
        for level in ("debug", "warn", "error", "dpanic", "panic", "fatal", "info")
    ),
    ("set_log_level", {}, "log_level is required"),
    ("set_log_level", {"log_level": "loud"}, "parse log level failed: …"),
    ("set_force_log_msg", {"force": True}, "set force log msg to true"),
    ("set_force_log_msg", {"force": "false"}, "set force log msg to false"),
    ("set_force_log_msg", None, "force is required"),
    ("set_force_log_msg", {"force": "maybe"}, "parse force failed: …"),
    ("reset_log_msg", {"count": 0, "duration": 0}, "reset log msg count to 0, duration to 0"),
    ("reset_log_msg", {"duration": 1}, "count is required"),
    ("reset_log_msg", {"count": 1}, "duration is required"),
    ("reset_log_msg", {"count": "many", "duration": 1}, "parse count failed: …"),
    ("other", {}, "unsupported operation: other"),
]

# -- 3.5: (scopes of the tasks of a target, scope of one more, mapping, refusal) ---------------------------------------

DUPLICATE = "the collection name is duplicate with existing task, [{}]"
NOT_COVERED = "the collection name in the name mapping is not in the collection info, checkout it"


@dataclass(frozen=True)
class Overlap:
    name: str
    existing: list[str]
    created: str
    text: str = ""
    mapping: tuple[str, str, dict[str, str]] | None = None


OVERLAPS = [
    Overlap("the same name", ["d.a"], "d.a", DUPLICATE.format("d.a")),
    Overlap("another name", ["d.a"], "d.b"),
    Overlap("the same name in another database", ["d.a"], "e.a"),
    Overlap("the same star", ["d.*"], "d.*", DUPLICATE.format("d.*")),
    Overlap("everything twice", ["*.*"], "*.*", DUPLICATE.format("*.*")),
    Overlap("specific first, star later", ["d.a"], "d.*"),
    Overlap("star first, specific later", ["d.*"], "d.a", DUPLICATE.format("d.a")),
    Overlap("everything last", ["d.a", "e.*"], "*.*"),
    Overlap("everything first", ["*.*"], "d.a", DUPLICATE.format("d.a")),
    Overlap("one name of every database first", ["*.c"], "d.c", DUPLICATE.format("d.c")),
    Overlap("a mapped collection", [], "d.a", mapping=("d", "e", {"a": "b"})),
    Overlap("a mapped database", [], "d.*", mapping=("d", "e", {})),
    Overlap("a mapped collection that is not covered", [], "d.a", NOT_COVERED, ("d", "e", {"b": "c"})),
    Overlap("a mapped database of which one name is covered", [], "d.a", NOT_COVERED, ("d", "e", {})),
    Overlap("a mapped database that is not covered", [], "d.*", NOT_COVERED, ("x", "e", {})),
]

# Every row there has to be, so that none is lost.
REQUIRED_CHECKS = {str(number) for number in range(1, 32)}
# Rows that no request can reach, or only a race: (the file, the test in it).
ELSEWHERE = {
    # The list of tasks is in memory, so a create does not read it from the store; the start of the server does.
    "24": ("src/control/task_manager_test.cc", "UnreadableStoreIsToldAtStart"),
    "31": ("src/control/task_manager_test.cc", "FailedStartDeletesTheTaskAgain"),
}
