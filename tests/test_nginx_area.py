"""nginx's configuration: how it is read, nginx's own rules of inheritance, the guide's own text, and a real nginx."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from fixtures import vocabulary
from fixtures.environment.model import Target
from fixtures.environment.sections.hosts import Host
from fixtures.environment.sections.nginx import Nginx
from fixtures.probes import Context
from fixtures.probes._nginx_tree import Tree, among, on_disk, parse
from fixtures.probes.nginx import NginxEvidence, look, suites_of
from fixtures.stack.programs import find
from fixtures.vocabulary import CannotTell, Finding
from tests.records.nginx import NGINX, TEXT, evidence
from tests.test_checks import checked, judge

GUIDE = Path(__file__).parent / "data" / "guide"


def context(targets: Mapping[str, Target] | None = None) -> Context:
    return Context("nginx.main", time.monotonic() + 30, targets=targets or {})


def tree(text: str, **others: str) -> Tree:
    texts = {"/etc/nginx/nginx.conf": text, **{f"/etc/nginx/{name}": other for name, other in others.items()}}
    return parse("/etc/nginx/nginx.conf", among(texts), whole=True)


def within(server: str, *, http: str = "") -> NginxEvidence:
    """The healthy configuration with more in its last server, and around all."""
    text = TEXT.replace("        location / {", f"{server}\n        location / {{").replace(
        "gzip on;", f"gzip on; {http}"
    )
    return evidence(text)


def findings(seen: NginxEvidence, target: Nginx) -> dict[str, str]:
    """What each check of both areas finds; CANNOT TELL counts as well."""
    found = {}
    for name, function in checked().items():
        declared = vocabulary.check_of(function)
        if name.partition(".")[0] not in ("nginx", "proxying") or declared is None or not declared.applies(target):
            continue
        arguments = {key: target if key == "target" else seen for key in function.__annotations__ if key != "return"}
        try:
            function(**arguments)
        except Finding as finding:
            found[name] = finding.seen
        except CannotTell as error:
            found[name] = f"cannot tell: {error.message}"
    return found


# Reading


def test_includes_are_followed_in_their_place_and_order() -> None:
    found = tree(
        "events { }\nhttp { include conf.d/*.conf; include mime.types; server { include /etc/nginx/tls.conf; } }",
        **{"conf.d/b.conf": "gzip on;", "conf.d/a.conf": "gzip off;", "mime.types": "types { text/html html; }"},
        **{"tls.conf": "ssl_protocols TLSv1.3;"},
    )
    http = found.directives[1]
    assert not found.flaws
    assert [(one.name, one.args, one.file) for one in http.block or ()][:2] == [
        ("gzip", ("off",), "/etc/nginx/conf.d/a.conf"),
        ("gzip", ("on",), "/etc/nginx/conf.d/b.conf"),
    ]
    assert (http.block or ())[-1].block is not None


def test_an_include_of_nothing_is_told_and_a_pattern_of_nothing_is_none() -> None:
    found = tree("events { }\nhttp { include gone.conf; include gone/*.conf; }")
    assert found.missing == ("/etc/nginx/nginx.conf:2: include gone.conf",)


def test_includes_that_lead_in_circles_end() -> None:
    found = tree("include nginx.conf;")
    assert any("lead on and on" in flaw for flaw in found.flaws)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("events { }\nhttp {\n    gzip on\n}", "nginx.conf:3: "),
        ("events { }\nhttp {\n    server {\n", "nginx.conf:3: "),
        ("events { }\nhttp { listen 80; }", '"listen" directive is not allowed here'),
        ("events { }\nhttp { server { listen; } }", 'invalid number of arguments in "listen" directive'),
    ],
)
def test_what_nginx_would_not_take_is_told_with_its_line(text: str, told: str) -> None:
    assert any(told in flaw for flaw in tree(text).flaws), tree(text).flaws


def test_secrets_are_no_evidence() -> None:
    secret = "hunter2-hunter2"
    text = (
        "events { }\nhttp {\n"
        f'    map $cookie_x $token {{ default "{secret}"; }}\n    proxy_set_header Authorization "Basic {secret}";\n'
        f'    set $token "{secret}";\n    proxy_pass http://user:{secret}@app;\n    auth_jwt_key_file {secret};\n'
        f'    if ($http_x_secret = "{secret}") {{ return 403; }}\n    secure_link_md5 "$uri {secret}";\n}}'
    )
    assert secret not in tree(text).model_dump_json()


def test_cipher_strings_are_what_openssl_makes_of_them() -> None:
    weak = suites_of("HIGH:!aNULL:!MD5")
    assert {one.forward for one in weak.suites} == {True, False}
    assert all(one.forward and one.aead for one in suites_of("ECDHE+AESGCM").suites)
    assert suites_of("no-such-cipher").flaw


def test_a_file_on_a_host_has_letters_that_no_shell_takes_for_its_own() -> None:
    with pytest.raises(ValidationError, match="an absolute path on the host"):
        Nginx.model_validate({"file": "/etc/nginx;id", "host": "balancer"})


# Rules


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("nginx.paths_stay_in_their_directory", "location /files { alias /data/; }"),
        ("nginx.answers_cannot_be_split", "location /a { return 302 https://cdn.test$uri; }"),
        ("nginx.answers_cannot_be_split", "location /a { return 302 https://cdn.test${document_uri}; }"),
        ("nginx.answers_cannot_be_split", 'location /a { add_header X-Path "$uri"; return 204; }'),
        ("nginx.clients_do_not_choose_where_to", "location /a { proxy_pass http://$arg_host; }"),
        ("nginx.clients_do_not_choose_where_to", "location /a { proxy_pass https://$http_host; }"),
        ("nginx.headers_are_not_lost", "location /a { add_header X-A b always; return 204; }"),
        ("nginx.headers_are_not_lost", "location /a { if ($request_method = PUT) { add_header X-A b always; } }"),
        ("nginx.headers_are_added_to_errors", "add_header X-A b; add_header Strict-Transport-Security x always;"),
        ("nginx.directories_are_not_listed", "location /a { autoindex on; }"),
        ("nginx.requests_are_logged", "location /a { access_log off; proxy_pass http://app; }"),
        ("proxying.scheme_is_passed_on", "location /a { proxy_set_header Host $host; proxy_pass http://app; }"),
        ("proxying.host_is_passed_on", "location /a { proxy_pass http://app; }"),
        ("proxying.proxy_does_not_lead_to_itself", "location /a { proxy_pass http://[::1]:3000; }"),
        ("proxying.proxy_does_not_lead_to_itself", "location /a { proxy_pass http://127.0.0.1; }"),
    ],
)
def test_a_mistake_is_found(name: str, server: str) -> None:
    with pytest.raises(Finding):
        judge(name, within(server))


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("nginx.paths_stay_in_their_directory", "location /files/ { alias /data/; }"),
        ("nginx.paths_stay_in_their_directory", "location = /favicon.ico { alias /data/; }"),
        ("nginx.paths_stay_in_their_directory", "location ~ ^/f/(.*)$ { alias /data/; }"),
        ("nginx.answers_cannot_be_split", "location /a { try_files $uri /index.html; }"),
        ("nginx.clients_do_not_choose_where_to", "location /a { proxy_pass http://$upstream_of_map; }"),
        (
            "nginx.headers_are_not_lost",
            "location /a { add_header_inherit merge; add_header X-A b always; return 204; }",
        ),
        (
            "nginx.headers_are_not_lost",
            'location /a { add_header Strict-Transport-Security "max-age=31536000" always; add_header X-A b always; }',
        ),
        ("nginx.requests_are_logged", "location /health { access_log off; return 204; }"),
    ],
)
def test_what_is_no_mistake_is_none(name: str, server: str) -> None:
    judge(name, within(server))


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        ("return 301 https://$host$request_uri;", True),
        ("return 444;", True),
        ("location / { return 308 https://yourdomain.com$request_uri; }", True),
        (
            "location /.well-known/acme-challenge/ { root /srv; } location / { return 301 https://$host$request_uri; }",
            True,
        ),
        ("return 301 http://$host$request_uri;", False),
        ("return https://$host$request_uri;", True),
        ("return 200 hello;", False),
        ("root /srv;", False),
        ("location / { proxy_pass http://app; }", False),
        ("", False),
    ],
)
def test_plain_http_answers_nothing_of_its_own(answer: str, passes: bool) -> None:
    seen = evidence(TEXT.replace("return 301 https://$host$request_uri;", answer))
    if passes:
        judge("nginx.plain_http_leads_to_https", seen)
    else:
        with pytest.raises(Finding):
            judge("nginx.plain_http_leads_to_https", seen)


def test_protocols_that_are_not_written_are_those_of_the_version() -> None:
    text = TEXT.replace("ssl_protocols TLSv1.2 TLSv1.3;", "")
    judge("nginx.obsolete_protocols_are_off", evidence(text, version="1.27.3"))
    for version in ("1.22.1", ""):
        with pytest.raises(Finding, match="no ssl_protocols"):
            judge("nginx.obsolete_protocols_are_off", evidence(text, version=version))


def test_the_first_server_of_a_socket_is_its_default() -> None:
    text = TEXT.replace(
        "listen 443 ssl default_server; server_name _; http2 on; ssl_reject_handshake on;", "listen 80;"
    )
    with pytest.raises(Finding, match="answers every other name on 443"):
        judge("nginx.unknown_names_are_refused", evidence(text))


def test_without_a_configuration_nothing_is_proven() -> None:
    seen = NGINX.model_copy(update={"tree": Tree(flaws=("/etc/nginx/nginx.conf: can't be read",))})
    for name in ("nginx.directories_are_not_listed", "nginx.answers_cannot_be_split", "proxying.host_cannot_be_forged"):
        with pytest.raises(CannotTell):
            judge(name, seen)


# The guide's own text, word for word


EXPECTED = {
    "emailai.conf": {
        "nginx.answers_are_compressed",  # perf.gzip
        "nginx.http2_has_its_own_directive",  # nginx.http2
        "nginx.no_obsolete_header_is_added",  # hdr.x-xss-protection
        "nginx.redirects_keep_the_name",  # nginx.http-redirect
        "nginx.session_tickets_are_off",  # tls.session-timeout
        "nginx.unknown_names_are_refused",  # nginx.server-names
        "nginx.version_is_hidden",  # beyond the guide
        "nginx.weak_ciphers_are_off",  # tls.ciphers
        "proxying.bypass_has_a_cache",  # nginx.cache-bypass
        "proxying.client_address_is_not_the_proxys",  # nginx.header-real-ip
        "proxying.proxy_does_not_lead_to_itself",  # nginx.proxy-pass
        "proxying.upgrades_are_passed_on_when_asked_for",  # nginx.websocket-upgrade
    },
    "balancer.conf": {
        "nginx.answers_are_compressed",
        "nginx.declared_headers_are_added",  # hdr.always
        "nginx.declared_names_are_served",  # nginx.server-names
        "nginx.http2_has_its_own_directive",
        "nginx.obsolete_protocols_are_off",  # tls.protocols
        "nginx.plain_http_is_answered",  # lb.tls-server-block
        "nginx.session_tickets_are_off",
        "nginx.sessions_are_kept_for_a_while",  # lb.tls-server-block: nothing of the first server stands here
        "nginx.tls_servers_have_a_certificate",  # lb.tls-server-block
        "nginx.unknown_names_are_refused",
        "nginx.version_is_hidden",
        "nginx.weak_ciphers_are_off",
        "proxying.bypass_has_a_cache",
        "proxying.client_address_is_not_the_proxys",
        "proxying.client_address_is_passed_on",  # lb.tls-server-block
        "proxying.dead_hosts_are_given_up_soon",  # lb.failover
        "proxying.scheme_is_passed_on",  # nginx.header-forwarded-proto
        "proxying.upgrades_are_passed_on_when_asked_for",
        "proxying.workers_share_what_they_know",  # lb.passive-limits: without a zone each worker counts for itself
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_guides_own_configuration_has_the_mistakes_that_are_known_of_it(name: str) -> None:
    target = Nginx.model_validate(
        {
            "file": str(GUIDE / name),
            "kind": "site",
            "expect": {
                "names": ["yourdomain.com", "www.yourdomain.com"],
                "headers": ["Strict-Transport-Security", "X-Frame-Options", "X-Content-Type-Options"],
                "behind_proxy": True,
                "alone": name == "emailai.conf",
                "upstreams": 3 if name == "balancer.conf" else None,
            },
        }
    )
    seen = look(target, context())
    assert isinstance(seen, NginxEvidence)
    found = findings(seen, target)
    assert set(found) == EXPECTED[name], found
    assert all(f"{name}:" in told or "www." in told or "server" in told for told in found.values()), (
        "each names its place"
    )


def test_the_guides_text_for_a_site_is_no_main_file() -> None:
    target = Nginx(file=GUIDE / "emailai.conf")
    seen = look(target, context())
    assert isinstance(seen, NginxEvidence)
    with pytest.raises(Finding, match='"server" directive is not allowed here'):
        checked()["nginx.configuration_can_be_used"](seen, target)


# A real nginx


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """A running nginx, and its main file."""
    tmp_path.chmod(0o755)
    main = tmp_path / "nginx.conf"
    (tmp_path / "more.conf").write_text("server { listen unix:%s/socket; return 204; }\n" % tmp_path)  # noqa: UP031
    temporary = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    main.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{ }}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {temporary} include more.conf; }}\n"
    )
    argv = [find().nginx, "-e", f"{tmp_path}/error.log", "-p", str(tmp_path), "-c", str(main)]
    with subprocess.Popen(argv) as process:
        try:
            until = time.monotonic() + 20
            while not (tmp_path / "socket").exists() and time.monotonic() < until:
                time.sleep(0.05)
            yield main
        finally:
            process.terminate()


def seen_on_host(main: Path) -> NginxEvidence:
    host = Host.model_validate({"connect": "local://", "role": "balancer"})
    target = Nginx.model_validate({"file": str(main), "host": "balancer"})
    seen = look(target, context({"hosts.balancer": host}))
    assert isinstance(seen, NginxEvidence)
    return seen


def test_a_forgotten_reload_is_seen(server: Path) -> None:
    seen = seen_on_host(server)
    assert seen.version
    assert seen.tree == parse(str(server), on_disk, whole=True), "the same as where the files lie"
    judge("nginx.what_is_written_is_what_runs", seen)
    later = time.time() + 60
    os.utime(server.parent / "more.conf", (later, later))
    with pytest.raises(Finding, match=r"more\.conf was changed"):
        judge("nginx.what_is_written_is_what_runs", seen_on_host(server))


def test_files_that_hold_a_private_key_stay_on_their_host(tmp_path: Path) -> None:
    main = tmp_path / "nginx.conf"
    main.write_text("events { }\nhttp { include key.conf; }\n")
    (tmp_path / "key.conf").write_text(f"# -----BEGIN {'PRIVATE'} KEY-----\n# hunter2\n")
    seen = seen_on_host(main)
    assert "hunter2" not in seen.model_dump_json()
    assert seen.tree.missing


def test_a_host_that_is_not_declared_is_a_mistake_of_ours() -> None:
    with pytest.raises(CannotTell, match=r"hosts\.balancer is not declared"):
        look(Nginx.model_validate({"file": "/etc/nginx/nginx.conf", "host": "balancer"}), context())
