"""A small client of the control API, `POST /cdc`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from .waiting import PATIENCE


class CdcError(Exception):
    """The server answered, and said no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class CdcClient:
    def __init__(self, address: str) -> None:
        self.address = address

    def raw(self, body: bytes | None, method: str = "POST", path: str = "/cdc", timeout: float = PATIENCE) -> tuple[int, bytes]:
        """One HTTP request; returns the status line's number and the body, whatever they are."""
        request = urllib.request.Request(f"http://{self.address}{path}", data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def answer(self, request_type: str, data: Any = None, timeout: float = PATIENCE) -> dict[str, Any]:
        """The whole body of the answer, failures too."""
        request = {"request_type": request_type, "request_data": {} if data is None else data}
        status, body = self.raw(json.dumps(request).encode(), timeout=timeout)
        assert status == 200, f"the HTTP status is always 200, not {status}: {body!r}"
        return json.loads(body)

    def call(self, request_type: str, data: Any = None, timeout: float = PATIENCE) -> dict[str, Any]:
        """The `data` of a successful answer; raises CdcError for any other."""
        answer = self.answer(request_type, data, timeout)
        if answer["code"] != 200:
            raise CdcError(answer["code"], answer.get("message", ""))
        return answer.get("data", {})

    def create(self, target_uri: str, **fields: Any) -> str:
        """Creates a task that replicates everything from the beginning, unless `fields` say otherwise."""
        return self.call("create", create_request(target_uri, **fields))["task_id"]

    def get(self, task_id: str) -> dict[str, Any]:
        return self.call("get", {"task_id": task_id})["task"]

    def state(self, task_id: str) -> str:
        return self.get(task_id)["state"]

    def list(self) -> list[dict[str, Any]]:
        return self.call("list")["tasks"]

    def pause(self, task_id: str) -> None:
        self.call("pause", {"task_id": task_id})

    def resume(self, task_id: str) -> None:
        self.call("resume", {"task_id": task_id})

    def delete(self, task_id: str) -> None:
        self.call("delete", {"task_id": task_id})

    def metrics(self) -> str:
        return self.raw(None, "GET", "/cdc/metrics")[1].decode()


def create_request(target_uri: str, **fields: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "milvus_connect_param": {"uri": target_uri, "token": ""},
        "db_collections": {"*": [{"name": "*"}]},
        "start_from": "earliest",
    }
    request.update(fields)
    if "collection_infos" in fields:
        del request["db_collections"]
    return {name: value for name, value in request.items() if value is not None}
