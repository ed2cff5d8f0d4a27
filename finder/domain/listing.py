"""What a reader sees: a listing is one thing that a patient can contact at a place."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from finder.domain.entry import Statement
from finder.domain.geo import METRES_PER_MILE, GeoPoint
from finder.domain.place import Precision


class Layer(StrEnum):
    """The two labelled layers of a result, in the order in which they are shown."""

    CENTERS = "centers"
    SPECIALISTS = "specialists"

    @property
    def number(self) -> int:
        """The small number that the database keeps for this layer."""
        return 1 if self is Layer.CENTERS else 2

    def id_of(self, slug: str) -> str:
        """Return the id of the listing whose page has this name: "center-dana-farber"."""
        return f"{self.value.removesuffix('s')}-{slug}"


class Who(StrEnum):
    """Who needs care: under 18, 18 to 39, 40 or older."""

    CHILD = "child"
    YOUNG_ADULT = "young-adult"
    ADULT = "adult"


class Fit(IntEnum):
    """Whether a listing treats somebody of that age; unknown is never no."""

    NO = 0
    UNKNOWN = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; an unknown part is an empty text."""

    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    def __str__(self) -> str:
        tail = " ".join(part for part in (self.state, self.postal_code) if part)
        return ", ".join(part for part in (self.street, self.city, tail) if part)


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A leukemia center or a specialist at a place, with every fact that may be shown and where it came from.

    Two listings are equal only when they are the same object, so that one is a cheap key for what is made of it.
    ``slug`` names its page within the layer; ``point`` is None where no source gives a position.
    """

    id: str
    layer: Layer
    slug: str
    name: str
    address: Address
    point: GeoPoint | None
    precision: Precision | None
    audience: int
    capability: int
    facts: tuple[Statement, ...]

    def facts_about(self, *fields: str) -> tuple[Statement, ...]:
        """Return the facts about these fields, field by field in the order asked for."""
        return tuple(fact for field in fields for fact in self.facts if fact.field == field)

    def first(self, *fields: str) -> Statement | None:
        """Return the best fact about the first of these fields that has one."""
        return next(iter(self.facts_about(*fields)), None)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a listing is in the result: a code for programs, words for people, and where the fact came from."""

    code: str
    text: str
    source: str = ""
    url: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A listing in a result: how far it is (metres, None when not measured), whether it fits, and why it is there."""

    listing: Listing
    distance_m: float | None
    fit: Fit
    reasons: tuple[Reason, ...]

    @property
    def distance_mi(self) -> float | None:
        """The distance in miles, to one decimal place."""
        return None if self.distance_m is None else round(self.distance_m / METRES_PER_MILE, 1)


def phone_for(listing: Listing, who: Who | None) -> Statement | None:
    """Return the number that a patient or parent should call first.

    A line for new patients comes before the main number, one for every age before one for some; a line for another
    age group, or for clinicians, is never returned.
    """
    wanted = {Who.CHILD: "pediatric", Who.ADULT: "adult"}.get(who) if who else None
    lines = [
        fact
        for fact in listing.facts_about("new_patient_phone", "phone")
        if fact.audience != "clinician" and (wanted is None or fact.population in ("", "both", wanted))
    ]
    own = [fact for fact in lines if fact.population in ("", "both", wanted)]
    return next(iter(own or lines), None)
