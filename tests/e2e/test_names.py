"""Names that change, of collections and aliases, and names that differ on the target. Also what is beside the rows: properties."""

from __future__ import annotations

from typing import Any

from pymilvus import MilvusClient

from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import NotYet, eventually
from rows_for import plain
from world import World, target_of


def on_target(world: World) -> MilvusClient:
    return MilvusClient(world.target.uri, db_name=world.database)


def described(world: World, collection: str) -> dict[str, Any]:
    client = on_target(world)
    try:
        found: dict[str, Any] = client.describe_collection(collection)
        # Milvus Lite does not describe them, and Milvus 2.3.5 lists them of the database `default` only.
        if world.target.is_lite:
            found["aliases"] = client.list_aliases(collection)["aliases"]
        return found
    finally:
        client.close()


def expect_aliases(world: World, collection: str, *aliases: str) -> None:
    def same() -> None:
        found = sorted(described(world, collection)["aliases"])
        if found != sorted(aliases):
            raise NotYet(f"{collection} has the aliases {found}")

    eventually(same, 30, 0.2, f"{collection} has the aliases {sorted(aliases)}")


def test_rename_with_rows_before_between_and_after(world: World) -> None:
    world.start_task()
    world.make_collection("a")
    for round in range(4):
        old, new = ("a", "b") if round % 2 == 0 else ("b", "a")
        world.client.insert(old, plain(range(round * 200, round * 200 + 200)))
        world.client.rename_collection(old, new)
    world.client.insert("a", plain(range(1000, 1100)))
    assert world.expect_equal("a").target_rows == 900
    world.expect_collections("a")


def test_swap_of_names(world: World) -> None:
    task = world.start_task()
    world.make_collection("a")
    world.make_collection("b")
    world.client.insert("a", plain(range(100)))
    world.client.insert("b", plain(range(500, 530)))
    world.expect_equal("a")
    world.expect_equal("b")
    world.cdc.client.pause(task)
    for old, new in (("a", "t"), ("b", "a"), ("t", "b")):
        world.client.rename_collection(old, new)
    world.client.insert("a", plain(range(530, 540)))
    world.client.insert("b", plain(range(100, 150)))
    world.cdc.client.resume(task)
    assert world.expect_equal("a").target_rows == 40
    assert world.expect_equal("b").target_rows == 150
    world.expect_collections("a", "b")


def test_the_old_name_is_used_again(world: World) -> None:
    world.start_task()
    world.make_collection("a")
    world.client.insert("a", plain(range(100)))
    world.client.rename_collection("a", "old")
    world.make_collection("a", dim=16)
    world.client.insert("a", [{**row, "vector": [0.5] * 16} for row in plain(range(20))])
    world.client.insert("old", plain(range(100, 120)))
    assert world.expect_equal("old").target_rows == 120
    assert world.expect_equal("a").target_rows == 20
    world.client.drop_collection("old")
    world.expect_collections("a")


def test_aliases(world: World) -> None:
    world.start_task()
    world.make_collection("a", load=False)
    world.make_collection("b", load=False)
    world.client.create_alias("a", "x")
    world.client.create_alias("a", "y")
    expect_aliases(world, "a", "x", "y")
    world.client.alter_alias("b", "x")
    world.client.drop_alias("y")
    expect_aliases(world, "a")
    expect_aliases(world, "b", "x")
    # The name of an alias becomes that of a collection.
    world.client.drop_alias("x")
    world.make_collection("x")
    world.client.insert("x", plain(range(10)))
    assert world.expect_equal("x").target_rows == 10


def test_a_collection_is_dropped_with_its_alias(world: World) -> None:
    world.start_task()
    world.make_collection("a", load=False)
    world.client.create_alias("a", "x")
    expect_aliases(world, "a", "x")
    world.client.drop_alias("x")
    world.client.drop_collection("a")
    world.expect_collections()
    world.make_collection("x")
    world.client.insert("x", plain(range(10)))
    assert world.expect_equal("x").target_rows == 10


def test_properties(world: World) -> None:
    task = world.start_task()
    world.make_collection("a")
    world.client.insert("a", plain(range(50)))
    assert world.expect_equal("a").target_rows == 50
    for properties in ({"collection.ttl.seconds": "86400"}, {"mmap.enabled": "true"}):
        # Milvus 2.3.5 writes into etcd what held before the request: only the second one brings it there.
        for _ in range(2):
            world.client.alter_collection_properties("a", properties)

        def same(properties: dict[str, str] = properties) -> None:
            found = {key: str(value) for key, value in described(world, "a")["properties"].items()}
            if not properties.items() <= found.items():
                raise NotYet(f"the properties are {found}")

        eventually(same, 30, 0.2, f"the target has {properties}")
    assert world.expect_equal("a").target_rows == 50
    assert world.cdc.client.get(task)["condition"]["state"] == "ok"


def test_other_names_on_the_target(world: World) -> None:
    other = f"{world.database}_other"
    more = f"{world.database}_more"
    world.client.create_database(more)
    in_more = world.connect(more)
    world.start_task(
        db_collections={world.database: [{"name": "a"}], more: [{"name": "*"}]},
        name_mapping=[
            {"source_db": world.database, "target_db": other, "collection_mapping": {"a": "a2"}},
            {"source_db": more, "target_db": f"{more}_2"},
        ],
    )
    world.make_collection("a")
    world.client.insert("a", plain(range(70)))
    in_more.create_collection("c", dimension=8)
    in_more.insert("c", plain(range(30)))

    def arrived() -> None:
        found = world.target_end.count(other, "a2"), world.target_end.count(f"{more}_2", "c")
        if found != (70, 30):
            raise NotYet(f"the target has {found}")

    world.expect_databases(present=[other, f"{more}_2"], absent=[more])
    eventually(arrived, 45, 0.25, "the rows are in the collections of other names")
    in_more.drop_collection("c")
    world.client.drop_database(more)
    world.expect_databases(present=[other], absent=[f"{more}_2"])


def test_default_partitions_of_different_names(lab: Lab, source: MilvusStandalone, shared_cdc: CdcServer) -> None:
    server = lab.milvus("renamed", root_path="by-renamed", settings={"common.defaultPartitionName": "my_default"})
    lab.start(server)
    world = World(source, target_of(server), shared_cdc)
    try:
        task = world.start_task()
        world.make_collection("c", load=False)
        world.client.create_partition("c", "p")
        world.client.insert("c", plain(range(30)))
        world.client.insert("c", plain(range(100, 120)), partition_name="p")
        world.make_index("c")
        world.client.load_partitions("c", ["_default"])

        def arrived() -> None:
            client = on_target(world)
            try:
                if sorted(client.list_partitions("c")) != ["my_default", "p"]:
                    raise NotYet(f"the partitions are {client.list_partitions('c')}")
                found = client.query("c", "id >= 0", output_fields=["id"], consistency_level="Strong")
            finally:
                client.close()
            if sorted(row["id"] for row in found) != list(range(30)):
                raise NotYet(f"the loaded partition has {len(found)} rows")

        eventually(arrived, 45, 0.25, "the rows of the default partition are in the target's one, which is loaded")
        assert shared_cdc.client.get(task)["condition"]["state"] == "ok"
    finally:
        world.close()
        lab.end(server)
