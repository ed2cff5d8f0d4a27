"""The JSON interface: listings, suggestions, and its own description."""

from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from finder import formats
from finder.domain.listing import Layer
from finder.domain.place import Located
from finder.domain.query import MAX_NEAR, SearchQuery
from finder.errors import InvalidQuery, NotFound
from finder.search import SearchPage
from finder.web import openapi
from finder.web.context import services
from finder.web.errors import answer

blueprint = Blueprint("api", __name__)
_FORMATS = ("json", "geojson", "csv")


@blueprint.get("/api/v1/listings")
def listings() -> Response | tuple[Response | str, int]:
    """Answer a search as JSON, GeoJSON or CSV."""
    args = request.args.to_dict(flat=False)
    wanted = args.pop("format", ["json"])
    query = _query(args, wanted)
    located = services().locate(query)
    if located.place is None:
        return _not_located(located)
    return _answer(services().find(query, located.place), wanted[0])


def _query(args: dict[str, list[str]], wanted: list[str]) -> SearchQuery:
    mistakes = {}
    if len(wanted) != 1 or wanted[0] not in _FORMATS:
        mistakes["format"] = f"must be one of: {', '.join(_FORMATS)}"
    try:
        query = SearchQuery.parse(args, strict=True)
    except InvalidQuery as error:
        raise InvalidQuery(error.fields | mistakes) from None
    if mistakes:
        raise InvalidQuery(mistakes)
    return query


def _not_located(located: Located) -> tuple[Response | str, int]:
    status, title = {
        "not_found": (404, "Place not found"),
        "ambiguous": (422, "More than one place has this name"),
    }.get(located.status, (422, "This place cannot be looked up"))
    candidates = [formats.place_json(place) for place in located.candidates]
    return answer(status, title, located.message, place_status=located.status.value, candidates=candidates)


def _answer(page: SearchPage, wanted: str) -> Response:
    if wanted == "csv":
        response = Response("".join(formats.search_csv(page)), mimetype="text/csv")
        response.headers["Content-Disposition"] = "attachment; filename=listings.csv"
        return response
    number = page.query.page
    links = {
        "self": _link(page.query, wanted, number),
        "next": _link(page.query, wanted, number + 1) if page.has_next else None,
    }
    if wanted == "json":
        return jsonify(formats.search_json(page, links))
    response = jsonify(formats.search_geojson(page, links))
    response.content_type = "application/geo+json"
    return response


def _link(query: SearchQuery, wanted: str, number: int) -> str:
    pairs = query.args(page=number)
    if wanted != "json":
        pairs.append(("format", wanted))
    return f"/api/v1/listings?{urlencode(pairs)}"


@blueprint.get("/api/v1/listings/<listing_id>")
def listing(listing_id: str) -> Response:
    """Answer one listing with every fact."""
    layer, _, slug = listing_id.partition("-")
    known = {"center": Layer.CENTERS, "specialist": Layer.SPECIALISTS}.get(layer)
    found = services().listing(known, slug) if known else None
    if found is None:
        raise NotFound("There is no listing with this id.")
    return jsonify(formats.listing_json(found))


@blueprint.get("/suggest")
def suggest() -> Response:
    """Answer completions of the place that somebody is typing."""
    text = request.args.get("q", "")
    places = services().suggest(text) if len(text) <= MAX_NEAR else []
    return jsonify([formats.place_json(place) for place in places])


@blueprint.get("/api/v1/openapi.json")
def description() -> Response:
    """Answer the description of this interface."""
    return jsonify(openapi.document())
