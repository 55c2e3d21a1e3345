"""Many endpoints: each costs the same, and the machine holds no more than a few looks at a time."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from bench.endpoints import environment, sites
from fixtures.catalogue import generate, needed, probe_of
from fixtures.environment.loading import load
from fixtures.evidence.gathering import ALONE_AT_ONCE, AT_ONCE, WIDE_AT_ONCE, Gathering, Job
from fixtures.evidence.store import Store
from fixtures.probes import Context, Limits
from fixtures.probes._http import Client, _place

FEW, MANY = 2, 20


def test_each_endpoint_takes_as_many_rows_and_requests_and_no_more_at_once_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    under_way: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()
    once = Client._once
    peak = 0

    def counted(self: Client, *arguments: object) -> object:
        target, place = self.context.target_id, _place(str(arguments[0]), arguments[4])  # type: ignore[arg-type]
        with lock:
            asked[target] += 1
            under_way[place] += 1
            most[place] = max(most[place], under_way[place])
        try:
            return once(self, *arguments)  # type: ignore[arg-type]
        finally:
            with lock:
                under_way[place] -= 1

    def watch(over: threading.Event) -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, threading.active_count())

    monkeypatch.setattr(Client, "_once", counted)
    rows: dict[int, int] = {}
    with sites(tmp_path) as (port, ca):
        for count in (FEW, MANY):
            asked.clear()
            file = tmp_path / f"{count}.yaml"
            file.write_text(environment(count, port, ca))
            found = load(str(file), ())
            rows[count] = len(generate(found).rows)
            targets = found.targets()
            jobs = []
            for kind, name in needed(generate(found).rows):
                probe = probe_of(kind, name)
                assert probe is not None
                jobs.append(Job(probe, targets[name], Context(name, 0.0, targets=targets, limits=Limits(4, 1000))))
            store = Store(tmp_path / str(count))
            store.directory.parent.mkdir()
            store.open()
            before, over = threading.active_count(), threading.Event()
            watching = threading.Thread(target=watch, args=(over,))
            watching.start()
            Gathering(store).gather(jobs)
            over.set()
            watching.join()
            saved = list(store.all())
            assert [one for one in saved if one.failure is not None] == []
            assert len(saved) == len(jobs)
            assert len(set(asked.values())) == 1, "every endpoint gets as many requests"
            requests = next(iter(asked.values()))
            assert requests < 150
    assert rows[MANY] * FEW == rows[FEW] * MANY
    assert max(most.values()) <= 4, "of a place: an endpoint answers at several"
    # Each look has a thread that watches over it, one of its own, and a few of the probe's.
    assert peak - before < (AT_ONCE + WIDE_AT_ONCE) * 7
    assert max(AT_ONCE * 5, ALONE_AT_ONCE) + WIDE_AT_ONCE * 24 < 1024
