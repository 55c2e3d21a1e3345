"""An sshd of the tests' own on loopback: it takes keys, each with what it may do, and no password."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"))
PRIVILEGES = Path("/run/sshd")
COMMANDS = {
    "good": "",
    "forced": 'command="echo this account only says hello" ',
    "hanging": 'command="sleep 60" ',
    "flooding": 'command="yes" ',
    "stranger": "",
}
"""The keys, and what the server runs instead of what is asked; the stranger's is in no list."""


def program() -> str | None:
    """The server, if it is installed."""
    return shutil.which("sshd", path=PLACES)


def free_port() -> int:
    """A port that was free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running sshd."""

    port: int
    directory: Path

    @property
    def address(self) -> str:
        """How testinfra reaches it."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    def key(self, name: str) -> Path:
        """A private key."""
        return self.directory / name

    def logins(self) -> int:
        """How many were let in so far."""
        return (self.directory / "log").read_text().count("Accepted publickey")

    def known(self, *, other: bool = False) -> Path:
        """A file of known hosts: this server's key, or one that it does not have."""
        key = (self.directory / ("stranger.pub" if other else "host.pub")).read_text().split()[:2]
        path = self.directory / f"known-{other}"
        path.write_text(f"[127.0.0.1]:{self.port} {' '.join(key)}\n")
        return path


@contextmanager
def serve(directory: Path) -> Iterator[Server]:
    """Start one, and end it."""
    server = program()
    assert server is not None
    port = free_port()
    for name in ("host", *COMMANDS):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(directory / name)], check=True
        )
    listed = [
        f"{command}{(directory / f'{name}.pub').read_text()}"
        for name, command in COMMANDS.items()
        if name != "stranger"
    ]
    (directory / "authorized").write_text("".join(listed))
    (directory / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {directory}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {directory}/authorized\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nMaxStartups 100\nLogLevel INFO\n"
    )
    made = os.geteuid() == 0 and not PRIVILEGES.exists()
    if made:
        PRIVILEGES.mkdir(mode=0o755)
    argv = [server, "-D", "-e", "-f", str(directory / "sshd_config")]
    with (directory / "log").open("w") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            _wait(port, process)
            yield Server(port, directory)
        finally:
            process.terminate()
            process.wait(10)
            if made:
                PRIVILEGES.rmdir()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("sshd did not start")
