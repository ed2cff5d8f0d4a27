import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from finder import ingest, search
from finder.curation import rebuild
from finder.db import (
    Affiliation,
    Credential,
    Database,
    HealthcareService,
    ListingRow,
    Location,
    Organization,
    Override,
    Practitioner,
    PractitionerRole,
    RecordChange,
    ResourceIdentifier,
    Review,
    SourceRecord,
)
from finder.domain.entry import Delivery, Entry, Identifier, Rejected
from finder.domain.geo import GeoPoint
from finder.domain.identifiers import CCN_SYSTEM
from finder.domain.listing import Layer
from finder.domain.place import Place, Precision
from finder.errors import GuardStopped, ImportBusy, NotFound, PlanOutdated
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
            columns = [one for one in table.__table__.columns if one.name != "id" or table is ListingRow]
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


FULL = Delivery("full", "A test list")


def plan(database, *entries, source="a-list", delivery=FULL, sha256="", guards=None, lists=True):
    intake = ingest.Intake(source, delivery, "Ann", "list.csv", sha256=sha256, lists=lists)
    with database.alone():
        return ingest.plan(database, intake, entries, guards)


def apply(database, number):
    with database.alone():
        ingest.apply(database, number, nowhere, terminology())


def undo(database, number):
    with database.alone():
        reverse = ingest.undo(database, number, "Ann")
        ingest.apply(database, reverse, nowhere, terminology())
    return reverse


def run(database, number):
    with database.transaction() as session:
        found = ingest.find(session, number)
        session.expunge(found)
    return found


def counted(database, number):
    counts = ingest.counts_of(run(database, number))["counts"]
    return {name: counts[name] for name in counts if counts[name]}


def records(database):
    columns = [getattr(SourceRecord, name) for name in ingest.Record.__dataclass_fields__]
    with database.reading() as connection:
        return sorted(map(repr, connection.execute(select(SourceRecord.source, *columns))))


def test_a_plan_changes_nothing_that_readers_see(database):
    fill(database, *ENTRIES)
    before = contents(database), records(database)

    number = plan(database, *ENTRIES[1:], specialist("1003000134"))

    assert (contents(database), records(database)) == before
    assert run(database, number).status == "planned"
    assert counted(database, number) == {"new": 1, "gone": 1, "unchanged": 2}


def test_a_plan_is_applied_as_it_was_shown(database):
    fill(database, *ENTRIES)
    number = plan(database, *ENTRIES[1:], specialist("1003000134"))

    apply(database, number)

    assert run(database, number).status == "applied"
    assert search.get(database, Layer.CENTERS, "dana") is None
    assert search.get(database, Layer.SPECIALISTS, "1003000134")


def test_a_plan_is_not_applied_to_a_directory_that_has_changed(database):
    number = plan(database, *ENTRIES)
    fill(database, center("other"), source="another")

    with pytest.raises(PlanOutdated, match="Plan again"):
        apply(database, number)
    assert search.get(database, Layer.CENTERS, "dana") is None


def test_a_plan_is_applied_once(database):
    number = plan(database, *ENTRIES)
    apply(database, number)

    with pytest.raises(NotFound, match="it is applied"):
        apply(database, number)


def test_a_discarded_plan_leaves_nothing_to_apply(database):
    number = plan(database, *ENTRIES)

    ingest.discard(database, number)

    assert count(database, RecordChange) == 0
    with pytest.raises(NotFound, match="it is discarded"):
        apply(database, number)


def test_changes_are_shown_field_by_field(database):
    fill(database, center("dana", said("phone", "617-555-0100")))
    number = plan(database, center("dana", said("phone", "617-555-0199"), said("leukemia_program")))

    with database.transaction() as session:
        (sample,) = ingest.samples(session, number, "changed")

    assert (sample.key, sample.name) == ("dana", "dana")
    assert [(one.field, one.before, one.after) for one in sample.differences] == [
        ("phone", ("617-555-0100",), ("617-555-0199",)),
        ("leukemia_program", (), ("yes",)),
    ]


def test_the_same_list_again_changes_nothing(database):
    fill(database, *ENTRIES)
    before = contents(database), records(database)

    counts = fill(database, *ENTRIES)

    assert counts == dict.fromkeys(counts, 0) | {"unchanged": 3}
    assert (contents(database), records(database)) == before


