"""Gathering: together, once, in time; and what could not be seen says why."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.model import Target
from fixtures.evidence.gathering import Gathering, Job
from fixtures.evidence.store import Store
from fixtures.probes import Context, Look, Probe
from fixtures.vocabulary import CannotTell, Evidence


class Seen(Evidence):
    """What the probes of this test give."""

    word: str


def seen(word: str = "hello") -> Seen:
    return Seen(observed_at=datetime.now(UTC), word=word)


def job(look: Look, target: str = "things.a", deadline: float = 5.0) -> Job:
    declared = Probe("things.Seen", "things", Seen, look, deadline)
    return Job(declared, Target(), Context(target_id=target, ends=0.0))


def gather(tmp_path: Path, *jobs: Job) -> Store:
    store = Store(tmp_path)
    store.open()
    Gathering(store).gather(jobs)
    store.close()
    return store


def test_evidence_is_read_as_it_was_seen(tmp_path: Path) -> None:
    store = gather(tmp_path, job(lambda *_: seen("x")))
    assert store.read(Seen, "things.a").word == "x"
    assert store.path("Seen", "things.a").stat().st_mode & 0o777 == 0o600


def test_probes_run_at_the_same_time(tmp_path: Path) -> None:
    meeting = threading.Barrier(3, timeout=4)

    def look(*_: Any) -> Seen:
        meeting.wait()
        return seen()

    store = gather(tmp_path, *(job(look, f"things.{n}") for n in "abc"))
    assert [saved.failure for saved in store.all()] == [None, None, None]


def test_a_probe_that_stalls_costs_its_own_deadline(tmp_path: Path) -> None:
    started = time.monotonic()
    never = threading.Event()

    def stall(*_: Any) -> Seen:
        never.wait()
        return seen()

    store = gather(tmp_path, job(stall, deadline=0.2), job(lambda *_: seen(), "things.b"))
    assert time.monotonic() - started < 3
    with pytest.raises(CannotTell) as caught:
        store.read(Seen, "things.a")
    assert caught.value.cause == "deadline"
    assert store.read(Seen, "things.b").word == "hello"


def test_a_bug_in_a_probe_is_cannot_tell(tmp_path: Path) -> None:
    def broken(*_: Any) -> Seen:
        raise ZeroDivisionError

    with pytest.raises(CannotTell, match="ZeroDivisionError"):
        gather(tmp_path, job(broken)).read(Seen, "things.a")


def test_a_reader_gives_up_when_the_run_is_over(tmp_path: Path) -> None:
    store = gather(tmp_path)
    with pytest.raises(CannotTell, match="the run ended"):
        store.read(Seen, "things.a", until=time.time() + 60)
