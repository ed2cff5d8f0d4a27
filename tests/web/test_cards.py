from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup

from finder.domain.geo import GeoPoint
from finder.domain.listing import Address, Fit, Found, Layer, Listing, Reason, Who
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.reasons import fixed_reasons
from finder.search import LayerPage, SearchPage
from finder.web import cards
from tests.factories import said, terminology
from tests.web.page_check import words

PLACE = Place("Boston, MA", GeoPoint(42.36, -71.06), Precision.CITY)
STREET = Address("1 Main St", "Boston", "MA", "02115")
THIS_YEAR = str(datetime.now(UTC).year)


@pytest.fixture(autouse=True)
def _asked(app):
    with app.test_request_context():
        yield


def listing(*facts, layer=Layer.CENTERS, name="A Center", address=STREET):
    return Listing("center-a", layer, "a", name, address, PLACE.point, Precision.ADDRESS, 0, 0, facts)


def found(one, who=None, miles=2, fit=Fit.YES):
    reasons = (Reason("distance", f"About {miles} miles from <here>"), *fixed_reasons(one, who, terminology()))
    return Found(one, miles * 1609.344, fit, reasons)


def section(*hits, who=None, layer=Layer.CENTERS, **more):
    fields = {"total": len(hits), "more": False, "beyond": False, "has_next": False} | more
    page = SearchPage(SearchQuery(near="Boston", who=who), PLACE, (LayerPage(layer, found=hits, **fields),))
    return cards.sections(page)[0]


def card(*facts, who=None, **more):
    made = section(found(listing(*facts, **more), who), who=who).cards[0]
    return BeautifulSoup(made.html, "html5lib")


def lines(soup):
    return [words(line) for line in soup.select(".reasons li")]


def test_number_and_distance_are_put_into_a_card_that_is_made_once():
    one = listing(said("treats_adults"))
    near, far = section(found(one, miles=2), found(one, miles=30)).cards

    assert [kept for kept, *_ in cards._kept].count(one) == 1
    assert (near.number, near.distance) == (1, "2.0 miles")
    assert (far.number, far.distance) == (2, "30 miles")
    soup = BeautifulSoup(far.html, "html5lib")
    assert words(soup.select_one(".pin-number")) == "2"
    assert words(soup.select_one(".distance")) == "30 miles"
    assert words(soup.select_one(".facts li")) == "About 30 miles from <here>."
    assert "from &lt;here&gt;" in near.html


def test_a_card_is_made_anew_for_another_reader_and_for_a_changed_listing():
    one = listing(said("treats_adults"), said("treats_children"))
    everyone = section(found(one)).known
    child = section(found(one, Who.CHILD), who=Who.CHILD).known
    changed = section(found(listing(said("treats_adults")))).known

    assert "Treats adults" in everyone
    assert "Treats adults" not in child
    assert "Treats children" not in changed


def test_no_more_cards_are_kept_than_memory_has_room_for():
    for _ in range(cards._CARDS_KEPT + 10):
        section(found(listing()))

    assert 0 < len(cards._kept) <= cards._CARDS_KEPT


def test_designations_are_badges_and_come_first():
    shown = lines(card(said("treats_adults"), said("nci_designation", "comprehensive"), said("cog_member")))

    assert shown == ["NCI comprehensive cancer center", "Children's Oncology Group", "Treats adults"]


def test_a_stated_program_names_who_stated_it_without_the_pages_title():
    program = said("allogeneic_transplant", source="A Hospital, “Our transplants, explained”", as_of="2025-03")

    assert lines(card(program)) == [
        "Does donor (allogeneic) transplants (age group not stated), stated by A Hospital (March 2025)"
    ]


def test_what_to_ask_looks_different_from_what_is_known():
    soup = card(said("treats_children"), who=Who.ADULT)

    assert [words(one) for one in soup.select(".reasons .ask")] == ["Ask whether they treat adults"]


@pytest.mark.parametrize(
    ("dates", "notice"),
    [
        ((THIS_YEAR, THIS_YEAR), None),
        (("2019", "2021"), "Some facts here are as of 2019: call first."),
        (("", "2021"), "Some facts here are as of 2021: call first."),
        (("", THIS_YEAR), "Some facts here are undated: call first."),
    ],
)
def test_the_oldest_fact_decides_whether_to_call_first(dates, notice):
    adults, children = dates
    soup = card(said("treats_adults", as_of=adults), said("treats_children", as_of=children))

    shown = soup.select_one(".call-first")
    assert (words(shown) if shown else None) == notice


def test_the_number_is_the_readers_own_line():
    facts = (
        said("new_patient_phone", "617-555-0101", population="adult"),
        said("new_patient_phone", "617-555-0102", population="pediatric"),
    )

    assert card(*facts, who=Who.CHILD).select_one(".call")["href"] == "tel:+1-617-555-0102"
    assert card(*facts, who=Who.ADULT).select_one(".call")["href"] == "tel:+1-617-555-0101"


def test_a_missing_number_is_said():
    assert words(card().select_one(".no-phone")) == (
        "No phone number in our sources. Ask the hospital at this address, or a leukemia center."
    )


def test_a_center_says_what_it_belongs_to_unless_its_name_does():
    belongs = said("parent", "Big Health")

    assert words(card(belongs).select_one(".kind")) == "Cancer program, part of Big Health"
    assert words(card(belongs, name="Center of Big Health").select_one(".kind")) == "Cancer program"


def test_a_specialist_says_the_practice_and_the_specialty():
    soup = card(said("specialty", "207RH0003X"), said("organization_name", "Main St Oncology"), layer=Layer.SPECIALISTS)

    assert words(soup.select_one(".kind")) == "At Main St Oncology"
    assert lines(soup)[0].startswith("Listed as: ")


def test_directions_lead_to_the_street_or_else_to_the_point():
    assert cards.directions(listing()).endswith("query=1+Main+St%2C+Boston%2C+MA+02115")
    assert cards.directions(listing(address=Address())).endswith("query=42.36%2C-71.06")


def test_a_section_splits_what_fits_from_what_to_ask():
    one, other = listing(said("treats_adults")), listing()
    made = section(found(one, Who.ADULT), found(other, Who.ADULT, fit=Fit.UNKNOWN), who=Who.ADULT, total=9)

    assert "Treats adults" in made.known
    assert "Ask whether they treat adults" in made.unknown
    assert made.ask == "Ask whether they treat adults"
    assert made.has_more


@pytest.mark.parametrize(
    ("total", "more", "said_"),
    [
        (0, False, "no leukemia centers"),
        (1, False, "1 leukemia center"),
        (12, False, "12 leukemia centers"),
        (1000, True, "more than 1,000 leukemia centers"),
    ],
)
def test_totals_are_said_in_words(total, more, said_):
    assert section(total=total, more=more).total == said_
