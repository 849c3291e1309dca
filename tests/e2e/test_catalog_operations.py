"""What happens to the catalog beside the plain operations of test_operations.py: names, aliases, properties, mapping,
what was there before the task, and all of it while rows are in flight or the server is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymilvus import CollectionSchema, DataType
from pymilvus.grpc_gen import common_pb2, milvus_pb2

from lab.catalog import read_collection, read_collections
from lab.cdc_client import CdcError
from lab.cdc_server import CdcServer
from lab.client import connect
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.rows import Endpoint, Rows, read_rows
from lab.waiting import NotYet, eventually
from rows_for import plain, with_text_keys
from world import Target, World, target_of

TTL = "collection.ttl.seconds"


# -- names ------------------------------------------------------------------------------------------------------------


def test_rename_with_rows_in_flight(world: World) -> None:
    task = world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    for number, (old, new) in enumerate([("c", "d"), ("d", "e"), ("e", "c"), ("c", "f")], 1):
        world.client.insert(old, plain(range(number * 100, number * 100 + 20)))
        world.client.rename_collection(old, new, target_db=world.database)
        world.client.upsert(new, plain(range(number * 100 + 10, number * 100 + 30), version=number))
        world.client.delete(new, ids=[number])
    world.let_lite_settle(task)
    world.expect_collections("f")
    assert world.expect_equal("f").target_rows == 100 + 4 * 30 - 4


def test_swapped_names(world: World) -> None:
    task = world.start_task()
    world.make_collection("a")
    world.make_collection("b", key=DataType.VARCHAR, shards=2)
    world.client.insert("a", plain(range(30)))
    world.client.insert("b", with_text_keys(range(50)))
    world.expect_collections("a", "b")
    rename = world.client.rename_collection
    rename("a", "between", target_db=world.database)
    rename("b", "a", target_db=world.database)
    rename("between", "b", target_db=world.database)
    world.client.insert("a", with_text_keys(range(50, 60)))
    world.client.insert("b", plain(range(30, 70)))
    world.let_lite_settle(task)
    assert world.expect_equal("a").target_rows == 60
    assert world.expect_equal("b").target_rows == 70
    world.expect_collections("a", "b")


def test_a_freed_name_goes_to_another_collection(world: World) -> None:
    task = world.start_task()
    world.make_collection("a")
    world.make_collection("b", shards=2)
    world.client.insert("a", plain(range(30)))
    world.client.insert("b", plain(range(100, 150)))
    world.expect_equal("a")
    world.client.insert("a", plain(range(30, 60)))
    world.client.drop_collection("a")
    world.client.rename_collection("b", "a", target_db=world.database)
    world.client.insert("a", plain(range(150, 160)))
    world.let_lite_settle(task)
    world.expect_collections("a")
    assert world.expect_equal("a").target_rows == 60


def test_renamed_while_the_server_was_down(own_world: World) -> None:
    world = own_world
    task = world.start_task()
    for name in ("renamed", "one", "two"):
        world.make_collection(name, key=DataType.VARCHAR if name == "two" else DataType.INT64)
        world.client.insert(name, with_text_keys(range(20)) if name == "two" else plain(range(20)))
        world.expect_equal(name)
    world.cdc.stop()
    rename = world.client.rename_collection
    world.client.insert("renamed", plain(range(20, 30)))
    rename("renamed", "new_name", target_db=world.database)
    world.client.insert("new_name", plain(range(30, 40)))
    # The old name has a new owner, and two have changed names.
    world.make_collection("renamed", load=False)
    rename("one", "between", target_db=world.database)
    rename("two", "one", target_db=world.database)
    rename("between", "two", target_db=world.database)
    world.client.insert("one", with_text_keys(range(20, 25)))
    world.cdc.restart()
    world.let_lite_settle(task)
    world.expect_collections("new_name", "renamed", "one", "two")
    world.expect_equal("renamed")
    for name, rows in (("new_name", 40), ("one", 25), ("two", 20)):
        assert world.expect_equal(name).target_rows == rows


def test_same_name_many_times(world: World) -> None:
    """Faster than any of the lives can reach the target."""
    world.start_task()
    for life in range(6):
        fields = extra_field(f"f{life}") if life % 3 else None
        world.make_collection("c", shards=1 + life % 2, load=False, fields=fields)
        rows = [{**row, f"f{life}": f"life {life}"} for row in plain(range(10 + life), version=life)]
        world.client.insert("c", rows if life % 3 else plain(range(10 + life), version=life))
        world.client.delete("c", ids=[life])
        if life < 5:
            world.client.drop_collection("c")
    world.make_index("c")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 14


def extra_field(name: str) -> Callable[[CollectionSchema], object]:
    return lambda schema: schema.add_field(name, DataType.VARCHAR, max_length=50)


# -- aliases and properties -------------------------------------------------------------------------------------------


def test_create_alter_and_drop_alias(world: World) -> None:
    world.start_task()
    for name in ("one", "two"):
        world.make_collection(name, load=False)
    world.client.create_alias("one", "kept")
    world.client.create_alias("one", "moved")
    world.client.create_alias("two", "dropped")
    assert source_aliases(world, "one") == ["kept", "moved"]
    world.expect_equal("one")
    world.expect_equal("two")
    world.client.alter_alias("two", "moved")
    world.client.drop_alias("dropped")
    world.expect_equal("two")
    world.expect_equal("one")
    assert source_aliases(world, "two") == ["moved"]
    # An alias of a dropped collection is free for another one.
    world.client.drop_collection("two")
    world.client.drop_alias("moved")
    world.client.create_alias("one", "moved")
    world.expect_collections("one")
    world.expect_equal("one")
    # And a collection may get the name of a dropped alias.
    world.client.drop_alias("kept")
    world.make_collection("kept", load=False)
    world.expect_equal("kept")
    world.expect_equal("one")


def source_aliases(world: World, collection: str) -> list[str]:
    return read_collection(world.source_end, world.database, collection).aliases


def test_aliases_follow_a_rename(milvus_world: World) -> None:
    world = milvus_world
    world.start_task()
    world.make_collection("c", load=False)
    world.client.create_alias("c", "alias")
    world.expect_equal("c")
    world.client.rename_collection("c", "d", target_db=world.database)
    world.expect_collections("d")
    world.expect_equal("d")
    assert source_aliases(world, "d") == ["alias"]


def test_an_alias_becomes_a_collection(world: World) -> None:
    world.start_task()
    world.make_collection("a", load=False)
    world.client.create_alias("a", "x")
    world.expect_collections("a")
    world.client.drop_alias("x")
    world.client.drop_collection("a")
    world.expect_collections()
    world.make_collection("x")
    world.client.insert("x", plain(range(10)))
    assert world.expect_equal("x").target_rows == 10


def test_properties_of_a_collection(milvus_world: World) -> None:
    world = milvus_world
    task = world.start_task()
    world.make_collection("c", properties={TTL: 1_000_000})
    world.client.insert("c", plain(range(50)))
    assert world.expect_equal("c").target.properties == {TTL: "1000000"}
    set_properties(world, "c", {TTL: 2_000_000})
    assert world.expect_equal("c").target.properties == {TTL: "2000000"}
    set_properties(world, "c", {"mmap.enabled": "true"})
    assert world.expect_equal("c").target.properties == {TTL: "2000000", "mmap.enabled": "true"}
    assert world.cdc.client.get(task)["condition"]["state"] == "ok"


def set_properties(world: World, collection: str, properties: dict[str, Any]) -> None:
    """2.3.5 writes to etcd what was there before: a change is seen there after the next one."""
    for _ in range(2):
        world.client.alter_collection_properties(collection, properties)


# -- partitions -------------------------------------------------------------------------------------------------------


def test_partition_dropped_with_rows_in_flight(milvus_world: World) -> None:
    world = milvus_world
    world.start_task()
    world.make_collection("c", shards=2)
    for life in range(4):
        world.client.create_partition("c", "p")
        for first in range(0, 300, 100):
            world.client.insert("c", plain(range(first, first + 100), version=life), partition_name="p")
            world.client.insert("c", plain(range(1000 * life + 1000 + first, 1000 * life + 1010 + first)))
        if life < 3:
            world.client.release_partitions("c", ["p"])
            world.client.drop_partition("c", "p")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 300 + 4 * 30


def test_partition_key_of_64(milvus_world: World) -> None:
    """The target's own number of partitions would be another."""
    world = milvus_world
    world.start_task()
    world.make_collection(
        "c", num_partitions=64, fields=lambda s: s.add_field("k", DataType.INT64, is_partition_key=True)
    )
    world.client.insert("c", [{**row, "k": row["id"] % 50} for row in plain(range(300))])
    world.client.delete("c", ids=list(range(10)))
    found = world.expect_equal("c")
    assert found.target_rows == 290 and len(found.target.partitions) == 64


