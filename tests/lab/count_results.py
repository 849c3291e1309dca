"""Prints the closing line of a test run, `N passed, N failed`, over several JUnit files. Fails if nothing ran."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(file: Path) -> tuple[int, int]:
    """Passed and failed tests of one file. A missing or broken file counts as one failure: its tests never ended."""
    try:
        cases = ElementTree.parse(file).getroot().findall(".//testcase")
    except (OSError, ElementTree.ParseError):
        print(f"no test results in {file}")
        return 0, 1
    failed = skipped = 0
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
    return len(cases) - failed - skipped, failed


def main(files: list[str]) -> int:
    results = [count(Path(name)) for name in files]
    passed, failed = (sum(column) for column in zip(*results, strict=True))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
