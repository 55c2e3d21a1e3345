"""Environment files: layers, references, overrides, and the exact line every mistake gets."""

from __future__ import annotations

import json
import pickle
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import Field
from ruamel.yaml import YAML

from fixtures.environment import references, schema
from fixtures.environment.explain import explain
from fixtures.environment.loading import ENVIRONMENTS, BadEnvironment, Environment, load
from fixtures.environment.model import SECTIONS, RefersTo, Strict, Target, load_sections, seconds, unread
from fixtures.environment.policy import Settings, Waiver
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.endpoints import Endpoint, EndpointExpectations
from fixtures.vocabulary import Severity
from fixtures.words import size, written

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


@pytest.mark.parametrize(("size", "octets"), [("512K", 2**19), ("10M", 10 * 2**20), ("1G", 2**30), ("2000", 2000)])
def test_a_size_has_a_unit(tmp_path: Path, size: str, octets: int) -> None:
    web: Any = loaded(tmp_path, GOOD + f"    body_limit: {size}\n").targets()["endpoints.web"]
    assert web.body_limit == octets
    assert "a size is a number with a unit: 512K, 10M or 1G" in refused(tmp_path, GOOD + "    body_limit: 10 MB\n")


def test_what_instances_share_is_expected_of_each(tmp_path: Path) -> None:
    text = "instances:\n  expect: {count: 3}\n  a: {url: 'http://a:1'}\n  b: {url: 'http://b:1'}\n"
    targets: Any = loaded(tmp_path, GOOD + text).targets()
    assert [targets[f"instances.{name}"].expect.count for name in "ab"] == [3, 3]


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


def keys(model: type[Strict]) -> str:
    """The keys of a record as the file writes them."""
    return ", ".join(sorted(info.alias or name for name, info in model.model_fields.items()))


SHIPPED = ", ".join(sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml")))
DATE = "2999-01-01"
LATEST = datetime.now(UTC).date() + timedelta(days=90)
WAIVER = "waivers: [{check: a.b, target: '*', outcome: failed, reason: r, ticket: t, owner: o, until: %s}]\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "    heath: {}\n", "x.yaml:5: endpoints.web.heath: an unknown key, allowed: "
         f"{keys(Endpoint)}, did you mean health"),
        (GOOD + "    vantage: a\n", f"x.yaml:5: endpoints.web.vantage: an unknown key, allowed: {keys(Endpoint)}"),
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
        ("schema: 1\n", f"x.yaml:1: no target, at least one is needed in one of: {', '.join(load_sections())}"),
        (GOOD.replace("1", "true"), "x.yaml:1: schema: found 'true', allowed: 1"),
        (GOOD.replace("1", "2"), "x.yaml:1: schema: found '2', allowed: 1"),
        ("schema: 1\nextends: x\n", "x.yaml:2: extends: 'x' closes a cycle, a chain that ends is allowed"),
        ("schema: 1\nextends: bse\n", f"x.yaml:2: extends: 'bse' not found, available: {SHIPPED}, did you mean base"),
        ("schema: 1\nextends: ./base\n", f"x.yaml:2: extends: './base' not found, available: {SHIPPED}, "
         "did you mean base"),
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


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("run.confirm.looks=none", "--set run.confirm.looks: found 'none', allowed: a valid integer, unable to parse "
         "string as an integer"),
        ("endpoints.web.expect.p59=1s", "--set endpoints.web.expect.p59: an unknown key, allowed: "
         f"{keys(EndpointExpectations)}, did you mean p95"),
        ("policy={fail_on: hgh}", "--set policy.fail_on: found 'hgh', allowed: 'advisory', 'low', 'medium', 'high' or "
         "'critical'"),
        ("waivers=[{check: 1}]", "--set waivers.0.check: found '1', allowed: a valid string"),
        ("waivers.file=w.yaml", "--set waivers.file: 'w.yaml' not found, available: "),
        ("endpoints.a b.url=https://a.test", "--set endpoints.a b.url: the name 'a b', letters, digits, _ and - are "
         "allowed"),
        ("endpoints.web.from=vpc", "--set endpoints.web.from: found 'vpc', allowed vantages: none"),
        ("instances={from: vpc, app: {url: 'http://a:1'}}", "--set instances.from: found 'vpc', allowed vantages: "
         "none"),
        ("born=[", "--set born: not readable as YAML (expected the node content, but found '<stream end>'), YAML 1.2 "
         "is allowed"),
        ("protected", "--set protected: KEY=VALUE is allowed, with a dotted key such as endpoints.web.connect"),
    ],
)  # fmt: skip
def test_a_mistake_of_an_option_names_its_key_once(tmp_path: Path, option: str, line: str) -> None:
    found = refused(tmp_path, GOOD, option)
    assert found.startswith(line) if line.endswith(": ") else found == line


def test_an_unknown_key_of_an_option_has_its_neighbour(tmp_path: Path) -> None:
    line = refused(tmp_path, GOOD, "protectd=true")
    assert line.startswith("--set protectd: an unknown key, allowed: ")
    assert line.endswith("did you mean protected")


ACCEPTED = f"""# Looked after by the security team.
- check: headers.*
  target: "*"
  outcome: failed
  until: {LATEST}
  reason: r
  ticket: OPS-12
  owner: web-team
"""


def test_waivers_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "accepted").mkdir()
    write(tmp_path / "accepted", ACCEPTED, "prod.waivers")
    env = loaded(tmp_path, GOOD + "waivers: {file: accepted/prod.waivers.yaml}\n")
    (waiver,) = env.settings.waivers
    assert (waiver.check, waiver.target, waiver.until) == ("headers.*", "*", LATEST)
    assert env.provenance["waivers.0.ticket"] == f"{tmp_path}/accepted/prod.waivers.yaml:7"
    write(tmp_path / "accepted", ACCEPTED.replace("OPS-12", "OPS-13"), "prod.waivers")
    assert loaded(tmp_path, GOOD + "waivers: {file: accepted/prod.waivers.yaml}\n").digest != env.digest


@pytest.mark.parametrize("text", ["# none left\n", "[]\n"])
def test_a_file_of_waivers_may_be_empty(tmp_path: Path, text: str) -> None:
    write(tmp_path, text, "w")
    assert loaded(tmp_path, GOOD + "waivers: {file: w.yaml}\n").settings.waivers == ()


@pytest.mark.parametrize(
    ("text", "accepted", "line"),
    [
        ("{file: w.yaml}", ACCEPTED.replace("outcome: failed", "outcome: fails"), "w.yaml:4: waivers.0.outcome: found "
         "'fails', allowed: 'failed' or 'cannot_tell'"),
        ("{file: w.yaml}", ACCEPTED.replace("ticket", "tiket"), "w.yaml:7: waivers.0.tiket: an unknown key, allowed: "
         "accepts, check, outcome, owner, reason, target, ticket, until, did you mean ticket"),
        ("{file: w.yaml}", ACCEPTED.replace("  owner: web-team\n", ""), "w.yaml:2: waivers.0.owner: found nothing, a "
         "value is required"),
        ("{file: w.yaml}", ACCEPTED.replace("headers.*", '"*.*"'), "w.yaml:2: waivers.0.check: found '*.*', allowed: "
         "checks of one area: headers.csp_is_strict, headers.csp_*, headers.*"),
        ("{file: w.yaml}", "waivers: []\n", "w.yaml:1: waivers: found a map, a list is allowed in this file"),
        ("{file: w.yaml}", "- a: [\n", "w.yaml:2: not readable as YAML (expected the node content, but found '<stream "
         "end>'), YAML 1.2 is allowed"),
        ("{file: v.yaml}", ACCEPTED, "x.yaml:5: waivers.file: 'v.yaml' not found, available: w.yaml, did you mean "
         "w.yaml"),
        ("{flie: w.yaml}", ACCEPTED, "x.yaml:5: waivers.flie: an unknown key, allowed: file"),
        ("{}", ACCEPTED, "x.yaml:5: waivers.file: found nothing, the name of one file is allowed"),
        ("{file: [w.yaml]}", ACCEPTED, "x.yaml:5: waivers.file: found a list, the name of one file is allowed"),
        ('{file: "${env:HOME}"}', ACCEPTED, "x.yaml:5: waivers.file: a reference, only a value written out is allowed "
         "here"),
        ("w.yaml", ACCEPTED, "x.yaml:5: waivers: found 'w.yaml', allowed: a valid tuple"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_of_waivers_is_one_line(tmp_path: Path, text: str, accepted: str, line: str) -> None:
    write(tmp_path, accepted, "w")
    assert refused(tmp_path, f"{GOOD}waivers: {text}\n") == line


def test_a_list_above_replaces_the_list_below(tmp_path: Path) -> None:
    own = WAIVER % LATEST
    write(tmp_path, ACCEPTED, "w")
    write(tmp_path, GOOD + own + "commands: [op, sh]\n", "base")
    write(tmp_path, GOOD + "waivers: {file: w.yaml}\n", "filed")

    def tickets(text: str) -> list[str]:
        return [waiver.ticket for waiver in loaded(tmp_path, f"schema: 1\n{text}").settings.waivers]

    assert tickets("extends: base\n") == ["t"]
    assert tickets("extends: base\n" + own.replace("ticket: t", "ticket: u")) == ["u"]
    assert tickets("extends: base\nwaivers: {file: w.yaml}\n") == ["OPS-12"]
    assert tickets("extends: filed\n") == ["OPS-12"]
    assert tickets("extends: filed\n" + own) == ["t"]
    assert tickets("extends: filed\nwaivers: []\n") == []
    assert tickets("extends: base\nwaivers: null\n") == []
    assert loaded(tmp_path, "schema: 1\nextends: base\ncommands: [cat]\n").settings.commands == ("cat",)


def test_a_file_of_waivers_is_found_beside_the_layer_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    write(tmp_path / "shared", ACCEPTED, "w")
    write(tmp_path / "shared", GOOD + "waivers: {file: w.yaml}\n", "base")
    assert len(loaded(tmp_path, "schema: 1\nextends: shared/base\n").settings.waivers) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("from", "20261205"), ("from", "'20261205'"), ("from", "2026-12-05T01:00"), ("from", "2026-13-05T01:00Z"),
        ("until", "9999-12-31T23:59-23:59"), ("until", "soon"),
    ],
)  # fmt: skip
def test_a_window_needs_moments_with_a_zone(tmp_path: Path, key: str, value: str) -> None:
    fields = {"from": "2026-12-05T01:00Z", "until": "2026-12-05T03:00Z", key: value}
    text = f"maintenance: [{{from: {fields['from']}, until: {fields['until']}, targets: ['*'], ticket: t}}]\n"
    assert refused(tmp_path, GOOD + text).endswith(", allowed: a moment with its zone, written 2026-12-31T01:00Z")


def test_the_release_is_a_value_and_no_secret(tmp_path: Path) -> None:
    text = GOOD.replace("a.test", "${release}.a.test") + "run: {identify: {headers: {x-release: '${release}'}}}\n"
    env = loaded(tmp_path, text, release="4f2c1ab")
    web: Any = env.targets()["endpoints.web"]
    assert (web.url, env.settings.run.identify.headers["x-release"]) == ("https://4f2c1ab.a.test", "4f2c1ab")
    assert env.secrets() == []
    assert "https://4f2c1ab.a.test" in explain(env)
    line = "x.yaml:5: run.identify.headers.x-release: ${release}, a value that --release=ID gives; it is not given"
    assert refused(tmp_path, text) == line


def test_a_secret_beside_the_release_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", CANARY)
    env = loaded(tmp_path, GOOD + "run: {identify: {headers: {x: '${release}/${env:PW}'}}}\n", release="4f2c1ab")
    assert isinstance(env.settings.run.identify.headers["x"], Secret)
    assert CANARY not in explain(env)


HOSTS = """schema: 1
vantages: {vpc: {}}
instances:
  from: vpc
  health: {within: 2s}
  discover: {hosts: [app1.internal, app2.internal], port: 3000}
"""


def test_hosts_become_named_instances(tmp_path: Path) -> None:
    env = loaded(tmp_path, HOSTS + "  app2: {health: {path: /up}}\n  spare: {url: 'http://10.0.0.9:1', from: vpc}\n")
    targets: dict[str, Any] = dict(env.targets())
    assert {key: (t.url, t.vantage, t.health.path, t.health.within) for key, t in targets.items()} == {
        "instances.app1": ("http://app1.internal:3000", "vpc", "/api/health", 2.0),
        "instances.app2": ("http://app2.internal:3000", "vpc", "/up", 2.0),
        "instances.spare": ("http://10.0.0.9:1", "vpc", "/api/health", 2.0),
    }
    assert env.provenance["instances.app1.url"] == f"{tmp_path}/x.yaml:6"
    assert env.provenance["instances.app2.health.within"] == f"{tmp_path}/x.yaml:5"
    named = "schema: 1\ninstances:\n  a: {url: 'http://app1.internal:3000'}\n"
    assert list(loaded(tmp_path, named).targets()) == ["instances.a"]


def test_hosts_merge_with_layers_and_options(tmp_path: Path) -> None:
    write(tmp_path, HOSTS, "base")
    text = "schema: 1\nextends: base\ninstances: {discover: {hosts: [app3.internal]}}\n"
    targets: dict[str, Any] = dict(loaded(tmp_path, text, "instances.discover.port=3001").targets())
    assert {key: t.url for key, t in targets.items()} == {"instances.app3": "http://app3.internal:3001"}
    gone = "schema: 1\nextends: base\ninstances: {discover: null, a: {url: 'http://a:1'}}\n"
    assert list(loaded(tmp_path, gone).targets()) == ["instances.a"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("app2.internal", "app1.other", "x.yaml:6: instances.discover.hosts.1: found 'app1.other', a second instance "
         "app1, each name is allowed once; write one under another name, with its url"),
        ("3000}", "3000}\n  app1: {url: 'http://b:1'}", "x.yaml:6: instances.discover.hosts.0: found 'app1.internal', "
         "a second instance app1, each name is allowed once; write one under another name, with its url"),
        ("hosts: [app1.internal, app2.internal]", "dns: app.internal", "x.yaml:6: instances.discover.dns: what DNS "
         "answers today is no part of saved evidence, a list of hosts is allowed: {hosts: [app1.internal, "
         "app2.internal], port: 3000}"),
        ("hosts", "host", "x.yaml:6: instances.discover.host: an unknown key, allowed: hosts, port, did you mean "
         "hosts"),
        ("app1.internal", '"app1/x"', "x.yaml:6: instances.discover.hosts.0: found 'app1/x', allowed: a host name such "
         "as app1.internal"),
        ("app1.internal", '"${env:APP_HOST}"', "x.yaml:6: instances.discover.hosts.0: a reference, a host written out "
         "is allowed: it names a target"),
        ("[app1.internal, app2.internal]", "[]", "x.yaml:6: instances.discover.hosts: found a list, allowed: at least "
         "one host"),
        (", port: 3000", "", "x.yaml:6: instances.discover.port: found nothing, a value is required"),
        ("3000", "70000", "x.yaml:6: instances.discover.port: found '70000', allowed: less than or equal to 65535"),
        ("from: vpc", "from: vcp", "x.yaml:4: instances.from: found 'vcp', allowed vantages: vpc, did you mean vpc"),
        ("within", "withn", "x.yaml:5: instances.health.withn: an unknown key, allowed: path, samples, within, did you "
         "mean within"),
        ("  discover: {hosts: [app1.internal, app2.internal], port: 3000}\n", "", "x.yaml:3: instances: found an empty "
         "map, a map of named targets is allowed"),
    ],
)  # fmt: skip
def test_a_mistake_in_hosts_is_one_line(
    tmp_path: Path, old: str, new: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_HOST", "app1.internal")
    assert refused(tmp_path, HOSTS.replace(old, new, 1)) == line


class Budget(Strict):
    """A part of a pool that names another target."""

    counts_for: Annotated[str | None, RefersTo("pools")] = None


class Pool(Target):
    """A section that no module of the suite has."""

    of: Annotated[str, RefersTo("postgres")] = Field(alias="for")
    beside: Annotated[tuple[str, ...], RefersTo("pools")] = ()
    budget: Budget = Budget()


POOLS = "schema: 1\npostgres: {primary: {url: 'postgres://x/y'}}\npools:\n  main: {for: primary}\n  side: {%s}\n"


@pytest.mark.parametrize(
    ("side", "line"),
    [
        ("for: primary, beside: [main], budget: {counts_for: main}", ""),
        ("for: primry", "for: found 'primry', allowed targets of postgres: primary, did you mean primary"),
        ("for: primary, beside: [main, mian]", "beside: found a list, allowed other targets of pools: main, did you "
         "mean main"),
        ("for: primary, beside: [side]", "beside: found a list, allowed other targets of pools: main"),
        ("for: primary, budget: {counts_for: side}", "budget.counts_for: found 'side', allowed other targets of "
         "pools: main"),
    ],
)  # fmt: skip
def test_a_section_says_itself_what_its_fields_refer_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str, line: str
) -> None:
    monkeypatch.setitem(SECTIONS, "pools", Pool)
    if line:
        assert refused(tmp_path, POOLS % side) == f"x.yaml:5: pools.side.{line}"
    else:
        assert "pools.side" in loaded(tmp_path, POOLS % side).targets()


