"""Writes records with headers to Kafka, with the library that milvus-cdc reads them with."""

from __future__ import annotations

import ctypes
from typing import Any

from .waiting import PATIENCE

_TOPIC, _PARTITION, _VALUE, _MSGFLAGS, _HEADER = 1, 3, 4, 7, 9  # rd_kafka_vtype_t
_COPY = 2  # RD_KAFKA_MSG_F_COPY
_PRODUCER = 0


class _Bytes(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("size", ctypes.c_ssize_t))


class _Value(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("number", ctypes.c_int32),
        ("bytes", _Bytes),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Part(ctypes.Structure):
    """rd_kafka_vu_t"""

    _fields_ = (("kind", ctypes.c_int), ("value", _Value))


class _Message(ctypes.Structure):
    """rd_kafka_message_t"""

    _fields_ = (
        ("error", ctypes.c_int),
        ("topic", ctypes.c_void_p),
        ("partition", ctypes.c_int32),
        ("payload", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("key", ctypes.c_void_p),
        ("key_size", ctypes.c_size_t),
        ("offset", ctypes.c_int64),
        ("opaque", ctypes.c_void_p),
    )


_Delivered = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Message), ctypes.c_void_p)


def _library() -> Any:
    library = ctypes.CDLL("librdkafka.so.1")
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_produceva"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_err2str.restype = ctypes.c_char_p
    library.rd_kafka_error_string.restype = ctypes.c_char_p
    return library


class KafkaProducer:
    """Sends to partition 0, one record after another, each awaited; zstd, as Milvus asks for. For one thread at a time."""

    def __init__(self, address: str) -> None:
        self._library = _library()
        self._sent: list[tuple[int, int]] = []
        # ctypes does not keep the callback alive.
        self._on_delivery = _Delivered(
            lambda _client, message, _opaque: self._sent.append((message.contents.error, message.contents.offset))
        )
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        problem = ctypes.create_string_buffer(512)
        for key, value in {"bootstrap.servers": address, "compression.codec": "zstd", "linger.ms": "0"}.items():
            if self._library.rd_kafka_conf_set(configuration, key.encode(), value.encode(), problem, len(problem)) != 0:
                raise RuntimeError(problem.value.decode())
        self._library.rd_kafka_conf_set_dr_msg_cb(configuration, self._on_delivery)
        self._client = ctypes.c_void_p(
            self._library.rd_kafka_new(_PRODUCER, configuration, problem, ctypes.c_size_t(len(problem)))
        )
        if not self._client.value:
            raise RuntimeError(problem.value.decode())

    def send(self, topic: str, value: bytes, headers: dict[str, str]) -> int:
        """Returns the offset."""
        parts = (_Part * (4 + len(headers)))()
        parts[0].kind, parts[0].value.text = _TOPIC, topic.encode()
        parts[1].kind, parts[1].value.number = _PARTITION, 0
        parts[2].kind, parts[2].value.bytes = _VALUE, _Bytes(value, len(value))
        parts[3].kind, parts[3].value.number = _MSGFLAGS, _COPY
        for part, (key, text) in zip(parts[4:], headers.items(), strict=True):
            content = text.encode()
            part.kind, part.value.header = _HEADER, _Header(key.encode(), content, len(content))
        error = self._library.rd_kafka_produceva(self._client, parts, ctypes.c_size_t(len(parts)))
        if error:
            raise RuntimeError(self._library.rd_kafka_error_string(ctypes.c_void_p(error)).decode())
        self._library.rd_kafka_flush(self._client, int(PATIENCE * 1000))
        if not self._sent:
            raise RuntimeError(f"Kafka has not taken a record of {topic}")
        code, offset = self._sent.pop()
        if code != 0:
            raise RuntimeError(self._library.rd_kafka_err2str(code).decode())
        return offset

    def close(self) -> None:
        if self._client.value:
            self._library.rd_kafka_destroy(self._client)
            self._client = ctypes.c_void_p(None)
