"""The HTTP API with TLS, certificates of clients and a token; and secrets that nobody may ever read."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cdc_server import CdcServer, source_configuration
from lab.certificates import Certificates
from lab.gate import Gate
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.paths import CDC_BINARY
from lab.waiting import PATIENCE, NotYet, eventually
from rows_for import plain
from world import Target, World

OK, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3

# Each secret has it, so that one search finds any of them.
MARK = "hush5e7"
TOKEN = f"{MARK}-server-token"
OLD_TOKEN = f"{MARK}-old-token"
WRONG_TOKEN = f"{MARK}-wrong-token"
TARGET_PASSWORD = f"{MARK}-target-password"

Result = subprocess.CompletedProcess[str]


def run(*command: str, **variables: str) -> Result:
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


class SecuredServer:
    """A server that wants a certificate and a token of its clients, and has secrets wherever it takes one."""

    def __init__(self, lab: Lab, source: MilvusStandalone) -> None:
        self.certificates = Certificates(lab.folder / "api-certificates").make().make_client()
        folder = self.certificates.folder
        self.token_file = folder / "tokens"
        self.token_file.write_text(f"{TOKEN}\n{OLD_TOKEN}\n")
        self.client_token = folder / "token"
        self.client_token.write_text(f"{TOKEN}\n")
        self.token_header = folder / "token-header"
        self.token_header.write_text(f"Authorization: Bearer {TOKEN}\n")
        sources = source_configuration(source)
        sources["etcd"] |= {"username": "root", "password": f"{MARK}-etcd-password"}
        sources["milvus"] |= {"token": f"root:{MARK}-source-token"}
        sources["kafka"] = {"saslUsername": "u", "saslPassword": f"{MARK}-sasl-password"}
        sources["storage"] |= {"secretAccessKey": f"{MARK}-storage-key"}
        settings = {
            "logLevel": "debug",
            "http": {
                "tokenFile": str(self.token_file),
                "tls": {
                    "certPath": str(self.certificates.certificate),
                    "keyPath": str(self.certificates.key),
                    "clientCAPath": str(self.certificates.authority),
                },
            },
            "sourceConfig": sources,
        }
        self.server: CdcServer = lab.cdc_server("cdc-secured", source, settings)
        self.url = f"https://127.0.0.1:{self.server.port}"

    def start(self) -> None:
        self.server.start()
        self.server.process.wait_until(
            lambda: self.curl("/readyz", certificate=False, token=False)[0] == 200, PATIENCE, "it is ready"
        )

    def curl(
        self, path: str, *options: str, certificate: bool = True, token: bool = True, url: str = ""
    ) -> tuple[int, str]:
        """Status (0: none) and body, or why there is none."""
        files = self.certificates
        known = ("--cert", str(files.client), "--key", str(files.client_key)) if certificate else ()
        header = ("-H", f"@{self.token_header}") if token else ()
        result = run(
            *("curl", "-sS", "-w", "\n%{http_code}", "--cacert", str(files.authority)),
            *(*known, *header, *options, (url or self.url) + path),
        )
        body, _, status = result.stdout.rpartition("\n")
        return int(status), body + result.stderr

    def post(self, body: str, **options: Any) -> tuple[int, str]:
        return self.curl("/cdc", "-d", body, **options)

    @property
    def cli_variables(self) -> dict[str, str]:
        return {
            "MILVUS_CDC_SERVER": self.url,
            "MILVUS_CDC_SERVER_TLS_CA": str(self.certificates.authority),
            "MILVUS_CDC_SERVER_TLS_CERT": str(self.certificates.client),
            "MILVUS_CDC_SERVER_TLS_KEY": str(self.certificates.client_key),
            "MILVUS_CDC_SERVER_TOKEN": TOKEN,
        }

    def cli(self, *arguments: str, **variables: str) -> Result:
        """`milvus-cdc task`; a variable that is empty counts as not set."""
        return run(str(CDC_BINARY), "task", *arguments, **{**self.cli_variables, **variables})


@pytest.fixture(scope="module")
def secured(lab: Lab, source: MilvusStandalone) -> Iterator[SecuredServer]:
    secured = SecuredServer(lab, source)
    secured.start()
    yield secured
    lab.end(secured.server)


def test_who_may_do_what(secured: SecuredServer) -> None:
    for page in ("/healthz", "/readyz"):
        assert secured.curl(page, certificate=False, token=False) == (200, '{"status":"ok"}\n')
    for path in ("/version", "/cdc", "/cdc/metrics", "/cdc/metrics_default", "/api/v1/tasks", "/nowhere"):
        assert secured.curl(path, certificate=False)[0] == 403, path
        assert secured.curl(path, token=False)[0] == 401, path
        assert secured.curl(path)[0] == (404 if path == "/nowhere" else 200), path
    status, told = secured.curl("/cdc", certificate=False, url=secured.url.replace("https", "http"))
    assert status == 400 and "https://" in told
    status, told = secured.curl("/healthz", "--tls-max", "1.1")
    assert status == 0, told


def test_the_command_line_explains_what_fails(secured: SecuredServer, tmp_path: Path) -> None:
    files = secured.certificates
    stranger = Certificates(tmp_path / "stranger").make().make_client()
    none = {f"MILVUS_CDC_SERVER_TLS_{name}": "" for name in ("CA", "CERT", "KEY")}
    known = ("--tls-ca", str(files.authority))
    mine = ("--tls-cert", str(files.client), "--tls-key", str(files.client_key))
    theirs = ("--tls-cert", str(stranger.client), "--tls-key", str(stranger.client_key))
    port = secured.server.port
    for arguments, code, told in (
        ((*known, *mine), OK, ""),
        ((*known, *mine, "--server", f"https://localhost:{port}"), OK, ""),
        ((), UNREACHABLE, "--tls-ca"),
        ((*known, *mine, "--server", f"https://127.1:{port}"), UNREACHABLE, "for another name"),
        (known, REFUSED, "--tls-cert"),
        ((*known, *theirs), REFUSED, "http.tls.clientCAPath"),
        ((*known, *mine[:2]), USAGE, "--tls-key"),
        ((*known, *mine[:3], str(stranger.client_key)), USAGE, "belong together"),
        (("--tls-ca", str(tmp_path / "missing")), USAGE, "No such file"),
        (("--server", f"http://127.0.0.1:{port}"), REFUSED, "begin the address with https://"),
    ):
        result = secured.cli("list", *arguments, **none)
        assert (result.returncode, told in result.stderr) == (code, True), (arguments, result.stderr)
    assert secured.cli("list").returncode == OK, "by variables alone"
    refused = secured.cli("list", MILVUS_CDC_SERVER_TOKEN=WRONG_TOKEN)
    assert refused.returncode == REFUSED and "--server-token-file" in refused.stderr


def test_files_that_cannot_be_used_end_the_start(secured: SecuredServer, tmp_path: Path) -> None:
    stranger = Certificates(tmp_path).make()
    command = (str(CDC_BINARY), "--config", str(secured.server.configuration_file))
    for arguments in (("--check-config",), ()):
        result = run(*command, *arguments, MILVUS_CDC_HTTP_TLS_KEYPATH=str(stranger.key))
        assert result.returncode == 1
        assert "http.tls.keyPath" in result.stdout + result.stderr


def replicate(secured: SecuredServer, source: MilvusStandalone, lite: Target, gate: Gate, tmp_path: Path) -> list[str]:
    """A task from its creation to its end, with an outage of its target; returns all that the tools have shown."""
    world = World(source, lite, secured.server)
    token_file = tmp_path / "target-token"
    token_file.write_text(f"root:{TARGET_PASSWORD}\n")
    target = ("--target-uri", gate.uri, "--token-file", str(token_file))
    server_token = ("--server-token-file", str(secured.client_token))
    shown = []

    def done(*arguments: str) -> str:
        result = secured.cli(*arguments, *server_token, MILVUS_CDC_SERVER_TOKEN="")
        assert result.returncode == OK, result.stderr
        shown.append(result.stdout + result.stderr)
        return result.stdout

    task = done("create", *target, "--database", world.database).strip()
    world.make_collection("c", load=False)
    world.client.insert("c", plain(range(100)))

    def arrived() -> bool:
        return json.loads(done("get", task, "-o", "json"))["task"]["rows"]["inserted"] == 100

    eventually(arrived, every=0.2, what="the rows have arrived")
    shown.append(secured.cli("create", *target, "--database", world.database).stderr)  # twice the same
    watching = subprocess.Popen(
        [str(CDC_BINARY), "task", "watch", task, *server_token],
        env={**os.environ, **secured.cli_variables},
        stdout=subprocess.DEVNULL,
    )
    # A process has no arguments for a moment after it has begun.
    arguments = Path(f"/proc/{watching.pid}/cmdline")
    shown.append(eventually(lambda: arguments.read_text() or False, every=0.01, what="the command line has arguments"))
    gate.cut()
    world.client.insert("c", plain(range(100, 200)))

    def retrying() -> None:
        found = done("get", task, "-o", "json")
        if json.loads(found)["task"]["condition"]["state"] != "retrying":
            raise NotYet(found)

    eventually(retrying, every=0.2, what="the task says that its target is away")
    for arguments in (("list",), ("get", task), ("events", task), ("pause", task)):
        done(*arguments)
    gate.open()
    done("resume", task)
    done("drain", task)
    done("delete", task)
    watching.kill()
    watching.wait(PATIENCE)
    world.close()
    return shown


def misuse(secured: SecuredServer) -> list[str]:
    """What is answered to requests that are wrong, with secrets in all places."""
    target = {"uri": "http://127.0.0.1:1", "username": "root", "password": TARGET_PASSWORD, "connect_timeout": 1}
    data = {"milvus_connect_param": target, "collection_infos": [{"name": "c"}]}
    good = json.dumps({"request_type": "create", "request_data": data})
    bodies = (
        good,  # nobody answers there
        good.replace('"root"', '""'),
        good.replace('"connect_timeout": 1', '"connect_timeout": "soon"'),
        good.replace(f'"{TARGET_PASSWORD}"', f'["{TARGET_PASSWORD}"]'),
        good.replace('"uri": "http://', f'"uri": "http://root:{TARGET_PASSWORD}@'),
        good[: good.index(TARGET_PASSWORD) + len(TARGET_PASSWORD)],
        good.replace('"create"', '"creat"'),
    )
    shown = []
    for body in bodies:
        status, answer = secured.post(body)
        assert status == 200 and json.loads(answer)["code"] != 200, body
        shown.append(answer)
        status, answer = secured.curl("/api/v1/tasks", "-d", body, "-H", "Content-Type: application/json")
        assert status >= 400, body
        shown.append(answer)
    wrong = ("-H", f"Authorization: Bearer {WRONG_TOKEN}")
    for path in ("/cdc", "/readyz", "/api/v1/tasks"):
        shown.append(secured.curl(path, *wrong, token=False)[1])
    shown.append(secured.cli("list", MILVUS_CDC_SERVER_TOKEN=f"{WRONG_TOKEN} and more").stderr)
    return shown


def test_secrets_appear_nowhere(
    secured: SecuredServer, source: MilvusStandalone, lite: Target, lab: Lab, tmp_path: Path
) -> None:
    gate = lab.gate(lite.uri)
    lab.start(gate)
    shown = replicate(secured, source, lite, gate, tmp_path) + misuse(secured)
    for path in ("/cdc/metrics", "/cdc/metrics_default", "/version", "/api/v1/tasks"):
        shown.append(secured.curl(path)[1])
    shown.append(Path(f"/proc/{secured.server.process.pid}/cmdline").read_text())
    shown.append(run(str(CDC_BINARY), "--config", str(secured.server.configuration_file), "--check-config").stdout)
    log = secured.server.process.log.read_text()
    assert re.search(r"retry|again", log), "the outage was logged"
    shown.append(log)
    for text in shown:
        assert text, "nothing was looked at"
        assert MARK not in text
    lab.end(gate)
