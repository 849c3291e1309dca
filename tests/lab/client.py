"""pymilvus' client, as tests use it."""

from __future__ import annotations

from typing import Any

from pymilvus import MilvusClient
from pymilvus.client.types import Status
from pymilvus.exceptions import MilvusException

from .waiting import PATIENCE, eventually

# By default pymilvus asks the server every 10 s whether it is there, and gives it 5 s to answer. Milvus bears it. Milvus Lite
# has gRPC's own limits: while it owes an answer it hangs up on whoever asks again ("too many pings"), and on a busy machine
# it may owe one for long. Whether a server on this machine is there needs no asking, nor does how much it can take; and a
# connection that the server has hung up on must not be another client's.
_OPTIONS = {
    "grpc.keepalive_time_ms": 2**31 - 1,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.http2.bdp_probe": 0,
    "grpc.use_local_subchannel_pool": 1,
}


def connect(uri: str, database: str = "default", **options: Any) -> MilvusClient:
    """A client of a Milvus or Milvus Lite, which may be too busy to take a connection at once."""

    def connected() -> MilvusClient | MilvusException:
        try:
            return MilvusClient(uri, db_name=database, timeout=PATIENCE, grpc_options=_OPTIONS, **options)
        except MilvusException as error:
            if error.code == Status.CONNECT_FAILED:
                raise
            return error

    found = eventually(connected, what=f"{uri} takes a connection")
    if isinstance(found, MilvusException):
        raise found
    return found
