"""What a Cache-Control field says (RFC 9111, 5.2)."""

from __future__ import annotations

import re

NOT_SHARED = frozenset({"no-store", "private", "no-cache"})
"""Any of these, and no shared cache gives the answer to others without asking again."""


def directives(value: str) -> dict[str, str]:
    """Its directives; of a repeated one the first counts."""
    found: dict[str, str] = {}
    for part in re.findall(r'(?:"[^"]*"|[^,"])+', value):
        name, _, argument = part.strip().partition("=")
        found.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return found


def seconds(found: dict[str, str], *names: str) -> int:
    """The first of these directives that is there, as seconds; 0 where none is."""
    for name in names:
        if re.fullmatch(r"\d{1,12}", found.get(name, ""), re.ASCII):
            return int(found[name])
    return 0


def in_words(value: str) -> str:
    """The field, or that there is none."""
    return value or "no Cache-Control"
