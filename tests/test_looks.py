"""Looks after the first: live state that seems to fail is seen again, and a slow look of an earlier run is reused."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.catalogue import Binding, generate, needed, probe_of
from fixtures.environment.identity import SCRYPT
from fixtures.environment.loading import Environment, load
from fixtures.environment.model import Target
from fixtures.environment.sections.auth import Auth
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.evidence.declaration import Declaration
from fixtures.evidence.reading import Reader
from fixtures.evidence.reuse import reuse
from fixtures.evidence.store import Saved, Store
from fixtures.probes import PROBES
from fixtures.probes.exposure import ExposureEvidence
from fixtures.probes.forged import ForgedEvidence
from fixtures.probes.luring import LuringEvidence
from fixtures.run import Run
from fixtures.stack import start
from fixtures.vocabulary import CannotTell, Evidence, Finding, Fleeting
from tests._gate import until
from tests._saved import CHECK, environment_file, instance, looked

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def seen(tmp_path: Path, url: str, looks: int = 2) -> tuple[Reader, Binding]:
    """A run over one instance that has looked at its latency, and the row that judges it."""
    run = looked(tmp_path / "run", environment_file(tmp_path / "one.yaml", url, within="150ms", looks=looks))
    return run.reader(0.0), next(row for row in run.rows if row.check.id == CHECK)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "run" / "evidence").glob("*.json"))


def test_what_the_second_look_does_not_see_is_fleeting(tmp_path: Path) -> None:
    with instance(lambda n: n <= 4) as url:
        reader, row = seen(tmp_path, url)
    with pytest.raises(Fleeting) as caught:
        reader.judge(row)
    assert (caught.value.times, caught.value.looks) == (1, 2)


def test_what_every_look_sees_stands(tmp_path: Path) -> None:
    with instance(lambda _: True) as url:
        reader, row = seen(tmp_path, url, looks=3)
    with pytest.raises(Finding) as caught:
        reader.judge(row)
    assert not isinstance(caught.value, Fleeting)
    assert len(files(tmp_path)) == 3


def test_only_what_seems_to_fail_is_looked_at_again(tmp_path: Path) -> None:
    with instance(lambda _: False) as url:
        reader, row = seen(tmp_path, url)
    reader.judge(row)
    assert files(tmp_path) == ["instances.app1.InstanceLatencyEvidence.json"]


def test_one_look_is_enough_where_one_is_asked_for(tmp_path: Path) -> None:
    with instance(lambda n: n <= 4) as url:
        reader, row = seen(tmp_path, url, looks=1)
    with pytest.raises(Finding) as caught:
        reader.judge(row)
    assert not isinstance(caught.value, Fleeting)


def test_a_run_that_ends_between_two_looks_cannot_tell(tmp_path: Path) -> None:
    with instance(lambda _: True) as url:
        reader, row = seen(tmp_path, url)
    (tmp_path / "run" / "evidence" / "confirmed").unlink()
    Store(tmp_path / "run").close()
    with pytest.raises(CannotTell):
        reader.judge(row)


def declared(
    tmp_path: Path, url: str = "postgresql://verifier:longer@a.test/emailai", name: str = "prod"
) -> Environment:
    """An environment of one database, which is a secret, and its replica."""
    file = tmp_path / "files" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    replica = "{url: 'postgresql://verifier:longer@replica.test/emailai', replica_of: main}"
    file.write_text(f"schema: 1\npostgres: {{main: {{url: '{url}'}}, replica: {replica}}}\n")
    return load(str(file))


def earlier(runs: Path, name: str, age: timedelta, environment: Environment, **of_the_run: str) -> Path:
    """A run that looked at both databases so long ago."""
    store = Store(runs / name)
    (runs / name).mkdir(mode=0o700)
    store.open()
    for target in environment.targets():
        store.write(Saved(kind="Slow", target=target, observed_at=NOW - age, seconds=1.0, evidence={"run": name}))
    declaration = Declaration.of(environment, NOW - age, **of_the_run)
    declaration.looking_at(environment).save(runs / name)
    return runs / name


def reused(
    runs: Path, environment: Environment, target: str = "postgres.main", stack: str = "", release: str = ""
) -> Saved:
    return reuse(runs, environment, "Slow", target, moment=NOW, accept=7 * 86400.0, stack=stack, release=release)


DAY = timedelta(days=1)


def test_the_youngest_evidence_of_the_same_target_is_reused(tmp_path: Path) -> None:
    mine = declared(tmp_path)
    earlier(tmp_path, "old", 3 * DAY, mine)
    earlier(tmp_path, "new", DAY, mine)
    earlier(tmp_path, "another_host", DAY / 24, declared(tmp_path, "postgresql://verifier:longer@b.test/emailai"))
    earlier(tmp_path, "another_environment", DAY / 24, declared(tmp_path, name="staging"))
    earlier(tmp_path, "another_stack", DAY / 24, mine, stack="a")
    earlier(tmp_path, "of_the_future", -DAY, mine)
    (tmp_path / "latest").symlink_to("old")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "environment.json").write_text("{")
    found = reused(tmp_path, mine)
    assert (found.reused_from, found.observed_at, found.accept) == ("new", NOW - DAY, 7 * 86400.0)


@pytest.mark.parametrize(
    ("seen_on", "release", "since"), [("a", "a", ""), ("a", "b", "b"), ("", "b", "b"), ("a", "", ""), ("", "", "")]
)
def test_what_was_seen_before_a_release_is_marked(tmp_path: Path, seen_on: str, release: str, since: str) -> None:
    mine = declared(tmp_path)
    earlier(tmp_path, "run", DAY, mine, release=seen_on)
    first = reused(tmp_path, mine, release=release)
    assert (first.reused_from, first.release, first.deployed_since) == ("run", seen_on, since)
    again = earlier(tmp_path, "gate", DAY / 2, mine, release=release)
    Store(again).write(first.model_copy(update={"observed_at": NOW - DAY / 2}))
    assert reused(tmp_path, mine, release=release).deployed_since == since


def test_a_secret_says_which_database_it_is_and_not_who_asks(tmp_path: Path) -> None:
    """Both are `***` in what is saved; a password that was changed since makes no other database."""
    earlier(tmp_path, "run", DAY, declared(tmp_path))
    rotated = declared(tmp_path, "postgresql://another:changed-since@a.test/emailai")
    other = declared(tmp_path, "postgresql://verifier:longer@a.test/another")
    assert reused(tmp_path, rotated).reused_from == "run"
    assert reused(tmp_path, other).failure is not None


def test_a_replica_of_another_primary_is_another_replica(tmp_path: Path) -> None:
    earlier(tmp_path, "run", DAY, declared(tmp_path))
    other = declared(tmp_path, "postgresql://verifier:longer@b.test/emailai")
    assert reused(tmp_path, declared(tmp_path), "postgres.replica").reused_from == "run"
    assert reused(tmp_path, other, "postgres.replica").failure is not None


def test_what_a_run_declares_gives_no_secret_away_cheaply(tmp_path: Path) -> None:
    """Two runs give two digests of one secret, and each guess costs what scrypt costs."""
    mine = declared(tmp_path)
    directories = [earlier(tmp_path, name, DAY, mine) for name in ("one", "two")]
    first, second = (Declaration.read(directory) for directory in directories)
    assert first.looks_at.keys() == mine.targets().keys()
    assert not set(first.looks_at.values()) & set(second.looks_at.values())
    text = (directories[0] / "environment.json").read_text()
    assert "longer" not in text
    assert "a.test" not in text
    assert SCRYPT["n"] * SCRYPT["r"] * 128 >= 16 * 1024 * 1024


@pytest.mark.parametrize(
    "name", ["run", "run/environment.json", "run/evidence", "run/evidence/postgres.main.Slow.json"]
)
@pytest.mark.parametrize("harm", ["writable", "another owner", "link"])
def test_what_others_can_write_is_not_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, harm: str
) -> None:
    mine = declared(tmp_path)
    earlier(tmp_path, "run", DAY, mine)
    path = tmp_path / name
    if harm == "writable":
        path.chmod(0o777)
    elif harm == "link":
        (tmp_path / "away" / "far").mkdir(parents=True)
        path.symlink_to(path.rename(tmp_path / "away" / "far" / "moved"))
    elif os.geteuid() == 0:
        os.chown(path, 65534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert reused(tmp_path, mine).failure is not None


@pytest.mark.parametrize(("ages", "words"), [([], "no earlier run"), ([8], "8 d old, 7 d are accepted")])
def test_without_young_evidence_it_cannot_tell(tmp_path: Path, ages: list[int], words: str) -> None:
    mine = declared(tmp_path)
    for age in ages:
        earlier(tmp_path, f"run{age}", timedelta(days=age), mine)
    failure = reused(tmp_path, mine).failure
    assert failure is not None
    assert failure.cause == "age"
    assert words in failure.message


def test_a_gate_takes_the_look_that_the_night_made(tmp_path: Path) -> None:
    """The whole way: a nightly run looks, the gate after it does not, and a replay of that gate judges the same."""
    with start() as stack:
        environment = load("demo", ["endpoints.web.deep.when=nightly"], variables=stack.variables)
        assert environment.settings.stack is not None
        assert set(environment.settings.stack.gives) == set(stack.variables)
        night, gate = (Run(environment, tmp_path / kind, kind) for kind in ("nightly", "gate"))
        rows = [row for row in gate.rows if row.check.id == "tls_deep.heartbleed_is_fixed"]
        for run in (gate, night, gate):
            run.directory.mkdir(exist_ok=True)
            run.store.open()
            run.look(rows)
            until(lambda run=run: Declaration.read(run.directory).looks_at)  # type: ignore[misc]
            if run is gate and not (night.directory / "evidence").exists():
                with pytest.raises(CannotTell) as caught:
                    run.reader(0.0).judge(rows[0])
                assert caught.value.cause == "age"
    gate.reader(0.0).judge(rows[0])
    seen, reused_here = (run.store.saved("TlsDeepEvidence", "endpoints.web") for run in (night, gate))
    assert (reused_here.reused_from, reused_here.observed_at) == ("nightly", seen.observed_at)


def test_what_looks_like_an_attack_is_asked_at_night_unless_a_file_says_otherwise() -> None:
    endpoint = {"url": "https://a.example"}
    auth = {"endpoint": "web"}
    rows: tuple[tuple[type[Evidence], type[Target], dict[str, str]], ...] = (
        (ExposureEvidence, Endpoint, endpoint),
        (ForgedEvidence, Endpoint, endpoint),
        (LuringEvidence, Auth, auth),
    )
    for kind, model, plain in rows:
        for more, when in ((dict[str, object](), "nightly"), ({"deep": {"when": "gate"}}, "gate")):
            target = model.model_validate({**plain, **more})
            assert [probe.schedule(target).when for probe in PROBES[kind]] == [when]


def test_what_everybody_asks_for_is_asked_in_every_gate(tmp_path: Path) -> None:
    """Without a night before it, a gate sees the two files whose loss costs most."""
    file = tmp_path / "env.yaml"
    file.write_text("schema: 1\nendpoints: {web: {url: 'https://a.example'}}\n")
    environment = load(str(file))

    def at_night(row: Binding) -> bool:
        looks = ((probe_of(*piece), environment.targets()[piece[1]]) for piece in needed([row]))
        return any(probe is not None and probe.schedule(target).when == "nightly" for probe, target in looks)

    prompt = {row.check.id for row in generate(environment).rows if not at_night(row)}
    exposure = {name for name in prompt if name.startswith("exposure.")}
    assert exposure == {"exposure.dot_env_is_absent", "exposure.dot_git_is_absent", "exposure.no_secret_is_served"}
