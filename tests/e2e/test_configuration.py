"""What the program does with its configuration before it serves anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml

from lab.paths import CDC_BINARY
from lab.waiting import PATIENCE


def check_config(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CDC_BINARY), *arguments, "--check-config"],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_what_is_in_effect_is_printed(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "cdc.yaml").write_text("maxTaskNum: 5\nbatchMode: true\nsourceConfig: {etcd: {password: hush}}")
    result = check_config(tmp_path, MILVUS_CDC_MAXNAMELENGTH="99")
    assert result.returncode == 0, result.stderr
    assert "maxTaskNum: 5  # file, line 1\n" in result.stdout
    assert "maxNameLength: 99  # environment, MILVUS_CDC_MAXNAMELENGTH\n" in result.stdout
    printed = yaml.safe_load(result.stdout)
    assert (printed["maxTaskNum"], printed["maxNameLength"]) == (5, 99)
    assert printed["sourceConfig"]["etcd"]["password"] == "***"
    assert printed["sourceConfig"]["etcd"]["address"] == ["127.0.0.1:2379"]
    assert "hush" not in result.stdout + result.stderr
    assert result.stderr == (
        "./configs/cdc.yaml: batchMode has no effect: "
        "a reader that is far behind reads as much as the memory limits allow\n"
    )


def test_errors_have_their_place_and_the_exit_code_tells(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("maxTaskNum: many\naddress: [a]\n")
    result = check_config(tmp_path, "serve", "--config", str(file), MILVUS_CDC_DRYRUN="perhaps")
    assert (result.returncode, result.stdout) == (1, "")
    assert sorted(result.stderr.splitlines()) == [
        f"{file}: line 1, column 13: maxTaskNum must be an integer",
        f"{file}: line 2, column 10: address must be a text",
        "environment variable MILVUS_CDC_DRYRUN: dryRun must be true or false",
    ]
    missing = check_config(tmp_path, "--config", "other.yaml")
    assert missing.returncode == 1
    assert "other.yaml: there is no such file" in missing.stderr