@pytest.fixture(scope="module")
def my_default(lab: Lab) -> Iterator[Target]:
    """A Milvus that calls the default partition otherwise."""
    server = lab.milvus("my-default", root_path="by-my", settings={"common.defaultPartitionName": "my_default"})
    lab.start(server)
    yield target_of(server)
    lab.end(server)


def test_target_with_another_default_partition(
    source: MilvusStandalone, my_default: Target, shared_cdc: CdcServer
) -> None:
    world = World(source, my_default, shared_cdc)
    replicate_partitions(world, "_default", "my_default")
    world.close()


def test_source_with_another_default_partition(lab: Lab, my_default: Target, milvus: Target) -> None:
    assert isinstance(my_default.server, MilvusStandalone)
    cdc = lab.cdc_server("cdc-my-default", my_default.server)
    lab.start(cdc)
    world = World(my_default.server, milvus, cdc, database="from_my_default")
    replicate_partitions(world, "my_default", "_default")
    world.close()
    cdc.stop()
    lab.end(cdc)


def replicate_partitions(world: World, here: str, there: str) -> None:
    """One partition has, on the source, the name of the target's default one: if only a little longer."""
    task = world.start_task()
    world.make_collection("c")
    longer = f"{there}_x"
    world.client.create_partition("c", longer)
    world.client.insert("c", plain(range(40)))
    world.client.insert("c", plain(range(40, 60)), partition_name=longer)
    world.client.insert("c", plain(range(60, 70)), partition_name=here)
    world.client.delete("c", ids=[1], partition_name=here)
    world.client.upsert("c", plain(range(5), version=1))

    def same() -> None:
        mine = partition_rows(world.source_end, world.database, [here, longer])
        theirs = partition_rows(world.target_end, world.database, [there, longer])
        theirs.partitions[here] = theirs.partitions.pop(there)
        if mine != theirs:
            counts = [{name: len(rows) for name, rows in side.partitions.items()} for side in (mine, theirs)]
            raise NotYet(f"{counts[0]} on the source, {counts[1]} on the target; {world.cdc.client.get(task)}")

    eventually(same, every=0.3, what="all partitions have the rows of the source")
    found = read_collection(world.target_end, world.database, "c")
    assert sorted(found.partitions) == sorted([there, longer])


