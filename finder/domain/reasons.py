"""Why a listing is in a result, as codes for programs and words for people."""

from collections.abc import Iterator

from finder.domain.entry import Statement
from finder.domain.fit import treats
from finder.domain.geo import METRES_PER_MILE
from finder.domain.listing import Layer, Listing, Reason, Who
from finder.domain.place import Place, Precision
from finder.domain.terminology import Terminology
from finder.language import N_, _

_MEASURED_FROM = {
    Precision.EXACT: "%(label)s",
    Precision.ADDRESS: "%(label)s",
    Precision.ZIP: N_("the middle of ZIP %(label)s"),
    Precision.CITY: N_("the middle of %(label)s"),
    Precision.COUNTY: N_("the middle of %(label)s"),
    Precision.STATE: N_("the middle of %(label)s"),
}
_AGES = {"adult": N_("adults"), "pediatric": N_("children"), "both": N_("adults and children")}
_CAR_T_ALL = {
    "authorized": N_("Authorized center for a CAR-T product for ALL"),
    "offers": N_("Offers CAR-T therapy for ALL"),
    "treated": N_("Has treated patients with CAR-T therapy for ALL"),
    "trial-site": N_("Took part in a trial of CAR-T therapy for ALL"),
}


def miles(distance_m: float) -> str:
    """Return a distance in words: "less than 1 mile", "3.4 miles", "120 miles"."""
    value = distance_m / METRES_PER_MILE
    if value < 1:
        return _("less than 1 mile")
    number = f"{value:.1f}" if value < 10 else f"{value:,.0f}"
    return _("1 mile") if number == "1.0" else _("%(number)s miles", number=number)


def distance_reason(listing: Listing, place: Place, distance_m: float) -> Reason:
    """Return how far the listing is and between which points that was measured."""
    start = _(_MEASURED_FROM[place.precision], label=_short(place))
    if distance_m < METRES_PER_MILE:
        text = _("Less than 1 mile from %(start)s", start=start)
    else:
        text = _("About %(far)s from %(start)s", far=miles(distance_m), start=start)
    if listing.precision is Precision.ZIP:
        code = listing.address.postal_code
        text += _(", measured to the middle of its ZIP %(code)s", code=code).rstrip()
    elif listing.precision is Precision.CITY:
        text += _(", measured to the middle of %(city)s", city=listing.address.city)
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
        yield _reason(code, _(terminology.designation(code).name), fact)


def _who_is_treated(listing: Listing, who: Who | None) -> Iterator[Reason]:
    adults, children = treats(listing.facts, "adult"), treats(listing.facts, "pediatric")
    if adults and who is not Who.CHILD:
        yield _reason("treats-adults", _("Treats adults"), adults)
    elif who is Who.ADULT:
        yield Reason("ask-adults", _("Ask whether they treat adults"))
    if children and who in (Who.CHILD, None):
        yield _reason("treats-children", _("Treats children"), children)
    elif children and who is Who.YOUNG_ADULT:
        alone = _("Treats children; some young adults too: ask up to what age")
        yield _reason("treats-children", _("Treats children too") if adults else alone, children)
    elif who is Who.CHILD:
        yield Reason("ask-children", _("Ask whether they treat children"))
    if who is Who.YOUNG_ADULT and not adults and not children:
        yield Reason("ask-young-adults", _("Ask whether they treat people aged 18 to 39"))


def _programs(listing: Listing, who: Who | None) -> Iterator[Reason]:
    wanted = {Who.CHILD: ("pediatric", "both", ""), Who.ADULT: ("adult", "both", "")}.get(who) if who else None

    def best(field: str) -> Statement | None:
        facts = (fact for fact in listing.facts_about(field) if not wanted or fact.population in wanted)
        return next(facts, None)

    if fact := best("leukemia_program"):
        yield _reason("leukemia-program", _has_program(fact.scope), fact)
    if fact := best("allogeneic_transplant"):
        yield _reason("transplant", _("Does donor (allogeneic) transplants") + _for(fact), fact)
    if fact := best("car_t_all"):
        yield _reason("car-t", _(_CAR_T_ALL[fact.value]) + _for(fact), fact)
    elif fact := best("car_t"):
        named = _("Offers CAR-T therapy for %(disease)s", disease=_(fact.scope) if fact.scope else "")
        text = named if fact.scope else _("Offers CAR-T therapy; ask whether for ALL")
        yield _reason("car-t", text + _for(fact), fact)
    if who is Who.YOUNG_ADULT and (fact := listing.first("aya_program")):
        yield _reason("aya-program", _("Has a program for teenagers and young adults"), fact)


def _has_program(name: str) -> str:
    return _("Has a %(program)s", program=name) if name else _("Has a leukemia program")


def _for(fact: Statement) -> str:
    return _(", %(ages)s", ages=_(_AGES[fact.population])) if fact.population else _(" (age group not stated)")


def _trial_words(trials: tuple[Statement, ...]) -> str:
    names = [fact.scope or fact.value for fact in trials]
    shown = ", ".join(names[:2])
    if len(names) > 2:
        shown = _("%(trials)s and %(number)s more", trials=shown, number=len(names) - 2)
    several = _("Took part in ALL trials (%(trials)s)", trials=shown)
    words = several if len(names) > 1 else _("Took part in the ALL trial %(trial)s", trial=shown)
    years = sorted({fact.as_of[:4] for fact in trials if fact.as_of})
    return words + _(", in records of %(year)s", year=years[-1]) if years else words


def _specialist_reasons(listing: Listing, who: Who | None, terminology: Terminology) -> Iterator[Reason]:
    facts = listing.facts_about("specialty")
    known = [(terminology.specialty(fact.value), fact) for fact in facts]
    for specialty, fact in known:
        if specialty and specialty.role == "core":
            yield _reason("specialty", _("Listed as: %(specialty)s", specialty=_(specialty.words)), fact)
    if who is Who.YOUNG_ADULT and all(specialty and specialty.population == "pediatric" for specialty, _ in known):
        yield Reason("ask-young-adults", _("Ask up to what age this doctor treats"))
    yield Reason("ask-leukemia", _("Ask whether this doctor treats ALL: the registry does not say"))
