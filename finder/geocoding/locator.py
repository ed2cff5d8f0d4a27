"""The one way from a typed text to a place: the gazetteer first, then, for addresses, what an operator switched on."""

from dataclasses import replace

from geopy.geocoders.base import Geocoder

from finder.domain.geo import GeoPoint, distance_m
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.geocoding import resolver, typed
from finder.geocoding.addresses import is_street_address
from finder.geocoding.index import Index
from finder.geocoding.names import place_key
from finder.geocoding.online import AddressCache, Failed, OnlineAddresses
from finder.language import N_, _

_TRUSTED_WITHIN_M = 50_000  # an online answer farther from the address's own ZIP code or city is a wrong match

NO_ANSWER = N_("The address service did not answer, so a nearby point is used: the middle of the ZIP code or city.")
NOT_TRUSTED = N_(
    "The address service gave no sure match, so a nearby point is used: the middle of the ZIP code or city."
)


class Locator:
    """Finds what a text means. Without ``online``, nothing leaves this process."""

    def __init__(self, index: Index, online: Geocoder | None = None, cache: AddressCache | None = None) -> None:
        self._index = index
        self._online = None if online is None else OnlineAddresses(online, cache)

    def locate(self, text: str) -> Located:
        """Return what the text means: a place, a question, or why there is none."""
        located = resolver.resolve(self._index, text)
        if self._online is None or located.place is None:
            return located
        address = typed.clean(text) or ""
        if not _is_read_as_address(address, located.place):
            return located
        return self._refined(self._online, address, located, located.place)

    def name_of(self, point: GeoPoint) -> str:
        """Return words for a position, after a place near it that many people know: "near Boston, MA"."""
        return resolver.name_of(self._index, point)

    def postal_code(self, code: str) -> Place | None:
        """Return the middle of a ZIP code (five digits, or nine); None where there is no such code or no position."""
        digits = code.strip()[:5]
        found = self._index.postal_code(digits) if digits.isdecimal() else None
        return resolver.place_of(found) if found and found.point else None

    def city(self, name: str, state: str) -> Place | None:
        """Return the city of exactly this name (letter case, accents and "St." aside) in a state given by its code."""
        code = state.strip().upper()
        towns = [town for town in self._index.named(place_key(name), code) if town.kind != "state"] if code else []
        return resolver.place_of(towns[0]) if towns else None

    def _refined(self, online: OnlineAddresses, address: str, located: Located, near: Place) -> Located:
        try:
            point = online.find(address)
        except Failed:
            return replace(located, message=NO_ANSWER)
        if point is None or distance_m(point, near.point) > _TRUSTED_WITHIN_M or not typed.in_united_states(point):
            return replace(located, message=NOT_TRUSTED)
        # The label names no street, so that neither pages nor the cache repeat somebody's address.
        place = Place(_("an address in %(place)s", place=near.label), point, Precision.ADDRESS, near.corrected)
        return Located(LocateStatus.POINT, place)


def geocode_record(input_text: str, located: Located) -> dict[str, object]:
    """Return a look-up as a JSON object: the input, the status, the place with null where there is none, candidates."""
    place = located.place
    return {
        "input": input_text,
        "status": located.status.value,
        "latitude": place.point.latitude if place else None,
        "longitude": place.point.longitude if place else None,
        "label": place.label if place else None,
        "precision": place.precision.value if place else None,
        "corrected": place.corrected if place else None,
        "candidates": [
            {"label": other.label, "latitude": other.point.latitude, "longitude": other.point.longitude}
            for other in located.candidates
        ],
        "message": located.message or None,
    }


def _is_read_as_address(text: str, place: Place) -> bool:
    """Tell whether the text is a street address; "90210 Beverly Hills" begins with a ZIP code, not a house number."""
    begins_with_code = place.precision is Precision.ZIP and text.startswith(place.label[:5])
    return place.precision in {Precision.ZIP, Precision.CITY} and not begins_with_code and is_street_address(text)
