import pickle
import socket

import pytest
from geopy.exc import GeocoderQueryError, GeocoderUnavailable
from geopy.extra.rate_limiter import RateLimiter
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location
from geopy.point import Point

from finder.geocoding import Gazetteer


@pytest.fixture
def gazetteer(index):
    with Gazetteer(index) as geocoder:
        yield geocoder


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_it_is_a_geocoder_as_geopy_knows_them(index):
    gazetteer = Gazetteer(index, timeout=7, user_agent="somebody")

    assert isinstance(gazetteer, Geocoder)
    assert gazetteer.timeout == 7
    assert gazetteer.headers["User-Agent"] == "somebody"
    assert Gazetteer(index).timeout != DEFAULT_SENTINEL


def test_one_place_is_a_location(gazetteer, no_network):
    location = gazetteer.geocode("Boston, MA", timeout=None)

    assert isinstance(location, Location)
    assert location.address == "Boston, MA"
    assert location.point == Point(42.3584, -71.0598)
    assert location.raw == {
        "precision": "city",
        "corrected": False,
        "ambiguous": False,
        "conflict": False,
        "candidates": [],
    }


def test_all_places_are_a_list(gazetteer):
    found = gazetteer.geocode("Portland", exactly_one=False)

    assert [location.address for location in found] == ["Portland, OR", "Portland, ME"]
    assert all(location.raw["ambiguous"] for location in found)
    assert gazetteer.geocode("Boston, MA", exactly_one=False)[0].address == "Boston, MA"


def test_a_contradiction_is_marked(gazetteer):
    raw = gazetteer.geocode("02215 TX").raw

    assert raw["conflict"]
    assert raw["candidates"] == ["Texas"]


def test_a_correction_is_marked(gazetteer):
    assert gazetteer.geocode("Houstan TX").raw["corrected"]


@pytest.mark.parametrize("exactly_one", [True, False])
@pytest.mark.parametrize("query", ["zzzzz", "", "Toronto, ON", {}])
def test_nothing_found_is_none(gazetteer, query, exactly_one):
    assert gazetteer.geocode(query, exactly_one=exactly_one) is None


def test_a_structured_query_is_understood(gazetteer):
    query = {"street": "1515 Holcombe Blvd", "city": "Houston", "state": "TX", "postalcode": "77030"}

    assert gazetteer.geocode(query).raw["precision"] == "zip"


def test_a_text_too_long_is_an_error_of_the_query_that_does_not_repeat_it(gazetteer):
    with pytest.raises(GeocoderQueryError) as raised:
        gazetteer.geocode("Boston " * 40)
    assert "Boston" not in str(raised.value)


@pytest.mark.parametrize("query", [(42.36, -71.06), "42.36, -71.06", Point(42.36, -71.06)])
def test_a_position_has_a_name(gazetteer, query, no_network):
    assert gazetteer.reverse(query).address == "Boston, MA"
    assert len(gazetteer.reverse(query, exactly_one=False)) == 5


def test_a_position_in_the_ocean_has_none(gazetteer):
    assert gazetteer.reverse((0, -140)) is None


def test_a_rate_limiter_can_wrap_it(gazetteer):
    limited = RateLimiter(gazetteer.geocode, min_delay_seconds=0)

    assert limited("Boston, MA").address == "Boston, MA"


def test_a_location_can_be_pickled(gazetteer):
    location = gazetteer.geocode("Boston, MA")

    assert pickle.loads(pickle.dumps(location)) == location


def test_its_adapter_refuses_every_request(gazetteer, no_network):
    with pytest.raises(GeocoderUnavailable):
        gazetteer.adapter.get_json("https://example.org/", timeout=1, headers={})
    with pytest.raises(GeocoderUnavailable):
        gazetteer._call_geocoder("https://example.org/", lambda answer: answer, is_json=False)