def test_for_the_very_same_file_there_is_nothing_to_do(database):
    apply(database, plan(database, *ENTRIES, sha256="a" * 64))

    number = plan(database, *ENTRIES, sha256="a" * 64)

    assert run(database, number).status == "unchanged"
    assert "nothing to do" in run(database, number).message


def test_what_left_the_list_leaves_the_directory_but_its_record_stays(database):
    fill(database, *ENTRIES)

    counts = fill(database, *ENTRIES[1:])

    assert counts["gone"] == 1
    assert search.get(database, Layer.CENTERS, "dana") is None
    assert count(database, SourceRecord) == 3


def test_what_comes_back_is_reactivated(database):
    fill(database, *ENTRIES)
    fill(database, *ENTRIES[1:])

    counts = fill(database, *ENTRIES)

    assert counts["reactivated"] == 1
    assert search.get(database, Layer.CENTERS, "dana").name == "dana"


def test_two_lists_do_not_end_each_others_entries(database):
    fill(database, ENTRIES[0], source="one")
    fill(database, ENTRIES[1], source="two")

    assert count(database, ListingRow) == 2


def test_a_deactivated_doctor_is_hidden_and_what_was_known_is_kept(database):
    fill(database, specialist("1003000126"))

    counts = fill(database, replace(specialist("1003000126"), statements=(), ended_on="2026-08-01"))

    assert counts["deactivated"] == 1
    assert search.get(database, Layer.SPECIALISTS, "1003000126") is None
    with database.transaction() as session:
        kept = ingest.stored(session, "a-list", ["1003000126"])["1003000126"]
    assert (kept.ending, kept.ended_on) == ("deactivated", "2026-08-01")
    assert "Doe" in kept.entry


def test_a_deactivation_of_somebody_unknown_is_no_change(database):
    counts = fill(database, replace(specialist("1003000126"), statements=(), ended_on="2026-08-01"))

    assert counts == dict.fromkeys(counts, 0)


def test_a_list_of_deactivations_ends_and_revives(database):
    fill(database, specialist("1003000126"), specialist("1003000134"), center("dana"))
    dark = [replace(specialist(npi), statements=(), ended_on="2026-08-01") for npi in ("1003000126", "1003000142")]
    report = Delivery("deactivations", "A report")

    first = fill(database, *dark, delivery=report)
    second = fill(database, dark[1], delivery=report)

    assert (first["deactivated"], first["gone"], second["reactivated"]) == (1, 0, 1)
    assert search.get(database, Layer.SPECIALISTS, "1003000126")


def weekly(first, last):
    return Delivery("update", "A week", covers_from=first, covers_to=last)


MONTHLY = Delivery("full", "A month", released_on="2026-08-09")


def test_an_update_leaves_what_it_does_not_name(database):
    fill(database, *ENTRIES, delivery=MONTHLY)

    counts = fill(database, specialist("1003000134"), delivery=weekly("2026-08-10", "2026-08-16"))

    assert counts == dict.fromkeys(counts, 0) | {"new": 1}
    assert count(database, ListingRow) == 4


def test_an_older_row_does_not_replace_a_newer_one(database):
    newer = replace(specialist("1003000126", family="New"), updated_on="2026-08-12")
    older = replace(specialist("1003000126", family="Old"), updated_on="2026-08-11")
    fill(database, newer, delivery=MONTHLY)

    fill(database, older, delivery=weekly("2026-08-10", "2026-08-16"))

    assert "New" in search.get(database, Layer.SPECIALISTS, "1003000126").name


@pytest.mark.parametrize(
    ("delivery", "said_"),
    [
        (weekly("2026-08-17", "2026-08-23"), "There is a gap"),
        (weekly("2026-08-03", "2026-08-08"), "already holds this source as of 2026-08-09"),
        (replace(MONTHLY, released_on="2026-07-12"), "already holds this source as of 2026-08-09"),
    ],
)
def test_a_file_out_of_order_is_stopped_with_the_reason(database, delivery, said_):
    apply(database, plan(database, *ENTRIES, delivery=MONTHLY))

    number = plan(database, *ENTRIES, delivery=delivery)

    assert said_ in run(database, number).message
    with pytest.raises(GuardStopped, match=said_[:10]):
        apply(database, number)


