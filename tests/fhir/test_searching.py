"""Searching on both databases: the same answers, and pages that an import in between does not spoil."""

import pytest

from finder.db import Database
from finder.fhir import TYPES, Stored, searchset
from tests.factories import center, fill, said, specialist, terminology

BASE = "http://localhost/fhir/R4"


@pytest.fixture
def stored(database_url):
    database = Database(database_url)
    database.migrate()
    fill(database, *everywhere(range(10, 40)))
    fill(
        database,
        specialist("1234567893", "207RH0003X", family="Núñez", given="Zoë", at=(10.0, 20.0)),
        specialist("1003268392", "2080P0207X", family="O'Neil", given="Ann", at=(10.0, 20.5)),
        source="another-list",
    )
    yield Stored(database, terminology())
    database.dispose()


def everywhere(numbers):
    """Centers along a parallel, each a tenth of a degree from the next, with two memberships."""
    members = (said("cog_member"), said("nccn_member"))
    return [center(f"c{n}", *members, name=f"Center {n}", at=(40.0, -100 + n / 10)) for n in numbers]


def ask(stored, type_, *pairs):
    return searchset(stored, TYPES[type_], pairs, BASE, strict=True)


def ids(bundle):
    return [one["resource"]["id"] for one in bundle.get("entry", ())]


def cursor(bundle):
    address = next((one["url"] for one in bundle["link"] if one["relation"] == "next"), "")
    return address.partition("_cursor=")[2]


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        (("family", "nunez"), ["specialist-1234567893"]),
        (("family", "NÚÑ"), ["specialist-1234567893"]),
        (("family:exact", "nunez"), []),
        (("family", "oneil"), ["specialist-1003268392"]),
        (("given", "zoe"), ["specialist-1234567893"]),
        (("name", "zoe nun"), ["specialist-1234567893"]),
        (("name", "une"), []),
        (("name", "%"), []),
        (("family", "_"), []),
        (("_has:PractitionerRole:practitioner:specialty", "2080P0207X"), ["specialist-1003268392"]),
    ],
)
def test_names_are_compared_without_case_and_accents_on_both_databases(stored, pair, found):
    assert ids(ask(stored, "Practitioner", pair)) == found


def test_a_circle_across_the_180th_meridian_holds_both_sides(stored):
    fill(stored.database, center("west", at=(52.0, 179.9)), center("east", at=(52.0, -179.8)), source="islands")
    assert ids(ask(stored, "Location", ("near", "52|180|50|km"))) == ["center-west", "center-east"]


@pytest.mark.parametrize("order", [(), (("near", "40|-100|900"),), (("_sort", "-_id"),)])
@pytest.mark.parametrize("type_", ["Location", "OrganizationAffiliation"])
def test_an_import_between_two_pages_repeats_nothing_and_skips_nothing_that_stays(stored, order, type_):
    order = order if type_ == "Location" else tuple((f"location.{n}" if n == "near" else n, v) for n, v in order)
    before = ids(ask(stored, type_, *order, ("_count", "200")))
    pages = [ask(stored, type_, *order, ("_count", "5"))]
    # Some leave before and behind the cursor, some come.
    fill(stored.database, *everywhere([*range(5, 12), *range(14, 30), *range(33, 50)]))
    after = ids(ask(stored, type_, *order, ("_count", "200")))
    while at := cursor(pages[-1]):
        pages.append(ask(stored, type_, *order, ("_count", "5"), ("_cursor", at)))

    read = [one for page in pages for one in ids(page)]
    assert len(read) == len(set(read))
    assert {one for one in before if one in after} <= set(read)


def test_a_cursor_is_text_that_tells_nothing_of_who_asks(stored):
    first, second = (cursor(ask(stored, "Location", ("_count", "5"))) for _ in range(2))
    assert first == second
    assert first.isascii()
