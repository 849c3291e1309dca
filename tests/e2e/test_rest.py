"""The REST API is what its description says, and the examples of its document work."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import Any

import requests
import schemathesis
import schemathesis.config
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import GenerationMode

from lab.cdc_client import CdcClient
from lab.cdc_server import CdcServer
from lab.client import connect
from lab.milvus import MilvusStandalone
from lab.paths import ROOT
from lab.waiting import PATIENCE, NotYet, eventually
from world import Target

TASKS = "/api/v1/tasks"
EXAMPLES = 12  # of each operation and kind
# A description cannot say all that makes a request wrong, e.g. a user without a password: 422 is an answer to what it
# allows, too.
ACCEPTED = ["2xx", "304", "401", "404", "409", "412", "422"]
# What is wrong may come with an If-Match that is wrong, too.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422", "428", "429", "5xx"]

MakeCdc = Callable[..., CdcServer]


def call(client: CdcClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = requests.request(method, f"http://{client.address}{path}", json=body, timeout=PATIENCE)
    return answer.status_code, answer.json() if answer.content else None


def tame(body: Any, uri: str) -> Any:
    """Only our target is asked, and no collection is covered that another test has; what is wrong stays wrong."""
    if not isinstance(body, dict):
        return body
    target = body.get("milvus_connect_param")
    if isinstance(target, dict) and isinstance(target.get("uri", ""), str):
        target["uri"] = uri
    if isinstance(target, dict) and isinstance(target.get("host"), str) and target["host"]:
        target["host"] = uri  # which may stand there as a whole
    if isinstance(body.get("db_collections"), dict):
        body["db_collections"] = {f"rest-{database}": infos for database, infos in body["db_collections"].items()}
    if isinstance(body.get("collection_infos"), list):
        for info in body["collection_infos"]:
            if isinstance(info, dict) and isinstance(info.get("name"), str) and info["name"]:
                info["name"] = f"rest-{info['name']}"
    return body


def definition(uri: str) -> dict[str, Any]:
    return {"milvus_connect_param": {"uri": uri}, "db_collections": {"rest": [{"name": "known"}]}}


def delete_all(client: CdcClient) -> None:
    for task in client.list():
        assert call(client, "DELETE", f"{TASKS}/{task['task_id']}")[0] == 204


def make_known(client: CdcClient, uri: str) -> None:
    """The task known, as it is defined: an earlier request may have changed it."""
    if call(client, "PUT", f"{TASKS}/known", definition(uri))[0] == 409:
        assert call(client, "DELETE", f"{TASKS}/known")[0] == 204
        assert call(client, "PUT", f"{TASKS}/known", definition(uri))[0] == 201


def test_answers_are_as_described(new_cdc: MakeCdc, lite: Target) -> None:
    server = new_cdc({"maxTaskNum": 20})
    server.start()
    server.wait_ready()
    client = server.client
    status, document = call(client, "GET", "/api/v1/openapi.json")
    assert status == 200
    validate(document)

    project = schemathesis.config.ProjectConfig(base_url=f"http://{client.address}")
    project.checks.positive_data_acceptance.expected_statuses = ACCEPTED
    project.checks.negative_data_rejection.expected_statuses = REFUSED
    config = schemathesis.Config(projects=schemathesis.config.ProjectsConfig(default=project))
    schema = schemathesis.openapi.from_dict(document, config=config)

    def check(operation: schemathesis.APIOperation, mode: GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def run(case: schemathesis.Case, known: bool) -> None:
            case.body = tame(case.body, lite.uri)
            if mode is GenerationMode.POSITIVE and case.query:
                case.query.pop("page_token", None)  # opaque: only what an answer had is right
                if "synced_at" in case.query:
                    case.query["synced_at"] = "2026-05-06T07:08:09Z"
            if mode is GenerationMode.POSITIVE and known and case.path_parameters:
                make_known(client, lite.uri)
                case.path_parameters["task_id"] = "known"
            seen.add(case.call_and_validate().status_code)

        run()

    checked = 0
    seen: set[int] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        delete_all(client)
        check(operation, GenerationMode.POSITIVE)
        if operation.body or operation.query:  # any text is an id
            check(operation, GenerationMode.NEGATIVE)
        checked += 1
    assert checked == sum(len(set(item) & {"get", "put", "post", "patch", "delete"}) for item in document["paths"].values())
    assert seen >= {200, 201, 204, 400, 404, 409, 412, 422}, seen  # they get as far as the tasks
    assert server.process.is_running()


def test_examples_of_the_document(new_cdc: MakeCdc, source: MilvusStandalone, lite: Target) -> None:
    server = new_cdc()
    server.start()
    server.wait_ready()
    with closing(connect(source.uri)) as admin:
        admin.create_collection("orders_rest", dimension=4, id_type="int")
    text = (ROOT / "docs" / "rest.md").read_text()
    scripts = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert len(scripts) == 4

    def run(script: str) -> str:
        for old, new in (
            ("127.0.0.1:8444", server.client.address),
            ("http://127.0.0.1:19530", lite.uri),
            ('"orders*"', '"orders_rest*"'),
            ("default.orders", "default.orders_rest"),
            ("curl ", "curl -sS --fail-with-body "),
        ):
            script = script.replace(old, new)
        done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, script + done.stdout + done.stderr
        return done.stdout

    def covers() -> None:
        if "default.orders_rest" not in call(server.client, "GET", f"{TASKS}/orders-to-b")[1]["covers"]:
            raise NotYet("the task does not cover it yet")

    address, create, look, change = scripts
    try:
        assert "201 Created" in run(address + create)
        eventually(covers, what="the task covers the collection")
        assert '"next_page_token"' not in run(address + look)
        assert "204 No Content" in run(address + change)
    finally:
        with closing(connect(source.uri)) as admin:
            admin.drop_collection("orders_rest")
    assert server.client.list() == []
