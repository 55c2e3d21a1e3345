"""What a run did not cover, one line a reason: nothing is silently skipped (DESIGN 5). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports.wording import UNREAD


def not_covered(
    unbound: Mapping[str, tuple[str, ...]], sections: Iterable[str], declared: Iterable[str], unread: Iterable[str]
) -> tuple[str, ...]:
    """Why which checks made no row, the sections that nothing is declared of, and the keys that no check reads."""
    reasons = {**{f"{name} (not declared)": () for name in sections if name not in set(declared)}, **unbound}
    lines = [f"{reason}: {', '.join(ids)}" if ids else reason for reason, ids in sorted(reasons.items())]
    keys = ", ".join(unread)
    return (*lines, f"{UNREAD}: {keys}") if keys else tuple(lines)
