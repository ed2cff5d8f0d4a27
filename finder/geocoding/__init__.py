"""Where a typed place is, from data files that ship with the program: a geopy geocoder, completions, one locator."""

from finder.geocoding.gazetteer import Gazetteer
from finder.geocoding.index import Index, build_index
from finder.geocoding.locator import Locator, geocode_record
from finder.geocoding.online import AddressCache, online_geocoder
from finder.geocoding.suggest import suggest

__all__ = [
    "AddressCache",
    "Gazetteer",
    "Index",
    "Locator",
    "build_index",
    "geocode_record",
    "online_geocoder",
    "suggest",
]
