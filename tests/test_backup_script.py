"""The recommended backup script: what it makes, and that it never reports a success that is none."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.probes._dumps import read_head
from fixtures.stack.programs import postgres_of
from fixtures.stack.throwaway import Server, throwaway

SCRIPT = Path(__file__).parent.parent / "docs" / "scripts" / "backup.sh"
MAJOR = 15


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Two databases: one with a table, one without."""
    with throwaway(MAJOR) as made:
        with made.connect() as connection:
            connection.execute("CREATE DATABASE emailai_prod")
            connection.execute("CREATE DATABASE nothing")
        with made.connect("emailai_prod") as connection:
            connection.execute("CREATE TABLE users AS SELECT 1 AS id")
        yield made


def run(server: Server, home: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the script as cron would, with a `mail` that writes into a file."""
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    mail = programs / "mail"
    mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} >>{home}/mails\n')
    mail.chmod(0o755)
    env = {
        "PATH": f"{programs}:{postgres_of(MAJOR)}:{os.defpath}",
        "HOME": str(home),
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.superuser,
        "PGPASSWORD": server.password,
        "BACKUP_DIR": str(home / "local"),
        "UPLOAD_TO": str(home / "store"),
        **changes,
    }
    return subprocess.run(["bash", str(SCRIPT)], env=env, capture_output=True, text=True, check=False, timeout=60)


def files(directory: Path) -> list[str]:
    """What is in it, but for the lock."""
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    return sorted(name for name in names if not name.startswith("."))


def mails(home: Path) -> str:
    """What was mailed."""
    path = home / "mails"
    return path.read_text() if path.exists() else ""


def test_a_good_night(server: Server, tmp_path: Path) -> None:
    done = run(server, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (name,) = files(tmp_path / "local")
    assert f"Backup successful: {name}" in done.stdout
    content = (tmp_path / "local" / name).read_bytes()
    assert (tmp_path / "store" / name).read_bytes() == content
    head = read_head(content, "UTC")
    assert (head.format, head.compression, head.database) == ("custom", "gzip", "emailai_prod")
    for directory in ("local", "store"):
        assert (tmp_path / directory).stat().st_mode & 0o777 == 0o700
        assert (tmp_path / directory / name).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (tmp_path / "local").iterdir()} == {name, ".lock"}
    assert mails(tmp_path) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"PGPORT": "1"},
        {"PGDATABASE": "gone"},
        {"PGDATABASE": "nothing"},
        {"PGPASSWORD": "wrong"},
        {"UPLOAD_TO": "/proc/nowhere"},
        {"UPLOAD_TO": "s3://no-such-bucket/database"},
        {"PING_URL": "http://127.0.0.1:9/"},
    ],
)
def test_a_bad_night_is_told_and_leaves_no_half_file(server: Server, tmp_path: Path, changes: dict[str, str]) -> None:
    (tmp_path / "bin").mkdir()
    aws = tmp_path / "bin" / "aws"
    aws.write_text("#!/bin/sh\nexit 255\n")
    aws.chmod(0o755)
    done = run(server, tmp_path, **changes)
    assert done.returncode != 0
    assert "successful" not in done.stdout
    assert "Database Backup Failed ops@example.com" in mails(tmp_path)
    kept = "UPLOAD_TO" in changes or "PING_URL" in changes
    assert len(files(tmp_path / "local")) == (1 if kept else 0)
    assert [name for name in (path.name for path in (tmp_path / "local").iterdir()) if name.endswith("part")] == []
    for name in files(tmp_path / "local"):
        assert gzip.decompress((tmp_path / "local" / name).read_bytes()).startswith(b"PGDMP")


def test_old_ones_go_only_after_a_good_one_and_never_the_newest(server: Server, tmp_path: Path) -> None:
    for place in ("local", "store"):
        (tmp_path / place).mkdir(mode=0o700)
        for day in range(1, 10):
            path = tmp_path / place / f"emailai_202601{day:02}_020000.backup.gz"
            path.touch()
            os.utime(path, (time.time() - 40 * 86400,) * 2)
        (tmp_path / place / "somebody_elses.tar").touch()
    assert run(server, tmp_path, PGPORT="1").returncode != 0
    assert len(files(tmp_path / "local")) == 10
    assert run(server, tmp_path).returncode == 0
    for place in ("local", "store"):
        left = files(tmp_path / place)
        assert "somebody_elses.tar" in left
        assert [name for name in left if name.startswith("emailai_202601")] == [
            f"emailai_202601{day:02}_020000.backup.gz" for day in range(4, 10)
        ]


def test_two_at_once_do_not_meet(server: Server, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    with (tmp_path / "local" / ".lock").open("w") as lock:
        held = subprocess.run(["flock", "-n", str(lock.fileno())], pass_fds=(lock.fileno(),), check=False)
        assert held.returncode == 0
        done = run(server, tmp_path)
    assert done.returncode != 0
    assert "while waiting for an earlier run" in mails(tmp_path)
