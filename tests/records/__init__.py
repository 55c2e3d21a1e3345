"""Healthy evidence by area, and the changes that make checks fail that no fault of a stack can prove."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from fixtures.environment.model import Target
from fixtures.vocabulary import Evidence

NOW = datetime(2026, 11, 24, tzinfo=UTC)
Fails = dict[str, tuple[Evidence, dict[str, Any]]]
"""By id of a check: evidence that it passes, and the change to it that it does not."""


def _modules() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]


def fails() -> Fails:
    """What every area has."""
    return {name: given for module in _modules() for name, given in getattr(module, "FAILS", {}).items()}


def beside() -> dict[type[Evidence], Evidence]:
    """Evidence of another kind, that checks of several kinds are called with."""
    return {kind: seen for module in _modules() for kind, seen in getattr(module, "BESIDE", {}).items()}


def targets() -> dict[type[Target], Target]:
    """The declarations that checks are called with."""
    return {kind: target for module in _modules() for kind, target in getattr(module, "TARGETS", {}).items()}
