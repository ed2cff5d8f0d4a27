"""Problem reports by visitors: what is wrong with a listing, without an account, a cookie or anything personal."""

import hashlib
import secrets

from flask import Blueprint, Flask, current_app, redirect, render_template, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.wrappers import Response

from finder import reviews
from finder.domain.listing import Layer, Listing
from finder.errors import NotFound
from finder.formats import path_of
from finder.language import N_, _
from finder.web.context import services
from finder.web.languages import at
from finder.web.security import from_our_pages

blueprint = Blueprint("reports", __name__)

_Answer = str | tuple[str, int] | tuple[str, int, dict[str, str]] | Response
_RATE = parse("5 per hour")
_NOT_OURS = N_("This was not sent from this page. Please reload the page and send it again.")
_TOO_MANY = N_("Many reports came from your connection. Please wait an hour, or call the place itself.")


class _Counter:
    """Counts reports by address, under a hash that no other process can make."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._secret = secrets.token_bytes(16)

    def hit(self, address: str) -> bool:
        """Count a report and tell whether it is within the limit."""
        key = hashlib.blake2b(address.encode(), key=self._secret, digest_size=16).hexdigest()
        return self._limiter.hit(_RATE, key)


def init(app: Flask) -> None:
    """Keep the count of reports; the pages are added with the others, in each language."""
    app.extensions["finder_reports"] = _Counter()


def _listing(layer: str, slug: str) -> Listing:
    known = next((one for one in Layer if one == layer), None)
    found = services().listing(known, slug) if known else None
    if found is None:
        raise NotFound(_("There is no center or specialist with this address. It may have left the directory."))
    return found


@blueprint.get("/report/<layer>/<slug>")
def form(layer: str, slug: str) -> _Answer:
    """Ask what is wrong."""
    return _form_page(_listing(layer, slug), {})


def _form_page(listing: Listing, mistakes: dict[str, str]) -> str:
    return render_template(
        "pages/report.html",
        listing=listing,
        path=at(path_of(listing)),
        choices={code: _(words) for code, words in reviews.WRONG.items()},
        longest=reviews.LONGEST_REPORT,
        typed=request.form,
        mistakes=mistakes,
        sent=False,
    )


@blueprint.post("/report/<layer>/<slug>")
def send(layer: str, slug: str) -> _Answer:
    """Keep a report for the editors."""
    listing = _listing(layer, slug)
    thanks = redirect(at(f"/report/{layer}/{slug}/thanks"), 303)
    if not from_our_pages():
        return _form_page(listing, {"form": _(_NOT_OURS)}), 403
    if request.form.get("website"):  # People do not see this field; programs that fill in everything do.
        return thanks
    try:
        draft = reviews.draft(request.form.get("wrong", ""), request.form.get("words", ""))
        if not current_app.extensions["finder_reports"].hit(request.remote_addr or ""):
            return _form_page(listing, {"form": _(_TOO_MANY)}), 429, {"Retry-After": str(_RATE.get_expiry())}
        reviews.report(services().database, listing.slug, draft)
    except reviews.CannotReport as error:
        return _form_page(listing, {error.field or "form": str(error)}), error.status
    return thanks


@blueprint.get("/report/<layer>/<slug>/thanks")
def thanks(layer: str, slug: str) -> _Answer:
    """Say what happens next."""
    listing = _listing(layer, slug)
    return render_template("pages/report.html", listing=listing, path=at(path_of(listing)), mistakes={}, sent=True)


@blueprint.after_request
def _kept_by_nobody(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
