"""The end of the demo: source and target side by side."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.catalog import Collection, read_databases
from lab.compare import Comparison
from lab.rows import Endpoint

from .screen import describe_lag


def print_report(
    console: Console,
    source: Endpoint,
    target: Endpoint,
    found: dict[str, Comparison],
    lag_ms: float | None,
) -> bool:
    """Prints the table and returns whether everything is equal."""
    mine, theirs = read_databases(source), read_databases(target)
    table = Table(box=box.SIMPLE_HEAD, title="source and target, side by side", title_justify="left")
    for heading in ("", "", "source", "target", ""):
        table.add_column(heading, overflow="fold")
    table.add_row("", "databases", ", ".join(mine), ", ".join(theirs), _mark(mine == theirs))
    for name, comparison in found.items():
        table.add_section()
        _add(table, name, comparison)
    console.print(table)
    equal = mine == theirs and all(comparison.equal for comparison in found.values())
    for name, comparison in found.items():
        for difference in comparison.differences:
            console.print(Text(f"  {name}: {difference}", style="red"))
    rows = sum(comparison.target_rows or 0 for comparison in found.values())
    verdict = (
        Text(f"equal: all {rows:,} rows, every field, compared by key", style="bold green")
        if equal
        else Text("NOT equal", style="bold red")
    )
    console.print(Text("  ").append(verdict).append(f"   (lag now {describe_lag(lag_ms)})", style="dim"))
    return equal


def _mark(equal: bool) -> Text:
    return Text("=", style="bold green") if equal else Text("≠", style="bold red")


def _add(table: Table, name: str, found: Comparison) -> None:
    here, there = found.source, found.target
    if here is None or there is None:
        table.add_row(name, "", "there" if here else "missing", "there" if there else "missing", _mark(False))
        return
    lines = [
        ("rows", _number(found.source_rows), _number(found.target_rows)),
        ("digest", found.source_digest[:16], found.target_digest[:16]),
        ("partitions", _partitions(here), _partitions(there)),
        ("indexes", _indexes(here), _indexes(there)),
        ("load state", here.loaded, there.loaded),
    ]
    for number, (what, left, right) in enumerate(lines):
        table.add_row(Text(name if number == 0 else "", style="bold"), what, left, right, _mark(left == right))


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _partitions(collection: Collection) -> str:
    return ", ".join(sorted(collection.partitions))


def _indexes(collection: Collection) -> str:
    """Without names: Milvus Lite has none of its own."""
    lines = [
        " ".join(filter(None, (index.get("index_type"), index.get("metric_type"), "on", index["field"])))
        for index in collection.indexes.values()
    ]
    return ", ".join(sorted(lines)) or "none"
