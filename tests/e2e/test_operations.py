"""Every operation that is replicated, one case each, on every kind of target."""

from __future__ import annotations

import pytest
from pymilvus import CollectionSchema, DataType
from pymilvus.grpc_gen import common_pb2, milvus_pb2

from lab.catalog import read_collection
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import RowMaker, plain, text_key, with_text_keys
from world import World

BOTH_KEYS = pytest.mark.parametrize(
    ("key", "make"), [(DataType.INT64, plain), (DataType.VARCHAR, with_text_keys)], ids=["int64", "varchar"]
)


def test_create_and_drop_database(world: World) -> None:
    name = f"{world.database}_more"
    world.start_task(db_collections={"*": [{"name": "*"}]})
    world.client.create_database(name)
    world.expect_databases(present=[world.database, name], absent=[])
    world.client.drop_database(name)
    world.expect_databases(present=[world.database], absent=[name])


def test_create_and_drop_collection(world: World) -> None:
    world.start_task()
    world.make_collection("kept", load=False, shards=2, description="a collection that stays")
    world.make_collection("dropped", load=False)
    world.expect_collections("dropped", "kept")
    world.expect_equal("kept")
    world.client.drop_collection("dropped")
    world.expect_collections("kept")


def test_drop_a_loaded_collection_with_rows(world: World) -> None:
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    world.expect_equal("c")
    world.client.drop_collection("c")
    world.expect_collections()


def test_create_and_drop_partition(world: World) -> None:
    world.start_task()
    world.make_collection("c", load=False)
    for name in ("kept", "dropped"):
        world.client.create_partition("c", name)
        world.client.insert("c", plain(range(50)) if name == "kept" else plain(range(50, 90)), partition_name=name)
    world.make_index("c")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 90
    # Milvus drops only partitions that are released; Milvus Lite can only release the whole collection.
    world.client.release_collection("c")
    world.client.drop_partition("c", "dropped")
    world.expect_target("c", lambda c: sorted(c.partitions) == ["_default", "kept"], "the partition is dropped")
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 50


def test_create_and_drop_index(world: World) -> None:
    world.start_task()
    world.make_collection("c", load=False)
    world.make_index("c", "first", index_type="HNSW", metric_type="COSINE", params={"M": 8, "efConstruction": 32})
    world.expect_equal("c")
    world.client.drop_index("c", "first")
    world.expect_target("c", lambda c: not c.indexes, "the index is dropped")
    world.make_index("c", "second", index_type="IVF_FLAT", metric_type="IP", params={"nlist": 16})
    world.expect_equal("c")


def test_index_of_a_scalar_field(world: World) -> None:
    """Milvus Lite knows other index types for scalars: there it is enough that the rest of the collection arrives."""
    world.start_task()
    world.make_collection("c", load=False, fields=lambda s: s.add_field("n", DataType.INT32))
    index = world.client.prepare_index_params()
    index.add_index("n", index_name="by_n", index_type="STL_SORT")
    world.client.create_index("c", index)
    world.make_index("c")
    world.client.load_collection("c")
    world.client.insert("c", [{**row, "n": row["id"]} for row in plain(range(20))])
    world.expect_equal("c")


def test_index_without_a_type(world: World) -> None:
    """A Milvus shows none then, and chooses; Milvus Lite has but one, and must be told."""

    def fields(schema: CollectionSchema) -> None:
        schema.add_field("n", DataType.INT32)
        schema.add_field("x", DataType.DOUBLE)
        schema.add_field("text", DataType.VARCHAR, max_length=20)

    def shown(field: str) -> str:
        found = read_collection(world.target_end, world.database, "c").indexes.values()
        return next((index.get("index_type", "none") for index in found if index["field"] == field), "no index")

    def expect(field: str, kind: str) -> None:
        def is_so() -> None:
            if (now := shown(field)) != kind:
                raise NotYet(f"it is {now}")

        eventually(is_so, PATIENCE, 0.2, f"the index of {field} is {kind}")

    world.start_task()
    world.make_collection("c", load=False, fields=fields)
    index = world.client.prepare_index_params()
    for field in ("id", "n", "x", "text"):
        index.add_index(field, index_name=f"by_{field}")
    world.client.create_index("c", index)
    world.make_index("c")
    world.expect_equal("c")
    chosen = "INVERTED" if world.target.is_lite else "none"
    for field in ("id", "n", "x", "text"):
        expect(field, chosen)
    # A type that is given takes the place of the one that was not, and the other way round.
    if not world.target.is_lite:
        for kind in ("STL_SORT", ""):
            world.client.drop_index("c", "by_n")
            again = world.client.prepare_index_params()
            again.add_index("n", index_name="by_n", **({"index_type": kind} if kind else {}))
            world.client.create_index("c", again)
            expect("n", kind or "none")
    world.client.load_collection("c")
    rows = [{**row, "n": row["id"], "x": 0.5, "text": "t"} for row in plain(range(20))]
    world.client.insert("c", rows)
    world.expect_equal("c")
    made = [line for line in world.cdc.process.log.read_text().splitlines() if "create index by_" in line]
    once = [line for line in made if f"{world.database}.c.x" in line]
    assert len(once) == 1, f"made again and again: {once}"


def test_load_and_release_collection(world: World) -> None:
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    world.expect_target("c", lambda c: c.loaded == "loaded", "the collection is loaded")
    world.expect_equal("c")
    world.client.release_collection("c")
    world.expect_target("c", lambda c: c.loaded == "released", "the collection is released")
    # Rows go on arriving in a released collection.
    world.client.insert("c", plain(range(100, 150)))
    world.client.load_collection("c")
    assert world.expect_equal("c").target_rows == 150


