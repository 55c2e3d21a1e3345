"""The balancer: every declared instance answers, takes its share, and runs the same build."""

from __future__ import annotations

from collections import Counter
from typing import Any

from checks._answers import judge, told
from fixtures.environment.sections.instances import Instance
from fixtures.probes.balancer import BalancerEvidence, InstanceBuildEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, RELEASE, CannotTell, check, expect


def _count(instances: tuple[Instance, ...]) -> int:
    """How many instances there are to be: as declared, else as many as are named."""
    declared = [one.expect.count for one in instances if one.expect.count is not None]
    return max(declared, default=len(instances))


def _need_all(balancer: BalancerEvidence) -> None:
    """What answered the requests that we did not see may be another one."""
    if balancer.unseen:
        raise CannotTell(f"a CDN answered {balancer.unseen} requests in its place", cause="permission")


def _shows_its_build(settings: Any) -> bool:
    return settings.release.build_id is not None


@check(severity=MEDIUM, scope=ESTATE, guide="lb.spreads-traffic", live=True)
def check_requests_reach_every_instance(balancer: BalancerEvidence, instances: tuple[Instance, ...]) -> None:
    """Through the balancer, every instance answers some requests, and no instance that nobody declared.

    Fix: list every instance in the `upstream` block, with `least_conn` and neither `ip_hash` nor `hash`; declare it.
    """
    if not balancer.instances:
        raise CannotTell("no answer names its instance: see `instance` of the endpoint", cause="program")
    wanted, seen = _count(instances), ", ".join(f"{name} {n}" for name, n in sorted(balancer.instances.items()))
    if len(balancer.instances) < wanted:
        _need_all(balancer)
    expect(
        len(balancer.instances) == wanted,
        seen=f"{len(balancer.instances)} instances ({seen}) in {balancer.requests} requests",
        required=f"{wanted} instances",
    )
    if balancer.unnamed:
        raise CannotTell(f"{balancer.unnamed} answers do not name their instance", cause="program")
    _need_all(balancer)


@check(severity=CRITICAL, scope=RELEASE, guide="arch.three-app-instances", live=True, needs=_shows_its_build)
def check_answers_are_of_one_build(balancer: BalancerEvidence) -> None:
    """Through the balancer, every answer is of the same build: else pages name chunks that the next instance lacks.

    Fix: finish the roll-out, or roll back; look for an instance that still runs the old image.
    """
    seen = ", ".join(f"{build} {n} times" for build, n in sorted(balancer.builds.items()))
    expect(len(balancer.builds) <= 1, seen=seen, required="one build")
    if not balancer.builds or balancer.unbuilt:
        raise CannotTell(f"{balancer.unbuilt} answers show no build: see release.build_id", cause="program")
    _need_all(balancer)


@check(severity=CRITICAL, scope=RELEASE, guide="arch.three-app-instances", live=True, needs=_shows_its_build)
def check_instances_run_one_build(builds: tuple[InstanceBuildEvidence, ...], instances: tuple[Instance, ...]) -> None:
    """Every instance, asked directly, runs the same build, unless the environment expects otherwise.

    Fix: start the same image, by digest, on every host.
    """
    found = Counter(one.build for one in builds if one.build)
    alone = [f"{one.name} {one.build}" for one in builds if one.build]
    if all(one.expect.same_build for one in instances):
        expect(len(found) <= 1, seen=", ".join(alone), required="one build")
    judge(builds, lambda _: "", "one build")
    if bare := [one.name for one in builds if not one.build]:
        raise CannotTell(f"{bare[0]} shows no build: see release.build_id", cause="program")


@check(severity=HIGH, scope=RELEASE, guide="lb.spreads-traffic", live=True)
def check_every_answer_is_below_500(balancer: BalancerEvidence) -> None:
    """Through the balancer, every request gets an answer below 500.

    Fix: look in the balancer's log for the upstream that fails, and in the app's log of that instance.
    """
    expect(not balancer.lost, seen=f"{balancer.lost} of {balancer.requests} requests without one", required="each")
    _need_all(balancer)
    if not balancer.requests:
        raise CannotTell("nothing was asked", cause="program")


@check(severity=HIGH, scope=ESTATE, guide="arch.three-app-instances", live=True)
def check_declared_count_answers(builds: tuple[InstanceBuildEvidence, ...], instances: tuple[Instance, ...]) -> None:
    """At least as many instances answer as are declared; the guide's three, or two and more.

    Whether more do is told by requests_reach_every_instance.

    Fix: start what is missing; `expect: {count: 2}` under `instances` where fewer are meant.
    """
    up = [one for one in builds if one.status is not None and one.status < 500]
    down = ", ".join(f"{one.name}: {told(one)}" for one in builds if one not in up)
    seen = f"{len(up)}{f' ({down})' if down else ''}"
    expect(len(up) >= _count(instances), seen=seen, required=f"{_count(instances)} instances or more")
