"""Header fields that tell a visitor what only the operator need know.

Facts, by lower-case name. Source: OWASP Secure Headers Project, ci/headers_remove.json of 2026-07-19; Server is judged
by its text, X-Powered-By alone. VERSIONS name a product or its version, NEEDLESS what goes on inside. The lists of a
Kubernetes API server and of X-SourceMap and SourceMap (which a browser's tools read) are there as well.
"""

from __future__ import annotations

VERSIONS = (
    "liferay-portal", "oraclecommercecloud-version", "powered-by", "product", "x-aspnet-version",
    "x-aspnetmvc-version", "x-cf-powered-by", "x-cms", "x-cocoon-version", "x-content-encoded-by", "x-framework",
    "x-generated-by", "x-generator", "x-gitlab-meta", "x-jitsi-release", "x-joomla-version", "x-mod-pagespeed",
    "x-owa-version", "x-page-speed", "x-php-version", "x-powered-by-plesk", "x-powered-cms", "x-runtime",
    "x-server-powered-by", "x-turbo-charged-by", "x-umbraco-version", "x-woodpecker-version",
)  # fmt: skip
NEEDLESS = (
    "$wsep", "host-header", "k-proxy-request", "pega-host", "sourcemap", "x-atmosphere-error",
    "x-atmosphere-first-request", "x-atmosphere-tracking-id", "x-b3-parentspanid", "x-b3-sampled", "x-b3-spanid",
    "x-b3-traceid", "x-backside-transport", "x-beserver", "x-calculatedbetarget", "x-datadog-origin",
    "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags", "x-datadog-trace-id", "x-diaginfo",
    "x-dtagentid", "x-dthealthcheck", "x-dtinjectedservlet", "x-envoy-attempt-count", "x-envoy-external-address",
    "x-envoy-internal", "x-envoy-original-dst-host", "x-envoy-upstream-service-time", "x-feserver",
    "x-kong-admin-latency", "x-kong-client-latency", "x-kong-proxy-latency", "x-kong-request-id",
    "x-kong-response-latency", "x-kong-third-party-latency", "x-kong-total-latency", "x-kong-upstream-latency",
    "x-kong-upstream-status", "x-kubernetes-pf-flowschema-ui", "x-kubernetes-pf-prioritylevel-uid",
    "x-litespeed-cache", "x-litespeed-cache-control", "x-litespeed-purge", "x-litespeed-tag", "x-litespeed-vary",
    "x-nextjs-cache", "x-nextjs-matched-path", "x-nextjs-page", "x-nextjs-redirect", "x-old-content-length",
    "x-oneagent-js-injection", "x-redirect-by", "x-ruxit-js-agent", "x-sourcefiles", "x-sourcemap", "x-tyk-trace-id",
    "x-varnish-backend", "x-varnish-server",
)  # fmt: skip
