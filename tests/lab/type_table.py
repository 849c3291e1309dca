"""The table of docs/types.md, made from what the tests found.

    python tests/lab/type_table.py        puts the results of the last test run into docs/types.md

Each run of the type tests leaves its results in build/test-results/types and compares them with the table.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = _ROOT / "docs" / "types.md"
RESULTS = _ROOT / "build" / "test-results" / "types"

OPERATIONS = ("insert", "upsert", "delete")
TARGETS = ("Milvus 2.3.5", "Milvus Lite")
EQUAL = "equal"

_BEGIN, _END = "<!-- begin: made by tests/lab/type_table.py -->", "<!-- end -->"
_MARK = "✓"

# type -> operation -> EQUAL, or who refuses it and with which words
Outcomes = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Run:
    """One run of the tests: a queue of the source and a target."""

    queue: str
    target: str

    @property
    def file(self) -> Path:
        return RESULTS / f"{self.queue}-{self.target}.json".lower().replace(" ", "-")


# What differs between targets does not depend on the queue.
RUNS = (*(Run(queue, target) for queue in ("RocksMQ", "Kafka") for target in TARGETS), Run("Pulsar", TARGETS[0]))


def save(run: Run, outcomes: Outcomes) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    run.file.write_text(json.dumps(outcomes, indent=1, ensure_ascii=False) + "\n")


def render(results: dict[Run, Outcomes]) -> str:
    """The table as Markdown. What is not equal gets a note with the words of who refuses it."""
    notes: dict[str, int] = {}

    def cell(outcomes: dict[str, str]) -> str:
        return " ".join(
            _MARK if found == EQUAL else f"[{notes.setdefault(found, len(notes) + 1)}]"
            for found in (outcomes[operation] for operation in OPERATIONS)
        )

    lines = [
        "| type | " + " | ".join(f"{run.queue} → {run.target}" for run in RUNS) + " |",
        "| --- |" + " --- |" * len(RUNS),
    ]
    labels = list(dict.fromkeys(label for run in RUNS for label in results[run]))
    for label in labels:
        lines.append(f"| {label} | " + " | ".join(cell(results[run][label]) for run in RUNS) + " |")
    lines.append("")
    lines += [f"{number}. {text}" for text, number in notes.items()]
    return "\n".join(lines)


def parse(document: str) -> dict[Run, Outcomes]:
    """What the table says: the inverse of `render`."""
    part = document.split(_BEGIN)[1].split(_END)[0].strip()
    table, _, below = part.partition("\n\n")
    notes = {f"[{number}]": text for number, _, text in (line.partition(". ") for line in below.splitlines())}
    result: dict[Run, Outcomes] = {run: {} for run in RUNS}
    for line in table.splitlines()[2:]:
        label, *cells = (text.strip() for text in line.strip("|").split("|"))
        for run, cell in zip(RUNS, cells, strict=True):
            found = [EQUAL if mark == _MARK else notes[mark] for mark in cell.split()]
            result[run][label] = dict(zip(OPERATIONS, found, strict=True))
    return result


def documented(run: Run) -> Outcomes:
    return parse(DOCUMENT.read_text())[run]


def main() -> None:
    missing = [str(run.file) for run in RUNS if not run.file.exists()]
    if missing:
        sys.exit(f"results are missing, run the type tests first: {', '.join(missing)}")
    results = {run: json.loads(run.file.read_text()) for run in RUNS}
    text = DOCUMENT.read_text()
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    DOCUMENT.write_text(f"{before}{_BEGIN}\n\n{render(results)}\n\n{_END}{after}")


if __name__ == "__main__":
    main()