def report(day):
    return Delivery("deactivations", "A report", released_on=day)


def test_a_report_of_deactivations_does_not_hide_that_a_week_is_missing(database):
    apply(database, plan(database, *ENTRIES, delivery=MONTHLY))
    apply(database, plan(database, delivery=report("2026-08-17")))

    second = plan(database, *ENTRIES, delivery=weekly("2026-08-17", "2026-08-23"))
    assert "There is a gap: the directory is as of 2026-08-09" in run(database, second).message
    first = plan(database, *ENTRIES, delivery=weekly("2026-08-10", "2026-08-16"))
    assert run(database, first).status == "planned"


def test_a_week_may_follow_a_month_of_which_no_day_is_known(database):
    apply(database, plan(database, *ENTRIES, delivery=replace(MONTHLY, released_on="2026-08")))

    number = plan(database, *ENTRIES, delivery=weekly("2026-08-10", "2026-08-16"))

    assert run(database, number).status == "planned"


def test_a_report_that_is_older_than_the_last_week_is_stopped(database):
    apply(database, plan(database, *ENTRIES, delivery=MONTHLY))
    apply(database, plan(database, *ENTRIES, delivery=weekly("2026-08-10", "2026-08-16")))

    number = plan(database, delivery=report("2026-08-14"))

    assert "already holds this source as of 2026-08-16" in run(database, number).message


def test_an_update_without_a_full_list_is_stopped(database):
    number = plan(database, *ENTRIES, delivery=weekly("2026-08-10", "2026-08-16"))

    assert "Import the full list first" in run(database, number).message


def bad_rows(size):
    return [Rejected(n, "", "npi", "12", "bad-npi", "this is not an NPI") for n in range(size)]


def doctors(size):
    return [specialist(f"1{n:09}") for n in range(size)]


def test_too_many_rejected_rows_stop_the_import(database):
    number = plan(database, *bad_rows(12), *doctors(100))

    message = run(database, number).message
    assert message.startswith("12 of 112 rows would be rejected, more than the 1 %")
    assert "--" not in message  # It is shown in the browser too.


def test_too_many_vanished_rows_stop_the_import_unless_it_is_forced(database):
    fill(database, *doctors(100))

    assert "would be gone" in run(database, plan(database, *doctors(80))).message
    forced = plan(database, *doctors(80), guards=ingest.Guards(force=True))
    assert run(database, forced).status == "planned"


def test_too_many_deactivations_stop_the_import(database):
    fill(database, *doctors(100))
    dark = [replace(one, statements=(), ended_on="2026-08-01") for one in doctors(15)]

    number = plan(database, *dark, delivery=Delivery("deactivations", "A report"))

    assert "would be deactivated" in run(database, number).message


def test_problems_are_kept_with_line_key_column_value_and_code(database):
    warning = Rejected(7, "1003000126", "zip", "9", "bad-zip", "this is not a ZIP; it was left out")
    number = plan(database, *bad_rows(1), replace(specialist("1003000126"), warnings=(warning,)))

    with database.transaction() as session:
        kept = [(one.severity, one.line, one.key, one.column, one.value, one.code)
                for one in ingest.problems(session, number)]  # fmt: skip
    assert kept == [
        ("error", 0, "", "npi", "12", "bad-npi"),
        ("warning", 7, "1003000126", "zip", "9", "bad-zip"),
    ]
    assert ingest.counts_of(run(database, number))["problems"] == {"bad-npi": 1, "bad-zip": 1}


def test_a_key_that_stands_twice_in_a_file_counts_once(database):
    counts = fill(database, center("dana", name="First"), center("dana", name="Second"))

    assert (counts["new"], counts["rejected"]) == (1, 1)
    assert search.get(database, Layer.CENTERS, "dana").name == "First"


def test_undo_restores_what_was_before(database):
    fill(database, *ENTRIES, specialist("1003000142"))
    before = contents(database), records(database)
    number = plan(database, center("dana", name="Another name"), *ENTRIES[1:], specialist("1003000134"))
    apply(database, number)

    undo(database, number)

    assert (contents(database), records(database)) == before
    assert run(database, number).status == "undone"


