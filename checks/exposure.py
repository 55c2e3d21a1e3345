"""What nobody outside should get: files of the server, and secrets in what is served to all."""

from __future__ import annotations

from checks._answers import judge
from fixtures.probes.exposure import ExposureEvidence, FirstFilesEvidence, Kind, Looked
from fixtures.probes.http import HttpEvidence, Seen
from fixtures.vocabulary import CRITICAL, ESTATE, LOW, MEDIUM, RELEASE, CannotTell, check


def _absent(exposure: ExposureEvidence, kind: Kind, only: str = "") -> None:
    """Require that no file of a kind (with only this content) is served, while a page is: else it proves nothing."""

    def wrong(file: Looked) -> str:
        return f"{file.what} ({file.status})" if file.sort == "file" and only in ("", file.what) else ""

    judge(exposure.of(kind), wrong, "404 or 403", none=f"no {kind} to ask for")
    if exposure.served != 200:
        raise CannotTell(f"the first page is not served ({exposure.served}), so an absence proves nothing")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.env-not-in-code")
def check_dot_env_is_absent(first: FirstFilesEvidence) -> None:
    """`/.env` is not served.

    Fix: change every secret in it; then `.dockerignore` with `.env*`, and `location ~ /\\. { deny all; }` in nginx.

    See: curl -sS https://HOST/.env | head -3
    """
    _absent(first, "environment")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.env-not-in-code")
def check_dot_git_is_absent(first: FirstFilesEvidence) -> None:
    """`/.git/HEAD` is not served: the whole source comes with it.

    Fix: deploy a build, not a checkout; `location ~ /\\. { deny all; }` in nginx.

    See: curl -sS https://HOST/.git/HEAD
    """
    _absent(first, "repository")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.env-not-in-code")
def check_environment_files_are_absent(exposure: ExposureEvidence) -> None:
    """No environment file beside `/.env` (`/.env.production` and its like) is served.

    Fix: change every secret in it; then `.dockerignore` with `.env*`, and `location ~ /\\. { deny all; }` in nginx.

    See: curl -sS https://HOST/.env.production | head -3
    """
    _absent(exposure, "environment")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.env-not-in-code")
def check_repository_is_absent(exposure: ExposureEvidence) -> None:
    """No part of a repository beside `/.git/HEAD`, and no index of a folder, is served.

    Fix: deploy a build, not a checkout; `location ~ /\\. { deny all; }` in nginx.
    """
    _absent(exposure, "repository")


@check(severity=CRITICAL, scope=ESTATE)
def check_backups_are_absent(exposure: ExposureEvidence) -> None:
    """No dump, archive or database file is served.

    Fix: keep backups out of the web root and out of public/; consider its data disclosed.
    """
    _absent(exposure, "backup")


@check(severity=CRITICAL, scope=ESTATE, guide="sec.env-not-in-code")
def check_keys_are_absent(exposure: ExposureEvidence) -> None:
    """No private key and no file of credentials is served.

    Fix: revoke it first; then take it out of the image.
    """
    _absent(exposure, "key")


@check(severity=MEDIUM, scope=RELEASE)
def check_build_files_are_absent(exposure: ExposureEvidence) -> None:
    """No file of the build (`package.json`, compose file, schema, server) is served.

    Fix: nginx's `root` must not be the app's folder; let the app serve public/ and /_next/static alone.
    """
    _absent(exposure, "build")


@check(severity=MEDIUM, scope=RELEASE)
def check_source_maps_are_absent(exposure: ExposureEvidence) -> None:
    """No source map of a script is served: it holds the source.

    Fix: no `productionBrowserSourceMaps`; `hideSourceMaps` where they are uploaded to Sentry.
    """
    _absent(exposure, "source map", "a source map")


@check(severity=LOW, scope=ESTATE)
def check_folders_are_not_listed(exposure: ExposureEvidence) -> None:
    """No list of a folder's files is served.

    Fix: `autoindex off;` in nginx.
    """
    _absent(exposure, "listing", "a list of files")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.env-not-in-code")
def check_no_secret_is_served(site: HttpEvidence) -> None:
    """No key or password is in the page, in its scripts, or in errors.

    Fix: change it at its vendor first; then take it out of NEXT_PUBLIC_* and of what client components import.
    """
    answers: tuple[Seen, ...] = (site.page, *site.chunks, site.missing_page, site.missing_api)
    judge(answers, lambda answer: ", ".join(answer.secrets), "none")
    if cut := [answer.name for answer in answers if answer.truncated]:
        raise CannotTell(f"{cut[0]} is too long to be searched to its end", cause="program")
    if len(site.chunks) < site.named_chunks:
        raise CannotTell(f"{site.named_chunks - len(site.chunks)} more chunks were not asked for", cause="program")
