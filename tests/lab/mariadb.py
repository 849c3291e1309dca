"""A single MariaDB server (Debian's `mariadb-server`) with one database and one user who may do anything there."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

from .ports import give_back, take_port
from .process import ServerProcess
from .waiting import PATIENCE

_DATABASE = "milvuscdc"
_USER = "cdc"
PASSWORD = "maria-secret"


class Mariadb:
    """On a loopback port of its own, data in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port = take_port()
        self.folder = folder
        self._socket = folder / "socket"
        self.process = ServerProcess(
            name,
            [
                "/usr/sbin/mariadbd",
                "--no-defaults",
                f"--datadir={folder / 'data'}",
                f"--socket={self._socket}",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--user={getpass.getuser()}",
                f"--init-file={folder / 'init.sql'}",
                f"--pid-file={folder / 'pid'}",
                # Tests need no durability against power loss, and two cores have better things to do.
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=32M",
            ],
            folder,
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def source_url(self, address: str | None = None) -> str:
        """For `mysqlSourceUrl`; another address is that of a gate."""
        return f"{_USER}:{PASSWORD}@tcp({address or self.address})/{_DATABASE}?charset=utf8"

    def start(self) -> None:
        if not (self.folder / "data").exists():
            self._install()
        self.process.start()

    def _install(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        accounts = [f"{_USER}@'%'", f"{_USER}@localhost"]
        (self.folder / "init.sql").write_text(
            f"CREATE DATABASE IF NOT EXISTS {_DATABASE};\n"
            + "".join(
                f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD}';\n"
                f"GRANT ALL ON {_DATABASE}.* TO {account};\n"
                for account in accounts
            )
        )
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                f"--user={getpass.getuser()}",
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    def wait_ready(self, within: float = PATIENCE) -> None:
        self.process.wait_until(lambda: self._client("SELECT 1").returncode == 0, within, "MariaDB answers")

    def kill(self) -> None:
        """kill -9; `start` brings it back with its data."""
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        give_back(self.port)

    def query(self, statements: str) -> str:
        """Executes them, and returns what they select: a line for each row, with tabs."""
        done = self._client(statements)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def _client(self, statements: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                "mariadb",
                "--no-defaults",
                f"--socket={self._socket}",
                f"--user={_USER}",
                f"--password={PASSWORD}",
                "--batch",
                "--skip-column-names",
                _DATABASE,
            ],
            input=statements,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
        )
