"""The pages for patients, parents and their doctors."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlencode

from flask import Blueprint, Flask, current_app, render_template, request
from markupsafe import Markup

from finder import affiliations, ingest, reviews, shared_care
from finder import search as searching
from finder.domain.dates import words
from finder.domain.listing import Layer, Listing
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.reasons import miles
from finder.errors import InvalidQuery, NotFound
from finder.formats import path_of
from finder.guidance import Panel
from finder.guidance.body import load as load_body
from finder.language import N_, _, current, ngettext
from finder.search import SearchPage
from finder.web import cards, facts, form, linked_data, maps
from finder.web.context import guidance, services
from finder.web.languages import at

blueprint = Blueprint("pages", __name__)

_WHO_WORDS = {
    "child": N_("a child under 18"),
    "young-adult": N_("a young adult, 18 to 39"),
    "adult": N_("an adult, 40 or older"),
}
_SEARCH = "/search"
_NEARBY = 3
_FIRST_PAGES = 4


@blueprint.get("/")
def home() -> str:
    """Show the one question."""
    return _home(form.of_args(form.read(request.args)))


def _home(asked: form.Form, path: str = _SEARCH) -> str:
    topics = guidance().topics()
    return render_template(
        "pages/home.html",
        form=asked,
        action=path,
        first_pages=topics[0].pages[:_FIRST_PAGES] if topics else (),
        talk_to=next(iter(guidance().helplines()), None),
    )


@blueprint.get("/search")
def search() -> str | tuple[str, int]:
    """Show what fits near a place, or ask again where the place is not clear."""
    return ask(_SEARCH, lambda query, place, located: _results(services().find(query, place), located))


def ask(path: str, show: Callable[[SearchQuery, Place, Located], str]) -> str | tuple[str, int]:
    """Show what the page at a path has for the query in its address, or ask again there where that is not clear."""
    args = form.read(request.args)
    try:
        query = SearchQuery.parse(args, strict=False)
    except InvalidQuery as error:
        return _home(form.of_args(args, error.fields), path), error.status
    located = services().locate(query)
    if located.place is None:
        return _not_located(path, query, located)
    return show(query, located.place, located)


def _not_located(path: str, query: SearchQuery, located: Located) -> str:
    ambiguous = located.status is LocateStatus.AMBIGUOUS
    mistakes = {} if ambiguous or located.outside else {"near": _(located.message)}
    return render_template(
        "pages/ambiguous.html" if ambiguous else "pages/not_found.html",
        located=located,
        action=path,
        places=other_places(query, located, path),
        form=form.of_query(query, mistakes),
        helplines=guidance().panel(query.who).helplines,
    )


def _results(page: SearchPage, located: Located) -> str:
    query, place, panel = page.query, page.place, guidance().panel(page.query.who)
    sections = cards.sections(page)
    pins = [_pin(card.listing, card.number, card.distance) for part in sections for card in part.cards]
    return render_template(
        "pages/results.html",
        query=query,
        place=place,
        heading=_heading(query, place),
        within=ngettext("%(num)s mile", "%(num)s miles", query.radius),
        **understood(query, place),
        located=located,
        other_places=other_places(query, located),
        sharing=_sharing(page),
        sections=sections,
        counted=_counted(sections),
        only_urls=_only_urls(query, sections),
        change_url=at(f"/?{urlencode(query.args(page=1, point=None))}"),
        previous_url=_url(query, page=query.page - 1) if query.page > 1 else "",
        next_url=_url(query, page=query.page + 1) if page.has_next else "",
        filters_on=form.filters_on(query),
        filter_rows=_filter_rows(replace(query, near="", point=None, page=1), current()),
        first_steps=panel.first_steps,
        panels=_panels(panel, current()),
        sample=services().sample_size(),
        map_data=maps.map_json(_map_place(page), [pin for pin in pins if pin]),
    )


def _counted(sections: list[cards.Section]) -> list[cards.Section]:
    """Return the layers whose numbers stand at the top: "no specialists" says nothing while they are only a sample."""
    if services().sample_size() is None or len(sections) == 1:
        return sections
    return [part for part in sections if not (part.beyond and part.layer == Layer.SPECIALISTS)]


def _sharing(page: SearchPage) -> tuple[str, str] | None:
    """Return how far the nearest center is and the address of its page on shared care, where that is far."""
    center = shared_care.far_center(page)
    if center is None:
        return None
    return miles(center.distance_m or 0.0), _url(page.query, "/shared-care", layer="all")


def other_places(query: SearchQuery, located: Located, path: str = _SEARCH) -> list[tuple[str, str]]:
    """Return the other places that may have been meant, each with the address of the same page there."""
    return [(place.label, _url(query, path, near=place.label, point=None, page=1)) for place in located.candidates]


def understood(query: SearchQuery, place: Place) -> dict[str, str]:
    """Return in words from which point distances are measured, and who needs care ("" where nobody said it)."""
    return {"measured_from": _measured_from(place), "who": _(_WHO_WORDS[query.who]) if query.who else ""}


def _heading(query: SearchQuery, place: Place) -> str:
    if query.point:
        return _("Leukemia care near you")
    if place.precision is Precision.ZIP:
        return _("Leukemia care near ZIP %(code)s", code=place.label)
    return _("Leukemia care near %(where)s", where=place.label)


def _measured_from(place: Place) -> str:
    if place.precision in (Precision.EXACT, Precision.ADDRESS):
        return place.label
    if place.precision is Precision.ZIP:
        return _("the middle of ZIP %(label)s", label=place.label.split()[0])
    return _("the middle of %(label)s", label=place.label)


def _url(query: SearchQuery, path: str = _SEARCH, **changes: object) -> str:
    return at(f"{path}?{urlencode(query.args(**changes))}")


def _only_urls(query: SearchQuery, sections: list[cards.Section]) -> dict[str, str]:
    """Return for each layer of which there is more than shown the address of its own list."""
    if len(sections) == 1:
        return {}
    return {part.layer: _url(query, layer=part.layer, page=1) for part in sections if part.has_more}


@blueprint.app_template_global()
def once(name: str) -> Markup:
    """Return a partial that is the same on every page, rendered once for each application."""
    return _rendered(name, current_app._get_current_object(), current())  # type: ignore[attr-defined]  # the proxy's way


@lru_cache(32)
def _rendered(name: str, app: Flask, _language: str) -> Markup:
    return Markup(app.jinja_env.get_template(name).render())  # noqa: S704 - a template of ours escapes for itself


# What follows is the same for many readers, and costs as much as all the rest of a results page.
@lru_cache(256)
def _filter_rows(query: SearchQuery, _language: str) -> Markup:
    return Markup(render_template("partials/filter_rows.html", form=form.of_query(query)))  # noqa: S704 - escaped there


@lru_cache(8)
def _panels(panel: Panel, _language: str) -> Markup:
    return Markup(render_template("partials/panels.html", panel=panel))  # noqa: S704 - escaped there


def _pin(listing: Listing, number: int, distance: str) -> maps.Pin | None:
    point = listing.point
    if point is None:
        return None
    layer, url = listing.layer.value, at(path_of(listing))
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
        raise NotFound(_("There is no center or specialist with this address. It may have left the directory."))
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
        staff_groups=_staff_groups(found),
        report=reviews.report_state(services().database, [found.slug]).get(found.slug),
        origins=ingest.origins(services().database, {fact.record for fact in found.facts}),
        date_words=words,
        ld=linked_data.of(found, kind),
        map_data=maps.map_json(None, [pin]) if pin else None,
        sample=services().sample_size() if layer is Layer.SPECIALISTS else None,
    )


def _staff_groups(listing: Listing) -> list[tuple[tuple[tuple[str, str], ...], str]]:
    """Return the specialists whom registries place at a center, as (page name, name), each group with its sentence."""
    if listing.layer is not Layer.CENTERS:
        return []
    staff = affiliations.staff(services().database, listing)
    here = ngettext(
        "%(num)s blood and cancer doctor lists this address.",
        "%(num)s blood and cancer doctors list this address.",
        len(staff.at_address),
    )
    billing = ngettext(
        "%(num)s blood and cancer doctor lists this hospital in Medicare’s affiliations.",
        "%(num)s blood and cancer doctors list this hospital in Medicare’s affiliations.",
        len(staff.billing),
    )
    return [(people, words) for people, words in ((staff.at_address, here), (staff.billing, billing)) if people]


def _nearby(listing: Listing) -> list[tuple[Listing, str, str]]:
    """Return the nearest other centers with their distance in words."""
    if listing.point is None:
        return []
    place = Place(listing.name, listing.point, Precision.EXACT)
    page = services().find(SearchQuery(point=listing.point, layer="centers"), place)
    others = [found for found in page.found if found.listing.id != listing.id][:_NEARBY]
    return [(found.listing, at(path_of(found.listing)), miles(found.distance_m or 0.0)) for found in others]


def _related(listing: Listing) -> list[tuple[Listing, str]]:
    """Return the other centers that are part of the same organization."""
    parent = listing.first("parent")
    if parent is None or listing.layer is not Layer.CENTERS:
        return []
    same = [one for one in searching.everything(services().database, Layer.CENTERS) if one.id != listing.id]
    belongs = [one for one in same if (mother := one.first("parent")) and mother.value == parent.value]
    return [(one, at(path_of(one))) for one in belongs]


@blueprint.get("/centers")
def centers() -> str:
    """Show every center by state."""
    by_state: dict[str, list[tuple[Listing, str]]] = {}
    for one in searching.everything(services().database, Layer.CENTERS):
        by_state.setdefault(services().state_name(one.address.state), []).append((one, at(path_of(one))))
    return render_template("pages/centers.html", by_state=sorted(by_state.items()))


@blueprint.get("/guidance/<slug>")
def guidance_page(slug: str) -> str:
    """Show one guidance page."""
    every, page = guidance().pages(), guidance().page(slug)
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
    return render_template("pages/help.html", groups=guidance().help_groups(), date_words=words)


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


@blueprint.get("/body")
def body() -> str:
    """Show what ALL does in the body: as a model, in pictures and in words."""
    said = load_body(services().settings.data, current())
    return render_template("pages/body.html", body=said, date_words=words)
