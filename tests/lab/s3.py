"""An S3 server: moto's, whose objects are in its memory."""

from __future__ import annotations

import json
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .etcd import http_ok
from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE

_REGION = "us-east-1"
_NEVER = 2**31


@dataclass(frozen=True)
class Keys:
    access: str
    secret: str


@dataclass(frozen=True)
class Bucket:
    """Where a Milvus keeps its files. `address`: that of the server, or of a gate before it."""

    address: str
    name: str = "a-bucket"
    root: str = "files"
    keys: Keys = Keys("any", "any")

    def milvus_settings(self) -> dict[str, Any]:
        host, port = self.address.split(":")
        return {
            "common.storageType": "remote",
            "minio.address": host,
            "minio.port": int(port),
            "minio.accessKeyID": self.keys.access,
            "minio.secretAccessKey": self.keys.secret,
            "minio.useSSL": False,
            "minio.bucketName": self.name,
            "minio.rootPath": self.root,
            "minio.useIAM": False,
            "minio.cloudProvider": "aws",
        }

    def cdc_settings(self) -> dict[str, Any]:
        """The block sourceConfig.storage."""
        return {
            "type": "s3",
            "address": self.address,
            "bucketName": self.name,
            "rootPath": self.root,
            "accessKeyID": self.keys.access,
            "secretAccessKey": self.keys.secret,
        }


class S3:
    """Takes any keys until `check_rights` is called."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port = take_port()
        # As a module: the script beside the interpreter would need its folder in a `#!` line of bounded length.
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = ServerProcess(name, command, folder)
        self._clients: dict[str, Any] = {}  # making one takes longer than most calls

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        self.process.wait_until(lambda: http_ok(f"http://{self.address}/moto-api/data.json"), within, "S3 is ready")

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)

    # -- rights -------------------------------------------------------------------------------------------------------

    def make_user(self, name: str, *statements: dict[str, Any]) -> Keys:
        """Keys that may do what the statements of an IAM policy say."""
        iam = self._client("iam")
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def check_rights(self, on: bool) -> None:
        body = b"0" if on else str(_NEVER).encode()
        # By default it would be taken for a form.
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"http://{self.address}/moto-api/reset-auth", body, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE):
            pass

    # -- objects ------------------------------------------------------------------------------------------------------

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, bucket: str, key: str) -> bytes:
        return self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def write(self, bucket: str, key: str, data: bytes) -> None:
        self._client("s3").put_object(Bucket=bucket, Key=key, Body=data)

    def delete(self, bucket: str, key: str) -> None:
        self._client("s3").delete_object(Bucket=bucket, Key=key)

    def make_bucket(self, bucket: str) -> None:
        self._client("s3").create_bucket(Bucket=bucket)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        # Here, since most users of the lab need no S3.
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=f"http://{self.address}",
            region_name=_REGION,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )
