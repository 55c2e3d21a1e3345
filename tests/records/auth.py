"""Evidence of `auth` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.environment.model import Target
from fixtures.environment.sections.auth import Auth
from fixtures.probes._sign_in import Authorize, Reply
from fixtures.probes.auth import Agreement, AuthEvidence, Landing, LibraryCookie
from tests.records import NOW, Fails

ORIGIN = "https://web.test"
AUTH_TARGET = Auth(endpoint="web")
ASKED = Authorize(
    origin="https://accounts.google.com",
    redirect_uri=f"{ORIGIN}/api/auth/callback/google",
    client_id="1029384756-emailai.apps.googleusercontent.com",
    response_type="code",
    scopes=("openid", "email", "profile"),
    state=43,
    challenge=43,
    challenge_method="S256",
    access_type="",
    prompt="",
)
AUTH = AuthEvidence(
    observed_at=NOW,
    origin=ORIGIN,
    path="/api/auth",
    provider="google",
    framework="next-auth@4",
    shown_by="the names of its cookies",
    complaint="",
    replies=tuple(Reply(name=name, status=200) for name in ("providers", "csrf", "session")),
    providers=("google",),
    addresses=(f"{ORIGIN}/api/auth/signin/google", f"{ORIGIN}/api/auth/callback/google"),
    session="empty",
    session_status=200,
    session_cache="private, no-cache, no-store",
    foreign_session="empty",
    start=Reply(name="a sign-in", status=200, leads="https://accounts.google.com/o/oauth2/v2/auth", authorizes=True),
    authorize=ASKED,
    forged=(
        Reply(name="a sign-in with a wrong token", status=200, leads=f"{ORIGIN}/api/auth/signin", says="csrf=true"),
        Reply(name="a sign-in without a token", status=200, leads=f"{ORIGIN}/api/auth/signin", says="csrf=true"),
    ),
    callbacks=(
        Landing(
            reply=Reply(
                name="a callback with nothing",
                status=302,
                leads=f"{ORIGIN}/api/auth/error",
                says="error=OAuthCallback",
            ),
            at=f"{ORIGIN}/api/auth/signin",
            status=200,
            content_type="text/html; charset=utf-8",
        ),
    ),
    cookies=(
        LibraryCookie(
            role="csrf", name="__Host-next-auth.csrf-token", secure=True, http_only=True, same_site="lax", path="/"
        ),
        LibraryCookie(
            role="state",
            name="__Secure-next-auth.state",
            secure=True,
            http_only=True,
            same_site="lax",
            path="/",
            lifetime=900.0,
        ),
    ),
    agreements=(Agreement(made="app1", taken_by="app2", accepted=True),),
)
TARGETS: dict[type[Target], Target] = {Auth: AUTH_TARGET}
FAILS: Fails = {
    "auth.client_id_is_one_of_googles": (
        AUTH,
        {"authorize": ASKED.model_copy(update={"client_id": "your-google-client-id"})},
    ),
}
