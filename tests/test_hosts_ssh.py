"""Hosts through a real sshd: one look, one login, nothing left; and one clear line for each way to hear nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.sections.hosts import Host
from fixtures.probes import Context, Limits
from fixtures.probes.hosts import HostEvidence, look
from fixtures.vocabulary import CannotTell
from tests._sshd import Server, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def target(server: Server, key: str = "good", **more: Any) -> Host:
    known: dict[str, Any] = {
        "connect": server.address,
        "role": "bastion",
        "identity": server.key(key),
        "known_hosts": server.known(),
    }
    return Host.model_validate(known | more)


def context(seconds: float = 30.0, **more: Any) -> Context:
    return Context("hosts.one", time.monotonic() + seconds, **more)


def refused(host: Host, seconds: float = 30.0, **more: Any) -> CannotTell:
    with pytest.raises(CannotTell) as caught:
        look(host, context(seconds, **more))
    assert "\n" not in caught.value.message
    return caught.value


def test_one_login_sees_everything(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "key.pem"
    secret.touch(mode=0o640)
    secret.chmod(0o640)
    host = target(server, files={"key": {"path": str(secret)}}, tools=["sh", "no-such-program"], data=[str(tmp_path)])
    before = server.logins()
    seen = look(host, context())
    assert isinstance(seen, HostEvidence)
    assert (seen.system.kernel, seen.system.uid, seen.system.skew) == ("Linux", os.getuid(), 0.0)
    assert (seen.files[0].mode, seen.tools) == ("0640", ("sh",))
    assert {one.place for one in seen.space} == {"/", str(tmp_path)}
    assert any(one.port == server.port and one.address == "127.0.0.1" for one in seen.network.listeners or ())
    assert server.logins() == before + 1


def test_fifty_hosts_are_soon_looked_at(server: Server) -> None:
    """Twenty seconds are wanted of an idle machine of two cores; this one may be busy."""
    host = target(server)
    begun = time.monotonic()
    with ThreadPoolExecutor(50) as pool:
        limits = Limits(per_target=8, per_second=100)
        seen = list(pool.map(lambda _: look(host, context(120, limits=limits)), range(50)))
    assert len(seen) == 50
    assert all(one.system.kernel == "Linux" for one in seen if isinstance(one, HostEvidence))
    assert time.monotonic() - begun < 90


@pytest.mark.parametrize(
    ("key", "cause", "words"),
    [
        ("stranger", "permission", "it refuses the login: no key of ours is accepted"),
        ("forced", "permission", "it runs something else than it is asked to"),
        ("flooding", "permission", "it runs something else than it is asked to"),
    ],
)
def test_a_login_that_is_no_help_is_told(server: Server, key: str, cause: str, words: str) -> None:
    told = refused(target(server, key))
    assert told.cause == cause
    assert told.message.startswith(words)


def test_a_command_that_hangs_costs_its_time_only(server: Server) -> None:
    begun = time.monotonic()
    assert refused(target(server, "hanging"), 4.0).cause in ("deadline", "outage")
    assert time.monotonic() - begun < 15


def test_an_unknown_host_key_is_refused_and_not_learned(server: Server, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.touch()
    told = refused(target(server, known_hosts=known))
    assert (told.cause, "its host key is not known" in told.message) == ("permission", True)
    assert known.read_text() == ""


def test_another_host_key_is_told_as_what_it_may_be(server: Server) -> None:
    told = refused(target(server, known_hosts=server.known(other=True)))
    assert (told.cause, "another machine, or an attack" in told.message) == ("permission", True)


def test_an_identity_that_is_open_to_others_is_told(server: Server, tmp_path: Path) -> None:
    key = tmp_path / "open"
    key.write_bytes(server.key("good").read_bytes())
    key.chmod(0o644)
    assert refused(target(server, identity=key)).message == "ssh refuses the identity: its file is open to others"


def test_an_identity_that_is_none_is_told(server: Server, tmp_path: Path) -> None:
    key = tmp_path / "none"
    key.write_text("no key\n")
    key.chmod(0o600)
    assert refused(target(server, identity=key)).cause in ("program", "permission")


def test_a_closed_port_is_an_outage(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    told = refused(target(server, connect=f"ssh://nobody@127.0.0.1:{closed}"))
    assert (told.cause, told.message) == ("outage", "no answer (refused)")


def test_silence_beyond_our_network_is_no_outage_without_a_control(server: Server) -> None:
    told = refused(target(server, connect="ssh://nobody@no-such-host.invalid"))
    assert told.cause == "unproven"


def test_a_server_that_says_nothing_costs_its_time_only(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = refused(target(server, connect=f"ssh://x@127.0.0.1:{silent.getsockname()[1]}"), 5.0)
    assert told.message == "no answer (timeout)"


def test_nothing_is_left_on_the_host(server: Server) -> None:
    """Neither a file where a look could leave one nor a process of it."""
    places = [Path("/tmp"), Path.home(), Path("/run")]

    def there() -> set[str]:
        # What others make of their own in the meantime is named by Python's tempfile, or by its program.
        return {
            str(path)
            for place in places
            for path in place.iterdir()
            if "golive" not in path.name and not path.name.startswith("tmp")
        }

    before = there()
    look(target(server, jobs={"backup": {"command": "/opt/backup.sh"}}), context())
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"golive-look" in _read(path)]
    assert not left
    assert not {path for path in there() - before if "pytest" not in path}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
