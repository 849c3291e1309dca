"""Certificates for servers on this machine, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

STORE_PASSWORD = "store-password"


@dataclass(frozen=True)
class Certificates:
    """A certificate authority made for one test, and a certificate of 127.0.0.1 that it signed."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def key_store(self) -> Path:
        """Certificate and key as Java reads them, with STORE_PASSWORD."""
        return self.folder / "server.p12"

    @property
    def client(self) -> Path:
        """The certificate of a client, after `make_client`."""
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    def make(self) -> Certificates:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        for command in (
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
            f"pkcs12 -export -in server.pem -inkey server.key -out server.p12 -passout pass:{STORE_PASSWORD}",
        ):
            self._openssl(command)
        return self

    def make_client(self) -> Certificates:
        """A certificate for a client, which the same authority has signed."""
        for command in (
            "req -newkey rsa:2048 -nodes -subj /CN=client -keyout client.key -out client.csr",
            "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client.pem",
        ):
            self._openssl(command)
        return self

    def _openssl(self, command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True)
