"""Where things are in the working tree."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
MILVUS = CACHE / "milvus-2.3.5"
KAFKA = CACHE / "kafka-3.9.1"
PULSAR = CACHE / "pulsar-2.11.0"
PULSAR_CLIENT = CACHE / "pulsar-client-3.13.0"
# Another binary can be tested, e.g. one built with a sanitizer.
CDC_BINARY = Path(os.environ.get("CDC_BINARY", ROOT / "build" / "milvus-cdc")).resolve()
