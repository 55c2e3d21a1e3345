"""TLS: the probe against local servers, the checks on what it saw and on plain records."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checks import tls as checks
from fixtures import vocabulary
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes._tls_certificate import covers
from fixtures.probes._tls_suites import suite
from fixtures.probes.tls import Protocol, TlsEvidence, look
from fixtures.vocabulary import CannotTell, Finding

NOW = datetime.now(UTC)
EXPIRED = {"certificate_is_trusted", "certificate_is_within_its_validity", "certificate_has_days_left"}


class Authority:
    """A root made for the test; it issues server certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
        self.root = self._build(self.name, self.key, NOW - timedelta(days=900), NOW + timedelta(days=900), True, ())
        self.path = folder / "root.pem"
        self.path.write_bytes(self.root.public_bytes(serialization.Encoding.PEM))

    def _build(
        self, name: x509.Name, key: Any, start: datetime, end: datetime, ca: bool, names: tuple[str, ...]
    ) -> Any:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, *names: str, start: float = -1, end: float = 89) -> Path:
        """A file of key and certificate; times in days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        one = self._build(name, key, NOW + timedelta(days=start), NOW + timedelta(days=end), False, names)
        path = self.folder / f"{time.monotonic_ns()}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + one.public_bytes(serialization.Encoding.PEM)
        )
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on loopback that hands every connection to `serve` in a thread."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def one(connection: socket.socket) -> None:
        with closing(connection):
            connection.settimeout(5)
            try:
                serve(connection)
            except (OSError, ValueError):
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)


def tls_server(
    pem: Path, ciphers: str = "ECDHE+AESGCM", newest: ssl.TLSVersion | None = None
) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.set_ciphers(ciphers)
    if newest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = newest

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    return serve


def seen_at(port: int, ca: Path | None, host: str = "web.test", seconds: float = 20) -> TlsEvidence:
    target = Endpoint(url=f"https://{host}", connect=f"127.0.0.1:{port}", ca=ca)
    found = look(target, Context("endpoints.web", time.monotonic() + seconds))
    assert isinstance(found, TlsEvidence)
    assert TlsEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def verdicts(found: TlsEvidence) -> dict[str, str]:
    """The outcome of every check by its name."""
    outcomes = {}
    for name, function in vars(checks).items():
        declared = vocabulary.check_of(function)
        if declared is None:
            continue
        more = (Endpoint(url=f"https://{found.host}"),) if name == "check_certificate_has_days_left" else ()
        try:
            function(found, *more)
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
    ("names", "start", "end", "wrong"),
    [
        (("web.test",), -90, -1, EXPIRED),
        (("other.test",), -1, 80, {"certificate_matches_the_host", "certificate_covers_the_declared_names"}),
        ((), -1, 80, {"certificate_matches_the_host", "certificate_covers_the_declared_names"}),
        (("web.test",), -1, 10, {"certificate_has_days_left"}),
        (("web.test",), -1, 824, {"certificate_lifetime_is_accepted"}),
    ],
)  # fmt: skip
def test_a_bad_certificate_fails_its_checks(
    authority: Authority, names: tuple[str, ...], start: float, end: float, wrong: set[str]
) -> None:
    with listening(tls_server(authority.server(*names, start=start, end=end))) as port:
        assert failed(seen_at(port, authority.path)) == wrong


def test_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    with listening(tls_server(authority.server("web.test"))) as port:
        assert failed(seen_at(port, None)) == {"certificate_is_trusted", "chain_is_complete"}


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


def test_wildcards_stand_for_one_label() -> None:
    assert covers(("*.a.test",), "x.A.test")
    assert not covers(("*.a.test",), "x.y.a.test")
    assert not covers(("*.a.test",), "a.test")
    assert covers(("ip:127.0.0.1",), "127.0.0.1")


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
print(look(target, Context("endpoints.web", time.monotonic() + 20)).certificate is not None)
"""


def test_a_scan_outside_pytest_warns_of_nothing(authority: Authority) -> None:
    with listening(tls_server(authority.server("web.test"))) as port:
        done = subprocess.run(
            [sys.executable, "-W", "default", "-c", SCAN, f"127.0.0.1:{port}", str(authority.path)],
            capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("True", "")
