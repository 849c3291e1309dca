"""Unpacks Apache's C++ client for Pulsar from a pulsar-client wheel: lib/libpulsar.so and its licenses.

usage: unpack_pulsar.py WHEEL OUT
"""

import pathlib
import re
import sys

from unpack_wheel import unpack

LIBRARY = re.compile(r"pulsar_client\.libs/libpulsar-[0-9a-f]+\.so")
LICENSE = re.compile(r"pulsar_client-.*\.dist-info/(?:licenses/)?((?:LICENSE|NOTICE).*)")


def target(name: str) -> str | None:
    if LIBRARY.fullmatch(name):
        return "lib/libpulsar.so"
    if found := LICENSE.fullmatch(name):
        return f"licenses/{found[1]}"
    return None


def main(wheel: str, out: str) -> None:
    unpack(wheel, out, target)
    if not pathlib.Path(out, "lib/libpulsar.so").exists():
        raise SystemExit(f"{wheel} holds no libpulsar")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