def test_a_reference_to_a_section_that_is_not_there_has_no_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECTIONS, "pools", Pool)
    text = "schema: 1\npools: {main: {for: primary}}\n"
    line = "x.yaml:2: pools.main.for: found 'primary', allowed targets of postgres: none"
    assert refused(tmp_path, text) == line


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
    env = loaded(tmp_path, text.replace("stack:web", "stack:web_url") + "stack: {}\n", defer_stack=True)
    deferred: Any = env.targets()["endpoints.web"]
    assert (deferred.url, env.deferred) == ("https://stack.invalid", ("endpoints.web.url",))
    judged: Any = env.with_values_of({"endpoints": {"web": {"url": "https://s.test"}}}).targets()["endpoints.web"]
    assert judged == web


@pytest.mark.parametrize("name", ["web_ulr", "app3_url"])
def test_what_no_stack_will_give_is_refused_before_one_starts(tmp_path: Path, name: str) -> None:
    write(tmp_path, GOOD.replace("https://a.test", f"${{stack:{name}}}") + "stack: {}\n")
    with pytest.raises(BadEnvironment) as caught:
        load("x", directory=tmp_path, defer_stack=True)
    line = f"x.yaml:4: endpoints.web.url: ${{stack:{name}}} is nothing a stack gives, allowed: app1_host, app1_port"
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(line)


