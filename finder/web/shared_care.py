"""Shared care: a far leukemia center and a doctor nearby as pairs, and who does what."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from markupsafe import Markup

from finder.domain.dates import words
from finder.domain.entry import Statement
from finder.domain.listing import Found, Reason, Who, phone_for
from finder.domain.place import Located, Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.reasons import miles
from finder.formats import path_of
from finder.guidance import GuidancePage
from finder.language import ENGLISH, _
from finder.shared_care import SharedCare, plan
from finder.web import facts, form, pages
from finder.web.context import guidance, services
from finder.web.languages import at

blueprint = Blueprint("shared_care", __name__)

_PATH = "/shared-care"
_GUIDANCE = "shared-care"
# The sections of the guidance page that stand here too, by their English names.
_AGREE, _FEVER, _YOURS = "agree-on-this-early", "fever-comes-first", "your-part"
_DOCTOR = "for-your-local-doctor-what-to-send"


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the guidance page: the id and words of its heading, and its HTML with that heading."""

    id: str
    title: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Member:
    """A center or doctor of a pair: distance in words, how it was measured, and where what is shown comes from.

    ``sources`` are (what, source, its address, its date in words).
    """

    name: str
    url: str
    place: str
    distance: str
    measured: str
    notes: tuple[str, ...]
    phone: str
    phone_words: str
    tel: str
    sources: tuple[tuple[str, str, str, str], ...]


@blueprint.get(_PATH)
def show() -> str | tuple[str, int]:
    """Show who could share care near a place; without a place, ask for one beside what holds everywhere."""
    return pages.ask(_PATH, _planned) if request.args else _started()


def _started() -> str:
    return _page(heading=_("Share care with a doctor near you"), plan=None, form=form.of_args({}))


def _planned(query: SearchQuery, place: Place, located: Located) -> str:
    shared = plan(services().database, services().terminology, query, place)
    return _page(
        heading=_heading(query, place),
        plan=shared,
        form=form.of_query(query),
        query=query,
        place=place,
        located=located,
        other_places=pages.other_places(query, located, _PATH),
        teams=_teams(shared, query.who),
        nearest=miles(shared.centers[0].distance_m or 0.0) if shared.centers else "",
        search_url=at(f"/search?{urlencode(query.args(page=1))}"),
        sample=services().sample_size(),
        **pages.understood(query, place),
    )


def _heading(query: SearchQuery, place: Place) -> str:
    if query.point:
        return _("Shared care near you")
    if place.precision is Precision.ZIP:
        return _("Shared care near ZIP %(code)s", code=place.label)
    return _("Shared care near %(where)s", where=place.label)


def _page(**more: object) -> str:
    page = guidance().page(_GUIDANCE)
    return render_template(
        "pages/shared_care.html",
        action=_PATH,
        page=page,
        page_url=at(f"/guidance/{_GUIDANCE}"),
        lead=_pieces(page)[0],
        agree=_part(_AGREE),
        fever=_part(_FEVER),
        yours=_part(_YOURS),
        doctor=_part(_DOCTOR),
        date_words=words,
        **more,
    )


def _part(english: str) -> Part:
    """Return a section in the language of this request; every language has the same sections in the same order."""
    original = services().guidance[ENGLISH.code].page(_GUIDANCE)
    number = [id_ for id_, _title in original.headings].index(english)
    page = guidance().page(_GUIDANCE)
    id_, title = page.headings[number]
    return Part(id_, title, _pieces(page)[number + 1])


def _pieces(page: GuidancePage) -> list[Markup]:
    """Return what stands before the first heading, then each section."""
    return [Markup(piece) for piece in re.split(r"(?=<h2 )", page.html)]  # noqa: S704 - guidance made it safe


def _teams(shared: SharedCare, who: Who | None) -> list[tuple[Member, list[tuple[Member, str, str]]]]:
    """Return each center with its doctors, each with the distance between the two and how that was measured."""
    return [
        (
            _member(center, who),
            [(_member(pair.doctor, who), miles(pair.apart_m), pair.apart.text) for pair in shared.with_center(center)],
        )
        for center in shared.centers
    ]


def _member(found: Found, who: Who | None) -> Member:
    listing, phone = found.listing, phone_for(found.listing, who)
    said = [reason for reason in found.reasons if reason.code.startswith(("treats", "ask", "specialty"))]
    shown = {_("Phone"): phone, _("Address"): listing.first("street", "city")}
    return Member(
        name=listing.name,
        url=at(path_of(listing)),
        place=", ".join(part for part in (listing.address.city, listing.address.state) if part),
        distance=miles(found.distance_m or 0.0),
        measured=found.reasons[0].text,
        notes=tuple(reason.text for reason in said),
        phone=phone.value if phone else "",
        phone_words=facts.phone_words(phone, listing.layer) if phone else "",
        tel=facts.tel(phone.value) if phone else "",
        sources=(*_stated(said), *(_source(what, fact) for what, fact in shown.items() if fact)),
    )


def _stated(reasons: list[Reason]) -> Iterator[tuple[str, str, str, str]]:
    for reason in reasons:
        if reason.source:
            yield reason.text, reason.source, facts.web(reason.url), words(reason.as_of)


def _source(what: str, fact: Statement) -> tuple[str, str, str, str]:
    return what, fact.source, facts.web(fact.url), words(fact.as_of)
