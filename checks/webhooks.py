"""Webhooks: events that the provider did not sign are refused, and those that it did are taken."""

from __future__ import annotations

from fixtures.environment.sections.webhooks import Webhook
from fixtures.probes.webhooks import Delivery, SignedEvidence, WebhookEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, RELEASE, CannotTell, check, expect

LONGEST = {"stripe": None, "lemonsqueezy": 40}
_REDIRECTS = (301, 302, 303, 307, 308)
_GATEWAYS = frozenset((502, 503, 504, *range(520, 528), 530))
"""What proxies and CDNs answer in the app's place (RFC 9110, 15.6.3 to 15.6.5; 520 to 530 are Cloudflare's)."""


def _told(answer: Delivery) -> str:
    """An answer in the words of its cause."""
    status = answer.status
    if status is None:
        return f"no answer ({answer.error})"
    if status in _REDIRECTS:
        why = "the sign-in is asked for: the middleware covers the webhook"
        if answer.leads.rstrip("/").endswith(("/login", "/signin", "/sign-in")) or "/auth/" in answer.leads:
            return f"{status} to {answer.leads}: {why}"
        return f"{status} to {answer.leads}: providers follow no redirects"
    known = {
        404: "nothing is deployed there",
        405: "POST is not allowed: another route is deployed there, or a proxy refuses it",
        413: "a body of this size is refused: client_max_body_size",
        415: "JSON is not taken",
    }
    if status in _GATEWAYS:
        return f"{status}: a gateway's answer, the app is not reached"
    return f"{status}: {known[status]}" if status in known else f"{status}"


def _is_there(answer: Delivery) -> bool:
    """Whether the app looked at the event, whatever it thought of it."""
    elsewhere = (*_REDIRECTS, *_GATEWAYS, 404, 405, 413, 415, 429)
    return answer.status is not None and answer.status not in elsewhere


def _let_in(answer: Delivery) -> None:
    """An event that a rate limit or a CDN's challenge kept out says nothing of the app."""
    if answer.status == 429:
        raise CannotTell("answered with 429 by a rate limit", cause="permission")
    if answer.unseen:
        raise CannotTell(f"{answer.name} did not get there: {answer.error}", cause="permission")


def _refused(answer: Delivery) -> None:
    """Require that this event is not taken, by an address that takes events.

    An error of the app's own refuses it too, wrongly: `refusals_are_4xx` tells of it.
    """
    if answer.error == "untrusted":
        message = "the certificate is not trusted, and what our secret signed goes over a verified connection only"
        raise CannotTell(message, cause="permission")
    _let_in(answer)
    if not _is_there(answer):
        raise CannotTell(f"{answer.name}: {_told(answer)}", cause="outage")
    status = answer.status or 0
    expect(not 200 <= status < 300, seen=f"{answer.name} is taken ({status})", required="4xx")


@check(severity=CRITICAL, scope=RELEASE, guide="post.payment-webhooks", root=True)
def check_events_arrive(seen: WebhookEvidence) -> None:
    """An event reaches the app: no 404, no 405, no redirect, no refusal or error of the proxy.

    Fix: the path as the provider's dashboard has it, without a slash at its end; keep it out of the middleware's
    matcher.

    See: curl -sS -D- -X POST -d '{}' https://HOST/PATH
    """
    answer = seen.missing
    _let_in(answer)
    expect(_is_there(answer), seen=_told(answer), required="the app's own refusal")


@check(severity=CRITICAL, scope=RELEASE, guide="post.payment-webhooks")
def check_unsigned_events_are_refused(seen: WebhookEvidence) -> None:
    """An event without a signature is refused.

    Fix: verify before anything else (`stripe.webhooks.constructEvent`), and answer 400 if it throws.
    """
    _refused(seen.missing)


@check(severity=CRITICAL, scope=RELEASE, guide="post.payment-webhooks")
def check_garbage_signatures_are_refused(seen: WebhookEvidence) -> None:
    """An event whose signature is garbage is refused.

    A handler that swallows the error and answers 200 takes every event of everybody.

    Fix: let the verification throw, and answer 400.
    """
    _refused(seen.garbage)


