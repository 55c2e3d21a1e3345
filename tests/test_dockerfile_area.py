"""Dockerfiles: how they are read, the guide's own, and what of it is a mistake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fixtures import vocabulary
from fixtures.environment.sections.dockerfile import Dockerfile
from fixtures.probes import Context
from fixtures.probes.dockerfile import DockerfileEvidence, is_ignored, look, read
from fixtures.vocabulary import CannotTell, Finding
from tests.records.dockerfile import TEXT, evidence
from tests.test_checks import checked, judge

GUIDE = Path(__file__).parent / "data" / "guide"
EXPECTED = {
    "dockerfile.accounts_are_those_of_the_guide",  # image.group-gid
    "dockerfile.base_is_a_supported_node",  # image.base
    "dockerfile.base_is_pinned",  # image.base
    "dockerfile.dependencies_are_those_of_the_lockfile",  # image.npm-ci
    "dockerfile.final_image_has_what_native_modules_want",  # image.libc6-compat
    "dockerfile.migrations_can_be_run",  # compose.migrate-exec
    "dockerfile.secrets_are_not_sent_to_the_builder",  # image.multi-stage
    "dockerfile.server_listens_where_others_reach_it",  # image.port-3000
    "dockerfile.standalone_build_is_asked_for",  # image.standalone
    "dockerfile.variables_are_written_with_an_equals_sign",  # image.telemetry-disabled
}


def seen(target: Dockerfile) -> DockerfileEvidence:
    found = look(target, Context("dockerfile.web", time.monotonic() + 10))
    assert isinstance(found, DockerfileEvidence)
    return found


def findings(target: Dockerfile) -> set[str]:
    found = set()
    for name, function in checked().items():
        declared = vocabulary.check_of(function)
        if name.partition(".")[0] != "dockerfile" or declared is None or not declared.applies(target):
            continue
        arguments = {
            key: target if key == "target" else seen(target) for key in function.__annotations__ if key != "return"
        }
        try:
            function(**arguments)
        except (Finding, CannotTell):
            found.add(name)
    return found


def test_the_guides_own_file_has_the_mistakes_that_are_known_of_it() -> None:
    assert findings(Dockerfile(file=GUIDE / "Dockerfile", migrations=True)) == EXPECTED


def test_a_good_one_passes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / ".dockerignore").write_text("# nothing of ours\n.env*\n.git\nnode_modules\n")
    (tmp_path / ".env.production").write_text("NEXTAUTH_SECRET=hunter2-hunter2\n")
    (tmp_path / ".env.example").write_text("NEXTAUTH_SECRET=\n")
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "next.config.mjs").write_text("export default {\n  output: 'standalone',\n};\n")
    assert findings(Dockerfile(file=tmp_path / "Dockerfile", migrations=True)) == set()
    assert "hunter2" not in seen(Dockerfile(file=tmp_path / "Dockerfile")).model_dump_json()


def test_an_environment_file_that_would_be_sent_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / ".dockerignore").write_text("*\n!.env.production\n")
    (tmp_path / ".env.production").touch()
    with pytest.raises(Finding, match=r"\.env\.production would be sent"):
        judge("dockerfile.secrets_are_not_sent_to_the_builder", seen(Dockerfile(file=tmp_path / "Dockerfile")))


def test_output_in_a_comment_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / "next.config.js").write_text("module.exports = {\n  // output: 'standalone',\n}\n")
    assert seen(Dockerfile(file=tmp_path / "Dockerfile")).standalone is False


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"# nothing\n", b"x" * 300_000])
def test_what_is_no_dockerfile_is_told_and_proves_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "Dockerfile"
    if content is not None:
        path.write_bytes(content)
    found = seen(Dockerfile(file=path))
    with pytest.raises(Finding):
        judge("dockerfile.file_can_be_read", found)
    with pytest.raises(CannotTell):
        judge("dockerfile.no_secret_is_in_the_file", found)


def test_secrets_are_no_evidence() -> None:
    text = (
        "FROM node:24\nENV NEXTAUTH_SECRET=hunter2-hunter2\nARG NPM_TOKEN=hunter2-hunter2\n"
        "RUN npm config set //registry.test/:_authToken=hunter2-hunter2 && curl https://u:hunter2-hunter2@h/\n"
        'CMD ["node", "--api-key=hunter2-hunter2"]\n'
    )
    found = evidence(text)
    assert "hunter2" not in found.model_dump_json()
    assert found.literal == ("NEXTAUTH_SECRET", "NPM_TOKEN")


def test_stages_inherit_and_arguments_fill_in() -> None:
    found = evidence("ARG VERSION=24.11\nFROM node:${VERSION}-alpine AS a\nENV NODE_ENV=production\nFROM a\nUSER x\n")
    last = found.stages[-1]
    assert (last.image, last.variables, last.user) == ("node:24.11-alpine", {"NODE_ENV": "production"}, "x")
    assert read("RUN x\n") == {"flaw": "no FROM"}


@pytest.mark.parametrize(
    ("patterns", "ignored"),
    [
        ((".env*",), True),
        (("**/.env*",), True),
        (("*",), True),
        (("*", "!.env"), False),
        ((".env.local",), False),
        (("node_modules",), False),
    ],
)
def test_the_last_pattern_that_fits_decides(patterns: tuple[str, ...], ignored: bool) -> None:
    assert is_ignored(".env", patterns) is ignored
