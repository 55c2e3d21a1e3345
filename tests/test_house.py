"""The house is in order: what is generated is current, imports point one way, and the lists that may only shrink do."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import typing
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel

from fixtures.vocabulary import ESTATE, HIGH, Check
from reports import coverage
from tests.test_checks import FAILS

ROOT = coverage.ROOT
ROOMS = ("checks", "fixtures", "reports", "tests", "bench")
# Written in pieces, so that this file does not name what it forbids.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("registry", "npmjs", "org"),
        ("registry-1", "docker", "io"),
    )
)
MAY_IMPORT = {
    "checks": ("checks", "fixtures.vocabulary", "fixtures.environment.sections", "fixtures.probes"),
    "reports": ("reports", "fixtures"),
    "fixtures": ("fixtures",),
}


def modules(*rooms: str) -> list[Path]:
    """Python files of the rooms, and the entry of pytest."""
    return [ROOT / "conftest.py", *sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))]


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names of what a module imports; `from a import b` is `a.b`, relative imports are made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            kept = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*kept, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong_way(room: str, names: Iterator[str]) -> list[str]:
    """Those imports of our own modules that this room may not have."""
    own = [name for name in names if name.split(".")[0] in (*ROOMS, "conftest")]
    return [name for name in own if not any(f"{name}.".startswith(f"{good}.") for good in MAY_IMPORT[room])]


def test_generated_documents_are_current() -> None:
    old = [str(path.relative_to(ROOT)) for path in coverage.stale(coverage.generate())]
    assert not old, "run: python -m reports.coverage --write"


def test_unverified_list_is_exactly_the_statements_without_a_check() -> None:
    assert coverage.read_list(ROOT / "docs" / "unverified.txt") == coverage.unverified(
        coverage.load_statements(), coverage.load_checks()
    )


def test_unverified_list_may_only_shrink() -> None:
    coverage.refuse_growth(None, ["a", "b"])
    coverage.refuse_growth(["a", "b"], ["b"])
    with pytest.raises(coverage.GrewError, match=r"c$"):
        coverage.refuse_growth(["a", "b"], ["b", "c"])


def test_no_statement_comes_back_to_the_unverified_list() -> None:
    """Compared with every earlier version that this clone has; a shallow one has fewer."""
    git, name = shutil.which("git"), "docs/unverified.txt"
    if git is None or not (ROOT / ".git").exists():
        return
    now = set(coverage.read_list(ROOT / name) or ())

    def told(*arguments: str) -> str:
        done = subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout

    versions = told("log", "--format=%H", "--", name).split()
    grown = {}
    for version in versions:
        then = {line for line in told("show", f"{version}:{name}").splitlines() if line and not line.startswith("#")}
        if then and now - then:
            grown[version[:9]] = sorted(now - then)
    assert not grown


def test_statement_ids_are_unique() -> None:
    ids = [one.id for one in coverage.load_statements()]
    assert len(ids) == len(set(ids))


def test_checks_name_statements_that_exist() -> None:
    known = {one.id for one in coverage.load_statements()}
    unknown = {one.id: sorted(set(one.statements) - known) for one in coverage.load_checks()}
    assert not {name: missing for name, missing in unknown.items() if missing}


def test_faults_name_checks_that_exist() -> None:
    known = {one.id for one in coverage.load_checks()}
    unknown = {fault.id: sorted(set(fault.caught_by) - known) for fault in coverage.load_proofs()}
    assert not {name: missing for name, missing in unknown.items() if missing}


def test_every_check_is_proven_to_fail() -> None:
    """By a fault that bites in a stack, or else by evidence in the table of tests/test_checks.py."""
    known = {one.id for one in coverage.load_checks()}
    bitten = {name for fault in coverage.load_proofs() for name in fault.caught_by}
    assert not known - bitten - set(FAILS), "a check that nothing shows to fail: write a fault, or evidence"
    assert not set(FAILS) - known, "no such check"
    assert not set(FAILS) & bitten, "a fault proves it already"


def test_published_check_ids_are_pinned() -> None:
    published = coverage.read_list(ROOT / "docs" / "checks.txt")
    assert published == [one.id for one in coverage.load_checks()], "renamed or removed? decide, then --write"


def test_coverage_shows_statement_check_and_fault() -> None:
    class Bite:
        id, caught_by = "tls.old_enabled", frozenset({"tls.old_is_refused"})

    one = Check(
        "tls.old_is_refused", HIGH, ESTATE, ("tls.a",), date(2026, 11, 24), False, False, "Old is refused.", "", ""
    )
    statements = [
        coverage.Statement("tls.a", "TLS", "No | old.", "tls", "high"),
        coverage.Statement("tls.b", "TLS", "New.", "tls", "low"),
    ]
    text = coverage.render(statements, [one], [Bite()])
    assert "| `tls.a` | No \\| old. | `tls.old_is_refused` | `tls.old_enabled` |" in text
    assert "| `tls.b` | New. | low | tls |" in text.partition("## Not verified yet")[2]
    assert "1 of 2 statements are verified, by 1 checks; 1 faults prove 1 of these." in text


def test_checks_do_not_assert() -> None:
    """A bare assert appends pytest's introspection: a dump, and a leak. Checks use `expect`."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "checks").rglob("*.py"))
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Assert)
    ]
    assert not found


