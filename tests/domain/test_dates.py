from datetime import date

import pytest

from finder.domain.dates import is_iso, is_stale, words

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("text", ["2024", "2024-10", "2024-02-29"])
def test_years_months_and_days_are_dates(text):
    assert is_iso(text)


@pytest.mark.parametrize("text", ["", "24", "2024-13", "2023-02-29", "2024-1-1", "c. 2020", "0000"])
def test_other_texts_are_not_dates(text):
    assert not is_iso(text)


@pytest.mark.parametrize(
    ("as_of", "said"),
    [("2024", "2024"), ("2024-10", "October 2024"), ("2024-10-05", "October 5, 2024"), ("", "undated")],
)
def test_dates_are_said_in_american_words(as_of, said):
    assert words(as_of) == said


@pytest.mark.parametrize("as_of", ["2023", "2024-10", "2024-11-23", ""])
def test_what_is_more_than_two_years_old_or_undated_is_stale(as_of):
    assert is_stale(as_of, TODAY)


@pytest.mark.parametrize("as_of", ["2024", "2024-12", "2024-11-24", "2026-11"])
def test_what_may_be_from_the_last_two_years_is_not_stale(as_of):
    assert not is_stale(as_of, TODAY)
