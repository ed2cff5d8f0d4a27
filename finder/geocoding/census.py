"""The US Census geocoder, which geopy lacks: free, without a key, for US street addresses."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from geopy.exc import GeocoderParseError
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location


class USCensus(Geocoder):  # type: ignore[misc]  # geopy has no types
    """Geocoder of single-line US addresses; the documentation is at https://geocoding.geo.census.gov/geocoder/."""

    def __init__(
        self, *, domain: str = "geocoding.geo.census.gov", benchmark: str = "Public_AR_Current", **options: Any
    ) -> None:
        super().__init__(**options)
        self._url = f"{self.scheme}://{domain}/geocoder/locations/onelineaddress"
        self._benchmark = benchmark

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """Return the best match of an address, all matches where ``exactly_one`` is false, or None."""
        url = f"{self._url}?{urlencode({'address': query, 'benchmark': self._benchmark, 'format': 'json'})}"
        return self._call_geocoder(url, partial(_locations, exactly_one=exactly_one), timeout=timeout)


def _locations(answer: Any, exactly_one: bool) -> Any:
    try:
        matches = answer["result"]["addressMatches"]
        found = [
            Location(match["matchedAddress"], (match["coordinates"]["y"], match["coordinates"]["x"]), match)
            for match in matches
        ]
    except (KeyError, TypeError, ValueError):
        raise GeocoderParseError("not an answer of the Census geocoder") from None
    if not found:
        return None
    return found[0] if exactly_one else found
