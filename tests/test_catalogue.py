"""Binding: which rows an environment makes of a check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import Bound, bind, checks, generate, needed
from fixtures.environment.loading import Environment, load
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import PROBES, Probe
from fixtures.probes.database import DatabaseEvidence, ReplicaEvidence
from fixtures.stack.faults import load_faults, redis
from fixtures.vocabulary import ESTATE, LOW, Bug, Evidence, check

URL = "postgresql://verifier:longer@127.0.0.1:1/emailai"


class PrimaryEvidence(Evidence):
    """What only a primary gives."""


class ExperimentEvidence(Evidence):
    """What only an experiment gives."""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    def never(*_: Any) -> Evidence:
        raise AssertionError("nothing is looked at here")

    primaries = Probe("p", "postgres", PrimaryEvidence, never, 1.0, applies=lambda target: not target.replica_of)
    tried = Probe("e", "postgres", ExperimentEvidence, never, 1.0, experiment=True)
    mine: dict[type[Evidence], list[Probe]] = {PrimaryEvidence: [primaries], ExperimentEvidence: [tried]}
    for kind, probes in mine.items():
        monkeypatch.setitem(PROBES, kind, probes)
    file = tmp_path / "two.yaml"
    file.write_text(
        f"schema: 1\npostgres:\n  primary: {{url: '{URL}'}}\n  replica: {{url: '{URL}', replica_of: primary}}\n"
    )
    found = load(str(file))
    assert not generate(found).broken
    return found


def bound(environment: Environment, function: Any, **more: Any) -> Bound:
    function.__name__, function.__doc__ = "check_it", "It holds."
    return bind("it.py", check(severity=LOW, scope=ESTATE, **more)(function), environment)


def rows(environment: Environment, function: Any) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    return [
        (row.target, {name: reference.targets for name, reference in row.arguments.items()})
        for row in bound(environment, function).rows
    ]


def test_one_row_for_each_target_that_yields_the_evidence(environment: Environment) -> None:
    def judge(seen: DatabaseEvidence) -> None: ...

    assert [target for target, _ in rows(environment, judge)] == ["postgres.primary", "postgres.replica"]


def test_several_kinds_are_joined_by_target(environment: Environment) -> None:
    def judge(seen: ReplicaEvidence, server: Postgres) -> None: ...

    here = ("postgres.replica",)
    assert rows(environment, judge) == [("postgres.replica", {"seen": here, "server": here})]


def test_what_the_target_does_not_give_comes_from_the_one_it_names(environment: Environment) -> None:
    def judge(seen: ReplicaEvidence, primary: PrimaryEvidence) -> None: ...

    assert rows(environment, judge) == [
        ("postgres.replica", {"seen": ("postgres.replica",), "primary": ("postgres.primary",)})
    ]


def test_a_target_that_gives_nothing_itself_makes_no_row(environment: Environment) -> None:
    def judge(primary: PrimaryEvidence) -> None: ...

    assert [target for target, _ in rows(environment, judge)] == ["postgres.primary"]


def test_all_targets_together_are_one_row(environment: Environment) -> None:
    def judge(seen: tuple[DatabaseEvidence, ...]) -> None: ...

    both = ("postgres.primary", "postgres.replica")
    assert rows(environment, judge) == [("environment", {"seen": both})]


def test_without_a_stack_an_experiment_makes_no_row(environment: Environment) -> None:
    def judge(seen: ExperimentEvidence) -> None: ...

    assert bound(environment, judge) == Bound((), "experiments, on stacks of the suite's own only")


def test_evidence_that_no_probe_gives_is_a_broken_check(environment: Environment) -> None:
    class NobodyEvidence(Evidence):
        """What nobody gives."""

    def judge(seen: NobodyEvidence) -> None: ...

    judge.__annotations__ = {"seen": NobodyEvidence}
    with pytest.raises(Bug, match="nothing gives NobodyEvidence: it has no probe"):
        bound(environment, judge)


def test_a_join_with_two_givers_is_a_broken_check(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(seen: ReplicaEvidence, primary: PrimaryEvidence) -> None: ...

    both = {"replica_of": "postgres.primary", "beside": "postgres.third"}
    monkeypatch.setattr("fixtures.catalogue.related", lambda _: both)
    servers = environment.sections["postgres"]
    more = {**environment.sections, "postgres": {**servers, "third": servers["primary"]}}
    with pytest.raises(Bug, match=r"postgres\.replica names several targets"):
        bound(replace(environment, sections=more), judge)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (f"postgres: {{primary: {{url: '{URL}'}}}}", "no target of postgres has replica"),
        ("endpoints: {web: {url: 'https://a.test'}}", "postgres (not declared)"),
    ],
)
def test_a_check_without_a_row_says_why(tmp_path: Path, declared: str, reason: str) -> None:
    def judge(seen: tuple[ReplicaEvidence, ...], server: Postgres) -> None: ...

    file = tmp_path / "one.yaml"
    file.write_text(f"schema: 1\n{declared}\n")
    assert bound(load(str(file)), judge) == Bound((), reason)


def test_a_check_that_applies_to_nothing_declared_says_so(environment: Environment) -> None:
    def judge(seen: DatabaseEvidence) -> None: ...

    assert bound(environment, judge, applies=lambda _: False) == Bound((), "nothing declared that they judge")


def test_every_check_makes_a_row_or_has_a_reason(environment: Environment) -> None:
    made = generate(environment)
    told = {name for ids in made.unbound.values() for name in ids}
    assert {row.check.id for row in made.rows}.isdisjoint(told)
    every = {found.id for _, function in checks().functions if (found := vocabulary.check_of(function))}
    assert {row.check.id for row in made.rows} | told == every


def test_needed_names_each_piece_once(environment: Environment) -> None:
    pieces = needed(generate(environment).rows)
    assert len(pieces) == len(set(pieces))
    assert (DatabaseEvidence, "postgres.primary") in pieces


def test_a_fault_that_stands_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one of the two would never be put in, and nobody would notice."""
    monkeypatch.setattr(redis, "FAULTS", (*redis.FAULTS, redis.FAULTS[0]))
    with pytest.raises(ValueError, match=f"twice: {redis.FAULTS[0].id}$"):
        load_faults()
