"""Runs the demo. Exit code 0 only if source and target are equal at the end."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from lab.cdc_client import create_request  # noqa: E402
from lab.cdc_server import CdcServer  # noqa: E402
from lab.compare import LITE, Comparison, compare_all  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.milvus import MilvusStandalone  # noqa: E402
from lab.milvus_lite import MilvusLite  # noqa: E402
from lab.paths import CDC_BINARY  # noqa: E402
from lab.rows import Endpoint  # noqa: E402

from .monitor import Monitor  # noqa: E402
from .report import print_report  # noqa: E402
from .screen import make_screen  # noqa: E402
from .state import State  # noqa: E402
from .workload import Workload  # noqa: E402

# How long the target may take to become equal after the last write.
PATIENCE_S = 60


class Demo:
    def __init__(self, lab: Lab, console: Console) -> None:
        self.lab = lab
        self.console = console
        self.state = State()
        self.source: MilvusStandalone = lab.milvus("source")
        self.target: MilvusLite = lab.milvus_lite("target")
        self.cdc: CdcServer = lab.cdc_server("milvus-cdc", self.source)

    def run(self) -> bool:
        with make_screen(self.state, self.console):
            self.start_servers()
            workload = Workload(self.source.uri, self.state)
            with self.state.step("before the task: 4 000 rows") as step:
                step.result = workload.fill_archive()
            self.create_task()
            with Monitor(self.state, self.target.uri, self.cdc.client):
                self.write(workload)
                found = self.wait_until_equal()
        lag = self.cdc.client.get(self.state.task).get("lag_ms")
        return print_report(self.console, Endpoint(self.source.uri), Endpoint(self.target.uri), found, lag)

    def start_servers(self) -> None:
        with self.state.step("start the source, Milvus 2.3.5") as step:
            self.target.start()
            self.lab.start(self.source)
            step.result = self.source.uri
        with self.state.step("start the target, Milvus Lite") as step:
            self.target.wait_ready()
            step.result = self.target.uri
        with self.state.step("start milvus-cdc") as step:
            self.lab.start(self.cdc)
            step.result = f"http://{self.cdc.client.address}/cdc"

    def create_task(self) -> None:
        with self.state.step("create a task: replicate everything") as step:
            self.state.task = self.cdc.client.create(self.target.uri, start_from="snapshot")
            step.result = self.state.task

    def write(self, workload: Workload) -> None:
        for text, action in (
            ("create databases, collections", workload.create),
            ("create indexes, load collections", workload.index_and_load),
            ("insert 20 000 rows", workload.insert),
            ("upsert 1 500 rows", workload.change),
            ("delete 1 200 rows", workload.delete),
            ("drop a collection and a database", workload.drop),
        ):
            with self.state.step(text) as step:
                step.result = action()
        workload.close()

    def wait_until_equal(self) -> dict[str, Comparison]:
        """Compares until nothing differs or patience ends; the last comparison is the answer."""
        source, target = Endpoint(self.source.uri), Endpoint(self.target.uri)
        with self.state.step("compare all rows until equal") as step:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                found = compare_all(source, target, kind=LITE)
                if all(comparison.equal for comparison in found.values()):
                    return found
                if time.monotonic() > deadline:
                    step.failed = True
                    return found
                time.sleep(0.3)


def print_next_steps(console: Console, demo: Demo) -> None:
    def request(kind: str) -> str:
        return json.dumps({"request_type": kind, "request_data": {"task_id": demo.state.task}})

    url = f"http://{demo.cdc.client.address}/cdc"
    create = json.dumps({"request_type": "create", "request_data": create_request(demo.target.uri, start_from="snapshot")})
    console.print("\n[bold]Everything is still running.[/] In another terminal:\n")
    for what, command in (
        ("look at the task", f"curl -s {url} -d '{request('get')}'"),
        ("pause it, and later resume it", f"curl -s {url} -d '{request('pause')}'"),
        ("metrics", f"curl -s {url}/metrics"),
        ("how the task was created", f"curl -s {url} -d '{create}'"),
        (
            "write to the source, then look at the target",
            f".cache/venv/bin/python -c \"from pymilvus import MilvusClient as M; "
            f"M('{demo.source.uri}').delete('products', ids=[5000]); "
            f"import time; time.sleep(1); print(M('{demo.target.uri}').query('products', 'id in [5000, 5001]', ['name']))\"",
        ),
        ("the server's log", f"tail -f {demo.cdc.process.log}"),
    ):
        console.print(Text(f"  # {what}", style="dim"))
        console.print(Text(f"  {command}\n"), soft_wrap=True)
    console.print("Press Ctrl-C to end all servers and remove their data.")


def wait_for_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the servers running and say what to type next")
    options = parser.parse_args()
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    if not CDC_BINARY.exists():
        console.print(f"{CDC_BINARY} is missing: run ./dev build")
        return 1
    with Lab() as lab:
        demo = Demo(lab, console)
        try:
            equal = demo.run()
            if options.keep:
                print_next_steps(console, demo)
                wait_for_interrupt()
        except KeyboardInterrupt:
            console.print("\nended")
            return 130
        except Exception as error:  # noqa: BLE001 - a person sees this: say what happened, then the log
            console.print(Text(f"\nThe demo failed: {error}", style="bold red"))
            console.print(Text(demo.cdc.process.log_tail(), style="dim"))
            return 1
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
