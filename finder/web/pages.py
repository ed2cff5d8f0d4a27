"""The pages for patients, parents and their doctors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from finder import search as searching
from finder.domain.dates import is_stale, words
from finder.domain.geo import GeoPoint
from finder.domain.listing import Fit, Found, Layer, Listing, Reason, Who, phone_for
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.domain.query import PARAMETERS, RADIUS_CHOICES, SearchQuery
from finder.domain.reasons import fixed_reasons, miles
from finder.errors import InvalidQuery, NotFound
from finder.formats import path_of
from finder.guidance import Panel
from finder.search import LayerPage, SearchPage
from finder.web import facts, linked_data, maps
from finder.web.context import services

blueprint = Blueprint("pages", __name__)

LABELS = {
    "near": "City and state, ZIP code or address",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "who": "Who needs care",
    "radius": "Distance",
    "layer": "What to list",
    "designation": "Designation",
    "offers": "Offers",
    "sort": "Order",
    "page": "Page",
}
WHO_WORDS = {
    "child": "A child or teenager under 18",
    "young-adult": "A young adult, 18 to 39",
    "adult": "An adult, 40 or older",
}
WHO_SHORT = {"child": "a child under 18", "young-adult": "a young adult, 18 to 39", "adult": "an adult, 40 or older"}
ASK_WHETHER = {
    "child": "Ask whether they treat children",
    "young-adult": "Ask whether they treat people aged 18 to 39",
    "adult": "Ask whether they treat adults",
}
LAYER_WORDS = {
    "all": "Centers and specialists",
    "centers": "Leukemia centers only",
    "specialists": "Specialists only",
}
DESIGNATION_WORDS = {
    "nci": "NCI designated cancer center",
    "nccn": "NCCN member",
    "cog": "Children’s Oncology Group",
}
OFFER_WORDS = {"transplant": "Donor stem cell transplant", "car-t": "CAR-T therapy"}
SORT_WORDS = {"distance": "Nearest first", "name": "By name"}
CHOICES = {
    "who": WHO_WORDS,
    "layer": LAYER_WORDS,
    "designation": DESIGNATION_WORDS,
    "offers": OFFER_WORDS,
    "sort": SORT_WORDS,
    "radius": {str(one): f"{one} miles" for one in RADIUS_CHOICES},
}
_SINGULAR = {Layer.CENTERS: "leukemia center", Layer.SPECIALISTS: "specialist"}
_NEARBY = 3
_DESIGNATION_CODES = frozenset({"nci-comprehensive", "nci-clinical", "cog", "nccn"})
_STATED_CODES = frozenset({"leukemia-program", "transplant", "car-t", "aya-program"})


@dataclass(frozen=True, slots=True)
class Card:
    """One listing of a result as a page shows it; ``body`` and ``sources`` do not depend on the searched place."""

    number: int
    listing: Listing
    url: str
    distance: str
    distance_reason: str
    body: Markup
    sources: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """One layer of a result: its heading, its cards that are known to fit, and those to ask."""

    layer: str
    title: str
    beyond: bool
    known: list[Card]
    unknown: list[Card]
    ask: str
    all_url: str
    total: int


@blueprint.get("/")
def home() -> str:
    """Show the one question."""
    typed = {name: request.args.get(name, "") for name in ("near", "who")}
    return render_template("pages/home.html", typed=typed, mistakes={}, labels=LABELS, choices=CHOICES)


@blueprint.get("/search")
def search() -> Response | str | tuple[str, int]:
    """Show what fits near a place, or ask again where the place is not clear."""
    args = request.args.to_dict(flat=False)
    try:
        query = SearchQuery.parse(args, strict=False)
    except InvalidQuery as error:
        return _asked_again(args, error.fields), error.status
    located = services().locate(query)
    if located.place is None:
        return _not_located(query, located)
    return _results(services().find(query, located.place), located)


def _asked_again(args: Mapping[str, Sequence[str]], mistakes: dict[str, str]) -> str:
    typed = {parameter.name: (args.get(parameter.name) or [""])[-1] for parameter in PARAMETERS}
    return render_template("pages/home.html", typed=typed, mistakes=mistakes, labels=LABELS, choices=CHOICES)


def _not_located(query: SearchQuery, located: Located) -> str:
    choices = [(place.label, _url(query, near=place.label, page=1)) for place in located.candidates]
    template = "ambiguous" if located.status is LocateStatus.AMBIGUOUS else "not_found"
    return render_template(
        f"pages/{template}.html",
        located=located,
        places=choices,
        typed={"near": query.near, "who": query.who or ""},
        labels=LABELS,
        choices=CHOICES,
        panel=_panel(query.who),
    )


def _results(page: SearchPage, located: Located) -> str:
    numbers = iter(range(1, len(page.found) + 1))
    sections = [_section(layer, page, numbers) for layer in page.layers]
    cards = [card for section in sections for card in (*section.known, *section.unknown)]
    query = page.query
    return render_template(
        "pages/results.html",
        page=page,
        query=query,
        place=page.place,
        where=_where_words(page.place),
        who=WHO_SHORT.get(query.who or "", ""),
        located=located,
        other_places=[(place.label, _url(query, near=place.label, page=1)) for place in located.candidates],
        counts=_counts(page),
        sections=sections,
        change_url=f"/?{urlencode([('near', query.near), ('who', query.who or '')])}",
        previous_url=_url(query, page=query.page - 1) if query.page > 1 else "",
        next_url=_url(query, page=query.page + 1) if page.has_next else "",
        filters_on=_filters_on(query),
        typed=_typed(query),
        labels=LABELS,
        choices=CHOICES,
        panel=_panel(query.who),
        sample=services().sample_size(),
        map_data=maps.map_json(_map_place(page), [_pin(card) for card in cards if card.listing.point]),
    )


def _section(layer: LayerPage, page: SearchPage, numbers: Any) -> Section:
    cards = [(_card(found, next(numbers), page.query.who), found.fit) for found in layer.found]
    single = len(page.layers) == 1
    return Section(
        layer=layer.layer.value,
        title="Leukemia centers" if layer.layer is Layer.CENTERS else "Specialists",
        beyond=layer.beyond,
        known=[card for card, fit in cards if fit is Fit.YES],
        unknown=[card for card, fit in cards if fit is not Fit.YES],
        ask=ASK_WHETHER.get(page.query.who or "", ""),
        all_url="" if single or layer.total <= len(cards) else _url(page.query, layer=layer.layer.value, page=1),
        total=layer.total,
    )


def _card(found: Found, number: int, who: Who | None) -> Card:
    listing = found.listing
    body, sources = _card_parts(listing, found.reasons[1:], who, datetime.now(UTC).date())
    distance = miles(found.distance_m or 0.0)
    return Card(number, listing, path_of(listing), distance, found.reasons[0].text, body, sources)


@lru_cache(2_048)
def _card_parts(listing: Listing, reasons: tuple[Reason, ...], who: Who | None, today: date) -> tuple[Markup, Markup]:
    """Return what of a card does not depend on the place: its body, and its sources.

    Listings are equal only to themselves, and search hands out a new one when anything about it changes.
    """
    phone, website, parent = phone_for(listing, who), listing.first("website"), listing.first("parent")
    context = {
        "listing": listing,
        "kind": facts.kind_words(listing, services().terminology),
        "parent": parent.value if parent else "",
        "reasons": [(reason, words(reason.as_of)) for reason in reasons],
        "lines": _reason_lines(reasons),
        "phone": phone,
        "phone_words": "New patients" if phone and phone.field == "new_patient_phone" else "Main number",
        "tel": facts.tel(phone.value) if phone else "",
        "website": website,
        "address": listing.first("street", "city"),
        "directions": _directions(listing),
        "call_first": _call_first(reasons, today),
        "words": words,
    }
    body, sources = (render_template(f"partials/{name}.html", **context) for name in ("card_body", "card_sources"))
    return Markup(body), Markup(sources)  # noqa: S704 - the templates escape every value


def _reason_lines(reasons: tuple[Reason, ...]) -> list[tuple[str, str]]:
    """Return what a card says at a glance, as (kind of line, words); designations share the first line.

    A program is shown with who stated it, since nobody has certified it to us.
    """
    designations = [reason.text for reason in reasons if reason.code in _DESIGNATION_CODES]
    lines = [("fact", " · ".join(designations))] if designations else []
    for reason in reasons:
        if reason.code in _DESIGNATION_CODES:
            continue
        text = reason.text
        if reason.code in _STATED_CODES:
            text += f", stated by {reason.source} ({words(reason.as_of)})"
        lines.append(("ask" if reason.code.startswith("ask") else "fact", text))
    return lines


def _call_first(reasons: tuple[Reason, ...], today: date) -> str:
    """Return the date of the oldest stale fact behind the reasons: "2020", or "undated" where one has no date."""
    stale = sorted(reason.as_of for reason in reasons if reason.source and is_stale(reason.as_of, today))
    return words(next((one for one in stale if one), "")) if stale else ""


def _directions(listing: Listing) -> str:
    if listing.point is None:
        return ""
    there = str(listing.address) if listing.address.street else f"{listing.point.latitude},{listing.point.longitude}"
    return f"https://www.openstreetmap.org/search?{urlencode({'query': there})}"


def _pin(card: Card) -> maps.Pin:
    point = card.listing.point or GeoPoint(0, 0)
    return maps.Pin(
        id=card.listing.id,
        layer=card.listing.layer.value,
        name=card.listing.name,
        lat=point.latitude,
        lon=point.longitude,
        label=card.distance,
        url=card.url,
        n=card.number,
    )


def _map_place(page: SearchPage) -> maps.MapPlace:
    place = page.place
    return maps.MapPlace(
        label=place.label,
        lat=place.point.latitude,
        lon=place.point.longitude,
        precision=place.precision.value,
        radius_m=page.query.radius_m,
    )


def _counts(page: SearchPage) -> str:
    """Return "12 leukemia centers and 3 specialists"."""
    parts = []
    for layer in page.layers:
        noun = _SINGULAR[layer.layer] + ("" if layer.total == 1 else "s")
        parts.append(f"{'more than ' if layer.more else ''}{layer.total:,} {noun}")
    return " and ".join(parts)


def _where_words(place: Place) -> str:
    if place.precision is Precision.EXACT:
        return place.label
    return f"ZIP {place.label}" if place.precision is Precision.ZIP else place.label


def _filters_on(query: SearchQuery) -> int:
    return len(query.designation) + len(query.offers) + (query.layer != "all") + (query.sort != "distance")


def _typed(query: SearchQuery) -> dict[str, Any]:
    latitude, longitude = (query.point.latitude, query.point.longitude) if query.point else ("", "")
    return {
        "near": query.near,
        "latitude": latitude,
        "longitude": longitude,
        "who": query.who or "",
        "radius": str(query.radius),
        "layer": query.layer,
        "designation": query.designation,
        "offers": query.offers,
        "sort": query.sort.value,
    }


def _url(query: SearchQuery, **changes: object) -> str:
    if "near" in changes:
        changes["point"] = None
    return f"/search?{urlencode(query.args(**changes))}"


def _panel(who: str | None) -> Panel:
    return services().guidance.panel(who or None)


@blueprint.get("/centers/<slug>", defaults={"layer": Layer.CENTERS})
@blueprint.get("/specialists/<slug>", defaults={"layer": Layer.SPECIALISTS})
def listing(layer: Layer, slug: str) -> str:
    """Show everything that is known about one listing."""
    found = services().listing(layer, slug)
    if found is None:
        raise NotFound("There is no center or specialist with this address. It may have left the directory.")
    terminology, today = services().terminology, datetime.now(UTC).date()
    place = maps.MapPlace(found.name, found.point.latitude, found.point.longitude, "", 0) if found.point else None
    return render_template(
        "pages/listing.html",
        listing=found,
        kind=facts.kind_words(found, terminology),
        phone=phone_for(found, None),
        tel=facts.tel,
        groups=facts.groups(found, terminology, today),
        unknowns=facts.unknowns(found),
        reasons=fixed_reasons(found, None, terminology),
        directions=_directions(found),
        nearby=_nearby(found),
        related=_related(found),
        ld=linked_data.of(found, facts.kind_words(found, terminology)),
        map_data=maps.map_json(None, [_own_pin(found)]) if place else None,
        sample=services().sample_size() if layer is Layer.SPECIALISTS else None,
    )


def _own_pin(listing: Listing) -> maps.Pin:
    point = listing.point or GeoPoint(0, 0)
    return maps.Pin(
        listing.id, listing.layer.value, listing.name, point.latitude, point.longitude, "", path_of(listing), 1
    )


def _nearby(listing: Listing) -> list[tuple[Listing, str, str]]:
    """Return the nearest other centers with their distance in words."""
    if listing.point is None:
        return []
    place = Place(listing.name, listing.point, Precision.EXACT)
    page = services().find(SearchQuery(point=listing.point, layer="centers"), place)
    others = [found for found in page.found if found.listing.id != listing.id][:_NEARBY]
    return [(found.listing, path_of(found.listing), miles(found.distance_m or 0.0)) for found in others]


def _related(listing: Listing) -> list[tuple[Listing, str]]:
    """Return the other centers that are part of the same organization."""
    parent = listing.first("parent")
    if parent is None or listing.layer is not Layer.CENTERS:
        return []
    same = [one for one in searching.everything(services().database, Layer.CENTERS) if one.id != listing.id]
    belongs = [one for one in same if (mother := one.first("parent")) and mother.value == parent.value]
    return [(one, path_of(one)) for one in belongs]


@blueprint.get("/centers")
def centers() -> str:
    """Show every center by state."""
    by_state: dict[str, list[tuple[Listing, str]]] = {}
    for one in searching.everything(services().database, Layer.CENTERS):
        by_state.setdefault(services().state_name(one.address.state), []).append((one, path_of(one)))
    return render_template("pages/centers.html", by_state=sorted(by_state.items()))


@blueprint.get("/guidance")
def guidance_index() -> str:
    """Show every guidance page by topic."""
    return render_template("pages/guidance_index.html", topics=services().guidance.topics())


@blueprint.get("/guidance/<slug>")
def guidance(slug: str) -> str:
    """Show one guidance page."""
    page = services().guidance.page(slug)
    return render_template("pages/guidance.html", page=page, date_words=words)


@blueprint.get("/help")
def help_lines() -> str:
    """Show the help lines."""
    return render_template("pages/help.html", helplines=services().guidance.helplines(), date_words=words)


@blueprint.get("/about")
def about() -> str:
    """Show what this is, how results are ordered, and where the data comes from."""
    database = services().database
    return render_template(
        "pages/about.html",
        centers=searching.size(database, Layer.CENTERS),
        specialists=searching.size(database, Layer.SPECIALISTS),
        sample=services().sample_size(),
    )


@blueprint.get("/privacy")
def privacy() -> str:
    """Show what is and is not kept."""
    return render_template("pages/privacy.html")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Keep searches out of search engines."""
    return Response("User-agent: *\nDisallow: /search\nDisallow: /suggest\nDisallow: /api/\n", mimetype="text/plain")
