"""The command line against a real server: what scripts rely on is the text of stdout and the exit code."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lab.paths import CDC_BINARY
from lab.ports import give_back, take_port
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import World

OK, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

Cli = Callable[..., subprocess.CompletedProcess[str]]


def environment_of(server: str) -> dict[str, str]:
    return {**os.environ, "MILVUS_CDC_SERVER": server, "TERM": "xterm"}


@pytest.fixture
def server(lite_world: World) -> str:
    return f"http://{lite_world.cdc.client.address}"


@pytest.fixture
def cli(server: str) -> Cli:
    """Runs `milvus-cdc task` as a script does."""

    def run(*arguments: str, within: float = PATIENCE, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(CDC_BINARY), "task", *arguments],
            env={**environment_of(server), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
        )

    return run


def completions(server: str, *words: str) -> list[str]:
    """What bash offers for the last word, after it has read the script."""
    script = f"""
source <({CDC_BINARY} completion bash)
COMP_WORDS=({CDC_BINARY} "$@")
COMP_CWORD=$#
_milvus_cdc
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    shell = subprocess.run(
        ["bash", "-eu", "-c", script, "bash", *words],
        env=environment_of(server),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert shell.returncode == 0 and shell.stderr == "", shell.stderr
    return shell.stdout.split()


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == OK, result.stderr
    return result.stdout


def test_life_of_a_task(lite_world: World, cli: Cli) -> None:
    world = lite_world
    created = cli("create", "--target-uri", world.target.uri, "--database", world.database)
    task = done(created).strip()
    assert re.fullmatch("[0-9a-f]{32}", task)
    assert created.stderr == ""
    try:
        world.make_collection("c")
        world.client.insert("c", plain(range(500)))
        world.expect_equal("c")
        lines = done(cli("watch", task[:12], "--until-caught-up", "5000", "--interval", "0.1", "-v")).splitlines()
        assert f" task={task} state=Running condition=ok " in lines[0]
        assert any(" channel=" in line for line in lines)

        listed = json.loads(done(cli("list", "-o", "json")))["tasks"]
        mine = next(entry for entry in listed if entry["task_id"] == task)
        assert mine["rows"]["inserted"] == 500 and mine["bytes_written"] > 500 * 8 * 4
        assert re.search(rf"^{task}  Running  ok +{re.escape(world.target.uri)} .* 500$", done(cli("list")), re.M)
        assert f"scope       {world.database}.*\n" in done(cli("get", task))
        happened = done(cli("events", task)).splitlines()
        assert happened[0].endswith(f"Z  created  to {world.target.uri}") and happened[1].endswith("Z  started")
        assert json.loads(done(cli("get", task, "-o", "json")))["task"]["task_id"] == task

        assert done(cli("pause", task)) == f"paused {task}\n"
        again = cli("pause", task)
        assert again.returncode == REFUSED and "the task has paused" in again.stderr
        waiting = cli("watch", task, "--until-caught-up", "5000")
        assert waiting.returncode == REFUSED and "is paused and cannot catch up" in waiting.stderr
        assert done(cli("resume", task)) == f"resumed {task}\n"
        world.client.insert("c", plain(range(500, 600)))
        done(cli("watch", task, "--until-caught-up", "5000", "--interval", "0.1"))
        assert world.expect_equal("c").target_rows == 600
    finally:
        deleted = cli("delete", task[:16])
    assert done(deleted) == f"deleted {task}\n"
    unknown = cli("delete", task)
    assert unknown.returncode == REFUSED and "no task has the id" in unknown.stderr
    assert done(cli("delete", task, "--ignore-not-found")) == f"deleted {task}\n"


def test_refused_wrong_and_unreachable(lite_world: World, cli: Cli) -> None:
    dead = take_port()
    refused = cli("create", "--target-uri", f"http://127.0.0.1:{dead}", "--connect-timeout", "1", "--token", "root:hush")
    assert (refused.returncode, refused.stdout) == (REFUSED, "")
    assert "fail to connect the milvus" in refused.stderr and "hush" not in refused.stderr

    wrong = cli("create", "--target-uri", lite_world.target.uri, "--collection", "a.b.c")
    assert (wrong.returncode, wrong.stdout) == (USAGE, "")
    assert cli("dance").returncode == USAGE

    away = cli("list", "--server", f"http://127.0.0.1:{dead}")
    assert (away.returncode, away.stdout) == (UNREACHABLE, "")
    assert f"cannot reach http://127.0.0.1:{dead}: nothing listens there" in away.stderr
    give_back(dead)


def test_request_from_a_file(lite_world: World, cli: Cli, tmp_path: Any) -> None:
    request = tmp_path / "request.json"
    request.write_text(
        json.dumps(
            {
                "task_id": "from-file",
                "milvus_connect_param": {"uri": lite_world.target.uri},
                "db_collections": {lite_world.database: [{"name": "*"}]},
            }
        )
    )
    assert done(cli("create", "--file", str(request))) == "from-file\n"
    assert done(cli("delete", "from-f")) == "deleted from-file\n"


@pytest.mark.parametrize("arguments, code", [([], OK), (["--until-caught-up", "0"], INTERRUPTED)])
def test_interrupted_watch(lite_world: World, server: str, arguments: list[str], code: int) -> None:
    task = lite_world.start_task()
    process = subprocess.Popen(
        [str(CDC_BINARY), "task", "watch", task, "--interval", "0.1", *arguments],
        env=environment_of(server),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout and task in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == code
    finally:
        process.kill()
        process.wait()


def test_watch_draws_on_a_terminal(lite_world: World, server: str) -> None:
    task = lite_world.start_task()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
    process = subprocess.Popen(
        [str(CDC_BINARY), "task", "watch", task, "--interval", "0.1"],
        env=environment_of(server),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 4096):
                seen.extend(chunk)
        except OSError:
            pass  # the other end is closed: how a terminal ends

    reader = threading.Thread(target=read)
    reader.start()
    try:

        def redrawn() -> None:
            if seen.count(b"INSERT/S") < 3:
                raise NotYet(f"seen so far: {bytes(seen)!r}")

        eventually(redrawn, every=0.05, what="the table is drawn three times")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == OK
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(master)
    text = seen.decode()
    assert re.search(r"\x1b\[\dA\r", text), "the second frame is drawn over the first"
    assert all(len(re.sub(r"\x1b\[[0-9]*[A-Za-z]", "", line)) <= 100 for line in text.replace("\r", "\n").split("\n"))


def test_a_shell_completes_what_the_program_knows(lite_world: World, server: str) -> None:
    task = lite_world.start_task()
    assert {"serve", "task", "metastore", "completion"} <= set(completions(server, ""))
    assert completions(server, "metastore", "f") == ["forget-legacy"]
    assert completions(server, "metastore", "check", "--c") == ["--config"]
    assert completions(server, "completion", "z") == ["zsh"]
    assert completions(server, "task", "list", "-o", "y") == ["yaml"]
    assert completions(server, "task", "create", "--target-") == ["--target-uri"]
    assert completions(server, "task", "get", task[:12]) == [task]
    assert completions("http://127.0.0.1:1", "task", "get", task[:12]) == []
