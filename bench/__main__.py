"""Runs the measures that are named, or all, and prints one table."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from rich.console import Console  # noqa: E402

from lab.lab import Lab  # noqa: E402

from . import drain, path, real_target  # noqa: E402
from .figures import Figure, table_of  # noqa: E402

PARTS = ("path", "rocksmq", "kafka", "milvus")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures of speed; without names, all.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measure (default 3)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    logging.disable(logging.CRITICAL)
    console = Console()
    groups: dict[str, list[Figure]] = {}
    for part in arguments.parts or PARTS:
        with console.status(f"measuring: {part}"):
            groups |= _run(part, arguments.repetitions)
        console.print(f"measured: {part}")
    print(table_of(groups))
    return 0


def _run(part: str, repetitions: int) -> dict[str, list[Figure]]:
    if part == "path":
        return path.measure(repetitions)
    with Lab() as lab:
        if part == "milvus":
            return real_target.measure(lab, repetitions)
        return drain.measure(lab, part, repetitions)


if __name__ == "__main__":
    sys.exit(main())
