"""start_from: snapshot from the storages of Google and Azure: what is read there, and what is said if it cannot be.

By hand, for Azure: AZURITE=<command of azurite-blob> .cache/venv/bin/python -m pytest tests/e2e/test_other_clouds.py
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from lab.catalog import collection_id
from lab.cdc_client import create_request
from lab.cdc_server import CdcServer, source_configuration
from lab.clouds import BUCKET, Azurite, GoogleStorage
from lab.flush import flush
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.waiting import promised
from rows_for import plain
from test_start_from_snapshot import expect_copied
from world import Target, World


def google(lab: Lab) -> GoogleStorage:
    return lab.google_storage("google")


def azure(lab: Lab) -> Azurite:
    if "AZURITE" not in os.environ:
        pytest.skip("Azurite is not installed: see lab/clouds.py")
    return lab.azurite("azurite")


@pytest.mark.parametrize("cloud_of", [google, azure])
def test_rows_are_copied_from_a_cloud(
    lab: Lab,
    source: MilvusStandalone,
    lite: Target,
    new_cdc: Callable[..., CdcServer],
    cloud_of: Callable[[Lab], GoogleStorage | Azurite],
) -> None:
    """The files of a real Milvus, put there by us."""
    root = "deep/er"
    cloud = cloud_of(lab)
    lab.start(cloud)
    right = cloud.cdc_settings(root)
    cdc = new_cdc({"sourceConfig": {**source_configuration(source), "storage": {**right, "bucketName": "nowhere"}}})
    lab.start(cdc)
    world = World(source, lite, cdc)
    world.make_collection("c", dim=64)
    world.client.insert("c", plain(range(3_000), dim=64))
    flush(world.source_end, world.database, "c")
    world.client.delete("c", ids=list(range(100, 200)))
    flush(world.source_end, world.database, "c")
    identity = collection_id(world.source_end, world.database, "c")
    for file in source.storage_path.rglob("*"):
        if file.is_file() and str(identity) in file.parts:
            cloud.write(f"{root}/{file.relative_to(source.storage_path)}", file.read_bytes())

    def refused(*words: str) -> None:
        fields = {"start_from": "snapshot", "db_collections": {world.database: [{"name": "*"}]}}
        with pytest.raises(Exception, match=".") as error:
            cdc.client.call("create", create_request(lite.uri, **fields), timeout=promised(10))
        for word in words:
            assert word in str(error.value)

    def restart(**changed: object) -> None:
        cdc.stop()
        cdc.configure({"sourceConfig": {**source_configuration(source), "storage": {**right, **changed}}})
        cdc.restart()

    refused("nowhere, root deep/er", cloud.address, "there is no such bucket")
    restart(rootPath="files")
    refused(f"{BUCKET}, root files", "is this the storage of the source")
    restart(address="127.0.0.1:1")
    refused(f"{BUCKET}, root deep/er", "127.0.0.1:1")
    restart()
    task = world.start_task(start_from="snapshot")
    expect_copied(world, task)
    assert world.expect_equal("c").target_rows == 2_900
    world.close()
