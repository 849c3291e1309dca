"""Unpacks Apache Arrow C++ from a pyarrow wheel: include/, lib/ and its licenses.

usage: unpack_arrow.py WHEEL OUT
"""

import re
import sys

from unpack_wheel import unpack

# What we link, out of everything that Python uses.
LIBRARY = re.compile(r"pyarrow/(lib(?:arrow|parquet|arrow_s3)\.so\.\d+)")
HEADER = re.compile(r"pyarrow/(include/(?:arrow|parquet)/.*\.h)")
LICENSE = re.compile(r"pyarrow-.*/licenses/(.+)")


def target(name: str) -> str | None:
    if found := LIBRARY.fullmatch(name):
        return f"lib/{found[1]}"
    if found := HEADER.fullmatch(name):
        return found[1]
    if found := LICENSE.fullmatch(name):
        return f"licenses/{found[1]}"
    return None


def main(wheel: str, out: str) -> None:
    unpack(wheel, out, target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
