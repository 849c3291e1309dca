"""The messages of proto/milvus_meta.proto, which Milvus keeps in etcd, for Python."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from .paths import ROOT


@functools.cache
def meta(name: str) -> Any:
    """The class of the message `cdc.meta.<name>`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"cdc.meta.{name}"))


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "meta.binpb"
        subprocess.run(
            ["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={out}", "milvus_meta.proto"], check=True
        )
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool
