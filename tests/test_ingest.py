import pytest
from sqlalchemy import func, select

from finder import search
from finder.db import (
    Credential,
    Database,
    HealthcareService,
    ListingRow,
    Location,
    Organization,
    Practitioner,
    PractitionerRole,
    ResourceIdentifier,
    SourceRecord,
)
from finder.domain.entry import Rejected
from finder.domain.geo import GeoPoint
from finder.domain.listing import Layer
from finder.domain.place import Place, Precision
from finder.ingest import rebuild, run_import
from tests.factories import center, fill, nowhere, said, specialist, terminology

CURATED = (
    Organization, Location, Practitioner, PractitionerRole, HealthcareService, Credential, ResourceIdentifier,
    ListingRow,
)  # fmt: skip


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


def count(database, table):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def contents(database):
    with database.reading() as connection:
        rows = {}
        for table in CURATED:
            columns = [column for column in table.__table__.columns if column.name != "id" or table is ListingRow]
            rows[table.__tablename__] = sorted(map(repr, connection.execute(select(*columns))))
        return rows


ENTRIES = (
    center("dana", said("nci_designation", "comprehensive"), said("allogeneic_transplant", population="adult")),
    center("st-jude", said("cog_member"), said("leukemia_program")),
    specialist("1003000126"),
)


def test_an_entry_becomes_the_fhir_resources_and_one_listing(database):
    fill(database, *ENTRIES)

    assert {table.__tablename__: count(database, table) for table in CURATED} == {
        "organization": 2,
        "location": 3,
        "practitioner": 1,
        "practitioner_role": 1,
        "healthcare_service": 2,
        "credential": 2,
        "identifier": 3,
        "listing": 3,
    }


def test_the_same_list_again_changes_nothing(database):
    fill(database, *ENTRIES)
    before = contents(database)

    tally = fill(database, *ENTRIES)

    assert tally.counts() == {"created": 0, "updated": 0, "unchanged": 3, "ended": 0, "rejected": 0}
    assert contents(database) == before


def test_what_left_the_list_leaves_the_directory_but_its_record_stays(database):
    fill(database, *ENTRIES)

    tally = fill(database, *ENTRIES[1:])

    assert tally.ended == 1
    assert search.get(database, Layer.CENTERS, "dana") is None
    assert count(database, SourceRecord) == 3


def test_what_comes_back_is_found_again(database):
    fill(database, *ENTRIES)
    fill(database, *ENTRIES[1:])

    fill(database, *ENTRIES)

    assert search.get(database, Layer.CENTERS, "dana").name == "dana"


def test_two_lists_do_not_end_each_others_entries(database):
    fill(database, ENTRIES[0], source="one")
    fill(database, ENTRIES[1], source="two")

    assert count(database, ListingRow) == 2


def test_rebuilding_gives_the_same_directory(database):
    fill(database, *ENTRIES)
    before = contents(database)

    with database.transaction() as session:
        assert rebuild(session, nowhere, terminology()) == 3

    assert contents(database) == before


def test_a_rejected_row_is_counted_and_stops_nothing(database):
    rejected = Rejected(3, "x", "npi", "12", "npi-invalid", "The NPI is not ten digits")

    tally = fill(database, rejected, ENTRIES[0])

    assert tally.rejected == [rejected]
    assert count(database, ListingRow) == 1


def test_a_failure_in_the_middle_leaves_everything_as_it_was(database):
    fill(database, ENTRIES[0])
    before = contents(database)

    def broken():
        yield ENTRIES[1]
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"), database.transaction() as session:
        run_import(session, "a-list", "A test list", broken(), nowhere, terminology())

    assert contents(database) == before


def test_an_entry_without_a_position_takes_that_of_its_zip(database):
    def middle(address):
        return Place(address.postal_code, GeoPoint(42.0, -71.0), Precision.ZIP)

    with database.transaction() as session:
        run_import(session, "a-list", "A test list", [center("dana", at=None)], middle, terminology())

    listing = search.get(database, Layer.CENTERS, "dana")
    assert (listing.point, listing.precision) == (GeoPoint(42.0, -71.0), Precision.ZIP)


def test_the_newest_statement_is_shown_first_and_the_others_stay(database):
    fill(
        database,
        center(
            "dana",
            said("phone", "617-555-0100", as_of="2020"),
            said("phone", "617-555-0199", as_of="2025-02"),
            said("phone", "617-555-0150", as_of=""),
        ),
    )

    listing = search.get(database, Layer.CENTERS, "dana")

    assert [fact.value for fact in listing.facts_about("phone")] == ["617-555-0199", "617-555-0100", "617-555-0150"]


def test_a_doctor_without_a_leukemia_specialty_is_kept_but_not_listed(database):
    fill(database, specialist("1003000126", "207ZH0000X"))

    assert count(database, Practitioner) == 1
    assert count(database, ListingRow) == 0
