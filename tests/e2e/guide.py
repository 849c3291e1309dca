"""Executes what a document tells people to do: the fenced blocks after the comment `<!-- run -->`, in their order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from lab.paths import CDC_BINARY

_BLOCK = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Guide:
    """The steps of a document by their headings; `variables` are in the environment of each."""

    def __init__(self, document: Path, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "milvus-cdc").symlink_to(CDC_BINARY)
        self._environment = {
            **os.environ,
            **variables,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "ETCDCTL_API": "3",
        }
        sections = re.split(r"^## (?=\d+\. )", document.read_text(), flags=re.MULTILINE)[1:]
        self._blocks = {section.split(".")[0]: _BLOCK.findall(section) for section in sections}
        self._played: list[str] = []

    def play(self, step: str) -> str:
        """Executes all blocks of the step and gives what they print. Fails if a command does."""
        assert step not in self._played and self._blocks[step], f"step {step} has nothing to execute"
        self._played.append(step)
        # A file and no pipe: a server that a step starts keeps its end open.
        output = self._folder / f"step-{step}.txt"
        with output.open("w") as file:
            done = subprocess.run(
                ["bash", "-e", "-u", "-o", "pipefail", "-c", "\n".join(self._blocks[step])],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=400,
                check=False,
            )
        assert done.returncode == 0, f"step {step} failed:\n{output.read_text()}"
        return output.read_text()

    def expect_all_played(self) -> None:
        assert self._played == [step for step, blocks in self._blocks.items() if blocks]

    def close(self) -> None:
        """Ends the server that a step has started, if it still runs."""
        pid = self._folder / "cdc.pid"
        if pid.exists():
            try:
                os.kill(int(pid.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass  # as it should be
