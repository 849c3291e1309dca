"""Writes a FileDescriptorSet of Milvus' public service from the descriptors inside the pymilvus wheel.

usage: milvus_descriptors.py PYMILVUS_DIR OUT

PYMILVUS_DIR holds the unpacked wheel (the folder that contains `pymilvus/`). Only its generated
`grpc_gen/*_pb2.py` modules are loaded, so nothing but `protobuf` has to be installed.
"""

import importlib
import pathlib
import sys
import types

from google.protobuf import descriptor_pb2, descriptor_pool


def main(wheel: str, out: str) -> None:
    # A package of our own whose folder is pymilvus' grpc_gen: importing pymilvus itself would need
    # everything it depends on.
    package = types.ModuleType("cdc_milvus")
    package.__path__ = [str(pathlib.Path(wheel) / "pymilvus" / "grpc_gen")]
    sys.modules["cdc_milvus"] = package
    importlib.import_module("cdc_milvus.milvus_pb2")

    pool = descriptor_pool.Default()
    files = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file_name: str) -> None:
        if file_name in seen:
            return
        seen.add(file_name)
        file = pool.FindFileByName(file_name)
        for dependency in file.dependencies:
            add(dependency.name)
        file.CopyToProto(files.file.add())

    add("milvus.proto")
    pathlib.Path(out).write_bytes(files.SerializeToString())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
