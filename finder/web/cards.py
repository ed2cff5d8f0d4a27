"""The cards of a results page. All of a card but number and distance is made once for each listing and reader."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from urllib.parse import quote_plus

from flask import get_template_attribute
from markupsafe import Markup, escape

from finder import language
from finder.domain.dates import ends_with_date, is_stale, words
from finder.domain.entry import Statement
from finder.domain.listing import Fit, Found, Layer, Listing, Reason, Who, phone_for
from finder.domain.reasons import miles
from finder.formats import path_of
from finder.language import N_, _, ngettext
from finder.search import LayerPage, SearchPage
from finder.web import facts
from finder.web.context import services
from finder.web.languages import at

ASK_WHETHER = {
    "child": N_("Ask whether they treat children"),
    "young-adult": N_("Ask whether they treat people aged 18 to 39"),
    "adult": N_("Ask whether they treat adults"),
}
_TITLES = {Layer.CENTERS: N_("Leukemia centers"), Layer.SPECIALISTS: N_("Specialists")}
_CARDS_KEPT = 1_500
_SLOT = secrets.token_hex(16)  # No text of a listing can hold it.
_DESIGNATIONS = frozenset({"nci-comprehensive", "nci-clinical", "cog", "nccn"})
_GO_ELSEWHERE = re.compile(r"\b(ask|seen|closed|moved|treated at|given at|call first)\b", re.IGNORECASE)
_STATED = frozenset({"leukemia-program", "transplant", "car-t", "aya-program"})


@dataclass(frozen=True, slots=True)
class Card:
    """One listing of a result as a page shows it."""

    number: int
    listing: Listing
    distance: str
    html: str


@dataclass(frozen=True, slots=True)
class Section:
    """One layer of a result: its heading, and its cards as HTML, those that are known to fit and those to ask."""

    layer: str
    title: str
    total: str
    beyond: bool
    cards: list[Card]
    known: Markup
    unknown: Markup
    ask: str
    has_more: bool


def sections(page: SearchPage) -> list[Section]:
    """Return the layers of a result; the cards are numbered through, as the map's pins are."""
    numbers = count(1)
    today = datetime.now(UTC).date()
    return [_section(layer, page.query.who, numbers, today) for layer in page.layers]


def _section(layer: LayerPage, who: Who | None, numbers: Iterator[int], today: date) -> Section:
    cards = [_card(found, next(numbers), who, today) for found in layer.found]
    known = sum(found.fit is Fit.YES for found in layer.found)
    return Section(
        layer=layer.layer.value,
        title=_(_TITLES[layer.layer]),
        total=_total(layer),
        beyond=layer.beyond,
        cards=cards,
        known=_joined(cards[:known]),
        unknown=_joined(cards[known:]),
        ask=_(ASK_WHETHER[who]) if who else "",
        has_more=layer.total > len(cards),
    )


def _joined(cards: list[Card]) -> Markup:
    return Markup("".join(card.html for card in cards))  # noqa: S704 - the template and escape() made them


def _total(layer: LayerPage) -> str:
    """Return "12 leukemia centers"."""
    total = layer.total
    if not total:
        return _("no leukemia centers") if layer.layer is Layer.CENTERS else _("no specialists")
    if layer.layer is Layer.CENTERS:
        words = ngettext("%(number)s leukemia center", "%(number)s leukemia centers", total, number=f"{total:,}")
    else:
        words = ngettext("%(number)s specialist", "%(number)s specialists", total, number=f"{total:,}")
    return _("more than %(number)s", number=words) if layer.more else words


def _card(found: Found, number: int, who: Who | None, today: date) -> Card:
    distance = miles(found.distance_m or 0.0)
    key = (found.listing, who, today, language.current())
    pieces = _kept.get(key)
    if pieces is None:
        pieces = _pieces(found.listing, found.reasons[1:], who, today)
        _keep(key, pieces)
    start, middle, end, rest = pieces
    html = f"{start}{number}{middle}{distance}{end}{escape(found.reasons[0].text)}{rest}"
    return Card(number, found.listing, distance, html)


