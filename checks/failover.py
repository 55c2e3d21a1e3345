"""An instance is killed in a stack: the balancer spreads its requests, loses none, and lets the instance come back."""

from __future__ import annotations

from fixtures.probes.failover import FailoverEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, CannotTell, check, expect

RETURNS = 35.0
"""Seconds: the guide's fail_timeout of 30 s, and one request's turn."""


@check(severity=MEDIUM, scope=ESTATE, guide="lb.spreads-traffic")
def check_traffic_is_spread(failover: FailoverEvidence) -> None:
    """Requests are spread over all instances: while all run, each answers some of them.

    Fix: list every instance in the `upstream` block, with `least_conn` and neither `ip_hash` nor `hash`.
    """
    idle = sorted(name for name, count in failover.healthy.served.items() if not count)
    seen = f"none of {failover.healthy.requests} requests reached {', '.join(idle)}"
    expect(not idle, seen=seen, required="some on each instance")


@check(severity=CRITICAL, scope=ESTATE, guide=("lb.failover", "lb.next-upstream"))
def check_no_request_is_lost(failover: FailoverEvidence) -> None:
    """While one instance is killed and started again, every request is answered within eight seconds.

    The guide also passes requests on after a 503; then an instance that says so in an outage of the database is taken
    for dead, and visitors get a 502.

    Fix: two instances or more; `proxy_next_upstream error timeout http_502 http_504;`; `proxy_connect_timeout 2s;`, for
    with the default of 60 s a host that is gone holds its visitors for a minute.
    """
    if failover.after.requests == 0:
        raise CannotTell("no request ended while the instance was down", cause="deadline")
    what = ", ".join(f"{count} × {word}" for word, count in sorted(failover.after.lost.items()))
    seen = f"{sum(failover.after.lost.values())} of {failover.after.requests} requests lost ({what})"
    expect(not failover.after.lost, seen=seen, required="none lost")


@check(severity=HIGH, scope=ESTATE, guide="lb.failover")
def check_killed_instance_returns(failover: FailoverEvidence) -> None:
    """Once the killed instance runs again, it gets requests again within 35 seconds.

    Fix: `max_fails=3 fail_timeout=30s` on each server of the `upstream` block; a longer `fail_timeout` leaves the load
    to the others.
    """
    if not failover.healthy.served.get(failover.killed):
        raise CannotTell(f"{failover.killed} had no requests before it was killed", cause="outage")
    took = failover.seconds_to_return
    expect(
        took is not None and took <= RETURNS,
        seen=f"no request in {failover.looked_for:g} s" if took is None else f"the first after {took:.0f} s",
        required=f"a request within {RETURNS:g} s",
    )
