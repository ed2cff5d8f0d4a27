"""Every resource that can be served is valid, and says what its listing says."""

import copy
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from finder import search
from finder.db import Database
from finder.domain.listing import Layer
from finder.fhir import TYPES, Stored, capability_statement, read, searchset
from finder.fhir.resources import short_id
from tests.factories import center, fill, said, specialist, terminology
from tests.fhir.validation import faults

CHARACTERS = 'María "O\'Neil" <b>&amp; ünïcode\\n'


@pytest.fixture
def stored(database_url):
    """A directory with everything that a listing may say, and some that say next to nothing."""
    database = Database(database_url)
    database.migrate()
    fields = ("leukemia_program", "allogeneic_transplant", "autologous_transplant", "car_t", "aya_program")
    members = ("cog_member", "nccn_member", "nmdp_network", "fact_accredited")
    lines = ("phone", "new_patient_phone", "referral_phone", "referral_fax", "trial_contact_phone")
    fill(
        database,
        center(
            "everything",
            *(said(field, population="adult", scope="allogeneic") for field in (*fields, *members)),
            *(said(field, "617-555-0100", scope="weekdays") for field in lines),
            said("nci_designation", "comprehensive"),
            said("facility_type", "childrens-hospital"),
            said("parent", CHARACTERS),
            said("website", "https://example.org/?a=1&b=2"),
            said("street", CHARACTERS),
            name=CHARACTERS,
        ),
        center("a" * 50 + "-and-so-on-for-more-than-any-id-may-hold", *(said(field) for field in (*fields, *members))),
        center("nowhere", at=None),
    )
    doctor = specialist("1234567893", "207RH0003X", "2080P0207X", family="Núñez", given=CHARACTERS)
    fill(
        database,
        replace(doctor, statements=(*doctor.statements, said("phone", "617-555-0100"))),
        specialist("1003268392", "207RX0202X"),
        source="another-list",
    )
    yield Stored(database, terminology())
    database.dispose()


BASE = "http://localhost/fhir/R4"


def every(stored, type_):
    """Yield every resource of a type, page after page."""
    pairs = [("_count", "200")]
    while pairs:
        bundle = searchset(stored, type_, pairs, BASE, strict=True)
        yield from (one["resource"] for one in bundle.get("entry", ()))
        following = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
        pairs = parse_qsl(urlsplit(following[0]).query) if following else []


def shipped(app):
    services = app.extensions["finder"]
    return Stored(services.database, services.terminology)


@pytest.mark.fhir
@pytest.mark.parametrize("type_", TYPES.values(), ids=TYPES)
def test_every_resource_of_the_shipped_directory_is_valid(app, type_):
    found = list(every(shipped(app), type_))

    assert len(found) >= 50
    assert {one["id"]: problems for one in found if (problems := faults(one))} == {}
    assert len({one["id"] for one in found}) == len(found)


@pytest.mark.fhir
@pytest.mark.parametrize("type_", TYPES.values(), ids=TYPES)
def test_every_resource_of_listings_with_all_and_with_nothing_is_valid(stored, type_):
    found = list(every(stored, type_))

    assert found
    assert {one["id"]: problems for one in found if (problems := faults(one))} == {}


@pytest.mark.fhir
def test_what_the_server_says_of_itself_and_a_page_of_a_search_are_valid(stored):
    assert faults(capability_statement(BASE, "2026-11-25")) == []
    for type_ in TYPES.values():
        pairs = [("_count", "1"), ("nonsense", "1"), ("_elements", "name")]
        assert faults(searchset(stored, type_, pairs, BASE, strict=False)) == []


@pytest.mark.fhir
@pytest.mark.parametrize(
    ("type_name", "spoil", "told"),
    [
        ("Location", lambda one: one.update(status="open"), "schema"),
        ("Location", lambda one: one.update(mode="kind"), "profile"),
        ("Location", lambda one: one.update(colour="red"), "model"),
        ("Location", lambda one: one["position"].pop("longitude"), "model"),
        ("Organization", lambda one: one.update(active=False), "profile"),
        ("Organization", lambda one: one.pop("address"), "profile"),
        ("Practitioner", lambda one: one["name"][0].pop("family"), "profile"),
        ("Practitioner", lambda one: one.pop("identifier"), "profile"),
        ("Practitioner", lambda one: one["identifier"][0].update(value="1234567890"), "profile"),
        ("PractitionerRole", lambda one: [one.pop(name) for name in ("practitioner", "location")], "profile"),
        ("HealthcareService", lambda one: one.pop("category"), "profile"),
    ],
)
def test_the_checks_find_what_is_wrong(stored, type_name, spoil, told):
    sound = next(
        one for one in every(stored, TYPES[type_name]) if one["id"].startswith(("center-every", "specialist-12"))
    )
    spoiled = copy.deepcopy(sound)
    spoil(spoiled)

    assert faults(sound) == []
    assert any(one.startswith(told) for one in faults(spoiled))


@pytest.mark.parametrize("type_", TYPES.values(), ids=TYPES)
def test_each_resource_is_read_by_its_id(stored, type_):
    for resource in every(stored, type_):
        assert len(resource["id"]) <= 64
        assert read(stored, type_, resource["id"]) == resource


def test_a_resource_says_no_more_than_its_listing(app):
    stored = shipped(app)
    listings = {short_id(one.id): one for layer in Layer for one in search.everything(stored.database, layer)}
    for resource in every(stored, TYPES["Location"]):
        listing = listings[resource["id"]]
        assert resource["name"] == listing.name
        assert resource["address"].get("city", "") == listing.address.city
        assert ("position" in resource) == (listing.point is not None)
    services = list(every(stored, TYPES["HealthcareService"]))
    assert all(one["comment"].startswith("Stated by ") for one in services)
    for organization in every(stored, TYPES["Organization"]):
        for extension in organization.get("extension", ()):
            assert {"url": "status", "valueCode": "unknown"} in extension["extension"]


def test_a_role_that_nobody_can_reach_does_not_claim_the_profile(stored):
    reached, unreached = (
        read(stored, TYPES["PractitionerRole"], f"specialist-{npi}") for npi in ("1234567893", "1003268392")
    )

    assert reached["meta"]["profile"] == [TYPES["PractitionerRole"].profile]
    assert "telecom" not in unreached
    assert "profile" not in unreached["meta"]


def test_what_is_the_same_has_the_same_version_and_what_changed_another(stored):
    before = read(stored, TYPES["Organization"], "center-everything")["meta"]["versionId"]
    assert read(stored, TYPES["Organization"], "center-everything")["meta"]["versionId"] == before

    fill(stored.database, center("everything", said("phone", "617-555-0199")), source="a-list")

    assert read(stored, TYPES["Organization"], "center-everything")["meta"]["versionId"] != before
