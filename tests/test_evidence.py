"""Gathering: together, once, in time; and what could not be seen says why."""

from __future__ import annotations

import errno
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import fixtures.evidence.gathering
import fixtures.evidence.store
from fixtures.environment.loading import load
from fixtures.environment.model import Target
from fixtures.evidence.gathering import Gathering, Job, Progress
from fixtures.evidence.store import Store, write_private
from fixtures.probes import Context, Look, Probe
from fixtures.run import Run
from fixtures.vocabulary import CannotTell, Evidence
from tests._saved import CHECK, environment_file


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


def test_what_can_not_be_written_is_not_seen_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        if "things.a" in path.name and '"evidence": null' not in text:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_private(path, text)

    monkeypatch.setattr(fixtures.evidence.store, "write_private", full)
    store = gather(tmp_path, job(lambda *_: seen()), job(lambda *_: seen(), "things.b"))
    with pytest.raises(CannotTell, match="No space left") as caught:
        store.read(Seen, "things.a", until=time.time() + 60)
    assert caught.value.cause == "bug"
    assert store.read(Seen, "things.b").word == "hello"


def test_a_disk_that_is_full_ends_the_run_for_everybody_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fixtures.evidence.store, "write_private", full)
    gather(tmp_path, job(lambda *_: seen()))
    with pytest.raises(CannotTell, match=r"gathering broke off at things\.a") as caught:
        Store(tmp_path).read(Seen, "things.a", until=time.time() + 60)
    assert (caught.value.cause, caught.value.target) == ("bug", "the run")


def test_evidence_that_is_no_json_is_a_bug_of_the_probe(tmp_path: Path) -> None:
    store = gather(tmp_path, job(lambda *_: seen("\ud800")))
    with pytest.raises(CannotTell, match="UnicodeEncodeError"):
        store.read(Seen, "things.a")


@pytest.mark.parametrize("broken", ["look", "needed"])
def test_a_gathering_that_dies_ends_the_run_and_blames_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whoever waits is told at once, and not at the run's deadline that the target is slow."""

    def dies(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    run = Run(load(str(environment_file(tmp_path / "one.yaml", "http://127.0.0.1:9"))), tmp_path / "run")
    run.open()
    row = next(row for row in run.rows if row.check.id == CHECK)
    if broken == "needed":
        monkeypatch.setattr("fixtures.run.needed", dies)
    else:
        monkeypatch.setattr(Run, broken, dies)
    run.start([row])
    with pytest.raises(CannotTell, match="ZeroDivisionError: a bug") as caught:
        run.reader(time.time() + 60).judge(row)
    assert (caught.value.cause, caught.value.target) == ("bug", "the run")
    run.close()


def test_a_long_look_says_who_is_still_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    told = threading.Event()

    def note(line: str) -> None:
        said.append(line)
        told.set()

    def waits(*_: Any) -> Seen:
        assert told.wait(20)
        return seen()

    monkeypatch.setattr(fixtures.evidence.gathering, "TICK", 0.05)
    store = Store(tmp_path)
    store.open()
    jobs = [job(waits, f"things.{name}", 30.0) for name in "abcd"]
    Gathering(store, Progress(note=note)).gather(jobs)
    assert said[0].endswith(
        "s, still looking: things.a things.Seen, things.b things.Seen, things.c things.Seen and 1 more"
    )
