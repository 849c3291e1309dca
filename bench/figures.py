"""Repeated figures and the table of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Figure:
    """One thing that is measured several times."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    at_least: float | None = None
    at_most: float | None = None

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def verdict(self) -> str:
        if not self.aim:
            return ""
        above = self.at_least is None or self.median >= self.at_least
        below = self.at_most is None or self.median <= self.at_most
        return "yes" if above and below else "NO"

    @property
    def spread(self) -> str:
        return "" if len(self.values) < 2 else f"{_number(min(self.values))} – {_number(max(self.values))}"


_HEADS = ("measure", "", "median", "spread", "n", "unit", "aim", "met")


def table_of(groups: dict[str, list[Figure]]) -> str:
    """A table in Markdown, so that it can go into docs/performance.md as it is."""
    lines = [_HEADS]
    for group, figures in groups.items():
        for f in figures:
            if f.values:
                lines.append(
                    (group, f.name, _number(f.median), f.spread, str(len(f.values)), f.unit, f.aim, f.verdict)
                )
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADS))]
    lines.insert(1, tuple("-" * width for width in widths))
    rows = (" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(f"| {row} |" for row in rows)


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
