"""What a run did not cover, one line a reason: nothing is silently skipped (DESIGN 5). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reports.wording import UNREAD, listed

_NAMED = 3


def not_covered(
    unbound: Mapping[str, tuple[str, ...]],
    sections: Iterable[str],
    rows: Iterable[tuple[str, str]],
    targets: Sequence[str],
    unread: Iterable[str],
) -> tuple[str, ...]:
    """Why which checks made no row, or none of some targets, what nothing is declared of, and keys that no check reads.

    `rows` are ids of checks with their targets.
    """
    declared = {target.partition(".")[0] for target in targets}
    reasons = {**{f"{name} (not declared)": () for name in sections if name not in declared}, **unbound}
    lines = [f"{reason}: {', '.join(ids)}" if ids else reason for reason, ids in sorted(reasons.items())]
    lines += _of_targets(rows, targets)
    keys = ", ".join(unread)
    return (*lines, f"{UNREAD}: {keys}") if keys else tuple(lines)


def _of_targets(rows: Iterable[tuple[str, str]], targets: Sequence[str]) -> Iterator[str]:
    """The checks that judge other targets of a section and not these: they declare, or are, nothing of the kind."""
    judged: dict[str, set[str]] = {}
    for check, target in rows:
        judged.setdefault(check, set()).add(target)
    lacking: dict[str, list[str]] = {}
    for check, known in judged.items():
        alike = {target.partition(".")[0] for target in known}
        for target in targets:
            if target not in known and target.partition(".")[0] in alike:
                lacking.setdefault(target, []).append(check)
    together: dict[tuple[str, ...], list[str]] = {}
    for target, ids in lacking.items():
        together.setdefault(tuple(ids), []).append(target)
    for same, names in together.items():
        yield f"{listed(names, _NAMED, ', ')} (judged of others only): {', '.join(same)}"
