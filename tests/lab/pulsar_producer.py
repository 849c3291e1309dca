"""Writes messages with properties to Pulsar, with the library that milvus-cdc reads them with."""

from __future__ import annotations

import ctypes
from typing import Any

from .paths import PULSAR_CLIENT
from .waiting import PATIENCE

_OK = 0
_ZSTD = 3  # pulsar_compression_type


def _library() -> Any:
    library = ctypes.CDLL(str(PULSAR_CLIENT / "lib" / "libpulsar.so"))
    for name in (
        "pulsar_client_configuration_create",
        "pulsar_client_create",
        "pulsar_producer_configuration_create",
        "pulsar_message_create",
        "pulsar_message_get_message_id",
        "pulsar_message_id_serialize",
    ):
        getattr(library, name).restype = ctypes.c_void_p
    library.pulsar_result_str.restype = ctypes.c_char_p
    return library


class PulsarProducer:
    """Sends one message after another, each awaited, compressed by zstd. For one thread at a time.

    `batching`: each is a batch of one, as Milvus 2.6 writes them; 2.5 writes none.
    """

    def __init__(self, address: str, *, batching: bool = False) -> None:
        self._library = _library()
        self._configuration = ctypes.c_void_p(self._library.pulsar_client_configuration_create())
        self._client = ctypes.c_void_p(self._library.pulsar_client_create(address.encode(), self._configuration))
        self._options = ctypes.c_void_p(self._library.pulsar_producer_configuration_create())
        self._library.pulsar_producer_configuration_set_compression_type(self._options, _ZSTD)
        self._library.pulsar_producer_configuration_set_batching_enabled(self._options, int(batching))
        # A broker that a test restarts has to be up again before that.
        self._library.pulsar_producer_configuration_set_send_timeout(self._options, int(PATIENCE * 1000))
        self._producers: dict[str, ctypes.c_void_p] = {}

    def send(self, topic: str, value: bytes, properties: dict[str, str]) -> bytes:
        """Returns the serialized id."""
        message = ctypes.c_void_p(self._library.pulsar_message_create())
        self._library.pulsar_message_set_content(message, value, ctypes.c_size_t(len(value)))
        for key, text in properties.items():
            self._library.pulsar_message_set_property(message, key.encode(), text.encode())
        try:
            self._check("send", self._library.pulsar_producer_send(self._producer(topic), message))
            return self._id_of(message)
        finally:
            self._library.pulsar_message_free(message)

    def close(self) -> None:
        for producer in self._producers.values():
            self._library.pulsar_producer_close(producer)
            self._library.pulsar_producer_free(producer)
        self._producers.clear()
        if self._client.value:
            self._library.pulsar_client_close(self._client)
            self._library.pulsar_client_free(self._client)
            self._library.pulsar_producer_configuration_free(self._options)
            self._library.pulsar_client_configuration_free(self._configuration)
            self._client = ctypes.c_void_p(None)

    def _producer(self, topic: str) -> ctypes.c_void_p:
        if topic not in self._producers:
            producer = ctypes.c_void_p()
            made = self._library.pulsar_client_create_producer(
                self._client, topic.encode(), self._options, ctypes.byref(producer)
            )
            self._check(f"create a producer of {topic}", made)
            self._producers[topic] = producer
        return self._producers[topic]

    def _id_of(self, message: ctypes.c_void_p) -> bytes:
        found = ctypes.c_void_p(self._library.pulsar_message_get_message_id(message))
        size = ctypes.c_int()
        text = self._library.pulsar_message_id_serialize(found, ctypes.byref(size))
        result = ctypes.string_at(text, size.value)
        ctypes.CDLL(None).free(ctypes.c_void_p(text))
        self._library.pulsar_message_id_free(found)
        return result

    def _check(self, what: str, result: int) -> None:
        if result != _OK:
            raise RuntimeError(f"Pulsar, {what}: {self._library.pulsar_result_str(result).decode()}")
