"""Processor time, which a busy machine stretches less than its clock (Linux: /proc)."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def spent(*servers: int) -> float:
    """Seconds that we, programs that we ran to their end, and these servers with their processes have spent so far."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage) + _of_trees(servers)


def _of_trees(roots: Iterable[int]) -> float:
    """Seconds of these processes, of all below them, and of those that these have seen end."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name may hold anything but ends with the last bracket.
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            pid = int(path.parent.name)
            parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    tree = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return TICK * sum(ticks.get(pid, 0) for pid in tree)
