"""What evidence says in a few words and numbers: what runs are compared by, and what makes curves over time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from fixtures.evidence.store import Saved
from fixtures.probes import load_probes
from fixtures.vocabulary import Evidence, Fact

Facts = dict[str, dict[str, Fact]]
Measures = dict[str, dict[str, float]]


def told(pieces: Iterable[Saved]) -> tuple[Facts, Measures]:
    """Facts and measures by target, of the first look at each piece; what another version saw has none."""
    kinds = {kind.__name__: kind for kind in load_probes() if _tells(kind)}
    facts: Facts = {}
    measures: Measures = {}
    for saved in pieces:
        kind = kinds.get(saved.kind)
        if kind is None or saved.look > 1 or saved.evidence is None:
            continue
        found, numbers = _said(kind, saved.evidence)
        if found:
            facts.setdefault(saved.target, {}).update(found)
        if finite := {name: round(number, 3) for name, number in numbers.items() if math.isfinite(number)}:
            measures.setdefault(saved.target, {}).update(finite)
    return facts, measures


def _said(kind: type[Evidence], plain: dict[str, Any]) -> tuple[dict[str, Fact], dict[str, float]]:
    try:
        evidence = kind.model_validate(plain)
        return evidence.facts(), evidence.measures()
    except Exception:  # of another version, or a bug of an area: the verdict is none the worse for it
        return {}, {}


def _tells(kind: type[Evidence]) -> bool:
    return kind.facts is not Evidence.facts or kind.measures is not Evidence.measures
