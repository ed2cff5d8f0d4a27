import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finder.geocoding import suggest


def labels(index, text, limit=8):
    return [place.label for place in suggest(index, text, limit)]


@pytest.mark.parametrize("text", ["b", "bo", "bos", "bost", "boston", "Boston, M", "boston ma", "BOST"])
def test_every_beginning_of_boston_offers_it(index, text):
    assert "Boston, MA" in labels(index, text, 12)


def test_the_best_known_place_comes_first(index):
    assert labels(index, "chi")[0] == "Chicago, IL"
    assert labels(index, "portl")[:2] == ["Portland, OR", "Portland, ME"]


def test_a_whole_nickname_comes_before_longer_names(index):
    assert labels(index, "la")[0] == "Los Angeles, CA"
    assert labels(index, "nyc") == ["New York City, NY"]


@pytest.mark.parametrize("text", ["st lou", "St. Lou", "saint lou"])
def test_an_abbreviation_goes_on_as_if_written_out(index, text):
    assert labels(index, text)[0] == "St. Louis, MO"


def test_an_abbreviation_may_also_be_the_beginning_of_a_word(index):
    assert any(label.startswith("Stockton") for label in labels(index, "st", 60))


def test_accents_may_be_left_out(index):
    assert labels(index, "mayag")[0] == labels(index, "mayagü")[0] == "Mayagüez, PR"


@pytest.mark.parametrize("text", ["philidel", "bsoton", "albequ", "cincinatti", "sacrem", "san fransi"])
def test_a_typo_in_an_unfinished_name_is_forgiven(index, text):
    wanted = {"p": "Philadelphia", "b": "Boston", "a": "Albuquerque", "c": "Cincinnati", "s": "Sa"}[text[0]]
    assert labels(index, text)[0].startswith(wanted)


def test_the_beginning_of_a_state_narrows_a_name(index):
    assert labels(index, "springfield, il") == ["Springfield, IL"]
    assert labels(index, "springfield mass")[0] == "Springfield, MA"


def test_digits_offer_zip_codes(index):
    assert all(label.startswith("021") for label in labels(index, "021"))
    assert labels(index, "02139") == ["02139 (Cambridge, MA)"]
    assert labels(index, "2139") == ["02139 (Cambridge, MA)"]


@pytest.mark.parametrize("text", ["", "  ", "\0", "zzzz", "東京", "x" * 201, "@", "..", "%"])
def test_nothing_is_offered_for_nothing(index, text):
    assert labels(index, text) == []


def test_no_label_is_offered_twice_and_no_more_than_asked(index):
    for text in ("new", "spring", "la", "washi"):
        offered = labels(index, text, 5)
        assert len(offered) == len(set(offered)) == 5
    assert labels(index, "bos", 0) == []


@settings(max_examples=150, deadline=2000)
@given(st.text(max_size=40), st.integers(1, 10))
def test_no_text_breaks_the_completion(index, text, limit):
    assert len(suggest(index, text, limit)) <= limit


def test_one_typo_in_a_large_citys_name_still_offers_it(index):
    chance = random.Random(1)
    cities = [f for f in index.starting("s", 300) + index.starting("c", 300) if f.kind == "city" and len(f.name) > 5][
        :60
    ]
    found = 0
    for city in cities:
        at = chance.randrange(1, len(city.name) - 1)
        typed = city.name[:at] + city.name[at + 1 :]
        found += any(label.startswith(city.name) for label in labels(index, typed))

    assert len(cities) == 60
    assert found >= 57
