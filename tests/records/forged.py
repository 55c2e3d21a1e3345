"""Evidence of `forged` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.forged import ForgedEvidence, Reply
from tests.records import NOW, Fails

FORGED = ForgedEvidence(observed_at=NOW, replies=(Reply(kind="trace", name="TRACE /", status=405, asked=200),))
FAILS: Fails = {
    "forged.trace_is_refused": (
        FORGED,
        {"replies": (Reply(kind="trace", name="TRACE /", status=200, asked=200, shows=("the body",)),)},
    ),
}
