"""Hosts that defeat an allow list of scripts: they run what anybody asks them to.

Facts, not a survey. JSONP hosts answer with a callback that the caller names; the others serve AngularJS, whose
templates run code, or every package of a registry. An entry is host/path: a source with a path covers it or not.
Source: the hosts named by csp-evaluator 1.1.8 (allowlist_bypasses) that a product like this one may come to allow, and
the public CDNs of packages by their own documentation. Read 2026-11-25.
"""

from __future__ import annotations

ANGULAR = (
    "ajax.googleapis.com/ajax/libs/angularjs/1.8.3/angular.min.js",
    "cdn.bootcss.com/angular.js/1.2.0/angular.min.js",
    "cdn.jsdelivr.net/npm/angular@1.8.3/angular.min.js",
    "cdn.shopify.com/s/files/1/0225/6463/t/1/assets/angular-animate.min.js",
    "cdn.skypack.dev/angular",
    "cdnjs.cloudflare.com/ajax/libs/angular.js/1.8.3/angular.min.js",
    "code.angularjs.org/1.8.3/angular.min.js",
    "esm.sh/angular",
    "esm.run/angular",
    "ga.jspm.io/npm:angular@1.8.3/index.js",
    "gstatic.com/fsn/angular_js-bundle1.js",
    "oss.maxcdn.com/angularjs/1.2.20/angular.min.js",
    "raw.githubusercontent.com/angular/code.angularjs.org/master/1.0.7/angular-resource.js",
    "storage.googleapis.com/assets-prod.urbansitter.net/us-sym/assets/vendor/angular-sanitize/angular-sanitize.min.js",
    "unpkg.com/angular@1.8.3/angular.min.js",
    "www.gstatic.com/fsn/angular_js-bundle1.js",
    "yandex.st/angularjs/1.2.16/angular-cookies.min.js",
    "yastatic.net/angularjs/1.2.23/angular.min.js",
)
JSONP = (
    "accounts.google.com/o/oauth2/revoke",
    "api.facebook.com/restserver.php",
    "api.flickr.com/services/feeds/photos_friends.gne",
    "api.instagram.com/v1/tags/search",
    "api.map.baidu.com/",
    "api.mixpanel.com/track/",
    "api.vk.com/method/wall.get",
    "books.google.com/books",
    "cdn.syndication.twimg.com/widgets/timelines/1",
    "clients1.google.com/complete/search",
    "cse.google.com/api/1/cse/1/queries/js",
    "dev.virtualearth.net/REST/V1/Imagery/Metadata/Aerial",
    "fast.wistia.com/embed/medias/1.json",
    "googleads.g.doubleclick.net/pagead/conversion/1/wcm",
    "graph.facebook.com/1/",
    "gum.criteo.com/sync",
    "ib.adnxs.com/jpt",
    "links.services.disqus.com/api/ping",
    "maps.google.com/maps/vt",
    "maps.googleapis.com/maps/api/js/GeoPhotoService.GetMetadata",
    "mc.yandex.ru/watch/1/1",
    "nominatim.openstreetmap.org/",
    "pagead2.googlesyndication.com/relatedsearch",
    "partner.googleadservices.com/gampad/ads",
    "publish.twitter.com/oembed",
    "pubsub.pubnub.com/subscribe/demo/hello_world/",
    "query.yahooapis.com/v1/public/yql",
    "se.wikipedia.org/w/api.php",
    "securepubads.g.doubleclick.net/gampad/ads",
    "syndication.twitter.com/widgets/timelines/1",
    "translate.google.com/translate_a/l",
    "translate.googleapis.com/translate_a/l",
    "vimeo.com/api/oembed.json/",
    "widgets.pinterest.com/v3/pidgets/boards/1/1/pins/",
    "www.blogger.com/feeds/1/posts/summary/1",
    "www.facebook.com/restserver.php",
    "www.google.com/tools/feedback/escalation-options",
    "www.googleapis.com/freebase/v1/topic/m/0344_",
    "www.youtube.com/profile_style",
)
JSONP_WITH_EVAL = (
    "google-analytics.com/gtm/js",
    "googletagmanager.com/gtm/js",
    "ssl.google-analytics.com/gtm/js",
    "www.google-analytics.com/gtm/js",
    "www.googleadservices.com/pagead/conversion/1/wcm",
    "www.googletagmanager.com/gtm/js",
)
"""These run what they are asked to only where the policy allows 'unsafe-eval'."""
