import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from finder import history, ingest, reviews, search
from finder.accounts import Account, Role
from finder.curation import rebuild
from finder.db import Database, LinkDecision, ListingRow, Override, Review, SourceRecord
from finder.db.models import AuditEvent
from finder.domain.entry import Delivery, Identifier
from finder.domain.geo import GeoPoint
from finder.domain.identifiers import CCN_SYSTEM
from finder.domain.listing import Layer
from finder.domain.place import Place, Precision
from finder.editing import FIELDS, CannotEdit, Editor
from finder.errors import ImportBusy, NotFound, PlanOutdated
from finder.reviews import CannotReport
from tests.factories import center, fill, nowhere, said, specialist, terminology

ANN = Account("ann", Role.EDITOR)
WORCESTER = Place("Worcester, MA", GeoPoint(42.27, -71.8), Precision.ZIP)


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def editor(database):
    return Editor(database, lambda address: WORCESTER if address.postal_code == "01608" else None, terminology())


def shown(database, slug="dana", layer=Layer.CENTERS):
    return search.get(database, layer, slug)


def value(database, field, slug="dana"):
    return [fact.value for fact in shown(database, slug).facts_about(field)]


def audited(database):
    with database.reading() as connection:
        columns = (AuditEvent.who, AuditEvent.action, AuditEvent.subject, AuditEvent.detail)
        return [tuple(row) for row in connection.execute(select(*columns).order_by(AuditEvent.id))]


def version(database):
    with database.transaction() as session:
        return ingest.version(session)


def listings(database):
    with database.reading() as connection:
        return sorted(map(repr, connection.execute(select(ListingRow.id, ListingRow.facts, ListingRow.digest))))


def overrides(database):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(Override))


def record(database, key, source):
    with database.transaction() as session:
        found = session.scalar(select(SourceRecord).where(SourceRecord.source == source, SourceRecord.key == key))
        session.expunge(found)
    return found


def test_a_correction_is_shown_at_once_with_its_reason_and_survives_a_rebuild(database, editor):
    fill(database, center("dana", said("phone", "617-555-0100")))

    editor.correct("dana", "phone", "(617) 555-0177", "We called.", ANN)

    (phone,) = shown(database).facts_about("phone")
    assert (phone.value, phone.note) == ("617-555-0177", "We called.")
    assert audited(database) == [("ann", "correct", "dana", "phone: 617-555-0177")]
    before = listings(database)
    with database.transaction() as session:
        rebuild(session, editor.locate, editor.terminology)
    assert listings(database) == before


def test_a_plan_made_before_a_correction_must_be_made_again(database, editor):
    fill(database, center("dana"))
    with database.alone():
        number = ingest.plan(database, ingest.Intake("b-list", Delivery("full", "B")), [center("other")])

    editor.correct("dana", "name", "Dana Center", "Their own page.", ANN)

    with database.alone(), pytest.raises(PlanOutdated):
        ingest.apply(database, number, nowhere, terminology())


def test_a_later_correction_takes_the_place_of_an_earlier_one(database, editor):
    fill(database, center("dana", said("phone", "617-555-0100")))
    editor.correct("dana", "phone", "617-555-0177", "We called.", ANN)
    editor.correct("dana", "phone", "617-555-0188", "We called again.", ANN)

    (field,) = [one for one in history.history(database, "dana").fields if one.name == "phone"]
    assert value(database, "phone") == ["617-555-0188"]
    assert [one.withdrawn_at is None for one in field.corrections] == [True, False]


def test_a_correction_that_is_withdrawn_lets_the_sources_speak_again(database, editor):
    fill(database, center("dana", said("phone", "617-555-0100")))
    before = listings(database)
    editor.correct("dana", "phone", "617-555-0177", "We called.", ANN)
    (field,) = [one for one in history.history(database, "dana").fields if one.name == "phone"]

    assert editor.withdraw(field.standing.number, ANN) == "dana"

    assert listings(database) == before
    with pytest.raises(NotFound, match="withdrawn before"):
        editor.withdraw(field.standing.number, ANN)