def test_a_value_of_a_stack_needs_a_stack(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("https://a.test", "${stack:web_url}"))
    with pytest.raises(BadEnvironment, match="`stack` is not set"):
        load("x", directory=tmp_path, defer_stack=True)


def test_what_no_check_reads_is_known(tmp_path: Path) -> None:
    text = GOOD + "platform: ecs\nborn: 2026-01-01\nintrusive: [tls.x]\nrelease: {build_id: html, rollout: rolling}\n"
    keys = {"platform", "born"}
    assert set(unread(loaded(tmp_path, text).settings)) == keys
    assert unread(loaded(tmp_path, GOOD).settings) == []


def test_a_command_has_a_deadline_even_with_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references.Resolver, "__init__", _short(references.Resolver.__init__))
    started = time.monotonic()
    text = GOOD + "    ca: ${cmd:sh -c 'sleep 30 & sleep 30'}\ncommands: [sh]\n"
    assert "sh gave no answer, 0.3 s are allowed" in refused(tmp_path, text)
    assert time.monotonic() - started < 5


def test_a_program_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    line = refused(tmp_path, GOOD + "    ca: ${cmd:no-such-program x}\ncommands: [no-such-program]\n")
    assert line == "x.yaml:5: endpoints.web.ca: no-such-program is not installed or not on PATH"
    (tmp_path / "latin").write_bytes(b"\xff")
    text = GOOD + f"    ca: ${{cmd:cat {tmp_path}/latin}}\ncommands: [cat]\n"
    assert refused(tmp_path, text).endswith("cat printed what is no UTF-8, only UTF-8 text is allowed")
    text = GOOD + f"    ca: ${{cmd:{tmp_path}}}\ncommands: ['{tmp_path}']\n"
    assert refused(tmp_path, text).endswith("can't be run (Permission denied)")


