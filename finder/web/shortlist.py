"""The shortlist: up to five listings side by side, and the pages to print for a first call.

Which listings a reader keeps is known to that reader's browser alone. An address names them, and that is all it holds
unless the reader asks for distances.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from finder import search
from finder.domain.dates import ends_with_date, is_stale, words
from finder.domain.entry import Statement
from finder.domain.geo import distance_m
from finder.domain.listing import Layer, Listing, Reason, Who, phone_for
from finder.domain.place import Located, LocateStatus, Place
from finder.domain.query import SearchQuery
from finder.domain.reasons import distance_reason, fixed_reasons
from finder.errors import InvalidQuery
from finder.formats import path_of
from finder.language import N_, _, current
from finder.web import facts, form
from finder.web.context import guidance, services
from finder.web.facts import Row
from finder.web.languages import at

blueprint = Blueprint("shortlist", __name__)

MOST = 5
_WHERE = ("near", "latitude", "longitude")
_PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        N_("Designations and memberships"),
        ("nci_designation", "cog_member", "nccn_member", "fact_accredited", "nmdp_network"),
    ),
    (N_("Leukemia program"), ("leukemia_program", "aya_program")),
    (N_("Donor transplant"), ("allogeneic_transplant", "transplant_specialist")),
    (N_("CAR-T therapy"), ("car_t_all", "car_t")),
)
_TREATED = {
    Who.CHILD: ("treats_children", ("treats-children", "ask-children")),
    Who.ADULT: ("treats_adults", ("treats-adults", "ask-adults")),
}
# What to say, in English, to get an interpreter; a reader of another language is told what it means.
_INTERPRETER = {
    "en": N_("I need an interpreter, please. I speak (your language)."),
    "es": N_("I need a Spanish interpreter, please."),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the ids of an address name: the listings in its order, and what cannot be shown.

    ``gone`` are ids that the directory does not hold; ``over`` is how many stood beyond the first five.
    """

    listings: tuple[Listing, ...]
    gone: tuple[str, ...]
    over: int

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the listings that are there."""
        return tuple(listing.id for listing in self.listings)


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number, whose line it is, and what the listing's own page says of it."""

    number: str
    whose: str
    tel: str
    row: Row


@dataclass(frozen=True, slots=True)
class Column:
    """One listing of the comparison: ``cells`` stand in the order of the comparison's lines.

    What stands in a cell without a source is a thing to ask; an empty cell says that no source tells.
    """

    listing: Listing
    url: str
    kind: str
    numbers: list[Number]
    distance: str
    cells: tuple[tuple[Row, ...], ...]
    questions: tuple[str, ...]
    without_url: str


@dataclass(frozen=True, slots=True)
class Start:
    """From where distances are measured: nowhere unless the address says so. ``mistake`` is a sentence."""

    typed: str = ""
    place: Place | None = None
    mistake: str = ""
    candidates: tuple[Place, ...] = ()


@blueprint.after_request
def _keep_to_oneself(response: Response) -> Response:
    """Let nobody on the way keep a page that tells whom somebody is about to call."""
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/shortlist")
def shortlist() -> str:
    """Show the listings that the address names side by side."""
    args = form.read(request.args)
    chosen, who, start, today = _chosen(args), _who(args), _start(args), datetime.now(UTC).date()
    lines = _lines(chosen.listings, today)
    return render_template(
        "pages/shortlist.html",
        chosen=chosen,
        most=MOST,
        labels=[label for label, _cells in lines],
        columns=[
            _column(listing, tuple(cells[number] for _label, cells in lines), chosen, args, start.place, today)
            for number, listing in enumerate(chosen.listings)
        ],
        start=start,
        candidates=[(one.label, _url("/shortlist", chosen.ids, who, near=one.label)) for one in start.candidates],
        who=who,
        share=request.root_url.rstrip("/") + _url("/shortlist", chosen.ids),
        plain_url=_url("/shortlist", chosen.ids, who),
        print_url=_url("/first-call", chosen.ids, who),
    )


@blueprint.get("/first-call")
def first_call() -> str:
    """Show what somebody needs at the telephone, for one or two printed pages."""
    args = form.read(request.args)
    chosen, who, today = _chosen(args), _who(args), datetime.now(UTC).date()
    sentence = _INTERPRETER[current()]
    people = form.CHOICES["who"]
    readers: list[tuple[Who | None, str]] = [(None, N_("Anyone")), *((one, people[one]) for one in Who)]
    return render_template(
        "pages/first_call.html",
        chosen=chosen,
        most=MOST,
        calls=[(one, _kind(one), _numbers(one, who, today)) for one in chosen.listings],
        panel=guidance().panel(who),
        sentence=sentence,
        meaning=_(sentence) if current() != "en" else "",
        readers=[(_(label), _url("/first-call", chosen.ids, one), one == who) for one, label in readers],
        reader=_(people[who]) if who else "",
        list_url=_url("/shortlist", chosen.ids, who),
        today=words(today.isoformat()),
        undated=words(""),
        date_words=words,
    )


def _chosen(args: Mapping[str, Sequence[str]]) -> Chosen:
    """Return what ``ids`` names, whether it stands once with commas or several times."""
    asked = [one.strip() for text in args.get("ids", ()) for one in text.split(",")]
    ids = tuple(dict.fromkeys(one for one in asked if one))
    first = ids[:MOST]
    listings = search.by_ids(services().database, first) if first else ()
    held = {listing.id for listing in listings}
    return Chosen(listings, tuple(one for one in first if one not in held), len(ids) - len(first))