def probe_code(names: Iterator[str]) -> list[str]:
    """Those imports from probes that are no types of evidence: records, or words that a field of one may be."""
    found = []
    for name in names:
        module, _, member = name.rpartition(".")
        if module.startswith("fixtures.probes."):
            value = getattr(importlib.import_module(module), member)
            record = isinstance(value, type) and issubclass(value, BaseModel)
            if not record and typing.get_origin(value) is not typing.Literal:
                found.append(name)
        elif name.startswith("fixtures.probes"):
            found.append(name)
    return found


def test_checks_import_types_of_evidence_and_no_code_of_probes() -> None:
    """What is asked is the probes' business, what it means is the checks'; they share records, or the environment."""
    found = {}
    for path in sorted((ROOT / "checks").rglob("*.py")):
        if wrong := probe_code(imports(parse(path), "checks")):
            found[path.name] = wrong
    assert not found


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from fixtures.probes.http import HttpEvidence, Seen", []),
        ("from fixtures.probes.caching import Kind", []),
        ("from fixtures.probes.http import first_page", ["fixtures.probes.http.first_page"]),
        ("from fixtures.probes.http import CHUNKS", ["fixtures.probes.http.CHUNKS"]),
        ("from fixtures.probes._http import Client", ["fixtures.probes._http.Client"]),
        ("import fixtures.probes.http", ["fixtures.probes.http"]),
        ("from fixtures.probes import http", ["fixtures.probes.http"]),
        ("from fixtures import probes", ["fixtures.probes"]),
    ],
)
def test_code_of_probes_in_a_check_is_seen(source: str, wrong: list[str]) -> None:
    assert probe_code(imports(ast.parse(source), "checks")) == wrong


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_point_one_way(room: str) -> None:
    found = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        package = ".".join(path.relative_to(ROOT).parent.parts)
        if wrong := wrong_way(room, imports(parse(path), package)):
            found[str(path.relative_to(ROOT))] = wrong
    assert not found


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("checks", "from fixtures.vocabulary import check\nfrom fixtures import vocabulary", []),
        ("checks", "from fixtures import evidence", ["fixtures.evidence"]),
        ("checks", "import fixtures.stack.faults as f", ["fixtures.stack.faults"]),
        ("checks", "from fixtures.probes_of_mine import x", ["fixtures.probes_of_mine.x"]),
        ("fixtures.probes", "from ..vocabulary import Evidence\nfrom . import tls\nimport json", []),
        ("fixtures", "def f():\n    from checks import tls", ["checks.tls"]),
        ("fixtures", "import reports.records", ["reports.records"]),
        ("reports", "from tests import house", ["tests.house"]),
    ],
)
def test_a_wrong_import_is_seen(package: str, source: str, wrong: list[str]) -> None:
    assert wrong_way(package.split(".")[0], imports(ast.parse(source), package)) == wrong


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(*ROOMS)
        if (tree := parse(path)).body and ast.get_docstring(tree) is None
    ]
    assert not silent


def test_tracked_files_name_no_registry() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        tracked = [path for room in (*ROOMS, "docs", "environments", ".ci") for path in (ROOT / room).rglob("*")]
    else:
        listing = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30)
        tracked = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in tracked
        if path.is_file() and (content := path.read_bytes())
        for name in REGISTRIES
        if name.encode() in content
    ]
    assert not found
