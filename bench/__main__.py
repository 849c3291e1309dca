"""Runs the measures that are named, or all, and prints one table."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from rich.console import Console  # noqa: E402

from lab.lab import Lab  # noqa: E402

from . import copy, drain, many_tasks, path, real_target, unfinished  # noqa: E402
from .figures import Figure, table_of  # noqa: E402

PARTS = ("path", "rocksmq", "kafka", "pulsar", "milvus", "copy", "tasks", "unfinished")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures of speed; without names, all.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}")
    parser.add_argument(
        "--repetitions", type=int, default=3, help="of each measure, except `tasks` and `unfinished` (default 3)"
    )
    parser.add_argument("--tasks", type=int, default=many_tasks.TASKS, help="of the part `tasks` (default 1000)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    logging.disable(logging.CRITICAL)
    console = Console()
    groups: dict[str, list[Figure]] = {}
    for part in arguments.parts or PARTS:
        with console.status(f"measuring: {part}"):
            groups |= _run(part, arguments.repetitions, arguments.tasks)
        console.print(f"measured: {part}")
    print(table_of(groups))
    return 0


def _run(part: str, repetitions: int, tasks: int) -> dict[str, list[Figure]]:
    if part == "path":
        return path.measure(repetitions)
    if part == "unfinished":
        return unfinished.measure()
    with Lab() as lab:
        if part == "milvus":
            return real_target.measure(lab, repetitions)
        if part == "copy":
            return copy.measure(lab, repetitions)
        if part == "tasks":
            return many_tasks.measure(lab, tasks)
        return drain.measure(lab, part, repetitions)


if __name__ == "__main__":
    sys.exit(main())
