"""start_from: snapshot with snapshot.from: query. The stored rows come from queries of the source, not from its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pymilvus import DataType

from lab.cdc_client import CdcError
from lab.cdc_server import CdcServer, source_configuration
from lab.client import connect
from lab.compare import compare_collection
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.rows import Endpoint
from lab.waiting import NotYet, eventually
from rows_for import Row, plain, vector, with_text_keys
from test_copy_into_existing import copy_again, damage, damages, expect_differences, refusal
from test_start_from_snapshot import Writer, expect_copied, flush
from test_type_matrix import REFUSED_BY_LITE, Collection
from type_cases import CASES
from world import Target, World, target_of

QUERY = {"start_from": "snapshot", "snapshot": {"from": "query"}}


def _true(holds: bool) -> None:
    if not holds:
        raise NotYet("not yet")


def configuration(source: MilvusStandalone, **milvus: Any) -> dict[str, Any]:
    """Without a storage, so that rows can come from nowhere else."""
    found = source_configuration(source)
    del found["storage"]
    return {**found, "milvus": milvus or found["milvus"]}


@pytest.fixture(scope="module")
def shared_cdc(lab: Lab, source: MilvusStandalone) -> Iterator[CdcServer]:
    server = lab.cdc_server("cdc-query", source, {"sourceConfig": configuration(source)})
    lab.start(server)
    yield server
    try:
        server.stop()
    finally:
        lab.end(server)


@pytest.fixture
def own_world(source: MilvusStandalone, target: Target, new_cdc: Callable[..., CdcServer]) -> Iterator[World]:
    server = new_cdc({"sourceConfig": configuration(source)})
    server.restart()
    world = World(source, target, server)
    yield world
    world.close()


def wait_loaded(world: World, *collections: str) -> None:
    """A collection is refused until it is loaded."""
    for name in collections:
        world.client.load_collection(name)


def expect_killed(world: World, point: str) -> None:
    eventually(lambda: _true(not world.cdc.process.is_running()), what=f"the server has killed itself at {point}")


def test_copies_what_is_stored_and_goes_on(world: World) -> None:
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(-200, 5_000)))
    world.client.delete("c", ids=list(range(0, 5_000, 10)))
    world.client.upsert("c", plain(range(1, 500), version=1))
    flush(world, "c")
    world.client.insert("c", plain(range(5_000, 6_000)))
    world.client.delete("c", ids=list(range(11, 21)))
    wait_loaded(world, "c")
    task = world.start_task(**QUERY)
    shown = expect_copied(world, task)[0]
    assert shown["collection"] == f"{world.database}.c"
    # The last thousand may come from the queue: a query need not see what is later than the takeover.
    assert shown["rows"] == shown["total_rows"] > 4_500
    world.expect_equal("c")
    world.client.upsert("c", plain(range(0, 100), version=2))
    world.client.delete("c", ids=list(range(200, 300)))
    world.client.insert("c", plain(range(200, 250), version=3))
    world.expect_equal("c")


@pytest.mark.parametrize("auto_id", [False, True], ids=["given", "generated"])
@pytest.mark.parametrize("key", [DataType.INT64, DataType.VARCHAR], ids=["int64", "varchar"])
def test_keys_and_partitions(milvus_world: World, key: DataType, auto_id: bool) -> None:
    world = milvus_world
    world.make_collection("c", key=key, shards=2, auto_id=auto_id)
    world.client.create_partition("c", "p")
    make = plain if key == DataType.INT64 else with_text_keys
    for first, partition in ((0, "_default"), (3_000, "p")):
        rows = make(range(first, first + 3_000))
        for row in rows if auto_id else []:
            del row["id"]
        world.client.insert("c", rows, partition_name=partition)
        flush(world, "c")
    wait_loaded(world, "c")
    task = world.start_task(**QUERY)
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 6_000
    if not auto_id:
        world.client.delete("c", ids=[row["id"] for row in make(range(2_900, 3_100))])
        assert world.expect_equal("c").target_rows == 5_800


def test_a_filter_replaces_what_it_holds_for(milvus_world: World) -> None:
    """Single partitions can be copied without a storage as well."""
    world = milvus_world
    world.make_collection("c", shards=2, fields=lambda schema: schema.add_field("price", DataType.INT64))
    world.client.create_partition("c", "p")

    def priced(keys: Iterable[int], version: int = 0) -> list[Row]:
        return [{**row, "price": row["id"] % 20} for row in plain(keys, version)]

    world.client.insert("c", priced(range(1_000)))
    world.client.insert("c", priced(range(1_000, 3_000)), partition_name="p")
    flush(world, "c")  # the log is read again from the last flush on, and mends what it brings
    task = world.start_task(start_from="earliest", snapshot={"from": "query"})
    world.expect_equal("c")
    damage(world, 0, "_default", priced)
    damage(world, 1_000, "p", priced)
    for expression, words in (
        ("price >", "price >"),
        ("price", "price"),
        ("price > 10) or (price < 5", "price"),
    ):
        message = refusal(world, task, filter=expression)
        assert "does not accept the filter" in message and words in message
    shown = copy_again(world, task, filter="price > 10 or id < 0")
    assert shown["filter"] == "price > 10 or id < 0" and shown["rows"] == 1_350
    left = [damages(first, partition, lambda key: key % 20 <= 10) for first, partition in ((0, "_default"), (1_000, "p"))]
    expect_differences(world, left[0] + left[1])
    assert "no partition nope" in refusal(world, task, partitions=["nope"])
    copy_again(world, task, partitions=["p"])
    expect_differences(world, left[0])
    world.client.upsert("c", priced(range(100, 200), version=2))
    expect_differences(world, left[0][1:])


def test_every_type(world: World) -> None:
    refused = REFUSED_BY_LITE if world.target.is_lite else {}
    collections = [Collection(world, case) for case in CASES if case.name not in refused]
    for collection in collections:
        collection.create()
        collection.insert()
    wait_loaded(world, *(collection.case.name for collection in collections))
    task = world.start_task(**QUERY)
    expect_copied(world, task)
    for collection in collections:
        assert world.expect_equal(collection.case.name).source_rows == collection.rows
    for collection in collections:
        if not collection.case.auto_id:
            collection.upsert()
        collection.delete()
    for collection in collections:
        assert world.expect_equal(collection.case.name).source_rows == collection.rows


def test_clients_write_the_same_keys_during_the_copy(world: World) -> None:
    world.make_collection("c", shards=2)
    for first in range(0, 30_000, 10_000):
        world.client.insert("c", plain(range(first, first + 10_000)))
    wait_loaded(world, "c")
    writers = [Writer(world.connect(), "c", range(n * 300, n * 300 + 600)) for n in range(3)]
    with ExitStack() as running:
        for writer in writers:
            running.enter_context(writer.running())
        writers[0].expect_rounds(3)
        task = world.start_task(**QUERY)
        expect_copied(world, task)
        writers[0].expect_rounds(3)
    world.expect_equal("c")


@pytest.mark.parametrize(
    "point",
    [
        "after_query_page:1",
        "after_query_page:3",
        "after_snapshot_segment:1",
        "before_snapshot_done:1",
        "after_snapshot_done:1",
        "after_send:2",
        "before_ack:2",
    ],
)
def test_a_crash_neither_loses_nor_doubles(own_milvus_world: World, point: str) -> None:
    world = own_milvus_world
    world.make_collection("c", shards=2)
    world.client.create_partition("c", "p")
    for part in range(4):
        partition = "p" if part % 2 else "_default"
        world.client.insert("c", plain(range(part * 2_000, part * 2_000 + 2_000)), partition_name=partition)
        world.client.delete("c", ids=list(range(part * 2_000, part * 2_000 + 40)))
    wait_loaded(world, "c")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": point}})
    world.cdc.restart()
    with Writer(world.connect(), "c", range(600)).running() as writer:
        task = world.start_task(**QUERY)
        expect_killed(world, point)
        writer.expect_rounds(2)
        world.cdc.configure({})
        world.cdc.restart()
        expect_copied(world, task)
        writer.expect_rounds(2)
    world.client.delete("c", ids=list(range(150, 200)))
    world.expect_equal("c")


def test_what_is_not_loaded_says_so_and_waits(own_milvus_world: World) -> None:
    world = own_milvus_world
    world.make_collection("c", load=False)
    world.make_index("c")
    world.client.create_partition("c", "p")
    world.client.insert("c", plain(range(2_000)))
    with pytest.raises(CdcError, match="is not loaded on the source.*load all of it"):
        world.start_task(**QUERY)
    world.client.load_partitions("c", ["p"])
    with pytest.raises(CdcError, match="is not loaded on the source"):
        world.start_task(**QUERY)
    world.client.load_collection("c")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": "after_query_page:1"}})
    world.cdc.restart()
    task = world.start_task(**QUERY)
    expect_killed(world, "after_query_page:1")
    world.client.release_collection("c")
    world.cdc.configure({})
    world.cdc.restart()
    world.expect_condition(task, "retrying", "is not loaded on the source", "load all of it")
    world.client.load_collection("c")
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 2_000


def test_names_are_exchanged_during_the_copy(own_milvus_world: World) -> None:
    """Queries name a collection, and the name leads to another one by now."""
    world = own_milvus_world
    for name, first in (("a", 0), ("b", 10_000)):
        world.make_collection(name)
        world.client.insert(name, plain(range(first, first + 2_000)))
    wait_loaded(world, "a", "b")
    world.cdc.stop()
    world.cdc.configure({"testing": {"killAt": "after_query_page:2"}})
    world.cdc.restart()
    task = world.start_task(**QUERY)
    expect_killed(world, "after_query_page:2")
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        world.client.rename_collection(old, new)
    world.cdc.configure({})
    world.cdc.restart()
    expect_copied(world, task)
    world.let_lite_settle(task)
    world.expect_equal("a")
    world.expect_equal("b")


def test_refused_at_create(own_world: World, milvus: Target) -> None:
    world = own_world
    world.make_collection("c")
    world.client.insert("c", plain(range(10)))
    wait_loaded(world, "c")
    without = configuration(world.source)
    del without["milvus"]
    for settings, words in (
        (without, "sourceConfig.milvus"),
        (configuration(world.source, address="127.0.0.1:1"), "sourceConfig.milvus.*127.0.0.1:1"),
        (configuration(world.source, address=milvus.uri), "is another Milvus than the one whose etcd is read"),
        (configuration(world.source, address="nothing to:see"), "sourceConfig.milvus.address"),
    ):
        world.cdc.stop()
        world.cdc.configure({"sourceConfig": settings})
        world.cdc.restart()
        with pytest.raises(CdcError, match=words):
            world.start_task(**QUERY)
    world.cdc.configure({})


def test_a_source_that_asks_for_a_password(lab: Lab, lite: Target) -> None:
    source = lab.milvus("secured-source", settings={"common.security.authorizationEnabled": True})
    lab.start(source)
    client = connect(source.uri, "default", token="root:Milvus")
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    client.create_collection("secured", schema=schema)
    client.insert("secured", [{"id": key, "vector": vector(key)} for key in range(1_000)])
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_index("secured", index)
    client.load_collection("secured")
    address = f"127.0.0.1:{source.port}"
    server = lab.cdc_server("cdc-secured-source", source)
    task = {"db_collections": {"default": [{"name": "secured"}]}, **QUERY}
    for credentials, words in (
        ({"username": "root", "password": "wrong"}, "auth check failure"),
        ({}, "missing authorization"),
    ):
        server.configure({"sourceConfig": configuration(source, address=address, **credentials)})
        server.restart()
        with pytest.raises(CdcError, match=words) as refused:
            server.client.create(lite.uri, **task)
        assert "sourceConfig.milvus" in refused.value.message and "wrong" not in refused.value.message
        server.stop()
    server.configure(
        {"sourceConfig": configuration(source, address=address, username="root", password="Milvus")}
    )
    server.restart()
    server.client.create(lite.uri, **task)
    ends = Endpoint(source.uri, token="root:Milvus"), Endpoint(lite.uri)

    def equal() -> None:
        found = compare_collection(*ends, "secured", "default", kind=lite.kind)
        if found.differences:
            raise NotYet("; ".join(found.differences))
        assert found.target_rows == 1_000

    eventually(equal, every=0.25, what="the collection is equal")
    server.stop()
    for end in ends:
        end.close()
    client.close()
    lab.end(server)
    lab.end(source)


def test_a_standby_gets_the_rows_in_their_shards_and_partitions(
    lab: Lab, source: MilvusStandalone, new_cdc: Callable[..., CdcServer]
) -> None:
    """It takes rows as they are: in a wrong shard or partition, later deletes would not find them."""
    standby = lab.milvus("query-standby", root_path="by-query-standby", standby=True)
    lab.start(standby)
    server = new_cdc({"sourceConfig": configuration(source)})
    server.restart()
    world = World(source, target_of(standby), server)
    for name, key in (("numbers", DataType.INT64), ("texts", DataType.VARCHAR)):
        world.make_collection(
            name,
            key=key,
            shards=3,
            num_partitions=5,
            fields=lambda schema, key=key: schema.add_field(
                "tenant", key, is_partition_key=True, **({"max_length": 20} if key == DataType.VARCHAR else {})
            ),
        )
        make = plain if key == DataType.INT64 else with_text_keys
        rows = [
            {**row, "tenant": number % 50 if key == DataType.INT64 else f"t{number % 50}"}
            for number, row in enumerate(make(range(2_000)))
        ]
        world.client.insert(name, rows)
        wait_loaded(world, name)
    task = world.start_task(**QUERY)
    expect_copied(world, task)
    for name in ("numbers", "texts"):
        assert world.expect_equal(name).target_rows == 2_000
    world.client.delete("numbers", ids=list(range(0, 2_000, 2)))
    world.client.delete("texts", ids=[row["id"] for row in with_text_keys(range(0, 2_000, 2))])
    for name in ("numbers", "texts"):
        assert world.expect_equal(name).target_rows == 1_000
    world.close()
    lab.end(standby)
