"""A standby as target: a Milvus with common.ttMsgEnabled: false, which gets the source's rows as messages.

The tests that are imported are run once more, with this target.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from pymilvus import CollectionSchema, DataType, FieldSchema
from pymilvus.grpc_gen import milvus_pb2

from lab.catalog import collection_id
from lab.cdc_client import CdcError, create_request
from lab.cdc_server import CdcServer
from lab.client import connect
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import PATIENCE, NotYet, eventually, promised
from rows_for import plain, vector
from test_contract import decoded
from test_copy_into_existing import test_what_the_source_has_deleted_changed_and_moved  # noqa: F401
from test_keys import RESERVED, make_collection_with_key, rows_with_key
from test_metrics import scrape
from test_operations import *  # noqa: F403
from test_recreate import (  # noqa: F401
    test_generated_keys_and_partitions,
    test_what_the_target_has_is_not_doubled,
    test_while_rows_arrive,
)
from test_restart import (  # noqa: F401
    test_goes_on_after_a_clean_stop,
    test_same_name_again_while_the_server_was_down,
    test_stop_in_the_middle_of_a_stream,
    test_what_happened_to_the_catalog_meanwhile,
    write_under_kills,
)
from world import Target, World, target_of


@pytest.fixture(scope="module")
def target(lab: Lab) -> Iterator[Target]:
    """With another number of channels than the source has: collections meet on channels in other ways."""
    server = lab.milvus("standby", root_path="by-standby", standby=True, settings={"rootCoord.dmlChannelNum": 5})
    lab.start(server)
    yield target_of(server)
    lab.end(server)


def strong_count(world: World, collection: str) -> tuple[int, float]:
    """count(*) that waits for all that was written before now, and how long it took."""
    began = time.monotonic()
    return world.target_count(collection), time.monotonic() - began


def auto_ids(world: World, collection: str) -> bool:
    answer = world.target_end.call(
        "DescribeCollection",
        milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name=collection),
    )
    return any(field.autoID for field in answer.schema.fields)


def test_the_probe_finds_a_standby(world: World) -> None:
    task = world.start_task()
    shown = world.cdc.client.get(task)
    assert shown["sink_mode"] == "replicate"
    assert "standby" in shown["sink_mode_reason"]
    answer = world.cdc.client.call(
        "create", create_request(world.target.uri, task_id=task, db_collections={world.database: [{"name": "*"}]})
    )
    assert answer["sink_mode"] == "replicate", "the answer to create tells it too"


def test_api_is_refused_for_a_standby(world: World) -> None:
    with pytest.raises(CdcError, match="common.ttMsgEnabled") as refused:
        world.start_task(sink_mode="api")
    assert refused.value.code == 400


def test_replicate_is_refused_for_others(world: World, milvus: Target, lite: Target) -> None:
    for other in (milvus, lite):
        with pytest.raises(CdcError, match="common.ttMsgEnabled: false") as refused:
            world.cdc.client.create(other.uri, sink_mode="replicate")
        assert refused.value.code == 400


@pytest.mark.parametrize("key", [DataType.INT64, DataType.VARCHAR], ids=["int64", "varchar"])
def test_generated_keys_are_the_same(world: World, key: DataType) -> None:
    world.start_task()
    world.make_collection("c", key=key, auto_id=True, shards=2)
    rows = [{"vector": vector(number), "n": number} for number in range(3000)]
    world.client.insert("c", rows)
    found = world.expect_equal("c")
    assert found.target_rows == 3000
    assert auto_ids(world, "c"), "the schema is the source's"


def test_many_collections_on_few_channels(world: World) -> None:
    """Shards of three collections and two tasks meet on the standby's few channels."""
    names = ["one", "two", "three"]
    world.start_task(db_collections={world.database: [{"name": "one"}, {"name": "two"}]})
    world.start_task(db_collections={world.database: [{"name": "three"}]})
    for name in names:
        world.make_collection(name, shards=2)

    def write(name: str) -> None:
        client = world.connect()
        for number in range(20):
            client.insert(name, plain(range(number * 100, number * 100 + 100)))
            client.upsert(name, plain(range(number * 100, number * 100 + 30), version=1))
            client.delete(name, ids=list(range(number * 100 + 50, number * 100 + 60)))

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        assert world.expect_equal(name).target_rows == 1800


