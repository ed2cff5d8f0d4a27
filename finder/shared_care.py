"""Shared care: the nearest centers that fit, each with the doctors near the reader who could share the work."""

from dataclasses import dataclass, replace

from finder import search
from finder.db import Database
from finder.domain.fit import fit_of
from finder.domain.geo import METRES_PER_MILE, GeoPoint, distance_m
from finder.domain.listing import Found, Layer, Listing, Reason, Who
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery, Sort
from finder.domain.reasons import distance_reason
from finder.domain.terminology import Terminology

FAR_MILES = 60
MOST = 3
_WIDEST = 500


@dataclass(frozen=True, slots=True)
class Pair:
    """A center and a doctor near the reader: how far one is from the other (metres), and how that was measured."""

    center: Found
    doctor: Found
    apart_m: float
    apart: Reason


@dataclass(frozen=True, slots=True)
class SharedCare:
    """The first centers of a search and the nearest doctors, at most MOST of each, in the order of the search.

    ``reach`` is how many miles from the reader doctors were looked for. ``pairs`` go center by center, the nearest
    doctor first; where nobody said who needs care, one for children and one for adults are no pair.
    """

    centers: tuple[Found, ...]
    doctors: tuple[Found, ...]
    pairs: tuple[Pair, ...]
    reach: int

    @property
    def far(self) -> bool:
        """Whether the first center is more than FAR_MILES away."""
        return bool(self.centers) and _is_far(self.centers[0])

    def with_center(self, center: Found) -> tuple[Pair, ...]:
        """Return the pairs of one center."""
        return tuple(pair for pair in self.pairs if pair.center is center)


def far_center(page: search.SearchPage) -> Found | None:
    """Return the first center of a search if it is more than FAR_MILES away, else None.

    The first one is the nearest only on the first page of a list by distance, so any other list gives None.
    """
    if page.query.page > 1 or page.query.sort is not Sort.DISTANCE:
        return None
    centers = next((layer.found for layer in page.layers if layer.layer is Layer.CENTERS), ())
    return centers[0] if centers and _is_far(centers[0]) else None


def plan(database: Database, terminology: Terminology, query: SearchQuery, place: Place) -> SharedCare:
    """Return who could share care for somebody at a place; doctors are at most half as far away as the first center.

    A doctor who is hardly nearer than the center saves no travel, and one beside the center is not a local doctor.
    """
    first = replace(query, layer=Layer.CENTERS.value, sort=Sort.DISTANCE, page=1)
    centers = search.find(database, terminology, first, place).found[:MOST]
    if not centers:
        return SharedCare((), (), (), 0)
    reach = min(_WIDEST, max(1, int(_metres(centers[0]) / METRES_PER_MILE / 2)))
    near = replace(first, layer=Layer.SPECIALISTS.value, radius=reach, designation=(), offers=())
    (layer,) = search.find(database, terminology, near, place).layers
    doctors = () if layer.beyond else layer.found[:MOST]
    ages = (query.who,) if query.who else (Who.CHILD, Who.ADULT)
    pairs = (_pair(center, doctor) for center in centers for doctor in doctors if _both_treat(ages, center, doctor))
    return SharedCare(centers, doctors, tuple(pair for pair in pairs if pair), reach)


def _pair(center: Found, doctor: Found) -> Pair | None:
    here, there = doctor.listing.point, center.listing.point
    if here is None or there is None:
        return None
    apart_m = distance_m(here, there)
    return Pair(center, doctor, apart_m, distance_reason(center.listing, _start(doctor.listing, here), apart_m))


def _start(doctor: Listing, point: GeoPoint) -> Place:
    """Return what a distance from a doctor is measured from: the ZIP or city where no source says more."""
    address = doctor.address
    if doctor.precision is Precision.ZIP and address.postal_code:
        return Place(address.postal_code[:5], point, Precision.ZIP)
    if doctor.precision is Precision.CITY and address.city:
        return Place(f"{address.city}, {address.state}", point, Precision.CITY)
    return Place(doctor.name, point, Precision.EXACT)


def _both_treat(ages: tuple[Who, ...], center: Found, doctor: Found) -> bool:
    return any(fit_of(center.listing.audience, age) and fit_of(doctor.listing.audience, age) for age in ages)


def _is_far(center: Found) -> bool:
    return _metres(center) > FAR_MILES * METRES_PER_MILE


def _metres(found: Found) -> float:
    return found.distance_m or 0.0