def _who(args: Mapping[str, Sequence[str]]) -> Who | None:
    """Return who needs care; an answer that is none of ours counts as not given."""
    said = args.get("who", ())
    return Who(said[-1]) if said and said[-1] in tuple(Who) else None


def _start(args: Mapping[str, Sequence[str]]) -> Start:
    where = {name: args[name] for name in _WHERE if any(args.get(name, ()))}
    if not where:
        return Start()
    typed = "".join(where.get("near", ())[:1])
    try:
        located = services().locate(SearchQuery.parse(where, strict=False))
    except InvalidQuery:
        return Start(typed, mistake=_("Distances need a city and state, a ZIP code or an address."))
    return Start(typed, located.place, _mistake(located), () if located.place else located.candidates)


def _mistake(located: Located) -> str:
    if located.place:
        return ""
    return _("Which place do you mean?") if located.status is LocateStatus.AMBIGUOUS else _(located.message)


def _url(path: str, ids: Sequence[str], who: Who | None = None, **more: str) -> str:
    """Return an address of ours that holds ids, and what else was asked for."""
    told = {"ids": ",".join(ids)} if ids else {}
    told |= {"who": who.value} if who else {}
    query = urlencode(told | more, safe=",")
    return at(f"{path}?{query}" if query else path)


def _column(
    listing: Listing,
    cells: tuple[tuple[Row, ...], ...],
    chosen: Chosen,
    args: Mapping[str, Sequence[str]],
    place: Place | None,
    today: date,
) -> Column:
    who = _who(args)
    others = [one for one in chosen.ids if one != listing.id]
    where = {name: args[name][0] for name in _WHERE if any(args.get(name, ()))} if others else {}
    return Column(
        listing,
        at(path_of(listing)),
        _kind(listing),
        _numbers(listing, who, today),
        _distance(listing, place) if place else "",
        cells,
        facts.unknowns(listing),
        _url("/shortlist", others, who if others else None, **where),
    )


def _kind(listing: Listing) -> str:
    return facts.kind_words(listing, services().terminology)


def _numbers(listing: Listing, who: Who | None, today: date) -> list[Number]:
    """Return the numbers to call first: that of the listing's card for this reader, else those of its page."""
    on_page = [(number, whose) for number, whose, _tel in facts.first_calls(listing)]
    lines = [
        fact
        for fact in listing.facts_about("new_patient_phone", "phone")
        if fact.audience != "clinician" and (fact.value, facts.phone_words(fact, listing.layer)) in on_page
    ]
    own = phone_for(listing, who)
    shown = lines if who is None else [own] if own else []
    return [_number(fact, listing, today) for fact in shown]


def _number(fact: Statement, listing: Listing, today: date) -> Number:
    (row,) = _as_on_its_page(listing, (fact,), today)
    return Number(fact.value, facts.phone_words(fact, listing.layer), facts.tel(fact.value), row)


_Line = tuple[str, list[tuple[Row, ...]]]


def _lines(listings: Sequence[Listing], today: date) -> list[_Line]:
    """Return what is compared, as (label, what is said of each listing).

    What only centers have is left out where nobody in the list is one.
    """
    lines: list[_Line] = [(_("Who is treated"), [tuple(_treated(listing, today)) for listing in listings])]
    if any(listing.layer is Layer.CENTERS for listing in listings):
        for label, fields in _PROGRAMS:
            lines.append((_(label), [_as_on_its_page(one, one.facts_about(*fields), today) for one in listings]))
        lines.append((_("Trials they took part in"), [_because(one, None, ("trial",), today) for one in listings]))
    return lines


def _distance(listing: Listing, place: Place) -> str:
    if listing.point is None:
        return _("Not known")
    return distance_reason(listing, place, distance_m(place.point, listing.point)).text


def _treated(listing: Listing, today: date) -> Iterator[Row]:
    """Yield who is treated as a card says it to a reader of each age, and each "no" as the listing's page says it."""
    if listing.layer is Layer.SPECIALISTS:
        yield from _because(listing, None, ("specialty", "ask-leukemia"), today)
        return
    for who, (field, codes) in _TREATED.items():
        denials = tuple(fact for fact in listing.facts_about(field) if fact.value == "no")
        yield from _because(listing, who, codes, today) if not denials else _as_on_its_page(listing, denials, today)


def _because(listing: Listing, who: Who | None, codes: tuple[str, ...], today: date) -> tuple[Row, ...]:
    """Return the reasons with these codes that a card would give to this reader."""
    reasons = fixed_reasons(listing, who, services().terminology)
    return tuple(_of_reason(reason, today) for reason in reasons if reason.code in codes)


def _of_reason(reason: Reason, today: date) -> Row:
    if not reason.source:
        return Row(reason.text, ())
    stale = is_stale(reason.as_of, today)
    when = "" if not stale and ends_with_date(reason.source, reason.as_of) else words(reason.as_of)
    return Row(reason.text, (), source=reason.source, url=facts.web(reason.url), date=when, stale=stale)


def _as_on_its_page(listing: Listing, said: tuple[Statement, ...], today: date) -> tuple[Row, ...]:
    """Return these facts of a listing as its own page shows them."""
    part = replace(listing, facts=said)
    return tuple(row for group in facts.groups(part, services().terminology, today) for row in group.rows)