def test_runs_are_undone_one_after_the_other(database):
    first = plan(database, center("dana", name="One"))
    apply(database, first)
    second = plan(database, center("dana", name="Two"))
    apply(database, second)

    undo(database, second)
    undo(database, first)

    assert records(database) == []
    assert count(database, ListingRow) == 0


def test_undo_leaves_what_was_changed_later_and_lists_it(database):
    first = plan(database, center("dana", name="One"), center("moffitt", name="One"))
    apply(database, first)
    apply(database, plan(database, center("dana", name="Two"), center("moffitt", name="One")))

    reverse = undo(database, first)

    assert search.get(database, Layer.CENTERS, "dana").name == "Two"
    assert search.get(database, Layer.CENTERS, "moffitt") is None
    with database.transaction() as session:
        assert [(one.key, one.code) for one in ingest.problems(session, reverse)] == [("dana", "changed-since")]


def test_what_was_never_applied_cannot_be_undone(database):
    number = plan(database, *ENTRIES)

    with pytest.raises(NotFound, match="it is planned"):
        ingest.undo(database, number, "Ann")


def test_a_plan_that_dies_in_the_middle_is_cleared_away_by_the_next_one(database):
    def broken():
        yield from doctors(600)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"), database.alone():
        ingest.plan(database, ingest.Intake("a-list", FULL), broken())
    assert count(database, ListingRow) == 0
    assert count(database, RecordChange) == 500

    number = plan(database, ENTRIES[0])

    assert run(database, number - 1).status == "discarded"
    assert count(database, RecordChange) == 1


def test_an_application_that_fails_leaves_everything_as_it_was(database):
    fill(database, ENTRIES[0])
    before = contents(database), records(database)
    number = plan(database, *ENTRIES, center("unplaced", at=None))

    def gone(address):
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"), database.alone():
        ingest.apply(database, number, gone, terminology())
    assert (contents(database), records(database)) == before

    apply(database, number)
    assert search.get(database, Layer.CENTERS, "st-jude")


def test_one_import_at_a_time(database):
    with database.alone(), pytest.raises(ImportBusy, match="Another import is at work"), database.alone():
        pytest.fail("two imports held the lock")
    with database.alone():
        pass


def test_rebuilding_gives_the_same_directory(database):
    fill(database, *ENTRIES)
    before = contents(database)

    with database.transaction() as session:
        assert rebuild(session, nowhere, terminology()) == 3

    assert contents(database) == before


def test_an_entry_without_a_position_takes_that_of_its_zip(database):
    def middle(address):
        return Place(address.postal_code, GeoPoint(42.0, -71.0), Precision.ZIP)

    ingest.run_import(database, "a-list", FULL, [center("dana", at=None)], middle, terminology())

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


def test_what_two_lists_say_of_one_doctor_stands_on_one_page_with_its_records(database):
    fill(database, specialist("1003000126"), source="one")
    fill(database, specialist("1003000126", "207RX0202X"), source="two")

    listing = search.get(database, Layer.SPECIALISTS, "1003000126")

    assert count(database, ListingRow) == 1
    assert {fact.value for fact in listing.facts_about("specialty")} == {"207RH0003X", "207RX0202X"}
    assert len({fact.record for fact in listing.facts if fact.field == "specialty"}) == 2


def placed(npi, street, code, as_of, *more):
    said_ = [said("family", "Doe"), said("specialty", "207RH0003X"), *more]
    place = [said("street", street), said("city", "Boston"), said("state", "MA"), said("zip", code)]
    place = [replace(one, as_of=as_of) for one in place if one.value]
    return Entry(npi, "PractitionerRole", specialist(npi).identifiers, (*said_, *place))


def test_an_address_is_taken_from_one_list_whole(database):
    fill(database, placed("1003000126", "1 Old Street", "02114", "2020"), source="one")
    fill(database, placed("1003000126", "9 New Street", "", "2026"), source="two")

    address = search.get(database, Layer.SPECIALISTS, "1003000126").address

    assert (address.street, address.postal_code) == ("9 New Street", "")


def test_a_list_that_only_adds_makes_no_doctor_and_no_center(database):
    number = plan(database, specialist("1003000126"), center("dana"), lists=False)
    apply(database, number)

    assert counted(database, number) == {"new": 1}
    assert count(database, ListingRow) == 0
    assert count(database, Practitioner) == 0


