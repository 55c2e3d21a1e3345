"""TLS: the probe against local servers, the checks on what it saw and on plain records."""

from __future__ import annotations

import contextlib
import inspect
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from checks import tls as checks
from fixtures import vocabulary
from fixtures.environment.sections.endpoints import Endpoint, EndpointExpectations
from fixtures.environment.tls_policy import POLICIES
from fixtures.probes import Context
from fixtures.probes._tls_answer import Listener
from fixtures.probes._tls_ask import MOST
from fixtures.probes._tls_hello import GREASE
from fixtures.probes._tls_suites import suite
from fixtures.probes.tls import Protocol, TlsEvidence, look
from fixtures.vocabulary import CannotTell, Finding
from tests._tls_servers import Authority, listening, tls_server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def seen_at(port: int, policy: str = "guide", host: str = "web.test", seconds: float = 20) -> TlsEvidence:
    expected = EndpointExpectations(tls=POLICIES[policy])
    target = Endpoint(url=f"https://{host}", connect=f"127.0.0.1:{port}", expect=expected)
    found = look(target, Context("endpoints.web", time.monotonic() + seconds))
    assert isinstance(found, TlsEvidence)
    assert TlsEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def verdicts(found: TlsEvidence) -> dict[str, str]:
    """The outcome of every check by its name."""
    outcomes = {}
    endpoint = Endpoint(url=f"https://{found.host}", expect=EndpointExpectations(tls=POLICIES[found.policy]))
    for function in vars(checks).values():
        declared = vocabulary.check_of(function)
        if declared is None or not declared.applies(endpoint):
            continue
        given = (endpoint,) if "endpoint" in inspect.signature(function).parameters else ()
        try:
            function(found, *given)
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
        found = seen_at(port)
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
        assert {wrong, "tls_1_3_is_offered"} <= failed(seen_at(port))


def test_a_real_server_of_an_old_protocol_is_seen(authority: Authority) -> None:
    server = tls_server(authority.server("web.test"), "ECDHE+AES:@SECLEVEL=0", newest=ssl.TLSVersion.TLSv1)
    with listening(server) as port:
        found = failed(seen_at(port))
    assert {"obsolete_protocols_are_refused", "tls_1_2_is_offered", "tls_1_3_is_offered"} <= found


def test_a_port_without_tls_fails_one_check_and_hides_the_rest() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with listening(plain) as port:
        found = verdicts(seen_at(port))
    assert found.pop("the_port_speaks_tls") == "failed"
    assert set(found.values()) == {"cannot tell"}


def test_closed_and_silent_ports_cannot_tell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CannotTell) as closed:
        seen_at(port)
    assert closed.value.cause == "outage"
    with listening(lambda _: time.sleep(3)) as silent, pytest.raises(CannotTell) as stalled:
        seen_at(silent, seconds=3)
    assert stalled.value.cause == "unproven"


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
        ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", {"des", "cbc", "forward_secret"}),
        ("TLS_SHA256_SHA256", {"null", "forward_secret"}),
        ("TLS_ECDH_anon_WITH_NULL_SHA", {"anonymous", "null", "forward_secret"}),
        ("SSL_CK_RC4_128_EXPORT40_WITH_MD5", {"export", "rc4"}),
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


# Old versions, scripted: no library speaks them any more


def read_hello(connection: socket.socket) -> bytes:
    """The message of one ClientHello, without the header of its record."""
    head = connection.recv(5, socket.MSG_WAITALL)
    if head[:1] != b"\x16":
        raise ValueError("no hello")
    return connection.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL)


def offered(hello: bytes) -> list[int]:
    """The suites in a ClientHello."""
    at = 39 + hello[38]
    size = int.from_bytes(hello[at : at + 2], "big")
    return [int.from_bytes(hello[n : n + 2], "big") for n in range(at + 2, at + 2 + size, 2)]


def server_hello(version: int, suite: int, compression: int = 0) -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + bytes([compression])
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version.to_bytes(2, "big") + len(message).to_bytes(2, "big") + message


