import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finder.domain.geo import GeoPoint, distance_m
from finder.domain.place import LocateStatus, Precision
from finder.geocoding import resolver
from finder.geocoding.names import place_key
from finder.geocoding.resolver import resolve

SETTINGS = settings(max_examples=150, deadline=2000)
WORDS = st.sampled_from(
    ["st", "saint", "new", "york", "ny", "la", "springfield", "mt", "77030", "02139", "2139", "1515", "holcombe",
     "blvd", "houston", "tx", "county", "condado", "de", "puerto", "rico", "apo", "ae", "usa", ",", "#", "-", "boston",
     "n", "c"]
)  # fmt: skip


def labels(located):
    return [place.label for place in located.candidates]


def test_a_lost_leading_zero_is_put_back(index):
    located = resolve(index, "2139")

    assert located.place.label == "02139 (Cambridge, MA)"
    assert located.place.corrected
    assert located.message == resolver.ZERO_ADDED


def test_the_four_digits_after_a_zip_code_may_lack_their_zero_too(index):
    assert resolve(index, "2139-4307").place.label == "02139 (Cambridge, MA)"


def test_an_unknown_zip_code_is_not_guessed(index):
    located = resolve(index, "99999")

    assert located.status is LocateStatus.NOT_FOUND
    assert located.message == resolver.NO_SUCH_CODE


def test_a_letter_in_a_zip_code_is_asked_about(index):
    assert labels(resolve(index, "9021O")) == ["90210 (Beverly Hills, CA)"]


@pytest.mark.parametrize("text", ["09096", "FPO AP 96349", "PSC 4 Box 12, APO AE 09021", "dpo aa 34031"])
def test_military_mail_is_explained(index, text):
    located = resolve(index, text)

    assert located.status is LocateStatus.NOT_FOUND
    assert located.message == resolver.MILITARY


@pytest.mark.parametrize(
    "text",
    ["Toronto, ON", "Paris, France", "London, England", "SW1A 1AA", "M5V 2T6", "Mexico", "Tijuana", "Ciudad de México"],
)
def test_a_place_abroad_is_told_from_one_that_is_not_known(index, text):
    located = resolve(index, text)

    assert located.status is LocateStatus.NOT_FOUND
    assert located.outside
    assert located.message == resolver.OUTSIDE


def test_a_small_us_namesake_of_a_place_abroad_is_offered(index):
    assert "London, KY" in labels(resolve(index, "London"))


@pytest.mark.parametrize(
    ("text", "label"), [("Moscow", "Moscow, ID"), ("Vancouver", "Vancouver, WA"), ("Peru, IN", "Peru, IN")]
)
def test_a_us_city_of_some_size_is_meant_before_its_namesake_abroad(index, text, label):
    assert resolve(index, text).place.label == label


@pytest.mark.parametrize("text", ["LA", "L.A.", "l a", "Los Ángeles"])
def test_la_is_los_angeles(index, text):
    assert resolve(index, text).place.label == "Los Angeles, CA"


@pytest.mark.parametrize("text", ["New York", "Nueva York", "NYC", "N Y C", "new york, new york", "NY, NY"])
def test_new_york_is_the_city(index, text):
    assert resolve(index, text).place.label == "New York City, NY"


def test_the_state_of_the_same_name_is_offered_beside_the_city(index):
    assert labels(resolve(index, "New York")) == ["New York State"]
    assert resolve(index, "New York State").place.precision is Precision.STATE


def test_a_nickname_is_not_a_correction(index):
    assert not resolve(index, "Philly").place.corrected


def test_a_typo_without_a_state_offers_the_other_readings(index):
    located = resolve(index, "Pheonix")

    assert located.place.label == "Phoenix, AZ"
    assert located.place.corrected
    assert "Phoenix, OR" in labels(located)


def test_a_typo_in_the_state_is_mended(index):
    located = resolve(index, "Los Angelos, Califronia")

    assert (located.place.label, located.place.corrected) == ("Los Angeles, CA", True)


def test_words_of_four_letters_are_not_taken_for_typos(index):
    assert {resolve(index, text).status for text in ("null", "None", "here", "test")} == {LocateStatus.NOT_FOUND}


def test_near_me_is_not_maine(index):
    assert resolve(index, "near me").status is LocateStatus.NOT_FOUND


@pytest.mark.parametrize("text", ["Great Falls MT", "Great Falls, MT", "great falls mt 59401", "Billings, MT, USA"])
def test_mt_at_the_end_is_montana(index, text):
    assert resolve(index, text).place.label.removesuffix(")").endswith(", MT")


def test_mt_elsewhere_is_a_mount(index):
    assert resolve(index, "Rocky Mt NC").place.label == "Rocky Mount, NC"


def test_a_zip_code_and_a_city_far_away_are_both_offered(index):
    located = resolve(index, "Boston 77030")

    assert located.status is LocateStatus.AMBIGUOUS
    assert labels(located) == ["77030 (Houston, TX)", "Boston, MA"]
    assert located.message == resolver.DISAGREE


def test_a_zip_code_across_a_near_state_border_is_no_contradiction(index):
    assert resolve(index, "Kansas City, KS 64108").place.label == "64108 (Kansas City, MO)"


