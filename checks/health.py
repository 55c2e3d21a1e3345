"""The health endpoint, through the balancer and on every instance."""

from __future__ import annotations

from datetime import datetime, timedelta

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.environment.sections.instances import Instance
from fixtures.probes.health import HealthEvidence, InstanceLatencyEvidence, LatencyEvidence
from fixtures.vocabulary import CRITICAL, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

FRESH = timedelta(seconds=60)


def _time(text: str | None) -> datetime | None:
    """An ISO 8601 time with offset zero, else None."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.utcoffset() == timedelta(0) else None


def _need_an_answer(health: HealthEvidence) -> None:
    """What the app says of itself is not seen in a gateway's page, nor in silence."""
    if not health.of_the_app:
        what = health.error or f"a gateway's {health.status}"
        raise CannotTell(f"the health endpoint gives no answer of the app ({what})", cause="outage")


def _need_all(health: HealthEvidence) -> None:
    """What was not seen of several answers may have been wrong."""
    if health.unseen:
        raise CannotTell(health.unseen, cause="permission")


@check(severity=CRITICAL, scope=RELEASE, guide="health.endpoint-200")
def check_answers_200(health: HealthEvidence) -> None:
    """The health endpoint answers 200, with no redirect.

    Fix: look at the app's log; 503 means that a dependency is down.

    See: curl -sS -D- https://HOST/api/health
    """
    to = f" to {health.location}" if health.location else ""
    status = f"no answer ({health.error})" if health.status is None else health.status
    expect(health.status == 200, seen=f"{status}{to}", required="200")


@check(severity=HIGH, scope=RELEASE, guide="health.endpoint-200")
def check_is_json(health: HealthEvidence) -> None:
    """The health endpoint answers a JSON object.

    Fix: return `NextResponse.json({...})`; check that no login page or challenge stands in front.
    """
    _need_an_answer(health)
    expect(
        health.is_object and health.content_type.split(";")[0].strip() == "application/json",
        seen=f"{health.content_type or 'no content type'}, {'an object' if health.is_object else 'no JSON object'}",
        required="application/json with an object",
    )


@check(severity=CRITICAL, scope=RELEASE, guide="health.status-healthy")
def check_says_healthy(health: HealthEvidence) -> None:
    """The status is exactly "healthy".

    Fix: see what the body says; the app's log has the reason.
    """
    _need_an_answer(health)
    expect(health.state == "healthy", seen=f"status {health.state!r}", required="'healthy'")


@check(severity=CRITICAL, scope=RELEASE, guide="health.database-connected")
def check_database_is_connected(health: HealthEvidence) -> None:
    """The database is "connected".

    Fix: check DATABASE_URL, PgBouncer and PostgreSQL, in this order.
    """
    _need_an_answer(health)
    expect(health.database == "connected", seen=f"database {health.database!r}", required="'connected'")


@check(severity=HIGH, scope=RELEASE, guide="health.timestamp-fresh")
def check_timestamp_is_utc(health: HealthEvidence) -> None:
    """The timestamp is ISO 8601 in UTC.

    Fix: `timestamp: new Date().toISOString()`.
    """
    _need_an_answer(health)
    expect(_time(health.timestamp) is not None, seen=f"timestamp {health.timestamp!r}", required="ISO 8601 in UTC")


@check(severity=HIGH, scope=RELEASE, guide="health.timestamp-fresh")
def check_timestamp_is_now(health: HealthEvidence) -> None:
    """The timestamp is within a minute of now.

    Fix: `export const dynamic = 'force-dynamic'` in the route; check the host's clock.
    """
    _need_an_answer(health)
    at = _time(health.timestamp)
    away = abs(at - health.asked_at) if at else None
    seen = f"{away.total_seconds():.0f} s away" if away is not None else f"no time ({health.timestamp!r})"
    expect(away is not None and away <= FRESH, seen=seen, required="at most 60 s")


