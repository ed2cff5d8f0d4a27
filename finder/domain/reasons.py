"""Why a listing is in a result, as codes for programs and words for people."""

from collections.abc import Iterator

from finder.domain.entry import Statement
from finder.domain.fit import treats
from finder.domain.geo import METRES_PER_MILE
from finder.domain.listing import Layer, Listing, Reason, Who
from finder.domain.place import Place, Precision
from finder.domain.terminology import Terminology

_MEASURED_FROM = {
    Precision.EXACT: "{label}",
    Precision.ADDRESS: "{label}",
    Precision.ZIP: "the middle of ZIP {label}",
    Precision.CITY: "the middle of {label}",
    Precision.COUNTY: "the middle of {label}",
    Precision.STATE: "the middle of {label}",
}
_AGES = {"adult": "adults", "pediatric": "children", "both": "adults and children"}
_CAR_T_ALL = {
    "authorized": "Authorized center for a CAR-T product for ALL",
    "offers": "Offers CAR-T therapy for ALL",
    "treated": "Has treated patients with CAR-T therapy for ALL",
    "trial-site": "Took part in a trial of CAR-T therapy for ALL",
}


def miles(distance_m: float) -> str:
    """Return a distance in words: "less than 1 mile", "3.4 miles", "120 miles"."""
    value = distance_m / METRES_PER_MILE
    if value < 1:
        return "less than 1 mile"
    if value < 10:
        return f"{value:.1f} miles".replace("1.0 miles", "1 mile")
    return f"{value:,.0f} miles"


def distance_reason(listing: Listing, place: Place, distance_m: float) -> Reason:
    """Return how far the listing is and between which points that was measured."""
    start = _MEASURED_FROM[place.precision].format(label=_short(place))
    far = miles(distance_m)
    text = f"{'Less' + far[4:] if far.startswith('less') else 'About ' + far} from {start}"
    if listing.precision is Precision.ZIP:
        text += f", measured to the middle of its ZIP {listing.address.postal_code}".rstrip()
    elif listing.precision is Precision.CITY:
        text += f", measured to the middle of {listing.address.city}"
    return Reason("distance", text)


def _short(place: Place) -> str:
    return place.label.split(" ", 1)[0] if place.precision is Precision.ZIP else place.label


def fixed_reasons(listing: Listing, who: Who | None, terminology: Terminology) -> tuple[Reason, ...]:
    """Return the reasons that hold wherever the reader is, the most telling first."""
    make = _center_reasons if listing.layer is Layer.CENTERS else _specialist_reasons
    return tuple(make(listing, who, terminology))


def _reason(code: str, text: str, fact: Statement) -> Reason:
    return Reason(code, text, fact.source, fact.url, fact.as_of)


def _center_reasons(listing: Listing, who: Who | None, terminology: Terminology) -> Iterator[Reason]:
    yield from _designations(listing, who, terminology)
    yield from _who_is_treated(listing, who)
    yield from _programs(listing, who)
    trials = listing.facts_about("all_trial")
    if trials:
        yield _reason("trial", _trial_words(trials), trials[0])


def _designations(listing: Listing, who: Who | None, terminology: Terminology) -> Iterator[Reason]:
    for fact in listing.facts_about("nci_designation", "cog_member", "nccn_member"):
        if fact.field == "cog_member" and who is Who.ADULT:
            continue  # It says nothing about care for somebody of 40 or older.
        code = f"nci-{fact.value}" if fact.field == "nci_designation" else fact.field.removesuffix("_member")
        yield _reason(code, terminology.designation(code).name, fact)


def _who_is_treated(listing: Listing, who: Who | None) -> Iterator[Reason]:
    adults, children = treats(listing.facts, "adult"), treats(listing.facts, "pediatric")
    if adults and who is not Who.CHILD:
        yield _reason("treats-adults", "Treats adults", adults)
    elif who is Who.ADULT:
        yield Reason("ask-adults", "Ask whether they treat adults")
    if children and who in (Who.CHILD, None):
        yield _reason("treats-children", "Treats children", children)
    elif children and who is Who.YOUNG_ADULT:
        text = "Treats children; some young adults too: ask up to what age" if not adults else "Treats children too"
        yield _reason("treats-children", text, children)
    elif who is Who.CHILD:
        yield Reason("ask-children", "Ask whether they treat children")
    if who is Who.YOUNG_ADULT and not adults and not children:
        yield Reason("ask-young-adults", "Ask whether they treat people aged 18 to 39")


def _programs(listing: Listing, who: Who | None) -> Iterator[Reason]:
    wanted = {Who.CHILD: ("pediatric", "both", ""), Who.ADULT: ("adult", "both", "")}.get(who) if who else None

    def best(field: str) -> Statement | None:
        facts = (fact for fact in listing.facts_about(field) if not wanted or fact.population in wanted)
        return next(facts, None)

    if fact := best("leukemia_program"):
        yield _reason("leukemia-program", f"Has a {fact.scope or 'leukemia program'}", fact)
    if fact := best("allogeneic_transplant"):
        yield _reason("transplant", f"Does donor (allogeneic) transplants{_for(fact)}", fact)
    if fact := best("car_t_all"):
        yield _reason("car-t", f"{_CAR_T_ALL[fact.value]}{_for(fact)}", fact)
    elif fact := best("car_t"):
        disease = f" for {fact.scope}" if fact.scope else "; ask whether for ALL"
        yield _reason("car-t", f"Offers CAR-T therapy{disease}{_for(fact)}", fact)
    if who is Who.YOUNG_ADULT and (fact := listing.first("aya_program")):
        yield _reason("aya-program", "Has a program for teenagers and young adults", fact)


def _for(fact: Statement) -> str:
    return f", {_AGES[fact.population]}" if fact.population else " (age group not stated)"


def _trial_words(trials: tuple[Statement, ...]) -> str:
    names = [fact.scope or fact.value for fact in trials]
    shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
    words = f"Took part in ALL trials ({shown})" if len(names) > 1 else f"Took part in the ALL trial {shown}"
    years = sorted({fact.as_of[:4] for fact in trials if fact.as_of})
    return f"{words}, in records of {years[-1]}" if years else words


def _specialist_reasons(listing: Listing, who: Who | None, terminology: Terminology) -> Iterator[Reason]:
    facts = listing.facts_about("specialty")
    known = [(terminology.specialty(fact.value), fact) for fact in facts]
    for specialty, fact in known:
        if specialty and specialty.role == "core":
            yield _reason("specialty", f"Listed as: {specialty.words}", fact)
    if who is Who.YOUNG_ADULT and all(specialty and specialty.population == "pediatric" for specialty, _ in known):
        yield Reason("ask-young-adults", "Ask up to what age this doctor treats")
    yield Reason("ask-leukemia", "Ask whether this doctor treats ALL: the registry does not say")
