"""Policies of TLS: the built-in ones, a team's own file, and what is wrong with one told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.loading import BadEnvironment, Environment, load
from fixtures.environment.tls_policy import POLICIES
from fixtures.evidence.declaration import Declaration
from fixtures.probes._tls_registry import GROUPS, SUITES
from fixtures.probes._tls_suites import suite
from tests.records import NOW

FILE = """schema: 1
endpoints:
  web:
    url: https://a.test
    expect: {tls: %s}
"""
OWN = "versions: [TLSv1.2]\nsuites: [TLS_ECDHE_*_GCM_*]\ngroups: [P-256, X25519]\ndh_bits: 3072\n"


def loaded(folder: Path, tls: str, own: str = OWN) -> Environment:
    (folder / "x.yaml").write_text(FILE % tls)
    (folder / "own.yaml").write_text(own)
    return load(str(folder / "x.yaml"))


def policy(environment: Environment) -> Any:
    web: Any = environment.targets()["endpoints.web"]
    return web.expect.tls


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_named(tmp_path: Path, name: str) -> None:
    assert policy(loaded(tmp_path, name)) == POLICIES[name]


def test_a_policy_of_a_file_is_one_of_the_environment(tmp_path: Path) -> None:
    environment = loaded(tmp_path, "own.yaml")
    found = policy(environment)
    assert (found.name, found.versions, found.groups) == ("own.yaml", ("TLSv1.2",), ("secp256r1", "x25519"))
    assert environment.provenance["endpoints.web.expect.tls.dh_bits"] == f"{tmp_path}/own.yaml:4"
    assert loaded(tmp_path, "own.yaml", OWN.replace("3072", "4096")).digest != environment.digest
    Declaration.of(environment, NOW).save(tmp_path)
    assert policy(Declaration.read(tmp_path).resolved) == found


def test_a_policy_written_in_place_is_no_built_in_one(tmp_path: Path) -> None:
    found = policy(loaded(tmp_path, "{versions: [TLSv1.3]}"))
    assert (found.name, found.versions, found.suites) == ("own", ("TLSv1.3",), POLICIES["guide"].suites)


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ("versions: [TLSv1.5]", "own.yaml:1: endpoints.web.expect.tls.versions.0: found 'TLSv1.5', allowed: 'TLSv1.0', "
         "'TLSv1.1', 'TLSv1.2' or 'TLSv1.3'"),
        ("dh_bits: 2048\nsuites:\n- TLS_AES_128_GCM_SHA256\n- TLS_AES_128_GCM_SHA265", "own.yaml:4: "
         "endpoints.web.expect.tls.suites.1: found 'TLS_AES_128_GCM_SHA265', allowed: the name of a cipher suite as "
         "IANA writes it, did you mean TLS_AES_128_GCM_SHA256"),
        ("suites: ['TLS_ECDH*']", "own.yaml:1: endpoints.web.expect.tls.suites.0: found 'TLS_ECDH*', allowed: suites "
         "that protect, and not TLS_ECDH_ECDSA_WITH_NULL_SHA"),
        ("groups: [x2551]", "own.yaml:1: endpoints.web.expect.tls.groups.0: found 'x2551', allowed: the name of a "
         "group as IANA writes it, did you mean x25519"),
        ("dh_bits: 512", "own.yaml:1: endpoints.web.expect.tls.dh_bits: found '512', allowed: greater than or equal to "
         "1024"),
        ("vresions: [TLSv1.2]", "own.yaml:1: endpoints.web.expect.tls.vresions: an unknown key, allowed: dh_bits, "
         "groups, name, server_preference, suites, versions, did you mean versions"),
        ("name: guide", "own.yaml:1: name: a key that no policy has, its name is that of its file"),
        ("- TLSv1.2", "own.yaml:1: found a list, a map of keys is allowed"),
        ("versions: [TLSv1.2", "own.yaml:2: not readable as YAML (expected ',' or ']', but got '<stream end>'), YAML "
         "1.2 is allowed"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_policy_is_one_line(tmp_path: Path, own: str, line: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        loaded(tmp_path, "own.yaml", own + "\n")
    assert str(caught.value) == f"{tmp_path}/{line}"


@pytest.mark.parametrize(
    ("tls", "line"),
    [
        ("mozila-modern", "found 'mozila-modern', allowed: guide, mozilla-intermediate, mozilla-modern, or the name of "
         "a file that ends in .yaml, did you mean mozilla-modern"),
        ("onw.yaml", "'onw.yaml' not found, allowed: guide, mozilla-intermediate, mozilla-modern, or the name of a "
         "file that ends in .yaml, did you mean own.yaml"),
        ("'${env:HOME}'", "a reference, only a value written out is allowed here"),
    ],
)  # fmt: skip
def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path, tls: str, line: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        loaded(tmp_path, tls)
    assert str(caught.value) == f"{tmp_path}/x.yaml:5: endpoints.web.expect.tls: {line}"


def test_no_built_in_policy_allows_what_is_weak() -> None:
    for one in POLICIES.values():
        for name in filter(one.allows_suite, SUITES.values()):
            properties = suite(name)
            assert properties.forward_secret, name
            assert not any(getattr(properties, word) for word in ("null", "anonymous", "export", "rc4", "des", "cbc"))
            assert not name.endswith(("_8_SHA256", "_CCM_8", "_OLD")), name


def test_groups_that_withstand_a_quantum_computer_are_allowed_everywhere() -> None:
    for one in POLICIES.values():
        allowed = set(filter(one.allows_group, GROUPS.values()))
        assert {"X25519MLKEM768", "SecP256r1MLKEM768", "x25519", "secp256r1", "ffdhe2048"} <= allowed
        assert not allowed & {"secp224r1", "secp256k1", "sect571r1", "brainpoolP256r1"}


def test_mozilla_s_lists_have_the_size_of_its_own() -> None:
    sizes = {name: len([s for s in SUITES.values() if one.allows_suite(s)]) for name, one in POLICIES.items()}
    assert (sizes["mozilla-intermediate"], sizes["mozilla-modern"]) == (3 + 9, 3)


def test_every_suite_and_group_has_a_name_of_its_own() -> None:
    assert len(set(SUITES.values())) == len(SUITES) > 350
    assert len(set(GROUPS.values())) == len(GROUPS)
