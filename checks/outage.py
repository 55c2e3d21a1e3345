"""The database is stopped in a stack: health says so, leaks nothing, and comes back by itself."""

from __future__ import annotations

from fixtures.probes.outage import DatabaseOutageEvidence, Told
from fixtures.vocabulary import CRITICAL, HIGH, MEDIUM, RELEASE, CannotTell, check, expect

NOTICED = 5.0
RECOVERED = 10.0


def _what(told: Told) -> str:
    if told.status is None:
        return f"no answer ({told.error})"
    return f"{told.status}, status {told.state!r}, database {told.database!r}"


@check(severity=CRITICAL, scope=RELEASE, guide="health.db-down-503")
def check_health_says_503(outage: DatabaseOutageEvidence) -> None:
    """Without its database the health endpoint answers 503 within five seconds, with "unhealthy", "disconnected" and a
    timestamp.

    Fix: ask the database in the route, with a timeout of two seconds; `dynamic = 'force-dynamic'`, or the answer is
    frozen. Liveness must not use this endpoint: every instance would be killed in an outage of the database.
    """
    took, last = outage.seconds_to_503, outage.last
    required = f"503 within {NOTICED:g} s"
    expect(took is not None, seen=f"after {outage.looked_for:g} s: {_what(last)}", required=required)
    expect((took or 0.0) <= NOTICED, seen=f"503 after {took or 0.0:.1f} s", required=required)
    expect(
        (last.state, last.database, last.timestamp) == ("unhealthy", "disconnected", True),
        seen=_what(last) + ("" if last.timestamp else ", no timestamp"),
        required="'unhealthy', 'disconnected' and a timestamp",
    )


@check(severity=CRITICAL, scope=RELEASE, guide="health.db-down-503")
def check_health_recovers_by_itself(outage: DatabaseOutageEvidence) -> None:
    """Once the database is back, the health endpoint is 200 within ten seconds, with nothing restarted.

    Fix: let the pool open new connections after an error; don't keep a client that was closed.
    """
    took = outage.seconds_to_200
    expect(
        took is not None and took <= RECOVERED,
        seen=f"still {outage.after or 'no answer'}" if took is None else f"200 after {took:.1f} s",
        required=f"200 within {RECOVERED:g} s",
    )


@check(severity=HIGH, scope=RELEASE, guide="health.error-disclosure")
def check_health_discloses_nothing(outage: DatabaseOutageEvidence) -> None:
    """While the database is down the health answer has no internal detail: no address, connection string, SQL or
    stack trace.

    The guide publishes the exception's message, which names host and port; the opposite is required here.

    Fix: log the error, answer only `database: "disconnected"`.
    """
    found = sorted({detail for told in outage.health for detail in told.details})
    expect(not found, seen=", ".join(found), required="no internal detail")
    if all(told.status is None for told in outage.health):
        raise CannotTell("health was not answered while the database was down", cause="outage")


@check(severity=MEDIUM, scope=RELEASE)
def check_pages_show_no_internals(outage: DatabaseOutageEvidence) -> None:
    """A page that fails while the database is down shows no internal detail.

    Fix: an `error.tsx` of your own; in production Next.js shows a digest only.
    """
    bad = [f"{told.path}: {told.status} with {', '.join(told.details)}" for told in outage.pages if told.details]
    expect(not bad, seen="; ".join(bad), required="no internal detail")
    if not any(told.status for told in outage.pages):
        raise CannotTell("no page was answered while the database was down", cause="outage")
