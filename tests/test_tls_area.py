"""TLS: the probe against local servers, the checks on what it saw and on plain records."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks import tls as checks
from fixtures import vocabulary
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes._tls_suites import suite
from fixtures.probes.tls import Protocol, TlsEvidence, look
from fixtures.vocabulary import CannotTell, Finding
from tests._tls_servers import Authority, listening, tls_server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def seen_at(port: int, ca: Path | None, host: str = "web.test", seconds: float = 20) -> TlsEvidence:
    target = Endpoint(url=f"https://{host}", connect=f"127.0.0.1:{port}", ca=ca)
    found = look(target, Context("endpoints.web", time.monotonic() + seconds))
    assert isinstance(found, TlsEvidence)
    assert TlsEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def verdicts(found: TlsEvidence) -> dict[str, str]:
    """The outcome of every check by its name."""
    outcomes = {}
    for function in vars(checks).values():
        declared = vocabulary.check_of(function)
        if declared is None:
            continue
        try:
            function(found)
            outcomes[declared.id.removeprefix("tls.")] = "passed"
        except Finding:
            outcomes[declared.id.removeprefix("tls.")] = "failed"
        except CannotTell:
            outcomes[declared.id.removeprefix("tls.")] = "cannot tell"
    return outcomes


def failed(found: TlsEvidence) -> set[str]:
    return {name for name, outcome in verdicts(found).items() if outcome == "failed"}


@pytest.fixture(scope="module")
def good(authority: Authority) -> TlsEvidence:
    with listening(tls_server(authority.server("web.test"))) as port:
        began = time.monotonic()
        found = seen_at(port, authority.path)
        assert time.monotonic() - began < 4
    return found


def test_a_good_server_passes_everything(good: TlsEvidence) -> None:
    # Python's server offers the curves of OpenSSL's default.
    assert {name: v for name, v in verdicts(good).items() if v != "passed"} == {}


@pytest.mark.parametrize(
    ("ciphers", "wrong"),
    [
        ("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "cbc_is_refused_at_tls_1_2"),
        ("AECDH-NULL-SHA:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0", "suites_without_protection_are_refused"),
    ],
)
def test_weak_suites_are_failures_never_cannot_tell(authority: Authority, ciphers: str, wrong: str) -> None:
    with listening(tls_server(authority.server("web.test"), ciphers, newest=ssl.TLSVersion.TLSv1_2)) as port:
        assert {wrong, "tls_1_3_is_offered"} <= failed(seen_at(port, authority.path))


def test_a_real_server_of_an_old_protocol_is_seen(authority: Authority) -> None:
    server = tls_server(authority.server("web.test"), "ECDHE+AES:@SECLEVEL=0", newest=ssl.TLSVersion.TLSv1)
    with listening(server) as port:
        found = failed(seen_at(port, authority.path))
    assert {"obsolete_protocols_are_refused", "tls_1_2_is_offered", "tls_1_3_is_offered"} <= found


def test_a_port_without_tls_fails_one_check_and_hides_the_rest() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with listening(plain) as port:
        found = verdicts(seen_at(port, None))
    assert found.pop("the_port_speaks_tls") == "failed"
    assert set(found.values()) == {"cannot tell"}


def test_closed_and_silent_ports_cannot_tell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CannotTell) as closed:
        seen_at(port, None)
    assert closed.value.cause == "outage"
    with listening(lambda _: time.sleep(3)) as silent, pytest.raises(CannotTell) as stalled:
        seen_at(silent, None, seconds=3)
    assert stalled.value.cause == "outage"


def test_old_protocols_fail_and_unseen_ones_cannot_tell(good: TlsEvidence) -> None:
    for state, outcome in ((True, "failed"), (None, "cannot tell"), (False, "passed")):
        others = (one for one in good.protocols if one.name != "TLSv1.1")
        protocols = (*others, Protocol(name="TLSv1.1", accepted=state))
        found = verdicts(good.model_copy(update={"protocols": protocols}))
        assert found["obsolete_protocols_are_refused"] == outcome


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("TLS_RSA_WITH_AES_128_CBC_SHA", {"cbc"}),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", {"forward_secret"}),
        ("TLS_AES_128_GCM_SHA256", {"forward_secret"}),
        ("TLS_DH_anon_WITH_RC4_128_MD5", {"anonymous", "rc4", "forward_secret"}),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", {"export", "des", "cbc"}),
        ("TLS_RSA_WITH_NULL_SHA", {"null"}),
        ("ECDHE-RSA-DES-CBC3-SHA", {"des", "cbc", "forward_secret"}),
    ],
)
def test_the_name_of_a_suite_tells_its_properties(name: str, flags: set[str]) -> None:
    assert {key for key, value in suite(name).model_dump().items() if value is True} == flags


def test_a_vantage_without_controls_that_answer_is_no_outage_of_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = Endpoint(url="https://web.test", connect=f"127.0.0.1:{port}")
    context = Context("endpoints.web", time.monotonic() + 5, vantage="office")
    with pytest.raises(CannotTell) as blind:
        look(target, replace(context, controls=(f"127.0.0.1:{port}",)))
    assert (blind.value.cause, blind.value.target) == ("network", "vantage office")
    with socket.create_server(("127.0.0.1", 0)) as alive, pytest.raises(CannotTell) as outage:
        look(target, replace(context, controls=(f"127.0.0.1:{alive.getsockname()[1]}",)))
    assert (outage.value.cause, outage.value.message) == ("outage", "no answer (refused)")
    with pytest.raises(CannotTell) as nameless:
        look(Endpoint(url="https://web.test", connect="golive-no-such-name.invalid:443"), context)
    assert nameless.value.message.startswith("the name golive-no-such-name.invalid does not resolve")


SCAN = """
import sys, time
from pathlib import Path
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes.tls import look
target = Endpoint(url="https://web.test", connect=sys.argv[1], ca=Path(sys.argv[2]))
print(look(target, Context("endpoints.web", time.monotonic() + 20)).speaks_tls)
"""


def test_a_scan_outside_pytest_warns_of_nothing(authority: Authority) -> None:
    with listening(tls_server(authority.server("web.test"))) as port:
        done = subprocess.run(
            [sys.executable, "-W", "default", "-c", SCAN, f"127.0.0.1:{port}", str(authority.path)],
            capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("True", "")
