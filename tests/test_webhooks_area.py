"""Webhooks: signatures as the providers make them, answers told apart, the well signed event only where it is named."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks import webhooks as checks
from fixtures.catalogue import generate
from fixtures.environment.loading import BadEnvironment, load
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.webhooks import Scheme, Webhook
from fixtures.probes import Context
from fixtures.probes._http import UNTRUSTED
from fixtures.probes.webhooks import (
    Delivery,
    SignedEvidence,
    WebhookEvidence,
    event,
    look,
    look_at_a_signed_event,
    signature,
)
from fixtures.vocabulary import CannotTell, Finding
from tests.records import NOW
from tests.records.webhooks import REFUSED, WEBHOOK
from tests.test_auth_area import over_tls

SECRET = "whsec_0123456789abcdef0123456789abcdef"


def test_signatures_are_those_of_the_providers() -> None:
    # The digest of RFC 4231's second test case.
    assert signature("lemonsqueezy", "Jefe", b"what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    made, given = signature("stripe", SECRET, b"{}", 600).split(",")
    moment = int(made.removeprefix("t="))
    assert abs(time.time() - 600 - moment) < 5
    wanted = hmac.new(SECRET.encode(), f"{moment}.{{}}".encode(), hashlib.sha256).hexdigest()
    assert given == f"v1={wanted}"


@pytest.mark.parametrize("scheme", ["stripe", "lemonsqueezy"])
def test_an_event_is_about_nothing_and_unlike_any_other(scheme: Scheme) -> None:
    one, two = (event(scheme, "ping") for _ in range(2))
    assert one != two
    found = json.loads(one)
    assert found.get("type", found.get("meta", {}).get("event_name")) == "ping"
    assert found.get("livemode") is False or found["meta"]["test_mode"] is True


def _answers(status: int | None, error: str | None = None, leads: str = "") -> WebhookEvidence:
    told = Delivery(name="an event", status=status, error=error, leads=leads)
    return WEBHOOK.model_copy(
        update={"scheme": "stripe", "missing": told, "garbage": told, "forged": told, "altered": told, "old": told}
    )


_EACH: tuple[Callable[[WebhookEvidence], None], ...] = (
    checks.check_unsigned_events_are_refused,
    checks.check_garbage_signatures_are_refused,
    checks.check_events_of_another_secret_are_refused,
    checks.check_altered_events_are_refused,
    checks.check_old_events_are_refused,
)


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refusal_is_a_refusal(status: int) -> None:
    for check in (checks.check_events_arrive, *_EACH, checks.check_refusals_are_4xx):
        check(_answers(status))


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_event_that_nobody_signed_and_that_is_taken_is_a_finding(status: int) -> None:
    checks.check_events_arrive(_answers(status))
    for check in _EACH:
        with pytest.raises(Finding, match=f"is taken \\({status}\\)"):
            check(_answers(status))


def test_a_failure_takes_nothing_and_is_told_once() -> None:
    for check in (checks.check_events_arrive, *_EACH):
        check(_answers(500))
    with pytest.raises(Finding, match="an event: 500, the app fails"):
        checks.check_refusals_are_4xx(_answers(500))


@pytest.mark.parametrize(
    ("status", "error", "leads", "words"),
    [
        (404, None, "", "nothing is deployed there"),
        (405, None, "", "POST is not allowed"),
        (413, None, "", "client_max_body_size"),
        *((status, None, "", "the app is not reached") for status in (502, 503, 504, 520, 530)),
        (307, None, "/login", "the middleware covers the webhook"),
        (308, None, "/api/stripe/webhook", "providers follow no redirects"),
        (None, "timeout", "", "no answer"),
    ],
)
def test_what_never_reached_the_app_is_told_apart_and_proves_nothing(
    status: int | None, error: str | None, leads: str, words: str
) -> None:
    seen = _answers(status, error, leads)
    with pytest.raises(Finding, match=words):
        checks.check_events_arrive(seen)
    for check in (*_EACH, checks.check_refusals_are_4xx):
        with pytest.raises(CannotTell, match=words):
            check(seen)


def test_a_limiter_a_challenge_and_a_distrusted_certificate_are_no_refusal() -> None:
    kept_out = Delivery(name="an event", status=None, error="a CDN answers with a challenge", unseen=True)
    challenged = WEBHOOK.model_copy(update=dict.fromkeys(("missing", "garbage", "forged", "altered", "old"), kept_out))
    with pytest.raises(CannotTell, match="a challenge"):
        checks.check_events_arrive(challenged)
    for seen in (_answers(429), _answers(None, UNTRUSTED), challenged):
        for check in _EACH:
            with pytest.raises(CannotTell) as unseen:
                check(seen)
            assert unseen.value.cause == "permission"


@pytest.mark.parametrize(("status", "words"), [(400, "the app has another secret"), (500, "the app fails"), (200, "")])
def test_a_well_signed_event_shows_whether_the_app_has_the_secret(status: int, words: str) -> None:
    seen = SignedEvidence(observed_at=NOW, scheme="stripe", delivery=Delivery(name="a signed event", status=status))
    if not words:
        checks.check_signed_event(seen)
        return
    with pytest.raises(Finding, match=words):
        checks.check_signed_event(seen)


def _target(scheme: Scheme = "stripe", secret: str | None = SECRET) -> Webhook:
    return Webhook(
        endpoint="web", path="/hook", scheme=scheme, signing_secret=Secret(secret) if secret else None, event=None
    )


def test_without_the_secret_what_needs_it_is_not_tried(tmp_path: Path) -> None:
    with over_tls(tmp_path, lambda r: (400, {}, b"") if r.path == "/hook" else (200, {}, b"")) as (endpoint, _):
        context = Context("webhooks.stripe", time.monotonic() + 15, targets={"endpoints.web": endpoint})
        seen = look(_target(secret=None), context)
        assert isinstance(seen, WebhookEvidence)
        assert (seen.altered, seen.old, seen.secret) == (None, None, None)
        assert (seen.missing.status, seen.garbage.status, seen.forged.status) == (400, 400, 400)
        whole = look(_target(), context)
        assert isinstance(whole, WebhookEvidence)
        assert SECRET not in whole.model_dump_json()
        assert (whole.altered, whole.old) == (
            REFUSED.model_copy(update={"name": "an altered event"}),
            REFUSED.model_copy(update={"name": "an event signed 600 s ago"}),
        )


def test_what_the_secret_signed_goes_over_a_verified_connection_only(tmp_path: Path) -> None:
    signed: list[str] = []

    def note(request: Any) -> tuple[int, dict[str, str], bytes]:
        signed.append(request.headers.get("stripe-signature", ""))
        return 200, {}, b""

    with over_tls(tmp_path, note) as (endpoint, _):
        targets = {"endpoints.web": endpoint.model_copy(update={"ca": None})}
        context = Context("webhooks.stripe", time.monotonic() + 15, targets=targets)
        with pytest.raises(CannotTell, match="the certificate is not trusted"):
            look_at_a_signed_event(_target(), context)
    assert set(signed) == {""}


def test_the_signed_event_is_sent_only_where_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "e.yaml"
    text = (
        "schema: 1\nendpoints: {web: {url: 'https://web.test'}}\n"
        "webhooks: {stripe: {endpoint: web, path: /hook, signing_secret: 'whsec_longer'}}\n"
    )
    made = {}
    for more in ("", "intrusive: [webhooks.signed_event]\n"):
        file.write_text(text + more)
        generated = generate(load(str(file)))
        assert not generated.broken
        made[more] = {row.check.id for row in generated.rows}
    assert set.symmetric_difference(*made.values()) == {"webhooks.signed_event"}


def test_a_target_named_as_a_provider_signs_as_it_does(tmp_path: Path) -> None:
    file = tmp_path / "e.yaml"
    text = "schema: 1\nendpoints: {web: {url: 'https://web.test'}}\nwebhooks:\n"
    file.write_text(
        text + "  stripe: {endpoint: web, path: /a}\n  shop: {endpoint: web, path: /b, scheme: lemonsqueezy}\n"
    )
    found = load(str(file)).targets()
    assert [found[f"webhooks.{name}"].scheme for name in ("stripe", "shop")] == ["stripe", "lemonsqueezy"]  # type: ignore[attr-defined]
    file.write_text(text + "  shop: {endpoint: web, path: /b}\n")
    with pytest.raises(BadEnvironment, match="scheme"):
        load(str(file))
