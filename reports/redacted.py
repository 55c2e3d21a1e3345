"""A run scrubbed before anything is rendered: what shortens, escapes or wraps later can't split a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from operator import is_not
from typing import Any

from reports.records import Run


def redacted(run: Run, clean: Callable[[str], str]) -> Run:
    """The run with every text in it, however deep, passed through `clean`; what has nothing to scrub is kept as it is.

    A text is scrubbed once, however many rows say it.
    """
    scrubbed: Run = _scrub(run, cache(clean))
    return scrubbed


def _scrub(value: Any, clean: Callable[[str], str]) -> Any:
    # Verdict and Outcome are texts as well, but words of ours that every format relies on.
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return clean(value)
    if is_dataclass(value) and not isinstance(value, type):
        old = {name: getattr(value, name) for name in _names(type(value))}
        new = {name: _scrub(inner, clean) for name, inner in old.items()}
        return replace(value, **new) if any(new[name] is not inner for name, inner in old.items()) else value
    if isinstance(value, Mapping):
        return {_scrub(key, clean): _scrub(inner, clean) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_scrub(inner, clean) for inner in value))
    if isinstance(value, tuple | list | set | frozenset):
        found = [_scrub(inner, clean) for inner in value]
        return type(value)(found) if any(map(is_not, found, value)) else value
    return value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind) if part.init)
