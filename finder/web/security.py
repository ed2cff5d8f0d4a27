"""What every answer must carry, and how often one address may ask."""

import hashlib
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), interest-cohort=()",
}
# The addresses whose requests say where somebody is.
SEARCHING = frozenset(
    {
        "pages.search",
        "pages_es.search",
        "shared_care.show",
        "shared_care_es.show",
        "shortlist.shortlist",
        "shortlist_es.shortlist",
        "api.listings",
        "api.suggest",
        "fhir.search",
    }
)


def init(app: Flask) -> None:
    """Give templates the nonce, count requests, and add the headers."""
    settings = app.extensions["finder"].settings
    tiles = urlsplit(settings.tile_url)
    tile_origin = f" {tiles.scheme}://{tiles.netloc.replace('{s}', '*')}" if tiles.netloc else ""
    before, after = _policy_parts(tile_origin)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    if settings.rate_limit:
        _limit_rate(app, settings.rate_limit)

    @app.after_request
    def _add_headers(response: Response) -> Response:
        headers = response.headers
        for name, value in _HEADERS.items():
            headers[name] = value
        nonce = g.get("csp_nonce")
        headers["Content-Security-Policy"] = f"{before} 'nonce-{nonce}'{after}" if nonce else before + after
        if request.endpoint in SEARCHING:
            headers["Cache-Control"] = "private, no-store"
        elif "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-cache"
        return response


def csp_nonce() -> str:
    """Return this answer's nonce, the same each time."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def _policy_parts(tile_origin: str) -> tuple[str, str]:
    before = "default-src 'none'; script-src 'self'"
    after = (
        f"; style-src 'self'; img-src 'self' data:{tile_origin}; connect-src 'self'; font-src 'self'; "
        "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return before, after


def _limit_rate(app: Flask, rate: str) -> None:
    item = parse(rate)
    limiter = MovingWindowRateLimiter(MemoryStorage())
    secret = secrets.token_bytes(16)  # Addresses are counted under a hash that no other process can make.

    @app.before_request
    def _count() -> None:
        if request.endpoint not in SEARCHING:
            return
        address = hashlib.blake2b((request.remote_addr or "").encode(), key=secret, digest_size=16).hexdigest()
        if not limiter.hit(item, address):
            raise TooManyRequests(retry_after=item.get_expiry())


def from_our_pages() -> bool:
    """Tell whether a browser says that one of our own pages sent this; what says nothing is not believed."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host
