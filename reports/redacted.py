"""A run scrubbed before anything is rendered: what shortens, escapes or wraps later can't split a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from reports.records import Run


def redacted(run: Run, clean: Callable[[str], str]) -> Run:
    """The run with every text in it, however deep, passed through `clean`."""
    scrubbed: Run = _scrub(run, clean)
    return scrubbed


def _scrub(value: Any, clean: Callable[[str], str]) -> Any:
    # Verdict and Outcome are texts as well, but words of ours that every format relies on.
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return clean(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{part.name: _scrub(getattr(value, part.name), clean) for part in fields(value) if part.init}
        )
    if isinstance(value, Mapping):
        return {_scrub(key, clean): _scrub(inner, clean) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_scrub(inner, clean) for inner in value))
    if isinstance(value, tuple | list | set | frozenset):
        return type(value)(_scrub(inner, clean) for inner in value)
    return value