def _short(init: Any) -> Any:
    return lambda self, *given, **named: init(self, *given, **named, timeout=0.3)


def test_explain_names_the_place_of_every_value(tmp_path: Path) -> None:
    lines = explain(loaded(tmp_path, GOOD + "policy: {fail_on: low}\n", "run.confirm.looks=3")).splitlines()
    assert f"endpoints.web.url = https://a.test  <- {tmp_path}/x.yaml:4" in lines
    assert f"policy.fail_on.estate = low  <- {tmp_path}/x.yaml:5" in lines
    assert "run.confirm.looks = 3  <- --set run.confirm.looks" in lines
    assert "protected = false  <- default" in lines


def test_explain_says_what_is_not_set_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", CANARY)
    text = (
        GOOD + "    ca: ${file:none.pem}\npostgres: {a: {url: '${env:NO_SUCH_NAME}'}, b: {url: '${env:PW}'}}\n"
        "redis: {a: {url: '${cmd:no-such-program}'}}\ncommands: [no-such-program]\n"
    )
    missing: dict[str, references.Unresolved] = {}
    lines = explain(loaded(tmp_path, text, missing=missing), missing).splitlines()
    assert list(missing) == ["endpoints.web.ca", "postgres.a.url", "redis.a.url"]
    for key, line in zip(missing, (5, 6, 7), strict=True):
        assert f"{key} = (not set)  <- {tmp_path}/x.yaml:{line}" in lines
        assert str(missing[key]).startswith(f"{tmp_path}/x.yaml:{line}: {key}: ")
    assert f"postgres.b.url = ***  <- {tmp_path}/x.yaml:6" in lines
    assert CANARY not in "\n".join(lines)


