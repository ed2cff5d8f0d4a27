"""The pages for patients, parents and their doctors."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, current_app, render_template, request
from markupsafe import Markup

from finder import affiliations, ingest, reviews
from finder import search as searching
from finder.domain.dates import words
from finder.domain.listing import Layer, Listing
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.reasons import miles
from finder.errors import InvalidQuery, NotFound
from finder.formats import path_of
from finder.guidance import Panel
from finder.search import SearchPage
from finder.web import cards, facts, form, linked_data, maps
from finder.web.context import services

blueprint = Blueprint("pages", __name__)

_WHO_WORDS = {"child": "a child under 18", "young-adult": "a young adult, 18 to 39", "adult": "an adult, 40 or older"}
_NEARBY = 3
_FIRST_PAGES = 4


@blueprint.get("/")
def home() -> str:
    """Show the one question."""
    return _home(form.of_args(form.read(request.args)))


def _home(asked: form.Form) -> str:
    guidance = services().guidance
    return render_template(
        "pages/home.html",
        form=asked,
        first_pages=next(iter(guidance.topics())).pages[:_FIRST_PAGES] if guidance.topics() else (),
        talk_to=next(iter(guidance.helplines()), None),
    )


@blueprint.get("/search")
def search() -> str | tuple[str, int]:
    """Show what fits near a place, or ask again where the place is not clear."""
    args = form.read(request.args)
    try:
        query = SearchQuery.parse(args, strict=False)
    except InvalidQuery as error:
        return _home(form.of_args(args, error.fields)), error.status
    located = services().locate(query)
    if located.place is None:
        return _not_located(query, located)
    return _results(services().find(query, located.place), located)


def _not_located(query: SearchQuery, located: Located) -> str:
    ambiguous = located.status is LocateStatus.AMBIGUOUS
    mistakes = {} if ambiguous or located.outside else {"near": located.message}
    return render_template(
        "pages/ambiguous.html" if ambiguous else "pages/not_found.html",
        located=located,
        places=_places(query, located),
        form=form.of_query(query, mistakes),
        helplines=services().guidance.panel(query.who).helplines,
    )


def _results(page: SearchPage, located: Located) -> str:
    query, place, panel = page.query, page.place, services().guidance.panel(page.query.who)
    sections = cards.sections(page)
    pins = [_pin(card.listing, card.number, card.distance) for part in sections for card in part.cards]
    return render_template(
        "pages/results.html",
        query=query,
        place=place,
        where=_where(query, place),
        measured_from=_measured_from(place),
        who=_WHO_WORDS.get(query.who or "", ""),
        located=located,
        other_places=_places(query, located),
        sections=sections,
        counted=_counted(sections),
        only_urls=_only_urls(query, sections),
        change_url=f"/?{urlencode(query.args(page=1, point=None))}",
        previous_url=_url(query, page=query.page - 1) if query.page > 1 else "",
        next_url=_url(query, page=query.page + 1) if page.has_next else "",
        filters_on=form.filters_on(query),
        filter_rows=_filter_rows(replace(query, near="", point=None, page=1)),
        first_steps=panel.first_steps,
        panels=_panels(panel),
        sample=services().sample_size(),
        map_data=maps.map_json(_map_place(page), [pin for pin in pins if pin]),
    )


def _counted(sections: list[cards.Section]) -> list[cards.Section]:
    """Return the layers whose numbers stand at the top: "no specialists" says nothing while they are only a sample."""
    if services().sample_size() is None or len(sections) == 1:
        return sections
    return [part for part in sections if not (part.beyond and part.layer == Layer.SPECIALISTS)]


def _places(query: SearchQuery, located: Located) -> list[tuple[str, str]]:
    """Return the other places that may have been meant, each with the address of the same search there."""
    return [(place.label, _url(query, near=place.label, point=None, page=1)) for place in located.candidates]


def _where(query: SearchQuery, place: Place) -> str:
    if query.point:
        return "you"
    return f"ZIP {place.label}" if place.precision is Precision.ZIP else place.label


def _measured_from(place: Place) -> str:
    if place.precision in (Precision.EXACT, Precision.ADDRESS):
        return place.label
    return f"the middle of {'ZIP ' + place.label.split()[0] if place.precision is Precision.ZIP else place.label}"


def _url(query: SearchQuery, **changes: object) -> str:
    return f"/search?{urlencode(query.args(**changes))}"


def _only_urls(query: SearchQuery, sections: list[cards.Section]) -> dict[str, str]:
    """Return for each layer of which there is more than shown the address of its own list."""
    if len(sections) == 1:
        return {}
    return {part.layer: _url(query, layer=part.layer, page=1) for part in sections if part.has_more}


@blueprint.app_template_global()
def once(name: str) -> Markup:
    """Return a partial that is the same on every page, rendered once for each application."""
    return _rendered(name, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way


@lru_cache(32)
def _rendered(name: str, app: Flask) -> Markup:
    return Markup(app.jinja_env.get_template(name).render())  # noqa: S704 - a template of ours escapes for itself


# What follows is the same for many readers, and costs as much as all the rest of a results page.
@lru_cache(256)
def _filter_rows(query: SearchQuery) -> Markup:
    return Markup(render_template("partials/filter_rows.html", form=form.of_query(query)))  # noqa: S704 - escaped there


@lru_cache(8)
def _panels(panel: Panel) -> Markup:
    return Markup(render_template("partials/panels.html", panel=panel))  # noqa: S704 - escaped there


def _pin(listing: Listing, number: int, distance: str) -> maps.Pin | None:
    point = listing.point
    if point is None:
        return None
    layer, url = listing.layer.value, path_of(listing)
    return maps.Pin(listing.id, layer, listing.name, point.latitude, point.longitude, distance, url, number)


def _map_place(page: SearchPage) -> maps.MapPlace:
    place, point = page.place, page.place.point
    return maps.MapPlace(place.label, point.latitude, point.longitude, place.precision.value, page.query.radius_m)


@blueprint.get("/centers/<slug>", defaults={"layer": Layer.CENTERS})
@blueprint.get("/specialists/<slug>", defaults={"layer": Layer.SPECIALISTS})
def listing(layer: Layer, slug: str) -> str:
    """Show everything that is known about one listing."""
    found = services().listing(layer, slug)
    if found is None:
        raise NotFound("There is no center or specialist with this address. It may have left the directory.")
    terminology = services().terminology
    kind, pin = facts.kind_words(found, terminology), _pin(found, 1, "")
    return render_template(
        "pages/listing.html",
        listing=found,
        kind=kind,
        calls=facts.first_calls(found),
        directions=cards.directions(found),
        groups=facts.groups(found, terminology, datetime.now(UTC).date()),
        unknowns=facts.unknowns(found),
        nearby=_nearby(found),
        related=_related(found),
        staff=affiliations.staff(services().database, found) if layer is Layer.CENTERS else None,
        report=reviews.report_state(services().database, [found.slug]).get(found.slug),
        origins=ingest.origins(services().database, {fact.record for fact in found.facts}),
        date_words=words,
        ld=linked_data.of(found, kind),
        map_data=maps.map_json(None, [pin]) if pin else None,
        sample=services().sample_size() if layer is Layer.SPECIALISTS else None,
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
    every = services().guidance.pages()
    page = services().guidance.page(slug)
    place = every.index(page)
    return render_template(
        "pages/guidance.html",
        page=page,
        before=every[place - 1] if place else None,
        after=every[place + 1] if place + 1 < len(every) else None,
        date_words=words,
    )


@blueprint.get("/help")
def help_lines() -> str:
    """Show the help lines."""
    return render_template("pages/help.html", groups=services().guidance.help_groups(), date_words=words)


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
    return Response(
        "User-agent: *\nDisallow: /search\nDisallow: /suggest\nDisallow: /api/\nDisallow: /report/\nDisallow: /admin\n",
        mimetype="text/plain",
    )
