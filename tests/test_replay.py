"""A saved run judged again: of what was looked at and nothing else, as what it was, and saying that it is a replay."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fixtures.environment.loading import load
from fixtures.evidence.declaration import Declaration
from tests._gate import gate, last, verdict
from tests._saved import CHECK, environment_file, instance, looked

QUICK = ("-k", "instance_answer_is_quick")
WORKERS = pytest.mark.parametrize("workers", ["-n0", "-n2"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An app instance that answers."""
    with instance() as found:
        yield found


@pytest.fixture(scope="module")
def saved(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved nightly run of a release, over one instance."""
    directory = tmp_path_factory.mktemp("saved")
    file = environment_file(directory / "one.yaml", url)
    looked(directory / "run", file, kind="nightly", release="4f2c1ab", ticket="OPS-7")
    return directory / "run"


def file_beside(saved: Path) -> Path:
    """The environment file that the saved run was judged by."""
    return saved.parent / "one.yaml"


def test_a_replay_is_of_the_release_the_ticket_and_the_kind_that_were_looked_at(saved: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={saved}", *QUICK)
    assert (run.returncode, last(run).startswith("GO one 4f2c1ab:")) == (0, True), run.stdout + run.stderr
    document = verdict(tmp_path / "run")
    assert [document[key] for key in ("release", "ticket", "run")] == ["4f2c1ab", "OPS-7", "nightly"]


@WORKERS
def test_a_replay_says_that_it_is_one_and_when_its_evidence_was_seen(saved: Path, tmp_path: Path, workers: str) -> None:
    assert gate(tmp_path / "run", f"--replay={saved}", workers, *QUICK).returncode == 0
    document = verdict(tmp_path / "run")
    seen = [note["observed_at"] for note in document["evidence"]]
    assert document["replayed"] is True
    first, last_seen = (datetime.fromisoformat(document["seen"][key]) for key in ("first", "last"))
    observed = [datetime.fromisoformat(moment) for moment in seen]
    assert first - min(observed) < timedelta(seconds=1)
    assert last_seen - max(observed) < timedelta(seconds=1)
    assert document["started_at"] <= document["judged_at"]


@pytest.mark.parametrize(
    "option", ["--release=other", "--set=instances.app1.url=http://x", "--run=gate", "--fault=headers.no_nosniff"]
)
def test_what_a_replay_can_not_change_is_refused_in_one_line(saved: Path, tmp_path: Path, option: str) -> None:
    run = gate(tmp_path / "run", f"--replay={saved}", option)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stderr
    assert option.partition("=")[0] in run.stderr
    assert not (tmp_path / "run").exists()


@WORKERS
def test_what_the_saved_run_did_not_look_at_is_missing_and_not_slow(saved: Path, tmp_path: Path, workers: str) -> None:
    run = gate(tmp_path / "run", f"--replay={saved}", workers, "-k", "instance")
    document = verdict(tmp_path / "run")
    unseen = {row["cause"] for row in document["checks"] if row["cause"]}
    assert unseen == {"the saved run: incomplete: not among the kept evidence"}, run.stdout
    assert " 1 the saved run: not among the kept evidence   " in run.stdout
    assert "(the saved run incomplete)" in last(run)


def test_a_replay_of_a_replay_is_refused(saved: Path, tmp_path: Path) -> None:
    """It has no evidence of its own, and would say CANNOT TELL of what was seen."""
    assert gate(tmp_path / "one", f"--replay={saved}", *QUICK).returncode == 0
    run = gate(tmp_path / "two", f"--replay={tmp_path / 'one'}", *QUICK)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stderr
    assert "name the run that looked" in run.stderr


def test_a_replay_says_which_fault_was_put_in(url: str, tmp_path: Path) -> None:
    file = environment_file(tmp_path / "one.yaml", url)
    looked(tmp_path / "saved", file, fault="http.chunks_gone")
    assert gate(tmp_path / "run", f"--replay={tmp_path / 'saved'}", *QUICK).returncode == 0
    assert "fault put in: http.chunks_gone" in verdict(tmp_path / "run")["warnings"]


@WORKERS
def test_evidence_of_another_deployment_is_not_of_this_one(saved: Path, tmp_path: Path, workers: str) -> None:
    """Same names, another place: nobody has looked at it."""
    other = environment_file(tmp_path / "other.yaml", "http://127.0.0.1:9")
    run = gate(tmp_path / "run", f"--env={other}", f"--replay={saved}", workers, *QUICK)
    assert (run.returncode, last(run).startswith("CANNOT TELL other")) == (10, True), run.stdout + run.stderr
    document = verdict(tmp_path / "run")
    (row,) = document["checks"]
    assert "not of http://127.0.0.1:9" in row["cause"]
    assert (document["evidence"], document["seen"]) == ([], None)


@WORKERS
def test_what_is_expected_comes_from_the_environment_that_is_judged(saved: Path, tmp_path: Path, workers: str) -> None:
    """Nothing answers within a nanosecond; the saved run expected ten seconds."""
    url = json.loads((saved / "environment.json").read_text())["environment"]["instances"]["app1"]["url"]
    strict = environment_file(tmp_path / "strict.yaml", url, within="0.000001ms", more="policy: {fail_on: medium}\n")
    run = gate(tmp_path / "run", f"--env={strict}", f"--replay={saved}", workers, *QUICK)
    assert (run.returncode, last(run).startswith("NO-GO strict 4f2c1ab")) == (1, True), run.stdout + run.stderr


def test_a_set_value_counts_where_the_environment_is_named(saved: Path, tmp_path: Path) -> None:
    options = (f"--env={file_beside(saved)}", "--set=instances.app1.health.within=0.000001ms", "--fail-on=medium")
    assert gate(tmp_path / "run", *options, f"--replay={saved}", *QUICK).returncode == 1


def test_what_is_told_of_another_place_holds_no_secret(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain field may hold what a reference gave."""
    monkeypatch.setenv("WHERE", "http://canary-7f3a91:1")
    other = load(str(environment_file(tmp_path / "other.yaml", "${env:WHERE}")))
    (reason,) = Declaration.read(saved).foreign(other).values()
    assert "not of ***" in reason


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "one", "environment": {"instances": 1}}', None])
@pytest.mark.parametrize("named", [True, False])
def test_a_declaration_that_is_none_is_one_line(saved: Path, tmp_path: Path, text: str | None, named: bool) -> None:
    shutil.copytree(saved, tmp_path / "saved")
    (tmp_path / "saved" / "environment.json").unlink()
    if text is not None:
        (tmp_path / "saved" / "environment.json").write_text(text)
    options = [f"--env={file_beside(saved)}"] if named else []
    run = gate(tmp_path / "run", *options, f"--replay={tmp_path / 'saved'}", *QUICK)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stdout + run.stderr
    assert "environment.json" in run.stderr


def test_a_path_that_is_not_there_is_one_line_and_no_verdict(saved: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={saved}", "checks/nope.py")
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stdout + run.stderr
    assert not [line for line in run.stdout.splitlines() if line.startswith(("CANNOT TELL", "GO"))], run.stdout
    assert not (tmp_path / "run").exists() or verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"


@WORKERS
def test_a_check_that_is_selected_twice_counts_once(saved: Path, tmp_path: Path, workers: str) -> None:
    """Else enough copies of a few checks would hide that most were left out."""
    root = Path(__file__).parents[1]
    again = ["--keep-duplicates", *[str(root / "checks" / "health.py")] * 15]
    run = gate(tmp_path / "run", f"--replay={saved}", *again, workers, *QUICK)
    document = verdict(tmp_path / "run")
    assert (document["counts"]["selected"], document["complete"]) == (1, False), run.stdout
    assert re.search(r"PARTIAL \(1 of \d\d\)", last(run))
    assert [row["id"] for row in document["checks"]] == [CHECK]
