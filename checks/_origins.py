"""What an address of ours that is not our public one says of the mistake behind it."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_INSIDE = re.compile(r"\.(internal|local|lan|localdomain|intranet|corp|svc|cluster\.local|docker)$")


def parts(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address, empty where it can't be read."""
    try:
        found = urlsplit(address)
        port = found.port or {"https": 443, "http": 80}.get(found.scheme)
    except ValueError:
        return "", "", None
    return found.scheme, (found.hostname or "").rstrip("."), port


def _is_inside(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or bool(_INSIDE.search(host))
    return address.is_private


def _is_localhost(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def written(address: str) -> str:
    """The origin of an address as a person writes it: no path, no port that goes without saying."""
    scheme, host, port = parts(address)
    usual = {"https": 443, "http": 80}.get(scheme)
    return f"{scheme}://{host}" + (f":{port}" if port not in (usual, None) else "")


def leads_inside(address: str, *ours: str) -> bool:
    """Whether an address is of a host that visitors can't reach, and that is none of our origins'."""
    host = parts(address)[1]
    return bool(host) and (_is_inside(host) or _is_localhost(host)) and host not in {parts(one)[1] for one in ours}


def mistake(address: str, public: str) -> str:
    """How the origin of an address differs from the public one, in the words of the mistake; empty if it does not."""
    (scheme, host, port), (own_scheme, own_host, own_port) = parts(address), parts(public)
    if (scheme, host, port) == (own_scheme, own_host, own_port):
        return ""
    if not host:
        return "no address"
    if host != own_host:
        if _is_localhost(host):
            return "localhost: the app's own URL is a developer's, or not set"
        if {host, own_host} in ({own_host, f"www.{own_host}"}, {host, f"www.{host}"}):
            return "www. and the bare domain are mixed up"
        if _is_inside(host):
            return "an internal host: the app takes the name of its machine or container for its own"
        return "another host"
    if scheme != own_scheme:
        return f"{scheme} instead of {own_scheme}: the app does not know that it is served over TLS"
    return f"another port ({port})"