def test_an_empty_correction_shows_nothing_for_the_field(database, editor):
    fill(database, center("dana", said("phone", "617-555-0100")))

    editor.correct("dana", "phone", "", "The line is dead.", ANN)

    assert value(database, "phone") == []


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("phone", "555-0100", "617-555-0100"),
        ("zip", "0211", "five digits"),
        ("state", "ZZ", "two letters"),
        ("website", "javascript:alert(1)", "https://"),
        ("website", "http://dana.example", "https://"),
        ("treats_adults", "perhaps", "yes or no"),
        ("facility_type", "castle", "one of"),
        ("name", "", "hide it"),
        ("name", "x" * 301, "300 characters"),
        ("name", "a\x00b", "characters"),
        ("latitude", "42", "cannot be corrected"),
        ("no_such_field", "x", "cannot be corrected"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_words_and_changes_nothing(database, editor, field, typed, words):
    fill(database, center("dana"))
    before = listings(database), version(database)

    with pytest.raises(CannotEdit, match=words):
        editor.correct("dana", field, typed, "We called.", ANN)

    assert (listings(database), version(database), overrides(database)) == (*before, 0)


def test_a_correction_needs_a_reason_and_an_entry(database, editor):
    fill(database, center("dana"))

    with pytest.raises(CannotEdit, match="Say why") as refused:
        editor.correct("dana", "name", "Dana", "  ", ANN)
    assert refused.value.field == "reason"
    with pytest.raises(NotFound):
        editor.correct("nobody", "name", "Dana", "We called.", ANN)


def test_a_doctor_is_corrected_to_a_specialty_that_is_known_here(database, editor):
    fill(database, specialist("1003000126"))

    with pytest.raises(CannotEdit, match="no words"):
        editor.correct("1003000126", "specialty", "999999999X", "NPPES.", ANN)
    editor.correct("1003000126", "specialty", "2080P0207X", "NPPES.", ANN)

    (code,) = shown(database, "1003000126", Layer.SPECIALISTS).facts_about("specialty")
    assert code.value == "2080P0207X"


@given(st.sampled_from([(kind, name) for kind in FIELDS for name in FIELDS[kind]]), st.text(max_size=40))
def test_what_a_field_reads_it_reads_again_as_the_same(field, typed):
    read = FIELDS[field[0]][field[1]].read

    assert read(read(typed)) == read(typed)


def test_a_hidden_entry_is_not_listed_until_it_is_shown_again(database, editor):
    fill(database, center("dana"), specialist("1003000126"))
    editor.hide("dana", "It has closed.", ANN)
    editor.hide("1003000126", "Has retired.", ANN)

    fill(database, center("dana", said("leukemia_program")), specialist("1003000126"))

    assert shown(database) is None
    assert shown(database, "1003000126", Layer.SPECIALISTS) is None
    assert history.history(database, "dana").hidden.reason == "It has closed."
    editor.show("dana", ANN)
    assert shown(database)
    assert value(database, "hidden") == []
    with pytest.raises(NotFound, match="not hidden"):
        editor.show("dana", ANN)


def test_a_pin_by_hand_stands_and_both_halves_are_withdrawn_together(database, editor):
    fill(database, center("dana", at=None))
    assert shown(database).point is None

    editor.place("dana", "42.3376", "-71.1082", "Their own map.", ANN)

    assert shown(database).point == GeoPoint(42.3376, -71.1082)
    pins = [one for one in history.history(database, "dana").fields if one.name == "latitude"]
    editor.withdraw(pins[0].standing.number, ANN)
    assert shown(database).point is None


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("", ""), ("42", ""), ("x", "y"), ("91", "-71"), ("42.3", "71.1"), ("nan", "-71")]
)
def test_a_pin_that_is_nowhere_in_the_country_is_refused(database, editor, latitude, longitude):
    fill(database, center("dana"))

    with pytest.raises(CannotEdit):
        editor.place("dana", latitude, longitude, "Their own map.", ANN)


