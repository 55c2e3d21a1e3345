"""Evidence of `nginx` that is healthy, and what makes the checks of its areas fail that no fault can prove."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.nginx import Nginx
from fixtures.probes._nginx_tree import among, parse
from fixtures.probes.nginx import NginxEvidence, RunningNginx, suites_of, walk
from tests.records import NOW, Fails

MAIN = "/etc/nginx/nginx.conf"
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
TEXT = """
events { }
http {
    server_tokens off;
    gzip on;
    set_real_ip_from 192.0.2.0/24;
    real_ip_header CF-Connecting-IP;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers %s;
    ssl_session_cache shared:SSL:10m;
    ssl_session_timeout 10m;
    ssl_session_tickets off;
    ssl_certificate /etc/nginx/ssl/origin-cert.pem;
    ssl_certificate_key /etc/nginx/ssl/origin-key.pem;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream app {
        zone app 64k;
        least_conn;
        server app1.internal:3000 max_fails=3 fail_timeout=30s;
        server app2.internal:3000 max_fails=3 fail_timeout=30s;
    }
    server { listen 443 ssl default_server; server_name _; http2 on; ssl_reject_handshake on; }
    server { listen 80; server_name yourdomain.com www.yourdomain.com; return 301 https://$host$request_uri; }
    server {
        listen 443 ssl;
        http2 on;
        server_name yourdomain.com www.yourdomain.com;
        add_header Strict-Transport-Security "max-age=31536000" always;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_connect_timeout 2s;
            proxy_next_upstream error timeout http_502 http_504;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
""" % CIPHERS  # fmt: skip  # noqa: UP031
NGINX_TARGET = Nginx.model_validate(
    {
        "file": MAIN,
        "host": "balancer",
        "expect": {
            "names": ["yourdomain.com", "www.yourdomain.com"],
            "upstreams": 2,
            "headers": ["Strict-Transport-Security"],
            "behind_proxy": True,
            "alone": True,
        },
    }
)


def evidence(text: str, *, target: Nginx = NGINX_TARGET, version: str = "1.30.1") -> NginxEvidence:
    """What the probe would see of this text."""
    file = str(target.file)
    tree = parse(file, among({file: text}), whole=target.kind == "main")
    lists = {" ".join(one.args) for one in walk(tree.directives) if one.name == "ssl_ciphers"}
    return NginxEvidence(
        observed_at=NOW,
        file=file,
        tree=tree,
        ciphers=tuple(suites_of(each) for each in sorted(lists | {"HIGH:!aNULL:!MD5"})),
        version=version,
        running=RunningNginx(workers_since=NOW, changed=NOW - timedelta(hours=1), changed_file=MAIN),
    )


NGINX = evidence(TEXT)


def changed(old: str, new: str) -> dict[str, Any]:
    """Another text in one place."""
    assert old in TEXT
    found = evidence(TEXT.replace(old, new))
    return {"tree": found.tree, "ciphers": found.ciphers}


TARGETS: dict[type[Target], Target] = {Nginx: NGINX_TARGET}
FAILS: Fails = {
    "nginx.configuration_can_be_used": (NGINX, changed("gzip on;", "gzip on")),
    "nginx.declared_names_are_served": (NGINX, changed("yourdomain.com www.yourdomain.com", "yourdomain.com")),
    "nginx.http2_has_its_own_directive": (NGINX, changed("443 ssl;\n        http2 on;", "443 ssl http2;")),
    "nginx.redirects_keep_the_name": (NGINX, changed("https://$host", "https://$server_name")),
    "nginx.requests_are_logged": (NGINX, changed("gzip on;", "gzip on; access_log off;")),
    "nginx.session_tickets_are_off": (NGINX, changed("ssl_session_tickets off;", "")),
    "nginx.tls_servers_have_a_certificate": (
        NGINX,
        changed("ssl_certificate_key /etc/nginx/ssl/origin-key.pem;", ""),
    ),
    "nginx.what_is_written_is_what_runs": (
        NGINX,
        {"running": RunningNginx(workers_since=NOW, changed=NOW + timedelta(minutes=1), changed_file=MAIN)},
    ),
    "proxying.bypass_has_a_cache": (NGINX, changed("proxy_http_version 1.1;", "proxy_cache_bypass $http_upgrade;")),
    "proxying.client_address_is_not_the_proxys": (NGINX, changed("real_ip_header CF-Connecting-IP;", "")),
    "proxying.failing_instances_are_left_out": (NGINX, changed("app2.internal:3000 max_fails=3", "app2.internal:3000")),
    "proxying.proxy_does_not_lead_to_itself": (NGINX, changed("http://app;", "http://localhost:3000;")),
    "proxying.workers_share_what_they_know": (NGINX, changed("zone app 64k;", "")),
}
