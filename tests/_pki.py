"""Certificates as they should be and as they should not, and servers that present them."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto

NOW = datetime.now(UTC).replace(microsecond=0)
_KEYS: dict[str, Callable[[], Any]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - it must be found
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class Party:
    """A certificate with its key, and who issued it (itself, for a root)."""

    certificate: x509.Certificate
    key: Any = field(repr=False)
    issuer: Party | None = None

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def save(self, path: Path) -> Path:
        """Write the certificate alone, as a client trusts it."""
        path.write_bytes(self.pem)
        return path


def make(
    subject: str,
    issuer: Party | None = None,
    *,
    names: Iterable[str] = (),
    start: float = -1,
    end: float = 89,
    key: str = "p256",
    hashed: str = "sha256",
    ca: bool = False,
    more: Iterable[x509.ExtensionType] = (),
) -> Party:
    """Issue a certificate; times in days from now, `names` that are addresses become such."""
    own = _KEYS[key]()
    signer = issuer.key if issuer else own
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(issuer.certificate.subject if issuer else common)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=start))
        .not_valid_after(NOW + timedelta(days=end))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if entries := [_general(name) for name in names]:
        builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    one = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    if hashed != "sha256":  # cryptography signs with nothing weak
        old = crypto.X509.from_cryptography(one)
        old.sign(crypto.PKey.from_cryptography_key(signer), hashed)
        one = old.to_cryptography()
    return Party(one, own, issuer)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def root(name: str = "test root", **more: Any) -> Party:
    """An authority that issued itself."""
    return make(name, ca=True, start=-900, end=900, **more)


def intermediate(issuer: Party, name: str = "test intermediate", **more: Any) -> Party:
    """An authority that another issued."""
    return make(name, issuer, ca=True, **{"start": -900, "end": 900, **more})


MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])


def told_at(*, ocsp_url: str = "", crl_url: str = "") -> list[x509.ExtensionType]:
    """The extensions that say where revocation is told."""
    found: list[x509.ExtensionType] = []
    if ocsp_url:
        place = x509.UniformResourceIdentifier(ocsp_url)
        found.append(
            x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
        )
    if crl_url:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        found.append(x509.CRLDistributionPoints([point]))
    return found


def crl(issuer: Party, *revoked: Party, begins: float = -1, ends: float = 5) -> bytes:
    """A list of what `issuer` revoked, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW + timedelta(days=begins))
        .next_update(NOW + timedelta(days=ends))
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(days=1)).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def ocsp_answer(
    of: Party, signer: Party | None = None, *, revoked: bool = False, begins: float = -1, ends: float = 5
) -> bytes:
    """What a responder answers about a certificate, signed by its issuer unless told otherwise, DER."""
    assert of.issuer
    by = signer or of.issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=of.certificate,
        issuer=of.issuer.certificate,
        algorithm=hashes.SHA1(),  # noqa: S303 - as RFC 5019 has it
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        this_update=NOW + timedelta(days=begins),
        next_update=NOW + timedelta(days=ends),
        revocation_time=NOW - timedelta(days=1) if revoked else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
    if by is not of.issuer:
        builder = builder.certificates([by.certificate])
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


RESPONDER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
Serve = Callable[[socket.socket], None]


def presenting(
    leaf: Party,
    *rest: Party,
    staple: bytes = b"",
    newest: int = SSL.TLS1_3_VERSION,
    by_name: Mapping[str, tuple[Party, ...]] | None = None,
    unnamed: tuple[Party, ...] | None = None,
    beside: tuple[Party, ...] | None = None,
) -> Serve:
    """A server that sends exactly these certificates in this order; `by_name` others to those who ask for a name.

    `unnamed`: what those get who ask for none, `()` a refusal. `beside`: a certificate of another key type.
    """
    context = _context((leaf, *rest), staple, newest, beside)
    others = {name: _context(chain, staple, newest, None) for name, chain in (by_name or {}).items()}
    if unnamed:
        others[""] = _context(unnamed, staple, newest, None)

    def choose(connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode()
        if name in others:
            connection.set_context(others[name])

    context.set_tlsext_servername_callback(choose)

    def serve(plain: socket.socket) -> None:
        if unnamed == () and b"\x00\x00" not in _server_name(plain):
            plain.sendall(b"\x15\x03\x01\x00\x02\x02\x70")
            return
        # A timeout of Python's makes the socket one that never waits, which OpenSSL would see.
        plain.settimeout(None)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
        tls = SSL.Connection(context, plain)
        tls.set_accept_state()
        try:
            tls.do_handshake()
            tls.recv(1)
        except SSL.Error:
            return

    return serve


def _server_name(plain: socket.socket) -> bytes:
    """Two zero bytes if the hello, read without taking it, carries a name that ends in `.test`."""
    return b"\x00\x00" if b".test" in plain.recv(4096, socket.MSG_PEEK) else b""


def _context(chain: tuple[Party, ...], staple: bytes, newest: int, beside: tuple[Party, ...] | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_max_proto_version(newest)
    for leaf, *rest in filter(None, (chain, beside)):
        context.use_certificate(leaf.certificate)
        context.use_privatekey(leaf.key)
        if leaf is chain[0]:
            for one in rest:
                context.add_extra_chain_cert(one.certificate)
    if staple:
        context.set_ocsp_server_callback(lambda _, __: staple)
    return context
