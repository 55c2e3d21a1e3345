"""What both looks at TLS have in common."""

from __future__ import annotations

from fixtures.vocabulary import CannotTell


def seen(value: bool | None, what: str) -> bool:
    """The value, or a `CannotTell` naming what was not seen."""
    if value is None:
        raise CannotTell(f"{what} could not be seen: no TLS answer said yes or no", cause="network")
    return value
