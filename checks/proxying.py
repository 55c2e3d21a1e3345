"""nginx as it is written: how requests are passed on to the app, and shared among its instances."""

from __future__ import annotations

from checks._nginx import (
    Block,
    balanced,
    balancing,
    declares,
    no_finding,
    place,
    proxying,
    seconds,
    target_of,
    to_balanced,
    upstreams,
    version,
)
from fixtures.environment.sections.nginx import Nginx
from fixtures.probes.nginx import NginxEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, check, expect

ITSELF = ("localhost", "127.0.0.1", "[::1]", "::1")
TRIED_AGAIN = ("error", "timeout", "http_502", "http_504")
SPEAKS_1_1 = (1, 29, 7)
"""Since then `proxy_http_version` is 1.1 where nothing is written (https://nginx.org/en/CHANGES)."""
DEFAULT_CONNECT = 60.0


def passed(one: Block, name: str) -> str | None:
    """The value of a field that a block passes on; None where it sets no such field."""
    found = [
        each for each in one.effective("proxy_set_header") if each.args[:1] and each.args[0].lower() == name.lower()
    ]
    return " ".join(found[-1].args[1:]) if found else None


def lacking(seen: NginxEvidence, *names: str) -> list[str]:
    """The blocks that pass requests on without one of these fields."""
    found = []
    for one in proxying(seen):
        missing = [name for name in names if not passed(one, name)]
        if missing:
            found.append(f"{one.where}: no {', '.join(missing)}")
    return found


@check(severity=HIGH, scope=ESTATE, guide="nginx.header-host")
def check_host_is_passed_on(seen: NginxEvidence) -> None:
    """The app is told the name that was asked for; by default it is told that of the upstream.

    Fix: `proxy_set_header Host $host;`, once more wherever another `proxy_set_header` stands.
    """
    no_finding(lacking(seen, "Host"), "Host")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.header-host")
def check_host_cannot_be_forged(seen: NginxEvidence) -> None:
    """The app is told a name that nginx has checked: `$http_host` is whatever the client wrote, also beside an absolute
    address in the request.

    Fix: `$host`.
    """
    no_finding((f"{one.where}: $http_host" for one in proxying(seen) if passed(one, "Host") == "$http_host"), "$host")


@check(severity=MEDIUM, scope=ESTATE, guide=("nginx.header-real-ip", "nginx.header-forwarded-for"))
def check_client_address_is_passed_on(seen: NginxEvidence) -> None:
    """The app is told the client's address: limits and the audit log depend on it.

    The guide's server of the load balancer has lost both fields.

    Fix: `proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`
    """
    no_finding(lacking(seen, "X-Real-IP", "X-Forwarded-For"), "X-Real-IP and X-Forwarded-For")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.header-real-ip", applies=declares("behind_proxy"))
def check_client_address_is_not_the_proxys(seen: NginxEvidence) -> None:
    """Behind another proxy, the client's address is taken from the field that this one sets, and from it alone.

    Behind Cloudflare the guide's `$remote_addr` is Cloudflare's.

    Fix: `real_ip_header CF-Connecting-IP;` with `set_real_ip_from` for each of its networks, and no other.
    """
    found = []
    for one in proxying(seen):
        missing = [name for name in ("real_ip_header", "set_real_ip_from") if not one.effective(name)]
        if missing:
            found.append(f"{one.where}: no {', '.join(missing)}")
        elif any(set(each.args) & {"0.0.0.0/0", "::/0"} for each in one.effective("set_real_ip_from")):
            found.append(f"{one.where}: taken from everybody")
    no_finding(found, "real_ip_header, and set_real_ip_from for the proxy's networks")


@check(severity=HIGH, scope=ESTATE, guide="nginx.header-forwarded-proto")
def check_scheme_is_passed_on(seen: NginxEvidence) -> None:
    """The app is told that it was asked over https: cookies and addresses depend on it.

    The guide's server of the load balancer has lost the field.

    Fix: `proxy_set_header X-Forwarded-Proto $scheme;`
    """
    no_finding(lacking(seen, "X-Forwarded-Proto"), "X-Forwarded-Proto")


@check(severity=LOW, scope=ESTATE, guide="nginx.proxy-http-version")
def check_app_is_asked_by_http_1_1(seen: NginxEvidence) -> None:
    """The app is asked by HTTP/1.1, without which there are neither kept connections nor upgrades.

    Fix: `proxy_http_version 1.1;`
    """
    known = version(seen)
    default = "1.1" if known is not None and known >= SPEAKS_1_1 else "1.0"
    no_finding(
        (
            f"{one.where}: {told}"
            for one in proxying(seen)
            if (told := one.value("proxy_http_version", default)) == "1.0"
        ),
        "proxy_http_version 1.1",
    )


@check(severity=LOW, scope=ESTATE, guide="nginx.websocket-upgrade")
def check_upgrades_are_passed_on_when_asked_for(seen: NginxEvidence) -> None:
    """Upgrade is passed on where a client asks for it, and Connection says so then alone.

    The guide's `Connection 'upgrade'` stands in every request, and closes the door to kept connections.

    Fix: `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }`, `proxy_set_header Connection
    $connection_upgrade;`
    """
    found = [f"{one.where}: no Upgrade" for one in proxying(seen) if passed(one, "Upgrade") is None]
    found += [
        f"{one.where}: Connection {told}"
        for one in proxying(seen)
        if (told := passed(one, "Connection")) and "upgrade" in told.lower() and "$" not in told
    ]
    no_finding(found, "Upgrade $http_upgrade, and a Connection that follows it")


