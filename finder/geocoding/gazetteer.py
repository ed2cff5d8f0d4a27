"""The offline gazetteer with the interface of every other geopy geocoder."""

from collections.abc import Mapping
from typing import Any, NoReturn

from geopy.adapters import BaseSyncAdapter
from geopy.exc import GeocoderQueryError, GeocoderUnavailable
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location
from geopy.point import Point

from finder.domain.geo import GeoPoint
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.geocoding.index import Index
from finder.geocoding.resolver import nearby, place_of, resolve

_STRUCTURE = (
    "street",
    "city",
    "county",
    "state",
    "postalcode",
)  # the keys of a structured query, as Nominatim has them
_MOST_NEARBY = 5


class NoNetwork(BaseSyncAdapter):  # type: ignore[misc]  # geopy has no types
    """An adapter that refuses every request, so that no code path of a geocoder can reach the network."""

    def get_json(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> NoReturn:
        """Refuse."""
        raise GeocoderUnavailable("the gazetteer uses no network")

    get_text = get_json


class Gazetteer(Geocoder):  # type: ignore[misc]  # geopy has no types
    """Positions of US places by name, ZIP code or address, and names of positions, from the index alone.

    ``Location.raw`` has the keys precision, corrected, ambiguous (several places have that name, the best known is
    first), conflict (a ZIP code and a place that do not belong together) and candidates (the other labels).
    """

    def __init__(self, index: Index, *, timeout: Any = DEFAULT_SENTINEL, user_agent: str | None = None) -> None:
        super().__init__(timeout=timeout, user_agent=user_agent, adapter_factory=NoNetwork)
        self._index = index

    def geocode(
        self, query: str | Mapping[str, str], *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL
    ) -> Location | list[Location] | None:
        """Return the place that a text or a structured query means; with ``exactly_one`` false, all that it may mean.

        ``timeout`` is there for the interface; nothing here waits. Raises GeocoderQueryError for a text too long.
        """
        text = query if isinstance(query, str) else ", ".join(query[key] for key in _STRUCTURE if query.get(key))
        located = resolve(self._index, text)
        if located.status is LocateStatus.REFUSED:
            raise GeocoderQueryError(located.message)
        return _answer(_locations(located), exactly_one)

    def reverse(
        self, query: Point | tuple[float, float] | str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL
    ) -> Location | list[Location] | None:
        """Return a well-known place near a position, or the nearest few; None far from any.

        Raises ValueError for what is no position.
        """
        point = Point(query)
        found = nearby(self._index, GeoPoint(point.latitude, point.longitude), _MOST_NEARBY)
        return _answer([_location(place_of(feature), _raw(Precision.CITY)) for feature in found], exactly_one)


def _answer(locations: list[Location], exactly_one: bool) -> Location | list[Location] | None:
    if not locations:
        return None
    return locations[0] if exactly_one else locations


def _locations(located: Located) -> list[Location]:
    if located.status is LocateStatus.NOT_FOUND:
        return []
    places = [located.place, *located.candidates] if located.place else [*located.candidates]
    ambiguous = located.status is LocateStatus.AMBIGUOUS
    conflict = ambiguous and places[0].precision is Precision.ZIP
    labels = [place.label for place in places]
    return [
        _location(
            place,
            _raw(place.precision, place.corrected, ambiguous, conflict)
            | {"candidates": [label for label in labels if label != place.label]},
        )
        for place in places
    ]


def _raw(
    precision: Precision, corrected: bool = False, ambiguous: bool = False, conflict: bool = False
) -> dict[str, object]:
    return {"precision": precision.value, "corrected": corrected, "ambiguous": ambiguous, "conflict": conflict}


def _location(place: Place, raw: dict[str, object]) -> Location:
    return Location(place.label, (place.point.latitude, place.point.longitude), raw)
