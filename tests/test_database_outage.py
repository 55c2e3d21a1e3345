"""The experiment that stops the database, on a real stack: healthy, and with each fault it is there for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import outage as checks
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.probes import Context
from fixtures.probes.outage import DatabaseOutageEvidence, Told, look
from fixtures.stack import start
from fixtures.stack.faults import Fault, load_faults
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Finding

AREA = "outage."
FAULTS = [fault for fault in load_faults() if any(name.startswith(AREA) for name in fault.caught_by)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


def experiment(stack: Stack) -> DatabaseOutageEvidence:
    values = stack.variables
    target = Endpoint(
        url=values["web_url"],
        connect=values["web_connect"],
        ca=Path(values["ca"]),
        paths=Paths(public=("/", "/login")),
    )
    found = look(target, Context("endpoints.web", time.monotonic() + 25, stack=stack))
    assert isinstance(found, DatabaseOutageEvidence)
    assert DatabaseOutageEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def failed(seen: DatabaseOutageEvidence) -> set[str]:
    names = set()
    for name, function in vars(checks).items():
        if name.startswith("check_"):
            try:
                function(seen)
            except Finding:
                names.add(AREA + name.removeprefix("check_"))
    return names


def test_a_healthy_app_says_so_and_recovers(stack: Stack) -> None:
    seen = experiment(stack)
    assert failed(seen) == set()
    assert seen.after == 200
    assert stack.sql("SELECT 1") == [(1,)]
    assert {page.status for page in seen.pages} == {200}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.id for fault in FAULTS])
def test_each_fault_is_caught(stack: Stack, fault: Fault) -> None:
    stack.apply(fault.change)
    try:
        assert failed(experiment(stack)) == set(fault.caught_by)
    finally:
        stack.reset()
    assert stack.sql("SELECT 1") == [(1,)]


def test_without_a_stack_nothing_is_stopped() -> None:
    with pytest.raises(CannotTell) as refused:
        look(Endpoint(url="https://a.example"), Context("endpoints.web", time.monotonic() + 1))
    assert refused.value.cause == "program"


def test_no_answer_at_all_discloses_nothing_and_proves_nothing(stack: Stack) -> None:
    silent = Told(path="/", status=None, error="refused")
    seen = experiment(stack).model_copy(update={"health": (silent,), "pages": (silent,), "last": silent})
    for judge in (checks.check_health_discloses_nothing, checks.check_pages_show_no_internals):
        with pytest.raises(CannotTell):
            judge(seen)