@check(severity=ADVISORY, scope=ESTATE, guide="nginx.cache-bypass")
def check_bypass_has_a_cache(seen: NginxEvidence) -> None:
    """`proxy_cache_bypass` stands where there is a cache; elsewhere it does nothing.

    The guide has no `proxy_cache` anywhere.

    Fix: delete the line.
    """
    no_finding(
        (
            one.where
            for one in proxying(seen)
            if one.effective("proxy_cache_bypass") and one.value("proxy_cache", "off") == "off"
        ),
        "a proxy_cache, or no proxy_cache_bypass",
    )


@check(severity=CRITICAL, scope=RELEASE, guide="nginx.proxy-pass", applies=declares("alone"))
def check_proxy_does_not_lead_to_itself(seen: NginxEvidence) -> None:
    """In a container of its own, nginx passes requests on to another one: localhost is nginx itself, and answers 502.

    The guide's `proxy_pass http://localhost:3000` does that in its own compose file.

    Fix: `proxy_pass http://app:3000;`
    """
    found = [
        f"{one.where}: proxy_pass to {target_of(one)}" for one in proxying(seen) if target_of(one) in ITSELF
    ]  # fmt: skip
    found += [
        f"{place(each)} server {each.args[0]}"
        for one in upstreams(seen)
        for each in one.own("server")
        if each.args and each.args[0].rpartition(":")[0] in ITSELF
    ]
    no_finding(found, "the app's name")


@check(severity=HIGH, scope=RELEASE, guide=("lb.upstream-servers", "nginx.proxy-pass"), applies=declares("upstreams"))
def check_every_instance_is_an_upstream(seen: NginxEvidence, target: Nginx) -> None:
    """The upstream has as many servers as are declared, and none is switched off or waits for the others to fail.

    Fix: a `server` line for each instance; take `down` away after the work is done.
    """
    wanted = target.expect.upstreams or 0
    used = {target_of(one) for one in proxying(seen)}
    judged = [one for one in upstreams(seen) if " ".join(one.directive.args) in used]
    expect(bool(judged) or wanted < 2, seen="no upstream that is used", required=f"{wanted} servers")
    found = [
        f"{one.where}: {len(live)} servers"
        for one in judged
        if len(live := [each for each in one.own("server") if not {"down", "backup"} & set(each.args)]) != wanted
    ]
    no_finding(found, f"{wanted} servers that are neither down nor backup")


@check(severity=LOW, scope=ESTATE, guide="lb.least-conn", applies=balanced)
def check_the_least_busy_is_asked(seen: NginxEvidence) -> None:
    """Requests go to the instance with the fewest: a slow one gets no more than it can do.

    Fix: `least_conn;` as the first line of the upstream.
    """
    no_finding(
        (
            one.where
            for one in balancing(seen)
            if not one.own("least_conn") and not any("least_conn" in "".join(each.args) for each in one.own("random"))
        ),
        "least_conn",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="lb.passive-limits", applies=balanced)
def check_failing_instances_are_left_out(seen: NginxEvidence) -> None:
    """Every server of the upstream says after how many failures it is left out, and for how long.

    Fix: `max_fails=3 fail_timeout=30s`, never `max_fails=0`.
    """
    found = []
    for one in balancing(seen):
        for each in one.own("server"):
            told = dict(arg.split("=", 1) for arg in each.args if "=" in arg)
            missing = [name for name in ("max_fails", "fail_timeout") if name not in told]
            if missing or told["max_fails"] == "0":
                found.append(f"{place(each)} server {' '.join(each.args)}")
    no_finding(found, "max_fails and fail_timeout")


@check(severity=LOW, scope=ESTATE, guide="lb.passive-limits", applies=balanced)
def check_workers_share_what_they_know(seen: NginxEvidence) -> None:
    """The upstream has a zone: without it each worker counts failures and connections for itself.

    Fix: `zone NAME 64k;`
    """
    no_finding((one.where for one in balancing(seen) if not one.own("zone")), "a zone")


@check(severity=HIGH, scope=ESTATE, guide="lb.next-upstream", applies=balanced)
def check_failed_requests_go_to_another(seen: NginxEvidence) -> None:
    """What one instance could not answer is asked of another, but for what may have changed something already.

    The guide's list has http_503 too: then a health answer of 503 of one instance is never seen.

    Fix: `proxy_next_upstream error timeout http_502 http_504;`
    """
    found = []
    for one in to_balanced(seen):
        words = one.value("proxy_next_upstream", "error timeout").split()
        missing = [word for word in TRIED_AGAIN if word not in words]
        if missing:
            found.append(f"{one.where}: without {', '.join(missing)}")
        if "non_idempotent" in words:
            found.append(f"{one.where}: non_idempotent")
    no_finding(found, f"{' '.join(TRIED_AGAIN)}, and not non_idempotent")


@check(severity=MEDIUM, scope=ESTATE, guide="lb.failover", applies=balanced)
def check_dead_hosts_are_given_up_soon(seen: NginxEvidence, target: Nginx) -> None:
    """An instance whose host is gone is given up soon: nginx's default is to wait a minute for each.

    The guide sets no timeout.

    Fix: `proxy_connect_timeout 2s;`
    """
    most = target.expect.connect
    found = []
    for one in to_balanced(seen):
        written = one.value("proxy_connect_timeout", "60s")
        if (seconds(written) or DEFAULT_CONNECT) > most:
            found.append(f"{one.where}: {written}")
    no_finding(found, f"at most {most:g} s")
