"""What search engines may read: /robots.txt keeps searches out, /sitemap.xml names every page in each language."""

from flask import Flask, Response, request
from markupsafe import escape

from finder import search
from finder.domain.listing import Layer
from finder.formats import path_of
from finder.language import ENGLISH
from finder.web.context import services
from finder.web.languages import prefixes

_HIDDEN = ("/search", "/shared-care?", "/shortlist?", "/first-call?", "/report/")
_HIDDEN_ONCE = ("/suggest", "/api/", "/admin")
_OPENING = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
_PAGES = (
    "/",
    "/guidance",
    "/help",
    "/centers",
    "/shared-care",
    "/questions",
    "/records",
    "/body",
    "/glossary",
    "/facts",
    "/about",
    "/privacy",
)


def init(app: Flask) -> None:
    """Add the two files."""
    before = ("", *prefixes().values())

    @app.get("/robots.txt")
    def robots() -> Response:
        hidden = [f"{prefix}{path}" for path in _HIDDEN for prefix in before] + [*_HIDDEN_ONCE]
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in hidden), f"Sitemap: {request.url_root}sitemap.xml"]
        return Response("".join(f"{line}\n" for line in lines), mimetype="text/plain")

    @app.get("/sitemap.xml")
    def sitemap() -> Response:
        guidance = services().guidance[ENGLISH.code].pages()
        centers = search.everything(services().database, Layer.CENTERS)
        paths = [*_PAGES, *(f"/guidance/{page.slug}" for page in guidance), *map(path_of, centers)]
        root = request.url_root.rstrip("/")
        urls = (f"<url><loc>{escape(root + prefix + path)}</loc></url>\n" for path in paths for prefix in before)
        return Response("".join((_OPENING, *urls, "</urlset>\n")), mimetype="application/xml")
