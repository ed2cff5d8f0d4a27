"""Who a listing treats and what it offers, packed into two small numbers that a database index can filter on.

``audience`` holds two bits for each kind of reader: bit 2k says that the listing fits, bit 2k+1 that nobody knows.
``capability`` holds one bit for each designation and offer; bit 0 is set on every listing.
"""

from collections.abc import Iterable

from finder.domain.entry import Statement
from finder.domain.listing import Fit, Layer, Who
from finder.domain.terminology import Terminology

ANYONE = 0b111111
_WHO = tuple(Who)

LISTED = 1
DESIGNATIONS = {"nci": 1 << 1, "nccn": 1 << 2, "cog": 1 << 3}
OFFERS = {
    ("transplant", "adult"): 1 << 4,
    ("transplant", "pediatric"): 1 << 5,
    ("car-t", "adult"): 1 << 6,
    ("car-t", "pediatric"): 1 << 7,
}
OFFER_FIELDS = {"transplant": "allogeneic_transplant", "car-t": "car_t"}
_TREATS = {"adult": "treats_adults", "pediatric": "treats_children"}
_PROGRAMS = frozenset({"leukemia_program", "allogeneic_transplant", "autologous_transplant", "car_t"})
_GIVEN = frozenset({"authorized", "offers", "treated"})
_POPULATIONS = {"adult": ("adult",), "pediatric": ("pediatric",), "both": ("adult", "pediatric")}


def known_mask(who: Who | None) -> int:
    """Return the audience bits of the listings that are known to fit; without ``who`` every listing does."""
    return ANYONE if who is None else 1 << (2 * _WHO.index(who))


def unknown_mask(who: Who | None) -> int:
    """Return the audience bits of the listings of which nobody knows whether they fit."""
    return 0 if who is None else 2 << (2 * _WHO.index(who))


def fit_of(audience: int, who: Who | None) -> Fit:
    """Return whether a listing with these audience bits fits."""
    if audience & known_mask(who):
        return Fit.YES
    return Fit.UNKNOWN if audience & unknown_mask(who) else Fit.NO


def offer_mask(offer: str, who: Who | None) -> int:
    """Return the capability bits of which one must be set: the reader's own age group, either when it is not given."""
    groups = {Who.CHILD: ("pediatric",), Who.ADULT: ("adult",)}.get(who) if who else None
    return sum(OFFERS[offer, group] for group in groups or ("adult", "pediatric"))


def audience(layer: Layer, facts: Iterable[Statement], terminology: Terminology) -> int:
    """Return the audience bits that follow from a listing's facts."""
    facts = tuple(facts)
    if layer is Layer.SPECIALISTS:
        adults, children = _specialist_fit(facts, terminology)
    else:
        adults, children = _center_fit(facts)
    either = max(adults, children)
    fits = {Who.CHILD: children, Who.YOUNG_ADULT: either, Who.ADULT: adults}
    return sum(_bits(who, fit) for who, fit in fits.items())


def _bits(who: Who, fit: Fit) -> int:
    return {Fit.NO: 0, Fit.UNKNOWN: unknown_mask(who), Fit.YES: known_mask(who)}[fit]


def _specialist_fit(facts: tuple[Statement, ...], terminology: Terminology) -> tuple[Fit, Fit]:
    codes = {fact.value for fact in facts if fact.field == "specialty"}
    adults = Fit.YES if codes & terminology.core_codes("adult") else Fit.NO
    children = Fit.YES if codes & terminology.core_codes("pediatric") else Fit.NO
    return adults, children


def treats(facts: Iterable[Statement], group: str) -> Statement | None:
    """Return the statement from which it follows that a center treats "adult" or "pediatric" patients, if any does.

    A program that is stated for an age group treats that group, even where no list says so.
    """
    facts = tuple(facts)
    own = _TREATS[group]
    said = (fact for fact in facts if fact.field == own and fact.value == "yes")
    programs = (
        fact
        for fact in facts
        if (fact.field in _PROGRAMS and fact.value == "yes") or (fact.field == "car_t_all" and fact.value in _GIVEN)
    )
    implied = (fact for fact in programs if group in _POPULATIONS.get(fact.population, ()))
    return next(said, None) or next(implied, None)


def _center_fit(facts: tuple[Statement, ...]) -> tuple[Fit, Fit]:
    adults, children = _stated(facts, "adult"), _stated(facts, "pediatric")
    childrens_hospital = any(fact.field == "facility_type" and fact.value == "childrens-hospital" for fact in facts)
    if adults is Fit.UNKNOWN and childrens_hospital:
        adults = Fit.NO  # A children's hospital does not treat people over 39 unless a source says so.
    return adults, children


def _stated(facts: tuple[Statement, ...], group: str) -> Fit:
    if treats(facts, group):
        return Fit.YES
    denied = any(fact.field == _TREATS[group] and fact.value == "no" for fact in facts)
    return Fit.NO if denied else Fit.UNKNOWN


def capability(facts: Iterable[Statement]) -> int:
    """Return the designation and offer bits that follow from a listing's facts.

    An offer whose age group no source states counts for both groups; the page says that the age was not stated.
    """
    bits = LISTED
    for fact in facts:
        bits |= _designation_bit(fact)
        for offer, field in OFFER_FIELDS.items():
            if fact.field == field and fact.value == "yes":
                bits |= sum(OFFERS[offer, group] for group in _POPULATIONS.get(fact.population, _POPULATIONS["both"]))
        if fact.field == "car_t_all" and fact.value in ("authorized", "offers"):
            bits |= sum(OFFERS["car-t", group] for group in _POPULATIONS.get(fact.population, _POPULATIONS["both"]))
    return bits


def _designation_bit(fact: Statement) -> int:
    if fact.field == "nci_designation" and fact.value in ("comprehensive", "clinical"):
        return DESIGNATIONS["nci"]
    if fact.value == "yes" and fact.field in ("nccn_member", "cog_member"):
        return DESIGNATIONS[fact.field.removesuffix("_member")]
    return 0
