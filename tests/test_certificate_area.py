"""Certificates: the probe against local servers, the checks on what it saw and on plain records."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from checks import certificate as checks
from fixtures import vocabulary
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes._certificate import covers
from fixtures.probes.certificate import CertificateEvidence, look
from fixtures.vocabulary import CannotTell, Finding
from tests._tls_servers import Authority, listening, tls_server

EXPIRED = {"is_trusted", "is_within_its_validity", "has_days_left"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def seen_at(port: int, ca: Path | None, host: str = "web.test", seconds: float = 20) -> CertificateEvidence:
    target = Endpoint(url=f"https://{host}", connect=f"127.0.0.1:{port}", ca=ca)
    found = look(target, Context("endpoints.web", time.monotonic() + seconds))
    assert isinstance(found, CertificateEvidence)
    assert CertificateEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def verdicts(found: CertificateEvidence) -> dict[str, str]:
    """The outcome of every check by its name."""
    outcomes = {}
    for name, function in vars(checks).items():
        declared = vocabulary.check_of(function)
        if declared is None:
            continue
        more = (Endpoint(url=f"https://{found.host}"),) if name == "check_has_days_left" else ()
        try:
            function(found, *more)
            outcomes[declared.id.removeprefix("certificate.")] = "passed"
        except Finding:
            outcomes[declared.id.removeprefix("certificate.")] = "failed"
        except CannotTell:
            outcomes[declared.id.removeprefix("certificate.")] = "cannot tell"
    return outcomes


def failed(found: CertificateEvidence) -> set[str]:
    return {name for name, outcome in verdicts(found).items() if outcome == "failed"}


def test_a_good_certificate_passes_everything(authority: Authority) -> None:
    with listening(tls_server(authority.server("web.test"))) as port:
        found = verdicts(seen_at(port, authority.path))
    assert {name: v for name, v in found.items() if v != "passed"} == {}


@pytest.mark.parametrize(
    ("names", "start", "end", "wrong"),
    [
        (("web.test",), -90, -1, EXPIRED),
        (("other.test",), -1, 80, {"matches_the_host", "covers_the_declared_names"}),
        ((), -1, 80, {"matches_the_host", "covers_the_declared_names"}),
        (("web.test",), -1, 10, {"has_days_left"}),
        (("web.test",), -1, 824, {"lifetime_is_accepted"}),
    ],
)  # fmt: skip
def test_a_bad_fails_its_checks(
    authority: Authority, names: tuple[str, ...], start: float, end: float, wrong: set[str]
) -> None:
    with listening(tls_server(authority.server(*names, start=start, end=end))) as port:
        assert failed(seen_at(port, authority.path)) == wrong


def test_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    with listening(tls_server(authority.server("web.test"))) as port:
        assert failed(seen_at(port, None)) == {"is_trusted", "chain_is_complete"}


def test_wildcards_stand_for_one_label() -> None:
    assert covers(("*.a.test",), "x.A.test")
    assert not covers(("*.a.test",), "x.y.a.test")
    assert not covers(("*.a.test",), "a.test")
    assert covers(("ip:127.0.0.1",), "127.0.0.1")
