"""Searching on both databases: the same answers, and pages that an import in between does not spoil."""

import pytest

from finder.db import Database
from finder.fhir import TYPES, NotHere, Refused, Stored, read, searchset
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


def test_a_shortened_id_finds_its_own_listing_and_not_one_that_begins_alike(stored):
    long = "c" * 60
    fill(
        stored.database,
        *(center(f"{long}-{end}-and-more-than-fits", said("cog_member")) for end in "ab"),
        source="long",
    )
    for type_ in ("Organization", "Location", "OrganizationAffiliation"):
        both = [one for one in ids(ask(stored, type_, ("_count", "200"))) if one.startswith("center-ccc")]
        assert len(set(both)) == 2
        for one in both:
            assert ids(ask(stored, type_, ("_id", one))) == [one]
            assert read(stored, TYPES[type_], one)["id"] == one
    for one in ids(ask(stored, "Organization", ("_id", both[0].partition(".")[0]), ("name", "center-ccc"))):
        assert ids(ask(stored, "Location", ("organization", f"Organization/{one}"))) == [one]


def test_what_has_left_every_list_is_gone_and_what_never_was_is_not_found(stored):
    fill(stored.database, *everywhere(range(11, 40)))
    fill(stored.database, center("c11", said("phone", "617-555-0100")), source="a-third-list")
    fill(stored.database, *everywhere(range(12, 40)))

    for resource_id, status in (("center-c10", 410), ("center-never", 404), ("elsewhere", 404)):
        with pytest.raises(NotHere) as caught:
            read(stored, TYPES["Organization"], resource_id)
        assert caught.value.status == status
    assert read(stored, TYPES["Organization"], "center-c11")["telecom"]


def test_an_id_or_a_name_with_a_nul_is_nobodys(stored):
    with pytest.raises(NotHere):
        read(stored, TYPES["Location"], "center-c1\0")
    with pytest.raises(Refused):
        ask(stored, "Location", ("name:exact", "a\0b"))


@pytest.mark.parametrize(("value", "count"), [("ge2020", 30), ("lt2020", 0), ("le9998-12-31", 30)])
def test_the_last_change_is_compared_on_both_databases(stored, value, count):
    assert ask(stored, "Organization", ("_lastUpdated", value))["total"] == count


def test_names_with_more_spellings_than_a_statement_holds_are_refused(stored, monkeypatch):
    monkeypatch.setattr("finder.fhir.searching._MOST_BOUND", 20)
    with pytest.raises(Refused, match="give more letters"):
        ask(stored, "Location", ("address", ",".join(["bo"] * 30)))


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
