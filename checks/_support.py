"""Until when versions get fixes: data, each with its source; as of 2026-11."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fixtures.vocabulary import CannotTell, expect

POSTGRESQL: Mapping[str, date] = {
    "13": date(2025, 11, 13),
    "14": date(2026, 11, 12),
    "15": date(2027, 11, 11),
    "16": date(2028, 11, 9),
    "17": date(2029, 11, 8),
    "18": date(2030, 11, 14),
}
"""The column "Final Release" of https://www.postgresql.org/support/versioning/; older ones ended before."""
NODE: Mapping[str, date] = {
    "18": date(2025, 4, 30),
    "20": date(2026, 4, 30),
    "22": date(2027, 4, 30),
    "24": date(2028, 4, 30),
    "26": date(2029, 4, 30),
}
"""The LTS lines of https://github.com/nodejs/Release/blob/main/schedule.json (`end`); odd ones never are."""
NGINX: Mapping[str, date] = {
    "1.26": date(2025, 4, 23),
    "1.27": date(2025, 6, 24),
    "1.28": date(2026, 4, 30),
    "1.29": date(2026, 6, 30),
    "1.30": date(2027, 4, 30),
    "1.31": date(2027, 6, 30),
}
"""https://nginx.org/en/CHANGES: a stable branch ends with the next one, in April, a mainline soon after."""
PGBOUNCER: Mapping[str, date] = {"1.25": date(2027, 6, 30)}
"""https://www.pgbouncer.org/changelog.html: fixes are made for the newest line alone."""
SYSTEMS: Mapping[str, date] = {
    "debian 10": date(2024, 6, 30),
    "debian 11": date(2026, 8, 31),
    "debian 12": date(2028, 6, 30),
    "debian 13": date(2030, 6, 30),
    "ubuntu 20.04": date(2025, 5, 31),
    "ubuntu 22.04": date(2027, 5, 31),
    "ubuntu 24.04": date(2029, 5, 31),
    "ubuntu 26.04": date(2031, 5, 31),
    "alpine 3.19": date(2025, 11, 1),
    "alpine 3.20": date(2026, 4, 1),
    "alpine 3.21": date(2026, 11, 1),
    "alpine 3.22": date(2027, 5, 1),
    "alpine 3.23": date(2027, 11, 1),
    "rhel 8": date(2029, 5, 31),
    "rhel 9": date(2032, 5, 31),
    "rhel 10": date(2035, 5, 31),
    "rocky 8": date(2029, 5, 31),
    "rocky 9": date(2032, 5, 31),
    "almalinux 8": date(2029, 3, 1),
    "almalinux 9": date(2032, 5, 31),
    "amzn 2": date(2026, 6, 30),
    "amzn 2023": date(2029, 6, 30),
}
"""Names and versions as in os-release: wiki.debian.org/LTS (with LTS), ubuntu.com/about/release-cycle (without Pro),
alpinelinux.org/releases, access.redhat.com/support/policy/updates/errata, docs.aws.amazon.com/linux."""


def branch(version: str, parts: int) -> str:
    """The first parts of a version: `1.28` of `1.28.2`."""
    return ".".join(version.split(".")[:parts])


def supported(name: str, line: str, windows: Mapping[str, date], today: date) -> None:
    """Require that a line still gets fixes; one that is younger than this suite knows is none that it can judge."""
    ends = windows.get(line)
    if ends is None and _order(line) > max(map(_order, windows)):
        raise CannotTell(f"the end of support of {name} {line} is not known to this suite", cause="program")
    expect(
        ends is not None and today <= ends,
        seen=f"{name} {line}, without fixes since {ends or 'long ago'}",
        required="a line that gets fixes",
    )


def _order(line: str) -> tuple[int, ...]:
    return tuple(int(part) for part in line.split(".") if part.isdigit())
