"""Servers that speak Google's and Azure's protocols of stored objects."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pyarrow.fs

from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE

BUCKET = "rows"


class _Cloud:
    def __init__(self, name: str, command: list[str], folder: Path, port: int) -> None:
        self.port = port
        self.process = ServerProcess(name, command, folder)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, within: float = PATIENCE) -> None:
        def listens() -> bool:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True

        self.process.wait_until(listens, within, f"{self.process.name} listens")

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)

    def write(self, key: str, data: bytes) -> None:
        with self.files().open_output_stream(f"{BUCKET}/{key}") as stream:
            stream.write(data)

    def files(self) -> pyarrow.fs.FileSystem:
        raise NotImplementedError


class GoogleStorage(_Cloud):
    """A Google Cloud Storage in memory."""

    def __init__(self, name: str, folder: Path) -> None:
        port = take_port()
        options = ["--host", "127.0.0.1", "--port", str(port), "--default-bucket", BUCKET, "--in-memory"]
        super().__init__(name, [sys.executable, "-m", "gcp_storage_emulator", "start", *options], folder, port)

    def files(self) -> pyarrow.fs.FileSystem:
        return pyarrow.fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=self.address)

    def cdc_settings(self, root: str) -> dict[str, Any]:
        return {"type": "gcs", "address": self.address, "bucketName": BUCKET, "rootPath": root, "useSSL": False}


class Azurite(_Cloud):
    """Azure's own emulator of its blob storage. It is a program for Node.js, which `./dev setup` does not install:
    AZURITE names its command, e.g. node_modules/.bin/azurite-blob after `npm install azurite`."""

    _ACCOUNT = "devstoreaccount1"
    # Azurite's well-known one.
    _KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self, name: str, folder: Path) -> None:
        port = take_port()
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder / "blobs")]
        super().__init__(name, [os.environ["AZURITE"], *options, "--skipApiVersionCheck", "--silent"], folder, port)

    def files(self) -> pyarrow.fs.FileSystem:
        files = pyarrow.fs.AzureFileSystem(
            account_name=self._ACCOUNT,
            account_key=self._KEY,
            blob_storage_authority=self.address,
            dfs_storage_authority=self.address,
            blob_storage_scheme="http",
            dfs_storage_scheme="http",
        )
        files.create_dir(BUCKET)
        return files

    def cdc_settings(self, root: str) -> dict[str, Any]:
        return {
            "type": "azure",
            "address": self.address,
            "bucketName": BUCKET,
            "rootPath": root,
            "accessKeyID": self._ACCOUNT,
            "secretAccessKey": self._KEY,
            "useSSL": False,
        }