def test_metrics(world: World) -> None:
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(10)))
    world.expect_equal("c")
    found = scrape(world.cdc.client)
    assert found.sum("api_execute_total", task_id=task, api_type="ReplicateMessage") >= 1
    assert found.sum("replicate_data_cnt", task_id=task, op_type="write") == 10
    assert found.labels("center_tt") == {frozenset({"channel_name"})}

    def ticks_follow_the_clock() -> None:
        assert abs(time.time() * 1000 - scrape(world.cdc.client).least("center_tt")) < 5_000

    eventually(ticks_follow_the_clock)


def test_positions_in_its_own_queues(world: World) -> None:
    """Where the standby has put the last rows: its queue holds them up to there, and a tick."""
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(200)))
    world.expect_equal("c")
    found = world.cdc.client.call("position", {"task_id": task})["target_positions"]
    described = world.target_end.call(
        "DescribeCollection", milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name="c")
    )
    assert {each["channel_name"] for each in found} == set(described.physical_channel_names)
    assert {each["collection_id"] for each in found} == {collection_id(world.source_end, world.database, "c")}
    before = {}
    for each in found:
        assert each["tt"] == (each["time"] + 1) << 18
        assert abs(time.time() * 1000 - each["time"]) < 600_000, "the standby's time"
        channel, before[channel] = each["channel_name"], decoded(each["msg_id"])[1]
        assert len(before[channel]) == 8, "an id of RocksMQ"
    world.client.delete("c", ids=list(range(100)))
    world.expect_equal("c")
    for each in world.cdc.client.call("position", {"task_id": task})["target_positions"]:
        now = decoded(each["msg_id"])[1]
        assert int.from_bytes(now, "little") > int.from_bytes(before[each["channel_name"]], "little")


def test_lives_of_one_name_do_not_mix(world: World) -> None:
    world.start_task()
    for life in range(3):
        world.make_collection("c", shards=2)
        world.client.insert("c", plain(range(life * 10, 500), version=life))
        assert world.expect_equal("c").target_rows == 500 - life * 10
        world.client.create_partition("c", "p")
        for again in range(2):
            world.client.insert("c", plain(range(1000 + again * 10, 1100), version=again), partition_name="p")
            world.client.load_collection("c", _async=True)
            world.expect_equal("c")
            world.client.release_partitions("c", ["p"])
            world.client.drop_partition("c", "p")
            world.client.create_partition("c", "p")
        world.client.drop_collection("c")
    world.expect_collections()


def test_a_flush_completes(world: World) -> None:
    world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(2000)))
    world.expect_equal("c")
    answer = world.target_end.call(
        "Flush", milvus_pb2.FlushRequest(db_name=world.database, collection_names=["c"])
    )
    request = milvus_pb2.GetFlushStateRequest(
        segmentIDs=answer.coll_segIDs["c"].data,
        flush_ts=answer.coll_flush_ts["c"],
        db_name=world.database,
        collection_name="c",
    )
    eventually(lambda: world.target_end.call("GetFlushState", request).flushed, every=0.1, what="the flush is complete")
    assert world.expect_equal("c").target_rows == 2000


def test_queries_are_answered_while_nothing_is_written(world: World) -> None:
    """Also while the task is paused, and after a restart of the server: ticks go on. The machine may be slow; without ticks
    a query would not be answered at all."""
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")

    def answers() -> None:
        times = [strong_count(world, "c") for _ in range(4)]
        assert [count for count, _ in times] == [100] * 4
        if min(took for _, took in times) > promised(2):
            raise NotYet(f"strong queries took {times}")

    eventually(answers, every=0.1, what="strong queries are answered soon")
    world.cdc.client.pause(task)
    eventually(answers, every=0.1, what="strong queries are answered soon while the task is paused")


def test_ticks_of_a_paused_task_come_back_with_the_server(own_world: World) -> None:
    world = own_world
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    world.cdc.client.pause(task)
    world.cdc.stop()
    world.cdc.restart()
    assert world.cdc.client.state(task) == "Paused"
    eventually(lambda: world.target_count("c") == 100, every=0.1, what="a strong query is answered")