@check(severity=CRITICAL, scope=RELEASE, guide="post.payment-webhooks")
def check_events_of_another_secret_are_refused(seen: WebhookEvidence) -> None:
    """An event that is well signed, but with another secret, is refused.

    Fix: compare the signature with one made from the secret and the raw body.
    """
    _refused(seen.forged)


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide="post.payment-webhooks",
    applies=lambda webhook: webhook.signing_secret is not None,
)
def check_altered_events_are_refused(seen: WebhookEvidence) -> None:
    """An event that was altered after it was signed is refused.

    Fix: sign the raw body (`await request.text()`), not JSON that was read and written again.
    """
    if seen.altered is None:
        raise CannotTell("not tried without the secret", cause="program")
    _refused(seen.altered)


@check(
    severity=HIGH,
    scope=RELEASE,
    guide="post.payment-webhooks",
    applies=lambda webhook: webhook.signing_secret is not None and webhook.scheme == "stripe",
)
def check_old_events_are_refused(seen: WebhookEvidence) -> None:
    """An event signed more than five minutes ago is refused: else a recorded one can be sent again.

    Lemon Squeezy signs no time.

    Fix: leave the tolerance of `constructEvent` alone, and the servers' clocks right.
    """
    if seen.old is None:
        raise CannotTell("not tried without the secret", cause="program")
    _refused(seen.old)


@check(severity=HIGH, scope=RELEASE, guide="post.payment-webhooks")
def check_refusals_are_4xx(seen: WebhookEvidence) -> None:
    """Events are refused with 4xx, not by an error of the app: one that fails at every event would answer so, too.

    Such a refusal is one, and looks like a crash in the app's log. Only `signed_event` shows whether well signed
    events, those of payments, are taken nevertheless.

    Fix: catch the error of the verification and answer 400.

    See: curl -sS -D- -X POST -d '{}' https://HOST/PATH
    """
    answers = [seen.missing, seen.garbage, seen.forged, *filter(None, (seen.altered, seen.old))]
    bad = [f"{a.name}: {a.status}, the app fails" for a in answers if _is_there(a) and (a.status or 0) >= 500]
    expect(not bad, seen="; ".join(bad), required="400, 401 or 403")
    for answer in answers:
        if answer.error == "untrusted":
            continue
        _let_in(answer)
        if not _is_there(answer):
            raise CannotTell(f"{answer.name}: {_told(answer)}", cause="outage")


@check(severity=CRITICAL, scope=RELEASE, guide="post.payment-webhooks", intrusive=True)
def check_signed_event(seen: SignedEvidence) -> None:
    """An event that is well signed with the declared secret is taken; only this proves that the app has the secret.

    The event is of a type that nobody acts on. It is sent only where `intrusive` names this check.

    Fix: the deployment's STRIPE_WEBHOOK_SECRET (LEMON_SQUEEZY_WEBHOOK_SECRET) is that of this address in the provider's
    dashboard; restart after changing it.
    """
    answer = seen.delivery
    _let_in(answer)
    if not _is_there(answer):
        raise CannotTell(f"{answer.name}: {_told(answer)}", cause="outage")
    taken = answer.status is not None and 200 <= answer.status < 300
    why = "the app has another secret, or none" if (answer.status or 0) < 500 else "the app fails"
    expect(taken, seen=f"{answer.status}: {why}", required="2xx")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="secret.webhook-secret",
    applies=lambda webhook: webhook.signing_secret is not None,
)
def check_secret_is_strong(seen: WebhookEvidence, webhook: Webhook) -> None:
    """The signing secret is random and long: Stripe's whsec_…, for Lemon Squeezy 32 to 40 characters.

    The guide's 128 hexadecimal digits do not fit there, and Stripe makes its own.

    Fix: `openssl rand -hex 20` for Lemon Squeezy; Stripe's as its dashboard shows it.
    """
    shape = seen.secret
    if shape is None:
        raise CannotTell("not known", cause="program")
    bad = []
    if webhook.scheme == "stripe" and not shape.prefixed:
        bad.append("does not begin with whsec_")
    if shape.length < 32:
        bad.append(f"has {shape.length} characters")
    longest = LONGEST[webhook.scheme]
    if longest and shape.length > longest:
        bad.append(f"has {shape.length} characters, Lemon Squeezy takes {longest}")
    if shape.different < 8:
        bad.append(f"has {shape.different} different characters")
    expect(not bad, seen="; ".join(bad), required="a random secret of at least 32 characters")