@pytest.mark.parametrize("text", ["${what:x}", "${cmd:cat /etc/passwd}", "${env:PW"])
def test_a_mistake_in_a_reference_is_one_also_where_values_may_be_missing(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        loaded(tmp_path, GOOD + f"    ca: '{text}'\n", missing={})
    assert not isinstance(caught.value, references.Unresolved)


def test_explain_writes_units_as_a_file_does(tmp_path: Path) -> None:
    text = GOOD + "    expect: {p95: 1.5s}\n    body_limit: 10M\nrun: {gate: {settle: 0s}}\n"
    lines = explain(loaded(tmp_path, text)).splitlines()
    found = dict(line.partition("  <- ")[0].split(" = ") for line in lines)
    keys = ("run.gate.deadline", "run.gate.settle", "endpoints.web.health.within", "endpoints.web.expect.p95")
    assert [found[key] for key in keys] == ["5m", "0s", "800ms", "1.5s"]
    assert (found["endpoints.web.deep.accept"], found["endpoints.web.body_limit"]) == ("7d", "10M")
    assert "endpoints.web.body_limit = null  <- default" in explain(loaded(tmp_path, GOOD)).splitlines()


@pytest.mark.parametrize("text", ["500ms", "1.5s", "90s", "5m", "36h", "7d", "0.5ms"])
def test_a_written_duration_is_read_as_what_it_was(text: str) -> None:
    assert seconds(written(seconds(text))) == pytest.approx(seconds(text))


@pytest.mark.parametrize(("octets", "text"), [(512 * 1024, "512K"), (10 * 1024**2, "10M"), (1024**3, "1G"), (7, "7")])
def test_a_size_is_written_exactly(octets: int, text: str) -> None:
    assert size(octets) == text


def test_explain_names_what_the_stack_gives(tmp_path: Path) -> None:
    env = loaded(tmp_path, GOOD + "    connect: '${stack:web_connect}'\nstack: {}\n", defer_stack=True)
    assert f"endpoints.web.connect = (given by the stack)  <- {tmp_path}/x.yaml:5" in explain(env).splitlines()


def test_a_bare_name_is_a_sibling_or_else_one_of_ours(tmp_path: Path) -> None:
    ours = loaded(tmp_path, "schema: 1\nextends: base\npostgres: null\n" + GOOD.partition("\n")[2])
    assert ours.settings.run.gate.settle == 30
    write(tmp_path, GOOD + "run: {gate: {settle: 1s}}\n", "base")
    assert loaded(tmp_path, "schema: 1\nextends: base\n").settings.run.gate.settle == 1


@pytest.mark.parametrize("name", ["base", "demo", "staging", "prod"])
def test_shipped_environments_fit_the_schema(name: str) -> None:
    document = YAML(typ="safe", pure=True).load((ENVIRONMENTS / f"{name}.yaml").read_text())
    plain = json.loads(json.dumps(document, default=str))
    jsonschema.Draft202012Validator(schema.json_schema()).validate(plain)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema.json_schema()).validate({**plain, "polcy": {}})


