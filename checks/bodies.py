"""Request bodies: what is larger than declared is refused, what is not larger is taken."""

from __future__ import annotations

from checks._answers import judge, told
from fixtures.probes.bodies import BodiesEvidence, Sent
from fixtures.vocabulary import ESTATE, HIGH, MEDIUM, CannotTell, check


@check(severity=MEDIUM, scope=ESTATE, intrusive=True)
def check_larger_ones_are_refused(bodies: BodiesEvidence) -> None:
    """A request body above the declared limit is refused with 413, or by closing the connection.

    Fix: `client_max_body_size 10m;` in nginx.
    """

    def wrong(sent: Sent) -> str:
        return "" if sent.status == 413 or sent.error == "reset" else told(sent)

    judge([bodies.larger], wrong, "413", unseen=lambda sent: "" if sent.error == "reset" else _silent(sent))
    if bodies.small.status is None or bodies.small.status == 413:
        raise CannotTell(f"a small body gets {told(bodies.small)}, so the refusal proves nothing", cause="program")


@check(severity=HIGH, scope=ESTATE, intrusive=True)
def check_allowed_ones_are_taken(bodies: BodiesEvidence) -> None:
    """A request body of the declared limit is not refused for its size.

    Fix: raise `client_max_body_size` (nginx's default is 1m), and what the CDN and the app allow.
    """
    judge([bodies.allowed], lambda sent: told(sent) if sent.status == 413 else "", "anything but 413")


def _silent(sent: Sent) -> str:
    return "" if sent.status is not None else sent.error or "no answer"
