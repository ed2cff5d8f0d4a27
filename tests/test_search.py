import random

import pytest

from finder import search
from finder.db import Database
from finder.domain.geo import METRES_PER_MILE, GeoPoint, distance_m
from finder.domain.listing import Fit, Layer, Who
from finder.domain.place import Place, Precision
from finder.domain.query import Sort
from tests.factories import BOSTON, center, fill, query, said, specialist, terminology

ADULTS, CHILDREN = said("treats_adults"), said("treats_children")


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


def find(database, place=BOSTON, **more):
    return search.find(database, terminology(), query(**more), place)


def names(page, layer=Layer.CENTERS):
    return [found.listing.slug for one in page.layers if one.layer is layer for found in one.found]


def test_only_places_inside_the_radius_are_found_nearest_first(database):
    fill(database, center("far", at=(42.9, -71.1)), center("near", at=(42.37, -71.07)), center("out", at=(45.0, -71.1)))

    page = find(database, radius=50)

    assert names(page) == ["near", "far"]
    assert page.layers[0].total == 2


def test_the_two_layers_are_never_mixed(database):
    fill(database, center("here"), specialist("1003000126"))

    page = find(database)

    assert [one.layer for one in page.layers] == [Layer.CENTERS, Layer.SPECIALISTS]
    assert names(page, Layer.CENTERS) == ["here"]
    assert names(page, Layer.SPECIALISTS) == ["1003000126"]
    assert names(find(database, layer="specialists"), Layer.CENTERS) == []


def test_a_listing_is_one_object_until_it_changes(database):
    fill(database, center("here"))
    first = search.get(database, Layer.CENTERS, "here")

    assert search.get(database, Layer.CENTERS, "here") is first
    assert find(database).found[0].listing is first

    fill(database, center("here", said("phone", "617-555-0100")))

    assert search.get(database, Layer.CENTERS, "here").first("phone").value == "617-555-0100"
    assert search.get(database, Layer.CENTERS, "here\0") is None


def test_ties_are_ordered_by_name_then_id(database):
    fill(database, center("b", name="Same"), center("a", name="Same"), center("z", name="Éarly"))

    assert names(find(database)) == ["z", "a", "b"]


def test_known_fit_comes_first_and_known_misfit_is_left_out(database):
    fill(
        database,
        center("unknown", at=(42.361, -71.06)),
        center("adults", ADULTS, at=(42.5, -71.06)),
        center("not-adults", said("treats_adults", "no"), CHILDREN),
        center("childrens", said("facility_type", "childrens-hospital"), CHILDREN),
    )

    page = find(database, who=Who.ADULT)

    assert names(page) == ["adults", "unknown"]
    assert [found.fit for found in page.found] == [Fit.YES, Fit.UNKNOWN]


def test_a_young_adult_is_shown_both_kinds_of_places_by_distance(database):
    fill(
        database,
        center("adults", ADULTS, at=(42.5, -71.06)),
        center("children", CHILDREN, said("facility_type", "childrens-hospital"), at=(42.4, -71.06)),
    )

    page = find(database, who=Who.YOUNG_ADULT)

    assert names(page) == ["children", "adults"]
    assert any("ask up to what age" in reason.text for reason in page.found[0].reasons)


def test_a_child_is_shown_doctors_for_children_only(database):
    fill(database, specialist("1003000126", "2080P0207X"), specialist("1003000134", "207RH0003X"))

    assert names(find(database, who=Who.CHILD), Layer.SPECIALISTS) == ["1003000126"]
    assert names(find(database, who=Who.ADULT), Layer.SPECIALISTS) == ["1003000134"]


def test_any_designation_counts_but_every_offer_must_be_there(database):
    nci, cog = said("nci_designation", "comprehensive"), said("cog_member")
    transplant = said("allogeneic_transplant", population="adult")
    fill(
        database,
        center("both", nci, transplant, said("car_t", population="adult")),
        center("nci-only", nci),
        center("cog-only", cog, transplant),
        center("neither"),
    )

    assert set(names(find(database, designation=("nci", "cog")))) == {"both", "nci-only", "cog-only"}
    assert names(find(database, offers=("transplant", "car-t"))) == ["both"]


def test_an_offer_for_another_age_group_does_not_count(database):
    fill(
        database,
        center("pediatric", CHILDREN, ADULTS, said("allogeneic_transplant", population="pediatric")),
        center("unstated", CHILDREN, ADULTS, said("allogeneic_transplant")),
    )

    assert names(find(database, who=Who.ADULT, offers=("transplant",))) == ["unstated"]
    assert set(names(find(database, who=Who.CHILD, offers=("transplant",)))) == {"pediatric", "unstated"}


def test_car_t_trial_participation_is_not_an_offer_of_car_t(database):
    fill(database, center("took-part", said("car_t_trial", "NCT02631044")))

    assert find(database, offers=("car-t",)).layers[0].total == 0


def test_a_basic_laboratory_is_never_found(database):
    fill(database, center("laboratory", said("nci_designation", "basic-laboratory")))

    assert names(find(database)) == []


def test_nothing_within_the_radius_shows_the_nearest_anyway(database):
    fill(database, center("honolulu", at=(21.31, -157.86)), center("seattle", at=(47.6, -122.3)))
    guam = Place("Hagåtña, GU", GeoPoint(13.4745, 144.7504), Precision.CITY)

    page = find(database, guam, radius=100)

    assert names(page) == ["honolulu", "seattle"]
    assert page.layers[0].beyond
    assert page.layers[0].total == 0


def test_beyond_the_radius_known_fit_comes_first_too(database):
    unknown = [center(f"unknown-{n}", at=(43.9 + n / 10, -71.06)) for n in range(4)]
    fill(database, *unknown, center("adults", ADULTS, at=(44.9, -71.06)), center("more", ADULTS, at=(46, -71.06)))

    assert names(find(database, who=Who.ADULT, radius=50)) == ["adults", "more", "unknown-0"]


