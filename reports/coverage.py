"""Which statements of the guide are verified, by which checks, proven by which faults (DESIGN 11).

`python -m reports.coverage` says whether the generated files are current (exit 1 if not); `--write` writes them:
`docs/coverage.md`, `docs/checks.txt` (the published ids) and `docs/unverified.txt`, which may only shrink.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ruamel.yaml import YAML

from fixtures.catalogue import checks
from fixtures.vocabulary import Check, check_of

ROOT = Path(__file__).resolve().parent.parent
UNVERIFIED_HEAD = "# Statements no check verifies yet. May only shrink: python -m reports.coverage --write\n"
CHECKS_HEAD = (
    "# The published ids: waivers, faults, baselines and tickets refer to them. A rename is a decision, seen here.\n"
)


class GrewError(Exception):
    """The list of unverified statements would grow."""


class Proof(Protocol):
    """What this module needs of a fault of `fixtures.stack.faults`."""

    @property
    def id(self) -> str:
        """The name of the fault."""

    @property
    def caught_by(self) -> Iterable[str]:
        """The ids of the checks that must fail."""


@dataclass(frozen=True)
class Statement:
    """One verifiable sentence of the guide."""

    id: str
    section: str
    says: str
    observe: str
    severity: str


def load_statements(path: Path = ROOT / "docs" / "statements.yaml") -> list[Statement]:
    """The statements in the order of the guide."""
    rows = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return [Statement(*(str(row[key]) for key in ("id", "section", "says", "observe", "severity"))) for row in rows]


def load_checks() -> list[Check]:
    """Every check, by id; raises `ImportError` where a module is broken."""
    found = checks()
    if found.broken:
        raise ImportError("; ".join(found.broken))
    return sorted((one for _, function in found.functions if (one := check_of(function))), key=lambda one: one.id)


def load_proofs() -> list[Proof]:
    """The registered faults, by id; none while there is no registry."""
    module = importlib.import_module("fixtures.stack.faults")
    load = getattr(module, "load_faults", None)
    return sorted(load(), key=lambda fault: str(fault.id)) if load else []


def unverified(statements: Iterable[Statement], checks: Iterable[Check]) -> list[str]:
    """Ids of the statements that no check names, in the order of the guide."""
    named = {statement for one in checks for statement in one.statements}
    return [one.id for one in statements if one.id not in named]


def read_list(path: Path) -> list[str] | None:
    """The ids of a list file, without comments; None if there is no such file."""
    if not path.exists():
        return None
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def render(statements: Sequence[Statement], checks: Sequence[Check], faults: Sequence[Proof]) -> str:
    """`docs/coverage.md`."""
    by_statement: dict[str, list[Check]] = {}
    for one in checks:
        for name in one.statements:
            by_statement.setdefault(name, []).append(one)
    by_check: dict[str, list[str]] = {}
    for fault in faults:
        for name in sorted(fault.caught_by):
            by_check.setdefault(name, []).append(fault.id)

    open_ids = set(unverified(statements, checks))
    unproven = sum(one.id not in by_check for one in checks)
    verified = [one for one in statements if one.id not in open_ids]
    lines = [
        "# Coverage of the deployment guide",
        "",
        "Generated from the checks and the faults: `python -m reports.coverage --write`. Do not edit.",
        "",
        f"{len(verified)} of {len(statements)} statements are verified, by {len(checks)} checks; "
        f"{len(faults)} faults prove {len(checks) - unproven} of these.",
        "",
        "## Verified",
        "",
        "| statement | says | checks | faults |",
        "| --- | --- | --- | --- |",
    ]
    for told in verified:
        judges = by_statement[told.id]
        proven = list(dict.fromkeys(fault for judge in judges for fault in by_check.get(judge.id, [])))
        lines.append(f"| {_code([told.id])} | {_cell(told.says)} | {_code(j.id for j in judges)} | {_code(proven)} |")
    extra = [one for one in checks if not one.statements]
    if extra:
        lines += ["", "## Checks beyond the guide", "", "| check | rule | faults |", "| --- | --- | --- |"]
        lines += [f"| {_code([one.id])} | {_cell(one.rule)} | {_code(by_check.get(one.id, []))} |" for one in extra]
    lines += ["", "## Not verified yet", "", "| statement | says | severity | seen in |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {_code([one.id])} | {_cell(one.says)} | {one.severity} | {one.observe} |"
        for one in statements
        if one.id in open_ids
    ]
    return "\n".join(lines) + "\n"


def generate(root: Path = ROOT) -> dict[Path, str]:
    """The content of every generated file. Raises `GrewError` rather than let the unverified list grow."""
    statements, checks, faults = load_statements(root / "docs" / "statements.yaml"), load_checks(), load_proofs()
    missing = unverified(statements, checks)
    listed = read_list(root / "docs" / "unverified.txt")
    refuse_growth(listed, missing)
    return {
        root / "docs" / "coverage.md": render(statements, checks, faults),
        root / "docs" / "unverified.txt": UNVERIFIED_HEAD + "".join(f"{name}\n" for name in missing),
        root / "docs" / "checks.txt": CHECKS_HEAD + "".join(f"{one.id}\n" for one in checks),
    }


def refuse_growth(listed: Sequence[str] | None, missing: Iterable[str]) -> None:
    """Raise `GrewError` if a statement is missing that is not listed; a first list (None) may hold anything."""
    grown = [] if listed is None else sorted(set(missing) - set(listed))
    if grown:
        raise GrewError(f"docs/unverified.txt may only shrink; no check verifies any more: {', '.join(grown)}")


def stale(files: Mapping[Path, str]) -> list[Path]:
    """Those files that are not what they should be."""
    return [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the generated files."""
    parser = argparse.ArgumentParser(prog="python -m reports.coverage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the files instead of comparing them")
    options = parser.parse_args(arguments)
    try:
        files = generate()
    except GrewError as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    old = stale(files)
    for path in old:
        if options.write:
            path.write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"{'wrote' if options.write else 'not current:'} {path.relative_to(ROOT)}\n")
    return 1 if old and not options.write else 0


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
