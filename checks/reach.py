"""Does the deployment answer?"""

from __future__ import annotations

from fixtures.probes.reach import ReachEvidence
from fixtures.vocabulary import CRITICAL, RELEASE, check, expect


@check(severity=CRITICAL, scope=RELEASE, guide="app.serves-http", root=True)
def check_origin_answers(origin: ReachEvidence) -> None:
    """The origin answers HTTP requests, and not with a gateway error.

    Fix: look at the app's and the balancer's log; when the release caused it, roll back.

    See: curl -sS -o /dev/null -w '%{http_code}' https://HOST/
    """
    seen = f"no answer ({origin.error})" if origin.status is None else f"status {origin.status}"
    if origin.note:
        seen += f"; {origin.note}"
    expect(
        origin.status is not None and origin.status < 500,
        seen=f"{seen} from {origin.url}",
        required="an answer below 500",
    )
