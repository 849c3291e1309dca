"""A dry run: everything is read and planned, nothing is written."""

from __future__ import annotations

import re

from lab.catalog import read_collections, read_databases
from lab.waiting import NotYet, eventually
from rows_for import plain
from world import World


def test_a_dry_task_changes_nothing_and_the_real_one_brings_all(own_milvus_world: World) -> None:
    world = own_milvus_world
    before = read_databases(world.target_end)
    world.make_collection("before", shards=2)
    world.client.insert("before", plain(range(300)))
    task = world.start_task(dry_run=True)
    world.make_collection("later")
    world.client.insert("later", plain(range(100)))
    world.client.delete("later", ids=list(range(10)))
    world.client.create_partition("before", "p")
    world.client.insert("before", plain(range(1000, 1050)), partition_name="p")

    def all_counted() -> None:
        shown = world.cdc.client.get(task)
        rows = shown["rows"]
        if (rows["inserted"] + rows["upserted"], rows["deleted"]) != (450, 10) or not shown["catalog"]["applied"]:
            raise NotYet(f"{rows} {shown['condition']} {shown['catalog']}")
        assert shown["dry_run"] is True
        assert shown["condition"]["state"] == "ok"

    eventually(all_counted, what="the dry run has counted all rows, and planned all metadata")
    assert read_databases(world.target_end) == before
    world.cdc.client.delete(task)
    log = world.cdc.process.log.read_text()
    for change in ("create database", "create collection", "create partition p", "create index", "load collection"):
        assert re.search(f"task={task} dry run: would {change} .*\\b{world.database}\\b", log), change
    written = re.findall(r"would write rows to (\S+), inserted=(\d+) upserted=(\d+) deleted=(\d+)", log)
    assert {name for name, *_ in written} == {f"{world.database}.before", f"{world.database}.later"}
    assert sum(int(inserted) + int(upserted) for _, inserted, upserted, _ in written) == 450
    assert sum(int(deleted) for *_, deleted in written) == 10

    world.start_task()
    assert world.expect_equal("before").target_rows == 350
    assert world.expect_equal("later").target_rows == 90


def test_a_dry_server_leaves_a_task_where_it_is(own_milvus_world: World) -> None:
    world = own_milvus_world
    world.make_collection("c")
    world.client.insert("c", plain(range(100)))
    task = world.start_task()
    assert world.expect_equal("c").target_rows == 100
    world.cdc.stop()
    world.cdc.configure({"dryRun": True})
    world.cdc.restart()
    world.client.insert("c", plain(range(100, 150)))
    world.make_collection("new")

    def planned() -> None:
        shown = world.cdc.client.get(task)
        if shown["rows"]["inserted"] + shown["rows"]["upserted"] != 50 or not shown["catalog"]["applied"]:
            raise NotYet(f"{shown['rows']} {shown['condition']} {shown['catalog']}")
        assert shown["dry_run"] is True

    eventually(planned, what="the rows are counted, the new collection is planned")
    assert read_collections(world.target_end, world.database) == ["c"]
    assert world.target_count("c") == 100
    world.cdc.stop()
    world.cdc.configure({})
    world.cdc.restart()
    assert world.expect_equal("c").target_rows == 150
    world.expect_collections("c", "new")
    assert world.cdc.client.get(task)["dry_run"] is False
