"""The experiment that kills an instance under load: on a real stack, and judged on plain evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks import failover as checks
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.probes import Context, Limits
from fixtures.probes.failover import FailoverEvidence, Phase, look
from fixtures.stack import start
from fixtures.stack.faults import find
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Finding
from tests.records import NOW

HEALTHY = FailoverEvidence(
    observed_at=NOW,
    killed="app1",
    healthy=Phase(requests=40, lost={}, served={"app1": 20, "app2": 20}),
    after=Phase(requests=90, lost={}, served={"app1": 4, "app2": 86}),
    seconds_to_return=4.0,
    looked_for=40.0,
)
JUDGES = (checks.check_traffic_is_spread, checks.check_no_request_is_lost, checks.check_killed_instance_returns)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


def experiment(stack: Stack) -> FailoverEvidence:
    values = stack.variables
    target = Endpoint(
        url=values["web_url"],
        connect=values["web_connect"],
        ca=Path(values["ca"]),
        paths=Paths(public=("/login",)),
    )
    limits = Limits(per_second=200)
    found = look(target, Context("endpoints.web", time.monotonic() + 100, stack=stack, limits=limits))
    assert isinstance(found, FailoverEvidence)
    assert FailoverEvidence.model_validate_json(found.model_dump_json()) == found
    return found


def findings(seen: FailoverEvidence) -> list[str]:
    told = []
    for judge in JUDGES:
        try:
            judge(seen)
        except Finding as finding:
            told.append(finding.seen)
    return told


def test_a_killed_instance_is_missed_by_nobody_and_comes_back(stack: Stack) -> None:
    seen = experiment(stack)
    assert findings(seen) == []
    assert sum(seen.healthy.served.values()) >= seen.healthy.requests >= 40
    assert min(seen.healthy.served.values()) > 5
    assert seen.after.served["app2"] > 20
    assert seen.seconds_to_return is not None
    assert set(stack.served()) == {"app1", "app2"}


def test_requests_are_lost_where_the_next_instance_is_not_tried(stack: Stack) -> None:
    stack.apply(find("lb.next_instance_is_not_tried").change)
    try:
        (told,) = findings(experiment(stack))
    finally:
        stack.reset()
    assert "requests lost" in told
    assert "× 502" in told


def test_an_instance_that_is_down_already_proves_nothing(stack: Stack) -> None:
    stack.apply({"stack.stopped": "app1 app2"})
    try:
        with pytest.raises(CannotTell, match="before anything was killed"):
            experiment(stack)
    finally:
        stack.reset()


def test_without_a_stack_nothing_is_killed() -> None:
    with pytest.raises(CannotTell) as refused:
        look(Endpoint(url="https://a.example"), Context("endpoints.web", time.monotonic() + 1))
    assert refused.value.cause == "program"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"healthy": Phase(requests=40, lost={}, served={"app1": 40, "app2": 0})},
            "none of 40 requests reached app2",
        ),
        (
            {"after": Phase(requests=90, lost={"502": 3, "reset": 1}, served={"app1": 0, "app2": 86})},
            "4 of 90 requests lost (3 × 502, 1 × reset)",
        ),
        ({"seconds_to_return": None}, "no request in 40 s"),
        ({"seconds_to_return": 39.0}, "the first after 39 s"),
    ],
)
def test_what_is_told(change: dict[str, object], told: str) -> None:
    assert findings(HEALTHY) == []
    assert findings(HEALTHY.model_copy(update=change)) == [told]


@pytest.mark.parametrize(
    ("judge", "change"),
    [
        (checks.check_no_request_is_lost, {"after": Phase(requests=0, lost={}, served={})}),
        (checks.check_killed_instance_returns, {"healthy": Phase(requests=40, lost={}, served={"app2": 40})}),
    ],
)
def test_what_nobody_asked_for_cannot_be_told(
    judge: Callable[[FailoverEvidence], None], change: dict[str, object]
) -> None:
    with pytest.raises(CannotTell):
        judge(HEALTHY.model_copy(update=change))
