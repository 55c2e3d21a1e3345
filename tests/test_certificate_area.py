"""Certificates: the probe against local servers, the checks on what it saw and on plain records."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import typing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from OpenSSL import SSL

from checks import certificate as checks
from fixtures import vocabulary
from fixtures.environment.loading import load
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes._certificate import Problem, covers
from fixtures.probes.certificate import CertificateEvidence, declared_names, look
from fixtures.run import Run
from fixtures.vocabulary import CannotTell, Finding
from tests._pki import (
    MUST_STAPLE,
    RESPONDER,
    Party,
    Serve,
    crl,
    intermediate,
    make,
    ocsp_answer,
    presenting,
    root,
    told_at,
)
from tests._tls_servers import listening
from tests.records.certificate import LEAF, PRESENTED, SERVED, link

WEB = ("web.test", "www.web.test")
EXPIRED = {"is_within_its_validity", "has_days_left"}


ASKED = {"certificate": {"revocation": True}}


class Authorities:
    """A root, its intermediate, and the file that trusts the root."""

    def __init__(self, folder: Path) -> None:
        self.root = root()
        self.inner = intermediate(self.root)
        self.path = self.root.save(folder / "root.pem")

    def leaf(self, *names: str, **more: Any) -> Party:
        """A certificate for these names, else for those of the endpoint."""
        return make("server", more.pop("issuer", self.inner), names=names or WEB, **more)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("ca"))


def endpoint(port: int, ca: Path | None, host: str = "web.test", at: str = "127.0.0.1", **more: Any) -> Endpoint:
    declared = {"redirects_here": (f"http://{host}", f"www.{host}"), **more}
    return Endpoint(url=f"https://{host}", connect=f"{at}:{port}", ca=ca, **declared)


def seen_at(target: Endpoint, seconds: float = 20, **more: Any) -> CertificateEvidence:
    found = look(target, Context("endpoints.web", time.monotonic() + seconds, **more))
    assert isinstance(found, CertificateEvidence)
    assert CertificateEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def verdicts(found: CertificateEvidence, target: Endpoint | None = None) -> dict[str, str]:
    """The outcome of every check that applies, by its name."""
    asked = {"certificate": {"revocation": bool(found.revocation)}}
    target = target or endpoint(443, Path("ca.pem") if found.private else None, expect=asked)
    outcomes = {}
    for function in vars(checks).values():
        declared = vocabulary.check_of(function)
        if declared is None or not declared.applies(target):
            continue
        kinds = {key: kind for key, kind in typing.get_type_hints(function).items() if key != "return"}
        name = declared.id.removeprefix("certificate.")
        try:
            function(**{key: target if kind is Endpoint else found for key, kind in kinds.items()})
            outcomes[name] = "passed"
        except Finding:
            outcomes[name] = "failed"
        except CannotTell:
            outcomes[name] = "cannot tell"
    return outcomes


def wrong(found: CertificateEvidence) -> set[str]:
    """What failed, and with a question mark what can't be told."""
    marks = {"failed": "", "cannot tell": "?"}
    return {name + marks[outcome] for name, outcome in verdicts(found).items() if outcome in marks}


def finding(name: str, found: CertificateEvidence) -> str:
    with pytest.raises(Finding) as caught:
        getattr(checks, f"check_{name}")(found)
    return caught.value.seen


@pytest.mark.parametrize(
    ("lifetime", "left", "enough"),
    [
        (90, 21.1, True),
        (90, 20.9, False),
        (45, 12, True),
        (45, 11, False),
        (6, 2, True),
        (6, 1.4, False),
        (365, 9, False),
    ],
)
def test_days_left_are_counted_by_the_life_of_the_certificate(lifetime: int, left: float, enough: bool) -> None:
    leaf = link("web.test", "intermediate", begins=left - lifetime, days=lifetime)
    served = SERVED.model_copy(update={"chain": (leaf, *SERVED.chain[1:]), "path": (leaf, *SERVED.path[1:])})
    shown = PRESENTED.model_copy(update={"served": served})
    with contextlib.nullcontext() if enough else pytest.raises(Finding, match="days left"):
        checks.check_has_days_left(shown, Endpoint(url="https://web.test"))


