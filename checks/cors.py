"""What scripts of other origins may read (CORS protocol of the Fetch standard)."""

from __future__ import annotations

from collections.abc import Callable

from checks._words import refuse
from fixtures.probes.cors import CorsEvidence, Shared
from fixtures.vocabulary import ADVISORY, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check

_WHO = {
    "foreign": "any origin",
    "null": "an origin of null",
    "before": "any host whose name ends like ours",
    "after": "any host whose name begins like ours",
}


def _judge(seen: CorsEvidence, wrong: Callable[[Shared], bool], what: str, required: str) -> None:
    """Require that nothing is wrong with any answer to a stranger; unanswered ones can't be judged."""
    bad = [f"{one.method} {one.url}: {what.format(_WHO[one.stranger])}" for one in seen.answers if wrong(one)]
    refuse(bad, required)
    if any(one.status is None for one in seen.answers):
        raise CannotTell("no answer to a request of another origin", cause="outage")


def _let_in(one: Shared) -> bool:
    return one.allowed == "the asker" or (one.allowed == "null" and one.stranger == "null")


@check(severity=HIGH, scope=RELEASE)
def check_strangers_read_nothing_with_cookies(seen: CorsEvidence) -> None:
    """No foreign origin may read answers with the visitor's cookies.

    Fix: Compare Origin with a list of whole origins; never send it back unseen with Access-Control-Allow-Credentials.

    See: curl -sSI -H 'Origin: https://golive-foreign.invalid' https://HOST/ | grep -i access-control
    """
    _judge(seen, lambda one: _let_in(one) and one.credentials, "{} may read it with cookies", "own origins only")


@check(severity=MEDIUM, scope=RELEASE)
def check_origins_are_not_echoed(seen: CorsEvidence) -> None:
    """No foreign origin is sent back as allowed: what is public says `*`, what is not names its origins.

    Fix: `Access-Control-Allow-Origin: *` on public files, nothing elsewhere.
    """
    _judge(
        seen,
        lambda one: one.allowed == "the asker" and not one.credentials,
        "{} may read it",
        "own origins only, or *",
    )


@check(severity=MEDIUM, scope=RELEASE)
def check_null_is_not_allowed(seen: CorsEvidence) -> None:
    """The origin null is not allowed: every sandboxed frame has it.

    Fix: Remove null from the list of origins.
    """
    _judge(seen, lambda one: one.allowed == "null" and not one.credentials, "null may read it", "own origins only")


@check(severity=LOW, scope=RELEASE)
def check_answers_can_be_understood(seen: CorsEvidence) -> None:
    """Access-Control-Allow-Origin is one origin or `*`, and `*` never stands with credentials: browsers refuse both.

    Fix: Send one origin, and Vary: Origin.
    """

    def wrong(one: Shared) -> bool:
        return one.allowed == "several" or (one.allowed == "*" and one.credentials)

    _judge(seen, wrong, "Access-Control-Allow-Origin that browsers refuse", "one origin, or * without credentials")


@check(severity=ADVISORY, scope=RELEASE)
def check_private_api_is_not_public(seen: CorsEvidence) -> None:
    """Paths that need a session allow no origin at all to foreign pages.

    Fix: Remove `Access-Control-Allow-Origin: *` from the API.
    """
    private = {one.url for one in seen.answers if one.status in (401, 403)}
    _judge(seen, lambda one: one.url in private and one.allowed == "*", "anybody may read it", "no *")
