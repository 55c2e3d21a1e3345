"""nginx as it is written: what each server speaks, answers and adds; and that what runs is what is written.

The rules are nginx's own: lists such as `add_header` are inherited as a whole or not at all. Findings name the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from checks._nginx import (
    CONTENT,
    Block,
    answering,
    blocks,
    declares,
    inside,
    is_tls,
    listens,
    names_of,
    no_finding,
    place,
    seconds,
    servers,
    tls_servers,
    usable,
    version,
)
from fixtures.environment.sections.nginx import Nginx
from fixtures.probes._nginx_tree import Directive
from fixtures.probes.nginx import Ciphers, NginxEvidence
from fixtures.vocabulary import (
    ADVISORY,
    CRITICAL,
    ESTATE,
    HIGH,
    LOW,
    MEDIUM,
    RELEASE,
    CannotTell,
    Finding,
    check,
    expect,
)

CURRENT = {"TLSv1.2", "TLSv1.3"}
SAFE_BY_DEFAULT = (1, 27, 3)
"""Since then `ssl_protocols` is TLSv1.2 TLSv1.3 where nothing is written (https://nginx.org/en/CHANGES)."""
HTTP2_DIRECTIVE = (1, 25, 1)
SHORTEST, LONGEST = 300.0, 86400.0
REDIRECTS = ("301", "302", "307", "308")
REFUSALS = ("400", "403", "404", "410", "421", "426", "444")
RELOADED_WITHIN = timedelta(seconds=3)
URI = re.compile(r"\$(?:\{)?(?:document_)?uri\b")
CLIENTS = re.compile(r"\$(?:\{)?(?:arg_\w+|args|query_string|cookie_\w+|http_(?!upgrade|connection)\w+)")


@check(severity=CRITICAL, scope=RELEASE, guide=("nginx.site-enabled", "compose.nginx-conf-mount"))
def check_configuration_can_be_used(seen: NginxEvidence, target: Nginx) -> None:
    """nginx takes the configuration: every file is there and well written, and it has a server.

    The guide's text for sites-available is a bare server block: mounted as nginx.conf, as its compose file does, nginx
    does not start. `ln -s ../sites-available/NAME /etc/nginx/sites-enabled/` is what the guide leaves out.

    Fix: what is seen says where; a main file has `events { }` and `http { }`.

    See: `nginx -t`
    """
    no_finding((*seen.tree.flaws, *seen.tree.missing), "a configuration that `nginx -t` takes")
    usable(seen)
    top = {one.name for one in seen.tree.directives}
    if target.kind == "main":
        lacking = [name for name in ("events", "http") if name not in top]
        expect(not lacking, seen=f"no {' and no '.join(lacking)} block", required="events and http")
    expect(bool(blocks(seen, "server")), seen="no server", required="a server")


@check(severity=CRITICAL, scope=RELEASE, guide="lb.tls-server-block")
def check_tls_servers_have_a_certificate(seen: NginxEvidence) -> None:
    """Every server that speaks TLS has a certificate and its key.

    The guide's server of the load balancer has none: `nginx -t` refuses it.

    Fix: `ssl_certificate` and `ssl_certificate_key` in the server, or around all.
    """
    no_finding(
        (
            f"{one.where}: no {name}"
            for one in tls_servers(seen)
            if one.value("ssl_reject_handshake") != "on"
            for name in ("ssl_certificate", "ssl_certificate_key")
            if not one.effective(name)
        ),
        "both",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="tls.protocols")
def check_obsolete_protocols_are_off(seen: NginxEvidence) -> None:
    """Servers that speak TLS are written to speak 1.2 and 1.3 alone; before 1.27.3 nginx speaks older ones by default.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;`

    See: `nginx -T | grep -n ssl_protocols`
    """
    known = version(seen)

    def wrong(one: Block) -> str:
        written = set(one.value("ssl_protocols").split())
        if not written:
            return "" if known is not None and known >= SAFE_BY_DEFAULT else "no ssl_protocols"
        return " ".join(sorted(written - CURRENT))

    no_finding((f"{one.where}: {told}" for one in tls_servers(seen) if (told := wrong(one))), "TLSv1.2 TLSv1.3")


def ciphers_of(seen: NginxEvidence, text: str) -> Ciphers:
    """What a cipher string stands for."""
    found = next((one for one in seen.ciphers if one.text == text), None)
    if found is None or found.flaw:
        raise CannotTell(f"what {text} stands for is not known here", cause="program")
    return found


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_weak_ciphers_are_off(seen: NginxEvidence) -> None:
    """Every suite that servers take at TLS 1.2 has forward secrecy and authenticates data.

    The guide's `HIGH:!aNULL:!MD5`, which is nginx's default too, admits static RSA and CBC.

    Fix: Mozilla's intermediate list, as in `tls: mozilla-intermediate`.

    See: `openssl ciphers -v 'LIST'`
    """
    found = {}
    for one in tls_servers(seen):
        if "TLSv1.3" in (written := one.value("ssl_protocols").split()) and len(written) == 1:
            continue
        text = one.value("ssl_ciphers", "HIGH:!aNULL:!MD5").split(" ")[0]
        weak = [suite.name for suite in ciphers_of(seen, text).suites if not (suite.forward and suite.aead)]
        if weak:
            found[text] = f"{one.where}: {text[:60]} stands for {len(weak)} of them, such as {weak[0]}"
    no_finding(found.values(), "ECDHE or DHE with AES-GCM or ChaCha20-Poly1305")


@check(severity=LOW, scope=ESTATE, guide=("tls.session-cache", "tls.session-timeout"))
def check_sessions_are_kept_for_a_while(seen: NginxEvidence) -> None:
    """Sessions of TLS are cached for all workers, for five minutes to a day (guide: `shared:SSL:10m`, 10 minutes).

    Fix: `ssl_session_cache shared:SSL:10m; ssl_session_timeout 10m;`
    """

    def wrong(one: Block) -> str:
        cache, timeout = one.value("ssl_session_cache", "none"), seconds(one.value("ssl_session_timeout", "5m"))
        if "shared:" not in cache:
            return f"ssl_session_cache {cache}"
        return "" if timeout is not None and SHORTEST <= timeout <= LONGEST else one.value("ssl_session_timeout")

    no_finding((f"{one.where}: {told}" for one in tls_servers(seen) if (told := wrong(one))), "a shared cache, 10m")


@check(severity=ADVISORY, scope=ESTATE, guide="tls.session-timeout")
def check_session_tickets_are_off(seen: NginxEvidence) -> None:
    """Session tickets are off: their key, made at the start and never changed, outlives every session of the cache.

    The guide leaves them on, so that its cache is not what governs resumption.

    Fix: `ssl_session_tickets off;`, or keys that are changed daily (`ssl_session_ticket_key`).
    """
    no_finding(
        (
            one.where
            for one in tls_servers(seen)
            if one.value("ssl_session_tickets", "on") != "off" and not one.effective("ssl_session_ticket_key")
        ),
        "ssl_session_tickets off",
    )


def returned(one: Block) -> tuple[str, str] | None:
    """Status and text of a block's own `return`; an address alone is a temporary redirect."""
    found = one.own("return")
    if not found or not found[0].args:
        return None
    first, rest = found[0].args[0], " ".join(found[0].args[1:])
    return (first, rest) if first.isdigit() else ("302", first)


def serves_plainly(one: Block) -> str:
    """What a block of a server without TLS answers that is neither a redirect to https nor a refusal."""
    if (given := returned(one)) is not None:
        status, text = given
        if status in REFUSALS or (status in REDIRECTS and text.startswith("https://")):
            return ""
        return f"return {status} {text}".strip()
    if any("acme-challenge" in arg for arg in one.directive.args) or one.own("stub_status"):
        return ""
    return next((f"{name} {' '.join(one.own(name)[0].args)}" for name in CONTENT if one.own(name)), "")


@check(severity=CRITICAL, scope=ESTATE, guide="nginx.http-redirect")
def check_plain_http_leads_to_https(seen: NginxEvidence) -> None:
    """Servers without TLS answer nothing but redirects to https and refusals; challenges of ACME excepted.

    Fix: `server { listen 80; server_name NAMES; return 301 https://$host$request_uri; }`.

    See: `curl -sI http://HOST/`
    """
    plain = [one for one in servers(seen) if not is_tls(one) and not only_sockets(one)]
    found = [
        f"{one.where}: {told}"
        for server in plain
        for one in (server, *inside(server, "location", "if"))
        if (told := serves_plainly(one))
    ]
    found += [
        f"{one.where}: neither redirect nor refusal"
        for one in plain
        if returned(one) is None and not inside(one, "location") and not any(one.own(name) for name in CONTENT)
    ]
    no_finding(found, "a redirect to https, or a refusal")


def only_sockets(server: Block) -> bool:
    """Whether a server listens on sockets of the machine's own alone."""
    return bool(listens(server)) and all(one.args[0].startswith("unix:") for one in listens(server) if one.args)


@check(severity=HIGH, scope=ESTATE, guide="nginx.http-redirect")
def check_plain_http_is_answered(seen: NginxEvidence) -> None:
    """There is a server without TLS that redirects: who types a name comes by http first.

    The guide's server of the load balancer has none beside it.

    Fix: `server { listen 80; server_name NAMES; return 301 https://$host$request_uri; }`.
    """
    tls_servers(seen)
    found = [
        one
        for server in servers(seen)
        if not is_tls(server)
        for one in (server, *inside(server, "location"))
        if (given := returned(one)) is not None and given[0] in REDIRECTS
    ]
    expect(bool(found), seen="no server without TLS that redirects", required="one on port 80")


@check(severity=ADVISORY, scope=ESTATE, guide=("nginx.http-redirect", "nginx.server-names"))
def check_redirects_keep_the_name(seen: NginxEvidence) -> None:
    """A redirect to `$server_name` leads every name to the first one, while the others are served as well.

    The guide's leads www to the apex over http, and serves www over https: choose one.

    Fix: `https://$host$request_uri`, or one canonical name and a redirect from all others.
    """
    served = {name for one in servers(seen) if is_tls(one) and not redirects_all(one) for name in names_of(one)}
    no_finding(
        (
            f"{one.where}: {', '.join(also)} lead to {names_of(server)[0]}, and are served too"
            for server in servers(seen)
            if (also := [name for name in names_of(server)[1:] if name in served])
            for one in (server, *inside(server, "location"))
            if (given := returned(one)) is not None and "$server_name" in given[1]
        ),
        "the name that was asked for, or one canonical name",
    )


def redirects_all(server: Block) -> bool:
    """Whether a server does nothing but redirect."""
    given = [found for one in (server, *inside(server, "location")) if (found := returned(one)) is not None]
    return bool(given) and all(status in REDIRECTS for status, _ in given)


def sockets(one: Block) -> set[str]:
    """The addresses a server listens on."""
    return {each.args[0] for each in listens(one) if each.args}


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http2")
def check_http2_is_on(seen: NginxEvidence) -> None:
    """Every server that speaks TLS speaks HTTP/2.

    Fix: `http2 on;`; before nginx 1.25.1 `listen 443 ssl http2;`.

    See: `curl -sI --http2 https://HOST/ | head -1`
    """
    every = tls_servers(seen)
    shared = {place for one in every for each in listens(one) if "http2" in each.args for place in each.args[:1]}
    no_finding((one.where for one in every if one.value("http2") != "on" and not sockets(one) & shared), "http2 on")


@check(severity=ADVISORY, scope=ESTATE, guide="nginx.http2")
def check_http2_has_its_own_directive(seen: NginxEvidence) -> None:
    """HTTP/2 is switched on by its own directive, not by a word of `listen`, which is obsolete since nginx 1.25.1.

    Fix: `listen 443 ssl;` and `http2 on;`.
    """
    known = version(seen)
    if known is not None and known < HTTP2_DIRECTIVE:
        return
    no_finding(
        (f"{place(each)} listen {' '.join(each.args)}" for one in tls_servers(seen) for each in listens(one)
         if "http2" in each.args),
        "http2 on",
    )  # fmt: skip


@check(severity=HIGH, scope=ESTATE, guide="nginx.server-names", applies=declares("names"))
def check_declared_names_are_served(seen: NginxEvidence, target: Nginx) -> None:
    """Every declared name is one of a server that speaks TLS.

    The guide's server of the load balancer has lost www.

    Fix: `server_name yourdomain.com www.yourdomain.com;`
    """
    there = {name for one in tls_servers(seen) for name in names_of(one)}

    def served(name: str) -> bool:
        apex = name.partition(".")[2]
        return bool({name, f"*.{apex}", f".{apex}", f".{name}"} & there) or any(
            pattern.startswith("~") and re.search(pattern[1:], name) for pattern in there
        )

    no_finding((name for name in target.expect.names if not served(name)), "a server_name for each")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.server-names")
def check_unknown_names_are_refused(seen: NginxEvidence) -> None:
    """Who asks for a name that is nobody's is refused: the first server of a socket gets all of these.

    The guide has no other, so that any name which leads there gets the app, and the app believes it.

    Fix: `server { listen 443 ssl default_server; server_name _; ssl_reject_handshake on; }` (nginx 1.19.4).
    """
    every = tls_servers(seen)
    found = []
    for address in sorted({address for one in every for address in sockets(one)}):
        here = [one for one in every if address in sockets(one)]
        marked = [
            one
            for one in here
            if any("default_server" in each.args for each in listens(one) if each.args[0] == address)
        ]
        default = (marked or here)[0]
        if default.value("ssl_reject_handshake") == "on":
            continue
        passing = [one for one in (default, *inside(default, "location")) if any(one.own(name) for name in CONTENT)]
        if passing:
            found.append(f"{default.where} answers every other name on {address}")
    no_finding(found, "a default_server that refuses")


# Headers


def added(one: Block) -> dict[str, Directive]:
    """The fields that a block adds, those it inherits included."""
    found = {each.args[0].lower(): each for each in one.effective("add_header") if each.args}
    if one.value("add_header_inherit") == "merge":
        for level in one.levels:
            found |= {
                each.args[0].lower(): each for each in level.block or () if each.name == "add_header" and each.args
            }
    return found


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("hdr.hsts", "hdr.x-frame-options", "hdr.x-content-type-options", "hdr.always"),
    applies=declares("headers"),
)
def check_declared_headers_are_added(seen: NginxEvidence, target: Nginx) -> None:
    """Every server that speaks TLS and passes requests on adds the declared fields.

    The guide's server of the load balancer has lost all of them.

    Fix: one file of `add_header … always;` that each server includes.
    """
    passing = [
        one for one in tls_servers(seen) if any(each.own("proxy_pass") for each in (one, *inside(one, "location")))
    ]
    no_finding(
        (
            f"{one.where}: no {', '.join(lacking)}"
            for one in passing
            if (lacking := [name for name in target.expect.headers if name.lower() not in added(one)])
        ),
        "each of them",
    )


