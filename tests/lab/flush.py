"""A flush that is waited for."""

from __future__ import annotations

from pymilvus.grpc_gen import milvus_pb2

from .rows import Endpoint
from .waiting import eventually


def flush(end: Endpoint, database: str, *collections: str) -> None:
    """Returns when all that was written before is in files, and the checkpoints of the channels say so."""
    request = milvus_pb2.FlushRequest(db_name=database, collection_names=collections)
    answer = end.call("Flush", request)
    for name in collections:
        state = milvus_pb2.GetFlushStateRequest(
            segmentIDs=answer.coll_segIDs[name].data,
            flush_ts=answer.coll_flush_ts[name],
            db_name=database,
            collection_name=name,
        )
        eventually(lambda state=state: end.call("GetFlushState", state).flushed, every=0.1, what=f"{name} is flushed")
