"""Names that a deployment must give its app."""

from __future__ import annotations

import re
from collections.abc import Iterable

SECRETS = re.compile(r"(PASSWORD|SECRET|TOKEN|PRIVATE_KEY|API_?KEY|SECRET_KEY|DATABASE_URL|DIRECT_URL|REDIS_URL)(_|$)")
PUBLIC = re.compile(r"^NEXT_PUBLIC_|PUBLISHABLE")


def lacking(wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    """Those of the wanted names (`A|B`: either) that are not there, as one says it."""
    known = set(there)
    return [names.replace("|", " or ") for names in wanted if not known & set(names.split("|"))]


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(SECRETS.search(name)) and not PUBLIC.search(name)