@check(severity=MEDIUM, scope=ESTATE, guide=("hdr.always", "hdr.all-paths"))
def check_headers_are_not_lost(seen: NginxEvidence) -> None:
    """No block loses the fields that are added around it: one `add_header` of its own, and none of them is inherited.

    Fix: repeat them (a file that is included), or `add_header_inherit merge;` (nginx 1.29.3).

    See: `nginx -T | grep -nE 'location|add_header'`
    """

    def lost(one: Block) -> list[str]:
        outer = next((Block(level, one.around[index + 1 :]) for index, level in enumerate(one.around)), None)
        if outer is None or not one.own("add_header") or one.value("add_header_inherit") == "merge":
            return []
        return sorted(set(added(outer)) - {each.args[0].lower() for each in one.own("add_header") if each.args})

    every = [each for server in servers(seen) for each in (server, *inside(server, "location", "if"))]
    no_finding((f"{one.where} loses {', '.join(names)}" for one in every if (names := lost(one))), "all of them")


@check(severity=LOW, scope=ESTATE, guide="hdr.always")
def check_headers_are_added_to_errors(seen: NginxEvidence) -> None:
    """Fields are added to errors as well.

    Fix: `always` at the end of each `add_header`.
    """
    every = {place(each): each for one in servers(seen) for each in added(one).values()}
    no_finding((f"{where} {each.args[0]}" for where, each in every.items() if "always" not in each.args[2:]), "always")