def test_a_list_that_only_adds_adds_to_the_doctors_that_are_there(database):
    fill(database, specialist("1003000126"))
    affiliated = replace(specialist("1003000126"), statements=(said("hospital_affiliation", "220071"),))

    apply(database, plan(database, affiliated, source="affiliations", lists=False))

    assert count(database, Affiliation) == 1
    assert count(database, ListingRow) == 1


def test_a_list_that_only_adds_does_not_rename_what_it_adds_to(database):
    fill(database, center("dana", said("facility_type", "cancer-center", as_of="2024"), name="Its name"))
    phone, kind = said("phone", "617-555-0199", as_of="2026-10"), said("facility_type", "hospital", as_of="2026-10")
    adding = center("dana", phone, kind, name="A NAME IN A FILE")

    apply(database, plan(database, adding, source="hospitals", lists=False))

    listing = search.get(database, Layer.CENTERS, "dana")
    assert (listing.name, listing.first("facility_type").value) == ("Its name", "cancer-center")
    assert listing.first("phone").value == "617-555-0199"


def test_a_newer_record_without_a_street_does_not_take_the_address_away(database):
    streets = [said("street", "450 Brookline Avenue", as_of="2024")]
    fill(database, center("dana", *streets))
    site = [said("city", "Boston", as_of="2026-10"), said("trial", "NCT01234567", as_of="2026-10")]
    trial = Entry("NCT01234567|dana", "Organization", center("dana").identifiers, tuple(site))

    apply(database, plan(database, trial, source="trials", lists=False))

    assert search.get(database, Layer.CENTERS, "dana").address.street == "450 Brookline Avenue"


def test_an_update_without_dates_only_adds(database):
    number = plan(database, center("dana"), delivery=Delivery("update", "Some of them"))

    assert run(database, number).status == "planned"


def correct(database, resource_id, field, value):
    with database.transaction() as session:
        session.add(
            Override(
                resource_id=resource_id, field=field, value=value, reason="We called.", who="Ann",
                made_at=NOON,
            )
        )  # fmt: skip


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_correction_wins_over_every_import_and_says_why(database):
    fill(database, center("dana", said("phone", "617-555-0100")))
    correct(database, "dana", "phone", "617-555-0177")

    fill(database, center("dana", said("phone", "617-555-0100"), said("leukemia_program")))

    (phone,) = search.get(database, Layer.CENTERS, "dana").facts_about("phone")
    assert (phone.value, phone.as_of, phone.note) == ("617-555-0177", "2026-11-24", "We called.")


def test_a_hidden_entry_is_kept_but_not_listed(database):
    fill(database, center("dana"), specialist("1003000126"))
    correct(database, "dana", "hidden", "yes")
    correct(database, "1003000126", "hidden", "yes")

    fill(database, center("dana", said("leukemia_program")), specialist("1003000126", family="Roe"))

    assert count(database, ListingRow) == 0
    assert count(database, Organization) == 1
    assert count(database, Practitioner) == 1


def test_an_empty_correction_takes_a_field_away(database):
    fill(database, center("dana", said("phone", "617-555-0100")))
    correct(database, "dana", "phone", "")

    fill(database, center("dana", said("phone", "617-555-0100"), said("leukemia_program")))

    assert search.get(database, Layer.CENTERS, "dana").facts_about("phone") == ()


def test_a_corrected_city_leaves_the_rest_of_the_address_to_one_list(database):
    fill(database, placed("1003000126", "1 Old Street", "02114", "2020"), source="one")
    fill(database, placed("1003000126", "9 New Street", "", "2026"), source="two")
    correct(database, "1003000126", "city", "Brookline")

    fill(database, placed("1003000126", "9 New Street", "", "2026", said("phone", "617-555-0100")), source="two")

    address = search.get(database, Layer.SPECIALISTS, "1003000126").address
    assert (address.street, address.city, address.postal_code) == ("9 New Street", "Brookline", "")


def test_a_corrected_address_does_not_keep_the_pin_of_the_old_one(database):
    fill(database, center("dana"))
    correct(database, "dana", "zip", "01608")

    fill(database, center("dana", said("leukemia_program")))
    assert search.get(database, Layer.CENTERS, "dana").point is None
    correct(database, "dana", "latitude", "42.27")
    correct(database, "dana", "longitude", "-71.8")
    fill(database, center("dana"))

    assert search.get(database, Layer.CENTERS, "dana").point == GeoPoint(42.27, -71.8)