def partition_rows(end: Endpoint, database: str, partitions: list[str]) -> Rows:
    return read_rows(end, database, "c", read_collection(end, database, "c").schema, partitions)


# -- what was there before, what is left out --------------------------------------------------------------------------


def test_index_and_load_state_from_before_the_task(milvus_world: World) -> None:
    world = milvus_world
    for name in ("whole", "part", "released"):
        world.make_collection(name, load=False)
        world.make_index(name, index_type="HNSW", metric_type="COSINE", params={"M": 8, "efConstruction": 32})
        world.client.create_partition(name, "p")
        world.client.insert(name, plain(range(20)), partition_name="p")
        world.client.insert(name, plain(range(20, 50)))
    world.client.create_alias("whole", "alias_from_before")
    world.client.load_collection("whole", _async=True)
    world.client.load_partitions("part", ["p"], _async=True)
    world.start_task()
    assert world.expect_equal("whole").target_rows == 50
    assert world.expect_equal("part").target_rows == 20
    world.expect_equal("released")


def test_without_indexes_and_loads(milvus_world: World) -> None:
    """What the target's owner does there stays."""
    world = milvus_world
    world.start_task(db_collections={world.database: [{"name": "no_index"}]}, sync_index=False, sync_load=False)
    world.start_task(db_collections={world.database: [{"name": "no_load"}]}, sync_load=False)
    for name in ("no_index", "no_load"):
        world.make_collection(name)
        world.client.insert(name, plain(range(30)))
    world.expect_target("no_load", lambda c: "by_vector" in c.indexes, "the index of no_load is there")
    world.expect_collections("no_index", "no_load")
    owner = connect(world.target.uri, world.database)
    index = owner.prepare_index_params()
    index.add_index("vector", index_name="of_the_owner", index_type="FLAT", metric_type="L2")
    owner.create_index("no_index", index)
    for name in ("no_index", "no_load"):
        owner.load_collection(name)
        # Neither a release nor a drop of an index gets there.
        world.client.release_collection(name)
        world.client.insert(name, plain(range(30, 50)))
        eventually(lambda name=name: world.target_count(name) == 50, every=0.2, what=f"the rows of {name} are there")
    world.client.drop_index("no_index", "by_vector")
    world.client.drop_index("no_load", "by_vector")
    world.client.create_partition("no_index", "p")
    world.expect_target("no_index", lambda c: "p" in c.partitions, "the partition is there")
    found = {name: read_collection(world.target_end, world.database, name) for name in ("no_index", "no_load")}
    assert [c.loaded for c in found.values()] == ["loaded", "loaded"]
    assert [list(c.indexes) for c in found.values()] == [["of_the_owner"], ["by_vector"]]
    owner.close()


