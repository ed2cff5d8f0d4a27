from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.accounts import Account, Role
from finder.db import Database
from finder.domain.entry import Delivery
from finder.domain.listing import Layer
from finder.editing import Editor
from finder.quality import AGES, PRECISIONS, age, current_version, figures
from tests.factories import center, fill, nowhere, said, specialist, terminology

TODAY = date(2026, 11, 24)
NPIS = [f"10030001{number}" for number in range(10, 40)]


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


def read(database):
    return figures(database, terminology(), TODAY)


def both(centers, specialists):
    return {Layer.CENTERS: centers, Layer.SPECIALISTS: specialists}


def test_an_empty_directory_has_figures_too(database):
    found = read(database)

    assert found.total == both(0, 0)
    assert (found.sources, found.states, found.growth, found.alarms) == ({}, {}, {}, [])
    assert set(found.ages) == set(AGES)
    assert set(found.precisions) == set(PRECISIONS)


def test_listings_are_counted_by_source_state_precision_and_missing_phone(database):
    fill(database, center("dana", said("phone", "617-555-0100")), center("st-jude", at=None), source="one")
    fill(database, specialist(NPIS[0]), specialist(NPIS[1]), source="two")
    fill(database, specialist(NPIS[0]), source="three")

    found = read(database)

    assert found.total == both(2, 2)
    assert found.sources == {"one": both(2, 0), "two": both(0, 2), "three": both(0, 1)}
    assert found.states == {"MA": both(2, 2)}
    assert {name: one for name, one in found.precisions.items() if any(one.values())} == {
        "address": both(1, 0), "zip": both(0, 2), "": both(1, 0),
    }  # fmt: skip
    assert found.without_phone == both(1, 2)


def test_a_record_that_has_ended_gives_its_source_no_listing(database):
    fill(database, specialist(NPIS[0]), source="one")
    fill(database, specialist(NPIS[0]), source="two")
    fill(database, source="two", delivery=Delivery("full", "Nothing"))

    assert read(database).sources == {"one": both(0, 1)}


def dated(slug, as_of):
    entry = center(slug)
    return replace(entry, statements=tuple(replace(one, as_of=as_of) for one in entry.statements))


def test_a_listing_is_as_new_as_its_newest_fact(database):
    fresh = dated("fresh", "2019")
    fill(
        database,
        replace(fresh, statements=(*fresh.statements, said("phone", "617-555-0100", as_of="2026-11-01"))),
        dated("year", "2026-02"), dated("older", "2024"), dated("undated", ""),
    )  # fmt: skip

    assert {name: one[Layer.CENTERS] for name, one in read(database).ages.items()} == dict.fromkeys(AGES, 1)


@pytest.mark.parametrize(
    ("as_of", "wanted"),
    [
        ("2026-11-24", "quarter"), ("2026", "quarter"), ("2026-08-27", "quarter"), ("2026-08-26", "year"),
        ("2026-08", "quarter"), ("2026-07", "year"), ("2025-11-25", "year"), ("2025-11-24", "older"),
        ("2025", "year"), ("2024-12", "older"), ("", "undated"), ("2026-02-30", "undated"), ("9999", "quarter"),
    ],
)  # fmt: skip
def test_a_year_or_month_counts_as_its_last_day(as_of, wanted):
    assert age(as_of, TODAY) == wanted


@given(st.dates(date(2000, 1, 1), TODAY))
def test_a_newer_date_is_never_of_an_older_age(day):
    order = list(AGES)

    assert order.index(age(day.isoformat(), TODAY)) >= order.index(age((day + timedelta(days=1)).isoformat(), TODAY))
    assert order.index(age(f"{day:%Y-%m}", TODAY)) <= order.index(age(day.isoformat(), TODAY))


def test_growth_counts_back_from_what_is_live_now(database):
    fill(database, *map(specialist, NPIS[:4]))
    fill(database, *map(specialist, NPIS[:6]))
    fill(database, *map(specialist, NPIS[1:6]))

    runs = read(database).growth["a-list"]

    assert [(one.came, one.went, one.live) for one in runs] == [(4, 0, 4), (2, 0, 6), (0, 1, 5)]


def alarms(database):
    return [one.words for one in read(database).alarms]


def test_a_first_import_and_one_like_the_last_alarm_nobody(database):
    fill(database, *map(specialist, NPIS))
    assert alarms(database) == []

    fill(database, *map(specialist, NPIS[1:]))
    assert alarms(database) == []


def test_a_source_that_shrank_by_more_than_a_twentieth_alarms(database):
    fill(database, *map(specialist, NPIS))
    fill(database, *map(specialist, NPIS[2:]))

    assert alarms(database) == ["It shrank by 6.7 %, from 30 to 28 records."]

    fill(database, *map(specialist, NPIS[2:]), specialist("1003000399"))
    assert alarms(database) == []


def test_specialty_codes_that_come_or_go_alarm(database):
    fill(database, *map(specialist, NPIS[:3]), specialist(NPIS[3], "207RH0003X", "2080P0207X"))
    fill(database, *map(specialist, NPIS[:3]), specialist(NPIS[3], "207RH0003X", "207RX9999X"))

    came, went = alarms(database)

    assert came == "Specialty codes that no record had before: 207RX9999X (not known here)."
    assert went.startswith("Specialty codes that are gone: 2080P0207X (")


def test_a_code_that_others_still_have_alarms_nobody(database):
    fill(database, specialist(NPIS[0], "207RH0003X", "2080P0207X"), specialist(NPIS[1], "2080P0207X"))
    fill(database, specialist(NPIS[0], "207RH0003X"), specialist(NPIS[1], "2080P0207X"))

    assert alarms(database) == []


def test_figures_are_of_one_state_of_the_directory(database):
    fill(database, center("dana"))
    before = read(database)
    editor = Editor(database, nowhere, terminology())

    editor.hide("dana", "It has closed.", Account("ann", Role.EDITOR))

    assert current_version(database) != before.version
    assert read(database).total == both(0, 0)