@check(severity=HIGH, scope=RELEASE, guide="health.timestamp-fresh")
def check_timestamp_moves(health: HealthEvidence) -> None:
    """Two questions get two timestamps: the answer isn't frozen at build time or cached.

    Fix: `export const dynamic = 'force-dynamic'` in the route; no cache in front of it.
    """
    _need_an_answer(health)
    if health.gap < 1.1:
        raise CannotTell("the two questions were too close together", cause="deadline")
    if health.second_timestamp is None:
        _need_all(health)
    first, second = _time(health.timestamp), _time(health.second_timestamp)
    expect(
        first is not None and second is not None and second > first,
        seen=f"{health.timestamp} and, {health.gap:.1f} s later, {health.second_timestamp}",
        required="a later second timestamp",
    )


@check(severity=MEDIUM, scope=RELEASE, guide="health.timestamp-fresh")
def check_is_not_cacheable(health: HealthEvidence) -> None:
    """No shared cache may store the health answer.

    Fix: send `Cache-Control: no-store`.
    """
    _need_an_answer(health)
    parts = {part.strip() for part in health.cache_control.split(",")}
    expect(
        bool(parts & {"no-store", "no-cache", "private"} or {"max-age=0", "must-revalidate"} <= parts)
        and not health.cache_hit,
        seen=("a cache hit; " if health.cache_hit else "") + (health.cache_control or "no Cache-Control"),
        required="no-store (or private, no-cache)",
    )


@check(severity=HIGH, scope=RELEASE, guide="health.error-disclosure")
def check_discloses_nothing(health: HealthEvidence) -> None:
    """The public body has no internal detail: no address, connection string, SQL or stack trace.

    The guide publishes the exception's message; that is a leak, so the opposite is required here.

    Fix: log the error, answer only `database: "disconnected"`.
    """
    _need_an_answer(health)
    expect(not health.details, seen=", ".join(health.details), required="no internal detail")


@check(severity=HIGH, scope=RELEASE, guide="health.endpoint-200", live=True)
def check_answers_every_time(health: HealthEvidence) -> None:
    """Consecutive questions on new connections are all answered 200.

    Fix: an answer that fails now and then is often one bad instance: compare the instances.
    """
    bad = [outcome for outcome in health.row if outcome != "200"]
    expect(not bad, seen=f"{len(bad)} of {len(health.row)} failed: {', '.join(bad)}", required="200 each time")
    _need_all(health)


@check(severity=LOW, scope=RELEASE, guide="health.endpoint-200")
def check_head_is_answered(health: HealthEvidence) -> None:
    """HEAD is answered 200, as balancers and monitors ask it.

    Fix: export a GET handler and let Next.js derive HEAD.
    """
    if health.head is None:
        _need_all(health)
    expect(health.head == "200", seen=str(health.head), required="200")


@check(severity=MEDIUM, scope=RELEASE, guide="health.endpoint-200", live=True)
def check_usual_answer_is_quick(latency: LatencyEvidence, endpoint: Endpoint) -> None:
    """The median answer of the health endpoint is within the declared time.

    Fix: compare with the instances' latency: the difference is the balancer or the network.
    """
    limit = endpoint.health.within
    expect(latency.median <= limit, seen=f"{latency.median:.3f} s", required=f"at most {limit:g} s")


@check(severity=MEDIUM, scope=RELEASE, guide="health.endpoint-200", live=True)
def check_slowest_answer_is_quick(latency: LatencyEvidence, endpoint: Endpoint) -> None:
    """The slowest answer of the health endpoint is within the declared p95.

    Fix: look for a slow instance, a saturated pool or long garbage collections.
    """
    worst, limit = max(latency.seconds), endpoint.expect.p95
    lost = f", {len(latency.failures)} without a 200" if latency.failures else ""
    expect(worst <= limit and not lost, seen=f"{worst:.3f} s{lost}", required=f"at most {limit:g} s")


@check(severity=MEDIUM, scope=RELEASE, guide="health.endpoint-200", live=True)
def check_instance_answer_is_quick(latency: InstanceLatencyEvidence, instance: Instance) -> None:
    """The median answer of each instance's health endpoint is within the declared time.

    Fix: look at this instance's CPU, event loop and pool.
    """
    limit = instance.health.within
    expect(latency.median <= limit, seen=f"{latency.median:.3f} s", required=f"at most {limit:g} s")