# -- other names on the target ----------------------------------------------------------------------------------------


def mapped(source: str, target: str, **collections: str) -> dict[str, Any]:
    return {"source_db": source, "target_db": target, "collection_mapping": collections}


def test_mapping_of_a_database(milvus_world: World) -> None:
    """Every operation goes to the other name, and nothing to the source's."""
    world = milvus_world
    there = f"{world.database}_there"
    world.start_task(name_mapping=[mapped(world.database, there)])
    world.make_collection("c", load=False)
    world.make_collection("dropped", load=False)
    world.client.create_partition("c", "p")
    world.client.create_partition("c", "dropped")
    world.client.insert("c", plain(range(40)), partition_name="p")
    world.client.insert("c", plain(range(40, 90)))
    world.client.create_alias("c", "alias")
    set_properties(world, "c", {TTL: 1_000_000})
    world.make_index("c")
    world.client.load_collection("c", _async=True)
    assert world.expect_equal("c", target_database=there).target_rows == 90
    world.expect_equal("dropped", target_database=there)
    world.client.release_collection("c")
    world.client.drop_index("c", "by_vector")
    world.client.drop_partition("c", "dropped")
    world.client.drop_alias("alias")
    world.client.drop_collection("dropped")
    world.client.rename_collection("c", "d", target_db=world.database)
    world.client.upsert("d", plain(range(40, 50), version=1))
    world.client.delete("d", ids=[50])
    expect_names(world, there, "d")
    world.expect_equal("d", target_database=there)
    world.make_index("d", "again")
    world.client.load_partitions("d", ["_default"], _async=True)
    assert world.expect_equal("d", target_database=there).target_rows == 49
    world.client.release_partitions("d", ["_default"])
    world.client.drop_collection("d")
    world.client.drop_database(world.database)
    world.expect_databases(present=[], absent=[there, world.database])
    world.connect("default").create_database(world.database)
    world.expect_databases(present=[there], absent=[world.database])


def expect_names(world: World, database: str, *names: str) -> None:
    def same() -> None:
        found = read_collections(world.target_end, database)
        if found != sorted(names):
            raise NotYet(f"{database} has {found} on the target")

    eventually(same, every=0.2, what=f"{database} has exactly {sorted(names)} on the target")


def test_mapping_of_one_collection(world: World) -> None:
    """It goes before the mapping of its database, and belongs to the name: who gives it up loses it."""
    there = f"{world.database}_there"
    world.start_task(name_mapping=[mapped(world.database, there), mapped(world.database, there, a="b")])
    world.make_collection("a")
    world.make_collection("other", load=False)
    world.client.insert("a", plain(range(40)))
    assert world.expect_equal("a", target_database=there, target_collection="b").target_rows == 40
    expect_names(world, there, "b", "other")
    world.client.insert("a", plain(range(40, 50)))
    world.client.rename_collection("a", "c", target_db=world.database)
    world.client.rename_collection("other", "a", target_db=world.database)
    world.client.insert("c", plain(range(50, 60)))
    expect_names(world, there, "b", "c")
    assert world.expect_equal("c", target_database=there).target_rows == 60
    world.expect_equal("a", target_database=there, target_collection="b")
    world.client.drop_collection("a")
    expect_names(world, there, "c")


def test_mapping_and_overlap(lite_world: World) -> None:
    """Tasks overlap by the names of the source; a mapping must be of what the task covers."""
    world = lite_world
    one = {world.database: [{"name": "one"}]}
    world.start_task(db_collections=one, name_mapping=[mapped(world.database, world.database, one="first")])
    with pytest.raises(CdcError, match="is duplicate with existing task"):
        world.start_task(db_collections=one, name_mapping=[mapped(world.database, world.database, one="second")])
    # Covers the rest.
    world.start_task(name_mapping=[mapped(world.database, f"{world.database}_there")])
    with pytest.raises(CdcError) as refused:
        world.start_task(db_collections={"elsewhere": [{"name": "*"}]}, name_mapping=[mapped("another", "there")])
    text = "the collection name in the name mapping is not in the collection info, checkout it"
    assert (refused.value.code, refused.value.message) == (400, f"fail to handle the create request, error: {text}")
    for name in ("one", "two"):
        world.make_collection(name)
        world.client.insert(name, plain(range(20)))
    assert world.expect_equal("one", target_collection="first").target_rows == 20
    assert world.expect_equal("two", target_database=f"{world.database}_there").target_rows == 20
    expect_names(world, world.database, "first")
    expect_names(world, f"{world.database}_there", "two")


