"""Streaming replication: nothing is kept for nobody, and a replica is the primary a moment ago."""

from __future__ import annotations

from checks._granted import granted
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.replication import FollowingEvidence, SendingEvidence
from fixtures.vocabulary import ADVISORY, ESTATE, HIGH, LOW, CannotTell, check, expect

MEGABYTE = 1024 * 1024
DAY = 86400.0
CONFLICTS = 10.0
"""Ended queries a day."""


def following(seen: FollowingEvidence) -> None:
    """Only a server in recovery follows anybody."""
    if not seen.in_recovery:
        raise CannotTell("the declared replica is not in recovery: it follows nobody", cause="program")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming", live=True)
def check_every_slot_is_in_use(seen: SendingEvidence) -> None:
    """Every replication slot has somebody at its other end: the primary keeps its log for the one that does not come
    until its own disk is full, and then stops.

    Fix: Bring the replica back, or `SELECT pg_drop_replication_slot('...')`; `max_slot_wal_keep_size` bounds it.

    See: `psql -c "SELECT slot_name, active, restart_lsn FROM pg_replication_slots"`
    """
    idle = [f"{one.name} keeps {(one.keeps or 0) / MEGABYTE:.0f} MB" for one in seen.slots if not one.active]
    expect(not idle, seen=f"nobody at {', '.join(idle)}", required="every slot active")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming")
def check_no_slot_is_lost(seen: SendingEvidence) -> None:
    """No replication slot has lost, or is about to lose, the log that its replica needs: that must be made anew.

    Fix: Make the replica anew with pg_basebackup; a greater `max_slot_wal_keep_size`.

    See: `psql -c "SELECT slot_name, wal_status, safe_wal_size FROM pg_replication_slots"`
    """
    lost = [f"{one.name}: {one.status}" for one in seen.slots if one.status in ("unreserved", "lost")]
    expect(not lost, seen=", ".join(lost), required="reserved or extended")


@check(severity=LOW, scope=ESTATE, guide="replica.streaming")
def check_log_is_kept_for_a_replica_that_is_away(seen: SendingEvidence) -> None:
    """A replica that restarts finds the log that it missed: the primary has a slot for it, or keeps some for everybody.

    Fix: `primary_slot_name` at the replica and a slot here, or `wal_keep_size = 1GB`; reload.

    See: `psql -c "SHOW wal_keep_size"`
    """
    if not seen.max_wal_senders:
        return
    slots = [one for one in seen.slots if one.type == "physical"]
    expect(bool(slots) or seen.wal_keep_size > 0, seen="no slot, and wal_keep_size = 0", required="one of them")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming", live=True)
def check_replica_is_few_bytes_behind(seen: FollowingEvidence, server: Postgres) -> None:
    """The replica has replayed all but a little of what the primary has written. In bytes an idle primary is no lag,
    and neither clocks nor old transactions play a part.

    Fix: Look for long queries on the replica, slow disks and the network between them.

    See: `psql -c "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication"`
    """
    following(seen)
    if seen.behind is None:
        raise CannotTell(f"{seen.primary} is in recovery itself: how far it is was not to be seen", cause="program")
    limit = server.expect.lag_bytes
    expect(
        seen.behind <= limit,
        seen=f"{seen.behind / MEGABYTE:.1f} MB behind",
        required=f"at most {limit / MEGABYTE:.0f} MB",
    )


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming")
def check_replay_is_not_paused(seen: FollowingEvidence) -> None:
    """Nobody has paused the replay: the replica would receive everything and show nothing of it.

    Fix: `SELECT pg_wal_replay_resume()` on the replica.

    See: `psql -c "SELECT pg_get_wal_replay_pause_state()"`
    """
    following(seen)
    expect(not seen.paused, seen="replay is paused", required="not paused")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming")
def check_timeline_is_the_same(seen: FollowingEvidence) -> None:
    """Replica and primary are on the same timeline: after a failover one that stayed behind follows a past that did not
    happen.

    Fix: `recovery_target_timeline = 'latest'` (the default), or make the replica anew.

    See: `psql -c "SELECT received_tli FROM pg_stat_wal_receiver"`
    """
    following(seen)
    mine = granted(seen.timeline, "pg_stat_wal_receiver (or nothing is received)", "GRANT pg_monitor TO verifier")
    if seen.primary_timeline is None:
        raise CannotTell(f"{seen.primary} is in recovery itself", cause="program")
    expect(mine == seen.primary_timeline, seen=f"timeline {mine}", required=f"timeline {seen.primary_timeline}")


@check(severity=ADVISORY, scope=ESTATE)
def check_few_queries_are_ended_by_replay(seen: FollowingEvidence) -> None:
    """Few queries of the replica are ended because replay needs what they read.

    Fix: `hot_standby_feedback = on`, or a greater `max_standby_streaming_delay`; then it lags instead.

    See: `psql -c "SELECT * FROM pg_stat_database_conflicts"`
    """
    following(seen)
    daily = seen.conflicts / max(seen.since / DAY, 1.0)
    expect(daily <= CONFLICTS, seen=f"{daily:.0f} a day", required=f"at most {CONFLICTS:.0f}")