def test_load_and_release_partitions(world: World) -> None:
    world.start_task()
    world.make_collection("c", load=False)
    world.make_index("c")
    for number, name in enumerate(("one", "two", "three")):
        world.client.create_partition("c", name)
        world.client.insert("c", plain(range(number * 10, number * 10 + 10)), partition_name=name)
    world.client.load_partitions("c", ["one", "two"])
    world.expect_target("c", lambda c: c.loaded == "loaded" and c.partitions["one"] == "loaded", "partition one is loaded")
    assert world.expect_equal("c").target_rows == 20
    world.client.release_partitions("c", ["one"])
    assert world.expect_equal("c").target_rows == 10
    world.client.release_partitions("c", ["two"])
    world.expect_target("c", lambda c: c.loaded == "released", "nothing is loaded")


def test_flush(world: World) -> None:
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(200)))
    world.expect_equal("c")
    world.client.flush("c")

    def flushed() -> None:
        if world.target.is_lite:
            return  # it loses rows that are written during a flush, so it is never asked for one
        answer = world.target_end.call(
            "GetPersistentSegmentInfo",
            milvus_pb2.GetPersistentSegmentInfoRequest(dbName=world.database, collectionName="c"),
        )
        states = [common_pb2.SegmentState.Name(info.state) for info in answer.infos]
        if states != ["Flushed"]:
            raise NotYet(f"the target's segments are {states}")

    eventually(flushed, every=0.3, what="the target has flushed the rows")
    world.expect_equal("c")


@BOTH_KEYS
def test_insert(world: World, key: DataType, make: RowMaker) -> None:
    world.start_task()
    world.make_collection("c", key=key)
    world.client.insert("c", make(range(500)))
    assert world.expect_equal("c").target_rows == 500
    world.client.insert("c", make(range(500, 600)))
    assert world.expect_equal("c").target_rows == 600


@BOTH_KEYS
def test_delete(world: World, key: DataType, make: RowMaker) -> None:
    world.start_task()
    world.make_collection("c", key=key)
    world.client.insert("c", make(range(300)))
    keys = list(range(100)) if key == DataType.INT64 else [text_key(number) for number in range(100)]
    world.client.delete("c", ids=keys)
    assert world.expect_equal("c").target_rows == 200
    # A deleted key may come back.
    world.client.insert("c", make(range(10), version=2))
    assert world.expect_equal("c").target_rows == 210


@BOTH_KEYS
def test_upsert(world: World, key: DataType, make: RowMaker) -> None:
    world.start_task()
    world.make_collection("c", key=key)
    world.client.insert("c", make(range(300)))
    world.client.upsert("c", make(range(200, 400), version=1))
    assert world.expect_equal("c").target_rows == 400
    for version in range(2, 7):
        world.client.upsert("c", make(range(150, 250), version=version))
    assert world.expect_equal("c").target_rows == 400


def test_rows_in_named_partitions_and_several_shards(world: World) -> None:
    world.start_task()
    world.make_collection("c", shards=4)
    for number in range(3):
        world.client.create_partition("c", f"p{number}")
        world.client.insert("c", plain(range(number * 1000, number * 1000 + 400)), partition_name=f"p{number}")
    world.client.insert("c", plain(range(9000, 9100)))
    world.client.load_collection("c")
    world.client.upsert("c", plain(range(1000, 1100), version=1), partition_name="p1")
    world.client.delete("c", ids=list(range(2000, 2050)), partition_name="p2")
    assert world.expect_equal("c").target_rows == 1250


def test_source_generates_the_keys(world: World) -> None:
    """The target gets the source's keys, so it must not generate its own."""
    world.start_task()
    world.make_collection("c", auto_id=True)
    rows = [{name: value for name, value in row.items() if name != "id"} for row in plain(range(200))]
    keys = world.client.insert("c", rows)["ids"]
    assert world.expect_equal("c").target_rows == 200
    world.client.delete("c", ids=list(keys)[:50])
    assert world.expect_equal("c").target_rows == 150


def test_same_name_again_after_a_drop(world: World) -> None:
    """Each life of the name has its own schema and rows; the second must not get rows of the first."""
    world.start_task()
    world.make_collection("c")
    world.client.insert("c", plain(range(300)))
    world.client.drop_collection("c")
    world.make_collection("c", shards=2, fields=lambda s: s.add_field("text", DataType.VARCHAR, max_length=50))
    rows = [{**row, "text": f"second life {row['id']}"} for row in plain(range(200, 350), version=9)]
    world.client.insert("c", rows)
    assert world.expect_equal("c").target_rows == 150
    world.client.drop_collection("c")
    world.make_collection("c", key=DataType.VARCHAR)
    world.client.insert("c", with_text_keys(range(70)))
    assert world.expect_equal("c").target_rows == 70


def test_many_collections_at_once(world: World) -> None:
    world.start_task()
    names = [f"c{number}" for number in range(8)]
    for number, name in enumerate(names):
        world.make_collection(name, shards=1 + number % 2, load=False)
        world.client.insert(name, plain(range(number * 10 + 10)))
    for name in names[:4]:
        world.make_index(name)
        world.client.load_collection(name)
    for number, name in enumerate(names[:4]):
        assert world.expect_equal(name).target_rows == number * 10 + 10
    for name in names[4:]:
        world.expect_equal(name)
