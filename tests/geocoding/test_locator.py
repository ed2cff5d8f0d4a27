import json

import pytest

from finder.domain.geo import GeoPoint, distance_m
from finder.domain.place import LocateStatus, Precision
from finder.geocoding import Locator, geocode_record


@pytest.fixture
def locator(index):
    return Locator(index)


def test_a_position_is_named_after_a_town_near_it(locator):
    assert locator.name_of(GeoPoint(42.358, -71.06)) == "near Boston, MA"
    assert locator.name_of(GeoPoint(46.0, -110.0)).endswith(", MT")
    assert locator.name_of(GeoPoint(13.45, 144.79)).endswith(", GU")


def test_a_zip_code_is_looked_up_exactly(locator):
    assert locator.postal_code("02139").precision is Precision.ZIP
    assert locator.postal_code("02139-4307") == locator.postal_code(" 021394307 ") == locator.postal_code("02139")


@pytest.mark.parametrize("code", ["", "2139", "99999", "0213x", "09096", "zzzzz", "٠٢١٣٩"])
def test_what_is_no_zip_code_of_a_place_has_none(locator, code):
    assert locator.postal_code(code) is None


def test_a_city_is_looked_up_by_name_and_state_without_correction(locator):
    assert locator.city("st louis", "MO") == locator.city("Saint Louis", "mo ")
    assert locator.city("Boston", "MA").label == "Boston, MA"
    assert locator.city("Bosston", "MA") is None
    assert locator.city("Boston", "") is None
    assert locator.city("New York", "NY").label == "New York City, NY"


def test_a_cancer_centers_own_zip_code_lies_on_its_campus(locator):
    # The usual sources put this code 20 km out in a lake.
    assert distance_m(locator.postal_code("44195").point, GeoPoint(41.503, -81.621)) < 500


def test_a_look_up_is_written_as_json(locator):
    record = geocode_record("Portland", locator.locate("Portland"))

    assert json.loads(json.dumps(record)) == record
    assert record["status"] == "ambiguous"
    assert record["latitude"] is record["label"] is record["precision"] is record["corrected"] is None
    assert [candidate["label"] for candidate in record["candidates"]] == ["Portland, OR", "Portland, ME"]
    assert set(record["candidates"][0]) == {"label", "latitude", "longitude"}


def test_a_place_found_is_written_with_its_position(locator):
    assert geocode_record("Boston, MA", locator.locate("Boston, MA")) == {
        "input": "Boston, MA",
        "status": "point",
        "latitude": 42.3584,
        "longitude": -71.0598,
        "label": "Boston, MA",
        "precision": "city",
        "corrected": False,
        "candidates": [],
        "message": None,
    }


def test_every_outcome_has_its_status(locator):
    texts = {"02139": "point", "Portland": "ambiguous", "zzzzz": "not_found", "x" * 201: "refused"}

    assert {text: geocode_record(text, locator.locate(text))["status"] for text in texts} == texts
    assert locator.locate("x" * 201).status is LocateStatus.REFUSED