def test_a_corrected_zip_takes_the_pin_along(database, editor):
    fill(database, center("dana"))

    editor.correct("dana", "zip", "01608", "They moved.", ANN)

    assert shown(database).point == WORCESTER.point
    assert shown(database).precision is Precision.ZIP


def hospital(key, ccn="", name="Dana Hospital", *facts):
    numbers = (Identifier(CCN_SYSTEM, ccn),) if ccn else ()
    return replace(center(key, *facts, name=name), identifiers=numbers)


def test_a_record_that_is_joined_speaks_on_the_other_page_and_later_imports_keep_to_that(database, editor):
    fill(database, center("dana"))
    fill(database, hospital("h1", "220071", "Another Name", said("phone", "617-555-0100")), source="b-list")
    assert shown(database, "ccn-220071")

    editor.merge("b-list", "h1", "dana", ANN)
    fill(database, hospital("h1", "220071", "Another Name", said("phone", "617-555-0199")), source="b-list")

    assert shown(database, "ccn-220071") is None
    assert value(database, "phone") == ["617-555-0199"]
    assert ("ann", "link", "dana", "b-list: h1") in audited(database)


def test_a_joined_record_is_parted_again_and_does_not_come_back(database, editor):
    fill(database, center("dana"))
    fill(database, hospital("h1", "220071", "Another Name"), source="b-list")
    before = listings(database)
    editor.merge("b-list", "h1", "dana", ANN)

    own = editor.split("b-list", "h1", ANN)

    assert own == "ccn-220071"
    assert listings(database) == before
    with database.reading() as connection:
        assert connection.scalars(select(LinkDecision.verdict)).all() == ["apart"]


def test_two_lists_that_share_a_number_can_be_parted(database, editor):
    fill(database, hospital("h1", "220071"))
    fill(database, hospital("k9", "220071"), source="b-list")
    assert record(database, "k9", "b-list").resource_id == "ccn-220071"

    own = editor.split("b-list", "k9", ANN)
    fill(database, source="b-list", delivery=Delivery("full", "Nothing"))
    fill(database, hospital("k9", "220071", "Renamed"), source="b-list")

    assert own != "ccn-220071"
    assert shown(database, own).name == "Renamed"


def test_a_joined_record_stays_joined_when_its_import_is_undone(database, editor):
    fill(database, center("dana"))
    fill(database, hospital("h1", "220071", "Another Name"), source="b-list")
    fill(database, hospital("h1", "220071", "Another Name", said("phone", "617-555-0100")), source="b-list")
    editor.merge("b-list", "h1", "dana", ANN)

    with database.alone():
        reverse = ingest.undo(database, record(database, "h1", "b-list").changed_run, "ann")
        ingest.apply(database, reverse, nowhere, terminology())

    assert record(database, "h1", "b-list").resource_id == "dana"
    assert value(database, "phone") == []
    assert shown(database, "ccn-220071") is None


def test_what_cannot_be_joined_or_parted_is_refused(database, editor):
    fill(database, center("dana"), specialist("1003000126"))

    for attempt in (
        lambda: editor.merge("a-list", "dana", "dana", ANN),
        lambda: editor.merge("a-list", "dana", "1003000126", ANN),
        lambda: editor.merge("a-list", "1003000126", "dana", ANN),
        lambda: editor.split("a-list", "dana", ANN),
        lambda: editor.split("a-list", "1003000126", ANN),
    ):
        with pytest.raises(CannotEdit):
            attempt()
    with pytest.raises(NotFound):
        editor.merge("a-list", "no-such-key", "dana", ANN)
    with pytest.raises(NotFound):
        editor.merge("a-list", "dana", "nobody", ANN)


def test_nothing_is_changed_while_an_import_is_at_work(database, editor, monkeypatch):
    fill(database, center("dana"))
    monkeypatch.setattr("finder.editing._PATIENCE_SECONDS", 0.1)

    with database.alone(), pytest.raises(ImportBusy):
        editor.hide("dana", "It has closed.", ANN)
    assert shown(database)


# The queue


