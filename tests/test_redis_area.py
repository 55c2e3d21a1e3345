"""The Redis probe against real servers: what our role sees, what strangers get, and servers that are no help."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.environment.secrets import Secret
from fixtures.environment.sections.redis import Redis
from fixtures.probes import Context
from fixtures.probes._redis import session
from fixtures.probes.redis import RedisEvidence, look
from fixtures.vocabulary import Bug, CannotTell

ACL = Path(__file__).parents[1] / "docs" / "permissions" / "redis.acl"
PASSWORD = secrets.token_hex(12)
ADMIN = secrets.token_hex(12)


def context(seconds: float = 10.0) -> Context:
    return Context("redis.main", time.monotonic() + seconds)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis whose verifier is the one of docs/permissions."""
    import hashlib

    directory = tmp_path_factory.mktemp("redis")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    verifier = ACL.read_text().replace("REPLACE_WITH_SHA256", hashlib.sha256(PASSWORD.encode()).hexdigest())
    (directory / "users.acl").write_text(f"{verifier}user default on >{ADMIN} ~* &* +@all\n")
    (directory / "redis.conf").write_text(
        f"bind 127.0.0.1\nport {port}\ndir {directory}\nsave 3600 1\nmaxmemory 64mb\naclfile {directory}/users.acl\n"
    )
    program = shutil.which("redis-server")
    assert program is not None
    with subprocess.Popen([program, str(directory / "redis.conf")], stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()


def _wait(port: int) -> None:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("redis-server did not start")


def seen(port: int, login: str = f"verifier:{PASSWORD}") -> RedisEvidence:
    found = look(Redis(url=Secret(f"redis://{login}@127.0.0.1:{port}/0")), context())
    assert isinstance(found, RedisEvidence)
    return found


def admin(port: int, *words: str) -> None:
    import redis

    with redis.Redis(port=port, password=ADMIN) as connection:
        connection.execute_command(*words)


def test_the_role_of_the_documentation_sees_all_that_is_judged(port: int) -> None:
    admin(port, "FLUSHALL")
    admin(port, "SET", "session:1", "x", "EX", "60")
    admin(port, "SET", "session:2", "x")
    found = seen(port)
    assert (found.anonymous, found.eviction, found.rdb, found.maxmemory) == ("refused", "noeviction", True, 64 * 2**20)
    assert (found.keys, found.sampled, found.eternal) == (2, 2, 1)


def test_no_key_of_anybody_is_kept(port: int) -> None:
    admin(port, "SET", "session:of-somebody", "private")
    assert "somebody" not in seen(port).model_dump_json()


def test_a_bounded_sample_of_many_keys(port: int) -> None:
    admin(port, "EVAL", "for i = 1, 5000 do redis.call('set', 'k' .. i, 1, 'EX', 600) end", "0")
    assert seen(port).sampled == 200


def test_the_role_can_neither_read_nor_write(port: int) -> None:
    import redis

    with redis.Redis(port=port, username="verifier", password=PASSWORD) as connection:
        for words in (("GET", "session:1"), ("SET", "a", "b"), ("CONFIG", "SET", "save", ""), ("FLUSHALL",)):
            with pytest.raises(redis.exceptions.NoPermissionError):
                connection.execute_command(*words)


def test_only_what_looks_is_asked(port: int) -> None:
    with session(Secret(f"redis://:{ADMIN}@127.0.0.1:{port}/0"), context()) as connection, pytest.raises(Bug):
        connection.ask("SET", "a", "b")


def test_a_wrong_password_is_permission(port: int) -> None:
    with pytest.raises(CannotTell) as caught:
        seen(port, "verifier:wrong-password")
    assert caught.value.cause == "permission"


@pytest.mark.parametrize("url", ["redis://:hunter2/rest@127.0.0.1", "http://:hunter2@127.0.0.1", "redis://[::1"])
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(CannotTell) as caught:
        look(Redis(url=Secret(url)), context())
    assert caught.value.cause == "program"
    assert "hunter2" not in caught.value.message


def test_a_closed_port_is_an_outage() -> None:
    with pytest.raises(CannotTell) as caught:
        seen(9)
    assert caught.value.cause == "outage"


def test_a_server_that_says_nothing_costs_its_time_only() -> None:
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CannotTell) as caught:
        look(Redis(url=Secret(f"redis://127.0.0.1:{silent.getsockname()[1]}")), context(3.0))
    assert caught.value.cause == "outage"
    assert time.monotonic() - begun < 8