@check(severity=ADVISORY, scope=ESTATE, guide="hdr.x-xss-protection")
def check_no_obsolete_header_is_added(seen: NginxEvidence) -> None:
    """X-XSS-Protection is not switched on: the filter is gone from browsers, and had holes of its own.

    Fix: delete the line, or `0`; a Content-Security-Policy is what protects.
    """
    no_finding(
        (
            f"{place(each)} {' '.join(each.args[:2])}"
            for one in servers(seen)
            for name, each in added(one).items()
            if name == "x-xss-protection" and each.args[1:2] and not each.args[1].startswith("0")
        ),
        "absent, or 0",
    )


@check(severity=LOW, scope=ESTATE)
def check_version_is_hidden(seen: NginxEvidence) -> None:
    """Neither errors nor the field Server tell which version it is.

    Fix: `server_tokens off;`
    """
    no_finding(
        (one.where for one in tls_servers(seen) if one.value("server_tokens", "on") == "on"), "server_tokens off"
    )


@check(severity=ADVISORY, scope=ESTATE, guide="perf.gzip")
def check_answers_are_compressed(seen: NginxEvidence) -> None:
    """nginx compresses what it passes on; where the app does (Next.js's `compress`), both is waste.

    None of the guide's snippets says gzip, and nginx's default is off.

    Fix: `gzip on; gzip_proxied any; gzip_types …;`
    """
    found = answering(seen, "proxy_pass")
    no_finding((one.where for one in found if one.value("gzip", "off") != "on"), "gzip on")


