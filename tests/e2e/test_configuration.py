"""What the program does with its configuration before it serves anything."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from pathlib import Path

import pytest
import yaml

from lab.certificates import Certificates
from lab.etcd import http_ok
from lab.lab import Lab
from lab.paths import CDC_BINARY
from lab.ports import give_back, take_port
from lab.process import ServerProcess
from lab.waiting import PATIENCE, promised


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


@pytest.mark.parametrize("arguments", [[], ["server"]])
def test_as_existing_containers_start_it(tmp_path: Path, arguments: list[str]) -> None:
    """`/app/cdc` or `/app/cdc server` in `/app`, with `configs/cdc.yaml`; here with a log file, too."""
    app = tmp_path / "app"
    (app / "configs").mkdir(parents=True)
    (app / "cdc").symlink_to(CDC_BINARY.resolve())
    port = take_port()
    settings = {
        "address": f"127.0.0.1:{port}",
        "log": {"path": "logs/cdc.log", "format": "json"},
        "sourceConfig": {"etcd": {"address": ["127.0.0.1:1"]}},  # nobody is there
    }
    (app / "configs" / "cdc.yaml").write_text(yaml.safe_dump(settings))
    process = ServerProcess("cdc", ["./cdc", *arguments], app)
    process.start()
    try:
        process.wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/healthz"), PATIENCE, "it listens")
        assert process.stop(promised(5)) == 0
    finally:
        process.kill()
        give_back(port)
    lines = (app / "logs" / "cdc.log").read_text().splitlines()
    messages = [json.loads(line)["message"] for line in lines]
    assert any(message.endswith(f" listens on 127.0.0.1:{port}") for message in messages)
    assert messages[-1] == "stopped"
    assert not any("ignored" in message for message in messages)
    assert all(line in process.log.read_text().splitlines() for line in lines)


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cdc.yaml").write_text(f"log: {{path: {tmp_path}}}")
    result = subprocess.run(
        [str(CDC_BINARY), "--config", "cdc.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 1
    assert f"critical log.path: Failed opening file {tmp_path} for writing" in result.stdout


def test_an_etcd_with_an_older_tls_than_configured_is_refused(lab: Lab, tmp_path: Path) -> None:
    etcd = lab.etcd("etcd-tls")
    certificates = Certificates(tmp_path / "tls").make()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["h2"])
    gate = lab.gate(etcd.url, tls)
    lab.start(etcd, gate)
    port = take_port()
    settings = {
        "address": f"127.0.0.1:{port}",
        "metaStoreConfig": {
            "storeType": "etcd",
            "etcd": {"address": [gate.address], "enableTLS": True, "tlsCACertPath": str(certificates.authority)},
        },
        "sourceConfig": {"etcd": {"address": ["127.0.0.1:1"]}},  # nobody is there
    }
    (tmp_path / "cdc.yaml").write_text(yaml.safe_dump(settings))
    version = {"MILVUS_CDC_METASTORECONFIG_ETCD_TLSMINVERSION": "1.2"}
    process = ServerProcess("cdc", [str(CDC_BINARY), "--config", "cdc.yaml"], tmp_path, version)
    process.start()
    try:
        process.wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/healthz"), PATIENCE, "it listens")
    finally:
        process.kill()
        give_back(port)
    refused = subprocess.run(
        process.command,
        cwd=tmp_path,
        env={**os.environ, "MILVUS_CDC_METASTORECONFIG_ETCD_TLSMINVERSION": "1.3"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert refused.returncode == 1
    assert "no connection with TLS 1.3, which tlsMinVersion demands" in refused.stdout
    tls.maximum_version = ssl.TLSVersion.TLSv1_3
    process.environment["MILVUS_CDC_METASTORECONFIG_ETCD_TLSMINVERSION"] = "1.3"
    process.start()
    try:
        process.wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/healthz"), PATIENCE, "it listens")
    finally:
        process.kill()