def alert(number: int) -> bytes:
    return b"\x15\x03\x01\x00\x02\x02" + bytes([number])


def only_sslv3(connection: socket.socket) -> None:
    """Speaks SSL 3.0 with RC4 and 3DES, and nothing else."""
    hello = read_hello(connection)
    common = [one for one in offered(hello) if one in (0x0004, 0x000A)]
    if hello[4:6] != b"\x03\x00":
        connection.sendall(alert(70))
    elif common:
        connection.sendall(server_hello(0x0300, common[0]))
    else:
        connection.sendall(alert(40))


def test_a_server_of_ssl_3_is_seen_with_all_its_suites() -> None:
    with listening(only_sslv3) as port:
        found = seen_at(port)
    assert [one.name for one in found.protocols if one.accepted] == ["SSLv3"]
    assert [one.name for one in found.protocol("SSLv3").suites] == [
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_MD5",
    ]  # fmt: skip
    assert {"obsolete_protocols_are_refused", "rc4_and_des_are_refused", "tls_1_2_is_offered"} <= failed(found)


def test_a_server_of_ssl_2_is_seen_with_all_its_suites() -> None:
    suites = bytes.fromhex("010080 020080 0700c0")

    def serve(connection: socket.socket) -> None:
        if connection.recv(3, socket.MSG_PEEK)[2:] != b"\x01":
            only_sslv3(connection)
            return
        connection.recv(4096)
        lengths = b"".join(len(part).to_bytes(2, "big") for part in (b"cert", suites, bytes(16)))
        body = b"\x04\x00\x01\x00\x02" + lengths + b"cert" + suites + bytes(16)
        connection.sendall((0x8000 | len(body)).to_bytes(2, "big") + body)

    with listening(serve) as port:
        found = seen_at(port)
    assert [one.name for one in found.protocol("SSLv2").suites] == [
        "SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "SSL_CK_RC4_128_EXPORT40_WITH_MD5", "SSL_CK_RC4_128_WITH_MD5",
    ]  # fmt: skip
    assert "suites_without_protection_are_refused" in failed(found)


# What stands before a good server, and what only looks like one


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def before(
    serve: Callable[[socket.socket], None],
    drops: Callable[[bytes], bool],
    drop: Callable[[socket.socket], None] = reset,
) -> Callable[[socket.socket], None]:
    """A box that drops the hellos it dislikes, and hands all others on."""

    def box(connection: socket.socket) -> None:
        head = connection.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
        size = 5 + int.from_bytes(head[3:5], "big") if head[:1] == b"\x16" else 5
        if drops(connection.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)):
            drop(connection)
        else:
            serve(connection)

    return box


def longer_than(most: int) -> Callable[[bytes], bool]:
    return lambda hello: len(hello) > most


@pytest.mark.parametrize(
    ("drops", "intolerant"),
    [
        (lambda hello: hello[:1] == b"\x16" and offered(hello[5:])[0] == GREASE, ("grease",)),
        (longer_than(1400), ("hybrid",)),
        (lambda hello: b"\x00\x2b\x00" in hello, ("TLS 1.3",)),
    ],
)
def test_what_chokes_on_current_clients_is_named(
    authority: Authority, drops: Callable[[bytes], bool], intolerant: tuple[str, ...]
) -> None:
    with listening(before(tls_server(authority.server("web.test")), drops)) as port:
        found = seen_at(port)
    assert found.intolerant == intolerant
    outcomes = verdicts(found)
    assert outcomes.pop("current_clients_are_understood") == "failed"
    assert "failed" not in outcomes.values()
    unseen = {name for name, outcome in outcomes.items() if outcome == "cannot tell"}
    assert bool(unseen) == ("TLS 1.3" in intolerant)
    assert ("tls_1_3_is_offered" in unseen) == bool(unseen)


