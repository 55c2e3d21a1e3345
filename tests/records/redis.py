"""Evidence of `redis` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.redis import RedisEvidence
from tests.records import NOW, Fails

REDIS = RedisEvidence(
    observed_at=NOW,
    version="7.0.15",
    tls=True,
    anonymous="refused",
    loading=False,
    used_memory=2**20,
    maxmemory=2**26,
    eviction="allkeys-lru",
    rdb=True,
    aof=False,
    last_save_ok=True,
    last_append_ok=True,
    keys=1,
    sampled=1,
    eternal=0,
)
FAILS: Fails = {
    "redis.answers": (REDIS, {"loading": True}),
    "redis.connection_is_encrypted": (REDIS, {"tls": False}),
    "redis.last_save_succeeded": (REDIS, {"last_save_ok": False}),
}
