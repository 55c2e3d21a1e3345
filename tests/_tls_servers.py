"""Local TLS servers, and authorities that issue what they present."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


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

    def server(self, *names: str, start: float = -1, end: float = 89, bits: int = 0) -> Path:
        """A file of key and certificate, RSA with so many bits or else on P-256; times in days from now."""
        key: Any = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
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


@contextmanager
def listening(serve: Callable[[socket.socket], None], host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A TCP server on loopback that hands every connection to `serve` in a thread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)

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