def test_a_search_across_the_180th_meridian_finds_both_sides(database):
    fill(database, center("east", at=(51.9, -179.9)), center("west", at=(51.9, 179.9)))
    amchitka = Place("Amchitka, AK", GeoPoint(51.9, 179.99), Precision.CITY)

    assert names(find(database, amchitka, radius=50)) == ["west", "east"]


def test_a_listing_without_a_position_is_never_near_but_has_its_page(database):
    fill(database, center("nowhere", at=None))

    assert names(find(database)) == []
    assert search.get(database, Layer.CENTERS, "nowhere").point is None


def test_the_names_order_holds_within_the_radius(database):
    fill(database, center("b", at=(42.36, -71.06)), center("a", at=(42.6, -71.06)), center("c", at=(42.5, -71.06)))

    assert names(find(database, sort=Sort.NAME)) == ["a", "b", "c"]


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("who", [None, Who.ADULT])
def test_pages_show_everything_once(database, sort, who):
    entries = [center(f"c{n:02}", *((ADULTS,) if n % 3 else ()), at=(42.36 + n / 500, -71.06)) for n in range(60)]
    fill(database, *entries)

    pages = [find(database, layer="centers", page=number, sort=sort, who=who) for number in (1, 2, 3, 4)]

    seen = [name for page in pages for name in names(page)]
    assert len(seen) == len(set(seen)) == 60
    assert [page.has_next for page in pages] == [True, True, False, False]


def test_an_update_is_seen_by_the_next_search(database):
    fill(database, center("one", name="Old name"))
    assert find(database).found[0].listing.name == "Old name"

    fill(database, center("one", name="New name"))

    assert find(database).found[0].listing.name == "New name"


def random_directory(random_, size=300):
    fields = [ADULTS, CHILDREN, said("nci_designation", "comprehensive"), said("cog_member")]
    fields += [said("allogeneic_transplant", population=group) for group in ("adult", "pediatric", "both")]
    return [
        center(
            f"c{n}",
            *random_.sample(fields, random_.randrange(len(fields))),
            name=f"Center {n % 7}",
            at=(round(random_.uniform(40, 45), 2), round(random_.uniform(-74, -70), 2)),
        )
        for n in range(size)
    ]


def by_hand(listings, place, wanted):
    """What a plain loop over every listing gives: the truth that the statement must meet."""
    mask = search.fit.known_mask(wanted.who)
    unknown = search.fit.unknown_mask(wanted.who)
    hits = []
    for listing in listings:
        metres = distance_m(place.point, listing.point)
        capability = listing.capability
        if metres > wanted.radius_m or not listing.audience & (mask | unknown):
            continue
        if wanted.designation and not capability & sum(search.fit.DESIGNATIONS[one] for one in wanted.designation):
            continue
        if any(not capability & search.fit.offer_mask(offer, wanted.who) for offer in wanted.offers):
            continue
        hits.append((not listing.audience & mask, metres, listing.name.lower(), listing.id))
    return sorted(hits)


@pytest.mark.parametrize("size", [search.COUNT_LIMIT, 4 * search.COUNT_LIMIT])
def test_the_statement_finds_what_a_plain_loop_finds_to_the_metre(database, size):
    random_ = random.Random(7)
    fill(database, *random_directory(random_, size))
    listings = search.everything(database, Layer.CENTERS)
    for _ in range(60):
        place = Place("x", GeoPoint(random_.uniform(40, 45), random_.uniform(-74, -70)), Precision.EXACT)
        wanted = query(
            who=random_.choice([None, *Who]),
            radius=random_.choice([10, 50, 100, 500]),
            layer="centers",
            designation=random_.choice([(), ("nci",), ("nci", "cog")]),
            offers=random_.choice([(), ("transplant",)]),
            page=random_.choice([1, 1, 2, 9, 20]),
        )

        page = search.find(database, terminology(), wanted, place).layers[0]

        truth = by_hand(listings, place, wanted)
        start = (wanted.page - 1) * search.SINGLE_LAYER_PAGE_SIZE
        expected = truth[start : start + search.SINGLE_LAYER_PAGE_SIZE]
        assert page.total == min(len(truth), search.COUNT_LIMIT)
        assert page.more == (len(truth) > search.COUNT_LIMIT)
        assert page.has_next == (len(truth) > start + search.SINGLE_LAYER_PAGE_SIZE)
        if truth:
            assert [found.listing.id for found in page.found] == [hit[3] for hit in expected]
            for found, hit in zip(page.found, expected, strict=True):
                assert found.distance_m == pytest.approx(hit[1], abs=1)


def test_the_plan_reads_the_search_index_and_never_the_whole_table(database):
    fill(database, *random_directory(random.Random(1), 2_000))
    database.analyze()
    with database.engine.connect() as connection:
        plan = search.explain(connection, query(radius=10), BOSTON, Layer.CENTERS)

    assert "listing_search" in plan
    assert "SCAN listing" not in plan
    assert "Seq Scan on listing" not in plan


def test_the_reasons_say_how_far_from_where(database):
    fill(database, center("here", at=(42.5, -71.06)), center("zip", at=(42.55, -71.06), precision="zip"))
    place = Place("02139 (Cambridge, MA)", GeoPoint(42.3654, -71.1038), Precision.ZIP)

    page = find(database, place)

    miles = page.found[0].distance_m / METRES_PER_MILE
    assert page.found[0].reasons[0].text == f"About {miles:.1f} miles from the middle of ZIP 02139"
    assert page.found[1].reasons[0].text.endswith("measured to the middle of its ZIP 02115")
