"""Draws the State: in place on a terminal, as plain lines elsewhere (a log of CI, a file)."""

from __future__ import annotations

import threading
import time

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from .state import Progress, State, Step

INTRODUCTION = (
    "An ordinary client writes to a real Milvus, the [bold]source[/]. [bold cyan]milvus-cdc[/] reads its\n"
    "log and keeps another server, the [bold]target[/], equal. At the end all is compared."
)


def describe_lag(lag_ms: float | None) -> str:
    if lag_ms is None:
        return "-"
    return f"{lag_ms:.0f} ms" if lag_ms < 1000 else f"{lag_ms / 1000:.1f} s"


class TerminalScreen:
    """Use as a context manager; it draws ten times a second until the end."""

    def __init__(self, state: State, console: Console) -> None:
        self._state = state
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=10)

    def __enter__(self) -> TerminalScreen:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def _draw(self) -> Group:
        with self._state.lock:
            parts = [Panel(Text.from_markup(INTRODUCTION), title="milvus-cdc demo", border_style="cyan"), self._steps()]
            if self._state.collections:
                parts.append(Padding(self._collections(), (1, 0, 0, 2)))
            return Group(*parts)

    def _steps(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "left", "left", "right"):
            table.add_column(no_wrap=True, justify=justify)  # type: ignore[arg-type]
        for step in self._state.steps:
            table.add_row("", self._mark(step), step.text, Text(step.result, style="dim"), _seconds(step))
        return table

    def _mark(self, step: Step) -> Text | Spinner:
        if step.failed:
            return Text("✗", style="bold red")
        return Text("✓", style="bold green") if step.ended else self._spinner

    def _collections(self) -> Table:
        lag = describe_lag(self._state.lag_ms)
        table = Table(
            title=f"rows · task {self._state.task_state or '-'} · lag {lag}",
            title_justify="left",
            box=None,
            padding=(0, 2, 0, 0),
        )
        for name, justify in (("collection", "left"), ("source", "right"), ("", "left"), ("target", "right")):
            table.add_column(name, justify=justify, style="bold" if name == "collection" else None)  # type: ignore[arg-type]
        for name, progress in self._state.collections.items():
            table.add_row(name, *_cells(progress))
        return table


def _cells(progress: Progress) -> tuple[str, ProgressBar | str, str]:
    if progress.gone:
        return "dropped", "", "dropped" if progress.arrived is None else f"{progress.arrived:,}"
    bar = ProgressBar(total=max(progress.expected, 1), completed=progress.arrived or 0, width=40)
    arrived = "…" if progress.arrived is None else f"{progress.arrived:,}"
    return f"{progress.expected:,}", bar, arrived


def _seconds(step: Step) -> Text:
    return Text(f"{step.seconds:.1f} s", style="dim") if step.seconds >= 0.05 else Text("")


class PlainScreen:
    """One line when a step begins and ends, and one about the rows every two seconds."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._shown: dict[int, bool] = {}
        self._last_rows = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)

    def __enter__(self) -> PlainScreen:
        print(Text.from_markup(INTRODUCTION).plain, flush=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._show_steps()
        self._show_rows()

    def _run(self) -> None:
        next_rows = 0.0
        while not self._stop.wait(0.2):
            self._show_steps()
            if time.monotonic() >= next_rows:
                self._show_rows()
                next_rows = time.monotonic() + 2

    def _show_steps(self) -> None:
        with self._state.lock:
            for number, step in enumerate(self._state.steps):
                ended = step.ended is not None
                if self._shown.get(number) == ended:
                    continue
                self._shown[number] = ended
                word = "FAILED" if step.failed else "done" if ended else "begin"
                took = f" ({step.seconds:.1f} s)" if ended else ""
                result = f": {step.result}" if step.result else ""
                self._print(f"{word:6} {step.text}{result}{took}")

    def _show_rows(self) -> None:
        with self._state.lock:
            rows = [_in_words(name, progress) for name, progress in self._state.collections.items()]
            line = "rows   " + ", ".join(rows) + f"; lag {describe_lag(self._state.lag_ms)}"
        if rows and line != self._last_rows:
            self._last_rows = line
            self._print(line)

    def _print(self, line: str) -> None:
        print(f"{time.monotonic() - self._state.began:5.1f} s  {line}", flush=True)


def _in_words(name: str, progress: Progress) -> str:
    if progress.gone:
        return f"{name} dropped"
    return f"{name} {progress.arrived if progress.arrived is not None else '-'} of {progress.expected}"


def make_screen(state: State, console: Console) -> TerminalScreen | PlainScreen:
    return TerminalScreen(state, console) if console.is_terminal else PlainScreen(state)
