"""Redis: closed to strangers, bounded, as durable as declared, and forgetting what it should forget."""

from __future__ import annotations

from fixtures.environment.sections.redis import Redis
from fixtures.probes.redis import RedisEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

MEGABYTE = 1024 * 1024


@check(severity=MEDIUM, scope=RELEASE, guide="redis.reachable")
def check_answers(seen: RedisEvidence) -> None:
    """Redis answers with the declared credentials and has loaded its data.

    Fix: wait for it to load; see its log.

    See: `redis-cli -u "$REDIS_URL" ping`
    """
    expect(not seen.loading, seen="loading its data", required="PONG")


@check(severity=CRITICAL, scope=ESTATE, guide="redis.reachable")
def check_strangers_are_refused(seen: RedisEvidence) -> None:
    """A client without credentials is refused.

    Fix: `requirepass`, or `user default off` and a user of its own for the application; then bind to private addresses.

    See: `redis-cli -h HOST ping`
    """
    if seen.anonymous not in ("open", "refused"):
        raise CannotTell("a client without credentials got no answer", cause=seen.anonymous)
    expect(seen.anonymous == "refused", seen="PING is answered without a password", required="NOAUTH")


@check(severity=HIGH, scope=ESTATE, guide="redis.reachable", applies=lambda server: server.expect.tls)
def check_connection_is_encrypted(seen: RedisEvidence) -> None:
    """The connection is encrypted and its certificate verified.

    Fix: `tls-port`, and `rediss://` in REDIS_URL.
    """
    expect(seen.tls, seen="redis://", required="rediss://")


@check(severity=MEDIUM, scope=ESTATE, guide="redis.reachable", applies=lambda server: not server.managed)
def check_memory_is_bounded(seen: RedisEvidence) -> None:
    """Memory is bounded, or Redis grows until the system kills it.

    Fix: `maxmemory 256mb` and a `maxmemory-policy`.

    See: `redis-cli config get maxmemory`
    """
    expect(seen.maxmemory > 0, seen="maxmemory 0", required="a bound")


@check(severity=MEDIUM, scope=ESTATE, guide="redis.reachable", live=True)
def check_memory_has_headroom(seen: RedisEvidence, server: Redis) -> None:
    """Where nothing may be evicted, memory is not nearly full: writes would fail.

    Fix: raise `maxmemory`, shorten expiries, or choose an eviction policy.

    See: `redis-cli info memory`
    """
    if not seen.maxmemory or seen.eviction.startswith("allkeys-"):
        return
    limit = server.expect.memory * seen.maxmemory
    expect(
        seen.used_memory <= limit,
        seen=f"{seen.used_memory / MEGABYTE:.0f} of {seen.maxmemory / MEGABYTE:.0f} MB in use, {seen.eviction}",
        required=f"at most {server.expect.memory:.0%}",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="redis.reachable", applies=lambda server: bool(server.expect.eviction))
def check_eviction_is_as_declared(seen: RedisEvidence, server: Redis) -> None:
    """The eviction policy is the declared one: allkeys-* may evict sessions, noeviction may refuse writes.

    Fix: `maxmemory-policy`.

    See: `redis-cli config get maxmemory-policy`
    """
    expect(seen.eviction == server.expect.eviction, seen=seen.eviction, required=str(server.expect.eviction))


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="redis.session-storage",
    applies=lambda server: server.expect.persistence is not None,
)
def check_persistence_is_as_declared(seen: RedisEvidence, server: Redis) -> None:
    """What survives a restart is as declared.

    Fix: `save`, `appendonly`.

    See: `redis-cli config get save`; `redis-cli config get appendonly`
    """
    if seen.rdb is None and not seen.aof:
        raise CannotTell("our role may not read `save`: grant +config|get", cause="permission")
    found = "aof" if seen.aof else "rdb" if seen.rdb else "none"
    expect(found == server.expect.persistence, seen=found, required=str(server.expect.persistence))


@check(severity=HIGH, scope=ESTATE, guide="redis.session-storage")
def check_last_save_succeeded(seen: RedisEvidence) -> None:
    """The last write to disk succeeded; after a failed one Redis refuses all writes (stop-writes-on-bgsave-error).

    Fix: free the disk, check the owner of `dir`; see the log.

    See: `redis-cli info persistence`
    """
    failed = [name for name, ok in (("snapshot", seen.last_save_ok), ("append", seen.last_append_ok)) if not ok]
    expect(not failed, seen=f"the last {' and '.join(failed)} failed", required="success")


@check(
    severity=LOW,
    scope=RELEASE,
    guide=("cache.ttl-300", "redis.session-storage"),
    applies=lambda server: server.expect.sessions_have_ttl,
)
def check_keys_expire(seen: RedisEvidence) -> None:
    """Every sampled key expires, sessions and cached organizations alike.

    The guide's cache does not delete `org:{id}` on an update: its five minutes are what ends a stale permission.

    Fix: `SETEX`, or `SET ... EX`; never a bare `SET`.

    See: `redis-cli --scan | head | xargs -n1 redis-cli ttl`
    """
    if not seen.sampled and seen.keys:
        raise CannotTell("no key could be sampled", cause="program")
    expect(not seen.eternal, seen=f"{seen.eternal} of {seen.sampled} sampled keys never expire", required="an expiry")
