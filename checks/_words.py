"""Findings about many things, in the words of a few of them."""

from __future__ import annotations

from collections.abc import Iterable

from fixtures.vocabulary import expect

PARTED = "; "
"""Between the parts of what is seen: a waiver accepts each of them, or it does not accept the finding."""
_SHOWN = 5


def some(items: Iterable[str], most: int = _SHOWN, apart: str = ", ") -> str:
    """The first few, and how many more there are: a part of its own where the parts of a finding are told."""
    every = list(items)
    if len(every) <= most:
        return apart.join(every)
    return f"{apart.join(every[:most])}{PARTED if apart == PARTED else ' '}and {len(every) - most} more"


def refuse(bad: Iterable[str], required: str, most: int = _SHOWN) -> None:
    """Require that there is nothing bad."""
    found = list(bad)
    expect(not found, seen=some(found, most, PARTED), required=required)