def test_long_lists_of_suites_that_a_box_drops_are_offered_in_pieces(authority: Authority) -> None:
    clean, weak = (
        seen_through(authority, ciphers) for ciphers in ("ECDHE+AESGCM", "ECDHE+AESGCM:ECDHE-ECDSA-AES256-SHA")
    )
    assert set(verdicts(clean).values()) == {"passed"}
    assert clean.connections < 100
    assert "cbc_is_refused_at_tls_1_2" in failed(weak)


def seen_through(authority: Authority, ciphers: str) -> TlsEvidence:
    """A server behind a box that resets every hello up to TLS 1.2 with more than a hundred suites."""
    drops = lambda hello: hello[:1] == b"\x16" and len(offered(hello[5:])) > 100  # noqa: E731
    with listening(before(tls_server(authority.server("web.test"), ciphers), drops)) as port:
        return seen_at(port)


def test_a_version_that_is_dropped_is_neither_accepted_nor_refused(authority: Authority) -> None:
    def old(hello: bytes) -> bool:
        return hello[9:11] == b"\x03\x02"

    for drop in (reset, nothing, lambda _: time.sleep(2)):
        with listening(before(tls_server(authority.server("web.test")), old, drop)) as port:
            found = seen_at(port, seconds=5)
        assert found.protocol("TLSv1.1").accepted is None
        outcomes = verdicts(found)
        assert outcomes["obsolete_protocols_are_refused"] == "cannot tell"
        assert outcomes["tls_1_2_is_offered"] == "passed"


def test_a_server_that_resets_whatever_it_hears_first_is_asked_again(authority: Authority) -> None:
    serve, heard = tls_server(authority.server("web.test")), set()

    def first_time(hello: bytes) -> bool:
        known = hello[:1], hello[9:11], tuple(offered(hello[5:])) if hello[:1] == b"\x16" else (), len(hello)
        new = known not in heard
        heard.add(known)
        return new

    with listening(before(serve, first_time)) as port:
        found = seen_at(port)
    assert {name: outcome for name, outcome in verdicts(found).items() if outcome != "passed"} == {}


def test_a_server_that_knows_other_names_is_no_server_of_this_one(authority: Authority) -> None:
    good = tls_server(authority.server("web.test"))

    def serve(connection: socket.socket) -> None:
        if b"web.test" in connection.recv(4096, socket.MSG_PEEK):
            good(connection)
        else:
            connection.recv(4096)
            connection.sendall(alert(112))

    with listening(serve) as port:
        assert "failed" not in verdicts(seen_at(port)).values()
        with pytest.raises(CannotTell) as caught:
            seen_at(port, host="other.test")
    assert caught.value.message == "the server does not know the name other.test (alert unrecognized_name)"


def drip(connection: socket.socket) -> None:
    read_hello(connection)
    for byte in server_hello(0x0303, 0xC02F):
        connection.sendall(bytes([byte]))
        time.sleep(0.3)


