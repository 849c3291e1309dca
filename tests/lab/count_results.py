"""The end of a test run, from its JUnit files: what every failed test said, and the line `N passed, N failed`.

Fails if a test failed or nothing ran.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

# Of what one failed test printed: its end, where the reason stands.
TOLD_LINES = 60


@dataclass
class Results:
    passed: int = 0
    failures: dict[str, str] = field(default_factory=dict)  # what each failed test said


def text_of(case: ElementTree.Element) -> str:
    """What is told of a failure: by ctest as output of the test, by pytest as text of the failure."""
    parts = [element.text or element.get("message", "") for tag in ("failure", "error") for element in case.iter(tag)]
    texts = [part for part in parts if part.strip()] or [element.text or "" for element in case.iter("system-out")]
    return "\n".join("\n".join(text.rstrip().splitlines()[-TOLD_LINES:]) for text in texts)


def read(file: Path, results: Results) -> None:
    """A missing or broken file counts as one failure: its tests never ended.

    What ctest runs may be a program with many tests. Then it has written a file of its own, <file>/<program>.xml, whose
    tests count instead of it; a program that failed without a failed test, or without that file, has crashed.
    """
    try:
        cases = ElementTree.parse(file).getroot().findall(".//testcase")
    except (OSError, ElementTree.ParseError) as error:
        results.failures[f"{file.stem}: no results"] = str(error)
        return
    passed: set[str] = set()  # a test that was begun again stands in the file twice
    for case in cases:
        program = file.with_suffix("") / f"{case.get('name', '')}.xml"
        if program.exists():
            told = len(results.failures)
            read(program, results)
            if case.get("status") != "fail" or len(results.failures) > told:
                continue
        parts = dict.fromkeys([case.get("classname", ""), case.get("name", "")])  # alike, from ctest
        name = f"{file.stem}: {' '.join(parts)}"
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            results.failures[name] = text_of(case)
        elif case.find("skipped") is None and case.get("status") not in ("notrun", "disabled"):
            passed.add(name)
    results.passed += len(passed - results.failures.keys())


def main(files: list[str]) -> int:
    results = Results()
    for name in files:
        read(Path(name), results)
    for name, text in results.failures.items():
        print(f"\n--- FAILED {name}\n{text}")
    print()
    for name in results.failures:
        print(f"FAILED {name}")
    print(f"\n{results.passed} passed, {len(results.failures)} failed")
    return 1 if results.failures or results.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