def test_a_good_certificate_passes_everything(pki: Authorities) -> None:
    with listening(presenting(pki.leaf(), pki.inner)) as port:
        found = seen_at(endpoint(port, pki.path))
    assert set(verdicts(found).values()) == {"passed"}
    assert [len(found.served.chain), len(found.served.path)] == [2, 3]
    assert [one.name for one in found.named] == ["www.web.test"]
    assert found.revocation == ()


Make = Callable[[Authorities], list[Party]]
OTHER = {"matches_the_host", "covers_the_declared_names"}
BAD: dict[str, tuple[Make, set[str]]] = {
    "expired": (lambda p: [p.leaf(start=-90, end=-1), p.inner], EXPIRED),
    "not yet valid": (lambda p: [p.leaf(start=2, end=90), p.inner], {"is_within_its_validity"}),
    "another host": (lambda p: [p.leaf("other.test"), p.inner], OTHER),
    "no san": (lambda p: [make("web.test", p.inner), p.inner], OTHER),
    "no www": (lambda p: [p.leaf("web.test"), p.inner], {"covers_the_declared_names"}),
    "wildcard": (lambda p: [p.leaf("web.test", "*.web.test"), p.inner], set()),
    "wildcard of two labels": (lambda p: [p.leaf("*.web.test"), p.inner], {"matches_the_host"}),
    "soon": (lambda p: [p.leaf(start=-80, end=10), p.inner], {"has_days_left"}),
    "long": (lambda p: [p.leaf(end=830), p.inner], {"lifetime_is_accepted"}),
    "self-signed": (lambda _: [make("self", names=WEB)], {"is_trusted"}),
    "unknown root": (lambda _: [make("x", (o := root("other")), names=WEB), o], {"is_trusted", "root_is_not_sent"}),
    "no intermediate": (lambda p: [p.leaf()], {"is_trusted", "chain_is_complete"}),
    "order": (lambda p: [p.leaf(), p.root, p.inner], {"chain_is_in_order", "root_is_not_sent"}),
    "root sent": (lambda p: [p.leaf(), p.inner, p.root], {"root_is_not_sent"}),
    "leaf twice": (lambda p: [(one := p.leaf()), one, p.inner], {"chain_has_nothing_unneeded"}),
    "stranger": (lambda p: [p.leaf(), root("unrelated"), p.inner], {"chain_has_nothing_unneeded"}),
    "another key": (
        lambda p: [p.leaf(), intermediate(p.root)],
        {"is_trusted", "chain_is_complete", "chain_has_nothing_unneeded"},
    ),
    "inner expired": (
        lambda p: [p.leaf(issuer=(o := intermediate(p.root, start=-90, end=-1))), o],
        {"issuers_are_valid"},
    ),
    "expired in passing": (
        lambda p: [p.leaf(), (make("test intermediate", p.root, ca=True, start=-90, end=-1)), p.inner],
        {"chain_has_nothing_unneeded"},
    ),
    "inner soon": (lambda p: [p.leaf(issuer=(o := intermediate(p.root, end=9))), o], {"has_days_left"}),
    "inner is none": (lambda p: [p.leaf(issuer=(o := make("fake", p.inner))), o, p.inner], {"is_trusted"}),
    "client's": (lambda p: [p.leaf(more=[RESPONDER]), p.inner], {"is_trusted"}),
    "RSA 1024": (lambda p: [p.leaf(key="rsa1024"), p.inner], {"key_is_strong"}),
    "inner RSA 1024": (lambda p: [p.leaf(issuer=(o := intermediate(p.root, key="rsa1024"))), o], {"key_is_strong"}),
    "SHA-1": (lambda p: [p.leaf(hashed="sha1"), p.inner], {"signatures_are_strong"}),
    "inner SHA-1": (
        lambda p: [p.leaf(issuer=(o := intermediate(p.root, hashed="sha1"))), o],
        {"signatures_are_strong"},
    ),
    "RSA": (lambda p: [p.leaf(key="rsa2048"), p.inner], set()),
    "Ed25519": (lambda p: [p.leaf(key="ed25519"), p.inner], set()),
    "by the root": (lambda p: [p.leaf(issuer=p.root)], set()),
    "must-staple": (lambda p: [p.leaf(more=[MUST_STAPLE]), p.inner], {"must_staple_is_kept"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_fails_its_own_checks_alone(pki: Authorities, name: str) -> None:
    parties, expected = BAD[name]
    with listening(presenting(*parties(pki))) as port:
        assert wrong(seen_at(endpoint(port, pki.path))) == expected


def test_an_unknown_authority_is_not_trusted(pki: Authorities) -> None:
    with listening(presenting(pki.leaf(), pki.inner)) as port:
        found = seen_at(endpoint(port, None))
    assert (found.private, found.served.trusted_here) == (False, False)
    # Nobody asks an authority that nobody trusts, and only what is trusted must be logged.
    assert wrong(found) == {"is_trusted", "is_not_revoked?"}
    assert finding("is_trusted", found) == "not trusted: the issuer is not known (OpenSSL 20)"


def test_an_authority_of_this_machine_alone_is_told(pki: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    from fixtures.probes import _certificate_handshake as handshake

    handshake._context.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.path))
    try:
        with listening(presenting(pki.leaf(), pki.inner)) as port:
            found = seen_at(endpoint(port, None))
    finally:
        handshake._context.cache_clear()
    assert found.served.trusted_here
    assert "this machine trusts it" in finding("is_trusted", found)


@pytest.mark.parametrize("newest", [SSL.TLS1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_the_chain_and_the_staple_are_seen_in_every_version(pki: Authorities, newest: int) -> None:
    leaf = pki.leaf(more=[MUST_STAPLE])
    server = presenting(leaf, pki.inner, staple=ocsp_answer(leaf), newest=newest)
    with listening(server) as port:
        found = seen_at(endpoint(port, pki.path))
    assert found.served.staple
    assert (found.served.staple.status, found.served.staple.signed) == ("good", True)
    assert wrong(found) == set()


def test_a_staple_must_be_good_current_signed_and_of_this_certificate(pki: Authorities) -> None:
    leaf = pki.leaf()
    signer = make("responder", pki.inner, more=[RESPONDER])
    stranger = make("stranger", root("x"), more=[RESPONDER])
    cases = {
        ocsp_answer(leaf, signer): "",
        ocsp_answer(leaf, stranger): "the staple is not signed by the issuer",
        ocsp_answer(leaf, make("not allowed to", pki.inner)): "the staple is not signed by the issuer",
        ocsp_answer(leaf, revoked=True): "the staple says revoked",
        ocsp_answer(pki.leaf()): "the staple says of another certificate",
        ocsp_answer(leaf, begins=-9, ends=-2): "the staple expired on",
        ocsp_answer(leaf, begins=1): "the staple is valid only from",
        b"\x30\x03\x0a\x01\x06": "the staple says unauthorized",
        b"garbage": "the staple says unreadable",
    }
    for staple, said in cases.items():
        with listening(presenting(leaf, pki.inner, staple=staple)) as port:
            found = seen_at(endpoint(port, pki.path))
        if said:
            assert said in finding("staple_is_valid", found)
            assert wrong(found) == {"staple_is_valid"}
        else:
            assert wrong(found) == set()


# Names


def test_every_declared_name_is_asked_for_by_itself(pki: Authorities) -> None:
    other = pki.leaf("www.web.test", start=-90, end=-2)
    with listening(presenting(pki.leaf("web.test"), pki.inner, by_name={"www.web.test": (other, pki.inner)})) as port:
        found = seen_at(endpoint(port, pki.path))
    assert wrong(found) == EXPIRED
    assert finding("is_within_its_validity", found).startswith("for www.web.test: expired on")


def test_a_name_that_is_refused_can_not_be_told(pki: Authorities) -> None:
    def picky(plain: socket.socket) -> None:
        if b"www." in plain.recv(4096, socket.MSG_PEEK):
            plain.sendall(b"\x15\x03\x01\x00\x02\x02\x70")
            return
        good(plain)

    good = presenting(pki.leaf(), pki.inner)
    with listening(picky) as port:
        found = seen_at(endpoint(port, pki.path))
    assert wrong(found) == {"covers_the_declared_names?"}
    assert "unrecognized name" in found.named[0].error


@pytest.mark.parametrize(
    ("unnamed", "expected"),
    [("same", set()), ("refused", set()), ("other", {"no_other_site_is_shown_without_a_name"})],
)
def test_what_a_client_without_sni_gets(pki: Authorities, unnamed: str, expected: set[str]) -> None:
    given = {"same": None, "refused": (), "other": (pki.leaf("neighbour.test"), pki.inner)}[unnamed]
    with listening(presenting(pki.leaf(), pki.inner, unnamed=given)) as port:
        found = seen_at(endpoint(port, pki.path))
    assert wrong(found) == expected
    assert found.unnamed
    assert bool(found.unnamed.chain) == (unnamed != "refused")


def test_a_name_beyond_ascii_is_asked_for_and_matched_as_dns_spells_it(pki: Authorities) -> None:
    target = Endpoint(url="https://bücher.test", redirects_here=("https://WWW.Bücher.test/x", "http://plain.test"))
    assert declared_names(target) == ("xn--bcher-kva.test", "www.xn--bcher-kva.test")
    leaf = pki.leaf("xn--bcher-kva.test", "www.xn--bcher-kva.test")
    with listening(
        presenting(pki.leaf("x.test"), pki.inner, by_name={"xn--bcher-kva.test": (leaf, pki.inner)})
    ) as port:
        found = seen_at(endpoint(port, pki.path, "bücher.test", redirects_here=()))
    assert wrong(found) == {"no_other_site_is_shown_without_a_name"}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_address_as_host_is_matched_as_an_address(pki: Authorities, host: str) -> None:
    for names, expected in (((host.strip("[]"),), set()), (WEB, {"matches_the_host"})):
        with listening(presenting(pki.leaf(*names), pki.inner)) as port:
            found = seen_at(endpoint(port, pki.path, host, redirects_here=()))
        assert (wrong(found), found.unnamed) == (expected, None)


def test_wildcards_stand_for_one_label() -> None:
    assert covers(("*.a.test",), "x.A.test")
    assert not covers(("*.a.test",), "x.y.a.test")
    assert not covers(("*.a.test",), "a.test")
    assert not covers(("*.test",), "a.test")
    assert covers(("ip:127.0.0.1",), "127.0.0.1")


def test_both_of_an_rsa_and_an_ec_certificate_are_judged(pki: Authorities) -> None:
    old = pki.leaf(key="rsa2048", start=-90, end=-1)
    with listening(presenting(pki.leaf(), pki.inner, beside=(old,))) as port:
        found = seen_at(endpoint(port, pki.path))
    assert wrong(found) == EXPIRED
    assert finding("is_within_its_validity", found).startswith("with a key of type RSA: expired")


# Addresses


@contextmanager
def addresses(monkeypatch: pytest.MonkeyPatch, **servers: Serve | None) -> Iterator[int]:
    """Servers on several addresses at one port, all of which `web.test` stands for; None: nothing listens there."""
    hosts = {name.removeprefix("at_").replace("_", "."): serve for name, serve in servers.items()}
    hosts = {"::1" if host == "v6" else host: serve for host, serve in hosts.items()}
    with ExitStack() as stack:
        port = 0
        for host, serve in hosts.items():
            if serve:
                port = stack.enter_context(listening(serve, host=host, port=port))
        real = socket.getaddrinfo

        def find(name: Any, *rest: Any, **more: Any) -> Any:
            if name != "web.test":
                return real(name, *rest, **more)
            return [pair for host in hosts for pair in real(host, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", find)
        yield port


def test_every_address_must_present_a_certificate_for_the_host(
    pki: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = presenting(pki.leaf(), pki.inner)
    renewed = presenting(pki.leaf(end=80), pki.inner)
    forgotten = presenting(pki.leaf("old.test"), pki.inner)
    late = presenting(pki.leaf(start=-80, end=3), pki.inner)
    cases: list[tuple[dict[str, Serve | None], set[str], str]] = [
        ({"at_127_0_0_2": renewed}, set(), ""),
        ({"at_127_0_0_2": forgotten}, {"same_on_every_address"}, "127.0.0.2 names old.test"),
        ({"at_127_0_0_2": late}, {"has_days_left"}, ""),
        ({"at_127_0_0_2": None}, {"every_address_presents_one"}, ""),
        ({"v6": renewed}, {"every_address_presents_one?"}, ""),
    ]
    for more, expected, said in cases:
        with addresses(monkeypatch, at_127_0_0_1=good, **more) as port:
            found = seen_at(endpoint(port, pki.path, at="web.test", redirects_here=()))
        assert wrong(found) == expected
        if said:
            assert finding("same_on_every_address", found) == said


def test_ipv6_is_looked_at_where_the_vantage_has_it(pki: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    good, late = presenting(pki.leaf(), pki.inner), presenting(pki.leaf(start=-90, end=-1), pki.inner)
    with addresses(monkeypatch, at_127_0_0_1=good, v6=late) as port:
        target = endpoint(port, pki.path, at="web.test", redirects_here=())
        found, blind = seen_at(target, ipv6=True), seen_at(target)
    assert wrong(found) == EXPIRED
    assert finding("is_within_its_validity", found).startswith("at ::1: expired")
    assert (blind.unseen, wrong(blind)) == (("::1",), {"every_address_presents_one?"})
    with addresses(monkeypatch, at_127_0_0_1=good, v6=None) as port:
        found = seen_at(endpoint(port, pki.path, at="web.test", redirects_here=()), ipv6=True)
    assert wrong(found) == {"every_address_presents_one?"}


def test_the_first_address_that_answers_is_judged(pki: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    with addresses(monkeypatch, at_127_0_0_2=None, at_127_0_0_1=presenting(pki.leaf(), pki.inner)) as port:
        found = seen_at(endpoint(port, pki.path, at="web.test", redirects_here=()))
    assert (found.served.address, [one.address for one in found.addressed]) == ("127.0.0.1", ["127.0.0.2"])


# Revocation


@contextmanager
def authority_at(answers: dict[str, bytes | int]) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server with an answer (or only a status) a path; its URL and what it was asked for, with the headers."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {dict(self.headers)}")
            found = next((answer for path, answer in answers.items() if unquote(self.path).startswith(path)), 404)
            self.send_response(found if isinstance(found, int) else 200)
            self.end_headers()
            if isinstance(found, bytes):
                self.wfile.write(found)

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join(5)


@dataclass(frozen=True)
class Case:
    """Whose certificate is asked about."""

    root: Party
    inner: Party
    leaf: Party


TOLD: dict[str, tuple[Callable[[Case], dict[str, bytes | int]], str]] = {
    "good by OCSP": (lambda c: {"/ocsp": ocsp_answer(c.leaf)}, ""),
    "revoked by OCSP": (
        lambda c: {"/ocsp": ocsp_answer(c.leaf, revoked=True), "/crl": crl(c.inner)},
        "is_not_revoked",
    ),
    "not in the list": (lambda c: {"/ocsp": 503, "/crl": crl(c.inner)}, ""),
    "in the list": (lambda c: {"/ocsp": 503, "/crl": crl(c.inner, c.leaf)}, "is_not_revoked"),
    "responder unwilling": (
        lambda c: {"/ocsp": b"\x30\x03\x0a\x01\x06", "/crl": crl(c.inner, c.leaf)},
        "is_not_revoked",
    ),
    "old answer": (lambda c: {"/ocsp": ocsp_answer(c.leaf, begins=-9, ends=-1), "/crl": 404}, "is_not_revoked?"),
    "forged answer": (lambda c: {"/ocsp": ocsp_answer(c.leaf, c.leaf), "/crl": b"garbage"}, "is_not_revoked?"),
    "old list": (lambda c: {"/crl": crl(c.inner, begins=-9, ends=-1)}, "is_not_revoked?"),
    "another's list": (lambda c: {"/crl": crl(c.root)}, "is_not_revoked?"),
    "forged list": (lambda _: {"/crl": crl(root("test intermediate"))}, "is_not_revoked?"),
    "endless list": (lambda _: {"/crl": bytes(11 * 1024 * 1024)}, "is_not_revoked?"),
}


@pytest.mark.parametrize("name", TOLD)
def test_an_authority_is_asked_and_no_answer_is_no_pass(pki: Authorities, name: str) -> None:
    known: dict[str, bytes | int] = {}
    answers, expected = TOLD[name]
    with authority_at(known) as (url, asked):
        leaf = pki.leaf(more=told_at(ocsp_url=f"{url}/ocsp", crl_url=f"{url}/crl"))
        known.update(answers(Case(pki.root, pki.inner, leaf)))
        with listening(presenting(leaf, pki.inner)) as port:
            headers = {"user-agent": "g/1", "x-known": "1"}
            found = seen_at(
                endpoint(port, pki.path, expect=ASKED), secret_headers={"x-secret": "s3cret!"}, headers=headers
            )
    assert wrong(found) == ({expected} if expected else set())
    assert asked
    assert not any("s3cret" in one or "x-known" in one for one in asked)
    assert all("g/1" in one for one in asked)


def test_an_intermediate_is_asked_about_as_well(pki: Authorities) -> None:
    known: dict[str, bytes | int] = {}
    with authority_at(known) as (url, _):
        inner = intermediate(pki.root, more=told_at(crl_url=f"{url}/crl"))
        known["/crl"] = crl(pki.root, inner)
        with listening(presenting(pki.leaf(issuer=inner), inner)) as port:
            assert wrong(seen_at(endpoint(port, pki.path, expect=ASKED))) == {"is_not_revoked"}


def test_a_list_is_fetched_once_for_all_that_name_it(pki: Authorities) -> None:
    known: dict[str, bytes | int] = {"/crl": crl(pki.inner)}
    with authority_at(known) as (url, asked):
        for leaf in (pki.leaf(more=told_at(crl_url=f"{url}/crl")) for _ in range(3)):
            with listening(presenting(leaf, pki.inner)) as port:
                assert wrong(seen_at(endpoint(port, pki.path, expect=ASKED))) == set()
    assert len(asked) == 1


def test_an_authority_that_stalls_costs_its_own_check_alone(pki: Authorities) -> None:
    with listening(lambda _: time.sleep(5)) as silent:
        leaf = pki.leaf(more=told_at(ocsp_url=f"http://127.0.0.1:{silent}"))
        with listening(presenting(leaf, pki.inner)) as port:
            found = seen_at(endpoint(port, pki.path, expect=ASKED), seconds=4)
    assert wrong(found) == {"is_not_revoked?"}
    assert "timeout" in found.revocation[0].reason


def test_a_certificate_that_is_not_trusted_sends_us_nowhere(pki: Authorities, tmp_path: Path) -> None:
    with authority_at({}) as (url, asked):
        leaf = pki.leaf(more=told_at(ocsp_url=f"{url}/ocsp", crl_url=f"{url}/crl"))
        with listening(presenting(leaf, pki.inner)) as port:
            found = seen_at(endpoint(port, root("another").save(tmp_path / "another.pem"), expect=ASKED))
    assert (asked, wrong(found)) == ([], {"is_trusted", "is_not_revoked?"})


def test_a_private_authority_that_names_no_place_to_ask_is_no_pass(pki: Authorities) -> None:
    with listening(presenting(pki.leaf(), pki.inner)) as port:
        found = seen_at(endpoint(port, pki.path, expect=ASKED))
    assert [one.status for one in found.revocation] == ["untold", "untold"]
    assert wrong(found) == {"is_not_revoked?"}


def test_revocation_is_left_out_where_it_is_declared_so(pki: Authorities) -> None:
    with authority_at({}) as (url, asked):
        leaf = pki.leaf(more=told_at(crl_url=f"{url}/crl"))
        with listening(presenting(leaf, pki.inner)) as port:
            target = endpoint(port, pki.path, expect={"certificate": {"revocation": False}})
            found = seen_at(target)
    assert (asked, found.revocation) == ([], ())
    assert "is_not_revoked" not in verdicts(found, target)


# Servers that misbehave


def drip(connection: socket.socket) -> None:
    for _ in range(20):
        connection.sendall(b"\x16")
        time.sleep(0.2)


def stall(_: socket.socket) -> None:
    time.sleep(3)


NOTHING: dict[str, tuple[Serve, str]] = {
    "plain": (lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak TLS"),
    "reset": (lambda c: c.close(), "no answer (reset)"),
    "stall": (stall, "no answer (timeout)"),
    "drip": (drip, ""),
    "alert": (lambda c: c.sendall(b"\x15\x03\x01\x00\x02\x02\x28"), "handshake failure"),
    "garbage": (lambda c: c.sendall(b"\x16\x03\x03\x40\x00" + b"\x0b" * 16384), ""),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_presents_nothing_can_not_be_told(name: str) -> None:
    serve, said = NOTHING[name]

    def polite(connection: socket.socket) -> None:
        connection.recv(4096)
        serve(connection)

    with listening(polite) as port:
        began = time.monotonic()
        with pytest.raises(CannotTell) as caught:
            seen_at(endpoint(port, None), seconds=3)
        assert time.monotonic() - began < 6
    assert caught.value.cause == "outage"
    assert said in caught.value.message


def test_a_connection_that_is_reset_once_is_tried_again(pki: Authorities) -> None:
    good, times = presenting(pki.leaf(), pki.inner), iter(range(100))

    def serve(connection: socket.socket) -> None:
        if next(times) == 0:
            connection.close()
        else:
            good(connection)

    with listening(serve) as port:
        assert wrong(seen_at(endpoint(port, pki.path))) == set()


def test_a_server_that_breaks_off_at_tls_1_3_presents_its_certificate_in_1_2(pki: Authorities) -> None:
    good = presenting(pki.leaf(), pki.inner, newest=SSL.TLS1_2_VERSION)

    def intolerant(connection: socket.socket) -> None:
        versions = b"\x00\x2b\x00"
        if versions in connection.recv(8192, socket.MSG_PEEK):
            connection.close()
        else:
            good(connection)

    with listening(intolerant) as port:
        found = seen_at(endpoint(port, pki.path, redirects_here=()))
    assert wrong(found) == set()


def test_a_closed_port_is_an_outage_unless_the_vantage_is_blind(pki: Authorities) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"127.0.0.1:{free.getsockname()[1]}"
    target = Endpoint(url="https://web.test", connect=closed)
    with pytest.raises(CannotTell) as blind:
        seen_at(target, vantage="office", controls=(closed,))
    assert (blind.value.cause, blind.value.target) == ("network", "vantage office")
    with socket.create_server(("127.0.0.1", 0)) as alive, pytest.raises(CannotTell) as outage:
        seen_at(target, vantage="office", controls=(f"127.0.0.1:{alive.getsockname()[1]}",))
    assert (outage.value.cause, outage.value.message) == ("outage", "no answer (refused)")
    with pytest.raises(CannotTell) as nameless:
        seen_at(Endpoint(url="https://web.test", connect="golive-no-such-name.invalid:443"))
    assert nameless.value.message.startswith("the name golive-no-such-name.invalid does not resolve")


def test_a_run_says_whether_the_vantage_has_ipv6(tmp_path: Path) -> None:
    for has in ("true", "false"):
        text = (
            f"schema: 1\nvantages: {{here: {{ipv6: {has}}}}}\nendpoints: {{web: {{url: https://a.test, from: here}}}}\n"
        )
        (tmp_path / f"{has}.yaml").write_text(text)
        run = Run(load(has, directory=tmp_path), tmp_path / has)
        assert run._job(CertificateEvidence, "endpoints.web").context.ipv6 == (has == "true")


def test_a_server_that_wants_a_client_certificate_presented_its_own(pki: Authorities, tmp_path: Path) -> None:
    leaf = pki.leaf()
    from cryptography.hazmat.primitives import serialization as forms

    private = leaf.key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    (tmp_path / "pem").write_bytes(private + leaf.pem + pki.inner.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    context.load_verify_locations(pki.path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def serve(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    with listening(serve) as port:
        assert wrong(seen_at(endpoint(port, pki.path))) == set()


def test_roots_that_can_not_be_read_are_told(tmp_path: Path, pki: Authorities) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for path in (tmp_path / "empty.pem", tmp_path / "absent.pem"):
        with listening(presenting(pki.leaf(), pki.inner)) as port, pytest.raises(CannotTell) as caught:
            seen_at(endpoint(port, path))
        assert caught.value.cause == "permission"


def test_what_a_certificate_says_stays_on_one_line(pki: Authorities) -> None:
    leaf = make("<b>web\n\x1b[2J,\u202e", pki.inner, names=WEB, end=3)
    with listening(presenting(leaf, pki.inner, leaf)) as port:
        found = seen_at(endpoint(port, pki.path))
    assert found.served.leaf.subject == "<b>web??[2J,?"
    assert finding("chain_has_nothing_unneeded", found) == "<b>web??[2J,? twice"


def test_a_root_that_expires_is_told_before_it_has(pki: Authorities, tmp_path: Path) -> None:
    for end, expected in ((9, {"has_days_left"}), (-1, {"issuers_are_valid"})):
        top = make("ending root", ca=True, start=-900, end=end)
        with listening(presenting(make("x", top, names=WEB))) as port:
            assert wrong(seen_at(endpoint(port, top.save(tmp_path / f"{end}.pem")))) == expected


# Judging alone


@pytest.mark.parametrize(
    ("issued", "days", "accepted"),
    [
        ("2026-03-14", 398, True),
        ("2026-03-14", 399, False),
        ("2026-03-15", 200, True),
        ("2026-03-15", 201, False),
        ("2027-03-15", 100, True),
        ("2027-03-15", 101, False),
        ("2029-03-15", 47, True),
        ("2029-03-15", 48, False),
        ("2019-01-01", 825, True),
    ],
)
def test_the_issue_date_decides_how_long_a_certificate_may_live(issued: str, days: int, accepted: bool) -> None:
    begins = datetime.fromisoformat(issued).replace(tzinfo=UTC)
    leaf = LEAF.model_copy(update={"not_before": begins, "not_after": begins + timedelta(days=days)})
    served = SERVED.model_copy(update={"chain": (leaf, *SERVED.chain[1:])})
    public = PRESENTED.model_copy(update={"private": False, "served": served})
    assert ("lifetime_is_accepted" not in wrong(public)) == accepted
    private = PRESENTED.model_copy(update={"served": served})
    assert "lifetime_is_accepted" not in wrong(private)


@pytest.mark.parametrize(("days", "scts", "accepted"), [(90, 2, True), (180, 2, True), (181, 2, False), (90, 1, False)])
def test_a_public_certificate_is_logged(days: float, scts: int, accepted: bool) -> None:
    served = SERVED.model_copy(update={"scts": scts, "chain": (link("web.test", "x", days=days), *SERVED.chain[1:])})
    public = PRESENTED.model_copy(update={"private": False, "served": served})
    assert ("is_logged" not in wrong(public)) == accepted
    assert "is_logged" not in verdicts(PRESENTED)


def test_dsa_keys_and_unreadable_ones() -> None:
    for key, outcome in (
        ("DSA", "failed"),
        ("secp224r1", "failed"),
        ("brainpoolP256r1", "failed"),
        ("unknown", "cannot tell"),
    ):
        served = SERVED.model_copy(update={"chain": (link("web.test", key=key, bits=2048), *SERVED.chain[1:])})
        assert verdicts(PRESENTED.model_copy(update={"served": served}))["key_is_strong"] == outcome


def test_objections_are_words_with_the_code_of_openssl() -> None:
    for codes, said in (
        ((20, 21, 10), "not trusted: the issuer is not known (OpenSSL 20)"),
        ((18,), "not trusted: self-signed (OpenSSL 18)"),
        ((99,), "not trusted: OpenSSL refuses it (OpenSSL 99)"),
    ):
        problems = tuple(Problem(code=code, depth=0) for code in codes)
        served = SERVED.model_copy(update={"problems": problems})
        assert finding("is_trusted", PRESENTED.model_copy(update={"served": served})) == said
