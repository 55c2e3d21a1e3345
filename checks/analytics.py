"""Analytics that are declared: their public keys are in the scripts that visitors get."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from checks._origins import parts
from fixtures.probes.http import HttpEvidence
from fixtures.vocabulary import LOW, MEDIUM, RELEASE, CannotTell, check, expect

_INGESTION = re.compile(r"(?:(?:us|eu)\.i|app|us|eu)\.posthog\.com")


def _declares(name: str) -> Callable[[Any], bool]:
    return lambda endpoint: name in endpoint.analytics


def _complete(site: HttpEvidence) -> None:
    """What is missing in scripts that were not all read, may be in the rest."""
    read = [answer for answer in site.chunks if answer.status == 200 and not answer.truncated]
    if site.page.status != 200 or len(read) < site.named_chunks:
        raise CannotTell("the page or some of its scripts could not be read whole", cause="outage")


@check(severity=LOW, scope=RELEASE, guide="env.posthog", applies=_declares("posthog"))
def check_posthog_key_is_served(site: HttpEvidence) -> None:
    """One PostHog project key (`phc_…`) is in the page or its scripts.

    Fix: NEXT_PUBLIC_POSTHOG_KEY must be set when the image is built, not only when it runs.
    """
    count = site.published.posthog_keys
    if count == 0:
        _complete(site)
    expect(count == 1, seen=f"{count} keys", required="one phc_ key")


@check(severity=LOW, scope=RELEASE, guide="env.posthog", applies=_declares("posthog"))
def check_posthog_host_takes_events(site: HttpEvidence) -> None:
    """PostHog sends to an ingestion host over https, or to a path of ours.

    The guide's app.posthog.com is the old one: us.i.posthog.com, eu.i.posthog.com and a proxy of ours do as well.

    Fix: NEXT_PUBLIC_POSTHOG_HOST at build time.
    """
    hosts = site.published.posthog_hosts
    if not hosts:
        _complete(site)
    bad = [host for host in hosts if not _takes_events(host, site.url)]
    expect(bool(hosts) and not bad, seen=", ".join(bad) or "no api_host", required="an ingestion host, or our own path")


def _takes_events(host: str, url: str) -> bool:
    if host.startswith("/") and not host.startswith("//"):
        return True
    scheme, name, _ = parts(host)
    ours = parts(url)[1]
    known = _INGESTION.fullmatch(name) or name == ours or name.endswith(f".{ours.removeprefix('www.')}")
    return scheme == "https" and bool(known)


@check(severity=MEDIUM, scope=RELEASE, guide="env.sentry-dsn", applies=_declares("sentry"))
def check_sentry_dsn_is_served(site: HttpEvidence) -> None:
    """A Sentry DSN (`https://KEY@HOST/PROJECT`) is in the page or its scripts, and only over https.

    Fix: NEXT_PUBLIC_SENTRY_DSN at build time; the project is the number at the end.
    """
    projects = site.published.sentry
    if not projects:
        _complete(site)
    bad = [project for project in projects if not project.startswith("https:")]
    expect(bool(projects) and not bad, seen=", ".join(bad) or "no DSN", required="a DSN over https")