@pytest.mark.parametrize("name", ["demo", "staging", "prod"])
def test_shipped_environments_load(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("WAF_ALLOW_TOKEN", "STAGING_PRIMARY_URL", "GOOGLE_CLIENT_ID"):
        monkeypatch.setenv(variable, CANARY)
    (tmp_path / "op").write_text("#!/bin/sh\necho postgres://u:pass@db/x\n")
    (tmp_path / "op").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "endpoints.web" in load(name, defer_stack=True, release="4f2c1ab").targets()


def test_the_written_schema_is_current() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


WAYS = [
    "waivers: {file: prod.waivers.yaml}\n",
    WAIVER % LATEST,
    "instances: {from: null, discover: {hosts: [a.internal], port: 3000}, b: {url: 'http://b:1'}}\n",
    "    deep: {when: nightly, accept: 7d}\n",
    "born: ${env:BORN}\n",
]


@pytest.mark.parametrize("text", WAYS)
def test_the_schema_knows_every_way_to_write(text: str) -> None:
    document = YAML(typ="safe", pure=True).load(GOOD + text)
    jsonschema.Draft202012Validator(schema.json_schema()).validate(json.loads(json.dumps(document, default=str)))


@pytest.mark.parametrize("text", ["waivers: {flie: a}\n", "instances: {discover: {dns: a}}\n", "instances: {a: 1}\n"])
def test_the_schema_refuses_what_the_loader_refuses(tmp_path: Path, text: str) -> None:
    document = YAML(typ="safe", pure=True).load(GOOD + text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema.json_schema()).validate(document)
    assert refused(tmp_path, GOOD + text)


WORDS = st.sampled_from([*Settings.model_fields, "endpoints", "postgres", "web", "url", "from", "x", "1", "null"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(folder: Path, raw: bytes, *overrides: str, release: str = "") -> None:
    path = write(folder, raw)
    try:
        env = load(str(path), overrides, release=release)
        explain(env)
    except BadEnvironment as error:
        line = str(error)
    else:
        return
    assert line.isprintable()
    # Every line starts with a place: a file with or without a line, or the option.
    assert line.startswith((str(path), str(folder), "--set "))


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


@FUZZ
@given(st.one_of(st.binary(), st.lists(st.dictionaries(st.sampled_from([*Waiver.model_fields, "x"]), VALUES))))
@example([{"check": "a.b", "target": "[", "outcome": "failed", "until": "2026-02-30"}])
@example(b"- &a\n- *a")
def test_any_file_of_waivers_is_read_or_refused(tmp_path: Path, written: bytes | list[dict[str, Any]]) -> None:
    (tmp_path / "w.yaml").write_bytes(written if isinstance(written, bytes) else json.dumps(written).encode())
    survives(tmp_path, (GOOD + "waivers: {file: w.yaml}\n").encode())


@FUZZ
@given(st.text(max_size=30) | st.text("a/.", max_size=400))
@example("\0")
@example("a" * 5000)
@example("..")
@example("/")
def test_any_name_of_a_file_is_read_or_refused(tmp_path: Path, name: str) -> None:
    survives(tmp_path, (GOOD + f"waivers: {{file: {json.dumps(name)}}}\n").encode())
    survives(tmp_path, (GOOD + f"extends: {json.dumps(name)}\n").encode())


KEYS = [
    "endpoints.web.url",
    "waivers",
    "waivers.file",
    "instances",
    "instances.discover.hosts",
    "run",
    "policy.fail_on",
]


@FUZZ
@given(
    st.one_of(st.sampled_from(KEYS), st.text("ab.=- ", max_size=9), st.text(max_size=9)), VALUES | st.text(max_size=20)
)
@example("instances.discover", {"hosts": ["a", ["b"]], "port": 1})
@example("instances.discover", {"hosts": {"a": 1}, "port": True})
@example("a" * 300, 1)
def test_any_option_is_read_or_refused(tmp_path: Path, key: str, value: Any) -> None:
    survives(tmp_path, GOOD.encode(), f"{key}={value if isinstance(value, str) else json.dumps(value)}")


@FUZZ
@given(
    st.text("${}:-releasenvfilcmdt /.", max_size=24)
    | st.sampled_from(["${release}", "${release:x}", "${env:HOME}", "${env:}", "${env:X:-}", "${file:.}", "${cmd:}",
                       "${cmd:'}", "${stack:a}", "${file:\0}", "${", "${}", "${release}${"]),
    st.text(max_size=9),
)  # fmt: skip
def test_any_reference_is_resolved_or_refused(tmp_path: Path, text: str, release: str) -> None:
    quoted = json.dumps(text)
    for line in (f"    ca: {quoted}", f"born: {quoted}", f"run: {{identify: {{headers: {{x: {quoted}}}}}}}",
                 f"waivers: {{file: {quoted}}}", f"commands: [{quoted}]",
                 f"postgres: {{a: {{url: {quoted}, replica_of: {quoted}}}}}"):  # fmt: skip
        survives(tmp_path, f"{GOOD}{line}\n".encode(), release=release)


LABELS = st.lists(st.one_of(st.text(max_size=9), st.sampled_from(["app1.a", "app1.b", "10.0.0.1", "::1", "a_b"])))


@FUZZ
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "discover": st.fixed_dictionaries(
                {}, optional={"hosts": LABELS | VALUES, "port": st.integers(0, 70000) | VALUES, "dns": VALUES}
            )
            | VALUES,
            "from": VALUES,
            "health": VALUES,
            "app1": st.dictionaries(WORDS, VALUES, max_size=3) | VALUES,
        },
    )
)
def test_any_hosts_are_read_or_refused(tmp_path: Path, instances: dict[str, Any]) -> None:
    survives(tmp_path, json.dumps({"schema": 1, "instances": instances}).encode())
