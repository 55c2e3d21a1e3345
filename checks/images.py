"""Pictures: next/image scales our own and nobody else's, and files of public/ are there."""

from __future__ import annotations

from checks._answers import judge, told
from checks._caching import directives, in_words, seconds
from fixtures.probes.http import Seen
from fixtures.probes.images import ImagesEvidence
from fixtures.vocabulary import ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check

_TYPES = {
    "avif": "image/avif", "css": "text/css", "gif": "image/gif", "html": "text/html", "ico": "image/",
    "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "javascript", "json": "json", "png": "image/png",
    "svg": "image/svg+xml", "txt": "text/plain", "webmanifest": "json", "webp": "image/webp", "woff2": "font/woff2",
    "xml": "xml",
}  # fmt: skip


def _works(images: ImagesEvidence) -> None:
    """A refusal means something only where the declared picture is served."""
    if images.own is None or images.own.status != 200:
        answer = told(images.own) if images.own else "not asked for"
        raise CannotTell(f"the declared picture is not served ({answer}), so a refusal proves nothing", cause="program")


def _refused(images: ImagesEvidence, answer: Seen | None) -> None:
    asked = [answer] if answer else []
    refused = range(400, 500)
    judge(
        asked,
        lambda one: "" if one.status in refused else f"{told(one)}{f' to {one.location}' if one.location else ''}",
        "400",
    )
    _works(images)


@check(
    severity=LOW,
    scope=RELEASE,
    guide="perf.image-optimization",
    applies=lambda endpoint: bool(endpoint.paths.image),
)
def check_picture_is_optimized(images: ImagesEvidence) -> None:
    """next/image gives the declared picture as WebP or AVIF to browsers that accept it, to be kept for a while.

    Fix: install `sharp` in the standalone image; don't set `images.unoptimized`.

    See: curl -sS -D- -o /dev/null -H 'Accept: image/webp' 'https://HOST/_next/image?url=%2Flogo.png&w=64&q=75'
    """

    def wrong(answer: Seen) -> str:
        kept = seconds(directives(answer.cache_control), "max-age")
        if answer.status == 200 and answer.content_type in ("image/webp", "image/avif") and kept:
            return ""
        kind = answer.content_type or "no content type"
        return told(answer) if answer.status != 200 else f"{kind}, {in_words(answer.cache_control)}"

    judge([images.own] if images.own else [], wrong, "200, image/webp or image/avif, with a max-age")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="perf.image-optimization",
    applies=lambda endpoint: bool(endpoint.paths.image),
)
def check_foreign_pictures_are_refused(images: ImagesEvidence) -> None:
    """next/image fetches no picture of a host that nobody listed: else the server fetches what anybody asks for.

    Fix: list hosts one by one in `images.remotePatterns`; never `hostname: '**'`.
    """
    _refused(images, images.foreign)


@check(
    severity=LOW,
    scope=ESTATE,
    guide="perf.image-optimization",
    applies=lambda endpoint: bool(endpoint.paths.image),
)
def check_unlisted_widths_are_refused(images: ImagesEvidence) -> None:
    """next/image scales to the listed widths only: else anybody makes it work and fill its cache.

    Fix: leave `deviceSizes` and `imageSizes` to Next.js; a loader in front must not accept any width.
    """
    _refused(images, images.unlisted)


@check(
    severity=MEDIUM,
    scope=RELEASE,
    guide="image.public-assets",
    applies=lambda endpoint: bool(endpoint.paths.assets),
)
def check_public_files_are_served(images: ImagesEvidence) -> None:
    """The declared files of public/ are served, as what they are.

    Fix: copy `public` into the standalone image: `COPY --from=builder /app/public ./public`.
    """

    def wrong(answer: Seen) -> str:
        if answer.status != 200:
            return told(answer)
        wanted = _TYPES.get(answer.name.rpartition(".")[2].lower(), "")
        fits = wanted in answer.content_type and (wanted or not answer.content_type.startswith("text/html"))
        return "" if fits else f"as {answer.content_type or 'no content type'}"

    judge(images.assets, wrong, "200 and the file's content type")
