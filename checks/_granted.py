"""What our role was not let see: cannot tell, with the very statement that grants it."""

from __future__ import annotations

from typing import TypeVar

from fixtures.vocabulary import CannotTell

T = TypeVar("T")


def granted(seen: T | None, what: str, grant: str) -> T:
    """What was seen; None is that the role may not see it, and `grant` what an administrator has to run."""
    if seen is None:
        raise CannotTell(f"our role may not see {what}. Run: {grant}", cause="permission")
    return seen
