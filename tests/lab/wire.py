"""Protobuf messages without their descriptors."""

from __future__ import annotations

from collections.abc import Sequence


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def protobuf(*fields: int | bytes | Sequence[bytes]) -> bytes:
    """A message whose fields are numbered from 1. Those that are 0 or empty are left out; a sequence is a repeated one."""
    out = b""
    for number, value in enumerate(fields, 1):
        if isinstance(value, int):
            out += varint(number << 3) + varint(value) if value else b""
            continue
        for each in [value] if isinstance(value, bytes) else value:
            if each:
                out += varint(number << 3 | 2) + varint(len(each)) + each
    return out
