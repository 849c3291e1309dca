"""A target that speaks TLS and asks for a password."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pymilvus.grpc_gen import milvus_pb2

from lab.cdc_client import create_request
from lab.certificates import Certificates
from lab.compare import compare_collection
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.rows import Endpoint
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import World

TOKEN = "root:Milvus"


@pytest.fixture(scope="module")
def certificates(lab: Lab) -> Certificates:
    return Certificates(lab.folder / "secured-certificates").make()


@pytest.fixture(scope="module")
def secured(lab: Lab, certificates: Certificates) -> Iterator[MilvusStandalone]:
    server = lab.milvus(
        "secured",
        root_path="by-secured",
        settings={
            "common.security.authorizationEnabled": True,
            "common.security.tlsMode": 1,
            "tls.serverPemPath": str(certificates.certificate),
            "tls.serverKeyPath": str(certificates.key),
            "tls.caPemPath": str(certificates.authority),
        },
    )
    lab.start(server)
    yield server
    lab.end(server)


@pytest.fixture
def uri(secured: MilvusStandalone) -> str:
    return f"https://127.0.0.1:{secured.port}"


def test_rows_arrive(lite_world: World, uri: str, certificates: Certificates) -> None:
    world = lite_world
    dial = {"server_pem_path": str(certificates.authority)}
    world.start_task(milvus_connect_param={"uri": uri, "token": TOKEN, "dial_config": dial})
    world.make_collection("c", load=False)
    world.client.insert("c", plain(range(50)))
    world.make_index("c")
    world.client.load_collection("c")
    target = Endpoint(uri, token=TOKEN, authority=certificates.authority)

    def equal() -> None:
        found = compare_collection(world.source_end, target, "c", world.database)
        if found.differences:
            raise NotYet("; ".join(found.differences))

    eventually(equal, every=0.25, what="the collection is equal on the secured target")
    target.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        # In the target's own words.
        ({"token": "root:wrong"}, "auth check failure"),
        ({"token": ""}, "missing authorization in header"),
        ({"username": "nobody", "password": "Milvus", "token": ""}, "auth check failure"),
        # In those of TLS: nobody whom this machine trusts has signed the certificate.
        ({"dial_config": {}}, "certificate verify failed"),
        ({"dial_config": {"server_pem_path": "/no/such.pem"}}, "cannot read /no/such.pem: No such file"),
        ({"scheme": "http", "dial_config": {}}, "fail to connect the milvus: Connect: 127.0.0.1:"),
    ],
    ids=["wrong password", "no password", "unknown user", "unknown authority", "missing file", "not tls"],
)
def test_refused_at_create(
    lite_world: World, uri: str, certificates: Certificates, changes: dict[str, Any], words: str
) -> None:
    param = {
        "uri": uri,
        "token": TOKEN,
        "connect_timeout": 3,
        "dial_config": {"server_pem_path": str(certificates.authority)},
        **changes,
    }
    if scheme := param.pop("scheme", None):
        param["uri"] = uri.replace("https", scheme)
    answer = lite_world.cdc.client.answer("create", create_request("", milvus_connect_param=param))
    assert answer["code"] != 200
    assert words in answer["message"], answer
    assert TOKEN not in answer["message"] and "root:wrong" not in answer["message"]
    assert lite_world.cdc.client.list() == []


def test_a_wrong_password_is_the_callers_mistake_over_rest(
    lite_world: World, uri: str, certificates: Certificates
) -> None:
    param = {"uri": uri, "token": "root:wrong", "dial_config": {"server_pem_path": str(certificates.authority)}}
    tasks = f"http://{lite_world.cdc.client.address}/api/v1/tasks"

    def status(**changes: Any) -> int:
        body = create_request("", milvus_connect_param={**param, "connect_timeout": 3, **changes})
        return requests.post(tasks, json=body, timeout=PATIENCE).status_code

    assert status() == 422
    assert status(dial_config={}) == 503
    assert lite_world.cdc.client.list() == []


def test_a_task_gets_another_password(lite_world: World, uri: str, certificates: Certificates) -> None:
    world = lite_world
    target = Endpoint(uri, token=TOKEN, authority=certificates.authority)

    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    target.call("CreateCredential", milvus_pb2.CreateCredentialRequest(username="cdc", password=encoded("Before1")))
    role = milvus_pb2.OperateUserRoleRequest(username="cdc", role_name="admin")
    target.call("OperateUserRole", role)
    dial = {"server_pem_path": str(certificates.authority)}
    param = {"uri": uri, "token": "cdc:Before1", "dial_config": dial}
    task = world.start_task(milvus_connect_param=param)
    world.make_collection("d", load=False)
    world.make_index("d")
    world.client.load_collection("d")

    def patch(**changes: Any) -> requests.Response:
        path = f"http://{world.cdc.client.address}/api/v1/tasks/{task}"
        return requests.patch(path, json={"milvus_connect_param": changes}, timeout=PATIENCE)

    assert patch(token=TOKEN).status_code == 200
    change = {"oldPassword": encoded("Before1"), "newPassword": encoded("After22")}
    target.call("UpdateCredential", milvus_pb2.UpdateCredentialRequest(username="cdc", **change))
    refused = patch(token="cdc:Before1")
    assert refused.status_code == 422 and "auth check failure" in refused.json()["detail"]
    other = patch(uri=world.target.uri, dial_config=None)
    assert other.status_code == 422 and "create a new task" in other.json()["detail"]
    # The old password is no longer good for anything, so these rows come with the new one.
    world.client.insert("d", plain(range(50)))

    def equal() -> None:
        found = compare_collection(world.source_end, target, "d", world.database)
        if found.differences:
            raise NotYet("; ".join(found.differences))

    eventually(equal, every=0.25, what="the collection is equal on the secured target")
    assert patch(token="cdc:After22").status_code == 200
    world.expect_condition(task, "ok")
    target.close()