def test_an_unused_zip_code_after_a_city_leaves_the_city(index):
    located = resolve(index, "Houston TX 99999")

    assert (located.place.label, located.place.corrected) == ("Houston, TX", True)
    assert located.message == resolver.WRONG_CODE


def test_an_address_comes_down_to_its_zip_code_or_city_and_says_so(index):
    with_code = resolve(index, "1515 Holcombe Blvd, Houston, TX 77030")
    without = resolve(index, "1515 Holcombe Blvd Houston TX")

    assert (with_code.place.precision, with_code.message) == (Precision.ZIP, resolver.ADDRESS_TO_CODE)
    assert (without.place.precision, without.message) == (Precision.CITY, resolver.ADDRESS_TO_CITY)


def test_an_address_in_a_city_of_a_common_name_is_asked_about(index):
    assert labels(resolve(index, "10 Main St, Portland")) == ["Portland, OR", "Portland, ME"]


def test_an_address_without_a_city_is_told_what_it_lacks(index):
    assert resolve(index, "123 Main St").message == resolver.ADD_CITY


def test_a_street_called_like_another_city_does_not_win(index):
    assert resolve(index, "100 Washington St Salem MA").place.label == "Salem, MA"
    assert resolve(index, "123 St Paul St, St Paul MN").place.label == "Saint Paul, MN"


def test_a_hospital_before_a_city_leaves_the_city(index):
    located = resolve(index, "Dana-Farber, Boston, MA")

    assert (located.place.label, located.place.corrected) == ("Boston, MA", True)


@pytest.mark.parametrize("text", ["Condado de Harris, Texas", "Harris County TX", "harris county"])
def test_a_county_is_found_in_either_language(index, text):
    place = resolve(index, text).place

    assert (place.label, place.precision) == ("Harris County, TX", Precision.COUNTY)


def test_swapped_coordinates_are_offered_and_not_taken(index):
    located = resolve(index, "-71.07,42.36")

    assert located.status is LocateStatus.NOT_FOUND
    assert located.candidates[0].point == GeoPoint(42.36, -71.07)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("13.45,144.79", "GU"),
        ("-14.28, -170.7", "AS"),
        ("18.40,-66.06", "PR"),
        ("61.2, -149.9", "AK"),
        ("21.3 -157.8", "HI"),
    ],
)
def test_coordinates_in_states_and_territories_overseas_are_taken(index, text, label):
    located = resolve(index, text)

    assert located.place.precision is Precision.EXACT
    assert located.place.label.endswith(f", {label}")


def test_coordinates_abroad_are_outside(index):
    assert resolve(index, "48.85, 2.35").outside
    assert not resolve(index, "97.1,200").outside


def test_a_long_text_is_refused_before_it_is_read(index):
    assert resolve(index, "Boston " * 29).status is LocateStatus.REFUSED
    assert resolve(index, "Boston, MA" + " " * 190).status is LocateStatus.POINT


def test_a_position_far_from_towns_still_has_words(index):
    assert resolver.name_of(index, GeoPoint(42.36, -71.06)).startswith("near ")
    assert resolver.name_of(index, GeoPoint(0, 0)) == "a position far from any town"


def test_every_fiftieth_zip_code_finds_itself_alone_and_after_its_city(index):
    codes = [code for first in range(10) for code in index.postal_codes(str(first), 100_000)][::50]

    assert len(codes) > 800
    for code in codes:
        assert resolve(index, code.code).place.point == code.point
        assert resolve(index, f"{code.city}, {code.state} {code.code}").place.point == code.point


def test_every_large_city_is_found_by_name_and_state(index):
    for feature in index.starting("s", 500):
        if feature.kind == "city":
            found = resolve(index, f"{feature.name}, {feature.state}").place
            assert place_key(found.label) == place_key(feature.label)


@SETTINGS
@given(st.text(max_size=210))
def test_no_text_breaks_the_reading(index, text):
    check_is_whole(text, resolve(index, text))


@SETTINGS
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_no_mixture_of_the_words_of_places_breaks_the_reading(index, text):
    check_is_whole(text, resolve(index, text))


@SETTINGS
@given(st.floats(allow_nan=True), st.floats(allow_nan=True), st.sampled_from([",", ", ", " ", ";", "°, "]))
def test_no_pair_of_numbers_breaks_the_reading(index, first, second, between):
    check_is_whole("", resolve(index, f"{first}{between}{second}"))


@given(st.floats(24.6, 49.0), st.floats(-124, -67.5))
def test_a_typed_position_is_returned_as_it_stands(index, latitude, longitude):
    place = resolve(index, f"{latitude:.5f}, {longitude:.5f}").place

    assert distance_m(place.point, GeoPoint(latitude, longitude)) < 2


def check_is_whole(text, located):
    assert (located.place is not None) == (located.status is LocateStatus.POINT)
    assert (len(located.candidates) > 1) or located.status is not LocateStatus.AMBIGUOUS
    assert len(text) < 12 or text not in located.message
    if located.status is not LocateStatus.POINT:
        assert located.message
