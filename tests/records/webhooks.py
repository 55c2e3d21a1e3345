"""Evidence of `webhooks` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.environment.model import Target
from fixtures.environment.sections.webhooks import Webhook
from fixtures.probes.webhooks import Delivery, Shape, WebhookEvidence
from tests.records import NOW, Fails

REFUSED = Delivery(name="an event", status=400)
WEBHOOK = WebhookEvidence(
    observed_at=NOW,
    scheme="lemonsqueezy",
    missing=REFUSED,
    garbage=REFUSED,
    forged=REFUSED,
    altered=REFUSED,
    old=None,
    secret=Shape(length=40, different=16, prefixed=False),
)
TARGETS: dict[type[Target], Target] = {Webhook: Webhook(endpoint="web", path="/webhook", scheme="lemonsqueezy")}
FAILS: Fails = {
    "webhooks.secret_is_strong": (WEBHOOK, {"secret": Shape(length=128, different=16, prefixed=False)}),
}