def likely_twin():
    return replace(
        center("h1", name="dana"),
        identifiers=(),
        statements=center("h1", said("street", "9 Elm Street"), name="dana").statements,
    )


@pytest.fixture
def doubtful(database):
    """A center and a record of another list of the same name in the same city, which only a person can judge."""
    fill(database, center("dana", said("street", "1 Oak Street"), name="dana"))
    fill(database, likely_twin(), source="b-list")
    (line,) = reviews.queue(database, "duplicate")
    return line.number


def test_a_possible_duplicate_is_shown_side_by_side(database, doubtful):
    item = reviews.item(database, doubtful)

    streets = next(one for one in item.pairs if one.label == "Street")
    assert (streets.left, streets.right, streets.differs) == ("9 Elm Street", "1 Oak Street", True)
    assert not next(one for one in item.pairs if one.label == "Name").differs
    assert (item.layer, item.name) == (Layer.CENTERS, "dana")


def test_a_duplicate_that_is_the_same_is_joined(database, editor, doubtful):
    reviews.decide(editor, doubtful, "same", ANN)

    assert record(database, "h1", "b-list").resource_id == "dana"
    assert reviews.counts(database)["duplicate"] == 0
    with pytest.raises(NotFound, match="decided before"):
        reviews.decide(editor, doubtful, "apart", ANN)


def test_a_duplicate_that_is_not_the_same_is_not_asked_again(database, editor, doubtful):
    reviews.decide(editor, doubtful, "apart", ANN)
    fill(database, source="b-list", delivery=Delivery("full", "Nothing"))
    with database.transaction() as session:
        session.execute(SourceRecord.__table__.delete().where(SourceRecord.key == "h1"))

    fill(database, likely_twin(), source="b-list")

    assert record(database, "h1", "b-list").resource_id != "dana"
    assert reviews.counts(database)["duplicate"] == 0


def test_a_decision_outlives_the_import_that_asked_for_it(database, editor):
    fill(database, center("dana", said("street", "1 Oak Street"), name="dana"))
    fill(database, likely_twin(), source="b-list")
    (line,) = reviews.queue(database, "duplicate")
    reviews.decide(editor, line.number, "same", ANN)
    fill(database, source="b-list")

    fill(database, likely_twin(), source="b-list")

    assert record(database, "h1", "b-list").resource_id == "dana"
    assert reviews.counts(database)["duplicate"] == 0


def test_what_is_put_off_waits_at_the_end_of_the_queue(database, editor):
    fill(database, center("dana"))
    for words in ("first", "second"):
        reviews.report(database, "dana", reviews.draft("other", words))
    first, second = (one.number for one in reviews.queue(database, "report"))

    reviews.decide(editor, first, "later", ANN)

    assert [(one.number, one.later) for one in reviews.queue(database, "report")] == [(second, False), (first, True)]
    assert reviews.following(database, "report") == second
    assert reviews.counts(database)["report"] == 2


@pytest.mark.parametrize(("verdict", "phone"), [("keep", "617-555-0177"), ("take", "617-555-0188")])
def test_a_source_that_contradicts_a_correction_is_followed_or_not(database, editor, verdict, phone):
    fill(database, center("dana", said("phone", "617-555-0100")))
    editor.correct("dana", "phone", "617-555-0177", "We called.", ANN)
    fill(database, center("dana", said("phone", "617-555-0188")))
    (line,) = reviews.queue(database, "disagreement")
    assert "617-555-0188" in line.words

    reviews.decide(editor, line.number, verdict, ANN)

    assert value(database, "phone") == [phone]


def test_a_verdict_of_another_kind_is_refused(database, editor, doubtful):
    with pytest.raises(CannotEdit, match="same, apart, later"):
        reviews.decide(editor, doubtful, "fixed", ANN)


def test_listings_without_a_position_wait_for_a_pin(database, editor):
    fill(database, center("dana", at=None), center("st-jude"))

    assert [(one.resource_id, one.words) for one in reviews.queue(database, "unplaced")] == [("dana", "Boston, MA")]
    editor.place("dana", "42.3376", "-71.1082", "Their own map.", ANN)
    assert reviews.counts(database) == {"report": 0, "duplicate": 0, "disagreement": 0, "unplaced": 0}