def endless(piece: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_hello(connection)
        while True:
            connection.sendall(piece)

    return serve


def reset_after_hello(connection: socket.socket) -> None:
    read_hello(connection)
    reset(connection)


def half_an_alert(connection: socket.socket) -> None:
    read_hello(connection)
    connection.sendall(alert(40)[:3])


def nothing(connection: socket.socket) -> None:
    """Close."""


HOSTILE: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "closes at once": (nothing, "reset"),
    "resets at once": (reset, "reset"),
    "resets after the hello": (reset_after_hello, "reset"),
    "closes in an alert": (half_an_alert, "reset"),
    "one byte after the other": (drip, "timeout"),
    "warnings without end": (endless(b"\x15\x03\x03\x00\x02\x01\x70" * 500), "no TLS"),
    "empty records without end": (endless(b"\x16\x03\x03\x00\x00" * 500), "no TLS"),
    "a message without end": (endless(b"\x16\x03\x03\x40\x00\x02\x03\xff\xff" + bytes(16380)), "no TLS"),
    "another protocol": (endless(b"220 mail.test ESMTP\r\n"), "no TLS"),
    "noise": (lambda connection: connection.sendall(b"\xfe" + os.urandom(2000)), "no TLS"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_costs_its_time_and_nothing_more(name: str) -> None:
    serve, outcome = HOSTILE[name]
    began = time.monotonic()
    with listening(serve) as port:
        if outcome == "no TLS":
            assert seen_at(port, seconds=4).speaks_tls is False
        else:
            with pytest.raises(CannotTell) as caught:
                seen_at(port, seconds=4)
            assert outcome in caught.value.message
    assert time.monotonic() - began < 10


def test_a_server_that_breaks_off_after_its_hello_is_known_by_it() -> None:
    def serve(connection: socket.socket) -> None:
        hello = read_hello(connection)
        if hello[4:6] == b"\x03\x03" and 0xC02F in offered(hello):
            connection.sendall(server_hello(0x0303, 0xC02F))
            reset(connection)
        else:
            connection.sendall(alert(40))

    with listening(serve) as port:
        found = seen_at(port)
    assert [one.name for one in found.protocols if one.accepted] == ["TLSv1.2"]
    outcomes = verdicts(found)
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == {
        "tls_1_3_is_offered", "renegotiation_is_secure", "the_master_secret_is_extended", "http2_is_offered",
    }  # fmt: skip
    assert outcomes["weak_curves_are_refused"] == "cannot tell"


def test_a_server_that_accepts_whatever_it_is_offered_is_not_asked_for_ever() -> None:
    def serve(connection: socket.socket) -> None:
        hello = read_hello(connection)
        connection.sendall(server_hello(int.from_bytes(hello[4:6], "big"), offered(hello)[0], compression=1))

    with listening(serve) as port:
        found = seen_at(port)
    assert found.connections < MOST + 20
    assert {
        "suites_without_protection_are_refused", "obsolete_protocols_are_refused", "compression_is_off",
        "downgrades_are_noticed", "renegotiation_is_secure",
    } <= failed(found)  # fmt: skip


def test_a_good_server_takes_few_connections(good: TlsEvidence) -> None:
    assert good.connections <= 30


def test_a_post_quantum_key_exchange_is_seen(authority: Authority, good: TlsEvidence) -> None:
    """OpenSSL 3.5, which `cryptography` brings, has ML-KEM and refuses a key that is none; Python's own may not."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    pem = str(authority.server("web.test"))
    context.use_privatekey_file(pem)
    context.use_certificate_file(pem)

    def serve(plain: socket.socket) -> None:
        plain.settimeout(None)
        tls = SSL.Connection(context, plain)
        tls.set_accept_state()
        with contextlib.suppress(SSL.Error):
            tls.do_handshake()
            tls.recv(1)

    with listening(serve) as port:
        found = seen_at(port)
    assert found.post_quantum
    assert "X25519MLKEM768" in found.groups
    assert not failed(found) & {"weak_curves_are_refused", "current_clients_are_understood"}
    assert good.post_quantum is (ssl.OPENSSL_VERSION_INFO >= (3, 5))


def test_without_cache_and_tickets_nothing_is_resumed(authority: Authority) -> None:
    pem = authority.server("web.test")

    def serve(connection: socket.socket) -> None:
        fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fresh.load_cert_chain(pem)
        fresh.options |= ssl.OP_NO_TICKET
        fresh.maximum_version = ssl.TLSVersion.TLSv1_2
        with fresh.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    with listening(serve) as port:
        assert "sessions_are_resumed" in failed(seen_at(port))


@given(st.binary(max_size=600), st.sampled_from([0x0002, 0x0303, 0x0304]), st.booleans())
def test_no_bytes_break_the_listener(data: bytes, version: int, whole: bool) -> None:
    for start in (b"", b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c\x03\x03", b"\x16\x03\x03" + len(data).to_bytes(2, "big")):
        listener = Listener(version, whole)
        listener.feed(start + data)


SCAN = """
import sys, time
from pathlib import Path
from fixtures.environment.sections.endpoints import Endpoint, EndpointExpectations
from fixtures.environment.tls_policy import POLICIES
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