def test_tasks_that_share_it_go_on_when_one_gets_other_credentials(world: World) -> None:
    """This standby asks nobody who he is, so any will do; the connection with the ticks is changed while it is in use."""
    for name in ("c", "d"):
        world.make_collection(name)
        world.client.insert(name, plain(range(100)))
    tasks = [world.start_task(db_collections={world.database: [{"name": name}]}) for name in ("c", "d")]
    for name in ("c", "d"):
        world.expect_equal(name)
    path = f"http://{world.cdc.client.address}/api/v1/tasks/{tasks[0]}"
    for round_ in range(1, 4):
        answer = requests.patch(path, json={"milvus_connect_param": {"token": f"root:{round_}"}}, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        for name in ("c", "d"):
            world.client.insert(name, plain(range(round_ * 1000, round_ * 1000 + 50)))
            world.expect_equal(name)
    world.cdc.client.pause(tasks[0])
    answer = requests.patch(path, json={"milvus_connect_param": {"token": "root:last"}}, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    assert world.target_count("c") == 250  # a strong query, which needs ticks


def test_pause_and_resume(world: World) -> None:
    task = world.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(500)))
    world.expect_equal("c")
    for version in range(1, 4):
        world.cdc.client.pause(task)
        world.client.insert("c", plain(range(version * 1000, version * 1000 + 300)))
        world.client.upsert("c", plain(range(0, 200), version=version))
        world.client.delete("c", ids=list(range(200 + version * 10, 210 + version * 10)))
        world.cdc.client.resume(task)
        world.expect_equal("c")


def test_nothing_is_lost_or_doubled_by_kill(own_world: World) -> None:
    """count(*) sees copies, which reading by key does not."""
    write_under_kills(own_world)
    assert own_world.expect_equal("c").target_rows == 60 * 180


@RESERVED
def test_a_key_that_no_delete_can_name_is_taken(world: World, name: str) -> None:
    """The source's deletes come from upserts: not even there can a delete name the key."""
    make_collection_with_key(world, "c", name)
    world.start_task()
    world.client.insert("c", rows_with_key(name, range(100), 0))
    world.client.upsert("c", rows_with_key(name, range(50, 120), 1))

    def equal() -> None:
        # Not even an output field can be named with blanks.
        answer = world.target_end.query(world.database, "c", "n >= 0", ["*"])
        columns = {column.field_name: list(column.scalars.long_data.data) for column in answer.fields_data}
        if sorted(zip(columns[name], columns["n"], strict=True)) != [(key, int(key >= 50)) for key in range(120)]:
            raise NotYet(f"{len(columns[name])} rows")

    eventually(equal, PATIENCE, 0.25, f"the rows with the key {name!r} are on the target")
    assert world.target_count("c") == 120


def test_another_number_of_shards_pauses_the_task(world: World) -> None:
    world.make_collection("c", shards=2)
    fields = [
        FieldSchema("id", DataType.INT64, is_primary=True),
        FieldSchema("vector", DataType.FLOAT_VECTOR, dim=8),
    ]
    schema = CollectionSchema(fields, enable_dynamic_field=True)
    admin = connect(world.target.uri)
    admin.create_database(world.database)
    there = connect(world.target.uri, world.database)
    try:
        there.create_collection("c", schema=schema, num_shards=1)
    finally:
        there.close()
        admin.close()
    task = world.start_task()
    world.expect_set_aside(task, "c", "2 shards", "1")


def test_the_standby_is_restarted(
    lab: Lab, source: MilvusStandalone, new_cdc: Callable[..., CdcServer]
) -> None:
    """Rows wait, and ticks come back by themselves."""
    server = lab.milvus("standby-restarted", root_path="by-restarted", standby=True)
    lab.start(server)
    cdc = new_cdc()
    lab.start(cdc)
    world = World(source, target_of(server), cdc)
    try:
        world.start_task()
        world.make_collection("c", shards=2)
        world.client.insert("c", plain(range(300)))
        world.expect_equal("c")
        server.stop()
        world.client.insert("c", plain(range(300, 600)))
        world.client.upsert("c", plain(range(0, 50), version=1))
        server.start()
        server.wait_ready()
        assert world.expect_equal("c").target_rows == 600
    finally:
        world.close()
        lab.end(server)
