"""One core: from the bytes of the queue to the bytes of the request, beside memcpy."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from lab.bulk import program

from .figures import Figure

_AIM_MB_PER_S = 300


def measure(repetitions: int) -> dict[str, list[Figure]]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "path.json"
        subprocess.run(
            [
                str(program("path_bench")), "--benchmark_filter=path|memcpy", "--benchmark_min_time=0.3",
                f"--benchmark_repetitions={repetitions}", f"--benchmark_out={report}", "--benchmark_out_format=json",
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        runs = json.loads(report.read_text())["benchmarks"]
    found: dict[str, list[float]] = {}
    for run in runs:
        if run["run_type"] == "iteration":
            if run.get("error_occurred"):
                raise RuntimeError(run["error_message"])
            found.setdefault(run["run_name"], []).append(run["bytes_per_second"] / 1e6)
    figures: list[Figure] = []
    for name, values in found.items():
        measured, _, arguments = name.partition("/")
        dim, rows = (part.partition(":")[2] for part in arguments.split("/"))
        if measured == "path":
            what = f"{dim} floats, messages of {rows}"
            copies = found[f"memcpy/{arguments}"]
            figures.append(Figure(what, "MB/s", values, at_least=_AIM_MB_PER_S))
            figures.append(Figure(f"{what}: memcpy", "MB/s", copies))
            ratio = [a / b for a, b in zip(values, copies, strict=True)]
            figures.append(Figure(f"{what}: of memcpy", "ratio", ratio))
    return {"one core": figures}