def test_an_import_that_disagrees_with_a_correction_asks_a_person(database):
    fill(database, center("dana", said("phone", "617-555-0100")))
    correct(database, "dana", "phone", "617-555-0177")

    fill(database, center("dana", said("phone", "617-555-0100"), said("leukemia_program")))
    assert count(database, Review) == 0
    fill(database, center("dana", said("phone", "617-555-0188")))

    with database.transaction() as session:
        (review,) = session.scalars(select(Review))
        assert (review.kind, review.resource_id) == ("disagreement", "dana")
        assert json.loads(review.detail)["said"] == ["617-555-0188"]


def reviews(database):
    with database.transaction() as session:
        return [one.state for one in session.scalars(select(Review).order_by(Review.id))]


def alike(slug, name):
    return Entry(slug, "Organization", (Identifier(CCN_SYSTEM, "220071"),), center(slug, name=name).statements)


def test_what_a_plan_wants_to_ask_is_asked_when_it_is_applied_and_not_after_it_is_undone(database):
    fill(database, center("mercy", name="Mercy Cancer Center"))
    hospital = alike("hospital", "Mercy Medical Center Boston")

    number = plan(database, hospital, source="hospitals", lists=False)
    assert reviews(database) == ["planned"]
    apply(database, number)
    assert reviews(database) == ["open"]
    undo(database, number)
    assert reviews(database) == ["closed"]
    ingest.discard(database, plan(database, hospital, source="hospitals", lists=False))
    assert reviews(database) == ["closed", "closed"]


DAY = date(2026, 8, 9)


def month(number):
    return replace(MONTHLY, released_on=(DAY + timedelta(days=28 * number)).isoformat())


def week(number):
    first = DAY + timedelta(days=1 + 7 * number)
    return weekly(first.isoformat(), (first + timedelta(days=6)).isoformat())


# What the registry holds at the end of each week: doctors by number, each with the week of its last change.
HISTORY = [{1: 0, 2: 0, 3: 0}, {1: 1, 2: 0, 3: 0, 4: 1}, {1: 1, 2: 2, 4: 1, 5: 2}, {1: 3, 2: 2, 4: 1, 5: 2}]


def doctor(number, changed):
    day = (DAY + timedelta(days=7 * changed)).isoformat()
    return replace(specialist(f"100300012{number}", family=f"Week{changed}"), updated_on=day)


def left(number, in_week):
    """What is said of a doctor who left in a week."""
    return replace(doctor(number, in_week), statements=(), ended_on=(DAY + timedelta(days=7 * in_week)).isoformat())


def files():
    """A monthly, three weeklies, a report among them and the next monthly, as they come out one after the other."""
    yield month(0), [doctor(*one) for one in HISTORY[0].items()]
    for n in range(3):
        changed = [doctor(key, at) for key, at in HISTORY[n + 1].items() if at == n + 1]
        yield week(n), changed + [left(key, n + 1) for key in HISTORY[n].keys() - HISTORY[n + 1].keys()]
        if n == 1:
            yield report((DAY + timedelta(days=15)).isoformat()), [left(3, 2)]
    yield month(1), [doctor(*one) for one in HISTORY[3].items()]


FILES = list(files())


@given(order=st.lists(st.sampled_from(range(len(FILES))), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_that_the_guards_allow_ends_in_the_same_state(tmp_path, order):
    database = Database(f"sqlite:///{tmp_path / 'order.sqlite'}")
    database.migrate("base")
    database.migrate()
    for number in [*order, *range(len(FILES))]:
        delivery, entries = FILES[number]
        planned = plan(database, *entries, delivery=delivery, sha256=str(number) * 64)
        if run(database, planned).status == "planned":
            apply(database, planned)

    with database.reading() as connection:
        live = connection.execute(select(SourceRecord.key, SourceRecord.updated_on).where(SourceRecord.ending == ""))
        assert {row.key: row.updated_on for row in live} == {one.key: one.updated_on for one in FILES[-1][1]}
    database.dispose()