@check(severity=MEDIUM, scope=ESTATE, guide="sec.access-logs")
def check_requests_are_logged(seen: NginxEvidence) -> None:
    """Requests that are passed on are logged: without it, nobody can tell what happened.

    Fix: `access_log /var/log/nginx/access.log combined;`, and something that reads it.
    """
    found = answering(seen, "proxy_pass")
    no_finding((one.where for one in found if one.value("access_log").split(" ")[0] == "off"), "an access_log")


# What an attacker looks for


def requests(seen: NginxEvidence, *names: str) -> Iterator[Directive]:
    """Directives of these names that stand in servers, at any depth."""
    for server in servers(seen):
        for one in (server, *inside(server, "location", "if")):
            yield from (each for each in one.directive.block or () if each.name in names)


@check(severity=HIGH, scope=ESTATE)
def check_paths_stay_in_their_directory(seen: NginxEvidence) -> None:
    """No `location /files { alias /data/; }`: `/files../secret` is then /data/../secret.

    Fix: end both with a slash, `location /files/`, or neither.
    """

    def wrong(one: Block) -> bool:
        args = one.directive.args
        prefix = args[-1] if args and args[0] not in ("~", "~*", "=") else "/"
        return not prefix.endswith("/") and any(
            each.args[-1:] and each.args[-1].endswith("/") for each in one.own("alias")
        )

    every = [one for server in servers(seen) for one in inside(server, "location")]
    no_finding((one.where for one in every if wrong(one)), "a slash at the end of both, or of neither")


