"""Evidence of `balancer` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.balancer import BalancerEvidence
from tests.records import NOW, Fails

BALANCER = BalancerEvidence(
    observed_at=NOW, requests=20, instances={"app1": 20}, builds={"b1": 20}, lost=0, unnamed=0, unbuilt=0
)
FAILS: Fails = {
    "balancer.every_answer_is_below_500": (BALANCER, {"lost": 1}),
}
