"""Rows for tests. The content follows from the key and a version, so a wrong row can be recognised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Row = dict[str, Any]


def vector(key: int, version: int = 0, dim: int = 8) -> list[float]:
    return np.random.default_rng((key & 0xFFFFFFFF, version)).random(dim, dtype=np.float32).tolist()


def plain(keys: Iterable[int], version: int = 0, dim: int = 8) -> list[Row]:
    """Rows for `World.make_collection` with Int64 keys."""
    return [{"id": key, "vector": vector(key, version, dim), "version": version} for key in keys]


def with_text_keys(keys: Iterable[int], version: int = 0, dim: int = 8) -> list[Row]:
    """The same with VarChar keys. Some need escaping in expressions, some are not ASCII."""
    return [{**row, "id": text_key(row["id"])} for row in plain(keys, version, dim)]


def text_key(key: int) -> str:
    return (f"key-{key}", f'a "quoted" {key}', f"größe/{key}", f"日本 {key}")[key % 4]


RowMaker = Callable[..., list[Row]]