# Listings are equal only to themselves, and search hands out a new one when anything about it changes.
_Key = tuple[Listing, Who | None, date, str]
_kept: dict[_Key, tuple[str, ...]] = {}


def _keep(key: _Key, pieces: tuple[str, ...]) -> None:
    if len(_kept) >= _CARDS_KEPT:
        _kept.clear()
    _kept[key] = pieces


def _pieces(listing: Listing, reasons: tuple[Reason, ...], who: Who | None, today: date) -> tuple[str, ...]:
    """Return a card in the pieces between number, distance and reason for the distance, which depend on the place."""
    phone, website = phone_for(listing, who), listing.first("website")
    card: str = get_template_attribute("partials/card.html", "card")(
        slot=_SLOT,
        listing=listing,
        url=at(path_of(listing)),
        kind=_kind(listing),
        badges=[reason.text.removeprefix(_("Member of the ")) for reason in reasons if reason.code in _DESIGNATIONS],
        lines=[_line(reason) for reason in reasons if reason.code not in _DESIGNATIONS],
        elsewhere=_elsewhere(listing),
        call_first=_call_first(reasons, today),
        undated=_call_first(reasons, today) == words(""),
        phone=phone,
        phone_words=facts.phone_words(phone, listing.layer) if phone else "",
        tel=facts.tel(phone.value) if phone else "",
        website=facts.web(website.value) if website else "",
        directions=directions(listing),
        sources=list(_sources(listing, reasons, phone)),
    )
    return tuple(card.split(_SLOT))


def _elsewhere(listing: Listing) -> str:
    """Return the note on an address that is not simply where one goes, such as that of an office or a laboratory."""
    place = listing.first("street", "city", "name")
    return _(place.note) if place and _GO_ELSEWHERE.search(place.note) else ""


def _sources(
    listing: Listing, reasons: tuple[Reason, ...], phone: Statement | None
) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is shown with its source, the source's address and its date in words."""
    for reason in reasons:
        if reason.source:
            yield reason.text, reason.source, facts.web(reason.url), _date(reason.source, reason.as_of)
    shown = {_("Phone"): phone, _("Website"): listing.first("website"), _("Address"): listing.first("street", "city")}
    for what, fact in shown.items():
        if fact:
            yield what, fact.source, facts.web(fact.url), _date(fact.source, fact.as_of)


def _date(source: str, as_of: str) -> str:
    return "" if ends_with_date(source, as_of) else words(as_of)


def _kind(listing: Listing) -> str:
    """Return what a listing is and where it belongs; a specialist's kind is said by the reasons."""
    if listing.layer is Layer.SPECIALISTS:
        practice = listing.first("organization_name")
        return _("At %(practice)s", practice=practice.value) if practice else ""
    kind, parent = facts.kind_words(listing, services().terminology), listing.first("parent")
    if parent is None or parent.value in listing.name:
        return kind
    return _("%(kind)s, part of %(parent)s", kind=kind, parent=parent.value)


def _line(reason: Reason) -> tuple[str, str]:
    """Return one thing that a card says at a glance, as (kind of line, words).

    A program is shown with who stated it, since nobody has certified it to us; the page's title stands in the sources.
    """
    if reason.code not in _STATED:
        return "ask" if reason.code.startswith("ask") else "fact", reason.text
    who = reason.source.partition(", “")[0]
    said = _("%(fact)s, stated by %(who)s (%(date)s)", fact=reason.text, who=who, date=words(reason.as_of))
    return "fact", said


def _call_first(reasons: tuple[Reason, ...], today: date) -> str:
    """Return the date of the oldest stale fact behind the reasons: "2020", or "undated" where one has no date."""
    stale = sorted(reason.as_of for reason in reasons if reason.source and is_stale(reason.as_of, today))
    return words(next((one for one in stale if one), "")) if stale else ""


def directions(listing: Listing) -> str:
    """Return the address of a map of the world at the listing's street, or "" where no place is known."""
    if listing.point is None:
        return ""
    there = str(listing.address) if listing.address.street else f"{listing.point.latitude},{listing.point.longitude}"
    return f"https://www.openstreetmap.org/search?query={quote_plus(there)}"
