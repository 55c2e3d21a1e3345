"""Environment files: layers, references, overrides, and the exact line every mistake gets."""

from __future__ import annotations

import json
import pickle
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fixtures.environment import references, schema
from fixtures.environment.explain import explain
from fixtures.environment.loading import ENVIRONMENTS, BadEnvironment, Environment, load
from fixtures.environment.policy import Settings
from fixtures.environment.secrets import Secret
from fixtures.vocabulary import Severity

GOOD = "schema: 1\nendpoints:\n  web:\n    url: https://a.test\n"
CANARY = "canary-7f3a91"


def write(folder: Path, text: str | bytes, name: str = "x") -> Path:
    path = folder / f"{name}.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(folder: Path, text: str | bytes, *overrides: str) -> str:
    """The one line this text is refused with, without the folder."""
    write(folder, text)
    with pytest.raises(BadEnvironment) as caught:
        load("x", overrides, directory=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def loaded(folder: Path, text: str, *overrides: str, **more: Any) -> Environment:
    write(folder, text)
    return load("x", overrides, directory=folder, **more)


def test_layers_merge_by_name_and_null_removes(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "  old: {url: 'https://old.test'}\nborn: 2026-01-01\n", "base")
    write(tmp_path, "schema: 1\nextends: base\nendpoints: {web: {ca: ca.pem}, old: null}\n", "middle")
    env = loaded(tmp_path, "schema: 1\nextends: middle\nborn: null\nendpoints: {web: {expect: {p95: 900ms}}}\n")
    assert list(env.targets()) == ["endpoints.web"]
    web: Any = env.targets()["endpoints.web"]
    assert (web.url, web.ca, web.expect.p95) == ("https://a.test", tmp_path / "ca.pem", 0.9)
    assert env.settings.born is None
    assert env.provenance["endpoints.web.url"] == f"{tmp_path}/base.yaml:4"
    assert env.provenance["endpoints.web.expect.p95"] == f"{tmp_path}/x.yaml:4"


def test_overrides_are_read_as_yaml_and_checked(tmp_path: Path) -> None:
    env = loaded(tmp_path, GOOD, "endpoints.web.connect=10.0.2.7:443", "policy.fail_on=critical", "protected=true")
    assert env.plain()["endpoints"]["web"]["connect"] == "10.0.2.7:443"
    assert env.settings.policy.fail_on.estate is Severity.CRITICAL
    assert env.settings.protected
    assert env.provenance["protected"] == "--set protected"
    assert env.digest != loaded(tmp_path, GOOD).digest


DATE = "2999-01-01"
LATEST = datetime.now(UTC).date() + timedelta(days=90)
WAIVER = "waivers: [{check: a.b, target: '*', outcome: failed, reason: r, ticket: t, owner: o, until: %s}]\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "    heath: {}\n", "x.yaml:5: endpoints.web.heath: an unknown key, allowed: ca, connect, connect_http, "
         "deep, expect, from, health, paths, redirects_here, url, did you mean health"),
        (GOOD + "    vantage: a\n", "x.yaml:5: endpoints.web.vantage: an unknown key, allowed: ca, connect, "
         "connect_http, deep, expect, from, health, paths, redirects_here, url"),
        (GOOD + "born: 20260301\n", "x.yaml:5: born: found '20260301', allowed: a date written 2026-12-31"),
        (GOOD + WAIVER % "31.12.2026", "x.yaml:5: waivers.0.until: found '31.12.2026', allowed: a date written "
         "2026-12-31"),
        (GOOD + WAIVER % DATE, f"x.yaml:5: waivers.0.until: found '{DATE}', allowed: a date at most 90 days ahead, "
         f"{LATEST} at the latest"),
        (GOOD + "policy: {fail_on: hgh}\n", "x.yaml:5: policy.fail_on: found 'hgh', allowed: 'advisory', 'low', "
         "'medium', 'high' or 'critical'"),
        (GOOD + "run: {gate: {deadline: 5 min}}\n", "x.yaml:5: run.gate.deadline: found '5 min', allowed: a duration "
         "is a number with a unit: 500ms, 2s, 5m, 24h or 7d"),
        (GOOD + "    from: vcp\nvantages: {vpc: {}}\n", "x.yaml:5: endpoints.web.from: found 'vcp', allowed vantages: "
         "vpc, did you mean vpc"),
        ("schema: 1\npostgres:\n  a: {url: 'postgres://x/y', replica_of: a}\n", "x.yaml:3: postgres.a.replica_of: "
         "found 'a', allowed other targets of postgres: none"),
        ("schema: 1\nendpoints: {}\n", "x.yaml:2: endpoints: found an empty map, a map of named targets is allowed"),
        ("schema: 1\nendpoints: {web: {ca: x}}\n", "x.yaml:2: endpoints.web.url: found nothing, a value is required"),
        ("schema: 1\n", "x.yaml:1: no target, at least one is needed in one of: endpoints, instances, postgres"),
        (GOOD.replace("1", "true"), "x.yaml:1: schema: found 'true', allowed: 1"),
        (GOOD.replace("1", "2"), "x.yaml:1: schema: found '2', allowed: 1"),
        ("schema: 1\nextends: x\n", "x.yaml:2: extends: 'x' closes a cycle, a chain that ends is allowed"),
        ("schema: 1\nextends: bse\n", "x.yaml:2: extends: 'bse' not found, available: none"),
        ("schema: 1\nendpoints: {web: {url: ${env:URL}}}\n", "x.yaml:2: an unquoted ${env:URL} inside {} or [], it "
         'must be quoted there: "${env:URL}"'),
        (GOOD + "schema: 1\n", "x.yaml:5: schema: a key that stands at x.yaml:1 too, each key is allowed once"),
        ("- a\n", "x.yaml:1: found a list, a map of keys is allowed"),
        ("", "x.yaml:1: found nothing, a map of keys is allowed"),
        ("schema: 1\na: &a [x]\nb: *a\n", "x.yaml:2: an anchor or alias, values are written out (layer files with "
         "`extends`)"),
        ("a: 1\n---\nb: 1\n", "x.yaml:2: a second document, one document is allowed"),
        (b"schema: 1\nborn: \xff\n", "x.yaml:2: a byte that is no UTF-8, only UTF-8 text is allowed"),
        ("a: " + "[" * 999, "x.yaml:1: more than 20 levels, at most that many are allowed"),
        (GOOD + "    ca: ${env:NO_SUCH_NAME}\n", "x.yaml:5: endpoints.web.ca: ${env:NO_SUCH_NAME} is empty or not "
         "set, a value is needed"),
        (GOOD + "    ca: ${stack:ca}\n", "x.yaml:5: endpoints.web.ca: ${stack:ca}, a value that comes from a started "
         "stack"),
        (GOOD + "    ca: ${cmd:cat /etc/passwd}\n", "x.yaml:5: endpoints.web.ca: the program 'cat', allowed by "
         "`commands`: none"),
        (GOOD + "    ca: ${what:x}\n", "x.yaml:5: endpoints.web.ca: the unknown reference ${what:x}, "
         + references.ALLOWED),
        (GOOD + "commands: ['${env:HOME}']\n", "x.yaml:5: commands: a reference, only a value written out is allowed "
         "here"),
        ("schema: 1\npostgres: {a: {url: ab}}\n", "x.yaml:2: postgres.a.url: a secret of 2 characters, at least 6 are "
         "needed"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(tmp_path: Path, text: str | bytes, line: str) -> None:
    assert refused(tmp_path, text) == line


def test_mistakes_of_overrides_name_the_option(tmp_path: Path) -> None:
    assert refused(tmp_path, GOOD, "run.confirm.looks=none").startswith("--set run.confirm.looks: found 'none', allowed: ")
    assert refused(tmp_path, GOOD, "protectd=true").endswith("did you mean protected")
    assert refused(tmp_path, GOOD, "protected").startswith("--set protected: KEY=VALUE is allowed")


def test_an_unknown_name_lists_the_available_ones() -> None:
    with pytest.raises(BadEnvironment) as caught:
        load("prd")
    line = "environment: prd: not found, available: base, demo, prod, staging, did you mean prod"
    assert str(caught.value).replace("containers, ", "") == line


def test_no_output_holds_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", CANARY)
    (tmp_path / "url").write_text(f"postgres://u:{CANARY}-file@db/x\n")
    env = loaded(
        tmp_path,
        f"{GOOD}commands: [echo]\npostgres:\n  a: {{url: 'postgres://u:${{env:PW}}@db/x'}}\n"
        "  b: {url: '${file:url}'}\n  c: {url: '${cmd:echo canary-7f3a91-cmd}', app_role: '${env:PW}'}\n"
        "run: {identify: {headers: {x-token: '${env:PW}', x-plain: shown}}}\n",
    )
    headers = env.settings.run.identify.headers
    assert isinstance(headers["x-token"], Secret)
    assert headers["x-plain"] == "shown"
    urls: list[Any] = [target for key, target in env.targets().items() if key.startswith("postgres")]
    assert [t.url.reveal() for t in urls] == [f"postgres://u:{CANARY}@db/x", f"postgres://u:{CANARY}-file@db/x",
                                              f"{CANARY}-cmd"]  # fmt: skip
    assert set(env.secrets()) == {CANARY, *(t.url.reveal() for t in urls)}
    for shown in (json.dumps(env.plain()), explain(env), repr(env), str(env.settings), repr(urls[0])):
        assert CANARY not in shown
    with pytest.raises(TypeError):
        pickle.dumps(env)
    monkeypatch.setenv("PW", "canary!")
    assert "canary!" not in refused(tmp_path, GOOD + "born: ${env:PW}\n")


def test_defaults_and_stack_values(tmp_path: Path) -> None:
    text = GOOD.replace("https://a.test", "${stack:web}") + "    connect: ${env:NO_SUCH_NAME:-b.test:443}\n"
    web: Any = loaded(tmp_path, text, variables={"web": "https://s.test"}).targets()["endpoints.web"]
    assert (web.url, web.connect) == ("https://s.test", "b.test:443")
    deferred: Any = loaded(tmp_path, text, defer_stack=True).targets()["endpoints.web"]
    assert deferred.url == "https://stack.invalid"


def test_a_command_has_a_deadline_even_with_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references.Resolver, "__init__", _short(references.Resolver.__init__))
    started = time.monotonic()
    text = GOOD + "    ca: ${cmd:sh -c 'sleep 30 & sleep 30'}\ncommands: [sh]\n"
    assert "sh gave no answer, 0.3 s are allowed" in refused(tmp_path, text)
    assert time.monotonic() - started < 5