# -- several tasks ----------------------------------------------------------------------------------------------------


def test_one_source_to_two_targets(
    source: MilvusStandalone, lite: Target, milvus: Target, shared_cdc: CdcServer
) -> None:
    world = World(source, lite, shared_cdc)
    other = World(source, milvus, shared_cdc, database=world.database)
    first, _ = world.start_task(), other.start_task()
    world.make_collection("c", shards=2)
    world.client.insert("c", plain(range(100)))
    assert other.expect_equal("c").target_rows == 100
    shared_cdc.client.pause(first)
    world.client.rename_collection("c", "d", target_db=world.database)
    world.client.insert("d", plain(range(100, 150)))
    assert other.expect_equal("d").target_rows == 150
    shared_cdc.client.resume(first)
    assert world.expect_equal("d").target_rows == 150
    world.close()
    other.close()


@pytest.fixture(params=["pause", "delete", "fail"])
def disturbance(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_two_tasks_of_one_target(lite_world: World, disturbance: str) -> None:
    """Whatever becomes of the first, the second goes on."""
    world = lite_world
    first = world.start_task(
        db_collections={world.database: [{"name": "one"}, {"name": "trap"}]}, on_collection_error="pause"
    )
    world.start_task()
    for name in ("one", "two"):
        world.make_collection(name, shards=2)
        world.client.insert(name, plain(range(20)))
        world.expect_equal(name)
    if disturbance == "fail":
        # A collection of another schema is in the way.
        connect(world.target.uri, world.database).create_collection("trap", dimension=3)
        world.make_collection("trap", load=False)
        world.expect_state(first, "Paused")
    else:
        getattr(world.cdc.client, disturbance)(first)
    world.client.insert("one", plain(range(20, 40)))
    world.client.insert("two", plain(range(20, 40)))
    world.client.create_partition("two", "p")
    world.make_collection("three", load=False)
    assert world.expect_equal("two").target_rows == 40
    world.expect_equal("three")
    assert world.target_count("one") == 20


def test_drop_while_paused(milvus_world: World) -> None:
    """The messages of the drops are still in the queue when the task goes on."""
    world = milvus_world
    task = world.start_task()
    for name in ("dropped", "again", "partly"):
        world.make_collection(name, shards=2)
        world.client.insert(name, plain(range(30)))
    world.client.create_partition("partly", "p")
    world.client.insert("partly", plain(range(30, 40)), partition_name="p")
    for name in ("dropped", "again", "partly"):
        world.expect_equal(name)
    world.cdc.client.pause(task)
    for name in ("dropped", "again"):
        world.client.insert(name, plain(range(30, 60)))
        world.client.drop_collection(name)
    world.client.insert("partly", plain(range(40, 60)), partition_name="p")
    world.client.release_partitions("partly", ["p"])
    world.client.drop_partition("partly", "p")
    world.client.insert("partly", plain(range(60, 70)))
    world.make_collection("again", key=DataType.VARCHAR)
    world.client.insert("again", with_text_keys(range(15)))
    world.cdc.client.resume(task)
    world.expect_collections("again", "partly")
    assert world.expect_equal("again").target_rows == 15
    assert world.expect_equal("partly").target_rows == 40


def test_flush_of_a_collection_that_is_not_covered(milvus_world: World) -> None:
    world = milvus_world
    task = world.start_task(db_collections={world.database: [{"name": "ours"}]})
    for name in ("ours", "other"):
        world.make_collection(name, load=name == "ours")
        world.client.insert(name, plain(range(30)))
    world.client.flush("other")
    request = milvus_pb2.FlushRequest(db_name=world.database, collection_names=["other", "ours"])
    world.source_end.call("Flush", request)
    world.client.create_partition("ours", "p")
    world.client.insert("ours", plain(range(30, 50)), partition_name="p")

    def flushed() -> None:
        wanted = milvus_pb2.GetPersistentSegmentInfoRequest(dbName=world.database, collectionName="ours")
        states = {info.state for info in world.target_end.call("GetPersistentSegmentInfo", wanted).infos}
        if common_pb2.Flushed not in states:
            raise NotYet(f"the target's segments are {states}")

    eventually(flushed, every=0.3, what="ours is flushed")
    assert world.expect_equal("ours").target_rows == 50
    world.expect_collections("ours")
    assert world.cdc.client.get(task)["condition"]["state"] == "ok"