@check(severity=HIGH, scope=ESTATE)
def check_answers_cannot_be_split(seen: NginxEvidence) -> None:
    """No header field is made of `$uri`, which is decoded: `%0d%0a` in a path is then a line of its own.

    Fix: `$request_uri`.
    """
    names = ("return", "rewrite", "add_header", "proxy_set_header", "proxy_pass")
    found = (each for each in requests(seen, *names) if any(URI.search(arg) for arg in each.args))
    no_finding((f"{place(each)} {each.name} {' '.join(each.args)}" for each in found), "$request_uri")


@check(severity=HIGH, scope=ESTATE)
def check_clients_do_not_choose_where_to(seen: NginxEvidence) -> None:
    """No request is passed on to a host that the client names.

    Fix: a `map` of the hosts that are allowed.
    """
    found = [
        each
        for each in requests(seen, "proxy_pass")
        if any(CLIENTS.search(arg) or re.match(r"\w+://\$(host|http_host)\b", arg) for arg in each.args)
    ]
    no_finding((f"{place(each)} proxy_pass {' '.join(each.args)}" for each in found), "hosts that are written down")


@check(severity=MEDIUM, scope=ESTATE)
def check_directories_are_not_listed(seen: NginxEvidence) -> None:
    """No directory is listed.

    Fix: `autoindex off;`
    """
    every = [each for server in servers(seen) for each in (server, *inside(server, "location"))]
    no_finding((one.where for one in every if one.value("autoindex") == "on"), "autoindex off")


# What runs


@check(
    severity=HIGH, scope=RELEASE, guide="nginx.site-enabled", applies=lambda target: target.host is not None
)  # fmt: skip
def check_what_is_written_is_what_runs(seen: NginxEvidence) -> None:
    """nginx was reloaded after the last change of its files and certificates.

    Fix: `nginx -t && nginx -s reload`.

    See: `ps -o lstart=,args= -C nginx; ls -lt --time-style=full-iso /etc/nginx`
    """
    if seen.running is None or seen.running.workers_since is None:
        raise CannotTell("no process of nginx is seen on the host", cause="outage")
    if seen.running.changed is None:
        raise Finding(seen="no file of its configuration", required="files that were loaded")
    late = seen.running.changed - seen.running.workers_since
    expect(
        late <= RELOADED_WITHIN,
        seen=f"{seen.running.changed_file} was changed {late.total_seconds():.0f} s after the workers were started",
        required="a reload after the last change",
    )
