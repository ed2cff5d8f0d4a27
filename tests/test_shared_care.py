"""Who could share care near a place, on both databases."""

from dataclasses import replace

import pytest

from finder import search
from finder.db import Database
from finder.domain.geo import METRES_PER_MILE, GeoPoint, distance_m
from finder.domain.listing import Who
from finder.domain.place import Place, Precision
from finder.domain.query import Sort
from finder.shared_care import FAR_MILES, far_center, plan
from tests.factories import center, fill, query, said, specialist, terminology

ADULTS, CHILDREN = said("treats_adults"), said("treats_children")
ADULT_DOCTOR, CHILD_DOCTOR = "207RH0003X", "2080P0207X"
GLASGOW = Place("Glasgow, MT", GeoPoint(48.197, -106.635), Precision.CITY)
MILE = METRES_PER_MILE / 111_195  # degrees of latitude
NPIS = ("1003000126", "1003000134", "1003000142", "1003000159")


def north(miles):
    """A position so many miles north of Glasgow; less than nothing is south."""
    return (GLASGOW.point.latitude + miles * MILE, GLASGOW.point.longitude)


def doctor(number, miles, code=ADULT_DOCTOR, **more):
    return specialist(NPIS[number], code, at=north(miles), **more)


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


def planned(database, **more):
    return plan(database, terminology(), query("Glasgow, MT", **more), GLASGOW)


def slugs(found):
    return [one.listing.slug for one in found]


def test_three_centers_and_three_doctors_at_most_make_pairs_the_nearest_first(database):
    fill(database, *(center(f"c{miles}", ADULTS, at=north(-miles)) for miles in (80, 95, 99, 70)))
    fill(database, *(doctor(n, miles) for n, miles in enumerate((30, 5, 20, 10))), source="doctors")

    shared = planned(database, who=Who.ADULT)

    assert slugs(shared.centers) == ["c70", "c80", "c95"]
    assert slugs(shared.doctors) == [NPIS[1], NPIS[3], NPIS[2]]
    assert [(pair.center, pair.doctor) for pair in shared.pairs] == [
        (one, other) for one in shared.centers for other in shared.doctors
    ]
    assert [slugs([pair.doctor]) for pair in shared.with_center(shared.centers[1])] == [[NPIS[1]], [NPIS[3]], [NPIS[2]]]


def test_all_three_distances_are_great_circles_between_the_three(database):
    fill(database, center("away", ADULTS, at=(46.877, -96.789)))
    fill(database, doctor(0, 40), source="doctors")

    (pair,) = planned(database, who=Who.ADULT, radius=500).pairs

    there, near = GeoPoint(46.877, -96.789), GeoPoint(*north(40))
    assert pair.center.distance_m == pytest.approx(distance_m(GLASGOW.point, there), abs=1)
    assert pair.doctor.distance_m == pytest.approx(distance_m(GLASGOW.point, near), abs=1)
    assert pair.apart_m == pytest.approx(distance_m(near, there), abs=1)


def test_a_doctor_who_is_hardly_nearer_than_the_center_is_no_local_doctor(database):
    fill(database, center("away", ADULTS, at=north(90)))
    fill(database, doctor(0, 44), doctor(1, 46), doctor(2, 89), source="doctors")

    shared = planned(database, who=Who.ADULT)

    assert shared.reach in (44, 45)
    assert slugs(shared.doctors) == [NPIS[0]]


@pytest.mark.parametrize(("who", "npi", "slug"), [(Who.ADULT, NPIS[0], "adults"), (Who.CHILD, NPIS[1], "children")])
def test_a_child_and_an_adult_are_given_their_own_doctors_and_centers(database, who, npi, slug):
    childrens = said("facility_type", "childrens-hospital")
    fill(database, center("adults", ADULTS, said("treats_children", "no"), at=north(80)))
    fill(database, center("children", CHILDREN, childrens, at=north(90)), source="more")
    fill(database, doctor(0, 10), doctor(1, 12, CHILD_DOCTOR), source="doctors")

    shared = planned(database, who=who)

    assert [(pair.center.listing.slug, pair.doctor.listing.slug) for pair in shared.pairs] == [(slug, npi)]


def test_where_nobody_said_who_needs_care_one_for_children_and_one_for_adults_are_no_pair(database):
    fill(database, center("adults", ADULTS, said("treats_children", "no"), at=north(80)))
    fill(database, doctor(0, 10, CHILD_DOCTOR), doctor(1, 12), source="doctors")

    shared = planned(database)

    assert slugs(shared.doctors) == [NPIS[0], NPIS[1]]
    assert slugs(pair.doctor for pair in shared.pairs) == [NPIS[1]]


def test_filters_of_centers_do_not_drop_the_doctors(database):
    fill(database, center("plain", ADULTS, at=north(70)), center("nccn", ADULTS, said("nccn_member"), at=north(90)))
    fill(database, doctor(0, 10), source="doctors")

    shared = planned(database, who=Who.ADULT, designation=("nccn",))

    assert slugs(shared.centers) == ["nccn"]
    assert slugs(shared.doctors) == [NPIS[0]]


def test_without_a_doctor_or_a_center_there_is_no_pair(database):
    nothing = planned(database)
    fill(database, center("away", ADULTS, at=north(300)))
    alone = planned(database)

    assert (nothing.centers, nothing.doctors, nothing.pairs, nothing.far) == ((), (), (), False)
    assert (slugs(alone.centers), alone.doctors, alone.pairs, alone.far) == (["away"], (), (), True)
    assert alone.reach in (149, 150)


@pytest.mark.parametrize(
    ("scope", "code", "city", "words"),
    [
        ("zip", "59201", "Glasgow", "from the middle of ZIP 59201"),
        ("city", "", "Glasgow", "from the middle of Glasgow, MA"),
        ("address", "59201", "Glasgow", "from Ann Doe, MD"),
        ("zip", "", "", "from Ann Doe, MD"),
    ],
)
def test_the_distance_between_the_two_says_how_it_was_measured(database, scope, code, city, words):
    fill(database, center("away", ADULTS, at=north(90), precision="zip"))
    entry = specialist(NPIS[0], at=north(10))
    kept = [fact for fact in entry.statements if fact.field not in ("latitude", "longitude")]
    where = [said("latitude", str(north(10)[0]), scope=scope), said("longitude", str(north(10)[1]), scope=scope)]
    where += [said("zip", code)] if code else []
    where += [said("city", city)] if city else []
    fill(database, replace(entry, statements=(*kept, *where)), source="doctors")

    (pair,) = planned(database, who=Who.ADULT).pairs

    assert words in pair.apart.text
    assert "measured to the middle of its ZIP 02115" in pair.apart.text


@pytest.mark.parametrize(("miles", "far"), [(FAR_MILES - 1, False), (FAR_MILES + 1, True)])
def test_a_center_is_far_beyond_sixty_miles(database, miles, far):
    fill(database, center("away", ADULTS, at=north(miles)))

    assert planned(database).far is far
    assert (far_center(search.find(database, terminology(), query(), GLASGOW)) is not None) is far


def test_only_the_first_page_by_distance_knows_the_nearest_center(database):
    fill(database, center("away", ADULTS, at=north(90)))

    def asked(**more):
        return far_center(search.find(database, terminology(), query(**more), GLASGOW))

    assert asked().listing.slug == "away"
    assert asked(radius=25).listing.slug == "away"
    assert asked(page=2) is None
    assert asked(sort=Sort.NAME) is None
    assert asked(layer="specialists") is None
