"""What a plan finds on real servers before a task exists, and that it leaves everything as it is."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from typing import Any

import requests
from pymilvus import DataType
from pymilvus.grpc_gen import milvus_pb2

from lab.catalog import read_collection, read_collections, read_databases
from lab.cdc_client import create_request
from lab.cdc_server import CdcServer, source_configuration
from lab.client import connect
from lab.milvus import MilvusStandalone
from lab.paths import CDC_BINARY
from lab.ports import take_port
from lab.waiting import PATIENCE, eventually
from rows_for import plain
from world import Target, World

MakeCdc = Callable[..., CdcServer]


def plan(server: CdcServer, target_uri: str, **fields: Any) -> dict[str, Any]:
    return server.client.call("create", create_request(target_uri, plan=True, **fields))["plan"]


def find(found: dict[str, Any], severity: str, area: str, text: str) -> dict[str, Any]:
    for item in found["items"]:
        if item["severity"] == severity and item["area"] == area and text in item["finding"]:
            return item
    raise AssertionError(f"no {severity} of {area} with {text!r}: {json.dumps(found, indent=1)}")


def plant_other_schema(world: World, name: str) -> None:
    admin = connect(world.target.uri)
    admin.create_database(world.database)
    admin.close()
    other = connect(world.target.uri, world.database)
    schema = other.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=16)
    schema.add_field("extra", DataType.INT64)
    other.create_collection(name, schema=schema)
    other.close()


def first_record(world: World, collection: str) -> dict[str, str]:
    """Positions at an id of RocksMQ that is older than any record, by vchannel."""
    request = milvus_pb2.DescribeCollectionRequest(db_name=world.database, collection_name=collection)
    shards = world.source_end.call("DescribeCollection", request)
    id_of_one = base64.b64encode((1).to_bytes(8, "little")).decode()
    return dict.fromkeys(shards.virtual_channel_names, id_of_one)


def test_planted_problems_are_found_with_their_cures(world: World) -> None:
    world.make_collection("differs", load=False)
    world.make_collection("fresh", load=False)
    world.client.insert("fresh", plain(range(10)))
    world.make_collection("renamed", load=False)
    plant_other_schema(world, "differs")
    world.start_task(db_collections={world.database: [{"name": "taken"}]})
    def state() -> Any:
        names = read_collections(world.target_end, world.database)
        return (
            sorted(read_databases(world.target_end)),
            [(name, read_collection(world.target_end, world.database, name)) for name in names],
            [(task["task_id"], task["milvus_connect_param"]) for task in world.cdc.client.list()],
        )

    before = state()
    scope = [{"name": name} for name in ("differs", "fresh", "renamed", "typo")]
    mapping = [{"source_db": world.database, "target_db": world.database, "collection_mapping": {"renamed": "taken"}}]
    found = plan(world.cdc, world.target.uri, db_collections={world.database: scope}, name_mapping=mapping)
    assert found["can_start"] is False

    item = find(found, "warning", "schema", "field vector: dim is 8 on the source, 16 on the target")
    assert item["object"] == f"{world.database}.differs" and "name_mapping" in item["cure"]
    find(found, "warning", "schema", "field extra is missing on the source")
    item = find(found, "error", "names", "the target name is duplicate with existing task")
    assert "name_mapping" in item["cure"]
    item = find(found, "warning", "collection", "no collection of this name")
    assert item["object"] == f"{world.database}.typo" and "correct the name" in item["cure"]
    find(found, "ok", "target", "it can be reached")
    find(found, "ok", "collection", f"would be created on the target as {world.database}.fresh")
    find(found, "ok", "rows", "all its rows, from the queue")
    find(found, "ok", "queue", "the source's queue is RocksMQ, and it answers")

    # Without the name that is taken it could start, and says what `latest` leaves out.
    good = plan(
        world.cdc, world.target.uri, db_collections={world.database: [{"name": "fresh"}]}, start_from="latest"
    )
    assert good["can_start"] is True and good["summary"]["error"] == 0
    assert "earliest" in find(good, "note", "rows", "only rows written from now on")["cure"]

    # A beginning that the queue does not hold; a target that is not there; both in one plan.
    lost = [{"name": "fresh", "positions": first_record(world, "fresh")}]
    bad = plan(world.cdc, f"http://127.0.0.1:{take_port()}", db_collections={world.database: lost})
    assert bad["can_start"] is False
    assert "reach" in find(bad, "error", "target", "fail to connect the milvus")["cure"]
    item = find(bad, "error", "rows", "position expired")
    assert item["object"] == f"{world.database}.fresh" and "leave them out" in item["cure"]

    assert state() == before


def test_a_plan_and_a_create_agree(lite_world: World) -> None:
    """The first error of a plan is what the create answers."""
    world = lite_world
    world.start_task(db_collections={world.database: [{"name": "c"}]})
    fields = {"db_collections": {world.database: [{"name": "c"}]}}
    found = plan(world.cdc, world.target.uri, **fields)
    errors = [item for item in found["items"] if item["severity"] == "error"]
    answer = world.cdc.client.answer("create", create_request(world.target.uri, **fields))
    assert answer["message"] == f"fail to handle the create request, error: {errors[0]['finding']}"
    assert len(world.cdc.client.list()) == 1

    # REST and the command line say the same.
    address = world.cdc.client.address
    body = create_request(world.target.uri, **fields)
    assert requests.post(f"http://{address}/api/v1/tasks:plan", json=body, timeout=PATIENCE).json() == found
    arguments = [str(CDC_BINARY), "task", "plan", "--server", address, "--target-uri", world.target.uri]
    done = subprocess.run(
        [*arguments, "--collection", f"{world.database}.c", "--start-from", "earliest"],
        capture_output=True, text=True, timeout=PATIENCE,
    )
    assert done.returncode == 5, done.stdout + done.stderr
    assert "duplicate with existing task" in done.stdout and "cure: " in done.stdout
    assert "the task cannot start: errors 1" in done.stdout
    assert len(world.cdc.client.list()) == 1


def test_a_source_that_is_not_there(source: MilvusStandalone, lite: Target, new_cdc: MakeCdc) -> None:
    """The target is looked at all the same."""
    etcd = {"address": [f"http://127.0.0.1:{take_port()}"], "rootPath": "by-dev", "metaSubPath": "meta"}
    server = new_cdc({"sourceConfig": {**source_configuration(source), "etcd": etcd}})
    server.start()
    # A plan waits for the first attempt to open the source, and the server listens before it.
    found = eventually(lambda: plan(server, lite.uri), what="the server answers")
    assert found["can_start"] is False
    assert "sourceConfig" in find(found, "error", "source", "the source is not")["cure"]
    find(found, "ok", "target", "it can be reached")
    find(found, "ok", "target", "sink mode api")