# Reports


def test_a_report_says_on_the_page_that_it_is_checked_and_then_that_it_was(database, editor):
    fill(database, center("dana"))
    assert reviews.report_state(database, ["dana"]) == {}

    reviews.report(database, "dana", reviews.draft("phone", " The number\r\n\tis  wrong \x00"))
    (line,) = reviews.queue(database, "report")
    item = reviews.item(database, line.number)
    assert next(one.left for one in item.pairs if "words" in one.label) == "The number\nis wrong"
    assert reviews.report_state(database, ["dana", "x"]) == {
        "dana": reviews.ReportState(True, datetime.now(UTC).date())
    }

    reviews.decide(editor, line.number, "fixed", ANN)
    assert not reviews.report_state(database, ["dana"])["dana"].waiting


def test_what_a_visitor_wrote_is_deleted_when_it_is_decided(database, editor):
    fill(database, center("dana"))
    reviews.report(database, "dana", reviews.draft("phone", "My doctor Smith told me"))
    (line,) = reviews.queue(database, "report")

    reviews.decide(editor, line.number, "unconfirmed", ANN)

    with database.reading() as connection:
        assert json.loads(connection.scalar(select(Review.detail))) == {"wrong": "phone"}


@pytest.mark.parametrize(
    ("wrong", "words", "field"),
    [("", "x", "wrong"), ("health", "x", "wrong"), ("phone", "x" * 1001, "words"), ("other", " \n", "words")],
)
def test_a_report_that_says_nothing_or_too_much_is_refused(wrong, words, field):
    with pytest.raises(CannotReport) as refused:
        reviews.draft(wrong, words)

    assert refused.value.field == field


# History


def test_the_history_tells_who_says_what_where_it_stands_and_what_changed(database, editor):
    fill(database, replace(center("dana", said("phone", "617-555-0100")), file="list.csv", line=7))
    fill(database, replace(center("dana", said("phone", "617-555-0188")), file="list.csv", line=9))
    fill(
        database, hospital("h1", "220071", "Another Name", said("phone", "617-555-0144", as_of="2020")), source="b-list"
    )
    editor.merge("b-list", "h1", "dana", ANN)

    found = history.history(database, "dana")

    phones = next(one for one in found.fields if one.name == "phone")
    assert [(one.value, one.as_of, one.shown) for one in phones.said] == [
        ("617-555-0188", "2026-01", True), ("617-555-0144", "2020", True),
    ]  # fmt: skip
    assert [(one.source, one.file, one.line) for one in found.records] == [("a-list", "list.csv", 9), ("b-list", "", 0)]
    assert [one.action for one in found.changes] == ["new", "changed", "new"]
    (difference,) = found.changes[1].differences
    assert (difference.field, difference.before, difference.after) == ("phone", ("617-555-0100",), ("617-555-0188",))
    assert found.links == (("b-list", "h1", "link", "ann"),)
    assert found.listed


def test_what_left_every_list_still_has_a_history(database):
    fill(database, center("dana"))
    fill(database, delivery=Delivery("full", "Nothing"))

    found = history.history(database, "dana")

    assert (found.listed, found.records[0].ending) == (False, "gone")
    with pytest.raises(NotFound):
        history.history(database, "nobody")


def test_entries_are_found_by_id_number_key_and_name(database):
    fill(database, center("dana", name="Dána Center 100%"), specialist("1003000126", family="O'Brien"))
    fill(database, hospital("h1", "220071", "Mercy"), source="b-list")

    for text, wanted in (
        ("dana", "dana"), ("dana center", "dana"), ("1003000126", "1003000126"), ("obrien", "1003000126"),
        ("220071", "ccn-220071"), ("h1", "ccn-220071"),
    ):  # fmt: skip
        assert wanted in [one[1] for one in history.find(database, text)], text
    assert history.find(database, "%") == []
    assert history.find(database, "nobody at all") == []
