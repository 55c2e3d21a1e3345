"""Binding: which rows an environment makes of a check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.catalogue import bind, generate, needed
from fixtures.environment.loading import Environment, load
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import PROBES, Probe
from fixtures.probes.database import DatabaseEvidence, ReplicaEvidence
from fixtures.vocabulary import ESTATE, LOW, Evidence, check

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


def rows(environment: Environment, function: Any) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    function.__name__, function.__doc__ = "check_it", "It holds."
    declared = check(severity=LOW, scope=ESTATE)(function)
    return [
        (row.target, {name: reference.targets for name, reference in row.arguments.items()})
        for row in bind("it.py", declared, environment)
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

    assert rows(environment, judge) == []


def test_needed_names_each_piece_once(environment: Environment) -> None:
    pieces = needed(generate(environment).rows)
    assert len(pieces) == len(set(pieces))
    assert (DatabaseEvidence, "postgres.primary") in pieces