def _short(init: Any) -> Any:
    return lambda self, *given: init(self, *given, timeout=0.3)


def test_explain_names_the_place_of_every_value(tmp_path: Path) -> None:
    lines = explain(loaded(tmp_path, GOOD + "policy: {fail_on: low}\n", "run.confirm.looks=3")).splitlines()
    assert f"endpoints.web.url = https://a.test  <- {tmp_path}/x.yaml:4" in lines
    assert f"policy.fail_on.estate = low  <- {tmp_path}/x.yaml:5" in lines
    assert "run.confirm.looks = 3  <- --set run.confirm.looks" in lines
    assert "protected = false  <- default" in lines


@pytest.mark.parametrize("name", ["base", "demo", "staging", "prod"])
def test_shipped_environments_fit_the_schema(name: str) -> None:
    document = YAML(typ="safe", pure=True).load((ENVIRONMENTS / f"{name}.yaml").read_text())
    plain = json.loads(json.dumps(document, default=str))
    jsonschema.Draft202012Validator(schema.json_schema()).validate(plain)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema.json_schema()).validate({**plain, "polcy": {}})


@pytest.mark.parametrize("name", ["demo", "staging", "prod"])
def test_shipped_environments_load(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("WAF_ALLOW_TOKEN", "STAGING_PRIMARY_URL"):
        monkeypatch.setenv(variable, CANARY)
    (tmp_path / "op").write_text("#!/bin/sh\necho postgres://u:pass@db/x\n")
    (tmp_path / "op").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "endpoints.web" in load(name, defer_stack=True).targets()


def test_the_written_schema_is_current() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


WORDS = st.sampled_from([*Settings.model_fields, "endpoints", "postgres", "web", "url", "from", "x", "1", "null"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(folder: Path, raw: bytes, *overrides: str) -> None:
    path = write(folder, raw)
    try:
        load(str(path), overrides)
    except BadEnvironment as error:
        line = str(error)
    else:
        return
    assert line.isprintable()


@FUZZ
@given(st.one_of(st.binary(), st.text(alphabet=st.characters(codec="utf-8")).map(str.encode)))
@example(b'a: "\\UFFFFFFFF"')
@example(b'a: "\\ud800"')
@example(b"%YAML 9.9\n---\na: 1")
@example(b"? {a: b}\n: c")
@example(b"\x00")
@example(b"a: !!python/object:os.system x")
@example(b"<<: [1]")
@example(b'extends: "a\\0b"')
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    survives(tmp_path, raw)


@FUZZ
@given(st.text(alphabet="{}[]:,-&*!|>'\"%@`#?$ \n\tab1~", max_size=40))
def test_any_punctuation_is_read_or_refused(tmp_path: Path, text: str) -> None:
    survives(tmp_path, text.encode())
    survives(tmp_path, GOOD.encode(), f"born={text}", text)


@FUZZ
@given(st.dictionaries(WORDS, VALUES, max_size=6))
@example({"policy": [], "endpoints": {"web": {"url": "https://a.test", "expect": 3}}})
@example({"extends": {"a": 1}, "run": "x", "waivers": {"a": 1}})
def test_any_structure_is_read_or_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    survives(tmp_path, json.dumps({"schema": 1, **document}).encode())
