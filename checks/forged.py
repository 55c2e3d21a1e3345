"""Forged requests change nothing: no foreign host in links and redirects, no echo, no way around the sign-in."""

from __future__ import annotations

from collections.abc import Callable

from checks._answers import judge, told, unanswered
from fixtures.probes.forged import ForgedEvidence, Kind, Reply
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, RELEASE, CannotTell, check

_BROKEN_OFF = ("reset", "protocol")


def _judge(forged: ForgedEvidence, kind: Kind, wrong: Callable[[Reply], str], required: str) -> None:
    """Require that nothing is wrong; that means something only where the honest request is answered.

    A reset is an answer too: nothing was given away, and the control shows that the path is there.
    """
    replies = forged.of(kind)
    judge(
        replies,
        wrong,
        required,
        none="nothing of the kind was asked",
        unseen=lambda reply: "" if reply.error in _BROKEN_OFF else unanswered(reply),
    )
    if dumb := [reply.name for reply in replies if reply.asked is None]:
        raise CannotTell(f"{dumb[0]}: nor is it answered without anything forged")


def _shows(reply: Reply) -> str:
    return f"in {', '.join(reply.shows)}" if reply.shows else ""


@check(severity=HIGH, scope=RELEASE, guide="nginx.header-host")
def check_forged_hosts_are_in_no_link(forged: ForgedEvidence) -> None:
    """A host that the visitor names in X-Forwarded-Host and the like is in no link, redirect or header field.

    Else a shared cache, or a mail with a link in it, leads others there.

    Fix: `proxy_set_header X-Forwarded-Host $host;` overwrites it; build links from NEXT_PUBLIC_BASE_URL.

    See: curl -sS -H 'X-Forwarded-Host: golive-forged.invalid' https://HOST/ | grep -c golive-forged
    """
    _judge(forged, "host", _shows, "the forged host nowhere")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="nginx.server-names",
    applies=lambda endpoint: bool(endpoint.origins_over("http")),
)
def check_unknown_host_is_not_redirected_to(forged: ForgedEvidence) -> None:
    """Port 80 leads nobody to a host that only the request names.

    Fix: `listen 80 default_server; return 421;` for unknown hosts beside the server block that redirects ours.
    """
    _judge(
        forged,
        "plain",
        lambda reply: f"{told(reply)}, the unknown host {_shows(reply)}" if reply.shows else "",
        "no redirect to the unknown host",
    )


@check(severity=MEDIUM, scope=ESTATE)
def check_trace_is_refused(forged: ForgedEvidence) -> None:
    """TRACE is refused: it shows header fields that scripts must not see, such as cookies set on the way.

    Fix: nginx refuses it; check what stands in front, and the app's own server.
    """

    def wrong(reply: Reply) -> str:
        served = reply.status is not None and reply.status < 300
        return f"{told(reply)}{', which echoes the request' if reply.shows else ''}" if served or reply.shows else ""

    _judge(forged, "trace", wrong, "405 or 501")


@check(
    severity=CRITICAL,
    scope=RELEASE,
    applies=lambda endpoint: bool(endpoint.paths.private),
)
def check_middleware_is_not_skipped(forged: ForgedEvidence) -> None:
    """A request that claims to come from Next.js's middleware itself is let in nowhere (CVE-2025-29927).

    Fix: Next.js 15.2.3, 14.2.25, 13.5.9, 12.3.5 or newer; until then `proxy_set_header x-middleware-subrequest "";`.
    """

    def wrong(reply: Reply) -> str:
        let_in = reply.status is not None and reply.status < 300 and reply.asked is not None and reply.asked >= 300
        return f"{told(reply)}, where an honest request gets {reply.asked}" if let_in else ""

    _judge(forged, "middleware", wrong, "the same refusal")
